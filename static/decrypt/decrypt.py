"""python decrypt.py [--base64] private.pem [older.pem ...] < values.txt

One encrypted value a line in, its plain text a line out (with --base64 the base64 of its bytes). Each key is tried in
turn, so values from before and after a change of keys may be mixed. Needs: pip install cryptography
"""

import base64
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

RSA_OAEP_SHA256 = OAEP(mgf=MGF1(SHA256()), algorithm=SHA256(), label=None)


def open_block(key: Any, block: bytes) -> Any:
    """RSAES-OAEP, SHA-256 for the hash and for MGF1, empty label."""
    return key.decrypt(block, RSA_OAEP_SHA256)


def open_jwe(key: Any, token: str) -> bytes:
    """A long value is a JWE (RFC 7516): RSA-OAEP-256 around a key for A256GCM."""
    header, *parts = token.split(".")
    wrapped, nonce, sealed, tag = (base64.urlsafe_b64decode(part + "==") for part in parts)
    return AESGCM(open_block(key, wrapped)).decrypt(nonce, sealed + tag, header.encode())


def open_value(keys: list[Any], value: str) -> Any:
    """The plain bytes; the dots tell the formats apart."""
    for key in keys:
        try:
            return open_jwe(key, value) if "." in value else open_block(key, base64.b64decode(value, validate=True))
        except (ValueError, InvalidTag):
            continue  # another key's value
    raise SystemExit("A value opens with none of the keys.")


def main(arguments: list[str]) -> None:
    """Read, open, write."""
    in_base64 = arguments[:1] == ["--base64"]
    paths = arguments[in_base64:]
    if not paths:
        raise SystemExit(__doc__)
    keys = [load_pem_private_key(Path(path).read_bytes(), None) for path in paths]
    for line in sys.stdin:
        plain = open_value(keys, line.strip())
        sys.stdout.buffer.write((base64.b64encode(plain) if in_base64 else plain) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
