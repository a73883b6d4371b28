"""Signed notes and checkpoints: the published example opens, ours open, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.proof.notes import checkpoint_text, sign_note
from audit.proof.verifier import Untrue, open_note, public_key_line, read_checkpoint, read_public_key

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
NAME = "pipeline.example.com/audit/1"
# An example signed by another implementation of the format.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)


def test_a_note_of_another_implementation_opens() -> None:
    assert open_note(EXAMPLE, [read_public_key(EXAMPLE_KEY)]) == "This is an example message.\n"


def test_ours_opens_under_its_key_alone() -> None:
    note = sign_note("a\nb\n", name=NAME, key=KEY)
    assert open_note(note, [read_public_key(public_key_line(NAME, PUBLIC))]) == "a\nb\n"
    for keys in ([], [(NAME, bytes(32))], [("other", PUBLIC)]):
        with pytest.raises(Untrue, match="no key"):
            open_note(note, keys)


@pytest.mark.parametrize("place", [0, 2])
def test_a_changed_text_does_not_open(place: int) -> None:
    note = sign_note("a\nb\n", name=NAME, key=KEY)
    with pytest.raises(Untrue, match="does not fit"):
        open_note(f"{note[:place]}x{note[place + 1 :]}", [(NAME, PUBLIC)])


@pytest.mark.parametrize("note", ["", "a\n", "a\n\n- name AAAA\n", "a\n\n\N{EM DASH} name !\n"])
def test_what_is_no_note(note: str) -> None:
    with pytest.raises(Untrue):
        open_note(note, [(NAME, PUBLIC)])


@pytest.mark.parametrize("text", ["", "no end", "a\n\nb\n", "a\tb\n"])
def test_text_that_cannot_be_signed(text: str) -> None:
    with pytest.raises(ValueError, match="lines of text"):
        sign_note(text, name=NAME, key=KEY)


@pytest.mark.parametrize("name", ["", "a b", "a+b"])
def test_names_that_cannot_be_used(name: str) -> None:
    with pytest.raises(ValueError, match="neither spaces"):
        sign_note("a\n", name=name, key=KEY)


def test_a_checkpoint_reads_as_it_was_written() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    text = checkpoint_text(origin=NAME, size=7, root=bytes(32), time=moment, previous="cHJl")
    assert text.splitlines() == [
        NAME,
        "7",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "time 2026-01-02T03:04:05.000006Z",
        "previous cHJl",
    ]
    read = read_checkpoint(text)
    assert (read.origin, read.size, read.root, read.time) == (NAME, 7, bytes(32), "2026-01-02T03:04:05.000006Z")
    assert (read.previous, read.text) == ("cHJl", text)


@pytest.mark.parametrize("text", ["", "a\n1\n", "a\n01\nAAAA\ntime x\n", "a\n-1\nAAAA\ntime x\n", "a\n1\n!\ntime x\n"])
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(Untrue, match="not a checkpoint"):
        read_checkpoint(text)


@pytest.mark.parametrize("line", ["", "a+b", "a+00000000+AQ==", EXAMPLE_KEY.replace("530d", "530e")])
def test_what_is_no_key(line: str) -> None:
    with pytest.raises(Untrue, match="public key"):
        read_public_key(line)
