"""Which fields a workspace may have encrypted: the yellow ones, red fields being blocked instead (documented)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from privacy.matchers import DEFAULT_MATCHERS, YELLOW, fold
from privacy.models import Classification, InventoryField
from workspaces.models import Workspace

DEFAULT_MATCHER = "default_matcher"
INVENTORY = "inventory"


@dataclass(frozen=True, slots=True)
class EncryptableField:
    """One entry of *Fields*: what it refers to and the key names it stands for."""

    kind: str
    reference: str
    label: str
    terms: tuple[str, ...]

    @property
    def value(self) -> str:
        """How forms name it: `kind:reference`."""
        return f"{self.kind}:{self.reference}"


def encryptable_fields(workspace: Workspace) -> list[EncryptableField]:
    """Every choice: yellow default matchers by name, then yellow inventory fields. An inventory red takes one away."""
    inventory = list(InventoryField.objects.filter(workspace=workspace).values_list("name", "classification"))
    red = {fold(name) for name, colour in inventory if colour == Classification.RED}
    matchers = [m for m in DEFAULT_MATCHERS if m.classification == YELLOW and fold(m.name) not in red]
    yellow = [name for name, colour in inventory if colour == Classification.YELLOW]
    return [
        *(EncryptableField(DEFAULT_MATCHER, m.name, m.name, m.terms) for m in sorted(matchers, key=lambda m: m.name)),
        *(EncryptableField(INVENTORY, name, name, (_last_key(name),)) for name in yellow),
    ]


def choose(workspace: Workspace, values: Iterable[str]) -> list[EncryptableField]:
    """The fields that `values` (`kind:reference`) name, each once; raises ValueError naming those not on offer."""
    offered = {entry.value: entry for entry in encryptable_fields(workspace)}
    wanted = list(dict.fromkeys(values))
    if unknown := [value for value in wanted if value not in offered]:
        raise ValueError(f"not on offer: {', '.join(unknown)}")
    return [offered[value] for value in wanted]


def _last_key(name: str) -> str:
    """What events are searched for: a dotted path is found by its last key, wherever that stands."""
    return name.rsplit(".", 1)[-1]
