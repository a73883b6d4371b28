"""Wherever a coloured field is named, those who may know why it has its colour find a link to that."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from destinations.models import Destination
from destinations.testing.preview import field_of
from privacy.explained import Coloured, ids_of, restricted_in
from privacy.inventory import classify_field
from privacy.models import AlertMessage, Classification, InventoryField, ObservedField
from tests.destinations.factories import DestinationFactory, append_events, encrypt_for
from tests.factories import member
from tests.privacy.observing import field, observe, track
from workspaces.models import Source, User, Workspace

EVENT = track(email="jo@example.com", ssn="078-05-1120", items=[{"sku": "A1"}], contact="ana@example.com")


@pytest.fixture
def crm(source: Source) -> Destination:
    observe(source, EVENT)
    return DestinationFactory(source=source, name="CRM")


def explained(page: str) -> list[str]:
    """The fields whose explanation a page leads to, by the ids in its links."""
    ids = re.findall(r'href="/acme-health/privacy/explain/([0-9a-f-]{36})"', page)
    names = {str(each.pk): each.name for each in InventoryField.objects.all()}
    return [names.get(found) or field_by_id(found) for found in dict.fromkeys(ids)]


def field_by_id(field_id: str) -> str:
    return ObservedField.objects.get(pk=field_id).name


def page_of(client: Client, name: str, *args: object, query: str = "") -> str:
    response = client.get(reverse(name, args=["acme-health", *args]) + query)
    assert response.status_code == 200
    return response.content.decode()


def test_ids_are_of_the_workspaces_own_fields(workspace: Workspace, crm: Destination, charlie: User) -> None:
    assert ids_of(workspace.pk, ["email", "unseen"]) == {"email": field("email").pk}
    assert ids_of(charlie.workspaces.get().pk, ["email"]) == {}


def test_the_restricted_fields_of_an_event(workspace: Workspace, crm: Destination, alice: User) -> None:
    classify_field(workspace, name="sku", classification=Classification.RED, actor=alice)
    classify_field(workspace, name="email", classification=Classification.GREEN, actor=alice)
    event = {**EVENT, "properties": {**EVENT["properties"], "phone": None, "street": "North 1"}}
    assert restricted_in(workspace.pk, event) == [
        Coloured("contact", field("contact").pk, "yellow"),  # by its value
        Coloured("items.sku", field("items.sku").pk, "red"),  # by the inventory
        Coloured("ssn", field("ssn").pk, "red"),
        Coloured("street", None, "yellow"),  # the scan has not come to it yet
    ]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("properties.email", "email"),
        ("properties.items[0].sku", "items.sku"),
        ("context.traits.email", "traits.email"),
        ("traits[1].a[0][12]", "a"),
        ("properties", ""),
        ("userId", ""),
        ("integrations.All", ""),
    ],
)
def test_the_field_of_a_path(path: str, name: str) -> None:
    assert field_of(path) == name


def test_alerts(as_alice: Client, workspace: Workspace, crm: Destination) -> None:
    for name in ("email", "gone"):
        AlertMessage.objects.create(workspace=workspace, channel="slack", field_name=name, recommended="yellow")
    page = page_of(as_alice, "privacy_alerts")
    assert explained(page) == ["email"]
    assert "<code>gone</code>" in page


def test_rows_of_inbox_and_inventory_and_a_sample(
    as_alice: Client, workspace: Workspace, crm: Destination, alice: User
) -> None:
    entry = classify_field(workspace, name="email", classification=Classification.YELLOW, actor=alice)
    assert sorted(explained(page_of(as_alice, "privacy_inbox"))) == ["contact", "items.sku", "ssn"]
    assert explained(page_of(as_alice, "privacy_inventory")) == ["email"]
    assert explained(page_of(as_alice, "privacy_inventory_field", entry.pk)) == ["email"]
    assert explained(page_of(as_alice, "privacy_inbox_sample", field("ssn").pk)) == ["ssn"]
    added = as_alice.post(
        reverse("privacy_inbox_add", args=["acme-health"]), {"field": field("ssn").pk}, headers={"HX-Request": "true"}
    )
    assert explained(added.content.decode()) == ["ssn"]


def test_data_encryption(as_alice: Client, workspace: Workspace, crm: Destination, client: Client) -> None:
    encrypt_for(crm, "email")
    assert sorted(explained(page_of(as_alice, "destination_encryption", crm.pk))) == ["email", "ssn"]
    client.force_login(member(workspace, "adam", "source_admin"))
    page = page_of(client, "destination_encryption", crm.pk)
    assert explained(page) == []
    assert '<span class="mono">email</span>' in page
    assert '<span class="mono">ssn</span>' in page


def test_what_would_leave(as_alice: Client, workspace: Workspace, crm: Destination, client: Client) -> None:
    asked: dict[str, Any] = {
        "sample": '{"type": "track", "properties": {"email": "a", "items": [{"sku": 1}], "new": 2}}'
    }
    url = reverse("destination_preview", args=["acme-health", crm.pk])
    assert explained(as_alice.post(url, asked).content.decode()) == ["email", "items.sku"]
    client.force_login(member(workspace, "adam", "source_admin"))
    assert explained(client.post(url, asked).content.decode()) == []


@pytest.mark.django_db(transaction=True)
def test_the_debugger(
    as_alice: Client, workspace: Workspace, crm: Destination, client: Client, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR, settings.EVENT_LOG_DIR = tmp_path, tmp_path / "events"
    append_events(crm.source, EVENT)
    url = f"/acme-health/sources/{crm.source.slug}/debugger"
    (event,) = re.findall(r'<a href="([^"]+/debugger/\d+-\d+-\d+)"', as_alice.get(url).content.decode())
    page = as_alice.get(event).content.decode()
    assert "Restricted fields of this event" in page
    assert explained(page) == ["contact", "email", "ssn"]
    client.force_login(member(workspace, "adam", "source_admin"))
    page = client.get(event).content.decode()
    assert ("Restricted fields of this event" in page, explained(page)) == (False, [])
