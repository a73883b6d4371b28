"""Key pairs of a draft: drawn once per showing, replaced, dropped; only the public half is ever kept."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.test import Client
from django.utils import timezone

from audit.models import AuditRow
from destinations import drafts
from destinations.encryption import setup
from destinations.encryption.setup import KeyAlreadyShown
from destinations.models import Draft, PublicKey
from tests.destinations.making import (
    answers,
    draft_at_setup,
    generated,
    nothing_written,
    recorded,
)
from tests.factories import member
from workspaces.models import Source, User, Workspace


@pytest.fixture
def draft(source: Source, alice: User) -> Draft:
    return draft_at_setup(source, alice)


def test_only_the_public_half_is_kept(draft: Draft, alice: User) -> None:
    pair = generated(draft, alice)
    key = PublicKey.objects.get()
    assert (key.pem, key.bits, key.made_by, key.destination) == (pair.public_pem, 2048, alice, None)
    assert Draft.objects.get().pending_key == key
    assert "PRIVATE" not in str(list(PublicKey.objects.values()) + list(Draft.objects.values()))


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_each_offered_size_can_be_drawn(draft: Draft, alice: User, bits: int) -> None:
    assert generated(draft, alice, key_bits=bits).bits == PublicKey.objects.get().bits == bits


def test_a_token_serves_once(draft: Draft, alice: User) -> None:
    token = str(draft.key_request)
    generated(draft, alice)
    with nothing_written(), recorded() as rows, pytest.raises(KeyAlreadyShown):
        setup.generate_keys(draft, answers(), token=token, actor=alice)
    assert rows == []


@pytest.mark.parametrize("token", ["", "x", "None", str(uuid.UUID(int=0))])
def test_a_token_that_is_none_serves_never(draft: Draft, alice: User, token: str) -> None:
    with nothing_written(), pytest.raises(KeyAlreadyShown):
        setup.generate_keys(draft, answers(), token=token, actor=alice)


def test_a_page_loaded_anew_while_the_pair_is_drawn_wins(
    draft: Draft, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = setup.generate_key_pair

    def draw_slowly(bits: int) -> object:
        setup.show_setup(Draft.objects.get(), actor=alice)
        return draw(bits)

    monkeypatch.setattr(setup, "generate_key_pair", draw_slowly)
    with nothing_written(), pytest.raises(KeyAlreadyShown):
        generated(draft, alice)


def test_regenerating_replaces_the_pair(draft: Draft, alice: User) -> None:
    first = generated(draft, alice)
    with recorded() as rows:
        second = generated(draft, alice)
    assert PublicKey.objects.get().pem == second.public_pem != first.public_pem
    assert rows == ["Data Encryption Keys Generated"]
    assert [row.details["replaced"] for row in AuditRow.objects.filter(event_type=rows[0]).order_by("id")] == [
        False,
        True,
    ]


def test_a_page_shown_again_drops_the_pair_and_tells(draft: Draft, alice: User) -> None:
    generated(draft, alice)
    key, before = PublicKey.objects.get(), draft.key_request
    with recorded() as rows:
        assert setup.show_setup(draft, actor=alice) is True
    assert not PublicKey.objects.exists()
    assert rows == ["Data Encryption Keys Discarded"]
    assert AuditRow.objects.get(event_type=rows[0]).details == {"fingerprint": key.fingerprint, "bits": 2048}
    assert draft.key_request != before
    assert setup.show_setup(draft, actor=alice) is False


def test_no_field_no_pair_and_the_token_stays_good(draft: Draft, alice: User) -> None:
    for fields in ([], ["default_matcher:ssn"]):
        with nothing_written(), pytest.raises(ValidationError) as refused:
            generated(draft, alice, fields=fields)
        assert list(refused.value.message_dict) == ["fields"]
    generated(draft, alice)


def test_pairs_are_drawn_for_those_who_may(draft: Draft, alice: User, bob: User, charlie: User) -> None:
    dora = member(draft.workspace, "dora", "owner")
    for person, refused in ((bob, PermissionDenied), (charlie, Http404), (dora, Http404)):
        with nothing_written(), pytest.raises(refused):
            setup.generate_keys(draft, answers(), token=str(draft.key_request), actor=person)
    Workspace.objects.update(plan="team")
    draft.workspace.refresh_from_db()
    with nothing_written(), pytest.raises(PermissionDenied):
        generated(draft, alice)


def test_without_its_row_no_pair_is_handed_out(draft: Draft, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AuditRow, "save", lambda self, **_: 1 / 0)
    with nothing_written(), pytest.raises(ZeroDivisionError):
        generated(draft, alice)


def test_a_pair_dropped_while_nobody_was_there_is_told_of_once(draft: Draft, alice: User) -> None:
    generated(draft, alice)
    Draft.objects.update(touched_at=timezone.now() - timedelta(minutes=16))
    assert setup.drop_left_pairs() == 1
    with pytest.raises(KeyAlreadyShown):
        generated(draft, alice)
    assert setup.show_setup(draft, actor=alice) is True
    assert setup.show_setup(draft, actor=alice) is False


def test_a_pair_lives_as_long_as_its_person_is_signed_in(draft: Draft, alice: User, client: Client) -> None:
    """Stay signed in moves the session's end; nothing else is touched."""
    client.force_login(alice)
    generated(draft, alice)
    now, dropped = timezone.now(), []
    for minutes in (14, 28, 42, 56):
        with time_machine.travel(now + timedelta(minutes=minutes), tick=False):
            assert client.post("/session/stay").status_code == 200
            dropped.append(setup.drop_left_pairs())
    with time_machine.travel(now + timedelta(minutes=70, seconds=59), tick=False):
        dropped.append(setup.drop_left_pairs())
    with time_machine.travel(now + timedelta(minutes=71), tick=False):
        dropped.append(setup.drop_left_pairs())
    assert dropped == [0, 0, 0, 0, 0, 1]


def test_no_pair_outlives_the_longest_session(draft: Draft, alice: User, client: Client) -> None:
    generated(draft, alice)
    twelve = timezone.now() + timedelta(hours=12)
    for when, expected in ((twelve - timedelta(minutes=5), 0), (twelve, 1)):
        with time_machine.travel(when, tick=False):
            client.force_login(alice)  # a new session: the person is there
            assert setup.drop_left_pairs() == expected


def test_signing_out_ends_it_after_a_quarter_of_an_hour(draft: Draft, alice: User, client: Client) -> None:
    client.force_login(alice)
    generated(draft, alice)
    client.logout()
    assert setup.drop_left_pairs() == 0
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        assert setup.drop_left_pairs() == 1


def test_a_fresh_draft_has_lost_nothing(source: Source, alice: User) -> None:
    fresh = drafts.start("webhooks", actor=alice, workspace=source.workspace)
    assert setup.show_setup(drafts.choose_source(fresh, source.pk, actor=alice), actor=alice) is False
