"""The site moves to another host: the log keeps its name, and what was signed before can still be checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from django.test import Client, override_settings

from audit.models import AuditCheckpoint, AuditRow
from audit.proof import checkpoints, tree
from audit.proof.verification import verify
from audit.proof.verifier import Untrue, check_pack
from tests.audit.proof.making import START
from workspaces.models import Workspace

Add = Callable[..., list[AuditRow]]


def grow(add: Add) -> AuditCheckpoint:
    add(3)
    tree.seal_all(START)
    return checkpoints.make_checkpoint("w")


def test_a_log_keeps_the_name_of_its_first_checkpoint(add: Add) -> None:
    keys = checkpoints.published_keys("w")
    first = grow(add)
    with override_settings(SITE_HOST="data.example.org"):
        second = grow(add)
        assert checkpoints.published_keys("w") == keys
        assert checkpoints.origin("other") == "data.example.org/audit/other"
        assert verify("w").checkpoints == 2
    assert [each.note.splitlines()[0] for each in (first, second)] == ["localhost/audit/w"] * 2


def test_a_log_that_had_two_names_is_still_true(add: Add) -> None:
    """As it was before names were kept."""
    grow(add)
    with mock.patch.object(checkpoints, "origin", return_value="data.example.org/audit/w"):
        grow(add)
    grow(add)
    assert verify("w").checkpoints == 3
    assert [each.split("+")[0] for each in checkpoints.keys_ever("w")] == [
        "localhost/audit/w",
        "data.example.org/audit/w",
    ]


def test_a_checkpoint_of_another_log_is_not_taken_for_one_of_this(add: Add) -> None:
    grow(add)
    with mock.patch.object(checkpoints, "origin", return_value="localhost/audit/other"):
        grow(add)
    with pytest.raises(Untrue, match="signed by no key"):
        verify("w")


def test_packs_pass_under_the_key_that_was_handed_out_before(
    as_alice: Client, workspace: Workspace, tmp_path: Path
) -> None:
    keys = checkpoints.published_keys(str(workspace.pk))
    checkpoints.make_checkpoint(str(workspace.pk))
    AuditRow.objects.create(workspace_id=str(workspace.pk), event_type="Source Viewed")
    with override_settings(SITE_HOST="data.example.org"):
        answer = as_alice.get("/acme-health/settings/audit-log-evidence.zip")
        (tmp_path / "pack.zip").write_bytes(b"".join(answer.streaming_content))
    assert check_pack(str(tmp_path / "pack.zip"), keys)["rows"] == 2
