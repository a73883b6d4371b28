"""Retention of the audit log: what goes, what the database keeps whoever asks, and what a tombstone proves."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client, override_settings
from django.utils import timezone

from audit.ids import lowest_id_at
from audit.models import (
    AppendOnlyError,
    AuditCheckpoint,
    AuditLeaf,
    AuditPurgeRun,
    AuditRetention,
    AuditRow,
    AuditTombstone,
)
from audit.proof import checkpoints, purging, tree
from audit.proof.notes import sign_note
from audit.proof.sealer import Sealer
from audit.proof.verification import Verified, verify
from audit.proof.verifier import Untrue, check_pack, open_note, read_public_key, read_tombstone
from audit.retention import Kept, cutoff, goes_at, kept
from audit.streams import DownloadBrokeOff
from tests.audit.proof.making import START, key, old_rows, strangers_key
from workspaces.models import Workspace

Add = Callable[..., list[AuditRow]]
Run = Callable[..., None]
OLD, YOUNG, FIRST_PART = 20, 6, 12
ROWS = OLD + YOUNG
PURGED = "HIPAA Audit Log Purged"
REFUSED = "only ever added"


def keep(workspace_id: str = "w", *, years: int = 6, held: bool = False) -> AuditRetention:
    return AuditRetention.objects.create(
        workspace_id=workspace_id, years=years, held=held, reason="Matter 7", set_by="alice@example.com"
    )


def purge_all(now: datetime | None = None) -> list[AuditTombstone | Untrue]:
    run = AuditPurgeRun.objects.create(started_at=now or timezone.now())
    return list(purging.purge(run))


def own_rows() -> int:
    return AuditRow.objects.filter(workspace_id="w").exclude(event_type=PURGED).count()


def refused(statement: str, *values: object) -> None:
    with pytest.raises(DatabaseError, match=REFUSED), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.fixture
def log(add: Add) -> list[AuditRow]:
    """Twenty rows of more than six years ago and six of today, sealed and signed."""
    rows = [*old_rows(OLD), *add(YOUNG)]
    tree.seal_all(START)
    checkpoints.make_checkpoint("w")
    return rows


def test_what_is_past_its_time_goes_under_a_signed_tombstone(log: list[AuditRow]) -> None:
    (stone,) = purge_all()
    assert isinstance(stone, AuditTombstone)
    assert (stone.first, stone.end, own_rows(), AuditLeaf.objects.count()) == (0, OLD, YOUNG, ROWS)
    keys = [read_public_key(each) for each in checkpoints.published_keys("w")]
    told = read_tombstone(open_note(stone.note, keys))
    assert (told.origin, told.first, told.count, told.previous) == ("localhost/audit/w", 0, OLD, "")
    assert datetime.fromisoformat(told.latest) == log[OLD - 1].timestamp
    assert f"ids {log[0].pk} {log[OLD - 1].pk} " in stone.note
    assert verify("w") == Verified(YOUNG, 1, purged=OLD)
    row = AuditRow.objects.get(event_type=PURGED)
    assert (row.workspace_id, row.actor_kind, row.outcome) == ("w", "system", "done")
    assert row.details == {"first": 0, "rows": OLD, "tombstone": stone.pk}
    assert purge_all() == []


def test_the_log_grows_on_and_later_purges_are_chained(log: list[AuditRow], add: Add) -> None:
    now, found = timezone.now(), []
    while stone := purging.purge_some("w", now=now, limit=8):
        found.append((stone.first, stone.end))
        add(3)
        tree.seal_all(START)
        checkpoints.make_checkpoint("w")
        verify("w")
    assert found == [(0, 8), (8, 16), (16, 20)]
    first, second, _ = [
        read_tombstone(checkpoints.text_of(each.note)) for each in AuditTombstone.objects.order_by("end")
    ]
    assert second.previous == first.text_hash()
    assert verify("w").purged == OLD


def test_nothing_goes_while_a_hold_lasts(log: list[AuditRow]) -> None:
    keep(held=True)
    assert purge_all() == []
    assert (own_rows(), AuditTombstone.objects.count()) == (ROWS, 0)
    keep(held=False)
    assert len(purge_all()) == 1
    assert own_rows() == YOUNG


def test_a_longer_period_keeps_more_and_the_period_of_others_does_not_matter(log: list[AuditRow]) -> None:
    keep("v", years=25, held=True)
    keep(years=8)
    assert purge_all() == []
    keep(years=7)
    old_rows(5, years=9, workspace_id="v")
    tree.seal_all(START)
    checkpoints.make_checkpoint("v")
    (stone,) = purge_all()
    assert isinstance(stone, AuditTombstone)
    assert (stone.workspace_id, stone.end) == ("w", OLD)


@pytest.mark.parametrize(("years", "held", "goes"), [(6, False, 3), (25, False, 0), (6, True, 0)])
def test_rows_of_no_workspace_are_kept_as_long_as_any(db: None, years: int, held: bool, goes: int) -> None:
    old_rows(3, workspace_id="")
    tree.seal_all(START)
    checkpoints.make_checkpoint("")
    keep("anyone", years=years, held=held)
    purge_all()
    assert AuditRow.objects.filter(workspace_id="", event_type="Source Viewed").count() == 3 - goes


def test_only_what_is_signed_and_old_from_the_beginning_on_goes(add: Add) -> None:
    old_rows(3)
    tree.seal_all(START)
    assert purge_all() == []  # under no checkpoint yet
    checkpoints.make_checkpoint("w")
    add(1)
    tree.seal_all(START)
    old_rows(2)
    tree.seal_all(START)  # behind a young row: late, or forged
    checkpoints.make_checkpoint("w")
    (stone,) = purge_all()
    assert isinstance(stone, AuditTombstone)
    assert stone.end == 3


def test_a_purge_hides_no_forgery(log: list[AuditRow], unprotected: Run) -> None:
    unprotected("UPDATE audit_auditrow SET outcome = 'denied' WHERE id = %s", key(log[4].pk))
    (untrue,) = purge_all()
    assert str(untrue).startswith(f"row 4 ({log[4].pk}) is not what was sealed")
    assert (own_rows(), AuditTombstone.objects.count()) == (ROWS, 0)
    row = AuditRow.objects.get(event_type=PURGED)
    assert (row.outcome, row.details) == ("failed", {"found": str(untrue)})


def test_the_database_lets_go_of_nothing_else(log: list[AuditRow]) -> None:
    delete = "DELETE FROM audit_auditrow WHERE id = %s"
    refused(delete, key(log[0].pk))  # old, no tombstone
    for stone in (ROWS, OLD):  # a forged one that covers all, and a true one's place
        AuditTombstone(workspace_id="w", first=0, end=stone, made_at=timezone.now(), note="forged").save()
    refused(delete, key(log[OLD].pk))  # covered, young
    keep(held=True)
    refused(delete, key(log[0].pk))  # covered, old, on hold
    keep(held=False)
    refused("UPDATE audit_auditrow SET outcome = 'denied' WHERE id = %s", key(log[0].pk))
    assert own_rows() == ROWS
    with connection.cursor() as cursor:
        cursor.execute(delete, [key(log[0].pk)])
    assert own_rows() == ROWS - 1
    with pytest.raises(Untrue, match=r"^row 0 or a later one before 20: tombstone .*not a signed note"):
        verify("w")


@pytest.mark.parametrize("table", ["audittombstone", "auditretention"])
def test_tombstones_and_settings_are_only_added(log: list[AuditRow], table: str) -> None:
    keep()
    purge_all()
    refused(f"UPDATE audit_{table} SET workspace_id = 'x'")
    refused(f"DELETE FROM audit_{table}")
    if connection.vendor == "postgresql":
        refused(f"TRUNCATE audit_{table}")
    for kind in (AuditTombstone, AuditRetention):
        with pytest.raises(AppendOnlyError):
            kind.objects.get().save()


@pytest.mark.parametrize("years", [5, 26, 0])
def test_the_database_knows_the_shortest_and_the_longest_period(db: None, years: int) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        keep(years=years)
    assert kept("w") == Kept()


def test_six_calendar_years_and_a_day_at_least() -> None:
    written = datetime(2024, 2, 29, 10, tzinfo=UTC)
    assert goes_at(written, 6) == datetime(2030, 3, 2, tzinfo=UTC)
    assert goes_at(datetime(2020, 5, 17, 23, 59, tzinfo=UTC), 6) == datetime(2026, 5, 19, tzinfo=UTC)
    draw = random.Random(164316)
    for _ in range(3_000):
        written = datetime(2019, 1, 1, tzinfo=UTC) + timedelta(seconds=draw.randrange(10 * 366 * 86_400))
        goes = goes_at(written, 6)
        assert cutoff(6, goes) > written >= cutoff(6, goes - timedelta(days=1))
        assert timedelta(days=6 * 365 + 2) <= goes - written <= timedelta(days=6 * 365 + 5)


class Forger:
    """Edits a purged log with every right in the database and no key. Each edit returns the first row that differs.

    None where the tombstone is at fault and which row a complaint names depends on how.
    """

    def __init__(self, rows: list[AuditRow], run: Run, draw: random.Random) -> None:
        self.rows, self.run, self.draw = rows, run, draw

    def stone(self) -> AuditTombstone:
        return AuditTombstone.objects.order_by("end")[self.draw.randrange(2)]

    def bring_back(self) -> int:
        place = self.draw.randrange(OLD)
        AuditRow(id=self.rows[place].pk, workspace_id="w", event_type="Source Viewed").save()
        return place

    def remove_more(self) -> int:
        place = self.draw.randrange(OLD, ROWS)
        self.run("DELETE FROM audit_auditrow WHERE id = %s", key(self.rows[place].pk))
        return place

    def remove_and_stretch(self) -> None:
        self.run('UPDATE audit_audittombstone SET "end" = %s WHERE id = %s', self.remove_more() + 1, self.stone().pk)

    def remove_and_make_one(self) -> None:
        """A tombstone of its own for a row more, under a key of its own or none, or ours of another log."""
        self.remove_more()
        text = checkpoints.text_of(self.stone().note)
        name, mine = "localhost/audit/w", checkpoints.signing_key()
        note = self.draw.choice([text, sign_note(text, name=name, key=strangers_key())])
        if self.draw.random() < 0.3:
            note = sign_note(text.replace("/w\n", "/v\n"), name="localhost/audit/v", key=mine)
        AuditTombstone(workspace_id="w", first=OLD, end=ROWS, made_at=timezone.now(), note=note).save()

    def change_leaf(self) -> int:
        place = self.draw.randrange(OLD)
        self.run("UPDATE audit_auditleaf SET leaf = %s WHERE row_id = %s", bytes(32), key(self.rows[place].pk))
        return place

    def change_id(self) -> int:
        place, other = self.draw.randrange(OLD), uuid.UUID(int=self.draw.getrandbits(70))
        self.run("UPDATE audit_auditleaf SET row_id = %s WHERE row_id = %s", key(other), key(self.rows[place].pk))
        return 0 if place < FIRST_PART else FIRST_PART

    def change_note(self) -> int:
        stone = self.stone()
        changed = stone.note.replace("kept 6 years", "kept 7 years")
        self.run("UPDATE audit_audittombstone SET note = %s WHERE id = %s", changed, stone.pk)
        return stone.first

    def lose_stone(self) -> None:
        self.run("DELETE FROM audit_audittombstone WHERE id = %s", self.stone().pk)


def test_five_hundred_edits_of_a_purged_log_are_found(log: list[AuditRow], unprotected: Run) -> None:
    for _ in range(2):
        assert purging.purge_some("w", now=timezone.now(), limit=FIRST_PART)
    true, forger = Verified(YOUNG, 1, purged=OLD), Forger(log, unprotected, random.Random(164312))
    assert verify("w") == true
    kinds = [each for name, each in vars(Forger).items() if name not in {"__init__", "stone"} and callable(each)]
    assert len(kinds) == 8
    for number in range(500):
        edit = kinds[number % len(kinds)]
        with transaction.atomic():
            place = edit(forger)
            with pytest.raises(Untrue) as untrue:
                verify("w")
            transaction.set_rollback(True)
        assert place is None or str(untrue.value).startswith(f"row {place} "), (
            f"edit {number}: {edit} of {place}: {untrue.value}"
        )
    assert verify("w") == true


def test_a_tombstone_for_young_rows_is_untrue_even_with_the_key(log: list[AuditRow]) -> None:
    (stone,) = purge_all()
    assert isinstance(stone, AuditTombstone)
    text = checkpoints.text_of(stone.note)
    latest = read_tombstone(text).latest
    with pytest.raises(Untrue, match=r"^row 0 or a later one before 20 was removed before its 6 years"):
        read_tombstone(text.replace(f" {latest}\n", f" {timezone.now():%Y-%m-%dT%H:%M:%S.%fZ}\n"))
    negative, other = text.replace("tombstone 0", "tombstone -1"), text.replace("tombstone", "other")
    for broken in (negative, other, "", "a\ntombstone 0 1\n"):
        with pytest.raises(Untrue, match="not a tombstone"):
            read_tombstone(broken)


def test_a_lost_tombstone_is_missed_by_its_copy(log: list[AuditRow], unprotected: Run, tmp_path: Path) -> None:
    with override_settings(AUDIT_CHECKPOINT_DIR=str(tmp_path)):
        sealer = Sealer()
        while sealer.turn():
            pass
        sealer.turn()
    stone = AuditTombstone.objects.get()
    assert (tmp_path / "w" / f"tombstone-{stone.pk:012}.note").read_text() == stone.note
    verify("w", copies=tmp_path)
    unprotected("DELETE FROM audit_audittombstone WHERE id = %s", stone.pk)
    with pytest.raises(Untrue, match=r"tombstone-.* was copied"):
        verify("w", copies=tmp_path)
    with pytest.raises(Untrue, match=f"^row 0 \\({log[0].pk}\\) was removed"):
        verify("w")


def test_the_sealer_purges_once_a_day_in_steps(log: list[AuditRow], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "CHUNK_ROWS", 8)
    sealer, turns = Sealer(), 0
    while sealer.turn():
        turns += 1
    assert (turns, own_rows(), AuditTombstone.objects.count()) == (3, YOUNG, 3)
    run = AuditPurgeRun.objects.get()
    assert run.finished_at is not None
    now = run.started_at
    assert purging.start_if_due(now + timedelta(hours=23)) is None
    again = purging.start_if_due(now + timedelta(hours=25))
    assert again is not None  # and breaks off
    assert purging.start_if_due(now + timedelta(hours=25, minutes=59)) is None
    assert purging.start_if_due(now + timedelta(hours=26)) is not None


def test_the_command_says_what_goes_and_only_then_removes_it(
    log: list[AuditRow], unprotected: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("purge_audit", "--dry-run")
    assert capsys.readouterr().out == "w: rows older than 6 years, 20 to go\n"
    assert own_rows() == ROWS
    call_command("purge_audit")
    assert capsys.readouterr().out == "w: removed 20 rows, from row 0 on\n"
    assert own_rows() == YOUNG
    call_command("verify_audit", "--workspace", "w")
    assert capsys.readouterr().out == "PASS w: 6 rows, 1 checkpoints, 20 rows purged under signed tombstones\n"
    with pytest.raises(CommandError, match="was purged"):
        call_command("verify_audit", "--prove", str(log[0].pk))
    keep(held=True)
    call_command("purge_audit", "--dry-run")
    assert capsys.readouterr().out == "w: on legal hold, nothing goes\n"


def test_the_command_fails_where_the_log_is_not_true(log: list[AuditRow], unprotected: Run) -> None:
    unprotected("DELETE FROM audit_auditrow WHERE id = %s", key(log[0].pk))
    with pytest.raises(CommandError, match=r"row 0 .* is not what was sealed"):
        call_command("purge_audit")
    assert not AuditTombstone.objects.exists()
    assert AuditCheckpoint.objects.count() == 1
    assert lowest_id_at(timezone.now()) > log[0].pk


@pytest.mark.parametrize("path", ["audit-log.csv", "audit-log.ndjson", "audit-log-evidence.zip"])
def test_a_download_keeps_its_rows_until_it_is_over(
    as_alice: Client,
    workspace: Workspace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    path: str,
) -> None:
    monkeypatch.setattr("audit.queries.CHUNK_ROWS", 5)
    own = str(workspace.pk)
    old_rows(OLD, workspace_id=own)
    tree.seal_all(START)
    checkpoints.make_checkpoint(own)
    pieces = iter(as_alice.get(f"/acme-health/settings/{path}").streaming_content)
    taken = next(pieces)
    call_command("purge_audit")
    name = f"{own}: downloaded within six hours, nothing goes until those are over\n"
    assert capsys.readouterr().out == name
    call_command("purge_audit", "--dry-run")
    assert name in capsys.readouterr().out
    taken += b"".join(pieces)
    if path.endswith("zip"):
        (tmp_path / "pack.zip").write_bytes(taken)
        assert check_pack(str(tmp_path / "pack.zip"), checkpoints.published_keys(own))["purged"] == 0
    else:
        told = AuditRow.objects.get(event_type="HIPAA Audit Log Exported").details
        assert taken.count(b"old row") == OLD
        assert len(taken.splitlines()) == told["rows"] + path.endswith("csv")
    assert AuditPurgeRun.objects.get().finished_at is None
    now = timezone.now()
    assert purging.start_if_due(now + timedelta(minutes=59)) is None
    with time_machine.travel(now + timedelta(hours=7)):
        run = purging.start_if_due(timezone.now())
        assert run is not None
        assert [found.end for found in purging.purge(run) if isinstance(found, AuditTombstone)] == [OLD]
    run.refresh_from_db()
    assert run.finished_at is not None


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_file_that_misses_rows_it_counted_says_so(
    as_alice: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """A download slower than any is expected to be."""
    monkeypatch.setattr("audit.queries.CHUNK_ROWS", 1)
    monkeypatch.setattr("audit.export._block_rows", lambda: 1)
    own = str(workspace.pk)
    old_rows(3, workspace_id=own)
    tree.seal_all(START)
    checkpoints.make_checkpoint(own)
    pieces = iter(as_alice.get(f"/acme-health/settings/audit-log.{form}").streaming_content)
    taken = [next(pieces)]
    with time_machine.travel(timezone.now() + timedelta(hours=7)):
        assert purging.purge_some(own, now=timezone.now(), limit=3) is not None
    with pytest.raises(DownloadBrokeOff, match="RowsMissing"):
        taken.extend(pieces)
    assert b"THIS FILE IS NOT WHOLE" in taken[-1]
    assert b"old row" not in b"".join(taken)
