"""The mails of the embedded default, files in a folder: the demo shows them as a mailbox would."""

from __future__ import annotations

import email
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

KEPT = 50
_BETWEEN = b"\n" + b"-" * 79 + b"\n"  # what Django's file backend writes after each mail


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as the page shows it. `at` is its own Date header."""

    to: str
    subject: str
    at: str
    text: str


def newest(folder: Path) -> list[Mail]:
    """The latest mails, newest first; none where nothing was sent yet."""
    files = sorted(folder.glob("*.log"), key=lambda file: file.stat().st_mtime, reverse=True)[:KEPT]
    return [mail for file in files for mail in reversed(list(_mails(file)))][:KEPT]


def _mails(file: Path) -> Iterator[Mail]:
    for part in file.read_bytes().split(_BETWEEN):
        if part.strip():
            message = email.message_from_bytes(part, _class=EmailMessage, policy=default)
            body = message.get_body(("plain",))
            yield Mail(
                str(message["to"]), str(message["subject"]), str(message["date"]), body.get_content() if body else ""
            )
