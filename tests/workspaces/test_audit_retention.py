"""Retention of the audit log as its owners set it, and what nobody else can."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from audit import append_only
from audit.models import AuditPurgeRun, AuditRetention, AuditRow
from audit.proof import checkpoints, purging, tree
from audit.retention import Kept, goes_at, hold_since, kept
from audit.standing import standing
from tests import browsing
from tests.audit.proof.making import START, Editor, key, old_rows
from tests.factories import member
from tests.queries import counted
from workspaces import audit_retention as verbs
from workspaces.models import User, Workspace
from workspaces.roles import SUPPORT_RIGHTS, Right, Role

PAGE = "/acme-health/settings/audit-log/retention"
PLACE = {"action": "place", "reason": "Matter 7"}


def rows(event_type: str) -> list[AuditRow]:
    return list(AuditRow.objects.filter(event_type=event_type))


def purged(workspace: Workspace, count: int = 12) -> None:
    """A log whose old rows went in a run of today."""
    old_rows(count, workspace_id=str(workspace.pk))
    tree.seal_all(START)
    checkpoints.make_checkpoint(str(workspace.pk))
    list(purging.purge(AuditPurgeRun.objects.create(started_at=timezone.now())))


def test_owners_make_it_longer_and_shorter_but_never_less_than_six(workspace: Workspace, alice: User) -> None:
    log = str(workspace.pk)
    assert kept(log) == Kept(years=6, held=False)
    assert [verbs.change_period(workspace, years=years, actor=alice) for years in (8, 8, 6)] == [True, False, True]
    assert [row.details for row in rows("HIPAA Audit Retention Modified")][::-1] == [
        {"years": {"before": 6, "after": 8}},
        {"years": {"before": 8, "after": 6}},
    ]
    for years in (5, 0, 26):
        with pytest.raises(ValueError, match="6 to 25 years"):
            verbs.change_period(workspace, years=years, actor=alice)
    assert (kept(log).years, AuditRetention.objects.count()) == (6, 2)


def test_a_hold_is_placed_and_released_with_a_reason(workspace: Workspace, alice: User) -> None:
    log = str(workspace.pk)
    assert verbs.release_hold(workspace, reason="None", actor=alice) is False
    assert verbs.place_hold(workspace, reason=" Matter 7 ", actor=alice) is True
    assert verbs.place_hold(workspace, reason="Matter 8", actor=alice) is False
    verbs.change_period(workspace, years=9, actor=alice)
    held, placed = kept(log), hold_since(log)
    assert (held.years, held.held, held.reason, held.set_by) == (9, True, "Matter 7", alice.email)
    assert placed is not None
    assert (placed.reason, placed.years) == ("Matter 7", 6)
    assert verbs.release_hold(workspace, reason="Matter 7 is over", actor=alice) is True
    assert (kept(log).held, kept(log).years, hold_since(log)) == (False, 9, None)
    (row,) = rows("HIPAA Audit Legal Hold Placed")
    assert row.details == {"legal_hold": {"before": False, "after": True}, "reason": "Matter 7"}
    (row,) = rows("HIPAA Audit Legal Hold Released")
    assert row.details == {"legal_hold": {"before": True, "after": False}, "reason": "Matter 7 is over"}
    with pytest.raises(ValueError, match="say why"):
        verbs.place_hold(workspace, reason="  ", actor=alice)


def test_nobody_but_owners(workspace: Workspace, bob: User, charlie: User) -> None:
    auditor = member(workspace, "anna", Role.AUDITOR)
    for actor, refusal in ((bob, PermissionDenied), (auditor, PermissionDenied), (charlie, Http404)):
        with pytest.raises(refusal):
            verbs.change_period(workspace, years=10, actor=actor)
        for verb in (verbs.place_hold, verbs.release_hold):
            with pytest.raises(refusal):
                verb(workspace, reason="x", actor=actor)
    assert not AuditRetention.objects.exists()
    assert Right.KEEP_AUDIT_LOG not in SUPPORT_RIGHTS


def test_the_page_changes_the_period_and_refuses_what_is_none(as_alice: Client, workspace: Workspace) -> None:
    assert as_alice.post(PAGE, {"action": "period", "years": "10"}).headers["Location"] == PAGE
    assert "Rows are kept for 10 years" in as_alice.get(PAGE).content.decode()
    for wrong in ("5", "26", "", "ten"):
        answer = as_alice.post(PAGE, {"action": "period", "years": wrong})
        assert answer.status_code == 200
        assert 'aria-invalid="true"' in answer.content.decode()
    assert as_alice.post(PAGE, {"action": "place", "reason": "  "}).status_code == 200
    assert as_alice.post(PAGE, {"action": "burn"}).status_code == 200
    assert kept(str(workspace.pk)) == Kept(
        10, held=False, set_by="alice@example.com", since=AuditRetention.objects.get().set_at
    )


def test_a_change_asks_who_makes_it_and_keeps_what_was_typed(as_alice: Client, workspace: Workspace) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=False):
        answer = as_alice.post(PAGE, PLACE)
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/reauthenticate")
        assert not AuditRetention.objects.exists()
        page = as_alice.get(PAGE).content.decode()
    assert 'value="Matter 7"' in page
    assert "What you typed is still here" in page


def test_an_auditor_reads_and_changes_nothing(client: Client, workspace: Workspace) -> None:
    client.force_login(member(workspace, "anna", Role.AUDITOR))
    page = client.get(PAGE).content.decode()
    assert "Owners of this workspace can make it longer." in page
    assert "Place Hold" not in page
    assert client.post(PAGE, PLACE).status_code == 403
    assert not AuditRetention.objects.exists()


def test_the_page_tells_what_went_and_what_goes_next(as_alice: Client, workspace: Workspace) -> None:
    as_alice.get(PAGE)
    purged(workspace, 12)
    found = standing(str(workspace.pk))
    assert (found.removed, found.purged, found.due, found.soon, found.refusal) == (12, 12, 0, 0, "")
    assert [(stone.count, stone.first, stone.last) for stone in found.stones] == [(12, 0, 11)]
    assert found.oldest == AuditRow.objects.filter(workspace_id=str(workspace.pk)).order_by("id")[0].timestamp
    assert found.goes_at == goes_at(found.oldest, 6)
    page = as_alice.get(PAGE).content.decode()
    assert "removed 12 rows of this log" in page
    assert "tombstone 0 12" in page
    assert f"{found.goes_at:%Y-%m-%d} at the earliest" in page


def test_the_page_tells_of_what_a_hold_keeps(as_alice: Client, alice: User, workspace: Workspace) -> None:
    verbs.place_hold(workspace, reason="Matter 7", actor=alice)
    purged(workspace, 5)
    found = standing(str(workspace.pk))
    assert (found.removed, found.purged, found.due, found.stones) == (0, 0, 5, [])
    assert "When the hold is released, not before" in as_alice.get(PAGE).content.decode()
    verbs.release_hold(workspace, reason="Matter 7 is over", actor=alice)
    page = as_alice.get(PAGE).content.decode()
    assert "With the next daily run" in page
    assert "5 rows now, 5 within 30 days" in page


def test_other_logs_do_not_show(as_alice: Client, workspace: Workspace) -> None:
    old_rows(5, workspace_id="another")
    tree.seal_all(START)
    checkpoints.make_checkpoint("another")
    list(purging.purge(AuditPurgeRun.objects.create(started_at=timezone.now())))
    page = as_alice.get(PAGE).content.decode()
    assert "removed 0 rows of this log" in page
    assert "No row was ever removed" in page


def test_a_run_that_refused_says_why(as_alice: Client, workspace: Workspace) -> None:
    row = old_rows(3, workspace_id=str(workspace.pk))[0]
    tree.seal_all(START)
    checkpoints.make_checkpoint(str(workspace.pk))
    append_only.remove(Editor())  # type: ignore[arg-type]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditrow SET outcome = 'denied' WHERE id = %s", [key(row.pk)])
    list(purging.purge(AuditPurgeRun.objects.create(started_at=timezone.now())))
    assert standing(str(workspace.pk)).refusal.startswith(f"row 0 ({row.pk}) is not what was sealed")
    assert "The last run removed nothing from this log" in as_alice.get(PAGE).content.decode()


def test_the_page_asks_the_same_however_many_tombstones(as_alice: Client, workspace: Workspace) -> None:
    purged(workspace, 4)
    as_alice.get(PAGE)
    with counted() as few:
        as_alice.get(PAGE)
    for _ in range(3):
        purged(workspace, 4)
    with counted() as many:
        as_alice.get(PAGE)
    assert len(many) == len(few) <= 25


def test_an_owner_places_and_releases_a_hold(
    page: Page, live_server: LiveServer, alice: User, workspace: Workspace
) -> None:
    problems = browsing.complaints(page)
    purged(workspace, 6)
    browsing.sign_in(page, live_server, alice)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{live_server.url}/acme-health/settings/audit-log")
    page.get_by_role("link", name="Retention").click()
    expect(page.get_by_role("heading", name="Rows are kept for 6 years")).to_be_visible()
    browsing.assert_accessible(page, "retention")
    reason = page.get_by_label("Reason")
    browsing.tab_to(page, reason)
    page.keyboard.type("Matter 7")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Legal hold is on")).to_be_visible()
    browsing.assert_accessible(page, "retention on hold")
    page.get_by_label("Reason").fill("Matter 7 is over")
    page.get_by_role("button", name="Release Hold").click()
    expect(page.get_by_text("Legal hold is off")).to_be_visible()
    page.get_by_role("spinbutton", name="Years").fill("7")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Rows are kept for 7 years")).to_be_visible()
    page.get_by_text("Show the note of rows 0 to 5").click()
    expect(page.get_by_text("tombstone 0 6")).to_be_visible()
    browsing.assert_accessible(page, "retention with a tombstone's note")
    assert problems == []
