"""What cannot be recorded does not happen: a broken table, a full disk and a locked database, on real servers."""

from __future__ import annotations

import contextlib
import http.client
import os
import pwd
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from django.test import Client
from psycopg import sql

from audit.models import AuditCheckpoint, AuditRow
from tests.servers import Server, database_url, run_server
from workspaces.models import Source, User, Workspace

pytestmark = pytest.mark.django_db(transaction=True)
LOG = "/acme-health/settings/audit-log"
SECRET = "Clinic of Dr Canary"  # a name that no answer may show
SAID = "Nothing was shown and nothing was changed"
SOURCE = "/acme-health/sources/canary/overview"
TOKEN = "x" * 32
LONG = {"User-Agent": "x" * 300}  # fills the disk sooner


@dataclass(frozen=True)
class Visitor:
    """A browser of Alice's at a server of its own."""

    server: Server
    session: str

    def ask(self, path: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, str]:
        """Status and text of an answer, files whole; posts where there is a form."""
        to = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        cookies = f"{settings.SESSION_COOKIE_NAME}={self.session}; {settings.CSRF_COOKIE_NAME}={TOKEN}"
        headers |= {"Cookie": cookies, "X-CSRFToken": TOKEN}
        body = None if form is None else urlencode(form)
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        with contextlib.closing(to):
            to.request("GET" if form is None else "POST", path, body, headers)
            answer = to.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")


@pytest.fixture
def visitor(alice: User, tmp_path: Path) -> Iterator[Visitor]:
    client = Client()
    client.force_login(alice)
    with run_server(tmp_path, environment={"DATABASE_LOCK_SECONDS": "1"}) as server:
        yield Visitor(server, client.cookies[settings.SESSION_COOKIE_NAME].value)


@pytest.fixture
def secret(workspace: Workspace) -> Source:
    return Source.objects.create(workspace=workspace, name=SECRET, slug="canary", kind="http-api")


def reads(row: AuditRow) -> list[str]:
    """A page, a fragment, files and streams, and what is made on the spot."""
    files = [f"{LOG}.csv", f"{LOG}.ndjson", f"{LOG}-evidence.zip", "/acme-health/settings/access-management/users.csv"]
    return [
        "/acme-health/sources/canary/overview",
        LOG,
        f"{LOG}/rows/{row.pk}",
        *files,
        f"{LOG}/rows/{row.pk}/proof.json",
    ]


def told(workspace: Workspace) -> AuditRow:
    return AuditRow.objects.create(workspace_id=str(workspace.pk), event_type="Source Viewed", object_label=SECRET)


def assert_nothing_happens(visitor: Visitor, row: AuditRow, workspace: Workspace) -> None:
    for path in reads(row):
        status, text = visitor.ask(path)
        assert (path, status, SAID in text, SECRET in text) == (path, 503, True, False)
    status, text = visitor.ask(f"{LOG}/rows/{row.pk}", **{"HX-Request": "true"})
    assert (status, SECRET in text) == (503, False)
    status, text = visitor.ask("/acme-health/settings/basic", {"name": "Changed", "slug": "acme-health"})
    assert (status, SAID in text) == (503, True)
    workspace.refresh_from_db()
    assert workspace.name == "Acme Health"


def assert_all_is_well(visitor: Visitor, row: AuditRow, workspace: Workspace) -> None:
    for path in reads(row):
        before = AuditRow.objects.count()
        assert (path, visitor.ask(path)[0], AuditRow.objects.count() - before) == (path, 200, 1)
    assert visitor.ask("/acme-health/settings/basic", {"name": "Changed", "slug": "acme-health"})[0] == 302
    workspace.refresh_from_db()
    assert workspace.name == "Changed"


def test_a_broken_table(visitor: Visitor, workspace: Workspace, secret: Source) -> None:
    row = told(workspace)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditrow RENAME TO gone")
        try:
            assert_nothing_happens(visitor, row, workspace)
        finally:
            cursor.execute("ALTER TABLE gone RENAME TO audit_auditrow")
    assert not AuditCheckpoint.objects.exists()
    assert_all_is_well(visitor, row, workspace)


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Somebody else writes and does not end; readers are let through, as both databases do."""
    if connection.vendor == "postgresql":
        with psycopg.connect(database_url()) as other:
            other.execute("LOCK TABLE audit_auditrow IN EXCLUSIVE MODE")
            yield
            other.rollback()
        return
    with contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"])) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


def test_a_locked_database(visitor: Visitor, workspace: Workspace, secret: Source) -> None:
    """The answers come while the lock is held: no wait is longer than DATABASE_LOCK_SECONDS."""
    row = told(workspace)
    before = AuditRow.objects.count()
    with locked():
        assert_nothing_happens(visitor, row, workspace)
    assert (AuditRow.objects.count(), AuditCheckpoint.objects.exists()) == (before, False)
    assert_all_is_well(visitor, row, workspace)


def test_web_servers_wait_five_seconds_for_a_lock() -> None:
    show = "import segment_app.wsgi; from django.conf import settings; print(settings.DATABASES['default']['OPTIONS'])"
    for url, expected in (("sqlite:///x.sqlite3", "'timeout': 5.0"), ("postgres://a@b/c", "-c lock_timeout=5000")):
        environment = {**os.environ, "DATABASE_URL": url, "DATA_DIR": str(settings.DATA_DIR)}
        environment |= {"DJANGO_SETTINGS_MODULE": "segment_app.settings"}
        environment.pop("DATABASE_LOCK_SECONDS", None)
        command = [sys.executable, "-c", show]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert expected in done.stdout


@pytest.fixture
def full_sqlite() -> Iterator[None]:
    """The file may not grow by a page, and what is free in it is used up."""
    if connection.vendor != "sqlite":
        pytest.skip("SQLite")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE filler (content BLOB)")
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")
        for size in (3000, 300, 10):
            with contextlib.suppress(DatabaseError):
                while True:
                    cursor.execute("INSERT INTO filler VALUES (zeroblob(%s))", [size])
        yield
        cursor.execute("PRAGMA max_page_count = 4294967294")
        cursor.execute("DROP TABLE filler")


@pytest.fixture
def full_postgresql() -> Iterator[None]:
    """The log's tables on a disk of their own that is full: a tiny one in memory, which takes root to make."""
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL")
    where = Path("/tmp") / f"full-{os.getpid()}"
    if os.geteuid() or connection.settings_dict["HOST"] not in {"", "localhost", "127.0.0.1"}:
        pytest.skip("takes root on PostgreSQL's own machine")
    where.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", where], check=False).returncode:
        where.rmdir()
        pytest.skip("root may not mount here")
    (where / "space").mkdir()
    owner = pwd.getpwnam("postgres")
    os.chown(where / "space", owner.pw_uid, owner.pw_gid)
    name = sql.Identifier(f"full_{os.getpid()}")
    with psycopg.connect(database_url(), autocommit=True) as other:
        tables = other.execute("SELECT relid::regclass::text FROM pg_partition_tree('audit_auditrow') WHERE isleaf")
        moved = [row[0] for row in tables.fetchall()] or ["audit_auditrow"]
        other.execute(sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(name, str(where / "space")))
        try:
            for table in moved:
                other.execute(sql.SQL("ALTER TABLE {} SET TABLESPACE {}").format(sql.Identifier(table), name))
                other.execute(sql.SQL("VACUUM FULL {}").format(sql.Identifier(table)))  # no room of removed rows
            other.execute(sql.SQL("CREATE UNLOGGED TABLE filler (content TEXT) TABLESPACE {}").format(name))
            with contextlib.suppress(psycopg.errors.DiskFull):
                while True:
                    other.execute("INSERT INTO filler SELECT repeat('x', 1500) FROM generate_series(1, 50)")
            with contextlib.suppress(psycopg.errors.DiskFull):
                while True:
                    other.execute("INSERT INTO filler SELECT repeat('x', 1500)")
            yield
        finally:
            other.execute("DROP TABLE IF EXISTS filler")
            for table in moved:
                other.execute(sql.SQL("ALTER TABLE {} SET TABLESPACE pg_default").format(sql.Identifier(table)))
            other.execute(sql.SQL("DROP TABLESPACE {}").format(name))
            other.execute("CHECKPOINT")
            subprocess.run(["umount", where], check=True)
            where.rmdir()


def test_a_full_sqlite_file(as_alice: Client, workspace: Workspace, secret: Source, full_sqlite: None) -> None:
    assert_full(as_alice, workspace)


def test_a_full_disk_of_postgresql(
    as_alice: Client, workspace: Workspace, secret: Source, full_postgresql: None
) -> None:
    assert_full(as_alice, workspace)


def assert_full(as_alice: Client, workspace: Workspace) -> None:
    """A last page has room for a few rows: as many pages are shown as rows are written, then none."""
    as_alice.raise_request_exception = False
    before, shown = AuditRow.objects.count(), 0
    while (answer := as_alice.get(SOURCE, headers=LONG)).status_code == 200:
        shown += 1
        assert shown < 1000, "the disk did not fill"
    text = answer.content.decode()
    assert (answer.status_code, SAID in text, SECRET in text) == (503, True, False)
    assert AuditRow.objects.count() - before == shown
    assert as_alice.get(f"{LOG}.csv", headers=LONG).status_code == 503
    form = {"name": "Changed", "slug": "acme-health"}
    answer = as_alice.post("/acme-health/settings/basic", form, headers=LONG)
    workspace.refresh_from_db()
    assert (answer.status_code, workspace.name) == (503, "Acme Health")
    assert AuditRow.objects.count() - before == shown


def test_a_full_disk_as_postgresql_reports_it(as_alice: Client, workspace: Workspace, secret: Source) -> None:
    """By a trigger, wherever no disk can be filled."""
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL")
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE disk_full USING MESSAGE = 'No space left on device'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER disk_is_full BEFORE INSERT ON audit_auditrow FOR EACH ROW EXECUTE FUNCTION disk_is_full()"
        )
        try:
            assert_full(as_alice, workspace)
        finally:
            cursor.execute("DROP TRIGGER disk_is_full ON audit_auditrow")
            cursor.execute("DROP FUNCTION disk_is_full()")
