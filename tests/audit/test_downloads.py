"""NDJSON, downloads that broke off, exports on paper, the Audit Trail and what is looked for by id."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from audit.event_types import EventType
from audit.export import COLUMNS, cell
from audit.models import AuditCheckpoint, AuditRow
from audit.proof.verification import verify
from audit.trail import CHANGES
from workspaces.models import User, Workspace

LOG, TRAIL = "/acme-health/settings/audit-log", "/acme-health/settings/audit-trail"
NASTY = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", 'quote " and, comma', "line\nbreak", "plain", "100 %", "é\\n"]


def add(workspace: Workspace, label: str = "row", **facts: Any) -> AuditRow:
    given = {"workspace_id": str(workspace.pk), "event_type": "Source Modified", **facts}
    return AuditRow.objects.create(**given, object_label=label)


def text_of(response: Any) -> str:
    return b"".join(response.streaming_content).decode()


def shown(response: Any) -> list[str]:
    return [row.object_label for row in response.context["page"].rows]


def test_json_lines_hold_every_field_as_it_is(as_alice: Client, workspace: Workspace) -> None:
    moment = datetime(2026, 5, 6, 7, 8, 9, 10, tzinfo=UTC)
    added = add(workspace, "=1+1", timestamp=moment, details={"changed": ["name"]}, address="10.0.0.1")
    response = as_alice.get(f"{LOG}.ndjson?event_type=Source+Modified")
    assert response.headers["Content-Type"] == "application/x-ndjson"
    (line,) = [json.loads(line) for line in text_of(response).splitlines()]
    assert list(line) == list(COLUMNS)
    assert (line["id"], line["timestamp"]) == (str(added.pk), "2026-05-06T07:08:09.000010Z")
    assert (line["object_label"], line["details"], line["address"]) == ("=1+1", {"changed": ["name"]}, "10.0.0.1")
    assert AuditRow.objects.get(event_type="HIPAA Audit Log Exported").details["format"] == "ndjson"


@pytest.mark.parametrize("rows_in_a_chunk", [3, 4, 12, 50])
def test_cells_are_safe_and_complete_on_every_database(
    as_alice: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, rows_in_a_chunk: int
) -> None:
    monkeypatch.setattr("audit.queries.CHUNK_ROWS", rows_in_a_chunk)
    for text in NASTY:
        add(workspace, text, details={"before": text})
    text = text_of(as_alice.get(f"{LOG}.csv?event_type=Source+Modified"))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    safe = [f"'{text}" if text[0] in "=+-@\t\r\n" else text for text in reversed(NASTY)]
    assert [row["object_label"] for row in rows] == safe
    assert [json.loads(row["details"]) for row in rows] == [{"before": text} for text in reversed(NASTY)]
    assert {row["user_agent"] for row in rows} == {""}


def test_the_database_makes_the_cells_that_python_makes(as_alice: Client, workspace: Workspace) -> None:
    moment = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
    names = ("actor_label", "end_user_id", "object_id", "user_agent", "on_behalf_of_label")
    for number, text in enumerate(NASTY):
        facts = {name: text for name in names if number % 2}
        add(workspace, "é", timestamp=moment, details={"é": [text]}, address="2001:db8::1", **facts)
    add(workspace, "", timestamp=moment.replace(microsecond=7))
    text = text_of(as_alice.get(f"{LOG}.csv?event_type=Source+Modified"))
    rows = AuditRow.objects.filter(event_type="Source Modified").values_list(*COLUMNS)
    assert list(csv.reader(io.StringIO(text, newline="")))[1:] == [[cell(value) for value in row] for row in rows]


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_download_that_broke_off_goes_on_behind_its_last_row(
    as_alice: Client, workspace: Workspace, form: str
) -> None:
    added = [add(workspace, f"row {n}") for n in range(5)]
    only = f"{LOG}.{form}?event_type=Source+Modified"
    whole = text_of(as_alice.get(only)).splitlines()
    rest = text_of(as_alice.get(f"{only}&after={added[2].pk}")).splitlines()
    assert rest == whole[-2:]
    assert AuditRow.objects.first().details["after"] == str(added[2].pk)  # type: ignore[union-attr]
    assert AuditRow.objects.first().details["rows"] == 2  # type: ignore[union-attr]


def test_a_key_to_go_on_from_that_is_none_is_refused(as_alice: Client, workspace: Workspace) -> None:
    add(workspace)
    assert as_alice.get(f"{LOG}.csv?after=zero").status_code == 400
    assert not AuditRow.objects.filter(event_type="HIPAA Audit Log Exported").exists()


def test_rows_are_found_by_object_and_by_the_id_of_row_or_request(as_alice: Client, workspace: Workspace) -> None:
    request = "0b" * 16
    add(workspace, "other", object_id="o-2")
    found = add(workspace, "wanted", object_id="o-1", request_id=request)
    for query in ("object_id=o-1", f"id={found.pk}", f"id={request}"):
        assert shown(as_alice.get(f"{LOG}?{query}")) == ["wanted"]
    assert "Copy the whole id" in as_alice.get(f"{LOG}?id=abc").content.decode()


def test_an_id_of_another_workspace_finds_nothing(as_alice: Client, charlie: User) -> None:
    theirs = add(charlie.workspaces.get(), request_id="0c" * 16)
    assert shown(as_alice.get(f"{LOG}?id={theirs.pk}")) == []
    assert shown(as_alice.get(f"{LOG}?id={theirs.request_id}")) == []


def test_the_trail_shows_changes_of_ninety_days(as_alice: Client, workspace: Workspace) -> None:
    add(workspace, "looked", event_type="Source Viewed")
    add(workspace, "old", timestamp=timezone.now() - timedelta(days=92))
    add(workspace, "new")
    page = as_alice.get(TRAIL)
    assert shown(page) == ["new"]
    assert AuditRow.objects.filter(event_type="Audit Trail Viewed").count() == 1
    text = text_of(as_alice.get(f"{LOG}.csv?{page.context['download']}"))
    assert [row["object_label"] for row in csv.DictReader(io.StringIO(text))] == ["new"]


def test_changes_are_what_is_neither_a_view_nor_a_sign_in() -> None:
    assert {EventType.SOURCE_MODIFIED, EventType.USER_REMOVED, EventType.AUTHENTICATOR_ADDED} <= set(CHANGES)
    none = {EventType.SIGNED_IN, EventType.FIELD_SAMPLE_VIEWED, EventType.MEMBER_LIST_EXPORTED, EventType.ACCESS_DENIED}
    assert none.isdisjoint(CHANGES)


def test_the_page_hears_of_rows_that_are_not_its_own_views(as_alice: Client, workspace: Workspace) -> None:
    newest = add(workspace)
    as_alice.get(LOG)
    before = AuditRow.objects.count()
    assert as_alice.get(f"{LOG}/new?than={newest.pk}").status_code == 204
    add(workspace, "another")
    assert "New rows have come in" in as_alice.get(f"{LOG}/new?than={newest.pk}").content.decode()
    assert as_alice.get(f"{LOG}/new?than={newest.pk}&outcome=denied").status_code == 204
    assert AuditRow.objects.count() == before + 1


def test_what_a_file_holds_is_sealed_and_signed_first(as_alice: Client, workspace: Workspace, tmp_path: Path) -> None:
    own = str(workspace.pk)
    for number in range(1, 4):
        add(workspace)
        if number < 3:
            text_of(as_alice.get(f"{LOG}.{('csv', 'ndjson')[number - 1]}"))
        else:
            call_command("export_audit", "acme-health", str(tmp_path / "log.csv"), reason="Letter of 3 May")
        told = AuditRow.objects.filter(event_type="HIPAA Audit Log Exported").latest("id")
        signed = AuditCheckpoint.objects.filter(workspace_id=own).latest("id")
        assert (signed.size, AuditCheckpoint.objects.count()) == (told.details["rows"], number)
    assert verify(own).checkpoints == 3


def test_an_export_on_paper_is_a_new_private_file_and_recorded(workspace: Workspace, tmp_path: Path) -> None:
    add(workspace, "kept")
    file = tmp_path / "log.csv"
    call_command("export_audit", "acme-health", str(file), reason="Letter of 3 May")
    with file.open(newline="") as lines:
        assert [row["object_label"] for row in csv.DictReader(lines)] == ["kept"]
    assert file.stat().st_mode & 0o777 == 0o600
    row = AuditRow.objects.get(event_type="HIPAA Audit Log Exported")
    assert row.details == {"filter": {}, "rows": 1, "format": "csv", "reason": "Letter of 3 May"}
    assert row.actor_kind == "system"


def test_an_export_of_all_time_holds_every_row(workspace: Workspace, tmp_path: Path) -> None:
    add(workspace, "kept")
    file, span = tmp_path / "log.ndjson", {"since": "0001-01-01T00:00:00+05:00", "until": "9999-12-31T23:59:59-05:00"}
    call_command("export_audit", "acme-health", str(file), reason="Letter", form="ndjson", **span)
    assert [json.loads(line)["object_label"] for line in file.read_text().splitlines()] == ["kept"]


@pytest.mark.parametrize(
    ("slug", "options", "said"),
    [
        ("nobody", {"reason": "x"}, "no workspace"),
        ("acme-health", {"reason": " "}, "who asked"),
        ("acme-health", {"reason": "x", "since": "yesterday"}, "not a moment"),
    ],
)
def test_an_export_that_cannot_be_says_why(
    workspace: Workspace, tmp_path: Path, slug: str, options: dict[str, str], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("export_audit", slug, str(tmp_path / "log.csv"), **options)
    assert (list(tmp_path.iterdir()), AuditRow.objects.count()) == ([], 0)
