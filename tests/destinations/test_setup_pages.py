"""The wizard's pages as a browser without scripts meets them: steps, errors beside their fields, refusals."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from destinations import connections, drafts
from destinations.encryption.setup import drop_left_pairs
from destinations.models import Destination, Draft
from tests.destinations.factories import DestinationFactory
from tests.destinations.making import (
    BASE,
    ENCRYPTION,
    PLAIN,
    Wizard,
    assert_gone,
    broken_log,
    draft_at_setup,
    event_types,
    field_errors,
    nothing_written,
    recorded,
    shown_key,
)
from tests.factories import SourceFactory, join, member
from workspaces.models import Source, User

SECRET = "tops3cr3t & <b>"


@pytest.fixture
def draft(source: Source, alice: User) -> Draft:
    return draft_at_setup(source, alice)


@pytest.fixture
def wizard(as_alice: Client, draft: Draft) -> Wizard:
    return Wizard(as_alice, draft)


def test_adding_begins_with_a_post(as_alice: Client, source: Source) -> None:
    assert as_alice.get(f"{BASE}/catalog/webhooks/setup").headers["Location"] == f"{BASE}/catalog/webhooks"
    assert not Draft.objects.exists()
    with recorded() as rows:
        response = as_alice.post(f"{BASE}/catalog/webhooks/setup")
    assert response.headers["Location"] == f"{BASE}/setup/{Draft.objects.get().pk}/source"
    assert rows == ["Destination Setup Modified"]


def test_a_form_from_elsewhere_is_refused(wizard: Wizard, alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    with nothing_written():
        for url in (*wizard.urls.values(), f"{BASE}/catalog/webhooks/setup"):
            assert client.post(url).status_code == 403


def test_the_first_step_lists_the_workspaces_own_sources(wizard: Wizard, source: Source, charlie: User) -> None:
    theirs = SourceFactory(workspace=charlie.workspaces.get(), name="Hidden lab")
    Draft.objects.update(source=None)
    page = wizard.client.get(wizard.urls["source"]).content.decode()
    assert source.name in page
    assert "Hidden lab" not in page
    assert str(theirs.pk) not in page
    assert "checked" not in page


def test_without_a_source_there_is_a_way_to_add_one(wizard: Wizard) -> None:
    Draft.objects.update(source=None)
    Source.objects.all().delete()
    assert 'href="/acme-health/sources/catalog">Add Source' in wizard.client.get(wizard.urls["source"]).content.decode()


def test_a_chosen_source_leads_on_and_stays_chosen(wizard: Wizard, source: Source) -> None:
    with recorded() as rows:
        response = wizard.client.post(wizard.urls["source"], {"source": source.pk})
    assert (response.status_code, response.headers["Location"]) == (302, wizard.urls["settings"])
    assert rows == ["Destination Setup Modified"]
    assert f'value="{source.pk}" checked' in wizard.client.get(wizard.urls["source"]).content.decode()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "Choose a source."),
        ("x", "“x” is not a valid UUID."),
        ("theirs", "Choose one of the sources of this workspace."),
        ("full", "Full house already has 25 Webhooks destinations."),
    ],
)
def test_a_source_that_cannot_be_chosen_is_refused(wizard: Wizard, charlie: User, value: str, says: str) -> None:
    if value == "theirs":
        value = str(SourceFactory(workspace=charlie.workspaces.get()).pk)
    if value == "full":
        source = SourceFactory(workspace=wizard.draft.workspace, name="Full house")
        DestinationFactory.create_batch(25, source=source)
        value = str(source.pk)
    with nothing_written(), recorded() as rows:
        page = wizard.client.post(wizard.urls["source"], {"source": value}).content.decode()
    assert f"<p>{says}</p>" in page
    assert rows == ["Destination Setup Viewed"]


@pytest.mark.parametrize("step", ["settings", "keys"])
def test_an_unanswered_step_cannot_be_skipped(wizard: Wizard, step: str) -> None:
    Draft.objects.update(source=None)
    with nothing_written(), recorded() as rows:
        refused = [wizard.client.post(wizard.urls[step], {"name": "X"}), wizard.open()]
    assert [response.headers["Location"] for response in refused] == [wizard.urls["source"]] * 2
    assert rows == []


def test_the_page_says_where_one_is(wizard: Wizard, source: Source) -> None:
    page = wizard.open().content.decode()
    assert '<li aria-current="step"><span class="steps__number">2</span>' in page
    assert f'href="{wizard.urls["source"]}">Select data source</a>' in page
    assert f'value="Webhooks for {source.name}"' in page


def test_a_plain_destination_is_created(wizard: Wizard) -> None:
    with recorded() as rows:
        response = wizard.create()
    made = Destination.objects.get()
    assert response.headers["Location"] == f"{BASE}/{made.pk}"
    assert (made.name, made.enabled, made.encrypts) == ("Care team", True, False)
    assert rows == ["Destination Created"]
    assert "Care team is created." in wizard.client.get(f"{BASE}/{made.pk}/delivery").content.decode()
    assert wizard.open().status_code == 404


def test_enabling_can_be_left_for_later(wizard: Wizard) -> None:
    page = wizard.open().content.decode()
    assert "New destinations start disabled" in page
    assert re.search(r'<input[^>]*name="enabled"[^>]*>', page)[0].count(" checked") == 0  # type: ignore[index]
    answer = wizard.create(enabled="")
    made = Destination.objects.get()
    assert made.enabled is False
    assert answer.headers["Location"] == f"{BASE}/{made.pk}/settings"
    assert "Care team is created, disabled." in wizard.client.get(answer.headers["Location"]).content.decode()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "", "This field is required."),
        ("name", "n" * 101, "Ensure this value has at most 100 characters (it has 101)."),
        ("name", "a\x00b", "Null characters are not allowed."),
        ("name", "crm", connections.NAME_TAKEN),
        ("settings-url", "", "This field is required."),
        ("settings-url", "http://10.0.0.8/x", "DELIVERY_ALLOWED_NETWORKS"),
        ("settings-url", "example.com", "http"),
        ("settings-headers", "Host: x\nno colon", "Line 2: write “Name: value”."),
    ],
)
def test_an_error_stands_beside_its_field(wizard: Wizard, field: str, value: str, says: str) -> None:
    DestinationFactory(source=wizard.draft.source, name="CRM")
    with recorded() as rows:
        page = wizard.create(**{field: value}).content.decode()
    assert list(field_errors(page)) == [field]
    assert says in field_errors(page)[field]
    assert page.count('aria-invalid="true"') == 1
    assert (Destination.objects.count(), rows) == (1, ["Destination Setup Modified"])


def test_all_errors_show_at_once(wizard: Wizard) -> None:
    page = wizard.create(name="", encrypts="on", **{"settings-url": ""}).content.decode()
    assert list(field_errors(page)) == ["name", "settings-url"]
    page = wizard.create(encrypts="on").content.decode()
    assert field_errors(page) == {
        "encrypts": "Generate encryption keys before you create the destination.",
        "fields": "Choose at least one field.",
    }


def test_a_source_that_filled_up_is_told_above_the_form(wizard: Wizard, source: Source) -> None:
    DestinationFactory.create_batch(25, source=source)
    page = wizard.create().content.decode()
    assert f"{source.name} already has 25 Webhooks destinations." in page
    assert Destination.objects.count() == 25


def test_typed_values_survive_errors_and_a_reload(wizard: Wizard) -> None:
    typed = {"name": "<Labs>", "settings-url": "", "settings-headers": "X-Team: blue", "enabled": ""}
    typed |= {"encrypts": "on", "fields": ["default_matcher:phone"], "key_bits": "4096", "key_origin": "server"}
    refused = wizard.create(**typed).content.decode()
    for page in (refused, wizard.open().content.decode()):
        assert 'value="&lt;Labs&gt;"' in page
        assert ("X-Team: blue</textarea>" in page) is (page is refused)  # once stored it is dots
        assert '<option value="default_matcher:phone" selected>' in page
        assert '<option value="4096" selected>' in page
        assert page.count(" checked") == 2  # encrypts, and where the pair is made; the destination stays disabled


def test_a_secret_is_never_shown_again_and_kept_when_left_empty(wizard: Wizard) -> None:
    failed = wizard.create(name="", **{"settings-shared_secret": SECRET})
    for page in (failed.content.decode(), wizard.open().content.decode(), wizard.generate().content.decode()):
        assert "tops3cr3t" not in page
        assert 'placeholder="••••••••••••"' in page
        assert "Leave empty to keep the stored one." in page
    wizard.create(**{"settings-shared_secret": ""})
    assert connections.settings_of(Destination.objects.get())["shared_secret"] == SECRET


def test_a_typed_secret_can_be_removed_or_replaced(wizard: Wizard) -> None:
    wizard.create(name="", **{"settings-shared_secret": SECRET})
    wizard.create(name="", **{"settings-shared_secret": "newer"})
    assert drafts.settings_of(Draft.objects.get())["shared_secret"] == "newer"
    wizard.create(**{"settings-shared_secret_clear": "on"})
    assert connections.settings_of(Destination.objects.get())["shared_secret"] == ""


def test_an_expired_draft_says_so_and_how_to_go_on(wizard: Wizard, source: Source) -> None:
    wizard.generate()
    with time_machine.travel(wizard.draft.touched_at + timedelta(days=1, minutes=1), tick=False):
        wizard.client.force_login(wizard.draft.user)
        with nothing_written(), recorded() as rows:
            answers = [wizard.open(), wizard.create(), wizard.generate(), wizard.client.get(wizard.urls["source"])]
        assert [answer.status_code for answer in answers] == [410] * 4
        assert rows == []
        page = answers[0].content.decode()
        assert "This setup has expired" in page
        assert f'action="{BASE}/catalog/webhooks/setup"' in page
        assert wizard.create(htmx=True).headers["HX-Refresh"] == "true"


@pytest.mark.parametrize("role", ["owner", "source_admin"])
def test_another_members_draft_is_not_there(wizard: Wizard, role: str) -> None:
    wizard.client.force_login(member(wizard.draft.workspace, "dora", role))
    with nothing_written(), recorded() as rows:
        answers = [wizard.open(), wizard.create(), wizard.client.post(wizard.urls["keys"])]
        answers += [wizard.client.get(wizard.urls["source"]), wizard.client.post(wizard.urls["source"])]
    assert [answer.status_code for answer in answers] == [404] * 5
    assert rows == []


def test_a_draft_is_not_there_under_another_workspace(wizard: Wizard, alice: User, charlie: User) -> None:
    umbrella = charlie.workspaces.get()
    join(umbrella, alice, "owner")
    elsewhere = Wizard(wizard.client, wizard.draft, "/umbrella/destinations")
    with nothing_written():
        assert [elsewhere.open().status_code, elsewhere.create().status_code] == [404, 404]
        assert elsewhere.client.post(elsewhere.urls["keys"]).status_code == 404


def test_each_page_is_one_row(wizard: Wizard) -> None:
    with recorded() as rows:
        wizard.client.get(wizard.urls["source"])
        wizard.open()
        wizard.create(name="", htmx=True)
        wizard.generate(fields=[])
        wizard.generate()
        wizard.open()
    assert rows == [
        "Destination Setup Viewed",
        "Destination Setup Viewed",
        "Destination Setup Modified",
        "Destination Setup Modified",
        "Data Encryption Keys Generated",
        "Data Encryption Keys Discarded",
    ]


@pytest.mark.django_db(transaction=True)  # a row that cannot be written ends the whole transaction
def test_without_its_row_nothing_is_shown_or_written(wizard: Wizard, source: Source) -> None:
    with broken_log(wizard.client), nothing_written():
        answers = [wizard.open(), wizard.create(), wizard.generate(), wizard.client.get(wizard.urls["source"])]
        answers += [wizard.client.post(wizard.urls["source"], {"source": source.pk})]
        answers += [wizard.client.post(f"{BASE}/catalog/webhooks/setup")]
    assert [answer.status_code for answer in answers] == [503] * 6
    assert not [answer for answer in answers if b"PRIVATE KEY-----" in answer.content]


def test_htmx_gets_the_form_alone_and_is_sent_on(wizard: Wizard) -> None:
    page = wizard.create(name="", htmx=True).content.decode()
    assert page.strip().startswith('<form id="setup"')
    assert "<html" not in page
    assert wizard.create(htmx=True).headers["HX-Redirect"] == f"{BASE}/{Destination.objects.get().pk}"


def test_readers_have_no_wizard(wizard: Wizard, bob: User) -> None:
    wizard.client.force_login(bob)
    with nothing_written():
        answers = [wizard.open(), wizard.create(), wizard.client.post(f"{BASE}/catalog/webhooks/setup")]
    assert [answer.status_code for answer in answers] == [403] * 3
    assert event_types()[-3:] == ["Access Denied"] * 3


def test_what_was_typed_is_kept_without_being_sent(wizard: Wizard) -> None:
    typed = {
        "name": "Night shift",
        "settings-url": "not yet",
        "settings-headers": "",
        "settings-shared_secret": SECRET,
        **ENCRYPTION,
    }
    with recorded() as rows:
        response = wizard.client.post(wizard.urls["answers"], typed)
    assert (response.status_code, response.content) == (204, b"")
    assert rows == ["Destination Setup Modified"]
    draft = Draft.objects.get()
    assert (draft.name, draft.enabled, draft.encrypts) == ("Night shift", False, True)
    assert (draft.fields, draft.key_bits, draft.pending_key) == (["default_matcher:email"], 2048, None)
    assert drafts.settings_of(draft) == {"url": "not yet", "headers": "", "shared_secret": SECRET}
    assert not Destination.objects.exists()
    page = wizard.open().content.decode()
    assert "Night shift" in page
    assert "tops3cr3t" not in page


def test_keeping_answers_leaves_a_pair_alone_and_is_no_action(wizard: Wizard) -> None:
    wizard.generate()
    key, seen = Draft.objects.get().pending_key, wizard.client.session["seen"]
    with time_machine.travel(timezone.now() + timedelta(minutes=13), tick=False):
        assert wizard.client.post(wizard.urls["answers"], {**PLAIN, **ENCRYPTION}).status_code == 204
    assert Draft.objects.get().pending_key == key
    assert wizard.client.session["seen"] == seen


def test_answers_that_come_after_the_end_are_not_kept(wizard: Wizard) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False), nothing_written():
        response = wizard.client.post(wizard.urls["answers"], {**PLAIN, "name": "Late"})
    assert response.headers["Location"].startswith("/login?ended=idle")


def test_a_setup_outlives_the_session_but_its_key_does_not(wizard: Wizard) -> None:
    """Signed out after idle minutes, signed in again: all is there but the key pair."""
    key = shown_key(wizard.generate(name="Night shift").content.decode())
    token = wizard.token()
    with time_machine.travel(timezone.now() + timedelta(minutes=20), tick=False):
        assert drop_left_pairs() == 1
        assert wizard.open().headers["Location"].startswith("/login?ended=idle")
        wizard.client.force_login(wizard.draft.user)
        assert wizard.client.get(wizard.urls["keys"]).status_code == 410
        page = wizard.open().content.decode()
        assert "The key pair you generated was dropped" in page
        assert "Night shift" in page
        assert re.search(r'<option value="default_matcher:email"[^>]* selected', page)
        assert_gone(key, page)
        again = wizard.client.post(wizard.urls["keys"], {**PLAIN, **ENCRYPTION, "key_request": token})
    assert again.status_code == 410
