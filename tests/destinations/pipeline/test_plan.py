"""Compiled plans: what is in them, and that every change is in them at the next look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from destinations import connections
from destinations.models import Destination, PublicKey
from destinations.pipeline import plan
from destinations.pipeline.plan import Plans
from tests.destinations.factories import FINGERPRINT, URL, DestinationFactory, encrypt_for, opened
from tests.factories import SourceFactory
from workspaces.models import Source, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def destination(source: Source) -> Destination:
    return DestinationFactory(source=source, shared_secret="s", headers="X-Team: red")


@pytest.fixture
def plans(destination: Destination) -> Plans:
    """Plans that have looked once."""
    made = Plans()
    made.refresh()
    return made


def test_a_plan_holds_what_a_delivery_needs(plans: Plans, destination: Destination) -> None:
    found = plans.by_id[destination.pk]
    assert (found.id, found.workspace_id) == (destination.pk, destination.workspace_id)
    assert found.settings == {"url": URL, "headers": "X-Team: red", "shared_secret": "s"}
    assert (found.encrypts, found.encryption, found.key_fingerprint, found.filters) == (False, None, "", ())
    assert (found.integration, "identify" in found.event_types) == ("Webhooks", True)


def test_plans_are_found_by_source(plans: Plans, destination: Destination, source: Source) -> None:
    second, elsewhere = (
        DestinationFactory(source=source),
        DestinationFactory(source=SourceFactory(workspace=source.workspace)),
    )
    plans.refresh()
    assert {found.id for found in plans.by_source[source.pk]} == {destination.pk, second.pk}
    assert [found.id for found in plans.by_source[elsewhere.source_id]] == [elsewhere.pk]
    assert set(plans.by_id) == {destination.pk, second.pk, elsewhere.pk}


def test_an_encrypted_destination_gets_its_cipher_and_terms(source: Source) -> None:
    destination = encrypt_for(DestinationFactory(source=source), "email", "e mail address")
    plans = Plans()
    plans.refresh()
    found = plans.by_id[destination.pk]
    assert (found.encrypts, found.key_fingerprint) == (True, FINGERPRINT)
    assert found.encryption is not None
    event = found.encryption.apply({"traits": {"Email": "a@b.c", "e-mail-address": "d@e.f", "plan": "gold"}})
    assert event["traits"].pop("plan") == "gold"
    assert {name: opened(value) for name, value in event["traits"].items()} == {
        "Email": "a@b.c",
        "e-mail-address": "d@e.f",
    }


def test_an_unusable_public_key_leaves_encryption_on_without_a_cipher(source: Source) -> None:
    destination = encrypt_for(DestinationFactory(source=source), "email")
    PublicKey.objects.update(pem="-----BEGIN PUBLIC KEY-----\nbm8=\n-----END PUBLIC KEY-----\n")
    plans = Plans()
    plans.refresh()
    assert (plans.by_id[destination.pk].encrypts, plans.by_id[destination.pk].encryption) == (True, None)


def test_settings_that_do_not_open_stop_their_destination_alone(
    source: Source, destination: Destination, caplog: pytest.LogCaptureFixture
) -> None:
    moved = DestinationFactory(source=source)
    Destination.objects.filter(pk=moved.pk).update(sealed_settings=destination.sealed_settings)
    plans = Plans()
    plans.refresh()
    assert set(plans.by_id) == {destination.pk}
    assert f"the settings of destination {moved.pk} do not open" in caplog.text
    assert URL not in caplog.text


def test_a_kind_the_catalog_does_not_know_gets_nothing(plans: Plans, source: Source, destination: Destination) -> None:
    DestinationFactory(source=source, kind="gone")
    plans.refresh()
    assert set(plans.by_id) == {destination.pk}


def test_without_a_change_a_look_is_one_query_and_compiles_nothing(plans: Plans, destination: Destination) -> None:
    before = plans.by_id[destination.pk]
    with CaptureQueriesContext(connection) as queries:
        plans.refresh()
    assert len(queries) == 1
    assert plans.by_id[destination.pk] is before


def test_plans_are_compiled_anew_after_a_minute_whatever_was_noticed(
    destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "STALE_SECONDS", 0.0)
    plans = Plans()
    plans.refresh()
    Destination.objects.update(enabled=False)  # behind the back of everything that moves the revision
    plans.refresh()
    assert plans.by_id == {}


def change_url(destination: Destination, owner: User) -> None:
    connections.change_destination(destination, actor=owner, name="Hook", settings={"url": "https://example.org/"})


CHANGES: dict[str, tuple[Callable[[Destination, User], Any], Callable[[Plans, Destination], bool]]] = {
    "settings": (change_url, lambda plans, d: plans.by_id[d.pk].settings == {"url": "https://example.org/"}),
    "disabled": (
        lambda d, owner: connections.disable_destination(d, actor=owner),
        lambda plans, d: plans.by_id == plans.by_source == {},
    ),
    "encryption": (lambda d, _: encrypt_for(d, "email"), lambda plans, d: plans.by_id[d.pk].encryption is not None),
    "deleted": (lambda d, _: d.delete(), lambda plans, d: plans.by_id == {}),
    "source disabled": (
        lambda d, _: Source.objects.filter(pk=d.source_id).update(enabled=False),
        lambda plans, d: plans.by_id == {},
    ),
    "another": (lambda d, _: DestinationFactory(source=d.source), lambda plans, d: len(plans.by_id) == 2),
    "replaced": (
        lambda d, _: [DestinationFactory(source=d.source), Destination.objects.filter(name=d.name).delete()],
        lambda plans, d: len(plans.by_id) == 1,
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_seen_at_the_next_look(plans: Plans, destination: Destination, alice: User, name: str) -> None:
    change, is_seen = CHANGES[name]
    seen_as = Destination.objects.get(pk=destination.pk)
    change(seen_as, alice)
    plans.refresh()
    assert is_seen(plans, destination)


def test_enabling_brings_it_back(plans: Plans, destination: Destination, alice: User) -> None:
    for switch in (connections.disable_destination, connections.enable_destination):
        switch(destination, actor=alice)
        plans.refresh()
    assert set(plans.by_id) == {destination.pk}


def test_one_source_disabled_and_another_enabled_at_once_is_seen(plans: Plans, destination: Destination) -> None:
    other = DestinationFactory(source=SourceFactory(workspace=destination.workspace, enabled=False))
    plans.refresh()
    Source.objects.filter(pk=destination.source_id).update(enabled=False)
    Source.objects.filter(pk=other.source_id).update(enabled=True)
    plans.refresh()
    assert set(plans.by_source) == {other.source_id}
