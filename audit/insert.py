"""Rows added past the ORM: each audited page waits for one, and the ORM would take longer than the database."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

from django.db import connection, models, transaction


def insert(row: models.Model, *, last: bool = False) -> None:
    """Add the row in the transaction in progress, which cannot commit any more where this fails.

    Outside of one the statement is a transaction of its own. Raises what the ORM would: IntegrityError, DataError and
    the like. `last` says that nothing follows in the transaction: PostgreSQL is told to commit in the same message,
    which spares a page one of two waits, and whoever opened the transaction finds it committed.
    """
    fields = row._meta.concrete_fields
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]
    names = tuple(field.attname for field in fields)
    with transaction.mark_for_rollback_on_error(), connection.cursor() as cursor:
        commit = "; COMMIT" if last and _may_commit() else ""
        cursor.execute(_statement(type(row), names, connection.vendor) + commit, values)
    row._state.adding = False
    row._state.db = connection.alias


def _may_commit() -> bool:
    """Whether the transaction is PostgreSQL's outermost and a message may hold two statements.

    One that is to be rolled back takes no statement at all (Django).
    """
    bound_by_server = connection.settings_dict["OPTIONS"].get("server_side_binding")
    return connection.vendor == "postgresql" and len(connection.atomic_blocks) == 1 and not bound_by_server


def insert_many(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Add rows of the fields `names` in the transaction in progress, which cannot commit any more where this fails.

    PostgreSQL takes them by COPY; its defaults fill in the fields that are left out, as an id that counts up.
    """
    fields = _fields(model, names)
    values = ([f.get_db_prep_save(v, connection) for f, v in zip(fields, row, strict=True)] for row in rows)
    with transaction.mark_for_rollback_on_error(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.executemany(_statement(model, tuple(names), connection.vendor), list(values))
            return
        with cursor.copy(f"COPY {_target(model, names)} FROM STDIN") as copy:
            for row in values:
                copy.write_row(row)


@functools.cache  # by vendor as well: names are quoted its way
def _statement(model: type[models.Model], names: tuple[str, ...], vendor: str) -> str:
    marks = ", ".join(["%s"] * len(names))
    return f"INSERT INTO {_target(model, names)} VALUES ({marks})"  # noqa: S608  (names of ours)


def _target(model: type[models.Model], names: Sequence[str]) -> str:
    quoted = connection.ops.quote_name
    columns = ", ".join(quoted(str(field.column)) for field in _fields(model, names))
    return f"{quoted(model._meta.db_table)} ({columns})"


def _fields(model: type[models.Model], names: Sequence[str]) -> list[models.Field[object, object]]:
    known = {field.attname: field for field in model._meta.concrete_fields}
    return [known[name] for name in names]
