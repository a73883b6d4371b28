"""Data Encryption on the Setup page: what is offered, what the server refuses whatever a script would have allowed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from destinations.models import Destination, Draft, EncryptedField, PublicKey
from privacy.inventory import classify_field
from privacy.matchers import DEFAULT_MATCHERS
from privacy.models import Classification
from tests.destinations.making import (
    BASE,
    ENCRYPTION,
    Wizard,
    draft_at_setup,
    field_errors,
    nothing_written,
    recorded,
    shown_key,
)
from workspaces.models import Source, User, Workspace

CREATE = {**ENCRYPTION, "key_stored": "on"}
CHOOSE_AGAIN = "A chosen field can no longer be encrypted. Choose again."


@pytest.fixture
def wizard(as_alice: Client, source: Source, alice: User) -> Wizard:
    return Wizard(as_alice, draft_at_setup(source, alice))


@pytest.fixture
def plain_workspace(wizard: Wizard) -> Wizard:
    """The wizard in a workspace that is not HIPAA eligible."""
    Workspace.objects.update(baa_signed_on=None)
    return wizard


def offered(page: str) -> list[str]:
    return re.findall(r'<option value="([a-z]+_?[a-z]*:[^"]+)"', page)


def classify(wizard: Wizard, **fields: Classification) -> None:
    for name, classification in fields.items():
        classify_field(wizard.draft.workspace, name=name, classification=classification, actor=wizard.draft.user)


def test_yellow_matchers_and_yellow_fields_are_offered(wizard: Wizard) -> None:
    classify(wizard, mrn=Classification.YELLOW, plan_name=Classification.GREEN, ssn=Classification.RED)
    page = wizard.open().content.decode()
    yellow = sorted(matcher.name for matcher in DEFAULT_MATCHERS if matcher.classification == "yellow")
    assert offered(page) == [f"default_matcher:{name}" for name in yellow] + ["inventory:mrn"]
    assert re.findall(r'<optgroup label="([^"]+)"', page) == ["Default matchers", "Yellow inventory fields"]
    assert "Fields that are not listed must first be set to Yellow in the Privacy Portal." in page


def test_a_matcher_the_workspace_calls_red_is_not_offered(wizard: Wizard) -> None:
    classify(wizard, E_Mail=Classification.GREEN, Phone=Classification.RED)
    assert "default_matcher:email" in offered(wizard.open().content.decode())
    assert "default_matcher:phone" not in offered(wizard.open().content.decode())


def test_another_workspaces_fields_are_not_offered(wizard: Wizard, charlie: User) -> None:
    umbrella = charlie.workspaces.get()
    classify_field(umbrella, name="t_virus", classification=Classification.YELLOW, actor=charlie)
    assert "t_virus" not in wizard.open().content.decode()
    assert field_errors(wizard.generate(fields=["inventory:t_virus"]).content.decode()) == {"fields": CHOOSE_AGAIN}
    assert not PublicKey.objects.exists()


def test_an_encrypted_destination_is_created(wizard: Wizard) -> None:
    shown_key(wizard.generate().content.decode())
    with recorded() as rows:
        response = wizard.create(**CREATE)
    made = Destination.objects.get()
    assert (response.status_code, made.encrypts, made.public_key) == (302, True, PublicKey.objects.get())
    assert list(EncryptedField.objects.values_list("reference", flat=True)) == ["email"]
    assert rows == ["Destination Created", "Data Encryption Enabled"]


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({}, {"encrypts": "Generate encryption keys before you create the destination."}),
        (
            {"fields": []},
            {
                "encrypts": "Generate encryption keys before you create the destination.",
                "fields": "Choose at least one field.",
            },
        ),
        ({"fields": ["default_matcher:ssn"]}, {"fields": CHOOSE_AGAIN}),
        ({"key_bits": "1024"}, {"key_bits": "Select a valid choice. 1024 is not one of the available choices."}),
    ],
)
def test_without_keys_nothing_is_created(wizard: Wizard, answers: dict[str, Any], says: dict[str, str]) -> None:
    with recorded() as rows:
        page = wizard.create(**{**CREATE, **answers}).content.decode()
    assert field_errors(page) == says
    assert (Destination.objects.count(), rows) == (0, ["Destination Setup Modified"])


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"key_stored": ""}, {"key_stored": "Store the private key, then tick this box. It cannot be shown again."}),
        ({"fields": []}, {"fields": "Choose at least one field."}),
        ({"fields": ["default_matcher:email", "default_matcher:password"]}, {"fields": CHOOSE_AGAIN}),
        ({"fields": ["inventory:email"]}, {"fields": CHOOSE_AGAIN}),
        ({"fields": ["email"]}, {"fields": CHOOSE_AGAIN}),
    ],
)
def test_with_keys_the_rest_is_still_asked_for(wizard: Wizard, answers: dict[str, Any], says: dict[str, str]) -> None:
    wizard.generate()
    page = wizard.create(**{**CREATE, **answers}).content.decode()
    assert field_errors(page) == says
    assert not Destination.objects.exists()
    assert PublicKey.objects.get().destination is None


def test_a_field_that_turned_red_after_the_keys_is_refused(wizard: Wizard) -> None:
    wizard.generate()
    classify(wizard, email=Classification.RED)
    assert field_errors(wizard.create(**CREATE).content.decode()) == {"fields": CHOOSE_AGAIN}
    assert not Destination.objects.exists()


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"fields": []}, {"fields": "Choose at least one field."}),
        ({"fields": ["default_matcher:ssn"]}, {"fields": CHOOSE_AGAIN}),
        ({"encrypts": ""}, {"encrypts": "Tick this box before you generate keys."}),
        ({"key_bits": "512"}, {"key_bits": "Select a valid choice. 512 is not one of the available choices."}),
    ],
)
def test_no_pair_is_drawn_for_nothing(wizard: Wizard, answers: dict[str, Any], says: dict[str, str]) -> None:
    with recorded() as rows:
        page = wizard.generate(**answers).content.decode()
    assert field_errors(page) == says
    assert (PublicKey.objects.count(), rows) == (0, ["Destination Setup Modified"])


def test_generating_judges_no_other_part_and_keeps_it(wizard: Wizard) -> None:
    page = wizard.generate(name="", **{"settings-url": "nonsense", "settings-headers": "x"}).content.decode()
    shown_key(page)
    assert field_errors(page) == {}
    assert 'value="nonsense"' in page
    assert 'value="nonsense"' in wizard.open().content.decode()


def test_fields_may_change_after_the_keys(wizard: Wizard) -> None:
    wizard.generate()
    wizard.create(**{**CREATE, "fields": ["default_matcher:phone", "default_matcher:dob", "default_matcher:birthdate"]})
    assert not Destination.objects.exists()  # dob is a synonym, not a choice
    wizard.create(**{**CREATE, "fields": ["default_matcher:phone", "default_matcher:birthdate"]})
    assert list(EncryptedField.objects.values_list("reference", flat=True)) == ["birthdate", "phone"]


def test_the_size_asked_for_is_drawn(wizard: Wizard) -> None:
    page = wizard.generate(key_bits="4096").content.decode()
    assert "<dd>4096 bits</dd>" in page
    assert PublicKey.objects.get().bits == 4096


def test_unticking_creates_a_plain_destination_and_drops_the_pair(wizard: Wizard) -> None:
    wizard.generate()
    with recorded() as rows:
        wizard.create(fields=["default_matcher:email"], key_stored="on")
    assert Destination.objects.get().encrypts is False
    assert not PublicKey.objects.exists()
    assert not EncryptedField.objects.exists()
    assert rows == ["Destination Created", "Data Encryption Keys Discarded"]


def test_a_workspace_that_is_not_eligible_has_no_section(plain_workspace: Wizard) -> None:
    page = plain_workspace.open().content.decode()
    assert "Data Encryption" not in page
    assert "encrypt" not in page.split("<main")[1].split("create-hint")[0].lower()


def test_forged_encryption_is_refused_there_and_writes_nothing(plain_workspace: Wizard) -> None:
    with nothing_written(), recorded() as rows:
        answers = [plain_workspace.generate(), plain_workspace.create(**CREATE), plain_workspace.create(**ENCRYPTION)]
    assert [answer.status_code for answer in answers] == [403] * 3
    assert rows == ["Access Denied"] * 3
    assert not [answer for answer in answers if b"PRIVATE KEY-----" in answer.content]


def test_keys_from_before_are_refused_once_eligibility_ends(wizard: Wizard) -> None:
    wizard.generate()
    Workspace.objects.update(plan="team")
    page = wizard.create(**CREATE).content.decode()
    assert "HIPAA eligibility needs the Business tier." in page
    assert not Destination.objects.exists()
    assert Draft.objects.get().pending_key == PublicKey.objects.get()


def test_a_choice_to_encrypt_is_not_lost_when_the_baa_expires(wizard: Wizard) -> None:
    wizard.create(**{**ENCRYPTION, "name": ""})
    Workspace.objects.update(baa_expires_on="2025-01-01")
    page = wizard.open().content.decode()
    assert "Data encryption cannot be set up" in page
    assert "The BAA has expired." in page
    for _ in range(2):  # the page no longer asks: what is posted says nothing of encryption
        page = wizard.create().content.decode()
        assert "To make one that is not encrypted, start its setup again." in page
    assert not Destination.objects.exists()
    kept = Draft.objects.get()
    assert (kept.encrypts, kept.fields) == (True, ENCRYPTION["fields"])


def test_a_plain_destination_can_be_created_there_and_has_no_tab(plain_workspace: Wizard) -> None:
    assert plain_workspace.create().status_code == 302
    made = Destination.objects.get()
    assert made.encrypts is False
    page = plain_workspace.client.get(f"{BASE}/{made.pk}/delivery").content.decode()
    assert "Data Encryption" not in page
    with recorded() as rows:
        assert plain_workspace.client.get(f"{BASE}/{made.pk}/encryption").status_code == 404
    assert rows == []
