"""The New Matcher and Edit Matcher dialog's form, and what it says before it is complete."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from privacy.custom_matchers import MatcherAnswers
from privacy.models import CustomMatcher
from privacy.rules.book import Rule
from privacy.rules.terms import LONGEST_MATCHER_NAME, clean_patterns

SAMPLE = """{
  "email": "herbert@mail.com",
  "address": "1234 Gumdrop Lane",
  "first_name": "Herbert",
  "last_name": "Huffington"
}"""
NO_VALUES = "Matching on values needs PII Access: whether a pattern hits tells what a value is."


class MatcherForm(forms.Form):
    """A matcher as a person describes it. Synonyms are lines of a text; the script shows them as chips."""

    name = forms.CharField(
        label="Matcher Name",
        max_length=LONGEST_MATCHER_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    classification = forms.ChoiceField(
        label="Classification",
        choices=CustomMatcher.Colour.choices,
        initial=CustomMatcher.Colour.RED,
        widget=forms.RadioSelect,
    )
    matches_on = forms.ChoiceField(
        label="Matches on",
        choices=CustomMatcher.MatchesOn.choices,
        initial=CustomMatcher.MatchesOn.KEY,
        widget=forms.RadioSelect,
    )
    that_is = forms.ChoiceField(
        label="That is",
        choices=CustomMatcher.ThatIs.choices,
        initial=CustomMatcher.ThatIs.SIMILAR,
        widget=forms.RadioSelect,
        required=False,  # says nothing of patterns
    )
    synonyms = forms.CharField(
        label="Synonyms",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "data-lines": ""}),
    )

    def __init__(
        self, data: QueryDict | None = None, *, may_match_values: bool, matcher: CustomMatcher | None = None
    ) -> None:
        super().__init__(data, initial=_initial(matcher) if matcher else None)
        if not may_match_values:
            field = self.fields["matches_on"]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [("key", "Key")]
            field.help_text = NO_VALUES

    def answers(self) -> MatcherAnswers:
        """The cleaned answers."""
        given: dict[str, Any] = dict(self.cleaned_data)
        return MatcherAnswers(
            name=given["name"],
            classification=given["classification"],
            matches_on=given["matches_on"],
            that_is=given["that_is"] or CustomMatcher.ThatIs.SIMILAR,
            synonyms=_lines(given["synonyms"]),
        )

    def rule(self) -> Rule:
        """The rule as far as it is written; raises TermError where a pattern is none yet."""
        on_value = self["matches_on"].value() == CustomMatcher.MatchesOn.VALUE
        lines = _lines(str(self["synonyms"].value() or ""))
        name = str(self["name"].value() or "").strip()
        return Rule(
            name=name,
            classification="yellow",
            terms=_patterns(lines) if on_value else tuple(term for term in (name, *lines) if term),
            on="value" if on_value else "key",
            similar=self["that_is"].value() != CustomMatcher.ThatIs.EXACT,
        )


def _initial(matcher: CustomMatcher) -> dict[str, Any]:
    facts = ("name", "classification", "matches_on", "that_is")
    return {**{name: getattr(matcher, name) for name in facts}, "synonyms": "\n".join(matcher.synonyms)}


def _patterns(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The patterns, checked; none where none is written yet, which is no mistake before it is saved."""
    return tuple(clean_patterns(lines)) if lines else ()


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
