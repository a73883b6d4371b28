"""What a database file still holds of rows that are gone."""

from __future__ import annotations

from django.db import connection

PATIENCE_MS = 100  # events wait meanwhile


def wipe_traces() -> bool:
    """Empty SQLite's write-ahead log, which holds rows as they were before; False while somebody still reads in it.

    Freed pages of the file itself are overwritten as they are freed (secure_delete). PostgreSQL's vacuum does the same.
    """
    if connection.vendor != "sqlite":
        return True
    with connection.cursor() as cursor:
        before = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        try:
            is_busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {before}")
    return not is_busy
