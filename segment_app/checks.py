"""System checks: settings that would leak or lose data are findings of `manage.py check`, each with its remedy."""

from __future__ import annotations

import ipaddress
import sqlite3
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning

from audit.proof import checkpoints
from workspaces import sealing

MINIMUM_SQLITE = (3, 35, 0)  # RETURNING


@register(Tags.security)
def transport_is_safe(**_: Any) -> Sequence[CheckMessage]:
    """Plain http is for the machine itself."""
    if settings.HTTPS or settings.SITE_IS_LOCAL:
        return []
    hint = "Set SITE_URL to the https address people will use."
    return [Error("PHI would cross the network in clear: SITE_URL is http.", hint=hint, id="segment_app.E001")]


@register(Tags.security)
def debug_is_local(**_: Any) -> Sequence[CheckMessage]:
    """Debug pages show settings and local variables, PHI included."""
    if not settings.DEBUG or settings.SITE_IS_LOCAL:
        return []
    return [Error("DEBUG is on for a public SITE_URL.", hint="Unset DEBUG.", id="segment_app.E002")]


@register(Tags.security)
def sealing_keys_open(**_: Any) -> Sequence[CheckMessage]:
    """Without a usable key nothing can be stored."""
    try:
        sealing.check_keys()
    except (sealing.SealError, ValueError):
        hint = "Give one or more base64 keys of 32 bytes, newest first: openssl rand -base64 32"
        return [Error("DATA_SEALING_KEYS cannot be used.", hint=hint, id="segment_app.E003")]
    return []


@register(Tags.security)
def audit_keys_open(**_: Any) -> Sequence[CheckMessage]:
    """Without a usable key the audit log is not sealed."""
    try:
        checkpoints.public_keys()
    except checkpoints.KeyUnusable as error:
        hint = "Give base64 of 32 bytes: openssl rand -base64 32. `manage.py audit_keys` prints its public half."
        return [Error(f"{error}.", hint=hint, id="segment_app.E007")]
    return []


@register(Tags.security)
def delivery_networks_parse(**_: Any) -> Sequence[CheckMessage]:
    """A mistyped allow-list must not silently allow or refuse."""
    hint = "List networks such as 10.20.0.0/16 or 127.0.0.1/32, separated by commas."
    return [
        Error(f"DELIVERY_ALLOWED_NETWORKS: {entry!r} is no network.", hint=hint, id="segment_app.E004")
        for entry in settings.DELIVERY_ALLOWED_NETWORKS
        if _network(entry) is None
    ]


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry)
    except ValueError:
        return None


@register(Tags.security, deploy=True)
def allowed_networks_are_meant(**_: Any) -> Sequence[CheckMessage]:
    """Opening the machine itself to webhooks is for a demo."""
    networks = [_network(entry) for entry in settings.DELIVERY_ALLOWED_NETWORKS]
    if not any(network and network.is_loopback for network in networks) or settings.SITE_IS_LOCAL:
        return []
    hint = "Take loopback out of DELIVERY_ALLOWED_NETWORKS unless a receiver really runs on this machine."
    return [CheckWarning("Webhooks may call this machine itself.", hint=hint, id="segment_app.W005")]


@register(Tags.database)
def sqlite_is_new_enough(**_: Any) -> Sequence[CheckMessage]:
    """The pipeline uses RETURNING and partial indexes."""
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3") and sqlite3.sqlite_version_info < MINIMUM_SQLITE:
        hint = "Use a newer Python build or PostgreSQL (DATABASE_URL)."
        return [Error(f"SQLite {sqlite3.sqlite_version} is too old.", hint=hint, id="segment_app.E006")]
    return []
