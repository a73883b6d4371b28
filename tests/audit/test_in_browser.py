"""The audit log and Django admin in a real browser: no report of the strict policy, no axe finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from audit.models import AuditRow
from destinations.models import Destination
from tests import browsing
from tests.factories import support_staff
from workspaces.models import Source, User, Workspace

AXE_OPTIONS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def reports(page: Page) -> list[str]:
    """What the browser complains of."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


@pytest.fixture
def staff(live_server: LiveServer, workspace: Workspace) -> User:
    return support_staff(workspace)


def sign_in(page: Page, live_server: LiveServer, user: User, where: str) -> None:
    browsing.sign_in(page, live_server, user)
    page.goto(f"{live_server.url}{where}")


def test_an_owner_filters_reads_and_downloads(
    page: Page, live_server: LiveServer, alice: User, reports: list[str], tmp_path: Path
) -> None:
    workspace_id = str(alice.workspaces.get().pk)
    for n in range(120):
        AuditRow.objects.create(workspace_id=workspace_id, event_type="Source Viewed", object_label=f"row {n:03}")
    sign_in(page, live_server, alice, "/acme-health/settings/audit-log")
    assert Axe().run(page, options=AXE_OPTIONS).response["violations"] == []

    page.get_by_label("Event", exact=True).select_option("Source Viewed")
    page.get_by_role("button", name="Apply filter").click()
    expect(page.get_by_role("row")).to_have_count(101)
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("row")).to_have_count(21)
    opener = page.get_by_role("link", name="Source Viewed").first
    opener.focus()
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog", name="Details")
    expect(sheet.get_by_role("heading", name="Source Viewed")).to_be_focused()
    expect(sheet.get_by_text("row 019", exact=True)).to_be_visible()
    assert Axe().run(page, options=AXE_OPTIONS).response["violations"] == []
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(opener).to_be_focused()

    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    download.value.save_as(tmp_path / "log.csv")
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 121
    assert reports == []


def test_admin_pages_work_under_the_policy(
    page: Page, live_server: LiveServer, source: Source, staff: User, reports: list[str]
) -> None:
    workspace = source.workspace
    Destination.objects.create(workspace=workspace, source=source, kind="webhooks", name="CRM", sealed_settings=b"")
    sign_in(page, live_server, staff, "/admin/")
    for path in (
        "workspaces/workspace/",
        f"workspaces/workspace/{workspace.pk}/change/",
        "workspaces/workspace/add/",
        "workspaces/user/?q=support",
        f"workspaces/user/{staff.pk}/change/",
        f"workspaces/user/{staff.pk}/password/",
        "workspaces/membership/add/",
        "destinations/destination/",
        "audit/auditrow/",
        "auth/group/add/",
        "axes/accessattempt/",
    ):
        response = page.goto(f"{live_server.url}/admin/{path}")
        assert response is not None
        assert response.status == 200, path
        assert reports == [], path


def test_support_makes_a_workspace_eligible(
    page: Page, live_server: LiveServer, workspace: Workspace, staff: User, reports: list[str]
) -> None:
    Workspace.objects.update(plan="team", baa_signed_on=None)
    sign_in(page, live_server, staff, f"/admin/workspaces/workspace/{workspace.pk}/change/")
    page.get_by_label("Plan tier").select_option("business")
    page.get_by_role("link", name="Today").first.click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".success")).to_be_visible()
    workspace.refresh_from_db()
    assert workspace.is_hipaa_eligible
    assert AuditRow.objects.filter(event_type="Workspace Eligibility Modified").count() == 1
    assert reports == []
