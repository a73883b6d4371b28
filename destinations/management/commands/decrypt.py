"""`manage.py decrypt`: opens encrypted values and whole payloads, line by line, with keys from files."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management import BaseCommand, CommandError, CommandParser

from destinations.encryption.opening import NotAKey, Opener

LONGEST_LINE = 16 * 1024 * 1024


class Command(BaseCommand):
    """Reads NDJSON from standard input and writes it opened; nothing is stored and no database is asked."""

    help = (
        "Decrypt NDJSON from standard input: each line an encrypted value, or JSON whose encrypted strings are opened. "
        "Name several keys where values from before and after a change of keys are mixed."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("keys", nargs="+", metavar="KEY", help="file with a private key in PEM; the newest first")

    def handle(self, *_: Any, **options: Any) -> None:
        opener = _opener(options["keys"])
        out = sys.stdout.buffer
        for number, line in enumerate(_lines(sys.stdin.buffer), 1):
            out.write(_opened(opener, line, number) + b"\n")
        out.flush()
        if opener.failed:
            raise CommandError(f"{opener.failed} values were left as they are: none of the keys opens them.")


def _opener(paths: list[str]) -> Opener:
    pems = []
    for path in paths:
        try:
            pems.append(Path(path).read_bytes())
            Opener(pems[-1:])
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
        except NotAKey as refusal:
            raise CommandError(f"{path} {refusal}.") from None
    return Opener(pems)


def _lines(source: BinaryIO) -> Iterator[bytes]:
    """One line at a time, however long the stream is."""
    while line := source.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise CommandError(f"A line is longer than {LONGEST_LINE // 1024 // 1024} MB.")
        if line.strip():
            yield line.strip()


def _opened(opener: Opener, line: bytes, number: int) -> bytes:
    """A line that is JSON stays JSON; a bare value becomes its plain text, as a JSON string."""
    text = line.decode(errors="replace")
    if line[:1] not in b'{["':
        plain = opener.value(text)
        return line if plain is None else _written(plain)
    try:
        return _written(opener.payload(json.loads(text)))
    except (ValueError, RecursionError):
        raise CommandError(f"Line {number} is no JSON.") from None


def _written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
