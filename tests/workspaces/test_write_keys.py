"""Write keys: found by digest, shown again by unsealing, never stored in clear."""

from __future__ import annotations

import re

from django.utils import timezone

from workspaces import write_keys
from workspaces.models import Source, WriteKey


def test_a_key_is_thirty_two_letters_and_digits(source: Source) -> None:
    assert re.fullmatch(r"[A-Za-z0-9]{32}", write_keys.issue(source))


def test_keys_are_never_the_same(source: Source) -> None:
    assert len({write_keys.issue(source) for _ in range(50)}) == 50


def test_a_key_is_found_by_digest_and_not_stored(source: Source) -> None:
    key = write_keys.issue(source)
    row = WriteKey.objects.get(digest=write_keys.digest(key))
    assert row.source == source
    assert key.encode() not in bytes(row.sealed)


def test_the_oldest_key_in_force_is_shown(source: Source) -> None:
    first, second = write_keys.issue(source), write_keys.issue(source)
    assert write_keys.reveal(source) == first
    WriteKey.objects.filter(digest=write_keys.digest(first)).update(revoked_at=timezone.now())
    assert write_keys.reveal(source) == second
    WriteKey.objects.update(revoked_at=timezone.now())
    assert write_keys.reveal(source) is None
