"""A matcher on values that is not saved yet, tried on samples of fields: what it finds, who may, what is recorded."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import AuditRow
from privacy import detection
from privacy.models import CustomMatcher, ObservedField
from tests.factories import support_staff
from tests.privacy.observing import observe, track
from workspaces.models import Source, Workspace

TYPED = {"name": "case", "classification": "red", "matches_on": "value", "synonyms": "^C-[0-9]+$", "json": "{}"}


@pytest.fixture
def seen(source: Source) -> Source:
    observe(source, track(ref="C-17", lines=[{"id": "x"}, {"id": "C-18"}], clinic="North C-19"))
    observe(source, track(old="C-20"), at=datetime.now(UTC) - timedelta(days=8))
    return source


def ask(client: Client, route: str = "privacy_matcher_trial", **sent: str) -> str:
    response = client.post(reverse(route, args=["acme-health"]), {**TYPED, **sent})
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", "", response.content.decode()).split())


def test_samples_are_tried_where_that_is_asked_for(as_alice: Client, seen: Source) -> None:
    before = AuditRow.objects.count()
    page = ask(as_alice)
    assert ("would match" in page, "Try on samples of the last 7 days" in page) == (False, True)
    assert AuditRow.objects.count() == before
    page = ask(as_alice, test="samples")
    assert re.search(r"2 fields would match: (lines\.id, ref|ref, lines\.id)", page)
    assert "Tried on the samples of 3 fields, all of the last 7 days." in page
    row = AuditRow.objects.get(event_type="Matcher Tried On Samples")
    assert (row.object_label, row.details) == ("Acme Health", {"matcher": "case", "fields": 3})
    assert not CustomMatcher.objects.exists()


def test_without_scripts_the_page_itself_tries(as_alice: Client, seen: Source) -> None:
    page = ask(as_alice, "privacy_matcher_new", test="samples")
    assert "2 fields would match" in page
    assert AuditRow.objects.filter(event_type="Matcher Tried On Samples").count() == 1
    assert not CustomMatcher.objects.exists()


def test_it_looks_at_so_many_and_says_so(as_alice: Client, seen: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "MOST_SAMPLES", 2)
    assert "Tried on the samples of 2 fields: those of the last 7 days that were seen last" in ask(
        as_alice, test="samples"
    )


def test_a_sample_that_is_gone_or_does_not_open_says_nothing(as_alice: Client, seen: Source) -> None:
    ObservedField.objects.filter(name="ref").update(sealed_sample=b"\x01 damaged")
    ObservedField.objects.filter(name="lines.id").update(sealed_sample=b"")
    page = ask(as_alice, test="samples")
    assert "0 fields would match." in page
    assert "Tried on the samples of 2 fields: those" in page


def test_keys_are_tried_without_samples(as_alice: Client, seen: Source) -> None:
    page = ask(as_alice, matches_on="key", name="ref", synonyms="")
    assert "1 of the 3 fields of the last 7 days would match: ref" in page
    assert "Try on samples" not in page


def test_it_is_for_people_with_pii_access(client: Client, workspace: Workspace, seen: Source) -> None:
    client.force_login(support_staff(workspace))
    url = reverse("privacy_matcher_trial", args=["acme-health"])
    assert "Try on samples" not in client.post(url, TYPED).content.decode()
    response = client.post(url, {**TYPED, "test": "samples"})
    assert (response.status_code, b"would match" in response.content) == (403, False)
    assert not AuditRow.objects.filter(event_type="Matcher Tried On Samples").exists()
