"""Why a rule hit, in a sentence. Pure. Takes what is stored of a decision, so that it can be said later too."""

from __future__ import annotations

from privacy.rules.book import SIMILAR_ABOVE, Decision, How


def sentence(how: str, term: str, score: float) -> str:
    """The sentence for a decision's `how` (a value of `How`), its term and score; empty where there is none."""
    said = {
        How.CLASSIFIED: f"An owner classified “{term}” in the inventory.",
        How.EXACT: f"The key is “{term}”.",
        How.WORD: f"The key holds “{term}”.",
        How.SIMILAR: f"The key is similar to “{term}”: {score:.2f}, and more than {SIMILAR_ABOVE} counts.",
        How.INSIDE: f"It stands inside the key “{term}”.",
        How.PATTERN: f"The value matches “{term}”.",
        How.CHECK: f"The value is {_article(term)} {term}.",
    }
    return said[How(how)] if how else ""


def sentence_of(decision: Decision) -> str:
    """The sentence for a decision at hand."""
    return sentence(decision.how.value, decision.term, decision.score)


def _article(term: str) -> str:
    return "an" if term[:1].lower() in "aeio" else "a"
