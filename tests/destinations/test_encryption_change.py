"""The Data Encryption tab: enable, edit fields, regenerate, turn off; nothing is in force before it is saved."""

from __future__ import annotations

import base64
import re
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from audit.models import AuditRow
from destinations.encryption import change
from destinations.encryption.keys import fingerprint, generate_key_pair
from destinations.models import Destination, Draft, EncryptedField, PublicKey
from destinations.removal import delete_destination
from privacy.models import CustomMatcher, InventoryField
from tests.destinations.encryption_tab import EMAIL, Tab
from tests.destinations.factories import FINGERPRINT, PAIR, DestinationFactory, encrypt_for
from tests.destinations.making import assert_gone, field_errors, recorded, shown_key
from tests.destinations.opening import by_textbook
from tests.factories import member
from tests.queries import counted
from workspaces.models import Source, User

PHONE = "default_matcher:phone"
GONE = "The key pair on this page was dropped or replaced since. Generate a new one."


@pytest.fixture
def crm(source: Source) -> Destination:
    return DestinationFactory(source=source, name="CRM")


@pytest.fixture
def tab(as_alice: Client, crm: Destination) -> Tab:
    made = Tab(as_alice, crm)
    made.open()
    return made


@pytest.fixture
def on(as_alice: Client, crm: Destination) -> Tab:
    """A tab at which e-mail addresses are encrypted under PAIR."""
    encrypt_for(crm, "email")
    made = Tab(as_alice, crm)
    made.open()
    return made


def test_encryption_is_enabled_on_a_destination_that_exists(tab: Tab) -> None:
    before = tab.destination.revision
    with recorded() as rows:
        key = shown_key(tab.generate(fields=[EMAIL, PHONE]).content.decode())
        assert not tab.destination.encrypts
        saved = tab.save(fields=[EMAIL, PHONE], key_stored="on")
    assert (saved.status_code, saved.headers["Location"]) == (302, tab.url)
    assert (tab.destination.encrypts, tab.fields, tab.destination.revision) == (True, [EMAIL, PHONE], before + 1)
    assert rows == ["Data Encryption Keys Generated", "Data Encryption Enabled"]
    assert tab.destination.public_key == PublicKey.objects.get()
    assert not Draft.objects.exists()
    assert_gone(key, saved.content, tab.open())
    assert "Save Changes" in tab.page


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({}, {"encrypts": "Generate encryption keys before you save."}),
        (
            {"fields": []},
            {"encrypts": "Generate encryption keys before you save.", "fields": "Choose at least one field."},
        ),
        ({"fields": ["default_matcher:ssn"]}, {"fields": "A chosen field can no longer be encrypted. Choose again."}),
        ({"pending": FINGERPRINT}, {"encrypts": GONE}),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_written(
    tab: Tab, changes: dict[str, Any], errors: dict[str, str]
) -> None:
    tab.save(**changes)
    assert field_errors(tab.page) == errors
    assert (tab.destination.encrypts, tab.destination.revision, tab.fields) == (False, 1, [])


def test_a_key_that_was_not_stored_is_not_put_in_force(tab: Tab) -> None:
    key = shown_key(tab.generate().content.decode())
    tab.save()
    assert field_errors(tab.page) == {
        "key_stored": "Store the private key, then tick this box. It cannot be shown again."
    }
    assert_gone(key, tab.page)
    assert not tab.destination.encrypts
    assert tab.save(key_stored="on").status_code == 302


def test_a_second_request_for_the_key_gets_410(tab: Tab) -> None:
    token = tab.hidden("key_request")
    key = shown_key(tab.generate().content.decode())
    again = tab.generate(key_request=token)
    assert (again.status_code, again.headers["Cache-Control"]) == (410, "no-store")
    assert_gone(key, again.content)
    assert tab.client.get(f"{tab.url}/keys").status_code == 410
    assert PublicKey.objects.count() == 1


def test_leaving_drops_the_pair_and_the_old_key_stays(on: Tab) -> None:
    on.generate()
    assert PublicKey.objects.count() == 2
    with recorded() as rows:
        page = on.open()
    assert rows == ["Data Encryption Keys Discarded"]
    assert "The key pair you generated was dropped because this page was left." in page
    assert on.destination.public_key.fingerprint == FINGERPRINT
    assert PublicKey.objects.count() == 1


def test_new_keys_are_in_force_only_once_saved(on: Tab) -> None:
    old = on.destination.public_key
    on.generate()
    new = PublicKey.objects.exclude(pk=old.pk).get()
    assert on.destination.public_key == old
    with recorded() as rows:
        assert on.save(key_stored="on").status_code == 302
    assert rows == ["Data Encryption Keys Changed"]
    details = AuditRow.objects.get(event_type=rows[0]).details
    assert details == {"fingerprint": new.fingerprint, "bits": 2048, "replaced": FINGERPRINT}
    old.refresh_from_db()
    new.refresh_from_db()
    assert on.destination.public_key == new
    assert old.in_force_to == new.in_force_from
    assert [key.fingerprint for key in change.history(on.destination)] == [new.fingerprint]  # PAIR was never dated
    assert on.fields == [EMAIL]


def test_another_tabs_pair_is_not_taken_for_the_one_on_the_page(on: Tab, as_alice: Client) -> None:
    on.generate()
    other = Tab(as_alice, on.destination)
    other.open()
    on.save(key_stored="on")
    assert field_errors(on.page) == {"encrypts": GONE}
    other.generate()
    on.page = on.page.replace(on.hidden("pending"), FINGERPRINT)
    assert on.destination.public_key.fingerprint == FINGERPRINT


def test_fields_are_added_and_removed_with_the_same_key(on: Tab) -> None:
    with recorded() as rows:
        assert on.save(fields=[PHONE]).status_code == 302
    assert rows == ["Data Encryption Fields Modified"]
    details = AuditRow.objects.get(event_type=rows[0]).details
    assert (details["added"], details["removed"]) == ([PHONE], [EMAIL])
    assert (on.fields, on.destination.public_key.fingerprint) == ([PHONE], FINGERPRINT)


def test_nothing_changed_is_nothing_written(on: Tab) -> None:
    on.save()  # PAIR's field has one term; the matcher's other ones are added
    on.open()
    before = on.destination.revision
    with recorded() as rows:
        assert on.save().status_code == 302
    assert (rows, on.destination.revision) == ([], before)
    assert "Nothing was changed." in on.open()


def test_who_was_overtaken_is_told(on: Tab) -> None:
    Destination.objects.update(revision=9)
    on.save(fields=[PHONE])
    assert "Somebody changed this destination since you opened this page." in on.page
    assert on.fields == [EMAIL]
    on.save(fields=[PHONE])
    assert on.fields == [EMAIL], "pressing the button again does not help"


def test_a_pair_drawn_after_a_colleagues_change_does_not_undo_it(on: Tab, as_alice: Client) -> None:
    """The answers on the page are those of before, however new the pair is."""
    colleague = Tab(Client(), on.destination)
    colleague.client.force_login(member(on.destination.workspace, "dora", "owner"))
    colleague.open()
    assert colleague.save(fields=[EMAIL, PHONE]).status_code == 302
    assert shown_key(on.generate().content.decode())
    on.save(key_stored="on")
    assert "Somebody changed this destination since you opened this page." in on.page
    assert (on.fields, on.destination.public_key.fingerprint) == ([EMAIL, PHONE], FINGERPRINT)


def test_who_confirmed_who_they_are_does_not_undo_a_colleagues_change(on: Tab, as_alice: Client, alice: User) -> None:
    alice.set_password("correct horse battery")
    alice.save()
    as_alice.force_login(alice)
    colleague = Tab(Client(), on.destination)
    colleague.client.force_login(member(on.destination.workspace, "dora", "owner"))
    session = as_alice.session
    session["born"] = time.time() - 301  # five minutes and a second
    session.save()
    asked = on.generate()
    assert asked.status_code == 302
    colleague.open()
    assert colleague.save(fields=[EMAIL, PHONE]).status_code == 302
    (come_back,) = parse_qs(urlsplit(asked.headers["Location"]).query)["next"]
    on.page = as_alice.get(come_back).content.decode()
    on.save(fields=[EMAIL])
    assert "Somebody changed this destination since you opened this page." in on.page
    assert on.fields == [EMAIL, PHONE]


def test_a_field_that_is_no_longer_yellow_stays_encrypted_until_it_is_removed(on: Tab) -> None:
    workspace = on.destination.workspace
    EncryptedField.objects.create(destination=on.destination, kind="custom_matcher", reference="mrn", terms=["mrn"])
    InventoryField.objects.create(workspace=workspace, name="room", classification="green")
    EncryptedField.objects.create(destination=on.destination, kind="inventory", reference="room", terms=["room"])
    page = on.open()
    assert "This is no longer a Yellow matcher or synonym. It stays encrypted until you remove it here." in page
    assert "This field is Green now. It stays encrypted until you remove it here." in page
    assert '<optgroup label="No longer offered">' in page
    assert on.save(fields=[EMAIL, PHONE, "custom_matcher:mrn"]).status_code == 302
    assert sorted(on.fields) == ["custom_matcher:mrn", EMAIL, PHONE]


def test_a_new_synonym_is_encrypted_once_the_page_is_saved(on: Tab) -> None:
    workspace = on.destination.workspace
    CustomMatcher.objects.create(
        workspace=workspace,
        name="mrn",
        classification="yellow",
        synonyms=["record no"],
        created_by=User.objects.get(email="alice@example.com"),
    )
    EncryptedField.objects.create(destination=on.destination, kind="custom_matcher", reference="mrn", terms=["mrn"])
    assert "New since it was chosen, and encrypted once you save: record no." in on.open()
    on.save(fields=[EMAIL, "custom_matcher:mrn"])
    assert EncryptedField.objects.get(reference="mrn").terms == ["mrn", "record no"]


def test_unticking_asks_before_anything_is_turned_off(on: Tab) -> None:
    on.save(encrypts="")
    assert "Turn off data encryption?" in on.page
    assert on.destination.encrypts


def test_confirm_turns_it_off_and_keeps_the_history(on: Tab) -> None:
    on.generate()
    on.save(key_stored="on")
    on.open()
    on.generate()
    with recorded() as rows:
        assert on.client.post(f"{on.url}/off").status_code == 302
    assert rows == ["Data Encryption Keys Discarded", "Data Encryption Disabled"]
    destination = on.destination
    assert (destination.encrypts, destination.public_key, on.fields) == (False, None, [])
    (key,) = change.history(destination)
    assert key.in_force_to is not None
    page = on.open()
    assert key.fingerprint in page
    on.save()
    assert field_errors(on.page) == {"encrypts": "Generate encryption keys before you save."}
    with recorded() as rows:
        on.client.post(f"{on.url}/off")
    assert rows == []


def test_turning_off_and_generating_ask_who_one_is(as_alice: Client, on: Tab, alice: User) -> None:
    with time_machine.travel(time.time() + 600, tick=False):
        for path in ("off", "keys"):
            response = on.client.post(f"{on.url}/{path}", on.answers(fields=[PHONE]))
            assert response.status_code == 302
            assert "/reauthenticate" in response.headers["Location"] or "/login" in response.headers["Location"]
    assert on.destination.encrypts
    assert PublicKey.objects.count() == 1


def test_readers_see_it_and_change_nothing(on: Tab, client: Client, bob: User) -> None:
    client.force_login(bob)
    reader = Tab(client, on.destination)
    page = reader.open()
    assert "Save Changes" not in page
    assert FINGERPRINT in page
    for path in ("", "/keys", "/proof", "/off"):
        assert client.post(on.url + path, on.answers(fields=[PHONE])).status_code == 403
    assert on.fields == [EMAIL]
    with pytest.raises(PermissionDenied):
        change.turn_off(on.destination, actor=bob)


def test_where_the_workspace_is_no_longer_eligible_it_is_only_looked_at(on: Tab) -> None:
    workspace = on.destination.workspace
    workspace.plan = workspace.Plan.FREE
    workspace.save()
    page = on.open()
    assert "Save Changes" not in page
    assert FINGERPRINT in page
    for path in ("", "/keys"):
        assert on.client.post(on.url + path, on.answers(fields=[PHONE])).status_code == 403
    assert on.fields == [EMAIL]


OWN = generate_key_pair(2048)


def test_the_customers_own_public_key(tab: Tab) -> None:
    page = tab.generate(key_origin="own", public_key=OWN.public_pem).content.decode()
    assert "Your public key is checked" in page
    assert "private-key-pem" not in page
    assert tab.save(key_origin="own", key_stored="on").status_code == 302
    key = tab.destination.public_key
    assert (key.pem, key.fingerprint, key.origin) == (OWN.public_pem, fingerprint(OWN.public_pem), "own")


def test_a_key_of_before_is_not_used_again(on: Tab) -> None:
    on.generate(key_origin="own", public_key=PAIR.public_pem)
    assert "This key was in use at this destination before." in on.page
    assert PublicKey.objects.count() == 1


def test_a_private_key_pasted_by_mistake_is_neither_stored_nor_shown(
    tab: Tab, caplog: pytest.LogCaptureFixture
) -> None:
    with recorded() as rows:
        page = tab.generate(key_origin="own", public_key=OWN.private_pem).content.decode()
    assert field_errors(page)["public_key"].startswith("This is a private key. It was not stored")
    assert rows in ([], ["Data Encryption Viewed"])
    assert_gone(
        OWN.private_pem, page, caplog.text, str(list(Draft.objects.values())), str(list(AuditRow.objects.values()))
    )
    assert not PublicKey.objects.exists()
    assert shown_key(tab.generate().content.decode())  # the page's token is still good


def test_a_pair_made_in_the_browser_leaves_only_its_public_half(tab: Tab) -> None:
    page = tab.generate(key_origin="browser", public_key=OWN.public_pem).content.decode()
    assert "data-browser-key></code>" in page
    tab.save(key_origin="browser", key_stored="on")
    assert tab.destination.public_key.origin == "browser"


def test_a_browser_that_made_no_pair_is_told(tab: Tab) -> None:
    page = tab.generate(key_origin="browser").content.decode()
    assert field_errors(page) == {
        "key_origin": "Your browser made no key pair. This needs scripts and a page that is served over HTTPS."
    }


def test_possession_is_proved_by_decrypting_the_challenge(tab: Tab) -> None:
    key = shown_key(tab.generate().content.decode())
    challenge = re.search(r'data-challenge="([^"]+)"', tab.page)
    assert challenge
    wrong = tab.client.post(f"{tab.url}/proof", {"answer": "guess"})
    with recorded() as rows:
        right = tab.client.post(
            f"{tab.url}/proof", {"answer": by_textbook(key, base64.b64decode(challenge[1])).decode()}
        )
    assert (wrong.json()["proved"], right.json()["proved"]) == (False, True)
    assert rows == ["Data Encryption Keys Proved"]
    tab.save(key_stored="on")
    assert tab.destination.public_key.proved_at is not None
    assert bytes(tab.destination.public_key.challenge) == b""


def test_the_tab_asks_as_often_whatever_is_on_it(on: Tab) -> None:
    with counted() as few:
        on.open()
    for number in range(12):
        InventoryField.objects.create(workspace=on.destination.workspace, name=f"f{number}", classification="green")
        EncryptedField.objects.create(
            destination=on.destination, kind="inventory", reference=f"f{number}", terms=[f"f{number}"]
        )
        PublicKey.objects.create(
            workspace=on.destination.workspace,
            destination=on.destination,
            pem=PAIR.public_pem,
            fingerprint=f"{number}",
            bits=2048,
            made_by=User.objects.get(email="alice@example.com"),
            in_force_from=timezone.now(),
        )
    with counted() as many:
        page = on.open()
    assert page.count("This field is Green now.") == 12
    assert len(many) <= len(few) + 1  # the colours of what is gone


def test_a_pair_that_waits_goes_with_its_destination(on: Tab, alice: User) -> None:
    on.generate()
    with recorded() as rows:
        delete_destination(on.destination, actor=alice, typed_name="CRM")
    assert rows == ["Data Encryption Keys Discarded", "Destination Deleted"]
    assert not PublicKey.objects.exists()
    assert not Draft.objects.exists()
