"""The Event Tester: a real event by the one door out, encrypted, past filters, recorded first, credentials redacted."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from audit.event_ids import event_id
from audit.models import AuditRow
from destinations.catalog.base import Request
from destinations.catalog.webhooks import WebhooksForm
from destinations.models import Attempt, Delivery, DeliveryCount, Destination, Filter
from destinations.settings_store import seal_settings
from destinations.testing.redaction import Redaction
from privacy.models import InventoryField
from privacy.standard_controls import block_red_fields
from tests.destinations.factories import FINGERPRINT, DestinationFactory, append_events, encrypt_for, opened, track
from tests.destinations.making import BASE, broken_log, recorded
from tests.destinations.receivers import Answer, Receiver, receiving
from tests.factories import member
from workspaces.models import Source, User

pytestmark = pytest.mark.django_db(transaction=True)  # the event log commits for itself

EVENT = {"userId": "u1", "event": "Visit Booked", "properties": {"email": "jo@example.com", "total": 3}}


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.DELIVERY_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with receiving() as made:
        yield made


@pytest.fixture
def crm(source: Source, receiver: Receiver) -> Destination:
    return DestinationFactory(
        source=source,
        name="CRM",
        url=receiver.url + "?token=t0ken",
        headers="Authorization: Bearer hunter2\nX-Team: red-team",
        shared_secret="s3cr3t",
    )


def press(client: Client, destination: Destination, do: str = "send", **changes: Any) -> HttpResponse:
    payload = changes.pop("payload", EVENT)
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return client.post(f"{BASE}/{destination.pk}/tester", {"do": do, "type": "track", "payload": text, **changes})


def text_of(response: HttpResponse) -> str:
    return html.unescape(response.content.decode())


def test_an_event_is_sent_and_shown(as_alice: Client, crm: Destination, receiver: Receiver) -> None:
    receiver.says(Answer(202, body=b'{"ok": true}'))
    with recorded() as rows:
        page = text_of(press(as_alice, crm))
    (got,) = receiver.got
    assert EVENT.items() <= got.json.items()
    assert got.json["type"] == "track"
    assert got.json["receivedAt"] == got.json["timestamp"]
    assert "Test event received by destination." in page
    assert "<strong>202</strong>" in page
    assert '"ok": true' in page
    assert '"email": "jo@example.com"' in page
    assert rows == ["Event Tester Event Sent"]
    row = AuditRow.objects.get(event_type="Event Tester Event Sent")
    assert row.details == {"type": "track", "fingerprint": ""}
    assert row.end_user_id == event_id(got.message_id, workspace_id=row.workspace_id)


def test_no_credential_is_on_the_page(as_alice: Client, crm: Destination, receiver: Receiver) -> None:
    receiver.answer = lambda got: Answer(200, body=json.dumps(got.headers).encode() + got.path.encode())
    page = text_of(press(as_alice, crm))
    (got,) = receiver.got
    assert got.header("Authorization") == "Bearer hunter2"
    for secret in ("hunter2", "s3cr3t", "t0ken", "red-team", "Bearer hunter2"):
        assert secret not in page
    assert '"Authorization": "REDACTED"' in page
    assert '"X-Signature": "REDACTED"' in page
    assert '"Content-Type": "application/json"' in page
    assert f"{receiver.url}?REDACTED" in page


def test_the_answers_headers_are_shown_without_its_secrets(
    as_alice: Client, crm: Destination, receiver: Receiver
) -> None:
    told = {
        "Content-Type": "text/plain",
        "X-Hubspot-RateLimit-Remaining": "106",
        "X-Request-Id": "r-1 for hunter2",
        "Set-Cookie": "session=abc",
        "Authorization": "Bearer xyz",
        "X-Next-Token": "n3xt",
    }
    receiver.says(Answer(200, headers=told, body=b"fine"))
    page = text_of(press(as_alice, crm))
    shown = json.loads(re.search(r'<code id="tested-answer">([^<]*)</code>', page)[1])  # type: ignore[index]
    assert shown == {
        "body": "fine",
        "headers": {
            "Authorization": "REDACTED",
            "Content-Length": "4",
            "Content-Type": "text/plain",
            "Set-Cookie": "REDACTED",
            "X-Hubspot-RateLimit-Remaining": "106",
            "X-Next-Token": "REDACTED",
            "X-Request-Id": "r-1 for REDACTED",
        },
    }


def test_chosen_fields_are_encrypted(as_alice: Client, crm: Destination, receiver: Receiver) -> None:
    encrypt_for(crm, "email")
    page = text_of(press(as_alice, crm))
    (got,) = receiver.got
    assert opened(got.json["properties"]["email"]) == "jo@example.com"
    assert b"jo@example.com" not in got.body
    assert FINGERPRINT in page
    assert AuditRow.objects.get(event_type="Event Tester Event Sent").details["fingerprint"] == FINGERPRINT


def test_an_event_that_cannot_be_encrypted_is_not_sent(as_alice: Client, crm: Destination, receiver: Receiver) -> None:
    encrypt_for(crm, "email")
    page = text_of(press(as_alice, crm, payload='{"userId": "u", "properties": {"email": "\\ud800"}}'))
    assert "A chosen field cannot be encrypted, so the event is not sent." in page
    assert receiver.got == []


def test_filters_are_bypassed_and_nothing_is_counted(as_alice: Client, crm: Destination, receiver: Receiver) -> None:
    Filter.objects.create(destination=crm, name="Nothing", answers={"action": "drop", "join": "every"})
    Destination.objects.update(enabled=False)
    assert "Test event received by destination." in text_of(press(as_alice, crm))
    assert len(receiver.got) == 1
    assert [model.objects.count() for model in (Attempt, Delivery, DeliveryCount)] == [0, 0, 0]


def test_blocked_fields_are_not_sent(as_alice: Client, crm: Destination, receiver: Receiver, alice: User) -> None:
    InventoryField.objects.create(workspace=crm.workspace, name="ssn", folded="ssn", classification="red")
    block_red_fields(crm.source, actor=alice)
    press(as_alice, crm, payload={"userId": "u", "properties": {"ssn": "078-05-1120", "total": 1}})
    (got,) = receiver.got
    assert got.json["properties"] == {"total": 1}


@pytest.mark.django_db(transaction=True)  # a row that cannot be written ends the whole transaction
def test_without_its_audit_row_nothing_is_sent(as_alice: Client, crm: Destination, receiver: Receiver) -> None:
    with broken_log(as_alice):
        assert press(as_alice, crm).status_code == 503
    assert receiver.got == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(400, body=b"<script>bad</script>"), "errors.discarded.400"),
        (Answer(503), "errors.awaiting-retry.5xx"),
        (Answer(raw=b"nonsense\r\n\r\n"), "errors.awaiting-retry."),
        (Answer(200, body=b"x" * 20000), "… (body cut after 16 KB)"),
    ],
)
def test_other_answers(as_alice: Client, crm: Destination, receiver: Receiver, answer: Answer, said: str) -> None:
    receiver.says(answer)
    response = press(as_alice, crm)
    assert said in text_of(response)
    assert b"<script>bad" not in response.content


def test_a_private_address_is_refused(as_alice: Client, crm: Destination, receiver: Receiver, settings: Any) -> None:
    settings.DELIVERY_ALLOWED_NETWORKS = []
    assert "errors.discarded.INVALID_SETTINGS" in text_of(press(as_alice, crm))
    assert receiver.got == []


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ("{", "This is no JSON. Line 1, column 2"),
        ('{"type": []}', "Its type must be one of"),
        ({**EVENT, "integrations": {"All": False}}, "integrations object excludes this destination"),
    ],
)
def test_what_is_no_event_is_not_sent(
    as_alice: Client, crm: Destination, receiver: Receiver, payload: Any, said: str
) -> None:
    page = text_of(press(as_alice, crm, payload=payload))
    assert "Nothing was sent" in page
    assert said in page
    assert receiver.got == []
    assert not AuditRow.objects.filter(event_type="Event Tester Event Sent").exists()


def test_a_sample_is_generated_and_one_loaded(as_alice: Client, crm: Destination, receiver: Receiver) -> None:
    with recorded() as rows:
        assert '"event": "Sample Event"' in text_of(as_alice.get(f"{BASE}/{crm.pk}/tester"))
    assert rows == ["Event Tester Viewed"]
    assert '"groupId": "sample-group"' in text_of(press(as_alice, crm, "generate", type="group"))
    assert "The source sent no track event lately." in text_of(press(as_alice, crm, "load"))
    append_events(crm.source, track("m-1", properties={"email": "jo@example.com"}))
    assert '"messageId": "m-1"' in text_of(press(as_alice, crm, "load"))
    assert "The source sent no page event lately." in text_of(press(as_alice, crm, "load", type="page"))
    assert receiver.got == []


def test_the_chosen_type_counts(as_alice: Client, crm: Destination, receiver: Receiver) -> None:
    press(as_alice, crm, type="identify", payload={**EVENT, "type": "track"})
    assert receiver.got[0].json["type"] == "identify"


def test_without_pii_access_loaded_events_are_masked(client: Client, crm: Destination) -> None:
    append_events(crm.source, track("m-1", properties={"email": "jo@example.com"}))
    client.force_login(member(crm.workspace, "dora", "source_admin"))
    page = text_of(press(client, crm, "load"))
    assert "jo@example.com" not in page
    assert "••••••••" in page


def test_readers_send_nothing(client: Client, crm: Destination, receiver: Receiver, bob: User) -> None:
    client.force_login(bob)
    assert press(client, crm).status_code == 403
    assert "Event Tester" not in client.get(f"{BASE}/{crm.pk}/filters").content.decode()
    assert receiver.got == []


def test_credentials_are_found_however_they_are_written() -> None:
    request = Request(
        url="https://e.com/?k=qqq", headers=[("Authorization", "Basic zzz"), ("User-Agent", "x")], body=b""
    )
    redaction = Redaction(WebhooksForm, {"shared_secret": 'a"b/c'}, request)
    assert redaction.text('x a"b/c a\\"b/c a%22b%2Fc YSJiL2M= zzz qqq') == "x" + " REDACTED" * 6
    assert redaction.url("https://me:pw@example.com:8443/p/zzz?a=1#x") == "https://example.com:8443/p/REDACTED?REDACTED"
    assert redaction.url("http://[") == "REDACTED"


SECRET = "zq81-very-secret"
OF_KINDS: dict[str, dict[str, Any]] = {
    "slack": {"webhook_url": f"HOST/services/{SECRET}", "text": "{{event}} " + SECRET, "event_types": ["track"]},
    "amplitude": {"api_key": SECRET, "region": "us", "proxy_url": "HOST"},
    "mixpanel": {
        "project_token": SECRET,
        "service_account": "",
        "service_secret": "",
        "region": "us",
        "proxy_url": "HOST",
    },
    "segment": {"endpoint": "HOST", "write_key": SECRET},
}


@pytest.mark.parametrize("kind", OF_KINDS)
def test_every_kind_of_destination_keeps_its_credentials(
    as_alice: Client, source: Source, receiver: Receiver, kind: str
) -> None:
    host = receiver.url.removesuffix("/hook")
    made = DestinationFactory(source=source, kind=kind)
    settings = {
        name: value.replace("HOST", host) if isinstance(value, str) else value for name, value in OF_KINDS[kind].items()
    }
    Destination.objects.update(sealed_settings=seal_settings(settings, owner_id=made.pk))
    receiver.answer = lambda got: Answer(200, body=repr(got.headers).encode() + got.body + got.path.encode())
    page = text_of(press(as_alice, made))
    assert len(receiver.got) == 1
    assert "View test outcome" in page
    assert SECRET not in page
    assert base64.b64encode(f"{SECRET}:".encode()).decode().rstrip("=") not in page


@pytest.mark.parametrize("kind", ["s3", "browser-plugin"])
@pytest.mark.parametrize("tab", ["filters", "filters/new", "tester", "what-would-leave"])
def test_only_cloud_mode_event_streams_have_these_pages(as_alice: Client, source: Source, kind: str, tab: str) -> None:
    made = DestinationFactory(source=source, kind=kind)
    assert as_alice.get(f"{BASE}/{made.pk}/{tab}").status_code == 404
    assert as_alice.post(f"{BASE}/{made.pk}/{tab}", {"do": "send"}).status_code in {404, 405}
