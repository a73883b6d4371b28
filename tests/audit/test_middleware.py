"""A page that may show PHI and its audit row stand or fall together."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client, RequestFactory, override_settings

from audit.middleware import client_address
from audit.models import AuditRow
from tests.audit import urls
from workspaces.models import User, Workspace

pytestmark = pytest.mark.urls("tests.audit.urls")
Events = Callable[[], list[str]]


def test_a_page_is_one_row_with_the_facts_of_its_request(as_alice: Client, workspace: Workspace, alice: User) -> None:
    response = as_alice.get("/acme-health/t/page", headers={"User-Agent": "Firefox"}, REMOTE_ADDR="10.1.2.3")

    row = AuditRow.objects.get(event_type="Source Viewed")
    assert (row.workspace_id, row.actor_user_id, row.actor_label) == (str(workspace.pk), str(alice.pk), alice.email)
    assert (row.object_type, row.object_id, row.object_label) == ("Workspace", str(workspace.pk), "Acme Health")
    assert (row.address, row.user_agent, row.route, row.outcome) == ("10.1.2.3", "Firefox", "page", "done")
    assert row.request_id == response.headers["X-Request-Id"] != ""


@pytest.mark.parametrize("method", ["get", "head", "options", "post", "put", "delete", "trace"])
def test_no_method_gets_round_the_row(as_alice: Client, events: Events, method: str) -> None:
    assert getattr(as_alice, method)("/acme-health/t/any_method").status_code == 200
    assert events() == ["Source Viewed"]


def test_a_method_that_is_refused_shows_nothing_and_writes_nothing(as_alice: Client, events: Events) -> None:
    assert as_alice.post("/acme-health/t/page").status_code == 405
    assert events() == []


def test_a_fragment_is_a_page_too(as_alice: Client, events: Events) -> None:
    as_alice.get("/acme-health/t/page", headers={"HX-Request": "true", "X-Passive": "1"})
    assert events() == ["Source Viewed"]


def test_a_lazy_template_is_filled_in_before_the_row(as_alice: Client, events: Events) -> None:
    assert as_alice.get("/acme-health/t/lazy").status_code == 200
    assert events() == ["Source Viewed"]


def test_a_stream_is_recorded_before_its_first_byte(as_alice: Client) -> None:
    urls.told.clear()
    assert b"".join(as_alice.get("/acme-health/t/streams").streaming_content) == b"phi"
    assert urls.told == [1]


@pytest.mark.parametrize("view", ["page", "any_method", "streams", "lazy"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_without_its_row_nothing_is_shown(broken_log: Client, view: str, method: str) -> None:
    response = getattr(broken_log, method)(f"/acme-health/t/{view}")
    assert response.status_code in {500, 405}
    assert b"phi" not in response.getvalue()


def test_a_view_that_raises_leaves_no_row_and_no_change(as_alice: Client, workspace: Workspace, events: Events) -> None:
    as_alice.raise_request_exception = False
    assert as_alice.get("/acme-health/t/writes_then_fails").status_code == 500
    workspace.refresh_from_db()
    assert (workspace.name, events()) == ("Acme Health", [])


def test_a_refusal_is_recorded_although_its_work_is_undone(as_alice: Client, workspace: Workspace) -> None:
    assert as_alice.get("/acme-health/t/forbids").status_code == 403
    workspace.refresh_from_db()
    row = AuditRow.objects.exclude(event_type="User Signed In").get()
    assert (row.event_type, row.outcome, row.route) == ("Access Denied", "denied", "forbids")
    assert (row.workspace_id, workspace.name) == (str(workspace.pk), "Acme Health")


@pytest.mark.parametrize("method", ["get", "post"])
def test_any_view_that_refuses_is_recorded_once(as_alice: Client, events: Events, method: str) -> None:
    assert getattr(as_alice, method)("/acme-health/t/forbids_unaudited").status_code == 403
    assert events() == ["Access Denied"]


def test_a_refusal_that_cannot_be_recorded_is_an_error(broken_log: Client) -> None:
    assert broken_log.get("/acme-health/t/forbids_unaudited").status_code == 500


def test_a_stranger_refused_leaves_no_row(client: Client, events: Events) -> None:
    assert client.get("/t/open_to_all").status_code == 403
    assert events() == []


@pytest.mark.parametrize(("view", "status"), [("missing", 404), ("elsewhere", 302)])
def test_what_shows_nothing_writes_nothing(as_alice: Client, events: Events, view: str, status: int) -> None:
    assert as_alice.get(f"/acme-health/t/{view}").status_code == status
    assert events() == []


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_verbs_own_row_is_the_only_one(as_alice: Client, events: Events, method: str) -> None:
    assert getattr(as_alice, method)("/acme-health/t/verb").status_code == 200
    assert events() == ["Source Enabled"]


def test_an_outsider_leaves_no_row(client: Client, workspace: Workspace, charlie: User, events: Events) -> None:
    client.force_login(charlie)
    assert client.get("/acme-health/t/page").status_code == 404
    assert events() == []


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "6.6.6.6", "10.0.0.9"),
        (1, "6.6.6.6, 203.0.113.7", "203.0.113.7"),
        (2, "6.6.6.6, 203.0.113.7, 10.0.0.8", "203.0.113.7"),
        (2, "203.0.113.7", "10.0.0.9"),
        (1, "unknown", None),
        (1, "2001:db8::1", "2001:db8::1"),
    ],
)
def test_only_our_own_proxies_are_believed(proxies: int, forwarded: str, address: str | None) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.9", HTTP_X_FORWARDED_FOR=forwarded)
    with override_settings(TRUSTED_PROXIES=proxies):
        assert client_address(request) == address


def test_a_unix_socket_has_no_address() -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) is None
