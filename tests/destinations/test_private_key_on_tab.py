"""Promise 1 on the Data Encryption tab: a private key is in exactly one response and nowhere else, ever."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.views.debug import ExceptionReporter

from audit.models import AuditRow
from destinations.encryption.keys import KeyPair, generate_key_pair
from destinations.models import PublicKey
from tests.destinations.encryption_tab import Tab
from tests.destinations.factories import DestinationFactory
from tests.destinations.making import assert_gone, field_errors, shown_key, stored_bytes
from workspaces.models import Source

OWN = generate_key_pair(2048)


@pytest.fixture
def tab(as_alice: Client, source: Source) -> Tab:
    made = Tab(as_alice, DestinationFactory(source=source, name="CRM"))
    made.open()
    return made


@pytest.fixture
def errors(tab: Tab) -> Iterator[list[str]]:
    """Each exception a page ends in, as Django would report it with every local variable."""
    import sys

    reports: list[str] = []

    def report(request: Any, **_: object) -> None:
        reporter = ExceptionReporter(request, *sys.exc_info())
        reports.append(reporter.get_traceback_html() + reporter.get_traceback_text())

    tab.client.raise_request_exception = False
    got_request_exception.connect(report)
    yield reports
    got_request_exception.disconnect(report)


@pytest.mark.django_db(transaction=True)
def test_the_key_is_stored_nowhere(
    tab: Tab, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with CaptureQueriesContext(connection) as queries:
        dropped = shown_key(tab.generate().content.decode())
        kept = shown_key(tab.generate().content.decode())
        assert tab.save(key_stored="on").status_code == 302
    page = tab.open()
    everything = stored_bytes()
    assert all(line.encode() in everything for line in PublicKey.objects.get().pem.splitlines()[3:5])
    told = str(list(AuditRow.objects.values())) + str(queries.captured_queries)
    for key in (dropped, kept):
        assert_gone(key, everything, page, told, caplog.text, *capfd.readouterr(), str(tab.client.cookies))


class FullDisk:
    """What cannot show the page; remembers the pair it was to show."""

    def __call__(self, request: object, template: str, shown: dict[str, Any]) -> None:
        self.pair: KeyPair = shown["drawn"].pair
        raise OSError("no space left")


def test_an_error_report_holds_no_key(tab: Tab, errors: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FullDisk()
    monkeypatch.setattr("destinations.views.encryption.render", disk)
    assert tab.generate().status_code == 500
    assert "no space left" in errors[0]
    assert_gone(disk.pair.private_pem, *errors)


def test_nothing_that_goes_wrong_in_reading_a_pasted_key_takes_it_along(
    tab: Tab, errors: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(text: str) -> None:
        raise OSError(f"cannot read {text}")

    monkeypatch.setattr("destinations.encryption.setup.read_public_key", fail)
    response = tab.generate(key_origin="own", public_key=OWN.private_pem)
    assert field_errors(response.content.decode())["public_key"].startswith("This is no public key.")
    assert errors == []
    assert_gone(OWN.private_pem, caplog.text, response.content)
