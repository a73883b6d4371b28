"""Every row gets one place, late ones too; what is stored makes every proof; a line stays what it was."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import override_settings
from django.utils import timezone

from audit.models import (
    AppendOnlyError,
    AuditCheckpoint,
    AuditLeaf,
    AuditPurgeRun,
    AuditRow,
    AuditSubtree,
    AuditTombstone,
)
from audit.proof import checkpoints, purging, tree
from audit.proof.canonical import ALWAYS, line
from audit.proof.merkle import consistency_path, inclusion_path, range_root
from audit.proof.sealer import Sealer
from audit.proof.verification import verify
from audit.proof.verifier import (
    Untrue,
    check_consistency,
    check_inclusion,
    leaf_hash,
    open_note,
    read_checkpoint,
    read_public_key,
)
from tests.audit.proof.making import START, key, old_rows
from workspaces.models import Workspace

Add = Callable[..., list[AuditRow]]
Seal = Callable[[], dict[str, int]]
KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(32)).decode()


def read(checkpoint: AuditCheckpoint) -> Any:
    keys = [read_public_key(each) for each in checkpoints.published_keys(checkpoint.workspace_id)]
    return read_checkpoint(open_note(checkpoint.note, keys))


def test_a_line_is_what_is_documented() -> None:
    row = AuditRow(
        id=uuid.UUID(int=7),
        workspace_id="w",
        event_type="Source Viewed",
        object_label="Zoë\n",
        details={"b": 1, "a": [True, None]},
        timestamp=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    )
    assert line(dict(row.facts)) == (
        b'{"actor_kind":"","actor_label":"","actor_user_id":"","address":null,"details":{"a":[true,null],"b":1},'
        b'"end_user_id":"","event_type":"Source Viewed","id":"00000000-0000-0000-0000-000000000007",'
        b'"object_id":"","object_label":"Zo\\u00eb\\n","object_type":"","on_behalf_of":"","on_behalf_of_label":"",'
        b'"outcome":"done","request_id":"","route":"","timestamp":"2026-01-02T03:04:05.000006Z","user_agent":"",'
        b'"workspace_id":"w"}'
    )


def test_a_field_the_model_gains_changes_no_older_line() -> None:
    row = {**dict(AuditRow().facts), "timestamp": datetime(2026, 1, 2, tzinfo=UTC)}
    assert line({**row, "new": ""}) == line({**row, "new": None}) == line({**row, "new": {}}) == line(row)
    assert b'"new":"x"' in line({**row, "new": "x"})
    assert set(row) >= ALWAYS


def test_every_row_gets_one_place_in_the_order_of_its_workspace(add: Add, seal: Seal) -> None:
    own, others, siteless = add(3), add(2, workspace_id="v"), add(1, workspace_id="")
    assert seal() == {"w": 3, "v": 2, "": 1}
    assert seal() == {}
    for workspace_id, rows in (("w", own), ("v", others), ("", siteless)):
        leaves = AuditLeaf.objects.filter(workspace_id=workspace_id).order_by("index")
        assert list(leaves.values_list("index", "row_id")) == list(enumerate(row.pk for row in rows))
    assert bytes(AuditLeaf.objects.get(row_id=own[1].pk).leaf) == leaf_hash(tree.lines_of([own[1].pk])[own[1].pk])


def test_a_row_that_commits_late_gets_the_next_place(add: Add, seal: Seal) -> None:
    early = AuditRow(workspace_id="w", event_type="Source Viewed")
    add(2)
    seal()
    early.save()
    assert seal() == {"w": 1}
    assert AuditLeaf.objects.get(row_id=early.pk).index == 2


def test_chunks_go_on_where_the_last_ended(add: Add) -> None:
    add(5)
    first, last = tree.seal_some(START, limit=3)
    assert last is not None
    assert (first, tree.seal_some(last, limit=3)) == ({"w": 3}, ({"w": 2}, None))


def test_what_is_stored_makes_every_proof(add: Add, seal: Seal) -> None:
    for count in (1, 254, 2, 300):
        add(count)
        seal()
    stored = AuditSubtree.objects.order_by("level", "index").values_list("level", "index")
    assert list(stored) == [(8, 0), (8, 1)]
    own = tree.Tree("w")
    leaves = [bytes(leaf) for leaf in AuditLeaf.objects.order_by("index").values_list("leaf", flat=True)]
    assert own.size() == len(leaves) == 557
    root = range_root(own.node, 0, 557)
    for index in (0, 255, 256, 511, 512, 556):
        check_inclusion(leaves[index], index, 557, inclusion_path(own.node, index, 557), root)
    for old in (1, 255, 256, 300, 512, 557):
        check_consistency(old, range_root(own.node, 0, old), 557, root, consistency_path(own.node, old, 557))
    with pytest.raises(LookupError):
        own.node(8, 2)


@pytest.mark.parametrize("table", ["auditleaf", "auditsubtree", "auditcheckpoint"])
def test_the_database_keeps_what_seals(add: Add, seal: Seal, table: str) -> None:
    add(256)
    seal()
    checkpoints.make_checkpoint("w")
    statements = [f"DELETE FROM audit_{table}", f"UPDATE audit_{table} SET workspace_id = 'x'"]
    if connection.vendor == "sqlite":
        columns = [each.column for each in AuditLeaf._meta.concrete_fields] if table == "auditleaf" else ["*"]
        if table == "auditleaf":
            chosen = ", ".join('"index"' if each == "index" else each for each in columns[1:])
            statements.append(f"INSERT OR REPLACE INTO audit_{table} ({chosen}) SELECT {chosen} FROM audit_{table}")
    else:
        statements.append(f"TRUNCATE audit_{table}")
    for statement in statements:
        with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_the_orm_refuses_too(add: Add, seal: Seal) -> None:
    add()
    seal()
    for attempt in (AuditLeaf.objects.get().save, AuditLeaf.objects.get().delete):
        with pytest.raises(AppendOnlyError):
            attempt()


def test_checkpoints_are_signed_and_chained(add: Add, seal: Seal) -> None:
    add(3)
    seal()
    first = read(checkpoints.make_checkpoint("w"))
    add(2)
    seal()
    second = read(checkpoints.make_checkpoint("w"))
    assert (first.origin, first.size, first.previous) == ("localhost/audit/w", 3, "")
    assert (second.size, second.previous) == (
        5,
        base64.b64encode(hashlib.sha256(first.text.encode()).digest()).decode(),
    )
    assert second.root == range_root(tree.Tree("w").node, 0, 5)


def test_an_empty_log_has_a_checkpoint_too(db: None) -> None:
    assert read(checkpoints.make_checkpoint("w")).root == hashlib.sha256(b"").digest()


def test_an_old_key_still_opens_what_it_signed(add: Add, seal: Seal) -> None:
    add()
    seal()
    with override_settings(AUDIT_SIGNING_KEY=KEY, AUDIT_OLD_PUBLIC_KEYS=[]):
        signed = checkpoints.make_checkpoint("w")
        assert len(checkpoints.published_keys("w")) == 1
    old = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()
    with override_settings(AUDIT_SIGNING_KEY=OTHER_KEY, AUDIT_OLD_PUBLIC_KEYS=[base64.b64encode(old).decode()]):
        assert read(signed).size == 1
        assert len(checkpoints.published_keys("w")) == 2


@pytest.mark.parametrize("key", ["", "AAAA", "not base64"])
def test_a_key_that_cannot_sign_is_noticed(key: str) -> None:
    with override_settings(AUDIT_SIGNING_KEY=key), pytest.raises(checkpoints.KeyUnusable, match="base64 of 32 bytes"):
        checkpoints.signing_key()


def test_the_sealer_signs_every_hour_what_grew(add: Add) -> None:
    sizes = AuditCheckpoint.objects.order_by("id").values_list("workspace_id", "size")
    start = datetime(2026, 1, 2, tzinfo=UTC)
    add(2)
    for minutes in (0, 30, 59, 61, 200):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            Sealer().turn()
            if minutes == 30:
                add(1)
                Sealer().turn()
    assert list(sizes) == [("w", 2), ("w", 3)]


def test_the_sealer_copies_checkpoints_out_once(add: Add, tmp_path: Path) -> None:
    add()
    with override_settings(AUDIT_CHECKPOINT_DIR=str(tmp_path)):
        sealer = Sealer()
        assert sealer.turn() is False
        checkpoint = AuditCheckpoint.objects.get()
        copy = tmp_path / "w" / f"{checkpoint.pk:012}.note"
        assert copy.read_text() == checkpoint.note
        copy.write_text("what was copied stays")
        sealer.turn()
        Sealer().turn()
    assert copy.read_text() == "what was copied stays"
    assert [path.name for path in (tmp_path / "w").iterdir()] == [copy.name]


def test_a_damaged_log_stops_no_other(
    add: Add, unprotected: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody took a leaf away: that log is signed no more, and the others go on."""
    add(200)
    sealer = Sealer()
    sealer.turn()
    (taken,) = AuditLeaf.objects.filter(index=100)
    unprotected('DELETE FROM audit_auditleaf WHERE "index" = %s', 100)
    unprotected("DELETE FROM audit_auditrow WHERE id = %s", key(taken.row_id))
    add(100)  # past the next stored subtree
    add(5, workspace_id="other")
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        for _ in range(2):
            Sealer().turn()
    assert AuditLeaf.objects.filter(workspace_id="w").count() == 299
    assert AuditLeaf.objects.filter(workspace_id="other").count() == 5
    assert dict(AuditCheckpoint.objects.values_list("workspace_id", "size")) == {"w": 200, "other": 5}
    assert any(each.levelname == "ERROR" and "run verify_audit" in each.message for each in caplog.records)
    with pytest.raises(Untrue, match=r"^row 100 was removed"):
        verify("w")


def test_a_purge_goes_on_behind_a_damaged_log(add: Add, unprotected: Callable[..., None]) -> None:
    for name in ("a", "b"):
        old_rows(6, workspace_id=name)
        tree.seal_all(START)
        checkpoints.make_checkpoint(name)
    assert purging.purge_some("a", now=timezone.now(), limit=3) is not None
    unprotected("DELETE FROM audit_auditleaf WHERE workspace_id = 'a' AND \"index\" = 1")
    found = list(purging.purge(AuditPurgeRun.objects.create(started_at=timezone.now())))
    assert [type(each) for each in found] == [Untrue, AuditTombstone]
    assert AuditRow.objects.filter(workspace_id="a", event_type="Source Viewed").count() == 3
    assert AuditRow.objects.get(workspace_id="a", outcome="failed").event_type == "HIPAA Audit Log Purged"


def test_public_keys_are_printed_and_the_private_one_is_not(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with override_settings(AUDIT_SIGNING_KEY=KEY):
        call_command("audit_keys", workspace.slug)
    out = capsys.readouterr().out
    public = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()
    assert read_public_key(out.splitlines()[0]) == (f"localhost/audit/{workspace.pk}", public)
    assert base64.b64encode(public).decode() in out.splitlines()[1]
    assert KEY not in out


def test_lines_are_json_for_anyone(add: Add) -> None:
    (row,) = add(details={"filter": {"since": "2026"}}, address="192.0.2.1")
    told = json.loads(tree.lines_of([row.pk])[row.pk])
    assert (told["details"], told["address"], told["id"]) == ({"filter": {"since": "2026"}}, "192.0.2.1", str(row.pk))
