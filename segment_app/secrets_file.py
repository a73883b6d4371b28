"""Secrets that are made on first run and kept in one git-ignored file, never defaulted.

An operator gives `SECRET_KEY` and `DATA_SEALING_KEYS` through the environment (or `SECRET_KEY_FILE`,
`DATA_SEALING_KEYS_FILE`). Where neither is given, both are drawn once and kept in `secrets.json` in the data folder,
readable by its owner alone.
"""

import base64
import json
import os
import secrets
from pathlib import Path

FILE_NAME = "secrets.json"


def load_or_create(folder: Path) -> dict[str, str]:
    """The generated secrets, made when first asked for; processes starting at once agree on one set."""
    path = folder / FILE_NAME
    if not path.exists():
        _create(folder, path)
    loaded: dict[str, str] = json.loads(path.read_text())
    return loaded


def _create(folder: Path, path: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    drawn = {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "DATA_SEALING_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
    draft = folder / f"{FILE_NAME}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(drawn, file)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # unlike a rename, a link never replaces the set another process has just made
    except FileExistsError:
        pass
    finally:
        draft.unlink()
