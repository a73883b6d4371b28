"""What filters do to events, in which order, and that the event itself stays as it is."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from destinations.filters.actions import ALLOW_PROPERTIES, DROP, DROP_PROPERTIES, SAMPLE, Rule, compiled
from destinations.filters.functions import EvaluationError

EVENT: dict[str, Any] = {
    "type": "track",
    "event": "Order",
    "messageId": "m-1",
    "userId": "u1",
    "traits": {"email": "jo@example.com", "age": 41},
    "properties": {"total": 5, "products": [{"sku": "a", "price": 1}, {"sku": "b", "price": 2}, 7]},
}


def through(*rules: Rule, event: dict[str, Any] = EVENT) -> dict[str, Any] | None:
    """What the filters leave of the event, which itself must not change."""
    before, left = copy.deepcopy(event), event
    for keep in compiled(rules):
        found = keep(left)
        if found is None:
            return None
        left = found
    assert event == before
    return left


def test_drop_stops_what_its_condition_names() -> None:
    assert through(Rule(DROP, "event = 'Order'")) is None
    assert through(Rule(DROP, "event = 'Lab'")) is EVENT


def test_fields_are_taken_out_of_every_object_of_a_list() -> None:
    left = through(Rule(DROP_PROPERTIES, "all", {"properties.products": ["price"]}))
    assert left is not None
    assert left["properties"] == {"total": 5, "products": [{"sku": "a"}, {"sku": "b"}, 7]}


def test_a_whole_list_can_be_taken_out() -> None:
    left = through(Rule(DROP_PROPERTIES, "all", {"properties": ["products"], "traits": ["email", "missing"]}))
    assert left == {**EVENT, "properties": {"total": 5}, "traits": {"age": 41}}


def test_the_top_of_the_event_is_the_empty_path() -> None:
    left = through(Rule(DROP_PROPERTIES, "all", {"": ["userId"]}))
    assert left == {key: held for key, held in EVENT.items() if key != "userId"}


def test_only_allowed_fields_of_an_object_stay() -> None:
    left = through(Rule(ALLOW_PROPERTIES, "all", {"properties": ["total"]}))
    assert left == {**EVENT, "properties": {"total": 5}}


def test_a_filter_without_its_condition_changes_nothing() -> None:
    assert through(Rule(DROP_PROPERTIES, "type = 'page'", {"traits": ["email"]})) is EVENT


def test_the_documented_order_holds_whatever_order_they_are_given_in() -> None:
    allow = Rule(ALLOW_PROPERTIES, "properties.total = 5", {"properties": ["products"]})
    drop = Rule(DROP_PROPERTIES, "all", {"properties": ["total"]})
    # Fields are dropped first, so the total by which they would be allowed is gone.
    assert through(allow, drop) == through(drop, allow)
    assert through(allow, drop) == {**EVENT, "properties": {"products": EVENT["properties"]["products"]}}
    assert through(allow, drop, Rule(DROP, "properties.total = 5"), Rule(SAMPLE, "all", percent=1.0)) is None


def test_conflicting_only_send_filters_send_nothing() -> None:
    assert through(Rule(DROP, "!(event = 'Order')"), Rule(DROP, "!(event = 'Lab')")) is None


@pytest.mark.parametrize(("percent", "kept"), [(0.0, 0), (1.0, 2000)])
def test_a_sample_of_none_and_of_all(percent: float, kept: int) -> None:
    (keep,) = compiled([Rule(SAMPLE, "all", percent=percent)])
    assert sum(keep({"messageId": f"m{number}"}) is not None for number in range(2000)) == kept


def test_a_sample_is_about_as_large_as_it_says_and_always_the_same() -> None:
    (keep,) = compiled([Rule(SAMPLE, "all", percent=0.3)])
    kept = [number for number in range(5000) if keep({"messageId": f"m{number}"})]
    assert 1350 < len(kept) < 1650
    assert kept == [number for number in range(5000) if keep({"messageId": f"m{number}"})]


def test_events_of_one_account_share_their_fate() -> None:
    (keep,) = compiled([Rule(SAMPLE, "all", percent=0.5, path="traits.account")])
    for account in range(50):
        events = [{"messageId": f"m{account}-{number}", "traits": {"account": account}} for number in range(5)]
        assert len({keep(event) is None for event in events}) == 1


def test_a_sample_asks_only_what_its_condition_names() -> None:
    assert through(Rule(SAMPLE, "event = 'Lab'", percent=0.0)) is EVENT


@pytest.mark.parametrize("fql", ["event = ", "rm()", "traits.age"])
def test_a_filter_that_errs_lets_nothing_through(fql: str) -> None:
    with pytest.raises(EvaluationError):
        through(Rule(DROP, fql))
