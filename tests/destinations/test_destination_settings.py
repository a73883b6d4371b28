"""Settings of one destination: changing it, its secrets, switching it off, and who sees what."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from destinations import connections
from destinations.encryption.change import CHANGED_SINCE
from destinations.models import Destination
from destinations.settings_store import seal_settings
from tests.destinations.factories import URL, DestinationFactory
from tests.destinations.making import BASE, broken_log, event_types, field_errors, nothing_written, recorded
from tests.factories import member
from workspaces.models import Source, User

SETTINGS = {"url": URL, "headers": "Authorization: Bearer hunter2", "shared_secret": "s3cr3t"}
FORM = {
    "name": "CRM",
    "enabled": "on",
    "settings-url": URL,
    "settings-headers": "Authorization: Bearer hunter2",
    "settings-shared_secret": "",
}


@pytest.fixture
def crm(source: Source) -> Destination:
    return DestinationFactory(source=source, name="CRM", **SETTINGS)


def url(destination: Destination) -> str:
    return f"{BASE}/{destination.pk}/settings"


def save(client: Client, destination: Destination, **changes: Any) -> HttpResponse:
    """Press *Save Changes* on a page that was opened just now."""
    revision = Destination.objects.get(pk=destination.pk).revision
    return client.post(url(destination), {**FORM, "revision": revision, **changes})


def settings_of(destination: Destination) -> dict[str, Any]:
    destination.refresh_from_db()
    return connections.settings_of(destination)


def test_the_form_holds_what_is_set(as_alice: Client, crm: Destination) -> None:
    page = as_alice.get(url(crm)).content.decode()
    assert 'value="CRM"' in page
    assert f'value="{URL}"' in page
    assert "hunter2" not in page
    assert re.search(r'name="enabled"[^>]* checked', page)
    assert str(crm.pk) in page


def test_a_stored_secret_is_dots(as_alice: Client, crm: Destination) -> None:
    page = as_alice.get(url(crm)).content.decode()
    box = re.search(r'<input type="password"[^>]*>', page)
    assert box
    assert 'placeholder="••••••••••••"' in box[0]
    assert "value" not in box[0]
    assert "s3cr3t" not in page


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"settings-headers": ""}, SETTINGS["headers"]),
        ({"settings-headers": "X-Team: red"}, "X-Team: red"),
        ({"settings-headers": "", "settings-headers_clear": "on"}, ""),
    ],
)
def test_headers_are_dots_too_and_kept_replaced_or_removed(
    as_alice: Client, crm: Destination, changes: dict[str, str], kept: str
) -> None:
    page = as_alice.get(url(crm)).content.decode()
    box = re.search(r'<textarea name="settings-headers"[^>]*>([^<]*)</textarea>', page)
    assert box
    assert 'placeholder="••••••••••••"' in box[0]
    assert box[1].strip() == ""
    save(as_alice, crm, **changes)
    assert settings_of(crm) == {**SETTINGS, "headers": kept}


def test_headers_just_typed_are_shown_with_their_mistake(as_alice: Client, crm: Destination) -> None:
    page = save(as_alice, crm, **{"settings-headers": "X-Team: red\nX-Signature: mine"}).content.decode()
    assert "X-Team: red\nX-Signature: mine</textarea>" in page
    assert "hunter2" not in page


def test_without_a_secret_there_are_no_dots(as_alice: Client, source: Source) -> None:
    page = as_alice.get(url(DestinationFactory(source=source))).content.decode()
    assert "••••" not in page
    assert "Remove the stored" not in page


def test_changes_are_saved(as_alice: Client, crm: Destination) -> None:
    with recorded() as rows:
        response = save(as_alice, crm, name="Labs", **{"settings-url": "https://EXAMPLE.com/other?v=2"})
    assert response.headers["Location"] == url(crm)
    assert settings_of(crm) == {**SETTINGS, "url": "https://EXAMPLE.com/other?v=2"}
    assert (crm.name, crm.enabled, crm.revision) == ("Labs", True, 2)
    assert rows == ["Destination Modified"]
    assert "Your changes are saved." in as_alice.get(url(crm)).content.decode()


@pytest.mark.parametrize(
    "elsewhere", ["https://example.org/hook", "http://example.com/hook", "https://example.com:8443/"]
)
def test_no_stored_secret_goes_to_an_address_that_is_new(as_alice: Client, crm: Destination, elsewhere: str) -> None:
    moved = {"settings-url": elsewhere, "settings-headers": ""}
    with nothing_written():
        page = save(as_alice, crm, **moved).content.decode()
    again = "The address is another one now. Enter this again, so that what is stored does not go there unseen."
    assert field_errors(page) == {"settings-headers": again, "settings-shared_secret": again}
    assert settings_of(crm) == SETTINGS
    assert "hunter2" not in page
    assert "s3cr3t" not in page
    save(as_alice, crm, **{**moved, "settings-headers": "X-Team: red", "settings-shared_secret_clear": "on"})
    assert settings_of(crm) == {"url": elsewhere, "headers": "X-Team: red", "shared_secret": ""}


def test_a_proxy_gets_no_stored_key_unseen(as_alice: Client, source: Source) -> None:
    given = {"api_key": "k1", "region": "us", "proxy_url": ""}
    amplitude = DestinationFactory(source=source, kind="amplitude", name="CRM")
    amplitude.sealed_settings = seal_settings(given, owner_id=amplitude.pk)
    amplitude.save()
    form = {"settings-region": "us", "settings-api_key": ""}
    proxy = "https://proxy.example.com"
    page = save(as_alice, amplitude, **form, **{"settings-proxy_url": proxy}).content.decode()
    assert list(field_errors(page)) == ["settings-api_key"]
    assert settings_of(amplitude) == given
    save(as_alice, amplitude, **{**form, "settings-proxy_url": proxy, "settings-api_key": "k2"})
    assert settings_of(amplitude) == {"api_key": "k2", "region": "us", "proxy_url": proxy}
    save(as_alice, amplitude, **form, **{"settings-proxy_url": ""})  # to the provider itself, whose key it is
    assert settings_of(amplitude) == {"api_key": "k2", "region": "us", "proxy_url": ""}


def test_saving_what_is_there_changes_and_records_nothing(as_alice: Client, crm: Destination) -> None:
    with nothing_written(), recorded() as rows:
        assert save(as_alice, crm).status_code == 302
    assert rows == []


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, "s3cr3t"),
        ({"settings-shared_secret": "newer"}, "newer"),
        ({"settings-shared_secret_clear": "on"}, ""),
        ({"settings-shared_secret": "newer", "settings-shared_secret_clear": "on"}, "newer"),
    ],
)
def test_a_secret_is_kept_replaced_or_removed(
    as_alice: Client, crm: Destination, changes: dict[str, str], kept: str
) -> None:
    save(as_alice, crm, **changes)
    assert settings_of(crm) == {**SETTINGS, "shared_secret": kept}


def test_switching_off_and_on(as_alice: Client, crm: Destination) -> None:
    with recorded() as rows:
        save(as_alice, crm, enabled="")
        crm.refresh_from_db()
        assert crm.enabled is False
        assert '<span class="status status--off">Disabled' in as_alice.get(url(crm)).content.decode()
        save(as_alice, crm)
    crm.refresh_from_db()
    assert (crm.enabled, crm.revision) == (True, 3)
    assert rows == ["Destination Disabled", "Destination Viewed", "Destination Enabled"]


@pytest.mark.parametrize("revision", [1, "", "x", "99999999999"])
def test_a_page_from_before_somebodys_change_saves_nothing(
    as_alice: Client, crm: Destination, alice: User, revision: Any
) -> None:
    """Nobody switches on unawares what a colleague has just switched off."""
    connections.disable_destination(crm, actor=alice)
    with nothing_written():
        page = save(as_alice, crm, name="Labs", revision=revision).content.decode()
    assert CHANGED_SINCE in page
    assert f'name="revision" value="{revision or 2}"' in page, "pressing the button again must not help"
    assert settings_of(crm) == SETTINGS
    assert (crm.name, crm.enabled) == ("CRM", False)
    assert save(as_alice, crm, name="Labs", enabled="").status_code == 302


def test_a_change_and_a_switch_at_once(as_alice: Client, crm: Destination) -> None:
    with recorded() as rows:
        save(as_alice, crm, name="Labs", enabled="")
    assert rows == ["Destination Modified", "Destination Disabled"]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "", "This field is required."),
        ("name", "LABS", connections.NAME_TAKEN),
        ("settings-url", "", "This field is required."),
        ("settings-url", "http://127.0.0.1/x", "DELIVERY_ALLOWED_NETWORKS"),
        ("settings-headers", "X-Signature: forged-token", "Line 1: X-Signature is set by the delivery itself"),
    ],
)
def test_an_error_changes_nothing_and_stands_beside_its_field(
    as_alice: Client, crm: Destination, field: str, value: str, says: str
) -> None:
    DestinationFactory(source=crm.source, name="Labs")
    with nothing_written(), recorded() as rows:
        page = save(as_alice, crm, enabled="", **{"settings-shared_secret": "typed", field: value}).content.decode()
    assert list(field_errors(page)) == [field]
    assert says in field_errors(page)[field]
    assert not [word for word in ("s3cr3t", "typed") if f'"{word}"' in page]
    assert rows == ["Destination Viewed"]


def test_readers_see_no_credentials_and_change_nothing(as_alice: Client, crm: Destination, bob: User) -> None:
    as_alice.force_login(bob)
    page = as_alice.get(url(crm)).content.decode()
    assert "Owners and source admins of this workspace see and change these settings." in page
    assert not [word for word in (URL, "hunter2", "s3cr3t", "<textarea", "Save Changes", "••••") if word in page]
    with nothing_written():
        assert save(as_alice, crm, name="Mine").status_code == 403
    assert event_types() == ["Destination Viewed", "Access Denied"]


def test_source_admins_may_change(as_alice: Client, crm: Destination) -> None:
    as_alice.force_login(member(crm.workspace, "dora", "source_admin"))
    assert save(as_alice, crm, name="Labs").status_code == 302
    crm.refresh_from_db()
    assert crm.name == "Labs"


def test_members_without_the_right_to_look_see_nothing(as_alice: Client, crm: Destination) -> None:
    as_alice.force_login(member(crm.workspace, "dora", ""))
    response = as_alice.get(url(crm))
    assert response.status_code == 403
    assert b"CRM" not in response.content


@pytest.mark.django_db(transaction=True)  # a row that cannot be written ends the whole transaction
def test_without_its_row_nothing_is_saved(as_alice: Client, crm: Destination) -> None:
    with broken_log(as_alice), nothing_written():
        assert save(as_alice, crm, name="Labs").status_code == 503
        assert save(as_alice, crm, enabled="").status_code == 503
        assert b"hunter2" not in save(as_alice, crm, name="").content


def test_a_form_from_elsewhere_is_refused(crm: Destination, alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    with nothing_written():
        assert save(client, crm, name="Labs").status_code == 403
