"""How well fields are found: precision, recall and F2 per class for exact names, Dice alone, and the rule engine.

Run from the repository root: `python tests/benchmarks/detection.py`. The labelled set is `detection_set.txt`; README.md
beside it says how labels were given. A field belongs to the held-out half where the first byte of the SHA-256 of its
folded last key is odd, so no key stands in both halves. `--training` prints the errors of the training half, to tune
by; errors of the held-out half are printed by nothing. The aim there: recall of 0.90 at a precision of 0.80.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from privacy.matchers import DEFAULT_MATCHERS, find_default_matcher, fold
from privacy.rules.book import SIMILAR_ABOVE, RuleBook, last_key
from privacy.rules.words import likeness, pairs, words
from privacy.scanning.shape import SCANNED_OBJECTS

CLASSES = ("red", "yellow")
AIM_RECALL, AIM_PRECISION = 0.90, 0.80
COLOUR = {matcher.name: matcher.classification for matcher in DEFAULT_MATCHERS}


class Row(NamedTuple):
    """One labelled field; `label` is a matcher's name or empty."""

    name: str
    label: str
    value: str

    @property
    def colour(self) -> str:
        return COLOUR.get(self.label, "")

    @property
    def is_held_out(self) -> bool:
        return hashlib.sha256(fold(last_key(self.name)).encode()).digest()[0] % 2 == 1


class Said(NamedTuple):
    """What a method says of a field: a matcher and its colour, both empty where it finds nothing."""

    matcher: str = ""
    colour: str = ""


Method = Callable[[Row], Said]


def read() -> list[Row]:
    """The set, as written."""
    path = Path(__file__).with_name("detection_set.txt")
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    parts = [line.split("|", 2) for line in lines]
    return [Row(_as_scanned(name), "" if label == "-" else label, value) for name, label, value in parts]


def _as_scanned(name: str) -> str:
    """The set writes whole paths; the scan names a field below context, traits and properties."""
    outer, _, inner = name.partition(".")
    return inner if inner and outer in SCANNED_OBJECTS else name


def exact(row: Row) -> Said:
    """The last key is the name of a default matcher or a synonym of it."""
    key = fold(last_key(row.name))
    found = next((m for m in DEFAULT_MATCHERS if key in {fold(term) for term in m.terms}), None)
    return Said(found.name, found.classification) if found else Said()


def dice(row: Row) -> Said:
    """Documented likeness alone: the last key, or one of its words, is more than 0.7 like a matcher's name."""
    spelled = words(last_key(row.name))
    asked = [pairs(text) for text in (" ".join(spelled), *spelled)]
    scores = [(max(likeness(mine, pairs(m.name)) for mine in asked), m) for m in DEFAULT_MATCHERS]
    score, found = max(scores, key=lambda pair: pair[0])
    return Said(found.name, found.classification) if score > SIMILAR_ABOVE else Said()


def engine() -> Method:
    """Ours, name and value, as a workspace without rules of its own has it."""
    book = RuleBook()

    def ask(row: Row) -> Said:
        decision = book.decide(row.name, row.value)
        return Said(decision.rule, decision.classification) if decision else Said()

    return ask


class Quality(NamedTuple):
    """Counts of one class."""

    hits: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        return self.hits / (self.hits + self.false) if self.hits + self.false else 1.0

    @property
    def recall(self) -> float:
        return self.hits / (self.hits + self.missed) if self.hits + self.missed else 1.0

    @property
    def f2(self) -> float:
        """Recall counts twice as much: a field that is missed leaks, one found in vain costs a click."""
        below = 4 * self.precision + self.recall
        return 5 * self.precision * self.recall / below if below else 0.0


def quality(rows: Iterable[Row], said: Method, colours: tuple[str, ...]) -> Quality:
    """Of these classes together; a field found in the wrong class is a false hit of that one and missed by its own."""
    hits = false = missed = 0
    for row in rows:
        told = said(row).colour
        hits += told in colours and told == row.colour
        false += told in colours and told != row.colour
        missed += row.colour in colours and told != row.colour
    return Quality(hits, false, missed)


def print_table(title: str, rows: list[Row]) -> None:
    restricted = sum(bool(row.label) for row in rows)
    print(f"{title}: {len(rows)} fields, {restricted} of them restricted")
    print(f"  {'':12}{'class':10}{'precision':>10}{'recall':>8}{'F2':>6}")
    for name, said in (("exact names", exact), ("Dice alone", dice), ("ours", engine())):
        for colours in (*((colour,) for colour in CLASSES), CLASSES):
            found = quality(rows, said, colours)
            label = colours[0] if len(colours) == 1 else "both"
            print(f"  {name:12}{label:10}{found.precision:10.2f}{found.recall:8.2f}{found.f2:6.2f}")
    right = sum(engine()(row).matcher == row.label for row in rows if row.label)
    print(f"  ours names the labelled matcher itself for {right / restricted:.2f} of the restricted fields")


def print_errors(rows: list[Row]) -> None:
    """Of the training half only."""
    ask = engine()
    for row in rows:
        said = ask(row)
        if said.colour != row.colour:
            kind = "missed" if not said.colour else "false" if not row.colour else "colour"
            print(f"  {kind:8}{row.name:45}label {row.label or '-':24}said {said.matcher or '-'}")


def main() -> None:
    rows = read()
    unknown = {row.label for row in rows if row.label and not find_default_matcher(row.label)}
    if unknown:
        raise SystemExit(f"labels that no matcher has: {unknown}")
    training = [row for row in rows if not row.is_held_out]
    if "--training" in sys.argv:
        print_table("training half", training)
        print_errors(training)
        return
    held_out = [row for row in rows if row.is_held_out]
    print_table("training half", training)
    print_table("held-out half", held_out)
    found = quality(held_out, engine(), CLASSES)
    reached = found.recall >= AIM_RECALL and found.precision >= AIM_PRECISION
    print(f"aim, recall {AIM_RECALL:.2f} at precision {AIM_PRECISION:.2f}: {'reached' if reached else 'missed'}")


if __name__ == "__main__":
    main()
