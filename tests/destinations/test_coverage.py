"""What choices cover of real events, and what the tab warns of."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from destinations.encryption import coverage
from destinations.encryption.coverage import Paths
from destinations.models import Destination, EmailUserIds, PublicKey
from privacy.models import FieldEvent, InventoryField, StandardControl
from tests.destinations.factories import DestinationFactory, encrypt_for, track
from tests.destinations.making import BASE
from tests.factories import SourceFactory
from tests.privacy.observing import observe
from workspaces.models import Source, User


@pytest.fixture
def crm(source: Source) -> Destination:
    return DestinationFactory(source=source, name="CRM")


def page_of(client: Client, destination: Destination) -> str:
    response = client.get(f"{BASE}/{destination.pk}/encryption")
    assert response.status_code == 200
    return response.content.decode()


def test_a_choice_covers_its_key_at_any_depth_and_all_below_it() -> None:
    names = ["email", "contact.E_Mail", "home_email", "address.street", "address", "user.address.city", "emails"]
    paths = Paths(names)
    assert paths.under(["email", "e-mail"]) == ["contact.E_Mail", "email"]
    assert paths.under(["Address"]) == ["address", "address.street", "user.address.city"]
    assert paths.under(["phone"]) == []


def test_the_tab_shows_the_paths_of_the_last_7_days(as_alice: Client, crm: Destination) -> None:
    encrypt_for(crm, "email", "e-mail")
    observe(crm.source, track("a", properties={"contact": {"E-Mail": "x"}, "clinic": "North"}))
    observe(SourceFactory(workspace=crm.workspace), track("b", properties={"old": {"email": "x"}}))
    page = page_of(as_alice, crm)
    assert re.search(r'<span class="mono"><a [^>]*>contact.E-Mail</a></span>', page)
    assert re.search(r'value="default_matcher:email"[^>]*data-covers="contact.E-Mail"', page)
    assert "old.email" not in page
    FieldEvent.objects.update(last_seen=timezone.now() - timedelta(days=8))
    assert "None was seen" in page_of(as_alice, crm)


def test_red_fields_that_flow_in_clear_are_named(as_alice: Client, crm: Destination, alice: User) -> None:
    observe(crm.source, track("a", properties={"ssn": "078-05-1120", "clinic": "North"}))
    assert coverage.red_fields(crm) == ["ssn"]
    assert "Red fields reach this destination in clear" in page_of(as_alice, crm)
    StandardControl.objects.create(source=crm.source, set_by=alice)
    assert coverage.red_fields(crm) == ["ssn"]  # only recommended as red: that is not blocked


def test_red_inventory_fields_are_named_unless_their_source_blocks_them(crm: Destination, alice: User) -> None:
    InventoryField.objects.create(workspace=crm.workspace, name="room", classification="red")
    observe(crm.source, track("a", properties={"room": "7", "clinic": "North"}))
    assert coverage.red_fields(crm) == ["room"]
    StandardControl.objects.create(source=crm.source, set_by=alice)
    assert coverage.red_fields(crm) == []


def test_a_red_field_that_is_still_encrypted_does_not_flow_in_clear(crm: Destination) -> None:
    encrypt_for(crm, "ssn")
    observe(crm.source, track("a", properties={"ssn": "078-05-1120"}))
    assert coverage.red_fields(crm) == []


def test_user_ids_that_look_like_addresses_are_warned_of(as_alice: Client, crm: Destination) -> None:
    assert "User ids look like e-mail addresses" not in page_of(as_alice, crm)
    row = EmailUserIds.objects.create(source=crm.source, count=3, last_seen=timezone.now())
    assert "User ids look like e-mail addresses" in page_of(as_alice, crm)
    row.last_seen -= timedelta(days=8)
    row.save()
    assert "User ids look like e-mail addresses" not in page_of(as_alice, crm)


def test_the_history_tells_of_each_key(as_alice: Client, crm: Destination) -> None:
    encrypt_for(crm, "email")
    now = timezone.now()
    PublicKey.objects.update(in_force_from=now, encrypted_events=12345, origin="browser", proved_at=now)
    history = page_of(as_alice, crm).split('id="key-history"')[1]
    assert "2048&nbsp;bits" in history
    assert "Made in the browser" in history
    assert "by key-maker@example.com" in history
    assert "Possession proved" in history
    assert '<td class="number">12,345</td>' in history
    assert "In force" in history
