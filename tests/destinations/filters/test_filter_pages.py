"""The Filters tab over HTTP: the two steps, the sample event, Test Event, limits, rights, and what is recorded."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import AuditRow
from destinations.models import Destination, Filter
from tests.destinations.factories import DestinationFactory, append_events, track
from tests.destinations.making import BASE, broken_log, recorded
from tests.factories import SourceFactory, member
from workspaces.models import Source, User

pytestmark = pytest.mark.django_db(transaction=True)  # the event log commits for itself

RULES = {
    "action": "drop",
    "join": "all",
    "condition-TOTAL_FORMS": "1",
    "condition-INITIAL_FORMS": "1",
    "condition-0-subject": "event",
    "condition-0-operator": "is_string",
    "condition-0-value": "Lab Booked",
    "field-TOTAL_FORMS": "1",
    "field-INITIAL_FORMS": "1",
    "field-0-field": "",
}
NAMED = {"name": "No labs", "enabled": "on"}
EVENT = json.dumps({"type": "track", "event": "Lab Booked", "properties": {"total": 3, "email": "jo@example.com"}})


@pytest.fixture
def crm(source: Source) -> Destination:
    return DestinationFactory(source=source, name="CRM")


def url(destination: Destination, tail: str = "") -> str:
    return f"{BASE}/{destination.pk}/filters{tail}"


def press(client: Client, destination: Destination, do: str, tail: str = "/new", **changes: str) -> HttpResponse:
    return client.post(url(destination, tail), {**RULES, "do": do, **changes})


def text_of(response: HttpResponse) -> str:
    return html.unescape(response.content.decode())


def made(destination: Destination, name: str = "No labs", **changes: Any) -> Filter:
    condition = {"subject": "event", "operator": "is_string", "field": "", "value": "Lab Booked"}
    answers = {"action": "drop", "join": "all", "conditions": [condition], **changes}
    return Filter.objects.create(destination=destination, name=name, answers=answers)


def test_without_filters_the_page_says_what_they_are(as_alice: Client, crm: Destination) -> None:
    with recorded() as rows:
        page = text_of(as_alice.get(url(crm)))
    assert "No filters yet" in page
    assert f'href="{url(crm, "/new")}"' in page
    assert rows == ["Destination Filter List Viewed"]


def test_a_filter_is_made_in_two_steps(as_alice: Client, crm: Destination) -> None:
    second = text_of(press(as_alice, crm, "next"))
    assert '<li aria-current="step"><span class="steps__number">2</span>Name & Save</li>' in second
    assert 'value="Lab Booked"' in second
    with recorded() as rows:
        response = press(as_alice, crm, "save", **NAMED)
    assert response.headers["Location"] == url(crm)
    assert rows == ["Destination Filter Created"]
    (found,) = crm.filters.all()
    assert (found.name, found.enabled) == ("No labs", True)
    assert found.answers["conditions"] == [
        {"subject": "event", "operator": "is_string", "field": "", "value": "Lab Booked"}
    ]
    crm.refresh_from_db()
    assert crm.revision == 2
    page = text_of(as_alice.get(url(crm)))
    assert "Your filter is saved. It applies to events from now on, after 60 seconds at most." in page
    assert "Do Not Send Event, if Event Name is (string)" in page
    assert "Lab Booked" not in page


def test_a_name_survives_going_back_and_on_again(as_alice: Client, crm: Destination) -> None:
    found = made(crm)
    page = text_of(as_alice.get(url(crm, f"/{found.pk}")))
    assert '<input type="hidden" name="name" value="No labs"' in page
    back = text_of(press(as_alice, crm, "back", f"/{found.pk}", name="Typed", enabled="on"))
    assert '<input type="hidden" name="name" value="Typed"' in back
    again = text_of(press(as_alice, crm, "next", f"/{found.pk}", name="Typed"))
    assert 'value="Typed"' in again
    assert "checked" not in again.split('name="enabled"')[1].split(">")[0]


def test_a_button_nobody_made_saves_nothing(as_alice: Client, crm: Destination) -> None:
    assert press(as_alice, crm, "x", **NAMED).status_code == 200
    assert not Filter.objects.exists()


def test_the_audit_row_holds_no_value(as_alice: Client, crm: Destination) -> None:
    press(as_alice, crm, "save", **NAMED, **{"condition-0-value": "jo@example.com"})
    row = AuditRow.objects.get(event_type="Destination Filter Created")
    assert row.details == {"destination": str(crm.pk), "action": "drop", "enabled": True}
    assert row.object_label == "No labs"


@pytest.mark.django_db(transaction=True)  # a row that cannot be written ends the whole transaction
def test_without_its_audit_row_nothing_is_saved(as_alice: Client, crm: Destination) -> None:
    with broken_log(as_alice):
        assert press(as_alice, crm, "save", **NAMED).status_code == 503
    crm.refresh_from_db()
    assert (crm.filters.count(), crm.revision) == (0, 1)


def test_htmx_is_told_to_go_to_the_list(as_alice: Client, crm: Destination) -> None:
    response = as_alice.post(url(crm, "/new"), {**RULES, **NAMED, "do": "save"}, headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"] == url(crm)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"condition-0-subject": "field", "condition-0-field": "userId"}, "Begin with properties., traits., context."),
        ({"condition-0-operator": "is_true"}, "Event types and names are compared by contains, glob matches"),
        ({"join": "fql", "fql": "event ="}, "Expected a value, found the end."),
        ({"action": "drop_properties"}, "Write the path of a field, or remove the line."),
        ({"action": "drop_properties", "field-0-field": "messageId"}, "Begin with properties., traits., context."),
        ({"condition-TOTAL_FORMS": "0"}, "Add at least one condition."),
        ({"action": "sample", "percent": "101"}, "less than or equal to 100"),
        ({"action": "rm"}, "Select a valid choice."),
        ({"condition-TOTAL_FORMS": "x"}, "ManagementForm data is missing"),
    ],
)
def test_rules_that_cannot_be_are_refused_at_the_first_step(
    as_alice: Client, crm: Destination, changes: dict[str, str], said: str
) -> None:
    for do in ("next", "save"):
        page = text_of(press(as_alice, crm, do, **NAMED, **changes))
        assert said in page
        assert 'aria-current="step"><span class="steps__number">1' in page
    assert not Filter.objects.exists()


@pytest.mark.parametrize("initial", ["0", "1"])
def test_an_empty_line_is_no_condition_whatever_the_form_says(as_alice: Client, crm: Destination, initial: str) -> None:
    changes = {"condition-INITIAL_FORMS": initial, "condition-0-subject": "", "condition-0-value": ""}
    assert press(as_alice, crm, "save", **NAMED, **changes).status_code == 200
    assert not Filter.objects.exists()


def test_a_name_is_needed_once_and_not_too_long(as_alice: Client, crm: Destination) -> None:
    made(crm)
    for name, said in (
        ("", "This field is required."),
        ("no LABS", "This destination already has a filter of that name."),
        ("x" * 65, "at most 64 characters"),
    ):
        assert said in text_of(press(as_alice, crm, "save", name=name))
    assert crm.filters.count() == 1


def test_the_eleventh_filter_is_refused(as_alice: Client, crm: Destination) -> None:
    for number in range(10):
        made(crm, f"F{number}")
    assert "A destination can have 10 filters. Delete one first." in text_of(press(as_alice, crm, "save", **NAMED))
    assert crm.filters.count() == 10
    assert url(crm, "/new") not in text_of(as_alice.get(url(crm)))


def test_lines_are_added_and_removed(as_alice: Client, crm: Destination) -> None:
    page = text_of(press(as_alice, crm, "add:condition"))
    assert 'name="condition-TOTAL_FORMS" value="2"' in page
    assert 'value="Lab Booked"' in page
    assert "field__errors" not in page
    assert 'name="condition-TOTAL_FORMS" value="1"' in text_of(press(as_alice, crm, "remove:condition-0"))
    assert "Lab Booked" not in text_of(press(as_alice, crm, "remove:condition-0"))
    for nonsense in ("remove:condition-7", "remove:x", "add:x", "remove:condition-", "x"):
        assert press(as_alice, crm, nonsense).status_code == 200


def test_a_changed_filter_is_recorded_with_what_changed(as_alice: Client, crm: Destination) -> None:
    found = made(crm)
    page = text_of(as_alice.get(url(crm, f"/{found.pk}")))
    assert 'value="Lab Booked"' in page
    press(as_alice, crm, "save", f"/{found.pk}", name="No labs", **{"condition-0-value": "X-Ray"})
    row = AuditRow.objects.get(event_type="Destination Filter Modified")
    assert row.details == {"destination": str(crm.pk), "changed": ["conditions", "enabled"]}
    found.refresh_from_db()
    assert (found.enabled, found.answers["conditions"][0]["value"]) == (False, "X-Ray")


def test_a_filter_is_deleted_after_a_question(as_alice: Client, crm: Destination) -> None:
    found = made(crm)
    assert "Delete No labs?" in text_of(as_alice.get(url(crm, f"/{found.pk}/delete")))
    with recorded() as rows:
        response = as_alice.post(url(crm, f"/{found.pk}/delete"))
    assert response.headers["Location"] == url(crm)
    assert rows == ["Destination Filter Deleted"]
    assert not crm.filters.exists()
    crm.refresh_from_db()
    assert crm.revision == 2
    assert as_alice.post(url(crm, f"/{found.pk}/delete")).status_code == 404


def test_a_filter_is_found_at_its_own_destination_only(as_alice: Client, crm: Destination, source: Source) -> None:
    found = made(DestinationFactory(source=source))
    assert as_alice.get(url(crm, f"/{found.pk}")).status_code == 404


def test_readers_see_filters_and_change_none(client: Client, crm: Destination, bob: User) -> None:
    found = made(crm)
    client.force_login(bob)
    page = text_of(client.get(url(crm)))
    assert "No labs" in page
    assert str(found.pk) not in page
    for tail in ("/new", f"/{found.pk}", f"/{found.pk}/delete"):
        assert press(client, crm, "save", tail, **NAMED, **{"condition-0-value": "Y"}).status_code == 403
    found.refresh_from_db()
    assert found.answers["conditions"][0]["value"] == "Lab Booked"
    assert Filter.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "This event will not be sent to CRM."),
        ({"condition-0-value": "X-Ray"}, "This event will be sent to CRM."),
        ({"action": "only_send"}, "This event will be sent to CRM."),
        (
            {"action": "drop_properties", "field-0-field": "properties.email"},
            "This event will be partially sent to CRM.",
        ),
        ({"join": "fql", "fql": "properties.email > 1"}, "This event will not be sent to CRM: Sizes are compared"),
        ({"sample": "{"}, "This is no JSON. Line 1, column 2"),
        ({"sample": '{"type": "rm"}'}, "Its type must be one of alias, group"),
        ({"sample": "[1]"}, "An event is a JSON object"),
        ({"sample": '{"type": "track", "a": NaN}'}, "NaN is no value of JSON."),
        ({"sample": '{"type": "track", "a": ' + "[" * 300 + "]" * 300 + "}"}, "nested too deeply"),
        ({"sample": '{"type": "track", "a": "' + "x" * 33000 + '"}'}, "An event may be 32 KB long."),
    ],
)
def test_an_event_is_tried(as_alice: Client, crm: Destination, changes: dict[str, str], said: str) -> None:
    assert said in text_of(press(as_alice, crm, "test", **{"sample": EVENT, **changes}))


def test_what_is_not_sent_is_marked(as_alice: Client, crm: Destination) -> None:
    page = press(as_alice, crm, "test", sample=EVENT, action="drop_properties", **{"field-0-field": "properties.email"})
    assert '<del>    "email": "jo@example.com"</del>' in text_of(page)
    assert '<span>    "total": 3,</span>' in text_of(page)


def test_the_sample_is_the_last_event_and_the_next_one_before(as_alice: Client, crm: Destination) -> None:
    append_events(crm.source, track("m-1", event="First"), track("m-2", event="Second"))
    append_events(SourceFactory(workspace=crm.workspace), track("m-3", event="Elsewhere"))
    page = text_of(as_alice.get(url(crm, "/new")))
    assert '"event": "Second"' in page
    assert '"event": "First"' in text_of(press(as_alice, crm, "load", number="1"))
    assert '"event": "Second"' in text_of(press(as_alice, crm, "load", number="2"))
    assert "Elsewhere" not in page


def test_known_fields_are_offered_by_group(as_alice: Client, crm: Destination) -> None:
    append_events(crm.source, track("m-1", properties={"items": [{"price": 1}], "a b": 1}))
    page = text_of(as_alice.get(url(crm, "/new")))
    assert '<option value="properties.items.price">EVENT PROPERTIES</option>' in page
    assert "properties.a b" not in page


def test_people_without_pii_access_see_and_try_masked_events(client: Client, crm: Destination) -> None:
    append_events(crm.source, track("m-1", properties={"email": "jo@example.com", "total": 3}))
    client.force_login(member(crm.workspace, "dora", "source_admin"))
    page = text_of(client.get(url(crm, "/new")))
    assert "jo@example.com" not in page
    assert '"email": "••••••••"' in page
    assert '"total": 3' in page


def test_the_list_takes_as_many_queries_with_ten_filters_as_with_one(
    as_alice: Client, crm: Destination, django_assert_num_queries: Any
) -> None:
    made(crm)
    as_alice.get(url(crm))
    with CaptureQueriesContext(connection) as one:
        as_alice.get(url(crm))
    for number in range(9):
        made(crm, f"F{number}")
    with django_assert_num_queries(len(one)):
        as_alice.get(url(crm))


def test_what_no_page_can_carry_is_shown_escaped(as_alice: Client, crm: Destination) -> None:
    append_events(crm.source, track("m-1", properties={"\ud800": "\udfff"}))
    page = text_of(as_alice.get(url(crm, "/new")))
    assert '"\\ud800": "\\udfff"' in page
    tried = press(as_alice, crm, "test", sample='{"type": "track", "properties": {"a": "\\ud800"}}')
    assert '<span>    "a": "\\ud800"</span>' in text_of(tried)
