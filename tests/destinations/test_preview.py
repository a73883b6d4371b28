"""What would leave: value by value, before and after what is in force, and after what is not saved yet."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from destinations.models import Destination, Draft, EncryptedField, Filter, PublicKey
from privacy.models import InventoryField
from privacy.standard_controls import block_red_fields
from tests.destinations.factories import DestinationFactory, append_events, encrypt_for, track
from tests.destinations.filters.test_filter_pages import RULES
from tests.destinations.making import BASE, Wizard, draft_at_setup, nothing_written, recorded
from tests.factories import member
from workspaces.models import Source, User

pytestmark = pytest.mark.django_db(transaction=True)  # the event log commits for itself

EVENT = {
    "type": "track",
    "event": "Visit Booked",
    "properties": {"email": "jo@example.com", "age": 41, "lines": [{"email": "a@b.co"}], "ssn": "078-05-1120"},
}


@pytest.fixture
def crm(source: Source) -> Destination:
    return DestinationFactory(source=source, name="CRM")


def ask(client: Client, destination: Destination, event: Any = EVENT, **changes: Any) -> HttpResponse:
    return client.post(f"{BASE}/{destination.pk}/what-would-leave", {"sample": json.dumps(event), **changes})


def rows(response: HttpResponse) -> dict[str, tuple[str, str, str]]:
    """Before, after and what happens, by path."""
    page = response.content.decode()
    cells = re.findall(r'<th scope="row" class="mono">(.*?)</th>\s*' + r"<td[^>]*>(.*?)</td>\s*" * 3, page, re.DOTALL)
    return {html.unescape(path): tuple(html.unescape(each) for each in found) for path, *found in cells}  # type: ignore[misc]


def test_without_a_configuration_everything_leaves_as_it_is(as_alice: Client, crm: Destination) -> None:
    with recorded() as written:
        response = ask(as_alice, crm)
    assert {what for _, _, what in rows(response).values()} == {"As it is"}
    assert rows(response)["properties.lines[0].email"] == ('"a@b.co"', '"a@b.co"', "As it is")
    assert written == ["Event Preview Viewed"]


def test_chosen_fields_are_shown_encrypted_with_growth_and_type(as_alice: Client, crm: Destination) -> None:
    encrypt_for(crm, "email", "age")
    found = rows(ask(as_alice, crm, fields=["default_matcher:email"]))
    before, after, what = found["properties.age"]
    assert (before, after[0], after[-1]) == ("41", '"', "…")
    assert what == "Encrypted, 344 characters longer, number to string"
    assert found["properties.email"][2] == "Encrypted, 330 characters longer"
    assert found["event"][2] == "As it is"


def test_a_choice_that_is_not_saved_is_tried(as_alice: Client, crm: Destination) -> None:
    with nothing_written():
        found = rows(ask(as_alice, crm, fields=["default_matcher:email"]))
    assert found["properties.email"][2] == "Encrypted, 498 characters longer"  # a key of 3072 bits
    assert found["properties.age"][2] == "As it is"
    assert (EncryptedField.objects.count(), PublicKey.objects.count(), Draft.objects.count()) == (0, 0, 0)


def test_turning_encryption_off_is_tried(as_alice: Client, crm: Destination) -> None:
    encrypt_for(crm, "email")
    found = rows(ask(as_alice, crm, preview="encryption", fields=["default_matcher:email"]))
    assert found["properties.email"] == ('"jo@example.com"', '"jo@example.com"', "As it is")


def test_blocked_filtered_and_held_fields_are_told_apart(as_alice: Client, crm: Destination, alice: User) -> None:
    InventoryField.objects.create(workspace=crm.workspace, name="ssn", folded="ssn", classification="red")
    InventoryField.objects.create(workspace=crm.workspace, name="age", folded="age", classification="green")
    block_red_fields(crm.source, actor=alice)
    answers = {"action": "drop_properties", "join": "every", "fields": ["properties.lines"]}
    Filter.objects.create(destination=crm, name="F", answers=answers)
    Destination.objects.update(hold_unclassified=True)
    found = rows(ask(as_alice, crm))
    assert found["properties.ssn"] == ('"078-05-1120"', "—", "Blocked")
    assert found["properties.lines[0].email"][1:] == ("—", "Filtered")
    assert found["properties.email"][1:] == ("—", "Held back")
    assert found["properties.age"] == ("41", "41", "As it is")


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({**EVENT, "integrations": {"All": False}}, "its integrations object excludes this destination"),
        ({**EVENT, "event": "Lab Booked"}, "a filter keeps it back"),
        ({**EVENT, "properties": {"email": "\ud800"}}, "a chosen field cannot be encrypted, so it is held"),
    ],
)
def test_why_an_event_does_not_leave(as_alice: Client, crm: Destination, event: Any, said: str) -> None:
    encrypt_for(crm, "email")
    answers = {"action": "drop", "join": "fql", "fql": "event = 'Lab Booked'"}
    Filter.objects.create(destination=crm, name="F", answers=answers)
    response = ask(as_alice, crm, event, fields=["default_matcher:email"])
    assert f"Does not leave: {said}." in response.content.decode()
    assert {what for _, _, what in rows(response).values()} == {"Not sent"}


def test_a_filter_that_is_not_saved_is_tried_in_place_of_the_saved_one(as_alice: Client, crm: Destination) -> None:
    saved = Filter.objects.create(destination=crm, name="F", answers={"action": "drop", "join": "every"})
    typed = {**RULES, "action": "drop_properties", "join": "every", "field-0-field": "properties.email"}
    assert "a filter keeps it back" in ask(as_alice, crm, **typed).content.decode()
    found = rows(ask(as_alice, crm, **typed, filter=str(saved.pk)))
    assert (found["properties.email"][2], found["properties.age"][2]) == ("Filtered", "As it is")
    assert "The filter is not complete." in ask(as_alice, crm, **{**typed, "field-0-field": ""}).content.decode()
    saved.refresh_from_db()
    assert saved.answers == {"action": "drop", "join": "every"}


def test_the_last_events_of_the_source_are_shown(as_alice: Client, crm: Destination) -> None:
    page = as_alice.get(f"{BASE}/{crm.pk}/what-would-leave").content.decode()
    assert "The source sent no event lately. Paste one of your own." in page
    append_events(crm.source, *[track(f"m-{number}") for number in range(7)])
    page = as_alice.get(f"{BASE}/{crm.pk}/what-would-leave").content.decode()
    assert list(dict.fromkeys(re.findall(r"m-\d", page))) == ["m-6", "m-5", "m-4", "m-3", "m-2"]
    assert page.count("<h3 id=") == 5


def test_people_without_pii_access_see_masks_only(client: Client, crm: Destination) -> None:
    encrypt_for(crm, "email")
    append_events(crm.source, track("m-1", properties={"email": "jo@example.com"}))
    client.force_login(member(crm.workspace, "dora", "source_read_only"))
    page = client.get(f"{BASE}/{crm.pk}/what-would-leave").content.decode()
    assert "jo@example.com" not in page
    assert "••••••••" in page


def test_mistakes_are_said(as_alice: Client, crm: Destination) -> None:
    page = html.unescape(as_alice.post(f"{BASE}/{crm.pk}/what-would-leave", {"sample": "{"}).content.decode())
    assert "This is no JSON. Line 1, column 2" in page
    page = html.unescape(ask(as_alice, crm, fields=["default_matcher:ssn"]).content.decode())
    assert "A chosen field can no longer be encrypted. Choose again." in page
    assert "Leaves" not in page


def test_both_tabs_lead_here(as_alice: Client, crm: Destination) -> None:
    for tab in ("filters", "encryption", "filters/new"):
        assert f"{BASE}/{crm.pk}/what-would-leave" in as_alice.get(f"{BASE}/{crm.pk}/{tab}").content.decode()


@pytest.fixture
def wizard(as_alice: Client, source: Source, alice: User) -> Wizard:
    made = Wizard(as_alice, draft_at_setup(source, alice))
    made.open()
    return made


def ask_before(wizard: Wizard, event: Any = EVENT, **changes: Any) -> HttpResponse:
    url = f"{BASE}/setup/{wizard.draft.pk}/what-would-leave"
    return wizard.client.post(url, {"sample": json.dumps(event) if event else "", **changes})


def test_it_can_be_seen_before_a_destination_is_created(wizard: Wizard) -> None:
    assert "What would leave</button>" in wizard.open().content.decode()
    chosen = {"encrypts": "on", "fields": ["default_matcher:email"], "key_bits": "2048"}
    with recorded() as written:
        response = ask_before(wizard, **chosen)
    found = rows(response)
    assert found["properties.lines[0].email"][2] == "Encrypted, 338 characters longer"
    assert (found["properties.age"][2], found["event"][2]) == ("As it is", "As it is")
    assert written == ["Event Preview Viewed"]
    assert rows(ask_before(wizard, **{**chosen, "encrypts": ""}))["properties.email"][2] == "As it is"
    draft = Draft.objects.get()
    assert (draft.encrypts, draft.fields, draft.pending_key) == (False, [], None)
    assert (Destination.objects.count(), PublicKey.objects.count()) == (0, 0)


def test_before_creation_it_shows_the_events_of_the_chosen_source(wizard: Wizard, source: Source) -> None:
    append_events(source, track("m-1", event="Real Visit", properties={"email": "jo@example.com"}))
    response = ask_before(wizard, None, encrypts="on", fields=["default_matcher:email"])
    assert "Track · Real Visit" in response.content.decode()
    assert rows(response)["properties.email"][2].startswith("Encrypted, ")


def test_before_creation_a_bad_event_is_refused_without_being_repeated(wizard: Wizard) -> None:
    response = ask_before(wizard, None)
    assert "The source sent no event lately" in response.content.decode()
    url = f"{BASE}/setup/{wizard.draft.pk}/what-would-leave"
    page = wizard.client.post(url, {"sample": "{"}).content.decode()
    assert "This is no JSON. Line 1" in page


def test_before_creation_those_who_may_not_see_values_see_dots(client: Client, source: Source) -> None:
    carol = member(source.workspace, "carol", "source_admin")
    client.force_login(carol)
    made = Wizard(client, draft_at_setup(source, carol))
    append_events(source, track("m-1", properties={"email": "jo@example.com"}))
    response = ask_before(made, None)
    assert rows(response)["properties.email"][0] == '"••••••••"'
    assert "jo@example.com" not in response.content.decode()


def test_a_kind_that_encrypts_nothing_has_no_preview(as_alice: Client, source: Source, alice: User) -> None:
    draft = draft_at_setup(source, alice)
    Draft.objects.update(kind="s3")
    assert ask_before(Wizard(as_alice, draft)).status_code == 404
