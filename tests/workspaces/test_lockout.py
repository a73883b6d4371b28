"""Locks on accounts and addresses: what counts, what is refused, who lifts them; and that nothing tells of accounts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import override_settings

from audit.models import AuditRow
from tests.factories import PASSWORD, member, support_staff
from tests.second_factor import code_now, sign_in
from workspaces.lockout import lift_address_lock, with_locks
from workspaces.models import User, Workspace

WRONG = "not the passw0rd of alice"
FAILURES_PER_ADDRESS = 100
ATTEMPTS = "/admin/axes/accessattempt/"


def wrong_code() -> str:
    return f"{(int(code_now()) + 500_000) % 1_000_000:06d}"


def statuses(client: Client, url: str, data: dict[str, str], times: int) -> list[int]:
    return [client.post(url, data).status_code for _ in range(times)]


def spray(client: Client, address: str, tries: int = FAILURES_PER_ADDRESS) -> None:
    """One wrong password at each of so many accounts."""
    for number in range(tries):
        client.post("/login", {"login": f"n{number}@example.com", "password": WRONG}, REMOTE_ADDR=address)


@pytest.fixture
def at_the_code(client: Client, alice: User) -> Client:
    client.post("/login", {"login": alice.email, "password": PASSWORD})
    return client


def test_wrong_codes_lock_the_account(at_the_code: Client, alice: User) -> None:
    url = "/login/second-factor"
    assert statuses(at_the_code, url, {"code": wrong_code()}, 5) == [200, 200, 200, 200, 429]
    assert at_the_code.post(url, {"code": code_now()}).status_code == 429
    assert sign_in(Client(), alice.email).status_code == 429
    assert at_the_code.get("/acme-health/home").status_code == 302


def test_wrong_passwords_and_wrong_codes_add_up(at_the_code: Client, alice: User) -> None:
    for _ in range(4):
        Client().post("/login", {"login": alice.email, "password": WRONG})
    assert at_the_code.post("/login/second-factor", {"code": wrong_code()}).status_code == 429


def test_a_wrong_code_is_told_to_the_owners(at_the_code: Client, alice: User, workspace: Workspace) -> None:
    at_the_code.post("/login/second-factor", {"code": wrong_code()})
    row = AuditRow.objects.get()
    assert (row.event_type, row.actor_label, row.outcome) == ("User Sign In Failed", alice.email, "failed")
    assert (row.workspace_id, row.details) == (str(workspace.pk), {"locked": False, "step": "code"})


def test_what_was_typed_as_a_code_is_stored_nowhere(at_the_code: Client) -> None:
    at_the_code.post("/login/second-factor", {"code": "424242"})
    assert "code=" in AccessAttempt.objects.get().post_data
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            assert not any("424242" in str(row) for row in cursor.fetchall()), table


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("/reauthenticate", {"password": WRONG}),
        ("/reauthenticate/second-factor", {"code": "000"}),
        (
            "/password/change",
            {"oldpassword": WRONG, "password1": "a long new password", "password2": "a long new password"},
        ),
    ],
)
def test_guessing_inside_a_session_locks_too(as_alice: Client, alice: User, url: str, data: dict[str, str]) -> None:
    assert statuses(as_alice, url, data, 5) == [200, 200, 200, 200, 429]
    assert sign_in(Client(), alice.email).status_code == 429
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_a_right_code_does_not_open_a_locked_account_for_more(as_alice: Client, alice: User) -> None:
    statuses(as_alice, "/reauthenticate", {"password": WRONG}, 5)
    assert as_alice.post("/reauthenticate/second-factor", {"code": code_now()}).status_code == 429


def test_whoever_signs_in_starts_anew(client: Client, alice: User) -> None:
    with time_machine.travel("2026-03-01T09:00:00Z", tick=False) as clock:
        for _ in range(2):
            assert statuses(client, "/login", {"login": alice.email, "password": WRONG}, 4) == [200] * 4
            assert sign_in(client, alice.email).status_code == 302
            client.post("/logout")
            clock.shift(30)  # an authenticator's code works once
    assert not AccessAttempt.objects.exists()


def test_the_page_tells_the_truth_about_waiting(client: Client, alice: User) -> None:
    statuses(client, "/login", {"login": alice.email, "password": WRONG}, 4)
    page = client.post("/login", {"login": alice.email, "password": WRONG}).content.decode()
    assert "You can try again 15 minutes after the last failed attempt." in page
    assert "neither helps nor makes the wait longer" in page
    assert alice.email not in page


class TestAddress:
    def test_many_accounts_tried_from_one_address_lock_it(self, client: Client, alice: User, bob: User) -> None:
        spray(client, "10.1.1.1", FAILURES_PER_ADDRESS - 1)
        assert sign_in(Client(), bob.email, REMOTE_ADDR="10.1.1.1").status_code == 302
        client.post("/login", {"login": "one@example.com", "password": WRONG}, REMOTE_ADDR="10.1.1.1")
        assert sign_in(client, alice.email, REMOTE_ADDR="10.1.1.1").status_code == 429
        assert sign_in(client, alice.email, REMOTE_ADDR="10.2.2.2").status_code == 302

    def test_the_addresses_of_one_ipv6_network_are_one(self, client: Client, alice: User) -> None:
        for n in range(FAILURES_PER_ADDRESS):
            form = {"login": f"n{n}@example.com", "password": WRONG}
            client.post("/login", form, REMOTE_ADDR=f"2001:db8:1:2:{n:x}::1")
        assert sign_in(client, alice.email, REMOTE_ADDR="2001:db8:1:2:ffff::9").status_code == 429
        assert sign_in(client, alice.email, REMOTE_ADDR="2001:db8:1:3::9").status_code == 302

    def test_ipv4_within_ipv6_is_no_network(self, client: Client, alice: User) -> None:
        spray(client, "::ffff:10.1.1.1")
        assert sign_in(client, alice.email, REMOTE_ADDR="::ffff:10.1.1.2").status_code == 302
        assert sign_in(Client(), alice.email, REMOTE_ADDR="10.1.1.1").status_code == 429

    def test_the_lock_of_an_address_is_told_once_and_of_no_account(self, client: Client, alice: User) -> None:
        spray(client, "10.1.1.1")
        sign_in(client, alice.email, REMOTE_ADDR="10.1.1.1")
        row = AuditRow.objects.get(event_type="Address Locked")
        assert (row.address, row.actor_label, row.details) == ("10.1.1.1", "", {"failures": FAILURES_PER_ADDRESS})
        assert not AuditRow.objects.filter(event_type="Account Locked").exists()

    def test_one_member_locks_out_themselves_and_not_the_clinic(self, client: Client, alice: User, bob: User) -> None:
        tries = statuses(client, "/login", {"login": alice.email, "password": WRONG}, 2 * FAILURES_PER_ADDRESS)
        assert tries == [200] * 4 + [429] * (2 * FAILURES_PER_ADDRESS - 4)
        assert sign_in(client, bob.email).status_code == 302

    def test_a_success_of_one_does_not_excuse_the_others(self, client: Client, alice: User, bob: User) -> None:
        statuses(client, "/login", {"login": bob.email, "password": WRONG}, 4)
        sign_in(client, alice.email)
        assert client.post("/login", {"login": bob.email, "password": WRONG}).status_code == 302  # Alice is signed in
        assert Client().post("/login", {"login": bob.email, "password": WRONG}).status_code == 429

    def test_callers_without_an_address_share_no_lock(self, client: Client, alice: User) -> None:
        spray(client, "")
        assert sign_in(client, alice.email, REMOTE_ADDR="").status_code == 302

    def test_too_many_requests_get_a_page(self, client: Client, db: None) -> None:
        with time_machine.travel("2026-03-01T09:00:00Z", tick=False):  # all within a minute, however busy the machine
            assert statuses(client, "/login", {"login": "", "password": ""}, 300) == [200] * 300
            answer = client.post("/login", {"login": "", "password": ""})
        assert (answer.status_code, "Wait a minute, then try again." in answer.content.decode()) == (429, True)

    def test_support_lifts_it(self, client: Client, alice: User) -> None:
        spray(client, "10.1.1.1")
        support = Client()
        support.force_login(support_staff())
        chosen = AccessAttempt.objects.first()
        assert chosen is not None
        data = {"action": "let_address_in_again", "_selected_action": [chosen.pk], "index": "0"}
        page = support.post(ATTEMPTS, data, follow=True).content.decode()
        assert "Addresses that can sign in again: 10.1.1.1" in page
        assert sign_in(client, alice.email, REMOTE_ADDR="10.1.1.1").status_code == 302
        row = AuditRow.objects.get(event_type="Address Unlocked")
        assert (row.actor_label, row.details) == ("sam@support.example", {"address": "10.1.1.1"})
        assert row.workspace_id == ""

    def test_lifting_it_is_told_where_accounts_were_tried(
        self, client: Client, alice: User, charlie: User, workspace: Workspace
    ) -> None:
        client.post("/login", {"login": alice.email, "password": WRONG}, REMOTE_ADDR="10.1.1.1")
        client.post("/login", {"login": charlie.email, "password": WRONG}, REMOTE_ADDR="10.2.2.2")
        lift_address_lock("10.1.1.1", actor=support_staff())
        assert AuditRow.objects.get(event_type="Address Unlocked").workspace_id == str(workspace.pk)
        assert [attempt.username for attempt in AccessAttempt.objects.all()] == [charlie.email]

    def test_the_list_says_what_is_locked(self, client: Client, alice: User) -> None:
        spray(client, "10.1.1.1")
        statuses(client, "/login", {"login": alice.email, "password": WRONG}, 5)
        client.post("/login", {"login": "once@example.com", "password": WRONG})
        found = {
            each.username: (each.account_locked, each.address_locked)
            for each in with_locks(AccessAttempt.objects.all())
        }
        assert found[alice.email] == (True, False)
        assert found["once@example.com"] == (False, False)
        assert found["n7@example.com"] == (False, True)
        support = Client()
        support.force_login(support_staff())
        page = support.get(f"{ATTEMPTS}?q=alice").content.decode()
        assert '<td class="field-locked">account</td>' in page


class TestLifting:
    @pytest.fixture
    def locked(self, alice: User) -> AccessAttempt:
        statuses(Client(), "/login", {"login": alice.email, "password": WRONG}, 5)
        return AccessAttempt.objects.get()

    def lift(self, actor: User, attempt: AccessAttempt) -> int:
        support = Client()
        support.force_login(actor)
        data = {"action": "let_in_again", "_selected_action": [attempt.pk], "index": "0"}
        return support.post(ATTEMPTS, data).status_code

    def test_it_works_at_once_and_the_owners_see_who_did_it(self, locked: AccessAttempt, workspace: Workspace) -> None:
        self.lift(support_staff(), locked)
        assert sign_in(Client(), "alice@example.com").status_code == 302
        row = AuditRow.objects.get(event_type="Account Unlocked")
        assert (row.workspace_id, row.actor_label) == (str(workspace.pk), "sam@support.example")
        assert row.object_label == "alice@example.com"

    def test_it_can_be_lifted_again_and_again(self, locked: AccessAttempt) -> None:
        staff = support_staff()
        for _ in range(3):
            self.lift(staff, AccessAttempt.objects.get())
            tries = statuses(Client(), "/login", {"login": "alice@example.com", "password": WRONG}, 5)
            assert tries == [200] * 4 + [429]

    def test_nobody_but_support_lifts_it(self, locked: AccessAttempt, bob: User) -> None:
        assert self.lift(bob, locked) == 302  # to a sign-in as support staff
        assert sign_in(Client(), "alice@example.com").status_code == 429
        assert not AuditRow.objects.filter(event_type="Account Unlocked").exists()

    def test_a_locked_name_without_account_is_not_written_down(self, db: None) -> None:
        statuses(Client(), "/login", {"login": "my.passw0rd@example.com", "password": WRONG}, 5)
        self.lift(support_staff(), AccessAttempt.objects.get())
        row = AuditRow.objects.get(event_type="Account Unlocked")
        assert (row.object_label, row.details) == ("", {"account": "unknown"})

    def test_no_row_no_lifting(self, locked: AccessAttempt, alice: User) -> None:
        actor = support_staff()
        support = Client(raise_request_exception=False)
        support.force_login(actor)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE audit_auditrow RENAME TO gone")
        data = {"action": "let_in_again", "_selected_action": [locked.pk], "index": "0"}
        assert support.post(ATTEMPTS, data).status_code == 503
        assert AccessAttempt.objects.filter(username=alice.email).exists()


class CountingHasher(Argon2PasswordHasher):
    """Argon2 as in production, but quick, and counting how often it runs."""

    time_cost, memory_cost, parallelism = 1, 8, 1
    runs = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.runs += 1
        return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        CountingHasher.runs += 1
        return super().verify(password, encoded)


class TestNothingTells:
    @pytest.fixture(autouse=True)
    def argon2(self) -> Iterator[None]:
        with override_settings(PASSWORD_HASHERS=[f"{__name__}.CountingHasher"]):
            yield

    def test_a_password_is_hashed_once_for_everybody(self, client: Client, workspace: Workspace) -> None:
        people = [member(workspace, name, "") for name in ("known", "gone", "invited")]
        User.objects.filter(pk=people[1].pk).update(is_active=False)
        people[2].set_unusable_password()
        people[2].save()
        runs = {}
        for name in ("known", "gone", "invited", "unknown"):
            CountingHasher.runs = 0
            client.post("/login", {"login": f"{name}@example.com", "password": WRONG})
            runs[name] = CountingHasher.runs
        assert runs == {"known": 1, "gone": 1, "invited": 1, "unknown": 1}

    def test_a_lock_answers_without_hashing_for_everybody(self, client: Client, alice: User) -> None:
        answers = []
        for email in (alice.email, "nobody@example.com"):
            data = {"login": email, "password": WRONG}
            pages = [client.post("/login", data) for _ in range(5)]
            CountingHasher.runs = 0
            pages.append(client.post("/login", data))
            answers.append(([page.status_code for page in pages], pages[-1].content, CountingHasher.runs))
        assert answers[0] == answers[1]
        assert answers[0][2] == 0


def test_a_lock_survives_in_every_process_and_ends_by_itself(client: Client, alice: User) -> None:
    with time_machine.travel("2026-03-01T09:00:00Z", tick=False) as clock:
        statuses(client, "/login", {"login": alice.email, "password": WRONG}, 5)
        clock.shift(15 * 60 - 1)
        assert sign_in(client, alice.email).status_code == 429
        assert not Session.objects.exists()
        clock.shift(2)
        assert sign_in(client, alice.email).status_code == 302
