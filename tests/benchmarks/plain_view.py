"""What single-event ingest is measured against: a Django view that stores nothing, with the product's own middleware.

The view reads the write key of the Authorization header, parses the body and answers as the Tracking API does.
"""

from __future__ import annotations

import base64
import json
import os

from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "segment_app.settings")


@csrf_exempt
def take(request: HttpRequest) -> HttpResponse:
    """Parse and forget."""
    key = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode().partition(":")[0]
    event = json.loads(request.body)
    return JsonResponse({"success": bool(key and event["userId"])})


urlpatterns = [path("plain", take)]


def application(environ, start_response):  # type: ignore[no-untyped-def]
    """Django with this module's one route."""
    return _django(environ, start_response)


_django = get_wsgi_application()

from django.conf import settings

settings.ROOT_URLCONF = __name__
