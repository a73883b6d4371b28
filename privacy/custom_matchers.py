"""Custom matchers: made, changed, removed. The rules and what they recommend follow in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from audit.event_types import EventType
from audit.record import record
from privacy import recommendations, rulebooks
from privacy.matchers import fold
from privacy.models import CustomMatcher
from privacy.rules.terms import TermError, clean_key_terms, clean_name, clean_patterns
from privacy.uses import Use, uses_of
from workspaces.access import Right, require_right
from workspaces.models import User, Workspace

MOST_MATCHERS = 100  # documented
MOST_PATTERNS = 200  # of a workspace: each is asked of every value until one hits

TOO_MANY = f"A workspace has at most {MOST_MATCHERS} custom matchers. Remove one first."


@dataclass(frozen=True, slots=True)
class MatcherAnswers:
    """What a person says of a matcher. `synonyms`: further key names, or RE2 patterns where it matches on values."""

    name: str
    classification: str = CustomMatcher.Colour.YELLOW
    matches_on: str = CustomMatcher.MatchesOn.KEY
    that_is: str = CustomMatcher.ThatIs.SIMILAR
    synonyms: tuple[str, ...] = ()


@transaction.atomic
def create_matcher(workspace: Workspace, answers: MatcherAnswers, *, actor: User) -> CustomMatcher:
    """Make a matcher; raises ValidationError naming what is in the way.

    It overrides the default matcher of the same name (documented). Existing fields are asked anew.
    """
    require_right(actor, workspace, Right.CLASSIFY_FIELDS)
    _lock(workspace)
    if workspace.matchers.count() >= MOST_MATCHERS:
        raise ValidationError(TOO_MANY)
    matcher = CustomMatcher(workspace=workspace, created_by=actor)
    _put(matcher, answers, actor=actor)
    matcher.save(force_insert=True)
    details = {"classification": matcher.classification, "matches_on": matcher.matches_on}
    _record(EventType.MATCHER_CREATED, matcher, actor, details)
    _rules_changed(workspace)
    return matcher


@transaction.atomic
def modify_matcher(matcher: CustomMatcher, answers: MatcherAnswers, *, actor: User) -> list[str]:
    """Let the matcher be as answered; the names of what changed. Raises ValidationError naming what is in the way.

    A name or synonym that a destination encrypts by stays until it is taken out of that destination's fields.
    """
    workspace = matcher.workspace
    require_right(actor, workspace, Right.CLASSIFY_FIELDS)
    _lock(workspace)
    matcher.refresh_from_db()
    before = _facts(matcher)
    _put(matcher, answers, actor=actor)
    after = _facts(matcher)
    changed = [name for name, value in after.items() if before[name] != value]
    if not changed:
        return []
    _check_kept(workspace, before, after)
    matcher.changed_at = timezone.now()
    matcher.save()
    # Patterns may spell out what they look for, so the row names what changed and not how.
    _record(EventType.MATCHER_MODIFIED, matcher, actor, {"changed": changed})
    _rules_changed(workspace)
    return changed


@transaction.atomic
def delete_matcher(matcher: CustomMatcher, *, actor: User) -> None:
    """Remove the matcher; raises ValidationError while a destination encrypts by it or one of its synonyms."""
    workspace = matcher.workspace
    require_right(actor, workspace, Right.CLASSIFY_FIELDS)
    _lock(workspace)
    matcher.refresh_from_db()
    if uses := uses_of_matcher(matcher):
        raise ValidationError(_in_use(uses))
    _record(EventType.MATCHER_DELETED, matcher, actor, {"classification": matcher.classification})
    matcher.delete()
    _rules_changed(workspace)


def uses_of_matcher(matcher: CustomMatcher) -> list[Use]:
    """What refers to the matcher by its name, or to one of its synonyms."""
    return uses_of(matcher.workspace_id, {matcher.name, *matcher.synonyms})


def _lock(workspace: Workspace) -> None:
    """Everybody who changes the workspace's matchers waits here: names and limits are checked under this lock."""
    Workspace.objects.select_for_update().get(pk=workspace.pk)


def _put(matcher: CustomMatcher, answers: MatcherAnswers, *, actor: User) -> None:
    """Put checked answers into the object."""
    _check_values(matcher, answers, actor)
    matcher.name = _clean("name", clean_name, answers.name)
    matcher.folded = fold(matcher.name)
    matcher.classification, matcher.matches_on = answers.classification, answers.matches_on
    matcher.that_is = answers.that_is
    if matcher.matches_on == CustomMatcher.MatchesOn.VALUE:
        matcher.synonyms = _clean("synonyms", clean_patterns, answers.synonyms)
        _check_room(matcher)
    else:
        matcher.synonyms = _clean("synonyms", clean_key_terms, matcher.name, answers.synonyms)
    others = matcher.workspace.matchers.exclude(pk=matcher.pk)
    if others.filter(folded=matcher.folded).exists():
        raise ValidationError({"name": "This workspace already has a custom matcher of that name."})
    matcher.full_clean(exclude=["workspace", "created_by", "synonyms"], validate_constraints=False)


def _clean(field: str, check: Any, *given: Any) -> Any:
    """What the check makes of it, its refusal next to the field."""
    try:
        return check(*given)
    except TermError as error:
        raise ValidationError({field: str(error)}) from None


def _check_values(matcher: CustomMatcher, answers: MatcherAnswers, actor: User) -> None:
    """Patterns ask questions of values, and their hits answer: only for those who may see the values anyway."""
    if CustomMatcher.MatchesOn.VALUE in {matcher.matches_on, answers.matches_on}:
        require_right(actor, matcher.workspace, Right.SEE_PII)


def _check_room(matcher: CustomMatcher) -> None:
    others = matcher.workspace.matchers.filter(matches_on=CustomMatcher.MatchesOn.VALUE).exclude(pk=matcher.pk)
    taken = sum(len(synonyms) for synonyms in others.values_list("synonyms", flat=True))
    if taken + len(matcher.synonyms) > MOST_PATTERNS:
        free = max(MOST_PATTERNS - taken, 0)
        raise ValidationError(
            {"synonyms": f"A workspace has at most {MOST_PATTERNS} value patterns; {free} of them are still free."}
        )


def _facts(matcher: CustomMatcher) -> dict[str, Any]:
    names = ("name", "classification", "matches_on", "that_is", "synonyms")
    return {name: getattr(matcher, name) for name in names}


def _check_kept(workspace: Workspace, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse to take away a name or synonym that something refers to."""
    was, now = {before["name"], *before["synonyms"]}, {after["name"], *after["synonyms"]}
    gone = was if after["matches_on"] != before["matches_on"] else was - now
    if gone and (uses := uses_of(workspace.pk, gone)):
        raise ValidationError(_in_use(uses))


def _in_use(uses: list[Use]) -> str:
    named = ", ".join(dict.fromkeys(f"{use.label} ({use.term})" for use in uses))
    return f"Destinations encrypt by this: {named}. Take it out of their Fields in Data Encryption first."


def _rules_changed(workspace: Workspace) -> None:
    rulebooks.move(workspace.pk, matchers=True)
    recommendations.refresh_first(workspace.pk)


def _record(event_type: EventType, matcher: CustomMatcher, actor: User, details: Mapping[str, object]) -> None:
    record(event_type, actor=actor, workspace_id=matcher.workspace_id, subject=matcher, details=details)
