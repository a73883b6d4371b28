"""Promise 1: a private key is in exactly one response and nowhere else, ever."""

from __future__ import annotations

import http.client
import logging
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.conf import settings
from django.core.signals import got_request_exception
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.views.debug import ExceptionReporter
from pytest_django.live_server_helper import LiveServer

from audit.models import AuditRow
from destinations.encryption.keys import KeyPair
from destinations.models import Destination, Draft, PublicKey
from segment_app.logs import LineFormatter
from tests.destinations.making import (
    BASE,
    PLAIN,
    Wizard,
    assert_gone,
    draft_at_setup,
    event_types,
    nothing_written,
    recorded,
    shown_key,
    stored_bytes,
)
from tests.ingest import Reply
from workspaces.models import Source, User

TABS = ("delivery", "encryption", "settings")


@pytest.fixture
def draft(source: Source, alice: User) -> Draft:
    return draft_at_setup(source, alice)


@pytest.fixture
def wizard(as_alice: Client, draft: Draft) -> Wizard:
    return Wizard(as_alice, draft)


@pytest.fixture
def errors(wizard: Wizard) -> Iterator[list[str]]:
    """Each exception a page ends in, as Django would report it with every local variable."""
    reports: list[str] = []

    def report(request: object, **_: object) -> None:
        kind, value, trace = sys.exc_info()
        reporter = ExceptionReporter(request, kind, value, trace)
        reports.append(reporter.get_traceback_html() + reporter.get_traceback_text())
        reports.append(LineFormatter().format(logging.LogRecord("x", 40, "", 0, "", (), (kind, value, trace))))

    wizard.client.raise_request_exception = False
    got_request_exception.connect(report)
    yield reports
    got_request_exception.disconnect(report)


def test_the_key_is_in_one_response_that_nobody_may_store(wizard: Wizard) -> None:
    response = wizard.generate()
    key = shown_key(response.content.decode())
    assert key.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert response.content.decode().count("-----BEGIN PRIVATE KEY-----") == 1
    assert response.headers["Cache-Control"] == "no-store"
    assert_gone(key, str(response.headers), str(wizard.client.cookies))


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
def test_a_second_request_gets_410_without_a_key(wizard: Wizard, htmx: bool) -> None:
    token = wizard.token()
    key = shown_key(wizard.generate(htmx=htmx).content.decode())
    with nothing_written(), recorded() as rows:
        again = wizard.generate(htmx=htmx, key_request=token)
    assert (again.status_code, again.headers["Cache-Control"], rows) == (410, "no-store", [])
    assert "A private key is shown only once" in again.content.decode()
    assert "PRIVATE KEY-----" not in again.content.decode()
    assert_gone(key, again.content)


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options"])
def test_whatever_is_not_a_post_gets_410(wizard: Wizard, method: str) -> None:
    wizard.generate()
    with nothing_written():
        assert getattr(wizard.client, method)(wizard.urls["keys"]).status_code == 410


def test_loading_the_page_again_shows_no_key_and_says_so(wizard: Wizard) -> None:
    key = shown_key(wizard.generate().content.decode())
    for step in ("settings", "source", "settings"):
        page = wizard.client.get(wizard.urls[step])
        assert page.headers["Cache-Control"] == "no-store"
        assert_gone(key, page.content)
    assert not PublicKey.objects.exists()
    page = wizard.generate(), wizard.open()
    assert "The key pair you generated was dropped" in page[1].content.decode()


def test_errors_on_create_show_no_key_again_but_keep_the_pair(wizard: Wizard) -> None:
    key = shown_key(wizard.generate().content.decode())
    page = wizard.create(encrypts="on", fields=["default_matcher:email"], **{"settings-url": ""}).content.decode()
    assert "The private key was shown before and cannot be shown again." in page
    assert_gone(key, page)
    assert PublicKey.objects.get().draft == wizard.draft


@pytest.mark.django_db(transaction=True)
def test_of_parallel_requests_with_one_token_one_gets_a_key(live_server: LiveServer, wizard: Wizard) -> None:
    cookie = wizard.client.cookies[settings.SESSION_COOKIE_NAME].value
    data = {**PLAIN, "encrypts": "on", "fields": "default_matcher:email", "key_bits": "2048"}
    data["key_request"], together = wizard.token(), Barrier(4, timeout=20)

    def press(_: int) -> Reply:
        together.wait()
        return posted(live_server, wizard.urls["keys"], data, cookie)

    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(press, range(4)))
    assert sorted(reply.status for reply in replies) == [200, 410, 410, 410]
    assert sum(b"-----BEGIN PRIVATE KEY-----" in reply.body for reply in replies) == 1
    assert event_types().count("Data Encryption Keys Generated") == PublicKey.objects.count() == 1


def posted(server: LiveServer, path: str, data: dict[str, str], session: str) -> Reply:
    """A form posted over a connection of its own."""
    token = "a" * 32
    link = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    headers = {
        "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={token}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    link.request("POST", path, urlencode({**data, "csrfmiddlewaretoken": token}), headers)
    reply = link.getresponse()
    return Reply(reply.status, dict(reply.getheaders()), reply.read())


@pytest.mark.django_db(transaction=True)
def test_the_key_is_stored_nowhere(
    wizard: Wizard, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with CaptureQueriesContext(connection) as queries:
        dropped, kept = (shown_key(wizard.generate().content.decode()) for _ in range(2))
        made = wizard.create(encrypts="on", fields=["default_matcher:email"], key_stored="on")
    assert made.status_code == 302
    public = PublicKey.objects.get()
    pages = [wizard.client.get(f"{BASE}/{Destination.objects.get().pk}/{tab}").content for tab in TABS]
    pages += [wizard.client.get(url).content for url in (BASE, "/acme-health/settings/audit-log", wizard.urls["keys"])]
    told = str(list(AuditRow.objects.values())) + str(queries.captured_queries)
    everything = stored_bytes()
    assert all(line.encode() in everything for line in public.pem.splitlines()[3:5])
    for key in (dropped, kept):
        assert_gone(key, everything, *pages, told, caplog.text, *capfd.readouterr(), str(wizard.client.cookies))


class FullDisk:
    """What cannot show the page; remembers the pair it was to show."""

    def __call__(self, request: object, template: str, shown: dict[str, Any]) -> None:
        self.pair: KeyPair = shown["drawn"].pair
        raise OSError("no space left")


def test_an_error_report_holds_no_key(wizard: Wizard, errors: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FullDisk()
    monkeypatch.setattr("destinations.views.setup.render", disk)
    assert wizard.generate().status_code == 500
    assert len(errors) == 2
    assert "no space left" in errors[0]
    assert_gone(disk.pair.private_pem, *errors)
