"""Secrets that travel in a link and work once: what is sent, and the digest that is kept. Pure."""

import hashlib
import secrets


def new_secret() -> str:
    """256 random bits, safe in an address."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What the table finds it by: SHA-256, hex. The secret is random, so no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
