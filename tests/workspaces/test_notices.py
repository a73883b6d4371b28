"""The mails that tell of a change to how one signs in."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.core import mail
from django.test import Client, override_settings

from tests import second_factor
from tests.factories import PASSWORD
from tests.passkeys import Passkey
from workspaces.models import User

NEW = "a new and long enough password"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0"
OnCommit = Callable[..., Any]


class Broken:
    """A mail server that is down."""

    def __init__(self, **_: object) -> None:
        pass

    def send_messages(self, messages: object) -> int:
        raise ConnectionRefusedError("mail.example refused")


@pytest.fixture
def signed_in(client: Client, alice: User) -> Client:
    second_factor.sign_in(client, alice.email)
    return client


def add_passkey(client: Client, alice: User) -> None:
    page = client.get("/settings/user/mfa/passkeys/add").content.decode()
    options = json.loads(page.split('<script id="passkey-options" type="application/json">')[1].split("</script>")[0])
    credential = Passkey().registration(options["creation_options"]["publicKey"])
    client.post("/settings/user/mfa/passkeys/add", {"name": "Laptop", "credential": json.dumps(credential)})


def remove_passkey(client: Client, alice: User) -> None:
    passkey = WebAuthn.add(alice, "Laptop", Passkey().registration({"challenge": "eA"})).instance
    client.post(f"/settings/user/mfa/passkeys/{passkey.pk}/remove")


def remove_app(client: Client, alice: User) -> None:
    WebAuthn.add(alice, "Laptop", Passkey().registration({"challenge": "eA"}))
    client.post("/settings/user/mfa/totp/deactivate")


def add_app(client: Client, alice: User) -> None:
    Authenticator.objects.filter(user=alice).delete()
    page = client.get("/settings/user/mfa/totp/activate").content.decode()
    secret = page.split('<code id="secret">')[1].split("<")[0]
    client.post("/settings/user/mfa/totp/activate", {"code": second_factor.code_now(secret)})


def generate_codes(client: Client, alice: User) -> None:
    client.post("/settings/user/mfa/recovery-codes/generate")


def change_password(client: Client, alice: User) -> None:
    client.post("/password/change", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (add_app, "An authenticator app was added"),
        (add_passkey, "A passkey was added"),
        (remove_app, "An authenticator app was removed"),
        (remove_passkey, "A passkey was removed"),
        (generate_codes, "New recovery codes were made"),
        (change_password, "The password was changed"),
    ],
)
def test_a_change_is_mailed_once(
    client: Client,
    alice: User,
    django_capture_on_commit_callbacks: OnCommit,
    change: Callable[[Client, User], None],
    what: str,
) -> None:
    client.defaults |= {"HTTP_USER_AGENT": FIREFOX, "REMOTE_ADDR": "10.1.2.3"}
    with time_machine.travel("2031-05-04T10:20:00Z", tick=False):
        second_factor.sign_in(client, alice.email)
        with django_capture_on_commit_callbacks(execute=True):
            change(client, alice)
    (sent,) = mail.outbox
    assert (sent.subject, sent.to) == (f"{what} - Lifeline", [alice.email])
    for part in (f"{what}: your account at http", "4 May 2031, 10:20 UTC", "From: Firefox on Windows, 10.1.2.3"):
        assert part in sent.body
    assert NEW not in sent.body


def test_what_was_refused_is_not_mailed(
    signed_in: Client, alice: User, django_capture_on_commit_callbacks: OnCommit
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        signed_in.post("/settings/user/mfa/totp/deactivate")  # the last factor stays
        signed_in.post("/password/change", {"oldpassword": PASSWORD, "password1": "short", "password2": "short"})
    assert mail.outbox == []


def test_a_mail_server_that_is_down_does_not_stop_a_change(
    signed_in: Client, alice: User, django_capture_on_commit_callbacks: OnCommit, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        override_settings(EMAIL_BACKEND="tests.workspaces.test_notices.Broken"),
        caplog.at_level(logging.ERROR),
        django_capture_on_commit_callbacks(execute=True),
    ):
        change_password(signed_in, alice)
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert "mail.example refused" in caplog.text
