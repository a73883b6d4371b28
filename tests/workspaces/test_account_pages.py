"""Signing in and out, lock-out, forgotten passwords."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from tests import second_factor
from tests.factories import PASSWORD
from workspaces.models import User


def sign_in(client: Client, password: str = PASSWORD, email: str = "alice@example.com") -> int:
    return second_factor.sign_in(client, email, password).status_code


def test_sign_in_and_out(client: Client, alice: User) -> None:
    assert sign_in(client, email="Alice@Example.com") == 302
    assert client.get("/acme-health/home").status_code == 200
    assert "Sign out?" in client.get("/logout").content.decode()
    assert client.get("/acme-health/home").status_code == 200
    assert client.post("/logout").status_code == 302
    assert client.get("/acme-health/home").status_code == 302


def test_sign_in_goes_on_where_it_was_asked_for(client: Client, alice: User) -> None:
    page = client.get("/login?next=/acme-health/sources").content.decode()
    assert '<input type="hidden" name="next" value="/acme-health/sources"' in page
    answer = second_factor.sign_in(client, alice.email, url="/login?next=/acme-health/sources")
    assert answer.headers["Location"] == "/acme-health/sources"


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example"])
def test_sign_in_does_not_leave_the_site(client: Client, alice: User, where: str) -> None:
    assert second_factor.sign_in(client, alice.email, url=f"/login?next={where}").headers["Location"] == "/"


def test_a_wrong_password_does_not_tell_whether_the_account_exists(client: Client, alice: User) -> None:
    texts = []
    for email in (alice.email, "nobody@example.com"):
        page = client.post("/login", {"login": email, "password": "wrong"}).content.decode()
        texts.append(re.findall(r'role="alert".*?<p>(.*?)</p>', page, re.DOTALL))
    assert texts[0] == texts[1] != []


@pytest.mark.parametrize(("ended", "text"), [("idle", "Nothing happened for 15 minutes"), ("too-old", "longest time")])
def test_the_page_says_why_the_session_ended(client: Client, db: None, ended: str, text: str) -> None:
    assert text in client.get(f"/login?ended={ended}").content.decode()


def test_five_failures_lock_and_time_unlocks(client: Client, alice: User) -> None:
    for _ in range(4):
        assert sign_in(client, "wrong") == 200
    response = client.post("/login", {"login": alice.email, "password": "wrong"})
    assert response.status_code == 429
    assert "You can try again 15 minutes after" in response.content.decode()
    assert sign_in(client) == 429
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert sign_in(client) == 302


def test_nobody_signs_up(client: Client, db: None) -> None:
    assert "Sign-up is closed" in client.get("/signup").content.decode()
    client.post("/signup", {"email": "eve@example.com", "password1": PASSWORD, "password2": PASSWORD})
    assert not User.objects.exists()


def test_a_forgotten_password_is_set_anew_by_mail(client: Client, alice: User) -> None:
    asked = client.post("/password/reset", {"email": alice.email}, follow=True)
    assert "Look at your mail" in asked.content.decode()
    link = re.search(r"http://testserver(/password/reset/key/\S+)", str(mail.outbox[0].body))
    assert link is not None
    form = client.get(link[1], follow=True)
    new = "a new and long enough password"
    where = form.redirect_chain[-1][0]
    done = client.post(where, {"password1": new, "password2": new}, follow=True)
    assert "Your new password is set" in done.content.decode()
    assert sign_in(Client(), new) == 302
    assert "This link cannot be used" in Client().get(link[1], follow=True).content.decode()


@pytest.mark.parametrize(("minutes", "text"), [(59, "Set password"), (61, "This link cannot be used")])
def test_the_mails_link_is_good_for_an_hour(client: Client, alice: User, minutes: int, text: str) -> None:
    client.post("/password/reset", {"email": alice.email})
    assert "it works once, within the hour" in str(mail.outbox[0].body)
    link = re.search(r"http://testserver(/password/reset/key/\S+)", str(mail.outbox[0].body))
    assert link is not None
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
        assert text in Client().get(link[1], follow=True).content.decode()


def test_an_unknown_address_gets_the_same_answer(client: Client, alice: User) -> None:
    pages = [client.post("/password/reset", {"email": e}, follow=True).content for e in (alice.email, "no@example.com")]
    strip = re.compile(rb"X-CSRFToken[^}]*")
    assert strip.sub(b"", pages[0]) == strip.sub(b"", pages[1])


def test_changing_the_password_signs_out(as_alice: Client, alice: User) -> None:
    new = "a new and long enough password"
    data = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert as_alice.post("/password/change", data).status_code == 302
    assert as_alice.get("/acme-health/home").status_code == 302
    assert sign_in(Client(), new) == 302


def test_short_and_common_passwords_are_refused_next_to_the_field(as_alice: Client, alice: User) -> None:
    data = {"oldpassword": PASSWORD, "password1": "password", "password2": "password"}
    page = as_alice.post("/password/change", data).content.decode()
    assert "at least 12 characters" in page
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_reauthentication_asks_for_the_password(as_alice: Client) -> None:
    assert "Confirm it is you" in as_alice.get("/reauthenticate").content.decode()
