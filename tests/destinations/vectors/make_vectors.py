"""Writes the vectors beside it, one file for each key size: values, what the cipher made of them, and a TEST key.

Run from the repository root: `python -m tests.destinations.vectors.make_vectors`. Needed only when the format itself
changes; a vector that no longer opens is a broken promise to whoever holds a key.
"""

import base64
import json
from pathlib import Path

from destinations.encryption.cipher import ValueCipher
from destinations.encryption.keys import KEY_SIZES, capacity, fingerprint, generate_key_pair, thumbprint

FOLDER = Path(__file__).parent
WARNING = "TEST ONLY. This private key is public; never configure a destination with it."


def plain_values(bits: int) -> dict[str, bytes]:
    """Both formats, the edges between them, and text beyond ASCII."""
    room = capacity(bits)
    return {
        "empty": b"",
        "ascii": b"maria.garcia@example.com",
        "unicode": "Zoë Müller, 東京 🏥".encode(),
        "number": b"120.5",
        "boolean": b"true",
        "longest block": b"b" * room,
        "shortest JWE": b"j" * (room + 1),
        "unicode JWE": "Diagnose: Größe \u2013 診断 🩺 ".encode() * 40,
    }


def vectors(bits: int) -> dict[str, object]:
    """One file's content. Plain values are base64, since they are bytes."""
    pair = generate_key_pair(bits)
    cipher = ValueCipher(pair.public_pem)
    cases = [
        {"name": name, "plain_base64": base64.b64encode(plain).decode(), "encrypted": cipher.encrypt(plain)}
        for name, plain in plain_values(bits).items()
    ]
    return {
        "warning": WARNING,
        "bits": bits,
        "test_only_private_pem": pair.private_pem,
        "public_pem": pair.public_pem,
        "fingerprint": fingerprint(pair.public_pem),
        "thumbprint": thumbprint(pair.public_pem),
        "cases": cases,
    }


def main() -> None:
    for bits in KEY_SIZES:
        text = json.dumps(vectors(bits), indent=2)
        (FOLDER / f"rsa{bits}.json").write_text(f"{text}\n")


if __name__ == "__main__":
    main()
