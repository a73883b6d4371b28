"""Slugs: what a name becomes in an address. Pure."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.text import slugify

LENGTH = 60
# Words that stand where a slug would: the site's own pages, and the catalog beside the sources.
RESERVED_FOR_SITE = frozenset(
    {
        "admin",
        "confirm-email",
        "decrypt",
        "goto-my-workspace",
        "healthz",
        "inactive",
        "invitations",
        "login",
        "logout",
        "password",
        "readyz",
        "reauthenticate",
        "session",
        "settings",
        "signup",
        "static",
        "v1",
        "workspaces",
    }
)
RESERVED_FOR_SOURCES = frozenset({"catalog"})


def unique_slug(name: str, *, taken: Collection[str], fallback: str) -> str:
    """`name` as a slug of at most LENGTH characters that is not in `taken`: `clinic`, `clinic-2`, `clinic-3`, ..."""
    base = slugify(name)[:LENGTH].strip("-_") or fallback
    slug, number = base, 1
    while slug in taken:
        number += 1
        ending = f"-{number}"
        slug = base[: LENGTH - len(ending)] + ending
    return slug
