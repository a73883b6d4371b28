"""Everything the product has put down, opened wherever it is sealed: for tests that look for what must not be there."""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.conf import settings
from django.db import connection

from workspaces.sealing import HEADER_BYTES, VERSION, _masters

TAG = 16  # bytes at the end of a sealed value


def kept() -> Iterator[tuple[str, bytes]]:
    """Every value of every table and of the event log's files, with where it stands; sealed ones opened."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                yield from ((f"{table}.{name}", _opened(value)) for name, value in zip(names, row, strict=True))
    for path in settings.EVENT_LOG_DIR.glob("log-*.sqlite3"):
        with sqlite3.connect(path) as log:
            yield from (("event log", _opened(body)) for (body,) in log.execute("SELECT body FROM entry"))


def places_of(*texts: str) -> set[str]:
    """Where any of these stands, in any table, or in the bytes of any file."""
    wanted = [text.encode() for text in texts]
    found = {place for place, value in kept() if any(text in value for text in wanted)}
    return found | {path.name for path in files() if any(text in path.read_bytes() for text in wanted)}


def files() -> list[Path]:
    """The database, where it is a file, and the event log's, with what SQLite keeps beside them."""
    name = Path(str(connection.settings_dict["NAME"]))
    beside = list(name.parent.glob(f"{name.name}*")) if connection.vendor == "sqlite" else []
    return [*beside, *(path for path in settings.EVENT_LOG_DIR.rglob("*") if path.is_file())]


def _opened(value: object) -> bytes:
    """The value as bytes. What is sealed is deciphered whatever row it is bound to, as a thief with the keys would."""
    if isinstance(value, memoryview | bytearray):
        value = bytes(value)
    if not isinstance(value, bytes):
        return str(value).encode(errors="surrogatepass")
    master = _masters().get(value[1:5]) if value[:1] == VERSION and len(value) >= HEADER_BYTES + TAG else None
    if master is None:
        return value
    salt, nonce = value[5:21], value[21:HEADER_BYTES]
    # GCM is counter mode with a tag; its first block of text has the counter 2.
    cipher = Cipher(algorithms.AES(hmac.digest(master, salt, "sha256")), modes.CTR(nonce + b"\0\0\0\2"))
    return cipher.decryptor().update(value[HEADER_BYTES:-TAG])
