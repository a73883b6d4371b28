"""Detection over HTTP: the tables, one matcher, the form, Test JSON, removing."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from audit.event_types import EventType
from audit.models import AuditRow
from destinations.models import Destination, EncryptedField
from privacy.custom_matchers import MatcherAnswers, create_matcher
from privacy.models import CustomMatcher, ObservedField
from tests.factories import support_staff
from tests.queries import counted
from workspaces.models import Source, User, Workspace

NEW = {"name": "ward", "classification": "red", "matches_on": "key", "that_is": "exact", "synonyms": "room\nbed no"}


def url(workspace: Workspace, name: str = "privacy_detection", *args: object) -> str:
    return reverse(name, args=[workspace.slug, *args])


def text_of(client: Client, address: str, **query: str) -> str:
    response = client.get(address, query)
    assert response.status_code == 200
    return response.content.decode()


def add(workspace: Workspace, actor: User, name: str = "ward", **facts: Any) -> CustomMatcher:
    return create_matcher(workspace, MatcherAnswers(name, **facts), actor=actor)


def seen(workspace: Workspace, *names: str, days_ago: int = 0, **facts: Any) -> None:
    then = timezone.now() - timedelta(days=days_ago)
    for name in names:
        ObservedField.objects.create(workspace=workspace, name=name, first_seen=then, last_seen=then, **facts)


def last_row() -> tuple[str, str, dict[str, Any]]:
    row = AuditRow.objects.order_by("pk").last()
    assert row is not None
    return (row.event_type, row.object_label, row.details)


def test_an_empty_portal_says_what_to_do(as_alice: Client, workspace: Workspace) -> None:
    page = text_of(as_alice, url(workspace))
    assert "Welcome to your Detection Center" in page
    assert "Custom Matchers" not in page
    assert page.count('<th scope="row">') == 36
    assert last_row()[0] == EventType.PRIVACY_DETECTION_VIEWED


def test_matchers_are_searched_by_name_and_synonym(as_alice: Client, workspace: Workspace, alice: User) -> None:
    add(workspace, alice, "chart number", synonyms=("mrn",))
    add(workspace, alice, "E-Mail", classification="red")
    page = text_of(as_alice, url(workspace))
    assert "Welcome to your" not in page
    assert page.count('<th scope="row">') == 38
    assert page.count("Overridden") == 1
    found = text_of(as_alice, url(workspace), q="MRN")
    assert ("chart number" in found, "E-Mail" in found) == (True, False)
    assert "No default matcher is called “MRN”." in found
    assert "No custom matcher holds “zip”" in text_of(as_alice, url(workspace), q="zip")
    assert "social security number" in text_of(as_alice, url(workspace), q="SSN")


def test_the_page_costs_the_same_with_a_hundred_matchers(as_alice: Client, workspace: Workspace, alice: User) -> None:
    add(workspace, alice)
    text_of(as_alice, url(workspace))
    with counted() as with_one:
        text_of(as_alice, url(workspace))
    CustomMatcher.objects.bulk_create(
        CustomMatcher(workspace=workspace, name=f"m{n}", folded=f"m{n}", classification="red", created_by=alice)
        for n in range(99)
    )
    with counted() as with_a_hundred:
        text_of(as_alice, url(workspace))
    assert len(with_a_hundred) == len(with_one)


def test_a_matcher_is_made_and_shown_with_what_it_finds(as_alice: Client, workspace: Workspace) -> None:
    seen(workspace, "visit.Room", "hue")
    seen(workspace, "old.bedNo", days_ago=8)
    response = as_alice.post(url(workspace, "privacy_matcher_new"), NEW, follow=True)
    page = response.content.decode()
    matcher = CustomMatcher.objects.get()
    assert response.redirect_chain == [(url(workspace, "privacy_matcher", matcher.pk), 302)]
    assert (matcher.name, matcher.synonyms, matcher.that_is) == ("ward", ["room", "bed no"], "exact")
    assert "ward is saved." in page
    assert ("visit.Room" in page, "old.bedNo" in page, "hue" in page) == (True, False, False)
    assert "The key is “room”." in page
    assert last_row()[:2] == (EventType.MATCHER_VIEWED, "ward")


def test_what_is_wrong_stands_next_to_its_field(as_alice: Client, workspace: Workspace) -> None:
    wrong = {**NEW, "matches_on": "value", "synonyms": "a(\nfine"}
    page = as_alice.post(url(workspace, "privacy_matcher_new"), wrong).content.decode()
    assert escape("RE2 does not take “a(”: missing ): a(.") in page
    assert 'aria-invalid="true"' in page
    assert "a(\nfine</textarea>" in page
    assert not CustomMatcher.objects.exists()


def test_the_dialog_gets_the_form_alone_and_is_sent_on(as_alice: Client, workspace: Workspace) -> None:
    htmx = {"HTTP_HX_REQUEST": "true"}
    new = url(workspace, "privacy_matcher_new")
    fragment = as_alice.get(new, **htmx).content.decode()
    assert ("<form" in fragment, "<html" in fragment, "hx-post" in fragment) == (True, False, True)
    response = as_alice.post(new, NEW, **htmx)
    assert response["HX-Redirect"] == url(workspace, "privacy_matcher", CustomMatcher.objects.get().pk)


def test_a_matcher_is_edited(as_alice: Client, workspace: Workspace, alice: User) -> None:
    matcher = add(workspace, alice, synonyms=("room",))
    edit = url(workspace, "privacy_matcher_edit", matcher.pk)
    page = text_of(as_alice, edit)
    assert ("Edit Matcher" in page, 'value="ward"' in page, "room</textarea>" in page) == (True, True, True)
    as_alice.post(edit, {**NEW, "classification": "yellow", "synonyms": "room\nbed"})
    matcher.refresh_from_db()
    assert (matcher.classification, matcher.synonyms) == ("yellow", ["room", "bed"])
    changed = AuditRow.objects.get(event_type=EventType.MATCHER_MODIFIED)
    assert changed.details == {"changed": ["that_is", "synonyms"]}


def test_a_matcher_is_removed_after_a_question(as_alice: Client, workspace: Workspace, alice: User) -> None:
    matcher = add(workspace, alice)
    delete = url(workspace, "privacy_matcher_delete", matcher.pk)
    assert "Remove ward?" in text_of(as_alice, delete)
    assert CustomMatcher.objects.exists()
    response = as_alice.post(delete, follow=True)
    assert response.redirect_chain == [(url(workspace), 302)]
    assert "ward is removed." in response.content.decode()
    assert not CustomMatcher.objects.exists()


def test_a_matcher_in_use_is_not_removed(as_alice: Client, workspace: Workspace, alice: User, source: Source) -> None:
    matcher = add(workspace, alice)
    destination = Destination.objects.create(
        workspace=workspace, source=source, kind="webhooks", name="Care team", sealed_settings=b""
    )
    EncryptedField.objects.create(destination=destination, kind="custom_matcher", reference="ward", terms=["ward"])
    delete = url(workspace, "privacy_matcher_delete", matcher.pk)
    page = text_of(as_alice, delete)
    assert ("This matcher is in use" in page, 'class="button button--danger' in page) == (True, False)
    response = as_alice.post(delete, follow=True)
    assert "Destinations encrypt by this: Care team (ward)." in response.content.decode()
    assert CustomMatcher.objects.exists()
    shown = text_of(as_alice, url(workspace, "privacy_matcher", matcher.pk))
    assert reverse("destination_encryption", args=[workspace.slug, destination.pk]) in shown


def test_a_default_matcher_shows_names_values_and_what_overrides_it(
    as_alice: Client, workspace: Workspace, alice: User
) -> None:
    seen(workspace, "contact", recommended="yellow", origin="value check", rule="email", how="value check", term="IBAN")
    seen(workspace, "to", recommended="red", origin="custom matcher", rule="email", how="exact", term="to")
    page = text_of(as_alice, url(workspace, "privacy_default_matcher", "email"))
    assert ("The value is an IBAN." in page, '<th scope="row" class="mono">to</th>' in page) == (True, False)
    assert last_row() == (EventType.MATCHER_VIEWED, "", {"default matcher": "email"})
    override = add(workspace, alice, "e_mail")
    page = text_of(as_alice, url(workspace, "privacy_default_matcher", "email"))
    assert url(workspace, "privacy_matcher", override.pk) in page
    assert as_alice.get(url(workspace, "privacy_default_matcher", "nonsense")).status_code == 404


def test_json_is_tested_and_forgotten(as_alice: Client, workspace: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    seen(workspace, "patient.room", "colour")
    caplog.set_level(logging.DEBUG)
    pasted = {**NEW, "json": '{"room": "078-05-1120", "other": 1}'}
    before = AuditRow.objects.count()
    page = as_alice.post(url(workspace, "privacy_matcher_trial"), pasted).content.decode()
    assert "<mark>room</mark>" in page
    assert "1 of the 2 fields of the last 7 days" in page
    assert "078-05-1120" not in caplog.text
    assert (AuditRow.objects.count(), CustomMatcher.objects.count()) == (before, 0)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"json": "{"}, "Line 1, column 2: Expecting property name enclosed in double quotes."),
        ({"json": '{"a": 1}'}, "Nothing here matches."),
        ({"name": "", "synonyms": "", "json": '{"a": 1}'}, ""),
        ({"matches_on": "value", "synonyms": "(?P&lt;", "json": "{}"}, "RE2 does not take"),
        ({"matches_on": "value", "synonyms": "", "json": "{}"}, ""),
        ({"matches_on": "value", "synonyms": "^7", "json": '{"a": 78}'}, "<mark>78</mark>"),
    ],
)
def test_answers_while_it_is_written(as_alice: Client, workspace: Workspace, facts: dict[str, str], said: str) -> None:
    response = as_alice.post(url(workspace, "privacy_matcher_trial"), {**NEW, **facts})
    assert response.status_code == 200
    assert said in response.content.decode()


def test_without_scripts_the_page_itself_tests(as_alice: Client, workspace: Workspace) -> None:
    tested = {**NEW, "test": "1", "json": '{"room": 1}'}
    page = as_alice.post(url(workspace, "privacy_matcher_new"), tested).content.decode()
    assert ("<mark>room</mark>" in page, 'value="ward"' in page) == (True, True)
    assert not CustomMatcher.objects.exists()


def test_support_staff_are_not_offered_values(client: Client, workspace: Workspace, alice: User) -> None:
    client.force_login(support_staff(workspace))
    page = text_of(client, url(workspace, "privacy_matcher_new"))
    assert ("Matching on values needs PII Access" in page, 'value="value"' in page) == (True, False)
    sent = client.post(url(workspace, "privacy_matcher_new"), {**NEW, "matches_on": "value"})
    assert "Select a valid choice" in sent.content.decode()
    patterns = add(workspace, alice, "case", matches_on="value", synonyms=("^C",))
    assert client.get(url(workspace, "privacy_matcher_edit", patterns.pk)).status_code == 403
    assert "Edit</a>" not in text_of(client, url(workspace, "privacy_matcher", patterns.pk))
    assert [matcher.name for matcher in CustomMatcher.objects.all()] == ["case"]


def test_another_workspaces_matcher_is_not_there(as_alice: Client, workspace: Workspace, charlie: User) -> None:
    theirs = add(charlie.workspaces.get(), charlie)
    for name in ("privacy_matcher", "privacy_matcher_edit", "privacy_matcher_delete"):
        assert as_alice.get(url(workspace, name, theirs.pk)).status_code == 404
        assert as_alice.post(url(workspace, name, theirs.pk), NEW).status_code in {404, 405}
    assert CustomMatcher.objects.get().name == "ward"
