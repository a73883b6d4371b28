"""The add-destination wizard as tests walk through it, and everywhere a secret could have been left."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from psycopg import sql

from audit.models import AuditRow
from destinations import drafts
from destinations.drafts import Answers
from destinations.encryption import setup
from destinations.encryption.keys import KeyPair
from destinations.models import Destination, Draft, PublicKey
from tests.destinations.factories import URL
from workspaces.models import Source, User

BASE = "/acme-health/destinations"
PLAIN = {"name": "Care team", "enabled": "on", "settings-url": URL}
ENCRYPTION = {"encrypts": "on", "fields": ["default_matcher:email"], "key_bits": "2048"}


def answers(**changes: Any) -> Answers:
    """Valid answers to an encrypted Setup page."""
    given = {"name": "Care team", "enabled": True, "settings": {"url": URL, "headers": "", "shared_secret": ""}}
    given |= {"encrypts": True, "fields": ["default_matcher:email"], "key_bits": 2048, "key_stored": True}
    return Answers(**{**given, **changes})


def plain(**changes: Any) -> Answers:
    """Valid answers to a Setup page without Data Encryption."""
    return answers(encrypts=False, fields=(), key_stored=False, **changes)


def draft_at_setup(source: Source, actor: User) -> Draft:
    """A draft whose source is chosen, and whose Setup page was shown."""
    draft = drafts.start("webhooks", actor=actor, workspace=source.workspace)
    draft = drafts.choose_source(draft, source.pk, actor=actor)
    setup.show_setup(draft, actor=actor)
    return draft


def generated(draft: Draft, actor: User, **changes: Any) -> KeyPair:
    """A pair drawn for the draft with the token of its last showing."""
    return setup.generate_keys(draft, answers(**changes), token=str(draft.key_request), actor=actor)


class Wizard:
    """One person's browser in the wizard, at the Setup page."""

    def __init__(self, client: Client, draft: Draft, base: str = BASE) -> None:
        self.client = client
        self.draft = draft
        self.urls = {step: f"{base}/setup/{draft.pk}/{step}" for step in ("source", "settings", "answers", "keys")}

    def open(self) -> HttpResponse:
        """Show the Setup page; a new token is drawn."""
        return self.client.get(self.urls["settings"])

    def token(self) -> str:
        """The token of the latest showing."""
        return str(Draft.objects.values_list("key_request", flat=True).get(pk=self.draft.pk))

    def generate(self, *, htmx: bool = False, **changes: Any) -> HttpResponse:
        """Press Generate Encryption Keys."""
        data = {**PLAIN, **ENCRYPTION, "key_request": self.token(), **changes}
        return self.client.post(self.urls["keys"], data, headers={"HX-Request": "true"} if htmx else {})

    def create(self, *, htmx: bool = False, **changes: Any) -> HttpResponse:
        """Press Create destination; without changes a plain one."""
        headers = {"HX-Request": "true"} if htmx else {}
        return self.client.post(self.urls["settings"], {**PLAIN, **changes}, headers=headers)


def shown_key(page: str) -> str:
    """The private key on a page; an assertion error where there is none."""
    found = re.search(r'<code id="private-key-pem">([^<]+)</code>', page)
    assert found, page
    return html.unescape(found[1])


def traces_of(private_pem: str) -> list[bytes]:
    """What would give a private key away: any line of its PEM, or the same bytes without base64."""
    der = load_pem_private_key(private_pem.encode(), None).private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )
    pieces = [der[start : start + 48] for start in range(48, len(der) - 48, 48)]
    return [line.encode() for line in private_pem.splitlines()[1:-2]] + pieces


def assert_gone(private_pem: str, *places: str | bytes) -> None:
    """Nothing of the key is in any of the places."""
    for place in places:
        data = place.encode() if isinstance(place, str) else place
        assert not [trace for trace in traces_of(private_pem) if trace in data]


def field_errors(page: str) -> dict[str, str]:
    """What is said next to each field, by the field's id without `id_`."""
    found = re.findall(r'class="field__errors" id="id_([^"]+)_error">.*?<div>(.*?)</div>', page, re.DOTALL)
    return {name: html.unescape(" ".join(re.findall(r"<p>(.*?)</p>", said))) for name, said in found}


def event_types() -> list[str]:
    """What was recorded, oldest first, but for signing in."""
    rows = AuditRow.objects.exclude(event_type="User Signed In").order_by("id")
    return list(rows.values_list("event_type", flat=True))


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Takes in what is recorded inside the block."""
    before, new = len(event_types()), []
    yield new
    new += event_types()[before:]


@contextmanager
def broken_log(client: Client) -> Iterator[None]:
    """Inside the block nobody can write to the audit log, and pages of the browser end in 500.

    For tests with real commits: what fails takes the whole transaction with it.
    """
    client.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditrow RENAME TO gone")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO audit_auditrow")


@contextmanager
def nothing_written() -> Iterator[None]:
    """Inside the block no destination, draft or key is added, changed or removed."""
    before = _rows()
    yield
    assert _rows() == before


def _rows() -> list[list[dict[str, Any]]]:
    return [
        list(model.objects.order_by("pk").values(*fields))
        for model, fields in (
            (Destination, ["id", "name", "enabled", "encrypts", "public_key", "sealed_settings", "revision"]),
            (Draft, ["id", "name", "source", "enabled", "encrypts", "fields", "key_bits", "pending_key"]),
            (PublicKey, ["id", "pem", "destination", "in_force_from"]),
        )
    ]


def stored_bytes() -> bytes:
    """Everything committed so far, as it lies in the database, and every file beside it."""
    files = [path for path in Path(settings.DATA_DIR).rglob("*") if path.is_file()]
    return b"".join(path.read_bytes() for path in files) + (_tables() if connection.vendor == "postgresql" else b"")


def _tables() -> bytes:
    parts: list[bytes] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            with cursor.copy(
                sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT binary)").format(sql.Identifier(table))
            ) as copy:
                parts += map(bytes, copy)
    return b"".join(parts)
