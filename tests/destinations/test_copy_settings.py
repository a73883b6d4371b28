"""Copy Settings From Other Destination: credentials go along, nobody sees them, and only where one may change both."""

from __future__ import annotations

import uuid

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from audit.models import AuditRow
from destinations import connections
from destinations.models import Destination
from tests.destinations.factories import DestinationFactory
from tests.destinations.making import BASE, nothing_written, recorded
from tests.factories import SourceFactory
from workspaces.models import Source, User

SETTINGS = {"url": "https://example.org/in", "headers": "Authorization: hunter2", "shared_secret": "s3cr3t"}


@pytest.fixture
def crm(source: Source) -> Destination:
    return DestinationFactory(source=source, name="CRM", enabled=False)


@pytest.fixture
def labs(crm: Destination) -> Destination:
    return DestinationFactory(source=SourceFactory(workspace=crm.workspace), name="Labs", **SETTINGS)


def url(destination: Destination) -> str:
    return f"{BASE}/{destination.pk}/settings/copy"


def test_settings_are_copied_unseen(as_alice: Client, crm: Destination, labs: Destination) -> None:
    page = as_alice.get(url(crm)).content.decode()
    assert f"Labs (source {labs.source.name})" in page
    with recorded() as rows:
        response = as_alice.post(url(crm), {"other": labs.pk})
    assert response.headers["Location"] == f"{BASE}/{crm.pk}/settings"
    crm.refresh_from_db()
    assert connections.settings_of(crm) == SETTINGS
    assert (crm.name, crm.enabled, crm.revision) == ("CRM", False, 2)
    assert rows == ["Destination Modified"]
    row = AuditRow.objects.get(event_type="Destination Modified")
    assert row.details == {"changed": ["headers", "shared_secret", "url"], "copied_from": str(labs.pk)}
    shown = page + as_alice.get(f"{BASE}/{crm.pk}/settings").content.decode()
    assert not [secret for secret in ("hunter2", "s3cr3t") if secret in shown]


def test_equal_settings_change_and_record_nothing(as_alice: Client, crm: Destination, labs: Destination) -> None:
    as_alice.post(url(crm), {"other": labs.pk})
    with nothing_written(), recorded() as rows:
        as_alice.post(url(crm), {"other": labs.pk})
    assert rows == []


def test_only_its_own_kind_is_offered(as_alice: Client, crm: Destination, charlie: User) -> None:
    slack = DestinationFactory(source=crm.source, kind="slack", name="Chat")
    foreign = DestinationFactory(source=SourceFactory(workspace=charlie.workspaces.get()), name="Foreign")
    page = as_alice.get(url(crm)).content.decode()
    assert "Nothing to copy from" in page
    for other in (slack.pk, foreign.pk, crm.pk, uuid.uuid4()):
        with nothing_written():
            refused = as_alice.post(url(crm), {"other": other}).content.decode()
        assert "Foreign" not in refused
    with nothing_written(), pytest.raises(ValidationError):
        connections.copy_settings(crm, foreign.pk, actor=crm.workspace.members.get(email="alice@example.com"))


def test_an_answer_is_needed(as_alice: Client, crm: Destination, labs: Destination) -> None:
    with nothing_written():
        page = as_alice.post(url(crm), {}).content.decode()
    assert "Choose a destination." in page


def test_readers_copy_nothing(as_alice: Client, crm: Destination, labs: Destination, bob: User) -> None:
    as_alice.force_login(bob)
    with nothing_written():
        assert as_alice.get(url(crm)).status_code == 403
        assert as_alice.post(url(crm), {"other": labs.pk}).status_code == 403
