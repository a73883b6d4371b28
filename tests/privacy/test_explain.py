"""Explain: the rule that decided, since when, by whom, and what it causes, for every kind of rule."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from audit.models import AuditRow
from privacy.custom_matchers import MatcherAnswers, create_matcher
from privacy.explain import Explanation, explain
from privacy.inventory import classify_field
from privacy.models import Classification, InventoryField
from privacy.rules.book import How, Origin
from privacy.standard_controls import block_red_fields
from tests.factories import SourceFactory
from tests.privacy.observing import field, observe, track
from workspaces.access import access_of
from workspaces.models import Source, User, Workspace

RED, YELLOW, GREEN = Classification.RED, Classification.YELLOW, Classification.GREEN


def rule(told: Explanation) -> tuple[object, ...]:
    assert told.decision is not None
    return told.classification, told.decision.origin, told.decision.rule, told.decision.how, told.masked


def test_each_kind_of_rule(workspace: Workspace, source: Source, alice: User) -> None:
    observe(source, track(contact="ana@example.com"))
    create_matcher(workspace, MatcherAnswers("chart number", "red", synonyms=("mrn",)), actor=alice)
    classify_field(workspace, name="panel", classification=YELLOW, reason="tells the illness", actor=alice)

    def of(name: str) -> Explanation:
        return explain(workspace, name, access=access_of(alice, workspace))

    assert rule(of("user.ssn")) == ("red", Origin.DEFAULT, "social security number", How.EXACT, True)
    assert rule(of("lastNam")) == ("yellow", Origin.DEFAULT, "name", How.SIMILAR, True)
    assert "resembles (0.80, more than 0.70 counts)" in of("lastNam").sentence
    assert rule(of("contact")) == ("yellow", Origin.CHECK, "email", How.CHECK, True)
    assert of("contact").sentence == "A value of this field passed the built-in check for an e-mail address."
    custom, panel, unknown = of("MRN"), of("lab.panel"), of("refills")
    assert rule(custom) == ("red", Origin.CUSTOM, "chart number", How.EXACT, True)
    assert (custom.by, custom.since is not None) == (alice, True)
    assert rule(panel) == ("yellow", Origin.INVENTORY, "panel", How.CLASSIFIED, True)
    assert (panel.by, panel.reason, panel.sentence_instead) == (alice, "tells the illness", "")
    assert (unknown.classification, unknown.decision, unknown.masked) == ("green", None, False)


def test_green_says_that_it_does_not_unmask(workspace: Workspace, alice: User) -> None:
    classify_field(workspace, name="email", classification=GREEN, actor=alice)
    told = explain(workspace, "email", access=access_of(alice, workspace))
    assert (told.classification, told.masked) == ("green", True)
    assert told.sentence_instead == (
        "The default matcher email has a term, “email”, that the name equals, so it counts as yellow."
    )


def test_where_it_is_blocked(workspace: Workspace, source: Source, alice: User) -> None:
    other = SourceFactory(workspace=workspace, name="Portal")
    observe(source, track(ssn="1"))
    observe(other, track(Ssn="1"))
    block_red_fields(source, actor=alice)
    assert (
        explain(workspace, "ssn", access=access_of(alice, workspace)).blocked_at == []
    )  # not in the inventory (documented)
    classify_field(workspace, name="ssn", classification=RED, actor=alice)
    told = explain(workspace, "ssn", access=access_of(alice, workspace))
    assert (told.blocked_at, told.goes_through_at) == ([source], [other])


def test_the_page_and_its_row(as_alice: Client, workspace: Workspace, source: Source, alice: User) -> None:
    observe(source, track(ssn="078-05-1120"))
    url = reverse("privacy_explain_field", args=["acme-health", field("ssn").pk])
    page = " ".join(re.sub(r"<[^>]+>", " ", as_alice.get(url).content.decode()).split())
    assert "The default matcher social security number has a term, “ssn”, that the name equals" in page
    assert "Masked For everyone without PII Access." in page
    assert "Blocked Nowhere: only fields in the inventory are." in page
    assert "078-05-1120" not in page
    by_name = reverse("privacy_explain", args=["acme-health"])
    assert as_alice.get(f"{by_name}?name=salary").status_code == 200
    assert as_alice.get(by_name).status_code == 404
    entry = classify_field(workspace, name="ssn", classification=RED, actor=alice)
    part = as_alice.get(
        reverse("privacy_explain_field", args=["acme-health", entry.pk]), headers={"HX-Request": "true"}
    )
    assert "An owner classified ssn as red in the inventory." in part.content.decode()
    rows = AuditRow.objects.filter(event_type="Field Explanation Viewed").order_by("pk")
    assert [row.object_label for row in rows] == ["ssn", "", str(InventoryField.objects.get())]


def test_it_is_for_those_who_may_classify(workspace: Workspace, bob: User) -> None:
    with pytest.raises(PermissionDenied):
        explain(workspace, "ssn", access=access_of(bob, workspace))
