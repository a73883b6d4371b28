"""What the server calls: the Tracking API in front, Django behind it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "segment_app.settings")
# Somebody waits for the answer: a clear 503 within seconds is worth more to them than a page after half a minute.
os.environ.setdefault("DATABASE_LOCK_SECONDS", "5")
_django = get_wsgi_application()

from workspaces.tracking.api import TrackingApi, is_tracking_path  # noqa: E402  (Django is set up now)

_tracking = TrackingApi()


def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request."""
    if is_tracking_path(environ["PATH_INFO"]):
        return _tracking(environ, start_response)
    return _django(environ, start_response)
