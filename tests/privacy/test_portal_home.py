"""The Privacy Portal's home: real counts, and what waits for a decision."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import AuditRow
from privacy import overview
from privacy.inventory import classify_field
from privacy.models import Classification, ObservedField, StandardControl
from privacy.scanning import store
from tests.factories import SourceFactory
from tests.privacy.observing import observe, track
from tests.queries import counted
from workspaces.models import Source, User, Workspace

URL = "/acme-health/privacy"


def tiles(page: str) -> list[str]:
    return [re.sub(r"<[^>]+>|\s+", " ", part).strip() for part in re.findall(r"<dd>(.*?)</dd>", page, re.DOTALL)]


def test_counts_are_by_colour(as_alice: Client, workspace: Workspace, source: Source, alice: User) -> None:
    observe(source, track(ssn="1", email="a", phone="b", clinic="North", panel="A"))
    observe(source, track(old_password="1"), at=datetime.now(UTC) - timedelta(days=8))
    classify_field(workspace, name="panel", classification=Classification.GREEN, actor=alice)
    StandardControl.objects.create(source=SourceFactory(workspace=workspace), set_by=alice, since=timezone.now())
    page = as_alice.get(URL).content.decode()
    assert tiles(page) == ["1", "2", "1", "1 of 2", "0", "0", "1", "1 of 2"]
    assert "1 field in the inbox looks highly restricted, 2 moderately" in page


def test_an_empty_workspace_is_told_to_send_events(as_alice: Client, source: Source) -> None:
    page = as_alice.get(URL).content.decode()
    assert "No source has sent a field in the last 7 days" in page


def test_red_fields_that_go_through_are_told(as_alice: Client, source: Source, alice: User) -> None:
    classify_field(source.workspace, name="ssn", classification=Classification.RED, actor=alice)
    assert "1 of 1 sources lets red fields of the inventory through" in as_alice.get(URL).content.decode()


def test_owners_are_told_when_no_further_field_is_kept(
    as_alice: Client, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_FIELDS", 2)
    observe(source, track(clinic="North"))
    assert "there are as many" not in as_alice.get(URL).content.decode()
    observe(source, track(panel="A", ssn="1"))
    assert sorted(ObservedField.objects.values_list("name", flat=True)) == ["clinic", "panel"]
    assert "there are as many: new ones appear neither here nor in the inbox" in as_alice.get(URL).content.decode()


def test_looking_is_recorded_once(as_alice: Client, workspace: Workspace) -> None:
    as_alice.get(URL)
    rows = AuditRow.objects.filter(event_type="Privacy Portal Viewed")
    assert [(row.object_id, row.actor_label) for row in rows] == [(str(workspace.pk), "alice@example.com")]


def test_few_queries(as_alice: Client, source: Source, alice: User) -> None:
    observe(source, track(ssn="1", email="a"))
    with counted() as asked:
        overview.state_of(source.workspace, actor=alice)
    assert len(asked) <= 5
