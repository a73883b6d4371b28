"""People see how far a download is, can cancel it, and are told how to go on with one that broke off."""

from __future__ import annotations

import gc
import itertools
import json
import uuid
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from audit.models import AuditRow
from audit.streams import DownloadBrokeOff
from audit.views import progress
from tests import browsing, factories
from workspaces.models import User, Workspace
from workspaces.roles import Role

LOG = "/acme-health/settings/audit-log"
ID = uuid.UUID(int=7)
HERE = f"{LOG}/downloads/{ID}"


@pytest.fixture
def always_noted() -> Iterator[None]:
    with mock.patch.object(progress, "NOTE_EVERY", 0.0):
        yield


def fill(workspace: Workspace, count: int) -> None:
    given = {"workspace_id": str(workspace.pk), "event_type": "Source Viewed"}
    AuditRow.objects.bulk_create(AuditRow(**given, object_label=f"row {n}") for n in range(count))


def shown(client: Client) -> Any:
    return client.get(HERE).context["progress"]


def begin(client: Client, form: str = ".csv") -> Iterator[bytes]:
    pieces: Iterator[bytes] = client.get(f"{LOG}{form}?progress={ID}").streaming_content  # type: ignore[attr-defined]
    return pieces


@pytest.mark.parametrize("form", [".csv", ".ndjson", "-evidence.zip"])
def test_a_download_tells_how_far_it_is_and_that_it_is_whole(as_alice: Client, workspace: Workspace, form: str) -> None:
    fill(workspace, 30)
    rows = AuditRow.objects.count()
    pieces = begin(as_alice, form)
    assert (shown(as_alice).state, shown(as_alice).rows, shown(as_alice).sent) == ("running", rows, 0)
    assert "Cancel" in as_alice.get(HERE).content.decode()
    size = len(b"".join(pieces))
    assert (shown(as_alice).state, shown(as_alice).sent, shown(as_alice).size) == ("done", rows, size)
    assert f"The file is whole: {rows} rows" in as_alice.get(HERE).content.decode()


def test_rows_are_counted_as_they_leave(as_alice: Client, workspace: Workspace, always_noted: None) -> None:
    fill(workspace, 30)
    with mock.patch("audit.queries.CHUNK_ROWS", 1):
        pieces = begin(as_alice, ".ndjson")
        list(itertools.islice(pieces, 12))
    assert 10 <= shown(as_alice).sent <= 12 or shown(as_alice).sent == shown(as_alice).rows
    list(pieces)  # left to be collected, its cursor would be closed amid another statement


def test_a_cancelled_download_ends_in_the_middle(as_alice: Client, workspace: Workspace, always_noted: None) -> None:
    fill(workspace, 30)
    pieces = begin(as_alice)
    next(pieces)
    assert "Cancelling" in as_alice.post(f"{HERE}/cancel").content.decode()
    assert list(pieces)[-1] == b"THIS FILE IS NOT WHOLE: the download broke off here\r\n"
    assert shown(as_alice).state == "cancelled"
    assert "The file is not whole" in as_alice.get(HERE).content.decode()


def test_a_download_that_broke_off_says_how_to_go_on(as_alice: Client, workspace: Workspace) -> None:
    fill(workspace, 30)
    answer = as_alice.get(f"{LOG}.csv?progress={ID}")
    next(answer.streaming_content)  # type: ignore[attr-defined]
    for close in answer._resource_closers:  # type: ignore[attr-defined]  (closing all of it would close the database)
        close()
    assert shown(as_alice).state == "broken"
    assert 'href="#go-on"' in as_alice.get(HERE).content.decode()
    assert 'id="go-on"' in as_alice.get(LOG).content.decode()


@pytest.mark.parametrize("query", ["", f"?progress={ID}"])
def test_a_file_that_ends_too_soon_says_so(as_alice: Client, workspace: Workspace, query: str) -> None:
    """The server would end it as if it were whole. What went wrong is told without the error's own words."""
    fill(workspace, 30)

    def rows(*_: object, **__: object) -> Iterator[bytes]:
        yield b"{}\n"
        raise OperationalError("canary of a patient")

    with mock.patch("audit.export._pieces", rows):
        pieces = as_alice.get(f"{LOG}.ndjson{query}").streaming_content  # type: ignore[attr-defined]
        told = [next(pieces), next(pieces)]
        with pytest.raises(DownloadBrokeOff, match=r"^OperationalError$"):
            next(pieces)
    assert json.loads(told[1]) == {"error": "THIS FILE IS NOT WHOLE: the download broke off here"}
    if query:
        assert shown(as_alice).state == "broken"


def test_trouble_with_notes_does_not_break_the_file(as_alice: Client, workspace: Workspace, always_noted: None) -> None:
    fill(workspace, 3)
    with mock.patch.object(progress.cache, "set", side_effect=OperationalError):
        assert len(b"".join(begin(as_alice)).splitlines()) == AuditRow.objects.count()


def test_a_download_is_its_own_persons(as_alice: Client, workspace: Workspace, always_noted: None) -> None:
    fill(workspace, 3)
    pieces = begin(as_alice)
    other = Client()
    other.force_login(factories.member(workspace, "nadia", Role.AUDITOR))
    assert shown(other).state == ""
    other.post(f"{HERE}/cancel")
    list(pieces)
    assert shown(as_alice).state == "done"


def test_asking_is_no_action_and_writes_no_row(as_alice: Client, workspace: Workspace) -> None:
    assert progress.audit_download.__dict__["is_passive"] is True
    assert "is_passive" not in progress.audit_download_cancel.__dict__
    before = AuditRow.objects.count()
    as_alice.get(HERE)
    assert AuditRow.objects.count() == before


def test_an_id_that_is_none_is_a_plain_download(as_alice: Client, workspace: Workspace) -> None:
    assert as_alice.get(f"{LOG}.csv?progress=seven").status_code == 200


def test_an_auditor_watches_a_download(
    page: Page, live_server: LiveServer, workspace: Workspace, tmp_path: Any
) -> None:
    fill(workspace, 120)
    found = browsing.complaints(page)
    browsing.sign_in(page, live_server, factories.member(workspace, "nadia", Role.AUDITOR))
    page.goto(f"{live_server.url}{LOG}")
    for name in ("Download CSV", "Download NDJSON", "Evidence pack"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        assert download.value.failure() is None
        expect(page.locator("#audit-download[data-state=done]")).to_contain_text("The file is whole")
        expect(page.locator("#announcer")).to_contain_text("The file is whole")
    page.get_by_text("A download broke off").click()
    browsing.assert_accessible(page, "the log after a download")
    last = AuditRow.objects.filter(object_label="row 5").get()
    page.get_by_label("Id in the last whole row").fill(str(last.pk))
    with page.expect_download() as download:
        page.get_by_role("button", name="Go on with the CSV").click()
    download.value.save_as(tmp_path / "rest.csv")
    lines = (tmp_path / "rest.csv").read_text().splitlines()
    assert [f"row {n}" in line for n, line in zip((4, 3, 2, 1, 0), lines, strict=False)] == [True] * 5
    assert found == []


def test_without_javascript_downloads_work_as_ever(
    browser: Any, live_server: LiveServer, alice: User, workspace: Workspace
) -> None:
    fill(workspace, 3)
    page = browser.new_context(java_script_enabled=False).new_page()
    browsing.sign_in(page, live_server, alice)
    page.goto(f"{live_server.url}{LOG}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download NDJSON").click()
    assert download.value.failure() is None
    page.context.close()


def test_a_closed_download_lets_go_of_what_it_was_read_from(db: None) -> None:
    ended: list[str] = []

    def rows() -> Iterator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            ended.append("closed")

    watching = progress.Watched("key", rows(), rows=2, rows_in=len)
    next(watching)
    watching.break_off()
    assert ended == ["closed"]


def test_a_forgotten_download_asks_nothing_of_the_database(db: None) -> None:
    """It is collected at any moment, even amid another statement, which a note would then wait for for ever."""
    watching = progress.Watched("key", iter([b"a", b"b"]), rows=2, rows_in=len)
    next(watching)
    with mock.patch.object(progress, "_note") as noted:
        del watching
        gc.collect()
    assert noted.call_count == 0
