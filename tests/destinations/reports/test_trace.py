"""Support staff follow a message through the pipeline: every stop, no value, a row in the workspace's log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from audit.event_ids import event_id
from audit.models import AuditRow
from destinations.models import Destination
from destinations.reports.trace import traces
from tests.destinations.factories import FINGERPRINT, DestinationFactory, append_events, encrypt_for, track
from tests.destinations.pipeline.driving import Driven
from tests.destinations.receivers import Answer, Receiver
from tests.factories import WorkspaceFactory, support_staff
from workspaces.models import Source, User

URL = "/admin/destinations/delivery/trace/"
SECRET = "jo@example.com"


@pytest.fixture
def sent(
    worker: Driven, destination: Destination, another: Receiver, receiver: Receiver, source: Source
) -> Destination:
    """One event: delivered encrypted at one destination, refused at a second, kept from a third that is disabled."""
    encrypt_for(destination, "email")
    Destination.objects.update(name="Encrypted")
    DestinationFactory(source=source, name="Refusing", url=another.url)
    DestinationFactory(source=source, name="Sleeping", enabled=False)
    another.answer = lambda got: Answer(401)
    append_events(source, track("m-1", properties={"email": SECRET}))
    append_events(source, track("m-2", integrations={"All": False}, properties={"email": SECRET}))
    worker.work_off()
    return destination


def told(message_id: str, destination: Destination) -> list[tuple[str, str, list[Any], str]]:
    (trace,) = traces(message_id, destination.workspace)
    assert trace.source == destination.source
    assert trace.received_at is not None
    return [
        (each.destination.name, each.outcome, [(row.number, row.status_code) for row in each.tries], each.today)
        for each in trace.destinations
    ]


def test_each_destination_tells_what_became_of_it(sent: Destination) -> None:
    sleeping = ("Sleeping", "No record: it was kept back, or the destination was disabled or not there", [])
    assert told("m-1", sent) == [
        ("Encrypted", "Delivered at try 1", [(1, 200)], ""),
        ("Refusing", "Dead letter: 401 Unauthorized", [(1, 401)], ""),
        (*sleeping, "The destination or its source is disabled: it gets no events."),
    ]
    kept = "With today's configuration: Filtered by integrations object (FILTERED_BY_INTEGRATIONS_OBJECT)"
    assert [(name, today) for name, _, _, today in told("m-2", sent)][:2] == [("Encrypted", kept), ("Refusing", kept)]


def test_the_page_shows_no_value(sent: Destination, client: Client) -> None:
    staff = support_staff()
    client.force_login(staff)
    page = client.post(URL, {"workspace": "acme-health", "message_id": "m-1"}).content.decode()
    assert (FINGERPRINT in page, "errors.discarded.401" in page, SECRET in page) == (True, True, False)
    row = AuditRow.objects.get(event_type="Support Message Traced")
    assert (row.actor_label, row.actor_kind, row.workspace_id, row.details) == (
        staff.email,
        "support",
        str(sent.workspace_id),
        {},
    )
    assert row.end_user_id == event_id("m-1", workspace_id=sent.workspace_id)


def test_an_id_in_the_address_is_not_looked_for(sent: Destination, client: Client) -> None:
    client.force_login(support_staff())
    page = client.get(URL, {"workspace": "acme-health", "message_id": "m-1"}).content.decode()
    assert ("Delivered at try 1" in page, 'method="post"' in page) == (False, True)


def test_an_id_nobody_sent(sent: Destination, client: Client) -> None:
    client.force_login(support_staff())
    page = client.post(URL, {"workspace": "acme-health", "message_id": "m-9"}).content.decode()
    assert "No source of this workspace took an event of this ID" in page


def test_another_workspaces_message_is_not_found(sent: Destination) -> None:
    assert traces("m-1", WorkspaceFactory(name="Other", slug="other")) == []


def test_bad_questions_are_told(own_log: None, client: Client, workspace: Any, tmp_path: Path) -> None:
    client.force_login(support_staff())
    assert "This field is required." in client.post(URL, {"message_id": ""}).content.decode()
    page = client.post(URL, {"workspace": "nowhere", "message_id": "m"}).content.decode()
    assert "Select a valid choice." in page
    assert f'href="{URL}"' in client.get("/admin/destinations/delivery/").content.decode()


def test_members_are_turned_away(sent: Destination, client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.post(URL, {"workspace": "acme-health", "message_id": "m-1"}).status_code != 200
    assert not AuditRow.objects.filter(event_type="Support Message Traced").exists()
