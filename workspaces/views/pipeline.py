"""What a pipeline page is asked for: which stretch of time, which step, and how the numbers are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from workspaces.pipeline_steps import Step
from workspaces.requests import MemberRequest
from workspaces.spans import LENGTHS, BadSpan, Span, span_of


@dataclass(frozen=True, slots=True)
class Asked:
    """The question of the page's address; `refusal` says why other dates are shown than the ones asked for."""

    span: Span
    refusal: str
    step: str
    percentages: bool
    by_name: bool
    kept: Sequence[tuple[str, str]]  # what links of the page keep, so that the same stretch is shown again

    @classmethod
    def read(cls, request: MemberRequest) -> Asked:
        """The question as it stands; bad dates are refused in words and the last day is shown."""
        query, refusal = request.GET, ""
        try:
            span = span_of(query, now=timezone.now())
        except BadSpan as error:
            refusal, span = str(error), span_of({}, now=timezone.now())
        kept = [("period", span.name)] if span.name else [("since", query["since"]), ("until", query["until"])]
        return cls(
            span, refusal, query.get("step", ""), query.get("metrics") != "counts", query.get("by") == "name", kept
        )

    def chosen(self, steps: Sequence[Step]) -> Step:
        """The step whose details are shown: the one asked for, else the first."""
        return next((step for step in steps if step.key == self.step), steps[0])

    @property
    def context(self) -> dict[str, Any]:
        """What the templates of the pipeline take, but for the steps."""
        return {
            "span": self.span,
            "refusal": self.refusal,
            "percentages": self.percentages,
            "periods": [(key, label) for key, (label, _) in LENGTHS.items()],
            "kept": self.kept,
            "by_name": self.by_name,
        }
