"""The rule engine: what a field is, and why. Detection, inbox, inventory, masking and blocking all ask here. Pure.

Order of rules: what the owners put in the inventory; custom matchers; default matchers that no custom one of the same
name overrides; checks of the value itself. Among matchers the surest hit wins, and of equally sure ones the redder.
"""

from __future__ import annotations

import enum
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import re2  # type: ignore[import-untyped]  # ships no types

from privacy.matchers import DEFAULT_MATCHERS, fold
from privacy.rules.values import VALUE_CHECKS, ValueCheck, check_value
from privacy.rules.vocabulary import FALSE_FRIENDS, OF_THINGS, OTHERWISE, PHRASES, SAY_NOTHING
from privacy.rules.words import pairs, words

Class = Literal["red", "yellow", "green"]

SIMILAR_ABOVE = 0.7  # documented: strictly greater
MEMO_NAMES = 50_000  # clients choose their keys
MEMO_VALUES = 100_000  # hashes, 6 MB
LONGEST_VALUE = 2_000  # characters of a value that patterns look at
PATTERN_MEMORY = 1 << 20  # bytes, of one compiled pattern
MANY_PATTERNS = 2  # from here on they are asked together first

RESTRICTION: dict[str, int] = {"red": 3, "yellow": 2, "green": 1}


class Origin(enum.Enum):
    """Where a rule comes from."""

    INVENTORY = "inventory"
    CUSTOM = "custom matcher"
    DEFAULT = "default matcher"
    CHECK = "value check"


class How(enum.Enum):
    """How a rule hit, in the words of "How we found this"."""

    CLASSIFIED = "classified"
    EXACT = "exact"
    WORD = "word"
    SIMILAR = "string-distance"
    INSIDE = "inside"  # below a key that a matcher's term equals
    PATTERN = "pattern"
    CHECK = "value check"


@dataclass(frozen=True, slots=True)
class Rule:
    """A matcher ready to be asked. `terms` are names (`on` key) or RE2 patterns (`on` value)."""

    name: str
    classification: Literal["red", "yellow"]
    terms: tuple[str, ...]
    origin: Origin = Origin.CUSTOM
    on: Literal["key", "value"] = "key"
    similar: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """What a field is and why: the rule by name, the term of it that hit, how, and how surely (0 to 1)."""

    classification: Class
    origin: Origin
    rule: str
    how: How
    term: str
    score: float = 1.0

    @property
    def weight(self) -> tuple[float, int, bool]:
        """Orders decisions: surer, redder, custom before default."""
        return (self.score, RESTRICTION[self.classification], self.origin is Origin.CUSTOM)


class PatternError(ValueError):
    """A value pattern that RE2 does not take; the message is RE2's own."""


def check_pattern(pattern: str) -> None:
    """Raise PatternError where RE2 does not take the pattern."""
    compile_pattern(pattern)


def compile_pattern(pattern: str, *, memory: int = PATTERN_MEMORY) -> re2._Regexp:
    """The pattern in RE2, as Go reads it: unanchored, linear in time; raises PatternError. It is asked about bytes."""
    if r"\C" in pattern.replace(r"\\", ""):
        raise PatternError(r"invalid escape sequence: \C")  # matches single bytes; Go does not know it
    try:
        return re2.compile(pattern, _options(memory))
    except re2.error as error:
        raise PatternError(_text(error.args[0])) from None


def _text(message: object) -> str:
    return message.decode(errors="replace") if isinstance(message, bytes) else str(message)


def _options(memory: int) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True  # whether it hits is all that is asked
    options.max_mem = memory
    return options


def default_rules() -> list[Rule]:
    """The 36 documented matchers as rules."""
    return [
        Rule(matcher.name, matcher.classification, matcher.terms, origin=Origin.DEFAULT) for matcher in DEFAULT_MATCHERS
    ]


class RuleBook:
    """All rules of one workspace, compiled. Ask by a field's name: its keys from the outermost on, joined by dots."""

    def __init__(self, custom: Sequence[Rule] = (), inventory: Mapping[str, Class] | None = None) -> None:
        self.custom = tuple(custom)
        self._overridden = {fold(rule.name) for rule in custom}
        defaults = [rule for rule in default_rules() if fold(rule.name) not in self._overridden]
        self.rules = (*self.custom, *defaults)
        self._keys = _KeyIndex([rule for rule in self.rules if rule.on == "key"])
        self._patterns = _Patterns([rule for rule in self.rules if rule.on == "value"])
        self._inventory = {fold(name): (name, classification) for name, classification in (inventory or {}).items()}
        self._memo: dict[str, Decision | None] = {}
        self._silent: set[int] = set()

    @property
    def has_patterns(self) -> bool:
        """Whether any matcher looks at values."""
        return bool(self._patterns)

    def decide(self, name: str, value: object = None) -> Decision | None:
        """What the field is: the inventory's word if it has one, else the surest matcher, else what the value says."""
        return self.classified(name) or self.recommend(name) or self.recommend_value(value)

    def classified(self, name: str) -> Decision | None:
        """What the owners said of this field, by its whole name or by its last key."""
        found = self._inventory.get(fold(name)) or self._inventory.get(fold(last_key(name)))
        if found is None:
            return None
        return Decision(found[1], Origin.INVENTORY, found[0], How.CLASSIFIED, found[0])

    def recommend(self, name: str) -> Decision | None:
        """What the matchers say of the field by its name; None where none hits. Remembered."""
        try:
            return self._memo[name]
        except KeyError:
            pass
        if len(self._memo) >= MEMO_NAMES:
            self._memo.clear()
        decision = self._memo[name] = self._keys.ask(name)
        return decision

    def recommend_value(self, value: object) -> Decision | None:
        """What patterns and built-in checks say of the value; objects, lists and null say nothing.

        Texts that said nothing before are known by their hash (keyed anew in each process): no value is kept.
        """
        if value.__class__ is not str:
            return self._ask_value(value)
        known = hash(value)
        if known in self._silent:
            return None
        if (decision := self._ask_value(value)) is None:
            if len(self._silent) >= MEMO_VALUES:
                self._silent.clear()
            self._silent.add(known)
        return decision

    def _ask_value(self, value: object) -> Decision | None:
        if self._patterns and (found := self._patterns.ask(value)):
            return found
        check = check_value(value)
        return _of_check(check) if check and fold(check.matcher) not in self._overridden else None

    def value_decisions(self) -> list[Decision]:
        """Every decision `recommend_value` can come to."""
        checks = [_of_check(check) for check in VALUE_CHECKS if fold(check.matcher) not in self._overridden]
        return [*self._patterns.decisions(), *checks]


class Probe:
    """One matcher alone, asked what it would hit: neither the inventory nor other matchers come before it."""

    def __init__(self, rule: Rule) -> None:
        self._keys = _KeyIndex([rule] if rule.on == "key" else [])
        self._patterns = _Patterns([rule] if rule.on == "value" else [])

    def ask(self, name: str, value: object = None) -> Decision | None:
        """The hit on the field's name or, of a matcher on values, on the value."""
        return self._keys.ask(name) or self._patterns.ask(value)


def last_key(name: str) -> str:
    """The last key of a dotted name."""
    return name.rpartition(".")[2] or name


def _of_check(check: ValueCheck) -> Decision:
    return Decision(check.classification, Origin.CHECK, check.matcher, How.CHECK, check.name)


@dataclass(frozen=True, slots=True)
class _Term:
    """One term of a rule in the forms it is compared in."""

    rule: Rule
    text: str
    words: tuple[str, ...]
    likeness: bool


class _KeyIndex:
    """Finds the rules whose terms a key equals, holds as words, or resembles, without looking at every term."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._exact: dict[str, list[_Term]] = defaultdict(list)
        self._phrases: dict[tuple[str, ...], list[_Term]] = defaultdict(list)
        self._joined: dict[str, list[_Term]] = defaultdict(list)
        self._terms: list[_Term] = []
        self._by_pair: dict[str, list[int]] = defaultdict(list)
        self._sizes: list[int] = []
        for rule in rules:
            for text in rule.terms:
                self._add(_Term(rule, text, words(text), rule.similar))
            if rule.origin is Origin.DEFAULT:
                for phrase in PHRASES.get(rule.name, ()):
                    self._hold(_Term(rule, phrase, words(phrase), likeness=False))
        self._longest = max(map(len, self._phrases), default=0)

    def _add(self, term: _Term) -> None:
        self._exact[fold(term.text)].append(term)
        if not term.likeness:
            return
        self._hold(term)
        held = pairs(" ".join(term.words))
        for pair in held:
            self._by_pair[pair].append(len(self._terms))
        self._terms.append(term)
        self._sizes.append(len(held))

    def _hold(self, term: _Term) -> None:
        self._phrases[term.words].append(term)
        if len(term.words) > 1:
            self._joined["".join(term.words)].append(term)

    def ask(self, name: str) -> Decision | None:
        """The surest hit on the last key; what an outer key names in full holds for all inside it.

        A last key that says nothing by itself (`allergyIntolerance.code`) is asked by the key it stands below.
        """
        *outer, key = name.split(".")
        while outer and fold(key) in SAY_NOTHING and not self._is_named_by_owner(key):
            key = outer.pop()
        found = self._of_key(key, outer)
        if found is None:
            inherited = [hit for part in outer for hit in self._equal(part, How.INSIDE)]
            found = max(inherited, key=lambda decision: decision.weight, default=None)
        return found

    def _is_named_by_owner(self, key: str) -> bool:
        """Whether a custom matcher has the very key: then it does say something."""
        return any(term.rule.origin is Origin.CUSTOM for term in self._exact.get(fold(key), ()))

    def _of_key(self, key: str, outer: Sequence[str]) -> Decision | None:
        hits = self._equal(key)
        if not hits:
            spelled = words(key)
            hits = [*self._held(words(outer[-1]) if outer else (), spelled), *self._alike(spelled)]
        context = frozenset(word for part in outer for word in words(part))
        kept = [hit for hit in hits if hit.origin is Origin.CUSTOM or not _is_of_a_thing(hit, key, context)]
        return max(kept, key=lambda decision: decision.weight, default=None)

    def _equal(self, key: str, how: How = How.EXACT) -> list[Decision]:
        return [_hit(term, how, 1.0) for term in self._exact.get(fold(key), ())]

    def _held(self, before: tuple[str, ...], spelled: tuple[str, ...]) -> list[Decision]:
        """Terms that stand within the key, word for word or, as in `firstname`, written as one.

        They may begin in the key around it (`before`), as in `patient.id`.
        """
        told = before + spelled
        ends = ((start, start + length) for start in range(len(told)) for length in range(1, self._longest + 1))
        runs = (told[start:end] for start, end in ends if len(before) < end <= len(told))
        found = [term for run in runs for term in self._phrases.get(run, ())]
        found += [term for word in spelled for term in self._joined.get(word, ())]
        return [_hit(term, How.WORD, 1.0) for term in found]

    def _alike(self, spelled: tuple[str, ...]) -> list[Decision]:
        """Terms that the key or one of its words resembles; words of one character say nothing (documented)."""
        asked = {" ".join(spelled), *(word for word in spelled if len(word) > 1)}
        return [hit for text in asked for hit in self._resembling(text)]

    def _resembling(self, text: str) -> list[Decision]:
        mine = pairs(text)
        shared = Counter(at for pair in mine for at in self._by_pair.get(pair, ()))
        scores = ((self._terms[at], 2 * both / (len(mine) + self._sizes[at])) for at, both in shared.items())
        return [
            _hit(term, How.SIMILAR, score)
            for term, score in scores
            if score > SIMILAR_ABOVE and (term.rule.origin is Origin.CUSTOM or _may_resemble(text, term.text))
        ]


def _may_resemble(text: str, term: str) -> bool:
    """Of a default matcher likeness counts from the first letter on: `engender` is no gender, `trace` no race."""
    return text[:1] == term[:1] and text not in FALSE_FRIENDS


def _is_of_a_thing(hit: Decision, key: str, outer: frozenset[str]) -> bool:
    """Whether the words around a default matcher's hit say that no person's data stands here.

    `certificate_pinning`, `product.name`. Where the key is the matcher's very name, only what is outside it says so.
    """
    if fold(key) in FALSE_FRIENDS:
        return True
    own = frozenset(words(key))
    if hit.how is not How.EXACT and own & OF_THINGS:
        return True
    told = own | outer
    told |= {word[:-1] for word in told if word.endswith("s")}
    return bool(told & OTHERWISE.get(hit.rule, frozenset()))


def _hit(term: _Term, how: How, score: float) -> Decision:
    return Decision(term.rule.classification, term.rule.origin, term.rule.name, how, term.text, round(score, 3))


class _Patterns:
    """The matchers that look at values."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._asked = [(rule, term, compile_pattern(term)) for rule in rules for term in rule.terms]
        self._any = _any_of([term for _, term, _ in self._asked])

    def __bool__(self) -> bool:
        return bool(self._asked)

    def decisions(self) -> list[Decision]:
        """Every decision `ask` can come to."""
        return [_of_pattern(rule, term) for rule, term, _ in self._asked]

    def ask(self, value: object) -> Decision | None:
        """The reddest hit in the value's text."""
        text = value_text(value)
        if text is None:
            return None
        data = text.encode()
        if self._any is not None and not self._any.search(data):
            return None
        hits = [_of_pattern(rule, term) for rule, term, pattern in self._asked if pattern.search(data)]
        return max(hits, key=lambda decision: decision.weight, default=None)


def _any_of(terms: list[str]) -> re2._Regexp | None:
    """One pattern that hits wherever one of these does, asked first; None where they cannot be put together.

    Quoting that stays open in one would swallow the next; a group's name may stand in two.
    """
    if len(terms) < MANY_PATTERNS or any(r"\Q" in term or r"\E" in term for term in terms):
        return None
    try:
        return compile_pattern("|".join(f"(?:{term})" for term in terms), memory=len(terms) * PATTERN_MEMORY)
    except PatternError:
        return None


def _of_pattern(rule: Rule, term: str) -> Decision:
    return Decision(rule.classification, Origin.CUSTOM, rule.name, How.PATTERN, term)


def value_text(value: object) -> str | None:
    """The text of a scalar that patterns look at; None for objects, lists and null."""
    if isinstance(value, str):
        return value[:LONGEST_VALUE].encode(errors="replace").decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None
