"""The page and the download as the owner of a workspace meets them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from audit.event_types import EventType
from audit.models import AuditRow
from audit.record import record
from tests.queries import counted
from workspaces.models import User, Workspace

PAGE = "/acme-health/settings/audit-log"
FILE = f"{PAGE}.csv"
Events = Callable[[], list[str]]


def add(workspace: Workspace, count: int = 1, **facts: Any) -> None:
    given = {"workspace_id": str(workspace.pk), "event_type": "Source Viewed", **facts}
    AuditRow.objects.bulk_create([AuditRow(**given, object_label=f"row {n:03}") for n in range(count)])


def labels(response: Any) -> list[str]:
    return [row.object_label for row in response.context["page"].rows if row.object_label.startswith("row")]


def download(client: Client, query: str = "") -> list[dict[str, str]]:
    text = b"".join(client.get(f"{FILE}{query}").streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_the_page_shows_rows_newest_first(as_alice: Client, workspace: Workspace) -> None:
    add(workspace, 3)
    response = as_alice.get(PAGE)
    assert labels(response) == ["row 002", "row 001", "row 000"]
    assert "Source Viewed" in response.content.decode()


def test_looking_is_recorded_once_and_seen_the_next_time(as_alice: Client, events: Events) -> None:
    as_alice.get(PAGE)
    assert events() == ["HIPAA Audit Log Viewed"]
    assert "Looked at the HIPAA audit log" in as_alice.get(PAGE).content.decode()


def test_only_owners_may_look(client: Client, bob: User, charlie: User, workspace: Workspace, events: Events) -> None:
    for user, status in ((bob, 403), (charlie, 404)):
        client.force_login(user)
        assert [client.get(PAGE).status_code, client.get(FILE).status_code] == [status, status]
    assert events() == ["Access Denied", "Access Denied"]


def test_rows_of_another_workspace_are_not_here(as_alice: Client, charlie: User) -> None:
    add(charlie.workspaces.get(), 2)
    assert labels(as_alice.get(PAGE)) == []
    assert not [row for row in download(as_alice) if row["object_label"].startswith("row")]


def test_pages_go_on_by_key_and_back(as_alice: Client, workspace: Workspace) -> None:
    add(workspace, 250)
    only = "?event_type=Source+Viewed"
    first = as_alice.get(PAGE + only)
    second = as_alice.get(f"{PAGE}{only}&older={first.context['page'].older}")
    third = as_alice.get(f"{PAGE}{only}&older={second.context['page'].older}")
    back = as_alice.get(f"{PAGE}{only}&newer={third.context['page'].newer}")
    assert [len(labels(page)) for page in (first, second, third)] == [100, 100, 50]
    assert labels(first) + labels(second) + labels(third) == [f"row {n:03}" for n in reversed(range(250))]
    assert labels(back) == labels(second)
    assert (first.context["page"].newer, third.context["page"].older) == (None, None)


def test_the_number_of_queries_does_not_grow(as_alice: Client, workspace: Workspace) -> None:
    add(workspace, 150)
    with counted() as queries:
        as_alice.get(PAGE)
    assert len(queries) <= 17


def test_filters_go_into_the_address(as_alice: Client, alice: User) -> None:
    asked = {"since": "2026-01-02T03:04", "actor": alice.email, "event_type": "Source Viewed", "outcome": "done"}
    query = parse_qs(urlsplit(as_alice.post(PAGE, asked).headers["Location"]).query)
    assert query == {
        "since": ["2026-01-02T03:04:00"],
        "actor": ["alice@example.com"],
        "event_type": ["Source Viewed"],
        "outcome": ["done"],
    }


@pytest.mark.parametrize(
    ("facts", "query"),
    [
        ({"event_type": "Destination Viewed"}, "event_type=Destination+Viewed"),
        ({"actor_user_id": "u-7"}, "actor=u-7"),
        ({"outcome": "denied"}, "outcome=denied"),
    ],
)
def test_each_filter_finds_its_row(as_alice: Client, workspace: Workspace, facts: dict[str, str], query: str) -> None:
    add(workspace, 2, actor_user_id="u-1")
    AuditRow.objects.create(
        **{"workspace_id": str(workspace.pk), "event_type": "Source Viewed", "object_label": "row wanted", **facts}
    )
    assert labels(as_alice.get(f"{PAGE}?{query}")) == ["row wanted"]
    assert [row["object_label"] for row in download(as_alice, f"?{query}")] == ["row wanted"]


def test_an_actor_is_found_by_address(as_alice: Client, workspace: Workspace, bob: User) -> None:
    record(EventType.SOURCE_VIEWED, actor=bob, workspace_id=workspace.pk, label="row of bob")
    assert labels(as_alice.get(f"{PAGE}?actor=Bob@example.com")) == ["row of bob"]


def test_a_time_range_includes_its_start_and_not_its_end(as_alice: Client, workspace: Workspace) -> None:
    moment = timezone.now().replace(microsecond=0)
    add(workspace, timestamp=moment)
    inside = f"since={moment:%Y-%m-%dT%H:%M:%S}&until={moment + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}"
    before = f"until={moment:%Y-%m-%dT%H:%M:%S}"
    assert labels(as_alice.get(f"{PAGE}?{inside}")) == ["row 000"]
    assert labels(as_alice.get(f"{PAGE}?{before}")) == []


def test_an_end_users_id_is_sealed_in_the_address(as_alice: Client, workspace: Workspace) -> None:
    add(workspace, end_user_id="mrn-4711")
    add(workspace, end_user_id="mrn-4712")
    where = as_alice.post(PAGE, {"end_user_id": "mrn-4711"}).headers["Location"]
    assert "4711" not in where
    page = as_alice.get(where)
    assert [row.end_user_id for row in page.context["page"].rows] == ["mrn-4711"]
    assert [row["end_user_id"] for row in download(as_alice, f"?{urlsplit(where).query}")] == ["mrn-4711"]


@pytest.mark.parametrize("sealed", ["%00", "AAAA", "not base64!", "x" * 900])
def test_a_damaged_end_user_finds_nothing(as_alice: Client, workspace: Workspace, sealed: str) -> None:
    add(workspace, end_user_id="mrn-4711")
    assert labels(as_alice.get(PAGE, {"end_user": sealed})) == []


def test_a_plain_end_user_id_in_the_address_is_not_used(as_alice: Client, workspace: Workspace) -> None:
    add(workspace, end_user_id="mrn-4711")
    assert "mrn-none" not in as_alice.get(f"{PAGE}?end_user_id=mrn-none").content.decode()


@pytest.mark.parametrize("query", ["since=yesterday", "event_type=Nothing", "since=2026-02-01&until=2026-01-01"])
def test_a_filter_that_makes_no_sense_is_said_beside_the_field(as_alice: Client, query: str) -> None:
    response = as_alice.get(f"{PAGE}?{query}")
    assert 'class="field__errors"' in response.content.decode()
    assert response.context["page"].rows == []
    assert as_alice.get(f"{FILE}?{query}").status_code == 400


@pytest.mark.parametrize("key", ["1", "%00", "zzzzzzzz-0000-0000-0000-000000000000"])
def test_a_page_key_that_is_none_starts_over(as_alice: Client, workspace: Workspace, key: str) -> None:
    add(workspace)
    assert labels(as_alice.get(f"{PAGE}?older={key}")) == ["row 000"]


def test_an_empty_result_says_what_to_do(as_alice: Client) -> None:
    assert "No row matches this filter" in as_alice.get(f"{PAGE}?outcome=failed").content.decode()


def test_a_pack_is_offered_where_no_row_answers(as_alice: Client) -> None:
    """Of a time whose rows were purged, or to prove that nothing was written then."""
    pack = "/acme-health/settings/audit-log-evidence.zip"
    assert (
        f'href="{pack}?until=2020-01-01T00%3A00%3A00"'
        in as_alice.get(f"{PAGE}?until=2020-01-01T00:00").content.decode()
    )
    assert pack not in as_alice.get(f"{PAGE}?until=never").content.decode()


def test_the_file_holds_every_row_that_stood_when_it_began(as_alice: Client, workspace: Workspace) -> None:
    add(workspace, 30)
    standing = AuditRow.objects.filter(workspace_id=workspace.pk).count()
    rows = download(as_alice)
    told = AuditRow.objects.get(event_type="HIPAA Audit Log Exported")
    assert len(rows) == told.details["rows"] == standing
    assert str(told.pk) not in {row["id"] for row in rows}


def test_rows_added_during_the_download_are_left_for_the_next(as_alice: Client, workspace: Workspace) -> None:
    add(workspace, 3)
    pieces = iter(as_alice.get(FILE).streaming_content)
    head = next(pieces)
    add(workspace, 3, event_type="Source Enabled")
    assert b"Source Enabled" not in head + b"".join(pieces)


def test_chunks_meet_without_gap_or_repeat(
    as_alice: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.queries.CHUNK_ROWS", 7)
    add(workspace, 30)
    found = [row["object_label"] for row in download(as_alice, "?event_type=Source+Viewed")]
    assert found == [f"row {n:03}" for n in reversed(range(30))]


def test_the_download_is_recorded_before_its_first_byte(as_alice: Client, workspace: Workspace, events: Events) -> None:
    add(workspace, 2, event_type="Source Enabled")
    as_alice.get(f"{FILE}?event_type=Source+Enabled")
    assert events()[-1] == "HIPAA Audit Log Exported"
    row = AuditRow.objects.get(event_type="HIPAA Audit Log Exported")
    assert row.details == {"filter": {"event_type": "Source Enabled"}, "rows": 2, "format": "csv"}


def test_no_record_no_file(broken_log: Client) -> None:
    assert broken_log.get(FILE).status_code == 503


def test_the_file_says_what_it_is(as_alice: Client, workspace: Workspace) -> None:
    moment = datetime(2026, 5, 6, 7, 8, 9, 10, tzinfo=UTC)
    add(workspace, timestamp=moment, user_agent="=cmd|' /C calc'!A0", address="10.0.0.1", details={"rows": 1})
    response = as_alice.get(f"{FILE}?event_type=Source+Viewed")
    name = f"acme-health-hipaa-audit-log-{timezone.now():%Y-%m-%d}.csv"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert response.headers["Cache-Control"] == "no-store"
    head, row = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert head[:5] == ["workspace_id", "actor_user_id", "event_type", "end_user_id", "timestamp"]
    assert row[:5] == [str(workspace.pk), "", "Source Viewed", "", "2026-05-06T07:08:09.000010Z"]
    assert row[7:9] == ["10.0.0.1", "'=cmd|' /C calc'!A0"]
    assert row[13] == '{"rows": 1}'


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("since=0001-01-01T00:00", 1),
        ("until=9999-12-31T23:59:59", 1),
        ("since=0001-01-01T00:00&until=9999-12-31T23:59", 1),
        ("since=9999-12-31T23:59:59", 0),
        ("until=0001-01-01T00:00", 0),
        ("since=0001-01-01T00:00%2B05:00&until=9999-12-31T23:59-05:00", 1),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".csv", "-evidence.zip"])
def test_the_first_and_the_last_moment_there_are_can_be_asked_for(
    as_alice: Client, workspace: Workspace, query: str, found: int, suffix: str
) -> None:
    AuditRow.objects.create(workspace_id=str(workspace.pk), event_type="Source Viewed")
    answer = as_alice.get(f"{PAGE}{suffix}?{query}&event_type=Source+Viewed")
    assert answer.status_code == 200
    if not suffix:
        assert len(answer.context["page"].rows) == found
    elif suffix == ".csv":
        assert len(b"".join(answer.streaming_content).splitlines()) == 1 + found
