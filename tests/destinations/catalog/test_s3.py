"""Amazon S3: objects in moto's server, written through the one door out with requests that carry a valid signature."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from moto.core.responses import ActionAuthenticatorMixin

from destinations.catalog.base import Mode, Verdict
from destinations.catalog.s3 import S3, S3Form
from tests.destinations.catalog.conforming import SUCCESS, Conforming, event, exchange, items, verdicts
from tests.destinations.catalog.storing import GIVEN, Store, storing


class TestS3(Conforming):
    connector = S3()

    def settings(self, host: str) -> dict[str, str]:
        return {**GIVEN, "key_prefix": "logs", "endpoint": host}


@pytest.fixture
def store() -> Iterator[Store]:
    with storing() as made:
        yield made


def put(settings: dict[str, str], *events: dict[str, Any]) -> list[tuple[Verdict, str]]:
    """Write one object while moto checks signatures and rights."""
    given = items(*events)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("moto.core.responses.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0.0)
        patched.setattr(ActionAuthenticatorMixin, "request_count", 0)
        response = exchange(S3().build_batch(given, settings))
    return verdicts(S3().read_batch(response, given))


def test_events_are_lines_of_one_object_by_the_hour(store: Store) -> None:
    assert put(store.settings(), event("m-1"), event("m-2")) == [SUCCESS, SUCCESS]
    ((key, events),) = store.objects().items()
    assert re.fullmatch(r"logs/2026/01/02/03/[0-9a-f]{32}\.ndjson\.gz", key)
    assert events == [event("m-1"), event("m-2")]


def test_the_same_events_are_the_same_object(store: Store) -> None:
    for _ in range(2):
        put(store.settings(), event("m-1"))
    put(store.settings(), event("m-2"))
    assert len(store.objects()) == 2


def test_any_allowed_prefix_is_signed_as_it_is_sent(store: Store) -> None:
    for prefix in ("", "a/b", "!_.*'()=-"):
        assert put(store.settings(key_prefix=prefix), event("m-1")) == [SUCCESS]
    assert sorted(key.partition("2026/")[0] for key in store.objects()) == ["", "!_.*'()=-/", "a/b/"]


@pytest.mark.parametrize("changes", [{"secret_access_key": "wrong"}, {"bucket": "other"}, {"access_key_id": "AKNO"}])
def test_who_may_not_write_is_refused_for_good(store: Store, changes: dict[str, str]) -> None:
    assert put(store.settings(**changes), event("m-1")) == [(Verdict.DISCARD, "errors.discarded.403")]
    assert store.objects() == {}


def test_without_an_endpoint_it_is_aws() -> None:
    request = S3().build_batch(items(event()), {**GIVEN, "key_prefix": "p", "endpoint": ""})
    assert request.url.startswith("https://s3.eu-central-1.amazonaws.com/clinic-events/p/2026/01/02/03/")
    assert request.method == "PUT"
    assert "SK" not in str(request.headers)


def test_storage_is_not_offered_encryption() -> None:
    assert S3.entry.mode is Mode.STORAGE
    assert not S3.entry.supports_encryption


@pytest.mark.parametrize(
    ("field", "value"),
    [("bucket", "No_Bucket"), ("region", "evil.example.com/"), ("key_prefix", "a b"), ("endpoint", "http://10.0.0.1")],
)
def test_the_form_refuses_what_cannot_be(field: str, value: str) -> None:
    assert S3Form(GIVEN).is_valid()
    assert list(S3Form({**GIVEN, field: value}).errors) == [field]


def test_slashes_around_the_prefix_are_left_out() -> None:
    filled = S3Form({**GIVEN, "key_prefix": "/a/b/"})
    assert filled.is_valid()
    assert filled.cleaned_data["key_prefix"] == "a/b"
