"""What a choice in *Fields* covers of the events that really came, and what leaves beside it: for people to look at.

Encryption itself asks nothing here. The scan keeps names without values, so nothing here shows any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from destinations.models import Destination, EmailUserIds, EncryptedField
from privacy.encryptable import EncryptableField, encryptable_fields
from privacy.matchers import fold
from privacy.models import Classification, FieldEvent, ObservedField, StandardControl
from workspaces.models import Source

PERIOD = timedelta(days=7)
MOST_NAMES = 5_000  # fields of one source that are looked at; the latest
MOST_SHOWN = 50


class Paths:
    """The fields seen in one source's events, found by the terms that cover them."""

    def __init__(self, names: Iterable[str]) -> None:
        """`names` are keys below context, traits or properties, joined by dots."""
        self._by_key: dict[str, list[str]] = defaultdict(list)
        for name in sorted(names):
            for key in {fold(key) for key in (name, *name.split("."))}:
                self._by_key[key].append(name)

    def under(self, terms: Iterable[str]) -> list[str]:
        """The fields that encryption of these terms covers: the matched key's own, and all below it."""
        return sorted({name for term in terms for name in self._by_key.get(fold(term), ())})


@dataclass(frozen=True, slots=True)
class Choice:
    """One chosen field: the paths it covers, and what there is to say against it ("" where nothing is)."""

    field: EncryptedField
    paths: list[str]
    warning: str


def paths_of(source: Source | None) -> Paths:
    """What was seen in the source's events of the last 7 days."""
    if source is None:
        return Paths(())
    recent = FieldEvent.objects.filter(source=source, last_seen__gte=timezone.now() - PERIOD)
    return Paths(recent.values_list("field__name", flat=True).distinct().order_by("field__name")[:MOST_NAMES])


def covered(offered: Iterable[EncryptableField], paths: Paths) -> Mapping[str, list[str]]:
    """By `kind:reference` the paths each field covers; without those that cover none."""
    found = {field.value: paths.under(field.terms) for field in offered}
    return {value: names for value, names in found.items() if names}


def choices(destination: Destination, paths: Paths) -> list[Choice]:
    """The destination's chosen fields."""
    chosen = list(destination.encrypted_fields.all())
    if not chosen:
        return []
    offered = {field.value: field for field in encryptable_fields(destination.workspace)}
    gone = [one.reference for one in chosen if one.value not in offered]
    entries = destination.workspace.inventory.filter(name__in=gone) if gone else ()
    colours = {entry.name: entry.get_classification_display() for entry in entries}
    return [Choice(one, paths.under(one.terms), _warning(one, offered.get(one.value), colours)) for one in chosen]


def _warning(chosen: EncryptedField, today: EncryptableField | None, colours: Mapping[str, str]) -> str:
    """`colours`: the inventory's word, by name, on fields that are no longer offered."""
    if today is None:
        return f"{_what_happened(chosen, colours)} It stays encrypted until you remove it here."
    new = [term for term in today.terms if term not in chosen.terms]
    return f"New since it was chosen, and encrypted once you save: {', '.join(new)}." if new else ""


def _what_happened(chosen: EncryptedField, colours: Mapping[str, str]) -> str:
    if chosen.kind != EncryptedField.Kind.INVENTORY:
        return "This is no longer a Yellow matcher or synonym."
    colour = colours.get(chosen.reference)
    return f"This field is {colour} now." if colour else "This field left the inventory."


def red_fields(destination: Destination) -> list[str]:
    """Red fields of the last 7 days that reach the destination in clear: not blocked at its source, not encrypted.

    Standard Controls block what the inventory calls red; what is only recommended as red goes through.
    """
    source = destination.source
    seen = FieldEvent.objects.filter(source=source, last_seen__gte=timezone.now() - PERIOD).values("field_id")
    recommended = Q(entry=None, chosen=Classification.RED) | Q(entry=None, chosen="", recommended=Classification.RED)
    red = recommended
    if not StandardControl.objects.filter(source=source).exists():
        red |= Q(entry__classification=Classification.RED)
    names = ObservedField.objects.filter(red, workspace_id=destination.workspace_id, pk__in=seen)
    found = list(names.order_by("name").values_list("name", flat=True)[:MOST_SHOWN])
    terms = [term for chosen in destination.encrypted_fields.all() for term in chosen.terms]
    return sorted(set(found) - set(Paths(found).under(terms)))


def email_user_ids(source: Source) -> int:
    """In how many events `userId`, which is never encrypted, looked like an e-mail address; 0 if not in 7 days."""
    found = EmailUserIds.objects.filter(source=source, last_seen__gte=timezone.now() - PERIOD).first()
    return found.count if found else 0
