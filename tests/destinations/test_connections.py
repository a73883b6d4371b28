"""Creating, finding and changing destinations: what is written, what is recorded, what is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.http import Http404

from audit.models import AuditRow
from destinations import connections
from destinations.models import Destination, Draft, EncryptedField, PublicKey
from destinations.settings_store import open_settings
from privacy.inventory import classify_field
from privacy.models import Classification
from tests.destinations.factories import URL, DestinationFactory
from tests.destinations.making import answers, draft_at_setup, generated, nothing_written, plain, recorded
from tests.factories import SourceFactory, join, member
from workspaces.models import Source, User, Workspace
from workspaces.sealing import SealError

SETTINGS = {"url": URL, "headers": "Authorization: Bearer hunter2", "shared_secret": "s3cr3t"}


@pytest.fixture
def draft(source: Source, alice: User) -> Draft:
    return draft_at_setup(source, alice)


@pytest.fixture
def crm(source: Source) -> Destination:
    return DestinationFactory(source=source, name="CRM", **SETTINGS)


def refusal(draft: Draft, actor: User, **changes: Any) -> dict[str, list[str]]:
    """What is said about the answers; nothing must have been written or recorded."""
    with nothing_written(), recorded() as rows, pytest.raises(ValidationError) as refused:
        connections.create_destination(draft, answers(**changes), actor=actor)
    assert rows == []
    return refused.value.message_dict


def test_a_plain_destination_is_created(draft: Draft, source: Source, alice: User) -> None:
    with recorded() as rows:
        made = connections.create_destination(draft, plain(settings=SETTINGS, enabled=False), actor=alice)
    made.refresh_from_db()
    assert (made.name, made.kind, made.source, made.workspace) == ("Care team", "webhooks", source, source.workspace)
    assert (made.enabled, made.encrypts, made.public_key, made.revision) == (False, False, None, 1)
    assert connections.settings_of(made) == SETTINGS
    assert not Draft.objects.exists()
    assert rows == ["Destination Created"]


def test_an_encrypted_destination_is_created(draft: Draft, alice: User) -> None:
    pair = generated(draft, alice)
    with recorded() as rows:
        made = connections.create_destination(draft, answers(), actor=alice)
    key = PublicKey.objects.get()
    assert (made.encrypts, made.public_key, key.destination) == (True, key, made)
    assert (key.pem, key.bits, key.made_by, key.in_force_to) == (pair.public_pem, 2048, alice, None)
    assert key.in_force_from is not None
    field = EncryptedField.objects.get()
    assert (field.kind, field.reference, field.terms) == ("default_matcher", "email", ["email"])
    assert rows == ["Destination Created", "Data Encryption Enabled"]


def test_each_choice_keeps_the_terms_it_stood_for(draft: Draft, alice: User) -> None:
    classify_field(draft.workspace, name="patient.mrn", classification=Classification.YELLOW, actor=alice)
    fields = ["default_matcher:birthdate", "inventory:patient.mrn"]
    generated(draft, alice, fields=fields)
    connections.create_destination(draft, answers(fields=fields), actor=alice)
    assert list(EncryptedField.objects.values_list("kind", "reference", "terms")) == [
        ("default_matcher", "birthdate", ["birthdate", "dob"]),
        ("inventory", "patient.mrn", ["patient.mrn", "mrn"]),
    ]


def test_settings_are_sealed_to_their_destination(draft: Draft, crm: Destination, alice: User) -> None:
    made = connections.create_destination(draft, plain(settings=SETTINGS), actor=alice)
    assert b"s3cr3t" not in bytes(made.sealed_settings)
    with pytest.raises(SealError):
        open_settings(made.sealed_settings, owner_id=crm.pk)


def test_the_audit_log_names_what_changed_and_no_secret(draft: Draft, alice: User) -> None:
    pair = generated(draft, alice)
    made = connections.create_destination(draft, answers(settings=SETTINGS), actor=alice)
    row = AuditRow.objects.get(event_type="Data Encryption Enabled")
    assert made.public_key is not None
    facts = {"fingerprint": made.public_key.fingerprint, "bits": 2048, "fields": ["default_matcher:email"]}
    assert (row.object_id, row.object_label, row.details) == (str(made.pk), "Care team", facts)
    told = str(list(AuditRow.objects.values()))
    assert not [word for word in ("s3cr3t", "hunter2", *pair.public_pem.splitlines()[1:-1]) if word in told]


@pytest.mark.parametrize("taken", ["Care team", "CARE TEAM"])
def test_names_are_unique_in_a_workspace(draft: Draft, source: Source, alice: User, taken: str) -> None:
    DestinationFactory(source=source, name=taken)
    generated(draft, alice)
    assert refusal(draft, alice) == {"name": ["This workspace already has a destination of that name."]}


def test_another_workspace_may_use_the_same_name(draft: Draft, alice: User, charlie: User) -> None:
    DestinationFactory(source=SourceFactory(workspace=charlie.workspaces.get()), name="Care team")
    connections.create_destination(draft, plain(), actor=alice)
    assert Destination.objects.filter(name="Care team").count() == 2


def test_a_source_that_filled_up_meanwhile_is_refused(draft: Draft, source: Source, alice: User) -> None:
    DestinationFactory.create_batch(25, source=source)
    said = {"source": [f"{source.name} already has 25 Webhooks destinations."]}
    assert refusal(draft, alice, encrypts=False) == said


def test_without_a_source_nothing_is_created(draft: Draft, alice: User) -> None:
    Draft.objects.update(source=None)
    assert refusal(draft, alice, encrypts=False) == {"source": ["Choose a source first."]}


def test_without_fields_and_keys_nothing_is_created(draft: Draft, alice: User) -> None:
    assert refusal(draft, alice, fields=()) == {
        "fields": ["Choose at least one field."],
        "encrypts": ["Generate encryption keys before you create the destination."],
    }


def test_without_the_tick_nothing_is_created(draft: Draft, alice: User) -> None:
    generated(draft, alice)
    said = {"key_stored": ["Store the private key, then tick this box. It cannot be shown again."]}
    assert refusal(draft, alice, key_stored=False) == said


@pytest.mark.parametrize("value", ["default_matcher:ssn", "default_matcher:password", "inventory:nope", "email", ""])
def test_only_offered_fields_can_be_encrypted(draft: Draft, alice: User, value: str) -> None:
    generated(draft, alice)
    said = {"fields": ["A chosen field can no longer be encrypted. Choose again."]}
    assert refusal(draft, alice, fields=["default_matcher:email", value]) == said


def test_a_field_that_turned_red_meanwhile_is_refused(draft: Draft, alice: User) -> None:
    generated(draft, alice)
    classify_field(draft.workspace, name="Email", classification=Classification.RED, actor=alice)
    assert list(refusal(draft, alice)) == ["fields"]


def test_no_encryption_without_eligibility(draft: Draft, alice: User) -> None:
    generated(draft, alice)
    Workspace.objects.update(plan="team")
    with nothing_written(), pytest.raises(PermissionDenied):
        connections.create_destination(draft, answers(), actor=alice)
    made = connections.create_destination(draft, plain(), actor=alice)
    assert (made.encrypts, PublicKey.objects.count()) == (False, 0)


def test_a_pair_that_is_not_used_is_dropped_and_told_of(draft: Draft, alice: User) -> None:
    generated(draft, alice)
    with recorded() as rows:
        connections.create_destination(draft, plain(), actor=alice)
    assert not PublicKey.objects.exists()
    assert rows == ["Destination Created", "Data Encryption Keys Discarded"]


def test_a_draft_makes_one_destination(draft: Draft, alice: User) -> None:
    connections.create_destination(draft, plain(), actor=alice)
    with pytest.raises(Http404):
        connections.create_destination(draft, plain(name="Another"), actor=alice)
    assert Destination.objects.count() == 1


def test_another_persons_draft_makes_nothing(draft: Draft, workspace: Workspace) -> None:
    with nothing_written(), pytest.raises(Http404):
        connections.create_destination(draft, plain(), actor=member(workspace, "dora", "owner"))


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_with_one_name_one_is_told(source: Source, alice: User) -> None:
    drafts_at_setup = [draft_at_setup(source, alice) for _ in range(2)]
    said: list[object] = []
    together = threading.Barrier(2, timeout=20)

    def create(draft: Draft) -> None:
        together.wait()
        try:
            said.append(connections.create_destination(draft, plain(), actor=alice).name)
        except ValidationError as refused:
            said.append(refused.message_dict)
        finally:
            connection.close()

    threads = [threading.Thread(target=create, args=[draft]) for draft in drafts_at_setup]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(said, key=str) == ["Care team", {"name": [connections.NAME_TAKEN]}]


def test_a_change_is_told_by_its_names(crm: Destination, alice: User) -> None:
    with recorded() as rows:
        changed = connections.change_destination(
            crm, actor=alice, name="Labs", settings={**SETTINGS, "shared_secret": "0ther"}
        )
    crm.refresh_from_db()
    assert (changed, crm.name, crm.revision) == (["name", "shared_secret"], "Labs", 2)
    assert connections.settings_of(crm)["shared_secret"] == "0ther"
    assert rows == ["Destination Modified"]
    row = AuditRow.objects.get(event_type="Destination Modified")
    assert row.details == {"changed": ["name", "shared_secret"]}


def test_no_change_is_no_row_and_no_new_revision(crm: Destination, alice: User) -> None:
    with nothing_written(), recorded() as rows:
        assert connections.change_destination(crm, actor=alice, name="CRM", settings=SETTINGS) == []
        assert connections.enable_destination(crm, actor=alice) is False
    assert rows == []


def test_a_name_in_use_is_refused_but_ones_own_may_change_case(crm: Destination, alice: User) -> None:
    DestinationFactory(source=crm.source, name="Labs")
    with nothing_written(), pytest.raises(ValidationError) as refused:
        connections.change_destination(crm, actor=alice, name="LABS", settings=SETTINGS)
    assert refused.value.message_dict == {"name": [connections.NAME_TAKEN]}
    assert connections.change_destination(crm, actor=alice, name="crm", settings=SETTINGS) == ["name"]


def test_a_destination_is_switched_off_and_on(crm: Destination, alice: User) -> None:
    with recorded() as rows:
        assert connections.disable_destination(crm, actor=alice) is True
        crm.refresh_from_db()
        assert (crm.enabled, crm.revision) == (False, 2)
        assert connections.enable_destination(crm, actor=alice) is True
    assert rows == ["Destination Disabled", "Destination Enabled"]


VERBS: dict[str, Callable[[Destination, User], object]] = {
    "change": lambda crm, person: connections.change_destination(crm, actor=person, name="X", settings=SETTINGS),
    "disable": lambda crm, person: connections.disable_destination(crm, actor=person),
    "create": lambda crm, person: connections.create_destination(
        Draft.objects.create(workspace=crm.workspace, user=person, kind="webhooks", source=crm.source),
        plain(),
        actor=person,
    ),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_readers_and_outsiders_change_nothing(
    crm: Destination, bob: User, charlie: User, verb: Callable[[Destination, User], object]
) -> None:
    for person, refused in ((bob, PermissionDenied), (charlie, Http404)):
        with pytest.raises(refused):
            verb(crm, person)
    crm.refresh_from_db()
    assert (Destination.objects.get(), crm.name, crm.enabled, crm.revision) == (crm, "CRM", True, 1)


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_without_its_row_nothing_is_written(
    crm: Destination,
    alice: User,
    verb: Callable[[Destination, User], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(AuditRow, "save", lambda self, **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        verb(crm, alice)
    crm.refresh_from_db()
    assert (Destination.objects.get(), crm.name, crm.enabled, crm.revision) == (crm, "CRM", True, 1)


def test_a_destination_is_found_in_its_own_workspace_only(
    crm: Destination, alice: User, bob: User, charlie: User
) -> None:
    assert connections.find(crm.pk, actor=bob, workspace=crm.workspace) == crm
    umbrella = charlie.workspaces.get()
    join(umbrella, alice, "owner")
    for person, workspace in ((alice, umbrella), (charlie, umbrella), (charlie, crm.workspace)):
        with pytest.raises(Http404):
            connections.find(crm.pk, actor=person, workspace=workspace)
