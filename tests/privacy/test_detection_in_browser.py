"""Detection in Chromium: a matcher is made with synonyms and Test JSON, edited and removed; the keyboard is enough."""

from __future__ import annotations

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from privacy.custom_matchers import MatcherAnswers, create_matcher
from privacy.models import CustomMatcher, ObservedField
from tests.browsing import assert_accessible, complaints, follow, sign_in, tab_to
from tests.privacy.observing import observe, track
from workspaces.models import Source, User, Workspace

BASE = "/acme-health/privacy/detection"
TEXT = '{\n  "email": "herbert@mail.com",\n  "credit card no": "4",\n  "debit_card_no": "6"\n}'


@pytest.fixture
def reports(page: Page) -> list[str]:
    return complaints(page)


@pytest.fixture
def detection(page: Page, live_server: LiveServer, alice: User) -> Page:
    """The page, with a field that an event held today."""
    now = timezone.now()
    ObservedField.objects.create(workspace=alice.workspaces.get(), name="pay.cardNo", first_seen=now, last_seen=now)
    sign_in(page, live_server, alice)
    page.goto(f"{live_server.url}{BASE}")
    return page


def open_dialog(page: Page, name: str = "New Matcher") -> Locator:
    dialog = page.get_by_role("dialog", name=name)
    expect(dialog).to_be_visible()
    return dialog


def test_a_matcher_is_made_edited_and_removed(detection: Page, reports: list[str]) -> None:
    page = detection
    assert_accessible(page, "without custom matchers")
    page.get_by_role("link", name="Add a Custom Matcher").click()
    dialog = open_dialog(page)
    expect(dialog.get_by_label("Matcher Name")).to_be_focused()
    dialog.get_by_label("Matcher Name").fill("credit card number")
    dialog.get_by_label("Exactly").check()
    synonyms = dialog.get_by_role("textbox", name="Synonyms")
    for synonym in ("credit card no", "debit_card_no", "cardNo"):
        synonyms.fill(synonym)
        synonyms.press("Enter")
    dialog.get_by_label("Test JSON").fill(TEXT)
    result = dialog.locator("#trial")
    expect(result.get_by_text("2 matches")).to_be_visible()
    expect(result.get_by_text("The key is “debit_card_no”.")).to_be_visible()
    expect(result.get_by_text("1 of the 1 field of the last 7 days")).to_be_visible()
    assert dialog.locator("mark").all_text_contents() == ["credit card no", "debit_card_no"]
    dialog.get_by_role("button", name="Remove debit_card_no").click()
    expect(dialog.locator("mark")).to_have_text(["credit card no"])
    assert_accessible(page, "New Matcher")
    dialog.get_by_role("button", name="Save Matcher").click()
    expect(page.get_by_role("heading", name="credit card number")).to_be_visible()
    expect(page.get_by_role("row", name="pay.cardNo")).to_contain_text("The key is “cardNo”.")
    assert_accessible(page, "one matcher")
    matcher = CustomMatcher.objects.get()
    assert (matcher.classification, matcher.that_is) == ("red", "exact")
    assert matcher.synonyms == ["credit card no", "cardNo"]

    page.get_by_role("link", name="Edit").click()
    dialog = open_dialog(page, "Edit Matcher")
    dialog.get_by_label("Yellow").check()
    dialog.get_by_label("Matcher Name").fill("")
    dialog.get_by_role("button", name="Save Matcher").click()
    expect(dialog.get_by_text("This field is required.")).to_be_visible()
    assert_accessible(page, "Edit Matcher with an error")
    dialog.get_by_label("Matcher Name").fill("card")
    dialog.get_by_role("button", name="Save Matcher").click()
    expect(page.get_by_role("heading", name="card", exact=True)).to_be_visible()
    matcher.refresh_from_db()
    assert (matcher.name, matcher.classification) == ("card", "yellow")

    page.get_by_role("navigation", name="Privacy Portal").get_by_role("link", name="Detection").click()
    page.get_by_label("Actions for card").click()
    assert_accessible(page, "with a custom matcher and its menu")
    follow(page, page.get_by_role("link", name="Remove"))
    assert_accessible(page, "before it is removed")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("card is removed.")).to_be_visible()
    assert not CustomMatcher.objects.exists()
    assert reports == []


def test_the_keyboard_is_enough(detection: Page, reports: list[str]) -> None:
    page = detection
    opener = page.get_by_role("link", name="Add a Custom Matcher")
    tab_to(page, opener)
    page.keyboard.press("Enter")
    dialog = open_dialog(page)
    page.keyboard.type("ward")
    synonyms = dialog.get_by_role("textbox", name="Synonyms")
    tab_to(page, synonyms)
    for word in ("room", "bed"):
        page.keyboard.type(word)
        page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    expect(dialog.get_by_role("button", name="Remove bed")).to_be_focused()
    page.keyboard.press("Space")
    expect(dialog.get_by_role("button", name="Remove room")).to_be_focused()
    tab_to(page, synonyms)
    page.keyboard.type("floor")  # not entered: saved all the same
    tab_to(page, dialog.get_by_role("button", name="Save Matcher"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="ward")).to_be_visible()
    assert CustomMatcher.objects.get().synonyms == ["room", "floor"]
    assert reports == []


def test_cancel_leaves_nothing_behind(detection: Page) -> None:
    page = detection
    opener = page.get_by_role("link", name="Add a Custom Matcher")
    opener.click()
    dialog = open_dialog(page)
    dialog.get_by_label("Test JSON").fill('{"ssn": "078-05-1120"}')
    dialog.get_by_role("link", name="Cancel").click()
    expect(page.locator("#matcher-dialog")).to_be_hidden()
    expect(opener).to_be_focused()
    assert "078-05-1120" not in page.content()
    assert not CustomMatcher.objects.exists()


def test_a_pattern_on_values_and_a_mistake_in_it(detection: Page, live_server: LiveServer, reports: list[str]) -> None:
    page = detection
    page.goto(f"{live_server.url}{BASE}/new")
    page.get_by_label("Matcher Name").fill("case number")
    page.get_by_label("Value", exact=True).check()
    patterns = page.get_by_role("textbox", name="Patterns")
    patterns.fill("^C-([0-9]+$")
    patterns.press("Enter")
    result = page.locator("#trial")
    expect(result.get_by_text("RE2 does not take “^C-([0-9]+$”: missing ): ^C-([0-9]+$.")).to_be_visible()
    page.get_by_role("button", name="Remove ^C-([0-9]+$").click()
    patterns.fill("^C-[0-9]+$")
    patterns.press("Enter")
    page.get_by_label("Test JSON").fill('{"ref": "C-7", "next": ')
    expect(result.get_by_text("This is no JSON yet. Line 1, column 24")).to_be_visible()
    page.get_by_label("Test JSON").fill('{"ref": "C-7", "next": "D-8"}')
    expect(page.locator("mark")).to_have_text(["C-7"])
    assert_accessible(page, "the form as a page")
    assert reports == []


def test_default_matchers(detection: Page, live_server: LiveServer, workspace: Workspace, alice: User) -> None:
    create_matcher(workspace, MatcherAnswers("E-Mail", synonyms=("x" * 200,)), actor=alice)
    detection.goto(f"{live_server.url}{BASE}?q=e-mail")
    assert_accessible(detection, "searched")
    detection.get_by_role("row", name="email Overridden").get_by_role("link").click()
    expect(detection.get_by_role("link", name="E-Mail")).to_be_visible()
    assert_accessible(detection, "a default matcher")
    follow(detection, detection.get_by_role("link", name="E-Mail"))
    assert_accessible(detection, "a matcher with a long synonym")


def test_a_trial_that_another_overtakes_is_let_go_in_silence(detection: Page, reports: list[str]) -> None:
    page = detection
    held: list[Route] = []
    page.route("**/trial", lambda route: route.continue_() if held else held.append(route))
    page.get_by_role("link", name="Add a Custom Matcher").click()
    dialog = open_dialog(page)
    dialog.get_by_label("Test JSON").fill('{"ward": 7}')
    with page.expect_request_finished(lambda request: "trial" in request.url):
        dialog.get_by_label("Matcher Name").fill("ward")
    expect(page.locator("mark")).to_have_text(["ward"])
    assert [route.request.failure for route in held] == ["net::ERR_ABORTED"]
    assert reports == []


def test_patterns_are_tried_on_samples(detection: Page, reports: list[str], source: Source) -> None:
    observe(source, track(ref="C-17", clinic="North"))
    page = detection
    page.get_by_role("link", name="Add a Custom Matcher").click()
    dialog = open_dialog(page)
    dialog.get_by_label("Matcher Name").fill("case")
    dialog.get_by_role("radio", name="Value").check()
    patterns = dialog.get_by_placeholder("Add a pattern and press Enter...")
    patterns.fill("^C-[0-9]+$")
    patterns.press("Enter")
    dialog.get_by_role("button", name="Try on samples of the last 7 days").click()
    expect(dialog.get_by_text("1 field would match: ref")).to_be_visible()
    expect(dialog.get_by_text("Tried on the samples of 2 fields")).to_be_visible()
    expect(dialog.get_by_label("Matcher Name")).to_have_value("case")
    assert_accessible(page, "patterns tried on samples")
    assert not CustomMatcher.objects.exists()
    assert reports == []
