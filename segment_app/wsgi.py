"""What the server calls: the Tracking API in front, Django behind it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "segment_app.settings")
application = get_wsgi_application()
