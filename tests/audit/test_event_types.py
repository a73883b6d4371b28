"""Every event type is written by the product, on a way that a test takes; the rest would promise what is not so."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest
from django.test import Client

from audit.event_types import EventType
from audit.models import AuditRow
from destinations.models import Filter
from tests import factories
from tests.destinations.factories import DestinationFactory
from workspaces.models import Source, Workspace
from workspaces.roles import Role
from workspaces.sign_in_links import make_link

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("audit", "workspaces", "privacy", "destinations", "segment_app")
# What lists event types rather than writes them.
LISTS = {"event_types.py", "coverage.py", "trail.py"}
# Written by a page and by nothing else: `test_a_page_writes_its_own_event` opens each.
PAGES = {
    EventType.SUPPRESSED_USER_LIST_VIEWED: "/privacy/settings/suppressed",
    EventType.DATA_RETENTION_VIEWED: "/privacy/settings/retention",
    EventType.HIPAA_AUDIT_RETENTION_VIEWED: "/settings/audit-log/retention",
    EventType.AUDIT_TRAIL_VIEWED: "/settings/audit-trail",
    EventType.MEMBER_LIST_VIEWED: "/settings/access-management",
}


@functools.cache
def written() -> set[str]:
    """Names of event types in the product's own code, but for what lists them."""
    found: set[str] = set()
    for path in (path for app in APPS for path in (ROOT / app).rglob("*.py")):
        if path.name in LISTS or "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "EventType":
                found.add(node.attr)
    return found


@functools.cache
def words_of_tests() -> str:
    """The words of all tests."""
    return "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))


def test_every_event_type_is_written_somewhere() -> None:
    assert [event.name for event in EventType if event.name not in written()] == []


def test_every_event_type_is_told_of_by_a_test() -> None:
    words = words_of_tests()
    named = {event for event in EventType if f'"{event.value}"' in words or f"EventType.{event.name}" in words}
    assert [event.name for event in EventType if event not in named] == []


@pytest.mark.parametrize("event", PAGES)
def test_a_page_writes_its_own_event(as_alice: Client, workspace: Workspace, event: EventType) -> None:
    assert as_alice.get(f"/acme-health{PAGES[event]}").status_code == 200
    assert AuditRow.objects.first().event_type == event  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("event", "page"),
    [
        (EventType.REPLAY_LIST_VIEWED, "/destinations/{destination}/delivery/replays"),
        (EventType.FILTER_VIEWED, "/destinations/{destination}/filters/{filter}"),
    ],
)
def test_a_page_of_a_destination_writes_its_own_event(
    as_alice: Client, source: Source, event: EventType, page: str
) -> None:
    crm = DestinationFactory(source=source)
    kept = Filter.objects.create(destination=crm, name="F", answers={"action": "drop", "join": "every"})
    assert as_alice.get("/acme-health" + page.format(destination=crm.pk, filter=kept.pk)).status_code == 200
    assert AuditRow.objects.first().event_type == event  # type: ignore[union-attr]


def test_looking_at_a_member_is_recorded(as_alice: Client, workspace: Workspace) -> None:
    factories.member(workspace, "nadia", Role.AUDITOR)
    membership = workspace.memberships.get(user__email="nadia@example.com")
    as_alice.get(f"/acme-health/settings/access-management/users/{membership.pk}")
    row = AuditRow.objects.get(event_type="Member Viewed")
    assert (row.object_id, row.object_type) == (str(membership.pk), "Membership")


def test_a_sign_in_link_made_by_hand_is_recorded(workspace: Workspace) -> None:
    make_link(factories.member(workspace, "nadia", Role.AUDITOR))
    row = AuditRow.objects.get(event_type="Sign-in Link Created")
    assert (row.actor_kind, row.object_label, row.workspace_id) == ("system", "nadia@example.com", str(workspace.pk))


@pytest.mark.parametrize("event", EventType)
def test_labels_go_on_from_a_name_and_values_are_title_case(event: EventType) -> None:
    words = [word for word in re.split(r"[ -]", event.value) if word not in {"in", "of"}]
    assert all(word[0].isupper() for word in words)
    assert re.match(r"[a-z]+ ", f"{event.label} ")
    assert not event.label.endswith(".")
