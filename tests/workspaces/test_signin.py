"""Signing in, failing to, being locked out and signing out: what holds and what the audit log says."""

from __future__ import annotations

import re

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.test import Client

from audit.models import AuditRow
from tests import second_factor
from tests.destinations.making import broken_log
from tests.factories import PASSWORD, WorkspaceFactory, join, support_staff
from workspaces.models import User

WRONG = "not the passw0rd of alice"


def sign_in(client: Client, email: str, password: str = PASSWORD, **extra: str) -> int:
    return second_factor.sign_in(client, email, password, **extra).status_code


def told() -> list[tuple[str, str, str]]:
    return list(AuditRow.objects.order_by("id").values_list("event_type", "actor_label", "outcome"))


@pytest.fixture
def locked(client: Client, alice: User) -> Client:
    for _ in range(5):
        sign_in(client, alice.email, WRONG)
    return client


def test_signing_in_and_out_is_told_once_in_each_workspace(client: Client, alice: User) -> None:
    other = WorkspaceFactory(name="Umbrella", slug="umbrella")
    join(other, alice)
    sign_in(client, alice.email)
    client.post("/logout")
    for workspace in alice.workspaces.all():
        rows = AuditRow.objects.filter(workspace_id=str(workspace.pk)).order_by("id")
        assert list(rows.values_list("event_type", flat=True)) == ["User Signed In", "User Signed Out"]
    assert AuditRow.objects.count() == 4


def test_a_person_without_workspace_is_told_of_too(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("new@example.com"))
    assert AuditRow.objects.get().workspace_id == ""


def test_a_failure_is_told_to_the_owners_without_what_was_typed(client: Client, alice: User) -> None:
    sign_in(client, alice.email.upper(), WRONG)
    row = AuditRow.objects.get()
    assert (row.event_type, row.actor_label, row.outcome) == ("User Sign In Failed", alice.email, "failed")
    assert row.workspace_id == str(alice.workspaces.get().pk)
    assert row.details == {"locked": False}


def test_what_was_typed_for_an_unknown_account_is_not_kept(client: Client, db: None) -> None:
    sign_in(client, "my.passw0rd@example.com", WRONG)
    row = AuditRow.objects.get()
    assert (row.event_type, row.workspace_id, row.actor_label) == ("User Sign In Failed", "", "")
    assert row.details == {"locked": False, "account": "unknown"}


def test_no_password_is_stored_anywhere(locked: Client) -> None:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            assert not any(WRONG in str(row) for row in cursor.fetchall()), table


def test_unknown_account_and_wrong_password_are_answered_alike(client: Client, alice: User) -> None:
    pages = []
    for email in (alice.email, "nobody@example.com"):
        page = client.post("/login", {"login": email, "password": WRONG}).content.decode()
        pages.append(re.sub(r'(csrfmiddlewaretoken"|X-CSRFToken":) [^>]*', "", page.replace(email, "")))
    assert pages[0] == pages[1]


def test_the_fifth_failure_locks_and_then_the_right_password_is_refused(client: Client, alice: User) -> None:
    assert [sign_in(client, alice.email, WRONG) for _ in range(5)] == [200, 200, 200, 200, 429]
    assert sign_in(client, alice.email) == 429
    assert not Session.objects.exists()


def test_an_unknown_account_locks_just_the_same(client: Client, db: None) -> None:
    assert [sign_in(client, "nobody@example.com", WRONG) for _ in range(5)] == [200, 200, 200, 200, 429]


def test_the_lock_is_told_once(locked: Client, alice: User) -> None:
    sign_in(locked, alice.email)
    failure, lock = ("User Sign In Failed", alice.email, "failed"), ("Account Locked", alice.email, "failed")
    assert sorted(told()) == sorted([failure] * 6 + [lock])
    assert AuditRow.objects.filter(details={"locked": True}).count() >= 1


def test_every_way_of_writing_an_address_counts_for_one_account(client: Client, alice: User) -> None:
    written = [
        "ALICE@EXAMPLE.COM",
        " alice@example.com ",
        "Alice@Example.com\t",
        "aLICE@example.com",
        "alice@example.com",
    ]
    assert [sign_in(client, each, WRONG) for each in written] == [200, 200, 200, 200, 429]


@pytest.mark.parametrize(
    "alike",
    [
        "al\u0131ce@example.com",  # dotless: in capitals it is the I of ALICE
        "AL\u0130CE@example.com",  # dotted
        "alice@example.com\x00",
        "\uff41lice@example.com",
        "alice@example.com.",
        "alice @example.com",
    ],
)
def test_an_address_that_only_looks_alike_is_nobodys(client: Client, alice: User, alike: str) -> None:
    assert sign_in(client, alike) == 200
    client.post("/password/reset", {"email": alike})
    assert [sent for sent in mail.outbox if alice.email in sent.to] == []
    assert not AuditRow.objects.filter(actor_label=alice.email).exists()
    assert sign_in(client, alice.email) == 302


@pytest.mark.parametrize("extra", [{"REMOTE_ADDR": "10.9.9.9"}, {"HTTP_USER_AGENT": "Another"}])
def test_the_lock_is_the_accounts_wherever_one_comes_from(locked: Client, alice: User, extra: dict[str, str]) -> None:
    assert sign_in(locked, alice.email, **extra) == 429


def test_others_at_the_same_address_sign_in(locked: Client, bob: User) -> None:
    assert sign_in(locked, bob.email) == 302


def test_tries_while_locked_do_not_lengthen_the_lock(locked: Client, alice: User) -> None:
    with time_machine.travel(0, tick=False) as clock:
        clock.move_to(AccessAttempt.objects.latest("attempt_time").attempt_time)
        clock.shift(14 * 60)
        assert sign_in(locked, alice.email) == 429
        clock.shift(61)
        assert sign_in(locked, alice.email) == 302


def test_support_lifts_the_lock(locked: Client, alice: User) -> None:
    support = Client()
    support.force_login(support_staff())
    attempt = AccessAttempt.objects.get()
    data = {"action": "let_in_again", "_selected_action": [attempt.pk], "index": "0"}
    assert support.post("/admin/axes/accessattempt/", data).status_code == 302
    assert sign_in(locked, alice.email) == 302
    row = AuditRow.objects.get(event_type="Account Unlocked")
    assert (row.actor_label, row.object_label) == ("sam@support.example", alice.email)


@pytest.mark.django_db(transaction=True)
def test_no_record_no_sign_in(client: Client, alice: User) -> None:
    with broken_log(client):
        assert sign_in(client, alice.email) == 503
    assert client.get("/acme-health/home").status_code == 302


def test_the_session_gets_a_new_key_at_sign_in(client: Client, alice: User) -> None:
    session = client.session
    session["planted"] = True
    session.save()
    before = client.cookies["sessionid"].value
    sign_in(client, alice.email)
    assert client.cookies["sessionid"].value != before
    assert not Session.objects.filter(pk=before).exists()


def test_signing_out_clears_the_browser(as_alice: Client) -> None:
    response = as_alice.post("/logout")
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert not Session.objects.exists()


@pytest.mark.parametrize("path", ["/login", "/password/reset"])
def test_signed_out_pages_are_not_kept_either(client: Client, db: None, path: str) -> None:
    assert "no-store" in client.get(path).headers["Cache-Control"]


def test_a_deactivated_person_is_out_at_once(as_alice: Client, alice: User) -> None:
    alice.is_active = False
    alice.save(update_fields=["is_active"])
    assert as_alice.get("/acme-health/home").status_code == 302


def test_cookies_stay_in_the_browser_and_on_the_site(client: Client, alice: User) -> None:
    client.get("/login")
    sign_in(client, alice.email)
    for name in ("sessionid", "csrftoken"):
        cookie = client.cookies[name]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
