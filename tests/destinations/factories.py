"""Destinations with settings that open, key pairs whose private half the test holds, events in the log."""

from __future__ import annotations

import base64
import json
import time
import uuid
from datetime import datetime
from typing import Any

import factory
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.db import connection
from factory.django import DjangoModelFactory

from audit.ids import new_id
from destinations.encryption.cipher import RSA_OAEP_SHA256
from destinations.encryption.keys import KeyPair, fingerprint, generate_key_pair
from destinations.models import Destination, EncryptedField, PublicKey
from destinations.settings_store import seal_settings
from tests.destinations.opening import by_joserfc
from tests.factories import SourceFactory
from workspaces.event_log import open_writer
from workspaces.event_log.base import NewEntry
from workspaces.models import Source, User
from workspaces.tracking.envelope import Envelope, pack

PAIR = generate_key_pair(2048)  # the customer's; drawn once, for speed
FINGERPRINT = fingerprint(PAIR.public_pem)
URL = "https://example.com/hook"
_private = load_pem_private_key(PAIR.private_pem.encode(), None)


class DestinationFactory(DjangoModelFactory[Destination]):
    """A webhook; `url`, `headers` and `shared_secret` are sealed into its settings."""

    class Meta:
        model = Destination

    class Params:
        url = URL
        headers = ""
        shared_secret = ""

    id = factory.LazyFunction(new_id)
    source = factory.SubFactory(SourceFactory)
    workspace = factory.SelfAttribute("source.workspace")
    kind = "webhooks"
    name = factory.Sequence(lambda n: f"Hook {n}")

    @factory.lazy_attribute
    def sealed_settings(self) -> bytes:
        given = {"url": self.url, "headers": self.headers, "shared_secret": self.shared_secret}
        return seal_settings(given, owner_id=self.id)


def encrypt_for(destination: Destination, *terms: str, pair: KeyPair = PAIR) -> Destination:
    """Turn encryption of these fields on, as the wizard does, for the holder of the pair's private half."""
    maker, _ = User.objects.get_or_create(email="key-maker@example.com")
    key = PublicKey.objects.create(
        workspace=destination.workspace,
        destination=destination,
        pem=pair.public_pem,
        fingerprint=fingerprint(pair.public_pem),
        bits=pair.bits,
        made_by=maker,
    )
    EncryptedField.objects.create(
        destination=destination, kind=EncryptedField.Kind.DEFAULT_MATCHER, reference=terms[0], terms=list(terms)
    )
    destination.encrypts, destination.public_key = True, key
    destination.revision += 1
    destination.save()
    return destination


def opened(encrypted: str) -> str:
    """What the customer reads with the private half of PAIR."""
    if "." in encrypted:
        return by_joserfc(PAIR.private_pem, encrypted).decode()
    return _private.decrypt(base64.b64decode(encrypted, validate=True), RSA_OAEP_SHA256).decode()  # type: ignore[union-attr]


def track(message_id: str, **fields: Any) -> dict[str, Any]:
    """A track event as a server sends it."""
    return {"type": "track", "userId": "u1", "event": "Visit Booked", "messageId": message_id, **fields}


def log_entry(source: Source | uuid.UUID, *events: Any, received: datetime | None = None, **facts: Any) -> NewEntry:
    """The entry ingest makes of one batch; `facts` as in Envelope."""
    source_id = source.pk if isinstance(source, Source) else source
    given = {"browser": False, "ip": "192.0.2.7", "skip": [], "surplus": 0, "blocked": {}, **facts}
    envelope = Envelope(kind="batch", body=json.dumps({"batch": events}).encode() if events else b"", **given)
    at = received.timestamp() if received else time.time()
    kept = max(0, len(events) - len(envelope.skip))
    return pack(envelope, entry_id=uuid.uuid4(), source_id=source_id, received_at=int(at * 1_000_000), events=kept)


def append(*entries: NewEntry) -> None:
    """Put entries into the log, durably, as one ingest process: in PostgreSQL past the transaction of a test."""
    assert connection.vendor == "sqlite" or not connection.in_atomic_block, "ask for transactional_db"
    writer = open_writer()
    for entry in entries:
        writer.append(entry)
    writer.close()


def append_events(source: Source, *events: Any, **facts: Any) -> NewEntry:
    """Put one batch of events into the log."""
    entry = log_entry(source, *events, **facts)
    append(entry)
    return entry
