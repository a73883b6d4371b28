"""What pages ask about their session, what counts as an action, and which sessions are dead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from audit.models import AuditRow
from tests.factories import PASSWORD, join
from tests.second_factor import code_now, sign_in
from workspaces.idle import Left, session_left
from workspaces.models import User, Workspace
from workspaces.sessions import end_sessions
from workspaces.sign_in import end_overdue_sessions

ROOT = Path(__file__).resolve().parents[2]
MINUTES = 60
HOURS = 60 * MINUTES
HOME = "/acme-health/home"
PAGE = "http://testserver/acme-health/settings/basic"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime(2026, 3, 1, 9, tzinfo=UTC), tick=False) as traveller:
        yield traveller


@pytest.fixture
def tab(clock: time_machine.Traveller, client: Client, alice: User) -> Client:
    sign_in(client, alice.email)
    return client


def as_page(path: str = HOME) -> dict[str, str]:
    """The headers of a request that the page at `path` makes."""
    return {"HX-Request": "true", "HX-Current-URL": f"http://testserver{path}"}


def test_the_seconds_left_and_whose(tab: Client, clock: time_machine.Traveller, alice: User) -> None:
    clock.shift(10 * MINUTES)
    assert tab.get("/session/left").json() == {"idle": 300, "total": 42600, "person": str(alice.pk)}


def test_without_a_baa_only_the_week_counts(client: Client, charlie: User, clock: time_machine.Traveller) -> None:
    Workspace.objects.update(baa_signed_on=None)
    sign_in(client, charlie.email)
    clock.shift(1 * HOURS)
    assert client.get("/session/left").json() == {"idle": None, "total": 601200, "person": str(charlie.pk)}


def test_asking_for_twenty_minutes_keeps_nothing_alive_whatever_the_browser_claims(
    tab: Client, clock: time_machine.Traveller
) -> None:
    answers = []
    for _ in range(20):
        clock.shift(MINUTES)
        answers.append(tab.get("/session/left", headers={**as_page(), "X-Passive": "0"}).status_code)
    assert answers == [200] * 14 + [401] * 6
    assert not Session.objects.exists()
    assert tab.get(HOME).status_code == 302


def test_staying_starts_the_minutes_anew_but_not_the_hours(tab: Client, clock: time_machine.Traveller) -> None:
    clock.shift(14 * MINUTES)
    answer = tab.post("/session/stay").json()
    assert (answer["idle"], answer["total"]) == (900, 42360)
    clock.shift(14 * MINUTES)
    assert tab.get(HOME).status_code == 200


def test_no_stay_is_forged(alice: User, clock: time_machine.Traveller) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    clock.shift(10 * MINUTES)
    assert strict.post("/session/stay").status_code == 403


@pytest.mark.parametrize("ask", [lambda tab: tab.get("/session/left"), lambda tab: tab.post("/session/stay")])
def test_too_late_to_ask_or_stay(tab: Client, clock: time_machine.Traveller, ask: Callable[[Client], object]) -> None:
    clock.shift(15 * MINUTES)
    tab.defaults |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in as_page(f"{HOME}?a=1").items()}
    for ended in (["idle"], None):
        response = ask(tab)
        assert response.status_code == 401
        where = urlsplit(response.headers["HX-Redirect"])
        assert parse_qs(where.query) == {"next": [f"{HOME}?a=1"], **({"ended": ended} if ended else {})}
    assert AuditRow.objects.filter(event_type="Session Timed Out").count() == 1


def test_a_form_that_came_too_late_leads_back_to_its_page(tab: Client, clock: time_machine.Traveller) -> None:
    clock.shift(15 * MINUTES)
    page = "http://testserver/acme-health/settings/basic?tab=1"
    response = tab.post("/acme-health/settings/basic", {"name": "New"}, headers={"Referer": page})
    query = parse_qs(urlsplit(response.headers["Location"]).query)
    assert query == {"ended": ["idle"], "unsaved": ["1"], "next": ["/acme-health/settings/basic?tab=1"]}


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_it_is_said_too_where_another_tab_had_ended_the_session(
    tab: Client, workspace: Workspace, headers: dict[str, str]
) -> None:
    tab.post("/logout")
    page = "http://testserver/acme-health/settings/basic"
    headers |= {"Referer": page, "HX-Current-URL": page}
    answer = tab.post("/acme-health/settings/basic", {"name": "New", "slug": "acme-health"}, headers=headers)
    where = answer.headers.get("HX-Redirect") or answer.headers["Location"]
    assert parse_qs(urlsplit(where).query) == {"unsaved": ["1"], "next": ["/acme-health/settings/basic"]}
    workspace.refresh_from_db()
    assert workspace.name == "Acme Health"


@pytest.mark.parametrize("headers", [{}, as_page("/acme-health/settings/basic")])
def test_a_session_ended_while_the_answer_is_made_leads_to_sign_in_too(
    tab: Client,
    clock: time_machine.Traveller,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
) -> None:
    def ended_meanwhile(*_: object, **__: object) -> bool:
        end_sessions(alice)  # by an owner who removes her, or by "sign out everywhere" in another tab
        return True

    monkeypatch.setattr("workspaces.views.settings.change_general_settings", ended_meanwhile)
    clock.shift(MINUTES)  # so that the session is written to
    form = {"name": "New", "slug": "acme-health"}
    answer = tab.post("/acme-health/settings/basic", form, headers={"Referer": PAGE, **headers})
    where = urlsplit(answer.headers.get("HX-Redirect") or answer.headers["Location"])
    assert where.path == "/login"
    assert parse_qs(where.query) == {"ended": ["elsewhere"], "next": ["/acme-health/settings/basic"]}
    assert answer.status_code == (401 if headers else 302)
    assert (answer["Cache-Control"], answer["Clear-Site-Data"]) == ("no-store", '"cache", "storage"')
    assert not Session.objects.exists()


@pytest.mark.parametrize("headers", [{}, as_page()])
def test_a_session_that_others_ended_is_said_to_be_over_once(tab: Client, alice: User, headers: dict[str, str]) -> None:
    end_sessions(alice)
    answer = tab.get(HOME, headers=headers)
    where = answer.headers.get("HX-Redirect") or answer.headers["Location"]
    assert parse_qs(urlsplit(where).query) == {"ended": ["over"], "next": [HOME]}
    assert "It was left for too long, or it was ended from elsewhere." in tab.get(where).content.decode()
    assert parse_qs(urlsplit(tab.get(HOME).headers["Location"]).query) == {"next": [HOME]}


@pytest.mark.parametrize("referer", ["https://evil.example/x", "http://testserver//evil.example", "nonsense", ""])
def test_a_form_cannot_name_another_site_to_go_on_to(tab: Client, clock: time_machine.Traveller, referer: str) -> None:
    clock.shift(15 * MINUTES)
    response = tab.post("/logout", headers={"Referer": referer})
    assert parse_qs(urlsplit(response.headers["Location"]).query) == {"ended": ["idle"]}


def test_signing_in_goes_on_where_one_was_with_the_second_factor_in_between(
    tab: Client, clock: time_machine.Traveller, alice: User
) -> None:
    Session.objects.all().delete()
    clock.shift(MINUTES)  # a code works once
    there = f"{HOME}?a=1&b=2"
    form = tab.get(tab.get(there).headers["Location"])
    assert f'value="{there.replace("&", "&amp;")}"' in form.content.decode()
    assert sign_in_with_next(tab, alice, there) == there


def sign_in_with_next(client: Client, user: User, there: str) -> str:
    """Where the whole way of signing in ends."""
    first = client.post("/login", {"login": user.email, "password": PASSWORD, "next": there})
    return str(client.post(first.headers["Location"], {"code": code_now()}).headers["Location"])


def test_whoever_signs_in_next_is_led_by_their_own_rights(tab: Client, charlie: User) -> None:
    Session.objects.all().delete()
    assert sign_in_with_next(tab, charlie, HOME) == HOME
    response = tab.get(HOME)
    assert response.status_code == 404
    assert "Acme Health" not in response.content.decode()


def old_browser(session_key: str) -> Client:
    """A browser that kept a cookie."""
    client = Client()
    client.cookies["sessionid"] = session_key
    return client


def test_the_session_of_before_is_dead_after_signing_in_anew(tab: Client, alice: User) -> None:
    before = tab.cookies["sessionid"].value
    tab.force_login(alice)
    assert tab.cookies["sessionid"].value != before
    tab.post("/logout")
    assert old_browser(before).get(HOME).status_code == 302


@pytest.mark.parametrize("end", ["sign out", "time"])
def test_a_session_that_ended_is_dead_on_the_server(tab: Client, clock: time_machine.Traveller, end: str) -> None:
    before = tab.cookies["sessionid"].value
    assert old_browser(before).get(HOME).status_code == 200
    if end == "sign out":
        tab.post("/logout")
    else:
        clock.shift(15 * MINUTES)
        tab.get(HOME)
        clock.shift(-5 * MINUTES)
    assert not Session.objects.filter(pk=before).exists()
    assert old_browser(before).get(HOME).status_code == 302


def test_static_files_may_be_kept(tab: Client) -> None:
    assert "no-store" not in tab.get("/static/js/session.js").headers.get("Cache-Control", "")
    assert tab.get("/session/left").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", [HOME, "/workspaces", "/password/change"])
def test_every_signed_in_page_carries_the_dialog(tab: Client, path: str) -> None:
    page = tab.get(path).content.decode()
    assert page.count("data-session ") + page.count("data-session\n") == 1
    assert re.search(r'data-idle="900" data-total="43200" data-warning="120"', page)


def test_whoever_has_to_enrol_first_may_ask_and_stay(tab: Client, alice: User) -> None:
    alice.authenticator_set.all().delete()
    assert tab.get(HOME).status_code == 302
    assert tab.get("/session/left").json()["idle"] == 900
    assert tab.post("/session/stay").status_code == 200


def test_signed_out_pages_do_not(client: Client, db: None) -> None:
    assert "alertdialog" not in client.get("/login").content.decode()


@pytest.mark.parametrize(
    ("now", "hipaa", "left"),
    [
        (0.0, True, Left(900, 43200)),
        (0.2, True, Left(900, 43200)),
        (900.0, True, Left(0, 42300)),
        (43199.5, True, Left(0, 1)),
        (10**9, False, Left(None, 0)),
        (0.0, False, Left(None, 604800)),
    ],
)
def test_what_is_left(now: float, hipaa: bool, left: Left) -> None:
    assert session_left(now=now, born=0.0, seen=0.0, hipaa=hipaa) == left


def test_the_left_of_one_joining_an_eligible_workspace_is_the_strict_one(
    client: Client, charlie: User, workspace: Workspace, clock: time_machine.Traveller
) -> None:
    Workspace.objects.exclude(pk=workspace.pk).update(baa_signed_on=None)
    sign_in(client, charlie.email)
    assert client.get("/session/left").json()["idle"] is None
    join(workspace, charlie)
    assert client.get("/session/left").json()["idle"] == 900


def test_what_templates_poll_is_passive_by_itself() -> None:
    """A template that asks by a clock asks routes that are marked: the browser's word is not needed."""
    for path in (ROOT / "templates").rglob("*.html"):
        for tag in re.findall(r"<[^>]*hx-trigger=\"[^\"]*\bevery\b[^>]*>", path.read_text()):
            name = re.search(r"\bhx-(?:get|post)\b[^=]*=\"{% url [\"']([\w:]+)", tag)
            assert name, f"{path}: say the polled route by its name"
            assert is_marked(name[1]), f"{path}: {name[1]} is polled, mark its view with @passive"


def is_marked(name: str) -> bool:
    (view,) = [route.callback for route in routes(get_resolver().url_patterns) if route.name == name]
    return bool(getattr(view, "is_passive", False))


def routes(patterns: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns)
        else:
            yield each


def test_the_routes_that_pages_ask_by_themselves_are_marked() -> None:
    assert is_marked("session_left")
    assert is_marked("setup_answers")
    assert not is_marked("session_stay")


def test_sessions_nobody_came_back_to_are_ended_and_told_of(
    tab: Client, clock: time_machine.Traveller, alice: User, charlie: User
) -> None:
    Workspace.objects.filter(members=charlie).update(baa_signed_on=None)
    Client().force_login(charlie)
    clock.shift(HOURS - 1)
    assert end_overdue_sessions() == 0
    clock.shift(1)
    assert end_overdue_sessions() == 1
    row = AuditRow.objects.get(event_type="Session Timed Out")
    assert (row.actor_user_id, row.details) == (str(alice.pk), {"reason": "idle"})
    assert [each.user for each in UserSession.objects.all()] == [charlie]
    assert Session.objects.count() == 1
    assert tab.get(HOME).headers["Location"].startswith("/login?ended=over&next=")
    clock.shift(7 * 24 * HOURS)
    assert end_overdue_sessions() == 1
    assert not Session.objects.exists()
    details = AuditRow.objects.filter(event_type="Session Timed Out").order_by("id").values_list("details", flat=True)
    assert list(details) == [{"reason": "idle"}, {"reason": "too old"}]


def test_sessions_in_use_and_those_signed_out_are_left_alone(tab: Client, clock: time_machine.Traveller) -> None:
    for _ in range(9):
        clock.shift(10 * MINUTES)
        assert tab.get(HOME).status_code == 200
    assert end_overdue_sessions() == 0
    tab.post("/logout")
    clock.shift(2 * HOURS)
    assert end_overdue_sessions() == 0
    assert not AuditRow.objects.filter(event_type="Session Timed Out").exists()
    assert not UserSession.objects.exists()
