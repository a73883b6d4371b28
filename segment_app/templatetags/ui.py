"""Template tags every page may use."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from segment_app.charts import HEIGHT, WIDTH, bar_chart
from workspaces import catalog
from workspaces.models import User

register = template.Library()

AVATAR_COLOURS = 6


@register.simple_tag
def time_ago(moment: datetime | None) -> SafeString | str:
    """A `<time>` that reads "3 minutes ago" and says the exact UTC time on hover; "never" for None."""
    if moment is None:
        return "never"
    utc = timezone.localtime(moment, timezone.get_fixed_timezone(0))
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>', utc.isoformat(), f"{utc:%Y-%m-%d %H:%M:%S}", _ago(utc)
    )


def _ago(moment: datetime) -> str:
    if timezone.now() - moment < timedelta(minutes=1):
        return "just now"
    return f"{timesince(moment, depth=1)} ago"


@register.filter
def in_minutes(duration: timedelta) -> int:
    """Whole minutes, rounded up, at least one."""
    return max(1, -(-int(duration.total_seconds()) // 60))


@register.filter
def source_kind(slug: str) -> catalog.SourceKind:
    """The catalog entry of a source's kind: name, category, icon."""
    return catalog.kind_of(slug)


@register.simple_tag
def avatar(user: User) -> SafeString:
    """Initials in a round patch whose colour follows from the person's id."""
    words = user.get_short_name().split("@")[0].replace(".", " ").split() or ["?"]
    initials = (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()
    colour = zlib.crc32(str(user.pk).encode()) % AVATAR_COLOURS
    return format_html('<span class="avatar avatar--{}" aria-hidden="true">{}</span>', colour, initials)


@register.inclusion_tag("components/tab.html", takes_context=True)
def tab(context: template.RequestContext, label: str, url: str) -> dict[str, Any]:
    """One header tab or pill; the current one is the page's own path (and query, where `url` has one)."""
    request = context["request"]
    here = request.get_full_path() if "?" in url else request.path
    return {"label": label, "url": url, "current": here == url.split("#", maxsplit=1)[0]}


@register.inclusion_tag("components/bars.html")
def bars(series: Sequence[tuple[str, int]], label: str) -> dict[str, Any]:
    """A bar chart of (label, count) pairs named `label`, with the same numbers as a table for screen readers."""
    return {"chart": bar_chart(series), "label": label, "width": WIDTH, "height": HEIGHT}
