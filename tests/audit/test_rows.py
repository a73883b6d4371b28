"""One row's details and its proof, as the people who may see them get them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from audit.models import AuditCheckpoint, AuditLeaf, AuditRow
from audit.proof.checkpoints import published_keys
from audit.proof.sealer import Sealer
from audit.proof.verifier import main
from destinations.models import Destination, Filter
from tests import factories
from tests.queries import counted
from workspaces.models import Source, User, Workspace
from workspaces.roles import Role

ROWS = "/acme-health/settings/audit-log/rows"
FRAGMENT = {"HX-Request": "true"}


def add(workspace: Workspace, **facts: Any) -> AuditRow:
    given = {"workspace_id": str(workspace.pk), "event_type": "Source Modified", "actor_label": "alice@example.com"}
    return AuditRow.objects.create(**{**given, **facts})


def test_details_hold_every_field_and_the_change(as_alice: Client, workspace: Workspace) -> None:
    row = add(
        workspace,
        actor_user_id="u-1",
        actor_kind="person",
        end_user_id="patient-9",
        object_label="Clinic API",
        details={"changed": ["name"], "before": "Old name", "after": "New name", "why": "typo"},
        request_id="0f" * 16,
        route="source_settings",
        address="10.1.2.3",
        user_agent="Firefox",
    )
    page = as_alice.get(f"{ROWS}/{row.pk}")
    text = page.content.decode()
    assert page.context["told"] == "alice@example.com changed a source: Clinic API (end user patient-9)."
    assert page.context["changes"] == [("name", "Old name", "New name")]
    assert page.context["rest"] == [("why", "typo")]
    assert all(str(value) in text for name, value in row.facts if value and name not in {"timestamp", "details"})
    assert f"{row.timestamp:%Y-%m-%d %H:%M:%S.%f} UTC" in text
    assert "Not sealed yet" in text


def test_a_fragment_is_the_same_without_the_frame(as_alice: Client, workspace: Workspace) -> None:
    row = add(workspace)
    fragment = as_alice.get(f"{ROWS}/{row.pk}", headers=FRAGMENT).content.decode()
    assert (str(row.pk) in fragment, "<html" in fragment) == (True, False)


def test_looking_is_recorded_once_with_the_rows_id(as_alice: Client, workspace: Workspace, events: Any) -> None:
    row = add(workspace)
    as_alice.get(f"{ROWS}/{row.pk}", headers=FRAGMENT)
    assert events() == ["Source Modified", "HIPAA Audit Row Viewed"]
    assert AuditRow.objects.first().details == {"row": str(row.pk)}  # type: ignore[union-attr]


@pytest.mark.parametrize("what", ["", "/proof.json"])
def test_rows_of_others_are_not_there(as_alice: Client, charlie: User, what: str) -> None:
    theirs = add(charlie.workspaces.get())
    nowhere = add(charlie.workspaces.get(), workspace_id="")
    for row_id in (theirs.pk, nowhere.pk, uuid.uuid4()):
        assert as_alice.get(f"{ROWS}/{row_id}{what}").status_code == 404
    assert not AuditRow.objects.filter(event_type__startswith="HIPAA Audit Row").exists()
    assert not AuditCheckpoint.objects.exists()


@pytest.mark.parametrize("what", ["", "/proof.json"])
def test_who_may_not_see_the_log_sees_no_row(client: Client, bob: User, workspace: Workspace, what: str) -> None:
    row = add(workspace)
    client.force_login(bob)
    assert client.get(f"{ROWS}/{row.pk}{what}").status_code == 403
    assert AuditRow.objects.first().event_type == "Access Denied"  # type: ignore[union-attr]
    assert not AuditCheckpoint.objects.exists()


def test_a_row_leads_to_its_object_while_it_is_there(as_alice: Client, workspace: Workspace, source: Source) -> None:
    destination = Destination.objects.create(
        workspace=workspace, source=source, kind="webhooks", name="CRM", sealed_settings=b""
    )
    kept = Filter.objects.create(destination=destination, name="F", answers={"action": "drop", "join": "every"})
    member = workspace.memberships.get()
    pages = {
        "Source": (source.pk, f"/acme-health/sources/{source.slug}/overview"),
        "Destination": (destination.pk, f"/acme-health/destinations/{destination.pk}/overview"),
        "Filter": (kept.pk, f"/acme-health/destinations/{destination.pk}/filters/{kept.pk}"),
        "Workspace": (workspace.pk, "/acme-health/settings/basic"),
        "Membership": (member.pk, f"/acme-health/settings/access-management/users/{member.pk}"),
        "User": (member.user_id, f"/acme-health/settings/access-management/users/{member.pk}"),
        "Sweep": (uuid.uuid4(), ""),
        "LogEntry": (7, ""),
    }
    for object_type, (object_id, url) in pages.items():
        row = add(workspace, object_type=object_type, object_id=str(object_id))
        assert as_alice.get(f"{ROWS}/{row.pk}").context["object_url"] == url
        if url:
            assert as_alice.get(url).status_code == 200
    kept.delete()
    row = AuditRow.objects.filter(object_type="Filter", event_type="Source Modified").get()
    assert as_alice.get(f"{ROWS}/{row.pk}").context["object_url"] == ""


def test_an_object_of_another_workspace_is_not_linked_to(as_alice: Client, workspace: Workspace, charlie: User) -> None:
    theirs = factories.SourceFactory(workspace=charlie.workspaces.get())
    row = add(workspace, object_type="Source", object_id=str(theirs.pk))
    assert as_alice.get(f"{ROWS}/{row.pk}").context["object_url"] == ""


def test_an_auditor_is_led_to_nothing_they_may_not_open(client: Client, workspace: Workspace, source: Source) -> None:
    client.force_login(factories.member(workspace, "nadia", Role.AUDITOR))
    row = add(workspace, object_type="Source", object_id=str(source.pk))
    page = client.get(f"{ROWS}/{row.pk}")
    assert (page.status_code, page.context["object_url"]) == (200, "")


def test_details_cost_a_fixed_number_of_queries(as_alice: Client, workspace: Workspace) -> None:
    row = add(workspace)
    Sealer().turn()
    as_alice.get(f"{ROWS}/{row.pk}")
    with counted() as queries:
        as_alice.get(f"{ROWS}/{row.pk}")
    assert len(queries) <= 18


@pytest.mark.parametrize("sealed", [False, True])
def test_a_proof_of_one_row_checks_out(
    as_alice: Client,
    workspace: Workspace,
    events: Callable[[], list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    sealed: bool,
) -> None:
    rows = [add(workspace, object_label=f"row {n}") for n in range(20)]
    if sealed:
        Sealer().turn()
    answer = as_alice.get(f"{ROWS}/{rows[7].pk}/proof.json")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="acme-health-hipaa-audit-proof-')
    proof = json.loads(answer.content)
    assert json.loads(proof["row"])["object_label"] == "row 7"
    (tmp_path / "proof.json").write_bytes(answer.content)
    key = published_keys(str(workspace.pk))[0]
    assert main(["--proof", str(tmp_path / "proof.json"), "--key", key]) == 0
    proof["row"] = proof["row"].replace("row 7", "row 8")
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    assert main(["--proof", str(tmp_path / "proof.json"), "--key", key]) == 1
    assert capsys.readouterr().out.split(":")[0::2][0] == "PASS"
    assert events()[20:] == ["HIPAA Audit Row Proved"]
    place = AuditLeaf.objects.get(row_id=rows[7].pk).index
    page = as_alice.get(f"{ROWS}/{rows[7].pk}").content.decode()
    assert (
        f"Row {place}, under a signed checkpoint of {place + 1 if not sealed else 20} rows" in page or "signed" in page
    )


def test_a_second_proof_under_the_same_checkpoint_signs_nothing(as_alice: Client, workspace: Workspace) -> None:
    row = add(workspace)
    as_alice.get(f"{ROWS}/{row.pk}/proof.json")
    as_alice.get(f"{ROWS}/{row.pk}/proof.json")
    assert AuditCheckpoint.objects.count() == 1
