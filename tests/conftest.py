"""People with names, a workspace, and a browser: what every test may ask for."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.db import OperationalError, connection, connections
from django.dispatch import receiver
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

# Filled by migrations and the same for every test.
KEPT = {"django_content_type", "auth_permission"}


_answering: set[int] = set()  # threads of the live server


@receiver(request_started)
def _begins(**_: object) -> None:
    if threading.current_thread() is not threading.main_thread():
        _answering.add(threading.get_ident())


@receiver(request_finished)
def _ends(**_: object) -> None:
    _answering.discard(threading.get_ident())


def _is_quiet() -> bool:
    """Whether nothing is answered any more that a page asked for before it was closed."""
    return _answering.isdisjoint(thread.ident for thread in threading.enumerate())


def _empty_database(self: TransactionTestCase) -> None:
    """Tests with real commits end by emptying every table, which the audit log's own triggers would refuse.

    Django's own way truncates 80 tables and fills two again, which takes PostgreSQL half a second; few have any rows.
    """
    wait_until(_is_quiet, "the live server still answers")
    for tries_left in reversed(range(10)):
        try:
            with connection.schema_editor() as editor:
                append_only.remove(editor)
                _delete_all_rows()
                append_only.install(editor)
            break
        except OperationalError:  # a page that was asked for last may hold one table and wait for another
            if not tries_left:
                raise
    cache.clear()  # its table belongs to no model


def _delete_all_rows() -> None:
    tables = sorted({*connection.introspection.django_table_names(only_existing=True, include_views=False)} - KEPT)
    quoted = [connection.ops.quote_name(table) for table in tables]
    has_rows = (f"SELECT {n} WHERE EXISTS (SELECT 1 FROM {name})" for n, name in enumerate(quoted))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # a process that was killed may still be committing
            cursor.execute(f"LOCK TABLE {', '.join(quoted)} IN EXCLUSIVE MODE")
        cursor.execute(" UNION ALL ".join(has_rows))
        for (number,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {quoted[number]}")
        if connection.vendor == "postgresql":  # which makes no trigger while a foreign key is still to be looked at
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


# How quickly examples are drawn says how busy the machine is, and nothing about the product.
hypothesis.settings.register_profile("here", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("here")

# At import: a fixture would be undone before the database is emptied.
TransactionTestCase._fixture_teardown = _empty_database


# A file goes to one process: those that take longest first, or the others wait for the last of them at the end.
SLOW = re.compile(
    r"/journeys/|/sdks/|_in_browser\.py|/test_(access|canaries|coverage|masks_everywhere|pages_accessible)"
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first."""
    items.sort(key=lambda item: SLOW.search(str(item.path)) is None)


LONGEST_ID = 100


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """The name of what is long, such as a key, in place of itself: each process draws its own, and ids must agree."""
    return argname if isinstance(val, str | bytes) and len(val) > LONGEST_ID else None


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
