"""Device-mode destinations: what analytics.js is told of them when a page loads. Nothing is sent from here."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from destinations.catalog.browser_plugin import BrowserPlugin, remote_plugin
from destinations.models import Destination
from destinations.settings_store import open_settings
from workspaces.sealing import SealError

logger = logging.getLogger(__name__)


def plugins_of(source_id: uuid.UUID) -> list[dict[str, Any]]:
    """The plugins of a source's enabled device-mode destinations, by name; one whose settings do not open is left out.

    Called at ingest: raises django.db.Error and nothing else.
    """
    enabled = Destination.objects.filter(source_id=source_id, kind=BrowserPlugin.entry.slug, enabled=True)
    found = []
    for destination in enabled.only("id", "name", "sealed_settings").order_by("name"):
        try:
            settings = open_settings(destination.sealed_settings, owner_id=destination.pk)
        except SealError:
            logger.exception("the settings of destination %s do not open; browsers do not load it", destination.pk)
            continue
        found.append(remote_plugin(BrowserPlugin.entry.name, destination.name, settings))
    return found
