"""What a person may choose in *Fields*: yellow matchers, default and custom, synonyms, and yellow inventory fields."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from privacy.matchers import DEFAULT_MATCHERS, fold
from privacy.models import Classification, CustomMatcher, InventoryField
from workspaces.models import Workspace

DEFAULT_MATCHER = "default_matcher"
CUSTOM_MATCHER = "custom_matcher"
SYNONYM = "synonym"
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
    """Every choice of a workspace in the documented groups, each by name. Two queries.

    Red fields are blocked, not encrypted: a matcher whose name the inventory classifies red is left out. A custom
    matcher overrides the default one of its name here too. Values are not looked at, so those that match on them are
    no choice.
    """
    inventory = list(
        InventoryField.objects.filter(workspace=workspace).order_by("name").values_list("name", "classification")
    )
    red = {fold(name) for name, classification in inventory if classification == Classification.RED}
    yellow = [name for name, classification in inventory if classification == Classification.YELLOW]
    custom = list(CustomMatcher.objects.filter(workspace=workspace).order_by("name"))
    return [
        *_of_default_matchers(red | {matcher.folded for matcher in custom}),
        *_of_custom_matchers(custom, red),
        *(_of_inventory(name) for name in yellow),
    ]


def choose(workspace: Workspace, values: Iterable[str]) -> list[EncryptableField]:
    """The fields behind `kind:reference` values, each once, in the order of the list; ValueError names unknown ones."""
    wanted = set(values)
    offered = encryptable_fields(workspace)
    unknown = wanted.difference(field.value for field in offered)
    if unknown:
        raise ValueError(f"These fields cannot be encrypted: {', '.join(map(repr, sorted(unknown)))}.")
    return [field for field in offered if field.value in wanted]


def _of_default_matchers(left_out: set[str]) -> list[EncryptableField]:
    """The yellow default matchers that no folded name in `left_out` overrides."""
    matchers = sorted(DEFAULT_MATCHERS, key=lambda matcher: matcher.name)
    return [
        EncryptableField(DEFAULT_MATCHER, matcher.name, matcher.name, matcher.terms)
        for matcher in matchers
        if matcher.classification == "yellow" and fold(matcher.name) not in left_out
    ]


def _of_custom_matchers(custom: Iterable[CustomMatcher], red: set[str]) -> list[EncryptableField]:
    """The yellow custom matchers on keys, then each of their synonyms alone; a synonym of two matchers once."""
    offered = [
        matcher
        for matcher in custom
        if (matcher.classification, matcher.matches_on) == (Classification.YELLOW, CustomMatcher.MatchesOn.KEY)
        and matcher.folded not in red
    ]
    synonyms = {fold(term): term for matcher in offered for term in matcher.synonyms if fold(term) not in red}
    return [
        *(EncryptableField(CUSTOM_MATCHER, matcher.name, matcher.name, matcher.terms) for matcher in offered),
        *(EncryptableField(SYNONYM, term, term, (term,)) for term in sorted(synonyms.values())),
    ]


def _of_inventory(name: str) -> EncryptableField:
    """A classified field. Of a dotted path the last key is compared; a key may also hold the dots itself."""
    last = name.rpartition(".")[2]
    return EncryptableField(INVENTORY, name, name, (name, last) if last and last != name else (name,))
