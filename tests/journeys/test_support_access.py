"""An owner lets support staff in, finds both names in the audit log, and shuts them out again: in real browsers."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.browsing import assert_accessible, complaints, sign_in
from tests.factories import support_staff
from workspaces.models import Source, User

SETTINGS = "/acme-health/settings/support-access"


def test_let_in_seen_in_the_log_and_shut_out(
    page: Page, browser: Browser, live_server: LiveServer, alice: User, source: Source
) -> None:
    sam = support_staff()
    sams = browser.new_context().new_page()
    wrong = [complaints(page), complaints(sams)]
    sign_in(page, live_server, alice)
    sign_in(sams, live_server, sam)

    sams.goto(f"{live_server.url}/acme-health/home")
    expect(sams.get_by_role("heading", name="There is no such page")).to_be_visible()

    page.goto(f"{live_server.url}/acme-health/settings/basic")
    page.get_by_role("link", name="Support Access").click()
    expect(page.get_by_text("Support was never let in")).to_be_visible()
    assert_accessible(page, "support access, off")
    page.get_by_role("button", name="Grant Access").click()
    page.get_by_label("For how long").select_option("3 days")
    page.get_by_label("Reason").fill("Ticket 4711")
    page.get_by_role("button", name="Grant Access").click()
    expect(page.get_by_role("complementary", name="Support access")).to_contain_text("Support staff can open")
    assert_accessible(page, "support access, on")

    sams.goto(f"{live_server.url}/workspaces")
    assert_accessible(sams, "chooser of support staff")
    sams.get_by_role("link", name="Acme Health").click()
    banner = sams.get_by_role("complementary", name="Support access")
    expect(banner).to_contain_text("You are in Acme Health as support until")
    expect(banner).to_contain_text("let in by alice@example.com")
    assert_accessible(sams, "home as support")
    sams.get_by_role("link", name="Sources", exact=True).click()
    sams.get_by_role("link", name=source.name).click()
    expect(banner).to_be_visible()

    page.get_by_role("link", name="HIPAA audit log").click()
    page.get_by_label("Kind of actor").select_option("Support staff")
    page.get_by_role("button", name="Apply filter").click()
    row = page.get_by_role("row").filter(has_text="Source Viewed")
    expect(row).to_contain_text(sam.email)
    expect(row).to_contain_text("Support, let in by alice@example.com")
    assert_accessible(page, "the log of support staff")

    page.get_by_role("complementary", name="Support access").get_by_role("link", name="Support Access").click()
    page.get_by_role("button", name="Revoke Access").click()
    expect(page.get_by_text("Support access is off")).to_be_visible()
    expect(page.get_by_role("cell", name="Revoked 20")).to_be_visible()
    assert_accessible(page, "support access, revoked")
    sams.reload()
    expect(sams.get_by_role("heading", name="There is no such page")).to_be_visible()
    sams.context.close()
    assert wrong == [[], []]
