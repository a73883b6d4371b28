"""The programs a key holder can take along, read from where they are downloaded from."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Program:
    """One program of the kit: `path` is below the static files."""

    id: str
    language: str
    file: str
    about: str
    text: str

    @property
    def path(self) -> str:
        """Where it is downloaded."""
        return f"decrypt/{self.file}"


_PROGRAMS = (
    ("python", "Python", "decrypt.py", "Needs the package cryptography."),
    ("node", "Node", "decrypt.js", "Needs nothing but Node 18 or later."),
    ("java", "Java", "Decrypt.java", "Names SHA-256 for MGF1, where Java would take SHA-1."),
    ("go", "Go", "decrypt.go", "Needs nothing but the standard library."),
    ("dotnet", ".NET", "Decrypt.cs", "Needs nothing but .NET 8 or later."),
    ("openssl", "OpenSSL", "decrypt.sh", "Opens the short values; for long ones take another program."),
)


@functools.cache
def programs() -> tuple[Program, ...]:
    """Every program, in the order of the page."""
    folder = settings.BASE_DIR / "static" / "decrypt"
    return tuple(
        Program(f"kit-{name}", language, file, about, (folder / file).read_text())
        for name, language, file, about in _PROGRAMS
    )
