"""A restart of the server neither ends a session nor makes it longer: its clocks are in the database."""

from __future__ import annotations

import http.client
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from audit.models import AuditRow
from tests.servers import Server, run_server
from tests.workspaces.waiting import HOURS, MINUTES, pass_on_the_server
from workspaces.models import User

pytestmark = pytest.mark.django_db(transaction=True)
HOME = "/acme-health/home"


@pytest.fixture
def cookie(alice: User) -> str:
    client = Client()
    client.force_login(alice)
    return f"sessionid={client.cookies['sessionid'].value}"


def ask(server: Server, cookie: str, path: str = HOME) -> tuple[int, str]:
    """Status, and where the answer leads."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", path, headers={"Cookie": cookie})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, urlsplit(answer.headers.get("Location", "")).query


def test_a_session_lives_through_a_restart_until_its_minutes_are_over(cookie: str, tmp_path: Path) -> None:
    with run_server(tmp_path) as server:
        assert ask(server, cookie) == (200, "")
        server.kill()
    pass_on_the_server(14 * MINUTES)
    with run_server(tmp_path) as server:
        assert ask(server, cookie, "/session/left")[0] == 200
        assert ask(server, cookie) == (200, "")
    pass_on_the_server(14 * MINUTES)
    with run_server(tmp_path) as server:
        assert ask(server, cookie, "/session/left")[0] == 200
    pass_on_the_server(1 * MINUTES)
    with run_server(tmp_path) as server:
        assert ask(server, cookie) == (302, "ended=idle&next=%2Facme-health%2Fhome")
        assert ask(server, cookie) == (302, "ended=over&next=%2Facme-health%2Fhome")
    assert not Session.objects.exists()
    assert AuditRow.objects.get(event_type="Session Timed Out").details == {"reason": "idle"}


def test_twelve_hours_are_counted_across_restarts(cookie: str, tmp_path: Path) -> None:
    with run_server(tmp_path) as server:
        assert ask(server, cookie) == (200, "")
    pass_on_the_server(12 * HOURS, "born")
    with run_server(tmp_path) as server:
        assert ask(server, cookie) == (302, "ended=too-old&next=%2Facme-health%2Fhome")
    assert not Session.objects.exists()
