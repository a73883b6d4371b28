"""No PHI value, key or token in any column of any audit row, after a walk through the product with seeded ones."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.conf import settings
from django.contrib.admin import site
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.urls import reverse

from audit.models import AuditRow
from destinations.encryption.keys import KeyPair
from destinations.models import Destination
from privacy.inventory import classify_field
from privacy.models import Classification, Regulation
from privacy.regulations import request_regulation
from tests import factories
from tests.destinations.factories import DestinationFactory, append_events, encrypt_for
from tests.destinations.making import draft_at_setup, generated
from tests.destinations.pipeline.conftest import own_log, worker
from tests.destinations.pipeline.driving import Driven
from tests.destinations.receivers import Answer, Receiver, receiving
from tests.privacy.observing import observe
from tests.test_access import ACCESS, World
from workspaces import write_keys
from workspaces.models import Source, User, Workspace
from workspaces.roles import Role

__all__ = ["own_log", "worker"]  # fixtures
PERSON = "canary-person-77"  # may stand in `end_user_id`, and nowhere else
PHI = {
    "email": "canary.mail@example.com",
    "ssn": "078-05-1120",
    "note": "canary-note of a visit",
    "ward": {"medication": ["canary-medication"]},
}
EVENT = {
    "type": "track",
    "event": "Visit Booked",
    "userId": PERSON,
    "messageId": "canary-message-id",
    "properties": PHI,
    "context": {"ip": "203.0.113.99", "traits": {"address": "canary-street 7"}},
}
VALUES = (
    *("canary.mail@example.com", "078-05-1120", "canary-note", "canary-medication", "canary-street"),
    *("canary-message-id", "203.0.113.99"),
)
SECRETS = ("canary-bearer-token", "canary-shared-secret", "canary-hook-token", "canary-password", "canary-typed")
# What people type or paste anywhere: into addresses, searches and forms.
TYPED = dict.fromkeys(("q", "search", "find", "name_contains", "wanted", "path", "next", "reason_"), "canary-typed")
PASTED = {
    **{name: json.dumps(EVENT) for name in ("payload", "sample", "json", "test", "event")},
    "user_id": PERSON,
    "user_ids": PERSON,
    "find": PERSON,
    "slack_url": "https://hooks.slack.com/services/canary-hook-token",
    "password": "canary-password",
    "oldpassword": "canary-password",
    "settings-headers": "Authorization: Bearer canary-bearer-token",
    "settings-shared_secret": "canary-shared-secret",
    "settings-url": "https://example.com/canary-hook-token",
    "private_key": "canary-typed",
    "value": PHI["email"],
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def pair(worker: Driven, source: Source, alice: User, receiver: Receiver) -> KeyPair:
    """The product in use: an event accepted, detected, encrypted for one destination and refused by another."""
    crm = DestinationFactory(
        source=source,
        name="CRM",
        url=f"{receiver.url}canary-hook-token",
        headers="Authorization: Bearer canary-bearer-token",
        shared_secret="canary-shared-secret",
    )
    encrypt_for(crm, "email")
    DestinationFactory(source=source, name="Refusing", url=receiver.url, shared_secret="canary-shared-secret")
    receiver.answer = lambda got: Answer(401)
    classify_field(source.workspace, name="ssn", classification=Classification.YELLOW, actor=alice)
    observe(source, EVENT)
    append_events(source, EVENT)
    worker.work_off()
    return generated(draft_at_setup(source, alice), alice)


@pytest.fixture
def world(pair: KeyPair, source: Source, alice: User) -> World:
    draft = draft_at_setup(source, alice)
    return World(source.workspace, source, Destination.objects.get(name="CRM"), draft)


def texts(row: AuditRow) -> dict[str, str]:
    """Every column as text, in small letters."""
    return {name: json.dumps(value, default=str, ensure_ascii=False).lower() for name, value in row.facts}


def spellings(secret: str) -> set[str]:
    """How a value could stand somewhere: as it is, in an address, in base64, in hex."""
    raw = secret.encode()
    return {each.lower() for each in (secret, quote(secret), base64.b64encode(raw).decode().rstrip("="), raw.hex())}


def found(rows: list[AuditRow], secrets: list[str]) -> list[tuple[str, str, str]]:
    """Where any of the secrets stands: event type, column and secret."""
    wanted = [(secret, spelling) for secret in secrets for spelling in spellings(secret)]
    return [
        (row.event_type, column, secret)
        for row in rows
        for column, text in texts(row).items()
        for secret, spelling in wanted
        if spelling in text and (secret != PERSON or column != "end_user_id")
    ]


def visit(client: Client, world: World) -> list[AuditRow]:
    """Every route, asked as a page and as a form, with what people type; each on the world as it was."""
    written: list[AuditRow] = []
    for route in ACCESS:
        with transaction.atomic():
            before = set(AuditRow.objects.values_list("pk", flat=True))
            url = reverse(route.name, kwargs=route.arguments(world))
            answer = client.get(url, TYPED)
            b"".join(answer) if answer.streaming else answer.content
            client.post(url, {**TYPED, **PASTED, **route.data, "do": "send"}, headers={"HX-Request": "true"})
            written += AuditRow.objects.exclude(pk__in=before)
            transaction.set_rollback(True)
    return written


def visit_admin(client: Client) -> None:
    """Every list of Django admin, searched, and the first object of each."""
    for model in site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        client.get(reverse(f"{name}_changelist"), {"q": "canary-typed"})
        client.get(reverse(f"{name}_changelist"))
        if first := model._default_manager.first():
            client.get(reverse(f"{name}_change", args=[first.pk]))
            client.get(reverse(f"{name}_history", args=[first.pk]))
    client.post("/admin/destinations/delivery/trace/", {"workspace": "acme-health", "message_id": EVENT["messageId"]})


def sign_in_badly(client: Client) -> None:
    for login, password in (("canary-typed", "canary-password"), ("alice@example.com", "canary-password")):
        client.post("/login", {"login": login, "password": password})


def run_commands(folder: Path) -> str:
    """Everything that is run by hand; what it printed."""
    out = io.StringIO()
    call_command("sign_in_link", "alice@example.com", stdout=out)
    call_command("export_audit", "acme-health", str(folder / "log.csv"), reason="Letter of 3 May", stdout=out)
    call_command("purge", stdout=out)
    call_command("warn_of_baa_expiry", stdout=out)
    call_command("audit_keys", stdout=out)
    try:
        call_command("verify_audit", stdout=out)
    except CommandError:
        pytest.fail(out.getvalue())
    return out.getvalue()


def tokens(source: Source, printed: str, pair: KeyPair) -> list[str]:
    """Keys and tokens there are now: write keys, sessions, links, private keys, second factors, the product's own."""
    sent = printed + "".join(str(message.body) for message in mail.outbox)
    links = re.findall(r"/(?:invitations|login/link|password/reset/key)/([\w.:-]{12,})", sent)
    own = [settings.SECRET_KEY, *settings.DATA_SEALING_KEYS, settings.AUDIT_SIGNING_KEY, factories.TOTP_SECRET]
    sessions = [str(key) for key in UserSession.objects.values_list("session_key", flat=True)]
    assert links
    assert sessions
    return [write_keys.issue(source), *links, *own, *sessions, *pair.private_pem.splitlines()[1:-1], factories.PASSWORD]


def test_nothing_seeded_is_in_any_row(
    world: World, pair: KeyPair, source: Source, workspace: Workspace, alice: User, tmp_path: Path
) -> None:
    people = {
        "owner": alice,
        "auditor": factories.member(workspace, "nadia", Role.AUDITOR),
        "support": factories.support_staff(workspace),
    }
    sign_in_badly(Client())
    written: list[AuditRow] = []
    for person in people.values():
        client = Client()
        client.force_login(person)
        written += visit(client, world)
    asked = Regulation.Type.SUPPRESS_ONLY
    request_regulation(workspace, regulation_type=asked, user_id=PERSON, actor=alice)
    visit_admin(client)
    printed = run_commands(tmp_path)
    rows = [*written, *AuditRow.objects.all()]
    assert len({row.event_type for row in rows}) > 70
    assert found(rows, [PERSON, *VALUES, *SECRETS, *tokens(source, printed, pair)]) == []


def test_a_planted_value_is_found() -> None:
    rows: list[Any] = [
        AuditRow(event_type="A", details={"changed": {"note": "Canary-Note of a visit"}}),
        AuditRow(event_type="B", object_label=base64.b64encode(b"canary-bearer-token").decode()),
        AuditRow(event_type="C", end_user_id=PERSON),
        AuditRow(event_type="D", object_label=PERSON),
        AuditRow(event_type="E", user_agent="canary.mail%40example.com"),
    ]
    assert found(rows, [PERSON, *VALUES, *SECRETS]) == [
        ("A", "details", "canary-note"),
        ("B", "object_label", "canary-bearer-token"),
        ("D", "object_label", PERSON),
        ("E", "user_agent", "canary.mail@example.com"),
    ]
    assert {model._meta.model_name for model in site._registry} >= {"auditrow", "delivery", "source"}
    assert apps.is_installed("audit")
