"""Fields that were seen before, asked anew when the matchers change."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from privacy import recommendations
from privacy.custom_matchers import MatcherAnswers, create_matcher, delete_matcher
from privacy.inventory import classify_field
from privacy.models import Classification, ObservedField
from privacy.scanning.shape import values_of
from workspaces.models import User, Workspace
from workspaces.sealing import seal


def seen(workspace: Workspace, name: str, event: dict[str, Any] | None = None, **facts: Any) -> ObservedField:
    now = timezone.now()
    field = ObservedField(workspace=workspace, name=name, first_seen=now, last_seen=now, **facts)
    if event is not None:
        field.sealed_sample = seal(orjson.dumps(event), bound_to=field.pk.bytes)
    field.save()
    return field


def told(field: ObservedField) -> tuple[str, str, str, str, str, float, bool]:
    field.refresh_from_db()
    return (field.recommended, field.origin, field.rule, field.how, field.term, field.score, field.by_value)


GREEN = ("green", "", "", "", "", 0.0, False)


def test_a_new_matcher_is_asked_about_what_was_seen(workspace: Workspace, alice: User) -> None:
    field, other = seen(workspace, "visit.wardNo"), seen(workspace, "colour")
    matcher = create_matcher(workspace, MatcherAnswers("ward", "red"), actor=alice)
    assert told(field) == ("red", "custom matcher", "ward", "word", "ward", 1.0, False)
    assert told(other) == GREEN
    delete_matcher(matcher, actor=alice)
    assert told(field) == GREEN


def test_a_matcher_on_values_is_asked_about_samples(workspace: Workspace, alice: User) -> None:
    event = {"type": "track", "properties": {"visit": [{"ref": 7}, {"ref": "C-2291"}], "other": "C-1"}}
    field = seen(workspace, "visit.ref", event)
    matcher = create_matcher(
        workspace, MatcherAnswers("case", matches_on="value", synonyms=("^C-[0-9]+$",)), actor=alice
    )
    assert told(field) == ("yellow", "custom matcher", "case", "pattern", "^C-[0-9]+$", 1.0, True)
    delete_matcher(matcher, actor=alice)
    assert told(field) == GREEN


def test_what_a_value_gave_away_stays_while_its_rule_does(workspace: Workspace, alice: User) -> None:
    """The sample need not be the event that gave it away."""
    by_check = {"recommended": "yellow", "origin": "value check", "rule": "email", "how": "value check"}
    field = seen(workspace, "note", {"properties": {"note": "n/a"}}, term="e-mail address", by_value=True, **by_check)
    matcher = create_matcher(workspace, MatcherAnswers("ward"), actor=alice)
    assert told(field) == ("yellow", "value check", "email", "value check", "e-mail address", 1.0, True)
    create_matcher(workspace, MatcherAnswers("e-mail"), actor=alice)
    assert told(field) == GREEN
    assert matcher.name == "ward"


@pytest.mark.parametrize("sample", [b"", b"damaged"])
def test_a_sample_that_does_not_open_says_nothing(workspace: Workspace, alice: User, sample: bytes) -> None:
    field = seen(workspace, "ref")
    ObservedField.objects.update(sealed_sample=sample)
    create_matcher(workspace, MatcherAnswers("case", matches_on="value", synonyms=("^C",)), actor=alice)
    assert told(field) == GREEN
    assert not recommendations.stale_rows(workspace.pk).exists()


def test_the_worker_goes_on_where_the_change_stopped(
    workspace: Workspace, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recommendations, "AT_ONCE", 2)
    monkeypatch.setattr(recommendations, "CHUNK", 3)
    fields = [seen(workspace, f"ward{n}") for n in range(7)]
    create_matcher(workspace, MatcherAnswers("ward"), actor=alice)
    assert recommendations.stale_rows(workspace.pk).count() == 5
    assert [recommendations.refresh_some() for _ in range(3)] == [3, 2, 0]
    assert {told(field)[2] for field in fields} == {"ward"}


def test_classifying_a_field_asks_nothing_anew(
    workspace: Workspace, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    seen(workspace, "ward")
    classify_field(workspace, name="ward", classification=Classification.RED, actor=alice)
    with django_assert_num_queries(1):
        assert recommendations.refresh_some() == 0


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("a", [1, 2]),
        ("b.c", ["x", "y", True]),
        ("b", []),
        ("d", []),
        ("e.f.g", [0]),
        ("h", ["top"]),
        ("(empty)", ["nameless"]),
    ],
)
def test_values_stand_where_the_scan_counts_them(name: str, values: list[object]) -> None:
    event = {
        "traits": {"a": [1, [2, None]], "h": "top"},
        "properties": {"b": [{"c": ["x"]}, {"c": "y"}, {"c": True}], "d": None, "": "nameless"},
        "context": {"e.f": {"g": 0}},
        "h": "not looked at",
    }
    assert sorted(map(str, values_of(event, name))) == sorted(map(str, values))
