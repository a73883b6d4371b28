"""Write keys: 32 random letters and digits that a source signs its events with (documented form).

The table holds a digest to find a key by and the key sealed, because its source's overview shows it again.
"""

import hashlib
import secrets
import string

from workspaces.models import Source, WriteKey
from workspaces.sealing import seal, unseal

LENGTH = 32
ALPHABET = string.ascii_letters + string.digits


def digest(write_key: str) -> str:
    """What the table finds a key by: SHA-256, hex. The key is random, so no salt is needed."""
    return hashlib.sha256(write_key.encode()).hexdigest()


def issue(source: Source) -> str:
    """Give the source one more write key and return it. Called by verbs, inside their transaction."""
    key = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    WriteKey.objects.create(source=source, digest=digest(key), sealed=seal(key.encode(), bound_to=_bound_to(source)))
    return key


def reveal(source: Source) -> str | None:
    """The source's oldest write key that is not revoked; None where all are."""
    row = source.write_keys.filter(revoked_at__isnull=True).first()
    return unseal(bytes(row.sealed), bound_to=_bound_to(source)).decode() if row else None


def _bound_to(source: Source) -> bytes:
    return b"write key" + source.pk.bytes
