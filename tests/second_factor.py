"""What an authenticator app shows: RFC 6238, so that tests sign in as people do."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

from django.http import HttpResponse
from django.test import Client

from tests.factories import PASSWORD, TOTP_SECRET

PERIOD = 30


def code_now(secret: str = TOTP_SECRET) -> str:
    """The six digits of this half minute."""
    mac = hmac.digest(base64.b32decode(secret), (int(time.time()) // PERIOD).to_bytes(8, "big"), hashlib.sha1)
    at = mac[-1] & 15
    return f"{(int.from_bytes(mac[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def sign_in(client: Client, email: str, password: str = PASSWORD, *, url: str = "/login", **extra: str) -> HttpResponse:
    """Password, then code; the answer to the last form that was asked for."""
    answer = client.post(url, {"login": email, "password": password}, **extra)
    if answer.headers.get("Location", "").startswith("/login/second-factor"):
        answer = client.post(answer.headers["Location"], {"code": code_now()}, **extra)
    return answer
