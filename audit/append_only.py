"""Makes the database itself refuse to change or remove audit rows, whoever asks (45 CFR 164.312(b) and (c)(1)).

Installed by migration 0002. An operator with the rights to drop a trigger can still do so; nobody can by accident.
"""

from collections.abc import Sequence

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# SQLite replaces a row on conflict (INSERT OR REPLACE) without firing the delete trigger, so inserts are checked too.
_SQLITE = [
    """CREATE TRIGGER audit_row_no_update BEFORE UPDATE ON audit_auditrow
       BEGIN SELECT RAISE(ABORT, 'audit rows are only ever added'); END""",
    """CREATE TRIGGER audit_row_no_delete BEFORE DELETE ON audit_auditrow
       BEGIN SELECT RAISE(ABORT, 'audit rows are only ever added'); END""",
    """CREATE TRIGGER audit_row_no_replace BEFORE INSERT ON audit_auditrow
       WHEN EXISTS (SELECT 1 FROM audit_auditrow WHERE id = NEW.id OR rowid = NEW.rowid)
       BEGIN SELECT RAISE(ABORT, 'audit rows are only ever added'); END""",
]
_SQLITE_REMOVAL = [
    "DROP TRIGGER IF EXISTS audit_row_no_update",
    "DROP TRIGGER IF EXISTS audit_row_no_delete",
    "DROP TRIGGER IF EXISTS audit_row_no_replace",
]
_POSTGRESQL = [
    """CREATE OR REPLACE FUNCTION audit_row_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       RAISE EXCEPTION 'audit rows are only ever added' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    (
        "CREATE TRIGGER audit_row_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_auditrow"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_row_refuse()"
    ),
    # Logical replication and pg_restore switch ordinary triggers off; this one stays on.
    "ALTER TABLE audit_auditrow ENABLE ALWAYS TRIGGER audit_row_only_added",
]
_POSTGRESQL_REMOVAL = [
    "DROP TRIGGER IF EXISTS audit_row_only_added ON audit_auditrow",
    "DROP FUNCTION IF EXISTS audit_row_refuse()",
]


def install(editor: BaseDatabaseSchemaEditor) -> None:
    """Put the triggers of the connected database in place."""
    _run(editor, {"sqlite": _SQLITE, "postgresql": _POSTGRESQL})


def remove(editor: BaseDatabaseSchemaEditor) -> None:
    """Take the triggers away: for undoing the migration, and for tests that empty their database."""
    _run(editor, {"sqlite": _SQLITE_REMOVAL, "postgresql": _POSTGRESQL_REMOVAL})


def _run(editor: BaseDatabaseSchemaEditor, statements: dict[str, Sequence[str]]) -> None:
    for statement in statements[editor.connection.vendor]:
        editor.execute(statement)
