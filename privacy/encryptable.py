"""What a person may choose in *Fields*: yellow default matchers and fields classified yellow in the inventory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from privacy.matchers import DEFAULT_MATCHERS, fold
from privacy.models import Classification, InventoryField
from workspaces.models import Workspace

DEFAULT_MATCHER = "default_matcher"
INVENTORY = "inventory"


@dataclass(frozen=True, slots=True)
class EncryptableField:
    """One choice: its group, the matcher or inventory name it refers to, and the key names it stands for today."""

    kind: str
    reference: str
    label: str
    terms: tuple[str, ...]

    @property
    def value(self) -> str:
        """What a form sends for it: `kind:reference`."""
        return f"{self.kind}:{self.reference}"


def encryptable_fields(workspace: Workspace) -> list[EncryptableField]:
    """Every choice of a workspace: default matchers by name, then inventory fields by name. One query.

    Red fields are blocked, not encrypted: a default matcher whose name the inventory classifies red is left out.
    """
    inventory = list(
        InventoryField.objects.filter(workspace=workspace).order_by("name").values_list("name", "classification")
    )
    red = {fold(name) for name, classification in inventory if classification == Classification.RED}
    yellow = [name for name, classification in inventory if classification == Classification.YELLOW]
    return [*_of_matchers(red), *(_of_inventory(name) for name in yellow)]


def choose(workspace: Workspace, values: Iterable[str]) -> list[EncryptableField]:
    """The fields behind `kind:reference` values, each once, in the order of the list; ValueError names unknown ones."""
    wanted = set(values)
    offered = encryptable_fields(workspace)
    unknown = wanted.difference(field.value for field in offered)
    if unknown:
        raise ValueError(f"These fields cannot be encrypted: {', '.join(map(repr, sorted(unknown)))}.")
    return [field for field in offered if field.value in wanted]


def _of_matchers(red: set[str]) -> list[EncryptableField]:
    """The yellow default matchers that no folded name in `red` overrides."""
    matchers = sorted(DEFAULT_MATCHERS, key=lambda matcher: matcher.name)
    return [
        EncryptableField(DEFAULT_MATCHER, matcher.name, matcher.name, matcher.terms)
        for matcher in matchers
        if matcher.classification == "yellow" and fold(matcher.name) not in red
    ]


def _of_inventory(name: str) -> EncryptableField:
    """A classified field. Of a dotted path the last key is compared; a key may also hold the dots itself."""
    last = name.rpartition(".")[2]
    return EncryptableField(INVENTORY, name, name, (name, last) if last and last != name else (name,))
