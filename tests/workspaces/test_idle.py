"""Fifteen minutes without action, twelve hours at most, by the server's clock (45 CFR 164.312(a)(2)(iii))."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from audit.models import AuditRow
from tests.factories import join, support_staff
from tests.second_factor import sign_in
from workspaces.idle import HIPAA_IDLE, HIPAA_LIFETIME, NORMAL_LIFETIME, End, session_end, should_note
from workspaces.models import User, Workspace

MINUTES = 60
HOURS = 60 * MINUTES
HOME = "/acme-health/home"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime(2026, 3, 1, 9, tzinfo=UTC), tick=False) as traveller:
        yield traveller


@pytest.fixture
def tab(clock: time_machine.Traveller, client: Client, alice: User) -> Client:
    sign_in(client, alice.email)
    return client


def alive(client: Client, path: str = HOME, *, passive: bool = False) -> bool:
    return client.get(path, headers={"X-Passive": "1"} if passive else {}).status_code == 200


@pytest.mark.parametrize(("seconds", "lives"), [(14 * MINUTES + 59, True), (15 * MINUTES, False)])
def test_fifteen_minutes_to_the_second(tab: Client, clock: time_machine.Traveller, seconds: int, lives: bool) -> None:
    clock.shift(seconds)
    assert alive(tab) is lives


def test_each_action_starts_the_minutes_anew(tab: Client, clock: time_machine.Traveller) -> None:
    for _ in range(6):
        clock.shift(14 * MINUTES + 59)
        assert alive(tab)


def test_polling_for_twenty_minutes_keeps_nothing_alive(tab: Client, clock: time_machine.Traveller) -> None:
    polls = []
    for _ in range(20):
        clock.shift(MINUTES)
        polls.append(alive(tab, passive=True))
    assert polls == [True] * 14 + [False] * 6


def test_twelve_hours_end_the_busiest_session(tab: Client, clock: time_machine.Traveller) -> None:
    lived = []
    for _ in range(73):
        clock.shift(10 * MINUTES)
        lived.append(alive(tab))
    assert lived == [True] * 71 + [False] * 2


@pytest.mark.parametrize(("seconds", "lives"), [(7 * 24 * HOURS - 1, True), (7 * 24 * HOURS, False)])
def test_others_stay_for_a_week(
    client: Client, charlie: User, clock: time_machine.Traveller, seconds: int, lives: bool
) -> None:
    Workspace.objects.update(baa_signed_on=None)
    sign_in(client, charlie.email)
    clock.shift(seconds)
    assert alive(client, "/umbrella/home") is lives


def test_eligibility_granted_meanwhile_counts_from_the_next_request(
    client: Client, charlie: User, clock: time_machine.Traveller
) -> None:
    Workspace.objects.update(baa_signed_on=None)
    sign_in(client, charlie.email)
    clock.shift(1 * HOURS)
    Workspace.objects.update(baa_signed_on="2024-01-15")
    assert not alive(client, "/umbrella/home")


def test_the_rule_follows_the_person_into_every_workspace(
    tab: Client, alice: User, charlie: User, clock: time_machine.Traveller
) -> None:
    other = charlie.workspaces.get()
    other.baa_signed_on = None
    other.save(update_fields=["baa_signed_on"])
    join(other, alice)
    clock.shift(15 * MINUTES)
    assert not alive(tab, "/umbrella/home")


def test_the_rule_holds_for_support_staff_in_django_admin(
    client: Client, db: None, clock: time_machine.Traveller
) -> None:
    client.force_login(support_staff())
    clock.shift(15 * MINUTES)
    assert client.get("/admin/").status_code == 302
    assert AuditRow.objects.filter(event_type="Session Timed Out").count() == 1


def test_the_session_is_gone_and_the_row_is_there(
    tab: Client, workspace: Workspace, alice: User, clock: time_machine.Traveller
) -> None:
    clock.shift(15 * MINUTES)
    tab.get(HOME)
    row = AuditRow.objects.get(event_type="Session Timed Out")
    assert (row.workspace_id, row.actor_user_id, row.details) == (str(workspace.pk), str(alice.pk), {"reason": "idle"})
    assert not Session.objects.exists()
    assert not AuditRow.objects.filter(event_type="User Signed Out").exists()


def test_the_browser_forgets_what_it_was_shown(tab: Client, clock: time_machine.Traveller) -> None:
    clock.shift(15 * MINUTES)
    response = tab.get(HOME)
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["get", "head"])
def test_signing_in_again_leads_back_to_the_page(tab: Client, clock: time_machine.Traveller, method: str) -> None:
    clock.shift(15 * MINUTES)
    where = urlsplit(getattr(tab, method)(f"{HOME}?a=1").headers["Location"])
    assert (where.path, parse_qs(where.query)) == ("/login", {"ended": ["idle"], "next": [f"{HOME}?a=1"]})


def test_a_form_that_came_too_late_changes_nothing_and_says_so(
    tab: Client, workspace: Workspace, clock: time_machine.Traveller
) -> None:
    clock.shift(15 * MINUTES)
    response = tab.post("/acme-health/settings/basic", {"name": "New name", "slug": "acme-health"}, follow=True)
    workspace.refresh_from_db()
    assert workspace.name == "Acme Health"
    assert "was not saved" in response.content.decode()


@pytest.mark.parametrize("signed_in", [True, False])
def test_a_fragment_takes_the_whole_page_to_sign_in(
    tab: Client, clock: time_machine.Traveller, signed_in: bool
) -> None:
    clock.shift(15 * MINUTES)
    if not signed_in:
        tab.get(HOME)
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{HOME}"}
    response = tab.get(HOME, headers=headers)
    assert response.status_code == 401
    assert parse_qs(urlsplit(response.headers["HX-Redirect"]).query)["next"] == [HOME]


@pytest.mark.parametrize("url", ["https://evil.example/x", "http://testserver//evil.example", "javascript:alert(1)"])
def test_a_fragment_cannot_name_another_site_to_go_on_to(tab: Client, clock: time_machine.Traveller, url: str) -> None:
    clock.shift(15 * MINUTES)
    response = tab.get(HOME, headers={"HX-Request": "true", "HX-Current-URL": url})
    assert parse_qs(urlsplit(response.headers["HX-Redirect"]).query) == {"ended": ["idle"]}


def test_no_row_no_page_even_when_signing_out(tab: Client, clock: time_machine.Traveller) -> None:
    from django.db import connection

    tab.raise_request_exception = False
    clock.shift(15 * MINUTES)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditrow RENAME TO gone")
    assert tab.get(HOME).status_code == 503


def test_a_session_that_does_not_know_its_age_is_over(tab: Client) -> None:
    session = tab.session
    del session["seen"]
    session.save()
    assert not alive(tab)


moments = st.floats(0, 10**10, allow_nan=False)


@given(now=moments, born=moments, seen=moments)
def test_the_rule_for_eligible_workspaces_is_never_the_laxer_one(now: float, born: float, seen: float) -> None:
    normal = session_end(now=now, born=born, seen=seen, hipaa=False)
    assert normal is None or session_end(now=now, born=born, seen=seen, hipaa=True) is not None


@given(now=moments, born=moments, seen=moments, hipaa=st.booleans(), later=st.floats(0, 10**8))
def test_a_session_that_is_over_stays_over(now: float, born: float, seen: float, hipaa: bool, later: float) -> None:
    if born <= now >= seen and session_end(now=now, born=born, seen=seen, hipaa=hipaa):
        assert session_end(now=now + later, born=born, seen=seen, hipaa=hipaa)


@pytest.mark.parametrize(
    ("now", "born", "seen", "hipaa", "end"),
    [
        (HIPAA_IDLE, 0.0, 0.0, True, End.IDLE),
        (HIPAA_IDLE, 0.0, 0.0, False, None),
        (HIPAA_LIFETIME, 0.0, HIPAA_LIFETIME, True, End.TOO_OLD),
        (NORMAL_LIFETIME, 0.0, NORMAL_LIFETIME, False, End.TOO_OLD),
        (0.0, 0.0, 61.0, False, End.TOO_OLD),
        (0.0, 61.0, 0.0, False, End.TOO_OLD),
        (0.0, None, 0.0, False, End.TOO_OLD),
        (0.0, 0.0, None, False, End.TOO_OLD),
    ],
)
def test_each_limit(now: float, born: float | None, seen: float | None, hipaa: bool, end: End | None) -> None:
    assert session_end(now=now, born=born, seen=seen, hipaa=hipaa) is end


def test_an_action_is_noted_at_most_once_a_second() -> None:
    assert [should_note(now=now, seen=10.0) for now in (10.0, 10.9, 11.0)] == [False, False, True]
