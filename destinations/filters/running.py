"""A destination's filters, compiled for the worker and for everything that shows what the worker would do."""

from __future__ import annotations

from collections.abc import Iterable

from destinations.filters.actions import Event, Keep, Rule, compiled
from destinations.filters.builder import answers_of, rule_of
from destinations.filters.functions import EvaluationError
from destinations.filters.syntax import FilterSyntaxError
from destinations.models import Filter


def compiled_filters(filters: Iterable[Filter], *further: Rule) -> tuple[Keep, ...]:
    """The enabled ones and `further` in their documented order. One that cannot be read lets nothing through."""
    rules = list(further)
    for found in filters:
        if found.enabled:
            try:
                rules.append(rule_of(answers_of(found.name, found.answers, enabled=True)))
            except (FilterSyntaxError, TypeError, KeyError, AttributeError):
                return (_refuse,)
    return compiled(rules)


def _refuse(_event: Event) -> Event | None:
    raise EvaluationError("A filter of this destination cannot be read.")
