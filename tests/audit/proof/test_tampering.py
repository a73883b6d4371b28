"""A thousand random edits by somebody who has dropped the triggers, each found and named; and what is true passes."""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from audit.models import AuditCheckpoint, AuditLeaf, AuditRow
from audit.proof import checkpoints, tree
from audit.proof.sealer import Sealer
from audit.proof.verification import Verified, verify
from audit.proof.verifier import FIRST_CHAIN, Untrue, chain_hash, leaf_hash
from tests.audit.proof.making import START, key
from workspaces.models import Workspace

Add = Callable[..., list[AuditRow]]
Run = Callable[..., None]
EDITS = 1_000
ROWS = 24
SIGNED = (9, 17, 24)


@pytest.fixture
def log(add: Add, unprotected: Run) -> list[AuditRow]:
    """A log that was sealed and signed in three steps, and whose triggers are gone."""
    rows: list[AuditRow] = []
    for size in SIGNED:
        rows += add(size - len(rows))
        tree.seal_all(START)
        checkpoints.make_checkpoint("w")
    return rows


def named(untrue: Untrue) -> int:
    """The row a complaint names."""
    found = re.match(r"row (\d+)", str(untrue))
    assert found, untrue
    return int(found[1])


class Forger:
    """Edits rows in SQL. What it returns is the first row that is not what was sealed."""

    def __init__(self, rows: list[AuditRow], run: Run, draw: random.Random) -> None:
        self.rows, self.run, self.draw = rows, run, draw

    def change(self) -> int:
        place = self.draw.randrange(ROWS)
        column = self.draw.choice(["actor_label", "event_type", "outcome", "object_label", "end_user_id"])
        statement = f"UPDATE audit_auditrow SET {column} = %s WHERE id = %s"
        self.run(statement, "forged", key(self.rows[place].pk))
        return place

    def delete(self) -> int:
        place = self.draw.randrange(ROWS)
        self.run("DELETE FROM audit_auditrow WHERE id = %s", key(self.rows[place].pk))
        if self.draw.random() < 0.5:
            self.run("DELETE FROM audit_auditleaf WHERE row_id = %s", key(self.rows[place].pk))
        return place

    def insert(self) -> int:
        """A row between two others, with a leaf of its own; those after it move up."""
        place = self.draw.randrange(ROWS)
        forged = AuditRow(workspace_id="w", event_type="Source Viewed", object_label="forged")
        forged.save()
        move = 'UPDATE audit_auditleaf SET "index" = "index" + %s WHERE "index" >= %s'
        self.run(move, 1000, place)
        self.run(move, -999, 1000 + place)
        leaf = leaf_hash(tree.lines_of([forged.pk])[forged.pk])
        AuditLeaf(workspace_id="w", index=place, row_id=forged.pk, leaf=leaf, chain=bytes(32)).save()
        return place

    def swap(self) -> int:
        one, other = sorted(self.draw.sample(range(ROWS), 2))
        for place, to in ((one, 5000), (other, one), (5000, other)):
            self.run('UPDATE audit_auditleaf SET "index" = %s WHERE "index" = %s', to, place)
        return one

    def recompute(self) -> int:
        """Change a row, then every leaf and chain, as somebody who knows all but the key."""
        place = self.change()
        chain = FIRST_CHAIN
        for leaf in AuditLeaf.objects.order_by("index"):
            mine = leaf_hash(tree.lines_of([leaf.row_id])[leaf.row_id])
            chain = chain_hash(chain, mine)
            self.run("UPDATE audit_auditleaf SET leaf = %s, chain = %s WHERE id = %s", mine, chain, leaf.pk)
        return place


def test_a_thousand_edits_are_found_and_named(log: list[AuditRow], unprotected: Run) -> None:
    draw = random.Random(6962)
    forger = Forger(log, unprotected, draw)
    assert verify("w") == Verified(ROWS, 3)
    for number in range(EDITS):
        edit = (forger.change, forger.delete, forger.insert, forger.swap, forger.recompute)[number % 5]
        with transaction.atomic():
            place = edit()
            with pytest.raises(Untrue) as untrue:
                verify("w")
            transaction.set_rollback(True)
        # Without the key, what was recomputed shows only at the next signed root.
        signed = max([size for size in (0, *SIGNED) if size <= place])
        expected = signed if edit == forger.recompute else place
        assert named(untrue.value) == expected, f"edit {number}: {edit.__name__} of row {place}: {untrue.value}"
    assert verify("w") == Verified(ROWS, 3)


def test_a_row_of_long_ago_that_came_lately_is_named(log: list[AuditRow], add: Add) -> None:
    add(1, id=uuid.UUID(int=int((timezone.now() - timedelta(days=9)).timestamp() * 1000) << 80))
    tree.seal_all(START)
    with pytest.raises(Untrue, match=r"^row 24 \(.*\) was inserted"):
        verify("w")


def test_a_row_that_is_never_sealed_is_named(log: list[AuditRow], add: Add) -> None:
    add(1, id=uuid.UUID(int=int((timezone.now() - timedelta(hours=2)).timestamp() * 1000) << 80))
    with pytest.raises(Untrue, match="has no place in the log"):
        verify("w")


@pytest.mark.parametrize("number", range(3))
def test_a_checkpoint_that_was_removed_is_missed(
    log: list[AuditRow], unprotected: Run, tmp_path: Path, number: int
) -> None:
    checkpoints.copy_checkpoints(tmp_path)
    assert verify("w", copies=tmp_path) == Verified(ROWS, 3)
    pk = AuditCheckpoint.objects.order_by("id").values_list("pk", flat=True)[number]
    unprotected("DELETE FROM audit_auditcheckpoint WHERE id = %s", pk)
    with pytest.raises(Untrue, match="was copied"):
        verify("w", copies=tmp_path)
    if number < 2:
        with pytest.raises(Untrue, match="one was removed or replaced"):
            verify("w")


def test_the_end_of_the_log_is_missed(log: list[AuditRow], unprotected: Run) -> None:
    unprotected("DELETE FROM audit_auditrow WHERE id = %s", key(log[-1].pk))
    unprotected("DELETE FROM audit_auditleaf WHERE row_id = %s", key(log[-1].pk))
    with pytest.raises(Untrue, match="row 23 was removed: 24 rows were signed"):
        verify("w")


def test_another_key_signs_nothing_here(log: list[AuditRow]) -> None:
    other = override_settings(AUDIT_SIGNING_KEY="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    with other, pytest.raises(Untrue, match=r"^checkpoint \d+: signed by no key"):
        verify("w")


def test_a_changed_subtree_is_named(add: Add, unprotected: Run) -> None:
    add(256)
    Sealer().turn()
    assert verify("w") == Verified(256, 1)
    unprotected("UPDATE audit_auditsubtree SET root = %s", bytes(32))
    with pytest.raises(Untrue, match="the rows from 0 on was changed"):
        verify("w")


def test_the_command_says_what_it_found_and_records_it(
    log: list[AuditRow], unprotected: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("verify_audit")
    assert capsys.readouterr().out == "PASS w: 24 rows, 3 checkpoints\n"
    unprotected("UPDATE audit_auditrow SET details = %s WHERE id = %s", json.dumps({"a": 1}), key(log[5].pk))
    with pytest.raises(CommandError, match="not what was sealed"):
        call_command("verify_audit", "--workspace", "w")
    assert capsys.readouterr().out == f"FAIL w: row 5 ({log[5].pk}) was changed\n"
    rows = AuditRow.objects.filter(event_type="HIPAA Audit Log Verified").order_by("id")
    assert list(rows.values_list("outcome", "workspace_id")) == [("done", "w"), ("failed", "w")]


def test_old_rows_that_no_checkpoint_covers_are_named(log: list[AuditRow], unprotected: Run) -> None:
    """Who removes the checkpoints could recompute all the rest."""
    later = timezone.now() + timedelta(hours=3)
    with time_machine.travel(later):
        assert verify("w") == Verified(ROWS, 3)
    last = AuditCheckpoint.objects.order_by("-id").values_list("pk", flat=True)
    for pk, first in ((last[0], SIGNED[1]), (None, 0)):
        unprotected("DELETE FROM audit_auditcheckpoint WHERE id = %s OR %s", pk or 0, pk is None)
        assert verify("w").rows == ROWS  # signed within the hour
        with time_machine.travel(later), pytest.raises(Untrue, match=rf"^row {first} \(.*\) is under no checkpoint"):
            verify("w")


def test_a_log_that_is_gone_altogether_is_missed_by_its_copies(
    log: list[AuditRow], unprotected: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints.copy_checkpoints(tmp_path)
    with override_settings(AUDIT_CHECKPOINT_DIR=str(tmp_path)):
        call_command("verify_audit")
        assert capsys.readouterr().out == "PASS w: 24 rows, 3 checkpoints, as their copies\n"
        for table in ("row", "leaf", "subtree", "checkpoint"):
            unprotected(f"DELETE FROM audit_audit{table} WHERE workspace_id = 'w'")
        with pytest.raises(CommandError, match="not what was sealed"):
            call_command("verify_audit")
    assert re.match(r"FAIL w: checkpoint \d{12} was copied to .* and is not in the database", capsys.readouterr().out)


def test_copies_that_cannot_be_read_are_no_agreement(log: list[AuditRow], tmp_path: Path) -> None:
    with (
        override_settings(AUDIT_CHECKPOINT_DIR=str(tmp_path / "unmounted")),
        pytest.raises(CommandError, match="AUDIT_CHECKPOINT_DIR"),
    ):
        call_command("verify_audit")
    assert not AuditRow.objects.filter(event_type="HIPAA Audit Log Verified").exists()


def test_a_log_is_named_by_slug_or_id_and_an_unknown_one_never_passes(
    log: list[AuditRow], workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["verify_audit", "--workspace"], ["audit_keys"]):
        with pytest.raises(CommandError, match="There is no log of 'acme'"):
            call_command(*command, "acme")
    assert not AuditRow.objects.filter(event_type="HIPAA Audit Log Verified").exists()
    for name in (workspace.slug, str(workspace.pk), str(workspace.pk).upper()):
        call_command("verify_audit", "--workspace", name)
        assert capsys.readouterr().out == f"PASS {workspace.pk}: 0 rows, 0 checkpoints\n"
        call_command("audit_keys", name)
        assert capsys.readouterr().out.startswith(f"localhost/audit/{workspace.pk}+")
    call_command("audit_keys")
    assert capsys.readouterr().out.startswith("localhost/audit/site+")
