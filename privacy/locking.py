"""Taking many rows at once without ever waiting in a circle: everybody takes them in the order of their ids."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import connection, models

AT_ONCE = 500


def lock_in_order(model: type[models.Model], ids: Iterable[uuid.UUID]) -> None:
    """Take these rows until the caller's transaction ends, so that it may change them in any order and in any parts.

    Rows that are gone are left out. SQLite lets one transaction write at a time: nothing is asked there.
    """
    if not connection.features.has_select_for_update:
        return
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), AT_ONCE):
        rows = model._default_manager.filter(pk__in=wanted[start : start + AT_ONCE]).order_by("pk")
        list(rows.select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))
