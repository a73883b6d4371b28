"""Secrets that are made on first run and kept in one git-ignored file, never defaulted.

An operator gives `SECRET_KEY`, `DATA_SEALING_KEYS` and `AUDIT_SIGNING_KEY` through the environment (each also as
`NAME_FILE`). Where one is not given, all are drawn once and kept in `secrets.json` in the data folder, readable by its
owner alone. A secret that a new version needs is added to the file.
"""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FILE_NAME = "secrets.json"


def _drawn_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


DRAW: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(64),
    "DATA_SEALING_KEYS": _drawn_key,
    "AUDIT_SIGNING_KEY": _drawn_key,
}


def load_or_create(folder: Path) -> dict[str, str]:
    """The generated secrets, made when first asked for; processes starting at once agree on one set."""
    path = folder / FILE_NAME
    if set(DRAW) <= set(_read(path)):
        return _read(path)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(folder):
        kept = _read(path)
        missing = {name: draw() for name, draw in DRAW.items() if name not in kept}
        if missing:
            _write(path, kept | missing)
    return _read(path)


def _read(path: Path) -> dict[str, str]:
    loaded: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return loaded


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, content: dict[str, str]) -> None:
    draft = path.with_name(f"{FILE_NAME}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)  # whole or not at all: a crash leaves the set there was
