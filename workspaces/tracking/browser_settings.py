"""What analytics.js fetches before it starts (`cdnURL`), so that it sends events here with no further options."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings


def browser_settings(write_key: str) -> dict[str, Any]:
    """The settings document for a source: all events go to this server's /v1, none is held back."""
    site = urlsplit(settings.SITE_URL)
    here = {"apiKey": write_key, "apiHost": f"{site.netloc}{site.path}/v1", "protocol": site.scheme}
    return {
        "integrations": {"Segment.io": here},
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
        "metrics": {"sampleRate": 0},
    }
