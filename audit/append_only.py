"""Makes the database itself refuse to change or remove audit rows, whoever asks (45 CFR 164.312(b) and (c)(1)).

One exception: a row whose time is over (six calendar years and a day, 45 CFR 164.316(b)(2)(i)), in a place that a
tombstone covers, of a workspace that is not on legal hold. Whether the tombstone is signed is for verify_audit to say.

Installed by migration 0002. An operator with the rights to drop a trigger can still do so; nobody can by accident.
"""

from collections.abc import Callable

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

ROWS = "audit_auditrow"
TABLES = (
    ROWS,
    "audit_auditleaf",
    "audit_auditsubtree",
    "audit_auditcheckpoint",
    "audit_audittombstone",
    "audit_auditretention",
)
_REFUSAL = "SELECT RAISE(ABORT, 'audit rows are only ever added')"


_COVERED = """EXISTS (
    SELECT 1 FROM audit_auditleaf leaf WHERE leaf.row_id = OLD.id AND leaf.workspace_id = OLD.workspace_id AND
    leaf."index" < (SELECT max("end") FROM audit_audittombstone stone WHERE stone.workspace_id = leaf.workspace_id))"""
_HELD = """EXISTS (
    SELECT 1 FROM audit_auditretention kept WHERE kept.held AND OLD.workspace_id IN ('', kept.workspace_id) AND
    NOT EXISTS (SELECT 1 FROM audit_auditretention newer
                WHERE newer.workspace_id = kept.workspace_id AND newer.id > kept.id))"""
# A row of the 29th of February is never taken early: the day comes off before the years do.
_OLD_ON_SQLITE = "OLD.timestamp < strftime('%Y-%m-%d %H:%M:%S', 'now', '-1 day', '-6 years')"
_OLD_ON_POSTGRESQL = (
    "OLD.timestamp AT TIME ZONE 'UTC' < now() AT TIME ZONE 'UTC' - interval '1 day' - interval '6 years'"
)


def _sqlite(table: str) -> list[str]:
    # SQLite replaces a row on conflict (INSERT OR REPLACE) without firing the delete trigger, so inserts are checked.
    taken = f"SELECT 1 FROM {table} WHERE {_TAKEN.get(table, 'id = NEW.id')} OR rowid = NEW.rowid"  # noqa: S608  (our own names)
    unless = f"WHEN NOT ({_OLD_ON_SQLITE} AND NOT {_HELD} AND {_COVERED}) " if table == ROWS else ""
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN {_REFUSAL}; END",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {unless}BEGIN {_REFUSAL}; END",
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS ({taken}) BEGIN {_REFUSAL}; END",
    ]


# By what an insert could replace a row: every unique column counts.
_TAKEN = {
    "audit_auditleaf": 'row_id = NEW.row_id OR (workspace_id = NEW.workspace_id AND "index" = NEW."index")',
    "audit_auditsubtree": 'workspace_id = NEW.workspace_id AND level = NEW.level AND "index" = NEW."index"',
    "audit_audittombstone": 'id = NEW.id OR (workspace_id = NEW.workspace_id AND "end" = NEW."end")',
}


def _sqlite_removal(table: str) -> list[str]:
    return [f"DROP TRIGGER IF EXISTS {table}_{each}" for each in ("no_update", "no_delete", "no_replace")]


_FUNCTIONS = (
    """CREATE OR REPLACE FUNCTION audit_row_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       RAISE EXCEPTION 'audit rows are only ever added' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    f"""CREATE OR REPLACE FUNCTION audit_row_refuse_deletion() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF {_OLD_ON_POSTGRESQL} AND NOT {_HELD} AND {_COVERED} THEN RETURN OLD; END IF;
       RAISE EXCEPTION 'audit rows are only ever added' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
)


def _postgresql(table: str) -> list[str]:
    triggers = {
        "only_added": "BEFORE UPDATE OR DELETE OR TRUNCATE {0} FOR EACH STATEMENT EXECUTE FUNCTION audit_row_refuse()"
    }
    if table == ROWS:  # what is asked of each row holds in its partitions by itself
        triggers = {
            "only_added": "BEFORE TRUNCATE {0} FOR EACH STATEMENT EXECUTE FUNCTION audit_row_refuse()",
            "changed": "BEFORE UPDATE {0} FOR EACH ROW EXECUTE FUNCTION audit_row_refuse()",
            "kept": "BEFORE DELETE {0} FOR EACH ROW EXECUTE FUNCTION audit_row_refuse_deletion()",
        }
    return [statement for name, when in triggers.items() for statement in _always(table, name, when)]


def _always(table: str, name: str, when: str) -> list[str]:
    """Logical replication and pg_restore switch ordinary triggers off; these stay on."""
    return [
        f"CREATE TRIGGER {table}_{name} {when.format(f'ON {table}')}",
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name}",
    ]


def partition_triggers(partition: str) -> list[str]:
    """What a partition of ROWS needs of its own: TRUNCATE asks no row, the table's own trigger only the whole."""
    when = "BEFORE TRUNCATE {0} FOR EACH STATEMENT EXECUTE FUNCTION audit_row_refuse()"
    return _always(partition, "only_added", when)


def partitions_of(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of the partitions of ROWS, in alphabetical order; none on SQLite."""
    if connection.vendor != "postgresql":
        return []
    names = "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = to_regclass(%s)"
    with connection.cursor() as cursor:
        cursor.execute(names, [ROWS])
        return sorted(row[0] for row in cursor.fetchall())


def _postgresql_removal(table: str) -> list[str]:
    names = ("only_added", "changed", "kept") if table == ROWS else ("only_added",)
    return [f"DROP TRIGGER IF EXISTS {table}_{each} ON {table}" for each in names]


def install(editor: BaseDatabaseSchemaEditor) -> None:
    """Put the triggers of the connected database in place."""
    if editor.connection.vendor == "postgresql":
        for function in _FUNCTIONS:
            editor.execute(function)
    _run(editor, {"sqlite": _sqlite, "postgresql": _postgresql})
    for partition in partitions_of(editor.connection):
        for statement in partition_triggers(partition):
            editor.execute(statement)


def remove(editor: BaseDatabaseSchemaEditor) -> None:
    """Take the triggers away: for undoing the migration, and for tests that empty their database."""
    for partition in partitions_of(editor.connection):
        editor.execute(f"DROP TRIGGER IF EXISTS {partition}_only_added ON {partition}")
    _run(editor, {"sqlite": _sqlite_removal, "postgresql": _postgresql_removal})
    if editor.connection.vendor == "postgresql":
        for name in ("audit_row_refuse", "audit_row_refuse_deletion"):
            editor.execute(f"DROP FUNCTION IF EXISTS {name}()")


def _run(editor: BaseDatabaseSchemaEditor, statements: dict[str, Callable[[str], list[str]]]) -> None:
    for table in TABLES:
        for statement in statements[editor.connection.vendor](table):
            editor.execute(statement)
