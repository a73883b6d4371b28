"""What analytics.js fetches before it starts (`cdnURL`), so that it sends events here with no further options."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import close_old_connections

Finder = Callable[[uuid.UUID], list[dict[str, Any]]]
"""A source's id to the plugins that browsers load for it, each as analytics.js's `remotePlugins` lists it."""

_finders: list[Finder] = []


def register(finder: Finder) -> None:
    """Let `finder` be asked. Called once, when its app is ready: this one knows no destinations."""
    if finder not in _finders:
        _finders.append(finder)


def plugins_of(source_id: uuid.UUID) -> list[dict[str, Any]]:
    """What browsers load besides; raises django.db.Error. For threads that no Django request looks after."""
    close_old_connections()
    try:
        return [plugin for finder in _finders for plugin in finder(source_id)]
    finally:
        close_old_connections()


def browser_settings(write_key: str, plugins: list[dict[str, Any]]) -> dict[str, Any]:
    """The settings document for a source: all events go to this server's /v1, none is held back."""
    site = urlsplit(settings.SITE_URL)
    here = {"apiKey": write_key, "apiHost": f"{site.netloc}{site.path}/v1", "protocol": site.scheme}
    return {
        "integrations": {"Segment.io": here},
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
        "metrics": {"sampleRate": 0},
        **({"remotePlugins": plugins} if plugins else {}),
    }
