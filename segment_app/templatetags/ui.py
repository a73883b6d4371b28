"""Template tags every page may use."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from lucide.templatetags import lucide as icons

from destinations.catalog.base import CatalogEntry
from destinations.catalog.registry import CONNECTORS
from privacy.explained import Coloured, Named
from segment_app.charts import HEIGHT, WIDTH, bar_chart, sparkline_points, stacked_chart
from workspaces import catalog
from workspaces.access import Right
from workspaces.models import User

register = template.Library()

AVATAR_COLOURS = 6


@register.simple_tag
def lucide(name: str, *, size: int | None = 24, **attributes: object) -> SafeString:
    """The library's own tag, each icon drawn once: lists show hundreds, and drawing took most of a page's time."""
    return _icon(name, size, tuple(sorted((key, str(value)) for key, value in attributes.items())))


@functools.lru_cache(maxsize=1024)
def _icon(name: str, size: int | None, attributes: tuple[tuple[str, str], ...]) -> SafeString:
    return cast(SafeString, icons.lucide(name, size=size, **dict(attributes)))


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


@register.filter
def destination_kind(slug: str) -> CatalogEntry:
    """The catalog entry of a destination's kind: name, category, icon. A kind that is gone looks like any."""
    found = CONNECTORS.get(slug)
    return found.entry if found else CatalogEntry(slug, slug, "Other", "", "send")


@register.simple_tag
def avatar(user: User) -> SafeString:
    """Initials in a round patch whose colour follows from the person's id."""
    words = user.get_short_name().split("@")[0].replace(".", " ").split() or ["?"]
    initials = (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()
    colour = zlib.crc32(str(user.pk).encode()) % AVATAR_COLOURS
    return format_html('<span class="avatar avatar--{}" aria-hidden="true">{}</span>', colour, initials)


@register.inclusion_tag("components/tab.html", takes_context=True)
def tab(context: template.RequestContext, label: str, url: str, *, with_pages_below: bool = False) -> dict[str, Any]:
    """One header tab or pill; the current one is the page's own path (and query, where `url` has one)."""
    request = context["request"]
    here = request.get_full_path() if "?" in url else request.path
    below = with_pages_below and here.startswith(f"{url}/")
    return {"label": label, "url": url, "current": below or here == url.split("#", maxsplit=1)[0]}


@register.simple_tag(takes_context=True)
def explained(context: template.RequestContext, field: Named | Coloured) -> SafeString | str:
    """A field's name, which leads to why it has its colour for those who may know."""
    if field.id is None or Right.CLASSIFY_FIELDS.name not in context["rights"]:
        return field.name
    url = reverse("privacy_explain_field", args=[context["workspace"].slug, field.id])
    return format_html('<a href="{}" title="Explain the colour of this field">{}</a>', url, field.name)


@register.inclusion_tag("components/bars.html")
def bars(series: Sequence[tuple[str, int]], label: str, *, summed: bool = True) -> dict[str, Any]:
    """A bar chart of (label, count) pairs named `label`, with the same numbers as a table for screen readers.

    Numbers that cannot be added up, such as durations, are not `summed`.
    """
    return {"chart": bar_chart(series), "label": label, "summed": summed, "width": WIDTH, "height": HEIGHT}


@register.inclusion_tag("components/stacked_bars.html")
def stacked_bars(labels: Sequence[str], series: Sequence[Any], label: str, *, line: bool = False) -> dict[str, Any]:
    """Bars named `labels`, stacked from `series`: anything with a `source` (its name is shown) and `counts`.

    `line`: with one over them, from total to total.
    """
    chart = stacked_chart(labels, [(str(each.source), each.counts) for each in series])
    return {"chart": chart, "label": label, "line": line, "width": WIDTH, "height": HEIGHT}


@register.inclusion_tag("components/sparkline.html")
def sparkline(values: Sequence[int]) -> dict[str, Any]:
    """A small line through the values, for whoever sees it; the page says the numbers beside it."""
    width, height = 200, 32
    return {"points": sparkline_points(values, width=width, height=height), "width": width, "height": height}
