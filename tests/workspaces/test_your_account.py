"""Your account: the profile, and one's sessions with what ends them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from audit.models import AuditRow
from tests.factories import PASSWORD, WorkspaceFactory, join
from tests.queries import counted
from tests.second_factor import sign_in
from workspaces.devices import device_of
from workspaces.models import User, Workspace
from workspaces.sign_in_links import make_link

PROFILE = "/settings/user/profile"
SESSIONS = "/settings/user/sessions"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Safari/605.1.15"
)
MINUTES = 60


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-03-01T09:00:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def phone(clock: time_machine.Traveller, alice: User) -> Client:
    """Alice on her phone, signed in an authenticator's half minute before anything else."""
    client = Client()
    sign_in(client, alice.email, REMOTE_ADDR="10.0.0.7", HTTP_USER_AGENT=IPHONE)
    clock.shift(30)
    return client


@pytest.fixture
def desk(phone: Client, alice: User) -> Client:
    """Alice at her desk."""
    client = Client()
    sign_in(client, alice.email, REMOTE_ADDR="10.0.0.8", HTTP_USER_AGENT=FIREFOX)
    return client


def rows(page: str) -> list[list[str]]:
    """The text of each cell of the table."""
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    cells = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL) for row in body.split("</tr>")[:-1]]
    return [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in row] for row in cells]


def listed(client: Client) -> list[str]:
    return [row[0] for row in rows(client.get(SESSIONS).content.decode())]


def id_of_other(client: Client) -> str:
    found = re.search(r'name="session" value="(\d+)"', client.get(SESSIONS).content.decode())
    assert found
    return found[1]


def alive(client: Client) -> bool:
    return client.get("/workspaces").status_code == 200


def told() -> list[tuple[str, dict[str, object]]]:
    found = AuditRow.objects.filter(event_type="User Sessions Ended").order_by("id")
    return list(found.values_list("workspace_id", "details"))


class TestProfile:
    def test_the_name_is_changed_and_told_in_each_workspace(self, as_alice: Client, alice: User) -> None:
        other = WorkspaceFactory(name="Umbrella", slug="umbrella")
        join(other, alice)
        page = as_alice.post(PROFILE, {"name": " Alice Arbor "}, follow=True).content.decode()
        assert "Your changes are saved." in page
        assert 'value="Alice Arbor"' in page
        found = AuditRow.objects.filter(event_type="User Profile Modified")
        assert {row.workspace_id for row in found} == {str(each.pk) for each in alice.workspaces.all()}
        assert [row.details for row in found] == [{"changed": ["name"], "name": ["Alice", "Alice Arbor"]}] * 2

    def test_saving_the_same_name_writes_no_row(self, as_alice: Client) -> None:
        as_alice.post(PROFILE, {"name": "Alice"})
        assert not AuditRow.objects.filter(event_type="User Profile Modified").exists()

    @pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x00b"])
    def test_a_name_that_cannot_be_is_refused(self, as_alice: Client, alice: User, name: str) -> None:
        page = as_alice.post(PROFILE, {"name": name}).content.decode()
        assert 'aria-invalid="true"' in page
        alice.refresh_from_db()
        assert alice.name == "Alice"

    def test_the_address_is_shown_and_not_to_be_changed(self, as_alice: Client, alice: User) -> None:
        assert alice.email in as_alice.get(PROFILE).content.decode()
        as_alice.post(PROFILE, {"name": "Alice", "email": "eve@example.com"})
        alice.refresh_from_db()
        assert alice.email == "alice@example.com"

    def test_no_row_no_change(self, as_alice: Client, alice: User) -> None:
        as_alice.raise_request_exception = False
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE audit_auditrow RENAME TO gone")
        assert as_alice.post(PROFILE, {"name": "Eve"}).status_code == 503
        alice.refresh_from_db()
        assert alice.name == "Alice"

    def test_the_menu_and_the_tabs_lead_there(self, as_alice: Client) -> None:
        assert f'<a href="{PROFILE}">Your account</a>' in as_alice.get("/acme-health/home").content.decode()
        for url in (PROFILE, SESSIONS, "/password/change"):
            page = as_alice.get(url).content.decode()
            assert f'<a href="{url}" aria-current="page">' in page
            for other in (PROFILE, SESSIONS, "/password/change", "/settings/user/mfa"):
                assert f'href="{other}"' in page


class TestList:
    def test_device_address_and_times_of_each(self, desk: Client, clock: time_machine.Traveller) -> None:
        clock.shift(2 * MINUTES)
        assert rows(desk.get(SESSIONS).content.decode()) == [
            ["Firefox on Windows This session", "10.0.0.8", "2 minutes ago", "2 minutes ago", ""],
            ["Safari on iOS", "10.0.0.7", "2 minutes ago", "2 minutes ago", "Sign out Safari on iOS, 10.0.0.7"],
        ]

    def test_last_use_follows_actions_and_not_polls(
        self, desk: Client, phone: Client, clock: time_machine.Traveller
    ) -> None:
        clock.shift(5 * MINUTES)
        phone.get("/workspaces")
        clock.shift(3 * MINUTES)
        phone.get("/workspaces", headers={"X-Passive": "1"})
        assert rows(desk.get(SESSIONS).content.decode())[1][3] == "3 minutes ago"

    def test_a_session_that_timed_out_is_not_listed(self, desk: Client, clock: time_machine.Traveller) -> None:
        clock.shift(14 * MINUTES + 40)  # the phone was last used half a minute before
        assert listed(desk) == ["Firefox on Windows This session"]

    def test_nor_one_older_than_the_password(self, desk: Client, alice: User, clock: time_machine.Traveller) -> None:
        alice.set_password("another long password")
        alice.save()
        clock.shift(30)
        client = Client()
        sign_in(client, alice.email, "another long password")
        assert listed(client) == ["Unknown device This session"]

    def test_a_sign_in_by_link_is_one_too(self, alice: User, client: Client) -> None:
        client.post(make_link(alice), HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="10.0.0.9")
        assert rows(client.get(SESSIONS).content.decode())[0][:2] == ["Firefox on Windows This session", "10.0.0.9"]

    def test_another_persons_link_ends_it_and_says_so_in_the_log(self, desk: Client, alice: User, bob: User) -> None:
        ended = desk.session.session_key
        desk.post(make_link(bob))
        assert desk.get(SESSIONS).status_code == 200
        assert desk.session["_auth_user_id"] == str(bob.pk)
        assert not Session.objects.filter(pk=ended).exists()
        assert AuditRow.objects.get(event_type="User Signed Out").actor_label == alice.email

    def test_nobody_sees_anothers(self, desk: Client, bob: User) -> None:
        client = Client()
        client.force_login(bob)
        assert listed(client) == ["Unknown device This session"]

    def test_an_unknown_address_is_called_so(self, alice: User) -> None:
        client = Client()
        assert sign_in(client, alice.email, REMOTE_ADDR="").status_code == 302
        assert rows(client.get(SESSIONS).content.decode())[0][1] == "unknown"

    def test_as_many_queries_for_fifty_sessions_as_for_one(self, as_alice: Client, alice: User) -> None:
        with counted() as one:
            as_alice.get(SESSIONS)
        for _ in range(50):
            Client().force_login(alice)
        with counted() as many:
            assert len(listed(as_alice)) == 51
        assert len(many) == len(one)


class TestEnding:
    def test_one_is_over_at_its_next_request(self, desk: Client, phone: Client, workspace: Workspace) -> None:
        page = desk.post(f"{SESSIONS}/end", {"session": id_of_other(desk)}, follow=True).content.decode()
        assert "That session is signed out." in page
        assert (alive(phone), alive(desk)) == (False, True)
        assert listed(desk) == ["Firefox on Windows This session"]
        assert told() == [(str(workspace.pk), {"sessions_ended": 1})]

    def test_everywhere_else(self, desk: Client, phone: Client, alice: User, workspace: Workspace) -> None:
        third = Client()
        third.post(make_link(alice))
        page = desk.post(f"{SESSIONS}/end-others", follow=True).content.decode()
        assert "You are signed out everywhere but here." in page
        assert [alive(each) for each in (desk, phone, third)] == [True, False, False]
        assert Session.objects.count() == 1
        assert told() == [(str(workspace.pk), {"sessions_ended": 2})]

    @pytest.mark.parametrize("path", ["end", "end-others"])
    def test_it_asks_first_when_the_sign_in_is_not_fresh(
        self, desk: Client, phone: Client, clock: time_machine.Traveller, path: str
    ) -> None:
        other = id_of_other(desk)
        clock.shift(5 * MINUTES)
        answer = desk.post(f"{SESSIONS}/{path}", {"session": other})
        assert answer.headers["Location"] == "/reauthenticate?next=%2Fsettings%2Fuser%2Fsessions"
        assert (alive(phone), told()) == (True, [])
        back = desk.post(answer.headers["Location"], {"password": PASSWORD})
        assert back.headers["Location"] == SESSIONS
        desk.post(f"{SESSIONS}/{path}", {"session": other})
        assert not alive(phone)

    @pytest.mark.parametrize("session", ["", "x", "-1", "0", "9" * 40, "²"])
    def test_what_names_no_session_ends_none(self, desk: Client, phone: Client, session: str) -> None:
        page = desk.post(f"{SESSIONS}/end", {"session": session}, follow=True).content.decode()
        assert "That session is there no more." in page
        assert (alive(phone), alive(desk), told()) == (True, True, [])

    def test_ones_own_is_ended_by_signing_out_alone(self, desk: Client, phone: Client) -> None:
        this = UserSession.objects.get(session_key=desk.session.session_key)
        assert desk.post(f"{SESSIONS}/end", {"session": this.pk}).status_code == 302
        assert (alive(desk), told()) == (True, [])

    def test_nobody_ends_anothers(self, desk: Client, phone: Client, bob: User) -> None:
        stranger = Client()
        stranger.force_login(bob)
        stranger.post(f"{SESSIONS}/end", {"session": id_of_other(desk)})
        assert (alive(phone), told()) == (True, [])

    @pytest.mark.parametrize("path", ["end", "end-others"])
    def test_no_row_no_end(self, desk: Client, phone: Client, path: str) -> None:
        other = id_of_other(desk)
        desk.raise_request_exception = False
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE audit_auditrow RENAME TO gone")
        assert desk.post(f"{SESSIONS}/{path}", {"session": other}).status_code == 503
        assert alive(phone)


def test_a_first_password_asks_first(alice: User, clock: time_machine.Traveller, client: Client) -> None:
    alice.set_unusable_password()
    alice.save()
    client.post(make_link(alice))
    assert "Set a password" in client.get("/password/set").content.decode()
    clock.shift(5 * MINUTES)
    new = {"password1": "a long new password", "password2": "a long new password"}
    assert client.post("/password/set", new).headers["Location"] == "/reauthenticate?next=%2Fpassword%2Fset"
    alice.refresh_from_db()
    assert not alice.has_usable_password()


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (FIREFOX, "Firefox on Windows"),
        (IPHONE, "Safari on iOS"),
        (MAC, "Safari on macOS"),
        ("curl/8.1", "curl on unknown system"),
        ("", "Unknown device"),
        ("<script>alert(1)</script>" * 1000, "Unknown device"),
    ],
)
def test_devices_are_called_what_people_call_them(user_agent: str, device: str) -> None:
    assert device_of(user_agent) == device
