"""The decryptor kit: programs with old and new keys together, `manage.py decrypt`, and the pages that tell of them."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.core.management import CommandError, call_command
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from destinations.encryption.cipher import ValueCipher
from destinations.encryption.fields import FieldEncryption
from destinations.encryption.keys import KEY_SIZES, generate_key_pair
from destinations.encryption.opening import Opener
from tests.destinations.factories import PAIR
from tests.destinations.making import BASE
from tests.destinations.opening import KIT, NODE, VECTORS
from workspaces.models import User

OLD, NEW = generate_key_pair(2048), PAIR
PLAIN = ["maria.garcia@example.com", "Zoë 東京", "", "120.5", "x" * 400]


@pytest.fixture
def keys(tmp_path: Path) -> list[str]:
    """Files with the new key and the old one."""
    paths = [tmp_path / "new.pem", tmp_path / "old.pem"]
    for path, pair in zip(paths, (NEW, OLD), strict=True):
        path.write_text(pair.private_pem)
    return [str(path) for path in paths]


def mixed() -> list[str]:
    """Every plain value, by turns under the old and the new key."""
    ciphers = [ValueCipher(OLD.public_pem), ValueCipher(NEW.public_pem)]
    return [ciphers[place % 2].encrypt(text.encode()) for place, text in enumerate(PLAIN)]


def run(command: list[str], lines: list[str]) -> subprocess.CompletedProcess[bytes]:
    given = "".join(f"{line}\n" for line in lines).encode()
    return subprocess.run(command, input=given, capture_output=True, timeout=120, check=False)


@pytest.mark.parametrize("program", [[sys.executable, str(KIT / "decrypt.py")], [NODE, str(KIT / "decrypt.js")]])
def test_old_and_new_keys_open_a_mixed_file(program: list[str], keys: list[str]) -> None:
    done = run([*program, *keys], mixed())
    assert (done.stdout.decode().split("\n"), done.stderr) == ([*PLAIN, ""], b"")


@pytest.mark.parametrize("program", [[sys.executable, str(KIT / "decrypt.py")], [NODE, str(KIT / "decrypt.js")]])
def test_a_value_no_key_opens_ends_a_program_with_an_error(program: list[str], keys: list[str]) -> None:
    done = run([*program, keys[0]], mixed()[:1])
    assert done.returncode != 0
    assert b"A value opens with none of the keys." in done.stderr
    assert run(program, []).returncode != 0


def test_the_shell_script_opens_blocks_and_refuses_what_it_cannot_check(keys: list[str]) -> None:
    script = ["sh", str(KIT / "decrypt.sh"), keys[0]]
    cipher = ValueCipher(NEW.public_pem)
    done = run(script, [cipher.encrypt("Zoë".encode()), cipher.encrypt(b"5")])
    assert (done.stdout.decode(), done.returncode) == ("Zoë\n5\n", 0)
    done = run(script, [cipher.encrypt(b"x" * 300)])
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"A long value (JWE) is not opened by this script." in done.stderr


class Streams:
    """Standard input and output of a command, as bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, given: bytes) -> None:
        self.out = io.BytesIO()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(self.out, write_through=True))

    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.getvalue().decode().splitlines()]


def events() -> list[dict[str, Any]]:
    """The same event before and after a change of keys, fields at several depths and of several types."""
    plain = {
        "type": "track",
        "properties": {"email": "jo@example.com", "age": 41, "ok": True, "note": "n" * 500, "plan": "a.b.c.d.e"},
        "context": {"traits": [{"email": "Zoë"}, {"email": None}]},
    }
    return [
        FieldEncryption(ValueCipher(pair.public_pem), ["email", "age", "ok", "note"]).apply(plain)
        for pair in (OLD, NEW)
    ]


def test_whole_payloads_are_opened(keys: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    given = "\n".join([json.dumps(event) for event in events()] + ["", json.dumps(events())])
    streams = Streams(monkeypatch, given.encode())
    call_command("decrypt", *keys)
    opened = {
        "type": "track",
        "properties": {"email": "jo@example.com", "age": "41", "ok": "true", "note": "n" * 500, "plan": "a.b.c.d.e"},
        "context": {"traits": [{"email": "Zoë"}, {"email": None}]},
    }
    assert streams.lines() == [opened, opened, [opened, opened]]


def test_single_values_are_opened_to_json_strings(keys: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    values = mixed()
    streams = Streams(monkeypatch, "\n".join([*values, json.dumps(values[0])]).encode())
    call_command("decrypt", *keys)
    assert streams.lines() == [*PLAIN, PLAIN[0]]


def test_what_no_key_opens_stays_and_is_counted(keys: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = events()
    streams = Streams(monkeypatch, f"{json.dumps(before)}\n{json.dumps(after)}\nhello\n".encode())
    with pytest.raises(CommandError, match="6 values were left as they are: none of the keys opens them"):
        call_command("decrypt", keys[0])
    lines = streams.out.getvalue().decode().splitlines()
    assert json.loads(lines[0]) == before
    assert json.loads(lines[1])["properties"]["email"] == "jo@example.com"
    assert lines[2] == "hello"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "holds no private key in PEM."),
        (PAIR.public_pem.encode(), "holds no private key in PEM."),
        (
            ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "holds a key that is not RSA.",
        ),
        (
            load_pem_private_key(PAIR.private_pem.encode(), None).private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
            ),
            "is locked by a passphrase: unlock it first with `openssl pkey -in KEY -out OPEN`.",
        ),
    ],
)
def test_what_is_no_key_is_refused(text: bytes, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "k.pem"
    path.write_bytes(text)
    Streams(monkeypatch, b"")
    with pytest.raises(CommandError) as caught:
        call_command("decrypt", str(path))
    assert str(caught.value) == f"{path} {said}"
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        call_command("decrypt", str(tmp_path / "gone.pem"))


def test_broken_json_is_refused_with_its_line(keys: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Streams(monkeypatch, b'{"a": 1}\n{"a": \n')
    with pytest.raises(CommandError, match="Line 2 is no JSON"):
        call_command("decrypt", *keys)


@pytest.mark.parametrize("bits", KEY_SIZES)
def test_the_vectors_open(bits: int) -> None:
    kept = json.loads((VECTORS / f"rsa{bits}.json").read_text())
    opener = Opener([kept["test_only_private_pem"].encode()])
    for case in kept["cases"]:
        plain = base64.b64decode(case["plain_base64"]).decode()
        assert opener.value(case["encrypted"]) == plain
        assert opener.payload({"a": [case["encrypted"]]}) == {"a": [plain]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_what_is_not_encrypted_stays(value: Any) -> None:
    opener = Opener([PAIR.private_pem.encode()])
    assert (opener.payload(value), opener.opened, opener.failed) == (value, 0, 0)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{0,9}(\.[A-Za-z0-9_-]{0,9}){4}", fullmatch=True))
def test_no_text_breaks_the_opener(text: str) -> None:
    assert Opener([PAIR.private_pem.encode()]).value(text) is None


def test_the_kit_is_shown_and_can_be_downloaded(as_alice: Client) -> None:
    page = as_alice.get(f"{BASE}/how-to-decrypt").content.decode()
    for file in ("decrypt.py", "decrypt.js", "Decrypt.java", "decrypt.go", "Decrypt.cs", "decrypt.sh"):
        assert f'href="/static/decrypt/{file}" download' in page
        assert b"".join(as_alice.get(f"/static/decrypt/{file}")) == (KIT / file).read_bytes()
    assert "MGF1ParameterSpec.SHA256" in page
    assert 'href="/decrypt"' in page


def test_the_page_for_key_holders_may_connect_to_nothing(client: Client, db: None) -> None:
    response = client.get("/decrypt")
    policy = response.headers["Content-Security-Policy"]
    assert "connect-src 'none'" in policy
    assert "form-action 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "Set-Cookie" not in response.headers


def test_other_pages_keep_their_policy(as_alice: Client, alice: User) -> None:
    assert "connect-src 'self'" in as_alice.get(f"{BASE}/how-to-decrypt").headers["Content-Security-Policy"]
