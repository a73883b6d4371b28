"""People with names, a workspace, and a browser: what every test may ask for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client, TransactionTestCase
from playwright.sync_api import Playwright, sync_playwright

from audit import append_only
from tests import factories
from tests.servers import wait_until
from workspaces.models import Source, User, Workspace
from workspaces.roles import Role

# pytest-playwright keeps an event loop running in the thread; Django would refuse the database there.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

PASSWORD = factories.PASSWORD

_empty_database = TransactionTestCase._fixture_teardown


def _empty_database_and_audit_log(self: TransactionTestCase) -> None:
    """Tests with real commits end by emptying every table, which the audit log's own triggers would refuse."""
    with connection.schema_editor() as editor:
        append_only.remove(editor)
    _empty_database(self)
    with connection.schema_editor() as editor:
        append_only.install(editor)


# At import: a fixture would be undone before the database is emptied.
TransactionTestCase._fixture_teardown = _empty_database_and_audit_log


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """pytest-django's own; PostgreSQL needs a moment to see that a server a test has stopped is gone."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock():
            wait_until(lambda: not other_sessions(), "these sessions still use the test database")
            connection.close()


def other_sessions() -> list[tuple[int, str]]:
    """Process and last statement of every session but this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return list(cursor.fetchall())


@pytest.fixture
def workspace(db: None) -> Workspace:
    """Acme Health: Business tier, BAA signed."""
    return factories.WorkspaceFactory()


@pytest.fixture
def alice(workspace: Workspace) -> User:
    """Owns the workspace."""
    return factories.member(workspace, "alice", Role.OWNER)


@pytest.fixture
def bob(workspace: Workspace) -> User:
    """May look at sources and destinations, not change them."""
    return factories.member(workspace, "bob", Role.SOURCE_READ_ONLY)


@pytest.fixture
def charlie(db: None) -> User:
    """Owns another workspace; must learn nothing about this one."""
    return factories.member(factories.WorkspaceFactory(name="Umbrella", slug="umbrella"), "charlie", Role.OWNER)


@pytest.fixture
def source(workspace: Workspace) -> Source:
    """A server source of the workspace."""
    return factories.SourceFactory(workspace=workspace)


@pytest.fixture
def as_alice(client: Client, alice: User) -> Client:
    """A browser in which Alice is signed in."""
    client.force_login(alice)
    return client


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The browsers' driver. While it runs an event loop does too, and in there Django would open connections anew.

    A second connection of this process would see none of a test's open transaction, and outlive the test database.
    """
    ours = connections["default"]
    started = sync_playwright().start()
    connections["default"] = ours
    yield started
    started.stop()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium if there is one, else Playwright's own."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    flags = ["--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
    flags += ["--disable-sync", "--no-first-run"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
    return {**browser_type_launch_args, "args": flags, **({"executable_path": found} if found else {})}
