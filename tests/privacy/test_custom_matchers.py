"""Custom matchers as domain verbs: what is taken, what is refused, what follows from a change."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from audit.event_types import EventType
from audit.models import AuditRow
from destinations.models import Destination, EncryptedField
from privacy.custom_matchers import (
    MOST_MATCHERS,
    MatcherAnswers,
    create_matcher,
    delete_matcher,
    modify_matcher,
    uses_of_matcher,
)
from privacy.models import CustomMatcher, RuleRevision
from privacy.rulebooks import rules_of
from privacy.rules.book import Origin
from tests.factories import member, support_staff
from workspaces.models import Source, User, Workspace


def add(workspace: Workspace, actor: User, name: str = "chart number", **facts: Any) -> CustomMatcher:
    return create_matcher(workspace, MatcherAnswers(name=name, **facts), actor=actor)


def rows(event_type: EventType) -> list[tuple[str, str, dict[str, Any]]]:
    found = AuditRow.objects.filter(event_type=event_type).order_by("pk")
    return [(row.actor_label, row.object_label, row.details) for row in found]


def encrypts_by(source: Source, kind: str, reference: str) -> Destination:
    destination = Destination.objects.create(
        workspace=source.workspace, source=source, kind="webhooks", name="Care team", sealed_settings=b""
    )
    EncryptedField.objects.create(destination=destination, kind=kind, reference=reference, terms=[reference])
    return destination


def nothing_is_written() -> bool:
    return not (CustomMatcher.objects.exists() or RuleRevision.objects.exists() or AuditRow.objects.exists())


def refused(workspace: Workspace, actor: User, **facts: Any) -> dict[str, list[str]]:
    """The refusal by field, once it is certain that nothing was written."""
    with pytest.raises(ValidationError) as refusal:
        add(workspace, actor, **facts)
    assert nothing_is_written()
    return refusal.value.message_dict


def test_a_matcher_is_made(workspace: Workspace, alice: User) -> None:
    matcher = add(workspace, alice, "  chart   number ", synonyms=("mrn", " chartNo ", "MRN", "chart_number", ""))
    matcher.refresh_from_db()
    assert (matcher.name, matcher.folded) == ("chart number", "chartnumber")
    assert (matcher.classification, matcher.matches_on, matcher.that_is) == ("yellow", "key", "similar")
    assert matcher.synonyms == ["mrn", "chartNo"]
    assert matcher.created_by == alice
    details = {"classification": "yellow", "matches_on": "key"}
    assert rows(EventType.MATCHER_CREATED) == [("alice@example.com", "chart number", details)]


def test_the_rules_follow_at_once(workspace: Workspace, alice: User) -> None:
    before = rules_of(workspace.pk)
    matcher = add(workspace, alice, synonyms=("ward",), classification="red")
    found = rules_of(workspace.pk).book.decide("Ward")
    assert found is not None
    assert (found.origin, found.rule, found.classification) == (Origin.CUSTOM, "chart number", "red")
    delete_matcher(matcher, actor=alice)
    assert rules_of(workspace.pk).book.decide("Ward") is None
    assert rules_of(workspace.pk).revision == before.revision + 2


def test_the_name_is_told_apart_in_folded_form(workspace: Workspace, alice: User) -> None:
    add(workspace, alice, "Chart Number")
    with pytest.raises(ValidationError) as refusal:
        add(workspace, alice, "chart_number")
    assert refusal.value.message_dict == {"name": ["This workspace already has a custom matcher of that name."]}
    assert CustomMatcher.objects.count() == 1


def test_another_workspace_may_use_the_name_too(workspace: Workspace, alice: User, charlie: User) -> None:
    add(workspace, alice)
    add(charlie.workspaces.get(), charlie)
    assert CustomMatcher.objects.count() == 2


@pytest.mark.parametrize(
    ("facts", "field", "said"),
    [
        ({"name": "  "}, "name", "Give the matcher a name."),
        ({"name": "_-"}, "name", "A name needs at least one letter or digit."),
        ({"name": "x" * 101}, "name", "A name has at most 100 characters, this one has 101."),
        ({"name": "a\0b"}, "name", "Control characters"),
        ({"name": "\ufdfa" * 100}, "name", "too long once its ligatures"),
        ({"name": "a", "synonyms": ("x" * 201,)}, "synonyms", "has 201 characters. At most 200 are taken."),
        ({"name": "a", "synonyms": tuple(f"term {n}" for n in range(101))}, "synonyms", "at most 100 of these"),
        (
            {"name": "a", "synonyms": ("patient.chart",)},
            "synonyms",
            "is a path. Keys are compared one by one: write chart",
        ),
        ({"name": "a", "synonyms": ("--",)}, "synonyms", "holds no letter or digit"),
        ({"name": "a", "synonyms": ("\ud800",)}, "synonyms", "halves of characters"),
        ({"name": "a", "matches_on": "value"}, "synonyms", "Add at least one pattern"),
        ({"name": "a", "matches_on": "value", "synonyms": ("a(",)}, "synonyms", "missing ): a("),
        ({"name": "a", "matches_on": "value", "synonyms": (r"(.)\1",)}, "synonyms", r"invalid escape sequence: \1"),
        ({"name": "a", "matches_on": "value", "synonyms": ("(?=a)",)}, "synonyms", "invalid perl operator: (?="),
        ({"name": "a", "matches_on": "value", "synonyms": ("[0-9]*",)}, "synonyms", "also matches an empty value"),
        ({"name": "a", "classification": "green"}, "classification", "Value 'green' is not a valid choice."),
        ({"name": "a", "that_is": "vaguely"}, "that_is", "is not a valid choice"),
        ({"name": "a", "matches_on": "weather"}, "matches_on", "is not a valid choice"),
    ],
)
def test_what_is_refused_writes_nothing(
    workspace: Workspace, alice: User, facts: dict[str, Any], field: str, said: str
) -> None:
    found = refused(workspace, alice, **facts)
    assert list(found) == [field]
    assert said in found[field][0]


def test_a_hundred_and_no_more(workspace: Workspace, alice: User) -> None:
    CustomMatcher.objects.bulk_create(
        CustomMatcher(workspace=workspace, name=f"m{n}", folded=f"m{n}", classification="red", created_by=alice)
        for n in range(MOST_MATCHERS - 1)
    )
    add(workspace, alice)
    with pytest.raises(ValidationError, match="at most 100 custom matchers"):
        add(workspace, alice, "one more")
    assert workspace.matchers.count() == 100


def test_value_patterns_are_counted_over_the_workspace(workspace: Workspace, alice: User) -> None:
    for n in range(2):
        add(workspace, alice, f"m{n}", matches_on="value", synonyms=tuple(f"x{n}-{k}" for k in range(95)))
    with pytest.raises(ValidationError) as refusal:
        add(workspace, alice, "m2", matches_on="value", synonyms=tuple(f"x2-{k}" for k in range(11)))
    assert "at most 200 value patterns; 10 of them are still free" in refusal.value.message_dict["synonyms"][0]
    add(workspace, alice, "m2", matches_on="value", synonyms=tuple(f"x2-{k}" for k in range(10)))


def test_changes_are_named_and_patterns_are_not(workspace: Workspace, alice: User) -> None:
    matcher = add(workspace, alice, matches_on="value", synonyms=("078-05-1120",))
    changed = MatcherAnswers("chart number", "red", "value", "similar", ("219-09-9999",))
    assert modify_matcher(matcher, changed, actor=alice) == ["classification", "synonyms"]
    matcher.refresh_from_db()
    assert (matcher.classification, matcher.synonyms) == ("red", ["219-09-9999"])
    assert matcher.changed_at > matcher.created_at
    details = {"changed": ["classification", "synonyms"]}
    assert rows(EventType.MATCHER_MODIFIED) == [("alice@example.com", "chart number", details)]
    assert "219" not in "".join(map(str, AuditRow.objects.values_list("details", flat=True)))


def test_no_change_is_no_change(workspace: Workspace, alice: User) -> None:
    matcher = add(workspace, alice, synonyms=("mrn",))
    revision = RuleRevision.objects.get().revision
    assert modify_matcher(matcher, MatcherAnswers("chart number", synonyms=("mrn", "MRN")), actor=alice) == []
    assert RuleRevision.objects.get().revision == revision
    assert rows(EventType.MATCHER_MODIFIED) == []


def test_a_matcher_may_keep_its_name_and_not_take_anothers(workspace: Workspace, alice: User) -> None:
    matcher = add(workspace, alice)
    add(workspace, alice, "ward")
    assert modify_matcher(matcher, MatcherAnswers("Chart-Number"), actor=alice) == ["name"]
    with pytest.raises(ValidationError, match="already has"):
        modify_matcher(matcher, MatcherAnswers("WARD"), actor=alice)
    matcher.refresh_from_db()
    assert matcher.name == "Chart-Number"


def test_a_matcher_is_removed(workspace: Workspace, alice: User) -> None:
    delete_matcher(add(workspace, alice), actor=alice)
    assert not CustomMatcher.objects.exists()
    assert rows(EventType.MATCHER_DELETED) == [("alice@example.com", "chart number", {"classification": "yellow"})]


@pytest.mark.parametrize(("kind", "reference"), [("custom_matcher", "chart number"), ("synonym", "mrn")])
def test_what_a_destination_encrypts_by_stays(
    workspace: Workspace, alice: User, source: Source, kind: str, reference: str
) -> None:
    matcher = add(workspace, alice, synonyms=("mrn", "ward"))
    destination = encrypts_by(source, kind, reference)
    said = rf"Destinations encrypt by this: Care team \({reference}\)"
    with pytest.raises(ValidationError, match=said):
        delete_matcher(matcher, actor=alice)
    with pytest.raises(ValidationError, match=said):
        modify_matcher(matcher, MatcherAnswers("bed number", synonyms=("ward",)), actor=alice)
    with pytest.raises(ValidationError, match=said):
        modify_matcher(
            matcher, MatcherAnswers("chart number", matches_on="value", synonyms=("mrn", "ward")), actor=alice
        )
    matcher.refresh_from_db()
    assert (matcher.name, matcher.synonyms) == ("chart number", ["mrn", "ward"])
    assert [(use.label, use.term, use.object_id) for use in uses_of_matcher(matcher)] == [
        ("Care team", reference, destination.pk)
    ]
    # What nobody refers to may go, and more may come.
    kept = MatcherAnswers("chart number", synonyms=("mrn", "bed"))
    assert modify_matcher(matcher, kept, actor=alice) == ["synonyms"]


def test_a_default_matcher_of_that_name_is_no_use(workspace: Workspace, alice: User, source: Source) -> None:
    matcher = add(workspace, alice, "email")
    encrypts_by(source, "default_matcher", "email")
    delete_matcher(matcher, actor=alice)
    assert not CustomMatcher.objects.exists()


@pytest.mark.parametrize("role", ["source_admin", "privacy_admin", "pii_access", "auditor", ""])
def test_only_who_classifies_fields_may(workspace: Workspace, alice: User, role: str) -> None:
    matcher = add(workspace, alice)
    dora = member(workspace, "dora", role)
    before = AuditRow.objects.count()
    with pytest.raises(PermissionDenied):
        add(workspace, dora, "ward")
    with pytest.raises(PermissionDenied):
        modify_matcher(matcher, MatcherAnswers("ward"), actor=dora)
    with pytest.raises(PermissionDenied):
        delete_matcher(matcher, actor=dora)
    assert [each.name for each in CustomMatcher.objects.all()] == ["chart number"]
    assert AuditRow.objects.count() == before


def test_an_outsider_finds_nothing(workspace: Workspace, charlie: User) -> None:
    with pytest.raises(Http404):
        add(workspace, charlie)
    assert nothing_is_written()


def test_support_staff_do_not_look_for_values(workspace: Workspace, alice: User) -> None:
    """A pattern that hits or not tells what a masked value is."""
    sam = support_staff(workspace)
    matcher = add(workspace, sam)
    with pytest.raises(PermissionDenied):
        add(workspace, sam, "ssn", matches_on="value", synonyms=("^078",))
    with pytest.raises(PermissionDenied):
        modify_matcher(matcher, MatcherAnswers("ssn", matches_on="value", synonyms=("^078",)), actor=sam)
    patterns = add(workspace, alice, "case", matches_on="value", synonyms=("^C",))
    with pytest.raises(PermissionDenied):
        modify_matcher(patterns, MatcherAnswers("case", matches_on="value", synonyms=("^D",)), actor=sam)
    patterns.refresh_from_db()
    assert patterns.synonyms == ["^C"]
