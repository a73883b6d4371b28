"""What a batch says for all its events, once a deleted or suppressed user's are taken out of it. Pure."""

from __future__ import annotations

from typing import Any

# Documented keys (Spec: Common) that tell of software and machine models, not of a person, each with the keys within
# it; none: a plain value. Whose traits, address, page or device the others are, nobody can tell.
IMPERSONAL: dict[str, tuple[str, ...]] = {
    "active": (),
    "app": ("name", "version", "build", "namespace"),
    "channel": (),
    "direct": (),
    "library": ("name", "version"),
    "locale": (),
    "os": ("name", "version"),
    "screen": ("width", "height", "density"),
    "timezone": (),
    "userAgent": (),
}


def impersonal(root: dict[str, Any]) -> dict[str, Any]:
    """The batch without what may tell of one of its users: few keys of `context`, yes or no of each integration.

    Options of an integration may hold ids; without them it is on, as it was. What is no object counts as empty.
    """
    left = dict(root)
    for name, kept in (("context", _context), ("integrations", _switches)):
        if name in left:
            left[name] = kept(left[name]) if isinstance(left[name], dict) else {}
    return left


def _context(context: dict[str, Any]) -> dict[str, Any]:
    told = {key: _told(context[key], inner) for key, inner in IMPERSONAL.items() if key in context}
    return {key: value for key, value in told.items() if value is not None}


def _told(value: Any, inner: tuple[str, ...]) -> Any:
    """A plain value, or what of an object is plain and expected there; None for anything else."""
    if not isinstance(value, dict):
        return value if not inner and _is_plain(value) else None
    return {key: value[key] for key in inner if key in value and _is_plain(value[key])} or None


def _is_plain(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _switches(integrations: dict[str, Any]) -> dict[str, bool]:
    return {name: told is not False for name, told in integrations.items()}
