"""Which key and which fields each event was encrypted under while the configuration changes; nothing leaks."""

from __future__ import annotations

import base64
import copy
import json
import random
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.utils import timezone

from audit.ids import new_id
from destinations.connections import disable_destination, enable_destination, hold_unclassified
from destinations.delivery.ledger import sealed_body
from destinations.drafts import Answers
from destinations.encryption import change, setup
from destinations.encryption.cipher import RSA_OAEP_SHA256
from destinations.encryption.keys import KeyPair, fingerprint
from destinations.models import Delivery, Destination, EmailUserIds, PublicKey, Replay
from destinations.resending.replays import start_replay
from destinations.testing.sending import send_test_event
from privacy.custom_matchers import MatcherAnswers, create_matcher
from privacy.encryptable import EncryptableField, encryptable_fields
from privacy.models import InventoryField
from tests.destinations.factories import DestinationFactory, append_events, encrypt_for, opened, track
from tests.destinations.pipeline.driving import Driven, make_due, outcomes, try_again
from tests.destinations.receivers import Got, Receiver
from workspaces.models import Source, User

EMAIL, PHONE = "default_matcher:email", "default_matcher:phone"
PLAIN = {"email": "jo.patient@example.com", "phone": "+14155550132", "clinic": "North"}


def chosen(*fields: str, encrypts: bool = True, **more: Any) -> Answers:
    return Answers(name="", enabled=True, settings={}, encrypts=encrypts, fields=fields, key_bits=2048, **more)


class Owner:
    """Changes a destination's encryption as the tab does."""

    def __init__(self, destination: Destination, actor: User) -> None:
        self.destination, self.actor = destination, actor

    def _open(self) -> Any:
        self.destination = Destination.objects.select_related("workspace", "source").get(pk=self.destination.pk)
        draft = change.open_change(self.destination, actor=self.actor)
        change.show_change(draft, actor=self.actor)
        return draft

    def generate(self, *fields: str) -> KeyPair:
        """A pair, not in force before `save`."""
        self.draft = self._open()
        return setup.generate_keys(self.draft, chosen(*fields), token=str(self.draft.key_request), actor=self.actor)

    def save(self, *fields: str) -> None:
        """With the pair that was generated."""
        revision = self.destination.revision
        change.save_changes(self.draft, chosen(*fields, key_stored=True), revision=revision, actor=self.actor)

    def edit(self, *fields: str) -> None:
        """The fields alone."""
        change.save_changes(self._open(), chosen(*fields), revision=self.destination.revision, actor=self.actor)

    def turn_off(self) -> None:
        change.turn_off(self.destination, actor=self.actor)


class Stream:
    """Events, one after the other, through the worker; what came of each at the receiver."""

    def __init__(self, worker: Driven, source: Source, receiver: Receiver) -> None:
        self.worker, self.source, self.receiver = worker, source, receiver

    def send(self, message_id: str) -> Got:
        append_events(self.source, track(message_id, properties=PLAIN))
        self.worker.work_off()
        (got,) = (got for got in self.receiver.got if got.message_id == message_id)
        return got


def under(got: Got) -> tuple[str, list[str]]:
    """The fingerprint an event came with, and which of its fields are not as they were sent."""
    properties = got.json["properties"]
    names = dict(got.headers)
    found = names.get("X-Encryption-Key-Fingerprint", "")
    return found, sorted(name for name, value in PLAIN.items() if properties[name] != value)


def opened_with(pair: KeyPair, value: str) -> str:
    private = load_pem_private_key(pair.private_pem.encode(), None)
    return private.decrypt(base64.b64decode(value), RSA_OAEP_SHA256).decode()  # type: ignore[union-attr]


def test_each_event_is_encrypted_as_was_in_force_when_it_came(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, alice: User
) -> None:
    owner, stream = Owner(destination, alice), Stream(worker, source, receiver)
    assert under(stream.send("before")) == ("", [])
    first = owner.generate(EMAIL)
    one = fingerprint(first.public_pem)
    assert under(stream.send("generated, not saved")) == ("", [])
    owner.save(EMAIL)
    enabled = stream.send("enabled")
    assert under(enabled) == (one, ["email"])
    assert opened_with(first, enabled.json["properties"]["email"]) == PLAIN["email"]
    owner.edit(EMAIL, PHONE)
    assert under(stream.send("a field added")) == (one, ["email", "phone"])
    owner.edit(PHONE)
    assert under(stream.send("a field removed")) == (one, ["phone"])
    second = owner.generate(PHONE)
    two = fingerprint(second.public_pem)
    assert under(stream.send("regenerated, not saved")) == (one, ["phone"])
    owner.save(PHONE)
    changed = stream.send("keys changed")
    assert under(changed) == (two, ["phone"])
    assert opened_with(second, changed.json["properties"]["phone"]) == PLAIN["phone"]
    with pytest.raises(ValueError):
        opened_with(first, changed.json["properties"]["phone"])
    owner.turn_off()
    assert under(stream.send("turned off")) == ("", [])
    counted = [(key.fingerprint, key.encrypted_events) for key in change.history(destination)]
    assert counted == [(two, 1), (one, 4)]


def test_what_waits_keeps_its_key_when_the_keys_change(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, alice: User
) -> None:
    owner = Owner(destination, alice)
    first = owner.generate(EMAIL)
    owner.save(EMAIL)
    receiver.says(500, 200)
    append_events(source, track("waits", properties=PLAIN))
    worker.work_off()
    owner.generate(EMAIL)
    owner.save(EMAIL)
    try_again(worker)
    assert [under(got) for got in receiver.got] == [(fingerprint(first.public_pem), ["email"])] * 2
    assert list(PublicKey.objects.order_by("made_at").values_list("encrypted_events", flat=True)) == [1, 0]


def test_what_waits_in_clear_leaves_encrypted_once_its_field_is_chosen(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, alice: User
) -> None:
    """The first try was before; its body was kept for the second, and must not leave as it is."""
    owner = Owner(destination, alice)
    receiver.says(500, 500, 500, 200)
    append_events(source, track("waits", properties=PLAIN))
    worker.work_off()
    pair = owner.generate(EMAIL)
    owner.save(EMAIL)
    try_again(worker)
    owner.edit(EMAIL, PHONE)
    try_again(worker)
    owner.edit(EMAIL)
    try_again(worker)
    one = fingerprint(pair.public_pem)
    seen = [(one, ["email"]), (one, ["email", "phone"]), (one, ["email", "phone"])]
    assert [under(got) for got in receiver.got] == [("", []), *seen]
    assert [got.header("X-Retry-Count") for got in receiver.got] == ["0", "1", "2", "3"]
    assert opened_with(pair, receiver.got[-1].json["properties"]["phone"]) == PLAIN["phone"]
    assert (outcomes(destination), PublicKey.objects.get().encrypted_events) == ({"retried": 1}, 1)


def test_what_waits_at_a_disabled_destination_is_encrypted_as_it_is_enabled(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, alice: User
) -> None:
    owner = Owner(destination, alice)
    receiver.says(500, 200)
    append_events(source, track("waits", properties=PLAIN))
    worker.work_off()
    disable_destination(destination, actor=alice)
    pair = owner.generate(EMAIL)
    owner.save(EMAIL)
    enable_destination(destination, actor=alice)
    worker.look_for_changes()
    try_again(worker)
    assert [under(got) for got in receiver.got] == [("", []), (fingerprint(pair.public_pem), ["email"])]


def test_a_replays_waiting_events_are_encrypted_and_go_to_it_alone(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, alice: User
) -> None:
    began = timezone.now() - timedelta(minutes=1)
    append_events(source, track("again", properties=PLAIN, integrations={"All": False}))
    worker.work_off()
    receiver.says(500, 200)
    start_replay(destination, since=began, until=timezone.now() + timedelta(minutes=1), actor=alice)
    worker.real._resending._due = 0.0
    worker.until(lambda: Delivery.objects.filter(status="waiting", attempts=1).exists(), "its first try has failed")
    owner = Owner(destination, alice)
    pair = owner.generate(EMAIL)
    owner.save(EMAIL)
    try_again(worker)
    worker.until(lambda: not Replay.objects.filter(state="running").exists(), "the replay is finished")
    assert [under(got) for got in receiver.got] == [("", []), (fingerprint(pair.public_pem), ["email"])]
    assert outcomes(destination) == {"FILTERED_BY_INTEGRATIONS_OBJECT": 1}


def test_what_waits_loses_unclassified_fields_once_they_are_held(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, alice: User
) -> None:
    receiver.says(500, 200)
    append_events(source, track("waits", properties=PLAIN))
    worker.work_off()
    hold_unclassified(destination, actor=alice, on=True)
    try_again(worker)
    assert [got.json["properties"] for got in receiver.got] == [PLAIN, {}]


def test_a_notice_of_deletion_goes_on_as_it_is(
    worker: Driven, source: Source, destination: Destination, receiver: Receiver, alice: User
) -> None:
    """It comes from no event, and holds nothing that is ever encrypted."""
    notice = {"type": "delete", "userId": "u-7"}
    pk = new_id()
    Delivery.objects.create(
        id=pk,
        workspace=source.workspace,
        destination=destination,
        message_id="delete-1",
        event_type="delete",
        received_at=timezone.now(),
        status="waiting",
        next_try_at=timezone.now(),
        sealed_body=sealed_body(pk, json.dumps(notice).encode()),
        log_partition=0,
        log_position=0,
        log_place=0,
    )
    owner = Owner(destination, alice)
    owner.generate(EMAIL)
    owner.save(EMAIL)
    worker.until(lambda: Delivery.objects.filter(status="delivered").exists(), "it is delivered")
    assert [got.json for got in receiver.got] == [notice]


def test_events_without_a_chosen_field_and_repeated_ones_are_not_counted(
    worker: Driven, source: Source, destination: Destination
) -> None:
    encrypt_for(destination, "email")
    other = encrypt_for(DestinationFactory(source=source, url="http://127.0.0.1:9/"), "email", "clinic")
    again = track("a", properties=PLAIN)
    append_events(source, again, again, track("b", properties={"clinic": "North"}), track("c", properties={}))
    append_events(source, again)
    worker.work_off()
    counts = {key.destination_id: key.encrypted_events for key in PublicKey.objects.all()}
    assert counts == {destination.pk: 1, other.pk: 2}


def test_user_ids_that_look_like_addresses_are_counted(
    worker: Driven, source: Source, destination: Destination
) -> None:
    events = [track("a", userId="jo@example.com"), track("b", userId="u-7"), track("c", userId="Jo <jo@example.com>")]
    append_events(source, *events)
    append_events(source, events[0])
    worker.work_off()
    (row,) = EmailUserIds.objects.all()
    assert (row.source_id, row.count) == (source.pk, 2)


@pytest.fixture
def offered(source: Source, alice: User) -> list[EncryptableField]:
    """Every group of the list: default matchers, a custom one, its synonyms, a yellow inventory field."""
    workspace = source.workspace
    create_matcher(workspace, MatcherAnswers("chart number", synonyms=("mrn", "Record No")), actor=alice)
    InventoryField.objects.create(workspace=workspace, name="ward", folded="ward", classification="yellow")
    found = encryptable_fields(workspace)
    assert {field.kind for field in found} == {"default_matcher", "custom_matcher", "synonym", "inventory"}
    return found


def configured(seed: random.Random, offered: list[EncryptableField], number: int) -> list[EncryptableField]:
    """One to six fields; each group is in every fourth configuration at least."""
    kinds = ["default_matcher", "custom_matcher", "synonym", "inventory"]
    one = seed.choice([field for field in offered if field.kind == kinds[number % 4]])
    return [one, *seed.sample([field for field in offered if field != one], seed.randrange(0, 6))]


def values_of(seed: random.Random, key: str, number: int) -> tuple[dict[str, Any], str, bool]:
    """Something that holds `key` somewhere, the value in it that nobody else has, and whether that is a number."""
    numeric = seed.random() < 0.3
    secret: Any = 10**15 + seed.getrandbits(48) if numeric else f"s3cr3t-{number}-{seed.getrandbits(40):x}"
    spelled = seed.choice(
        [key, key.upper(), key.replace(" ", "_"), key.title().replace(" ", ""), key.replace(" ", "-")]
    )
    held = seed.choice([secret, [secret, {"deep": secret}], {"of": secret}, secret if numeric else secret * 40])
    nested: Any = {spelled: held}
    for _ in range(seed.randrange(3)):
        nested = {f"level{seed.randrange(9)}": seed.choice([nested, [nested]])}
    return nested, str(secret), numeric


@pytest.mark.parametrize("number", range(20))
def test_no_chosen_plaintext_is_in_any_request(
    worker: Driven,
    source: Source,
    destination: Destination,
    receiver: Receiver,
    alice: User,
    offered: list[EncryptableField],
    number: int,
) -> None:
    """First tries, retries, a replay and the tester; each value reaches the holder of the key, and nobody else."""
    seed = random.Random(number)
    fields = configured(seed, offered, number)
    terms = [term for field in fields for term in field.terms]
    encrypt_for(destination, *terms)
    receiver.says(*seed.choice([(200,), (500, 200), (429, 200), (400,)]))
    secrets, events = set(), []
    for event in range(seed.randrange(3, 9)):
        held, secret, _ = values_of(seed, seed.choice(terms), event)
        secrets.add(secret)
        place = seed.choice(["context", "properties", "traits"])
        type_ = {"traits": "identify"}.get(place, "track")
        events.append({**track(f"m-{event}"), "type": type_, place: held})
    began = timezone.now() - timedelta(minutes=1)
    append_events(source, *events)
    worker.work_off()
    waiting = make_due()
    worker.until(lambda: not Delivery.objects.filter(status="waiting", attempts=1).exists(), "retries are sent")
    assert waiting == Delivery.objects.filter(status="delivered", attempts=2).count()
    receiver.says(200)
    start_replay(destination, since=began, until=timezone.now() + timedelta(minutes=1), actor=alice)
    worker.real._resending._due = 0.0
    worker.until(lambda: not Replay.objects.filter(state="running").exists(), "the replay is finished")
    worker.work_off()
    destination.refresh_from_db()
    for event in events:
        send_test_event(destination, copy.deepcopy(event), actor=alice)
    assert len(receiver.got) == len(events) * 3 + waiting
    for got in receiver.got:
        everything = got.body + str(got.headers).encode() + got.path.encode()
        assert not [secret for secret in secrets if secret.encode() in everything]
    received = " ".join(_opened_all(got.json) for got in receiver.got)
    assert [secret for secret in secrets if secret not in received] == []


def _opened_all(value: Any) -> str:
    """Every text in it that the key opens, in clear."""
    if isinstance(value, dict):
        return " ".join(_opened_all(held) for held in value.values())
    if isinstance(value, list):
        return " ".join(_opened_all(held) for held in value)
    if not isinstance(value, str) or len(value) < 300:  # no ciphertext is shorter
        return ""
    return opened(value)
