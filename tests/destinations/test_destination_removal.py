"""Deleting a destination: what goes, what stays, who may, and that a slip of the hand deletes nothing."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from audit.models import AuditRow
from destinations.models import Attempt, Delivery, DeliveryCount, Destination, EncryptedField, PublicKey
from destinations.removal import TYPE_ITS_NAME
from tests.destinations.factories import FINGERPRINT, DestinationFactory, encrypt_for
from tests.destinations.making import BASE, broken_log, field_errors, nothing_written, recorded
from tests.factories import member
from workspaces.models import Source, User


@pytest.fixture
def crm(source: Source) -> Destination:
    """A destination with one row in each table that knows it."""
    made = encrypt_for(DestinationFactory(source=source, name="CRM"), "email")
    now = timezone.now()
    event = {"destination": made, "message_id": "m-1", "event_type": "track", "received_at": now}
    place = {"log_partition": 0, "log_position": 1, "log_place": 0}
    Delivery.objects.create(workspace=made.workspace, status="waiting", next_try_at=now, **event, **place)
    Attempt.objects.create(number=1, tried_at=now, duration_ms=5, status_code=500, **event)
    DeliveryCount.objects.create(destination=made, hour=now, event_type="track", outcome="delivered", count=3)
    return made


def url(destination: Destination) -> str:
    return f"{BASE}/{destination.pk}/settings/delete"


def delete(client: Client, destination: Destination, name: str = "CRM") -> HttpResponse:
    return client.post(url(destination), {"typed_name": name})


def test_the_page_says_what_is_lost(as_alice: Client, crm: Destination) -> None:
    page = as_alice.get(url(crm)).content.decode()
    assert "1 event</strong> that is not delivered will not be sent." in page
    assert "To confirm, type <strong>CRM</strong>." in page
    assert url(crm) in as_alice.get(f"{BASE}/{crm.pk}/settings").content.decode()


def test_it_goes_with_all_that_is_stored_of_it(as_alice: Client, crm: Destination) -> None:
    other = encrypt_for(DestinationFactory(source=crm.source, name="Other"), "phone")
    with recorded() as rows:
        response = delete(as_alice, crm)
    assert response.headers["Location"] == BASE
    assert rows == ["Destination Deleted"]
    assert Destination.objects.get() == other
    assert PublicKey.objects.get().destination == other
    assert EncryptedField.objects.get().destination == other
    assert not any(model.objects.exists() for model in (Delivery, Attempt, DeliveryCount))
    assert "CRM is deleted." in as_alice.get(BASE).content.decode()
    assert as_alice.get(url(crm)).status_code == 404


def test_the_audit_log_keeps_what_was_done_and_the_fingerprints(as_alice: Client, crm: Destination) -> None:
    as_alice.get(url(crm))
    delete(as_alice, crm)
    row = AuditRow.objects.get(event_type="Destination Deleted")
    assert row.object_id == str(crm.pk)
    assert row.details == {"kind": "webhooks", "source": crm.source.name, "undelivered": 1, "keys": [FINGERPRINT]}
    assert AuditRow.objects.filter(event_type="Destination Viewed", object_id=str(crm.pk)).exists()


@pytest.mark.parametrize("name", ["crm", "CRM ", "", "yes"])
def test_only_its_exact_name_confirms(as_alice: Client, crm: Destination, name: str) -> None:
    with nothing_written():
        page = delete(as_alice, crm, name).content.decode()
    assert field_errors(page) == {"typed_name": TYPE_ITS_NAME if name else "This field is required."}
    assert Delivery.objects.count() == 1


def test_readers_and_other_sources_admins_delete_nothing(as_alice: Client, crm: Destination, bob: User) -> None:
    for person, status in ((bob, 403), (member(crm.workspace, "dora", ""), 403)):
        as_alice.force_login(person)
        with nothing_written():
            assert (as_alice.get(url(crm)).status_code, delete(as_alice, crm).status_code) == (status, status)


@pytest.mark.django_db(transaction=True)  # a row that cannot be written ends the whole transaction
def test_without_its_row_nothing_is_deleted(as_alice: Client, crm: Destination) -> None:
    with broken_log(as_alice), nothing_written():
        assert delete(as_alice, crm).status_code == 503
    assert Delivery.objects.count() == 1


def test_its_name_is_free_again(as_alice: Client, crm: Destination) -> None:
    delete(as_alice, crm)
    assert DestinationFactory(source=crm.source, name="crm").pk
