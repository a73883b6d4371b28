"""The durable record of what came in: `open_writer` and `open_reader` give the engine that EVENT_LOG_URL names."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from workspaces.event_log import postgresql, sqlite
from workspaces.event_log.base import EventLogReader, EventLogWriter

__all__ = ["open_reader", "open_writer"]


def open_writer() -> EventLogWriter:
    """Give this process its way into the log. Cheap: the partition is leased with the first entry."""
    return postgresql.Writer() if _in_postgresql() else sqlite.Writer(settings.EVENT_LOG_DIR)


def open_reader() -> EventLogReader:
    """Give a consumer its way out of the log. Not for use by several threads at once."""
    return postgresql.Reader() if _in_postgresql() else sqlite.Reader(settings.EVENT_LOG_DIR)


def _in_postgresql() -> bool:
    """Whether the log lives in PostgreSQL tables; otherwise in SQLite files beside the database."""
    if settings.EVENT_LOG_URL != "database":
        raise ImproperlyConfigured("EVENT_LOG_URL must be `database`; no other engine is built in.")
    return connection.vendor == "postgresql"
