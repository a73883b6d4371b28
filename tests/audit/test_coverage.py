"""Each route is walked as each persona: the rows written are those the Coverage page tells of, one for each answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from audit.coverage import COVERED, covered, lines, meanings
from audit.event_types import EventType
from audit.models import AuditRow
from tests.test_access import ACCESS, PERSONAS, Route, World, visitor, world
from workspaces.models import Workspace

__all__ = ["visitor", "world"]  # fixtures
PAGE = "/acme-health/settings/audit-log/coverage"
# Routes that hold PHI and answer without it: nothing new in the inbox, and an empty form for what is typed into it.
SHOWS_NOTHING = {("privacy_inbox_new", 204), ("source_debugger_new", 204), ("encryption_keys", 200)}
EVENTS = {line.route: line.events for line in lines()}


def visits(client: Client, world: World) -> Iterator[tuple[Route, str, int, list[AuditRow]]]:
    """Every route of the product asked both ways, each on the world as it was: status and the rows it wrote."""
    for route in ACCESS:
        with transaction.atomic():
            url = reverse(route.name, kwargs=route.arguments(world))
            for method in ("GET", "POST"):
                before = set(AuditRow.objects.values_list("pk", flat=True))
                response = client.get(url) if method == "GET" else client.post(url, route.data)
                rows = AuditRow.objects.exclude(pk__in=before)
                yield route, method, response.status_code, list(rows)
            transaction.set_rollback(True)


def complaint(route: Route, status: int, rows: list[AuditRow], *, persona: str) -> str:
    """What is wrong with the rows of one answer; empty if nothing is."""
    known, found = covered(route.name), [row.event_type for row in rows]
    told = EVENTS[route.name]
    if status == 403:
        return "" if found == ["Access Denied"] and rows[0].outcome == "denied" else "a refusal is one row"
    if status >= 400:
        return "nothing was shown or changed" if found else ""
    if known is None or len(found) > 1:
        return "more than one row, or a route without a line"
    if persona == "support" and found == ["Support Page Viewed"]:
        return "" if not known.holds or (route.name, status) in SHOWS_NOTHING else "the page has an event of its own"
    if known.holds and status == 200 and not found and (route.name, status) not in SHOWS_NOTHING:
        return "PHI was shown without a row"
    return "" if set(found) <= set(told) else "an event the page does not tell of"


@pytest.mark.parametrize("visitor", PERSONAS, indirect=True)
def test_each_answer_writes_the_row_the_page_tells_of(
    visitor: Client, world: World, request: pytest.FixtureRequest
) -> None:
    persona = request.node.callspec.params["visitor"]
    wrong = [
        (route.name, method, status, [row.event_type for row in rows], said)
        for route, method, status, rows in visits(visitor, world)
        if (said := complaint(route, status, rows, persona=persona))
    ]
    assert wrong == []


def test_every_line_is_of_a_route_and_every_route_has_one() -> None:
    assert set(COVERED) <= set(EVENTS)
    assert [route for route in EVENTS if covered(route) is None] == []


def test_every_event_has_a_meaning_and_pages_have_the_event_of_their_view() -> None:
    assert [event for event, _ in meanings()] == list(EventType)
    assert all(event.label and event.label[0].islower() for event in EventType)
    assert EVENTS["privacy_inbox"] == (EventType.PRIVACY_INBOX_VIEWED,)
    assert EVENTS["admin:workspaces_workspace_changelist"][0] == EventType.ADMIN_LIST_VIEWED


def test_the_page_shows_every_route_and_event_and_is_no_read_of_phi(as_alice: Client, workspace: Workspace) -> None:
    text = as_alice.get(PAGE).content.decode()
    assert all(f"<code>{route}</code>" in text for route in COVERED)
    assert "/&lt;workspace_slug&gt;/privacy/inbox" in text
    assert all(event.value in text for event in EventType)
    assert list(AuditRow.objects.exclude(event_type="User Signed In")) == []


def test_a_page_with_phi_and_no_row_or_two_is_complained_of() -> None:
    inbox = next(route for route in ACCESS if route.name == "privacy_inbox")
    right, wrong = AuditRow(event_type="Privacy Inbox Viewed"), AuditRow(event_type="Source Viewed")
    assert [bool(complaint(inbox, 200, rows, persona="owner")) for rows in ([], [right], [wrong], [right, right])] == [
        True,
        False,
        True,
        True,
    ]
    assert [bool(complaint(inbox, status, rows, persona="member")) for status, rows in ((403, []), (404, [right]))] == [
        True,
        True,
    ]
