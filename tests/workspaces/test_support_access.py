"""Support staff open a workspace's pages only while an owner has let them in, under both names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from audit.models import AuditRow
from destinations.models import Destination, PublicKey
from tests import second_factor
from tests.destinations.making import draft_at_setup
from tests.factories import PASSWORD, enrol, join, support_staff
from workspaces.models import Source, SupportAccess, User, Workspace

PAGE = "/acme-health/settings/support-access"
HOME = "/acme-health/home"
GRANT = {"hours": "24", "reason": "Ticket 4711"}
START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def sam(db: None) -> User:
    return support_staff()


@pytest.fixture
def as_sam(sam: User) -> Client:
    browser = Client()
    browser.force_login(sam)
    return browser


def page_of(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def latest() -> AuditRow:
    return AuditRow.objects.order_by("-id")[0]


def test_an_owner_lets_support_in_for_a_time(
    clock: time_machine.Traveller, as_alice: Client, as_sam: Client, alice: User, workspace: Workspace
) -> None:
    assert as_sam.get(HOME).status_code == 404
    assert as_alice.post(PAGE, GRANT).headers["Location"] == PAGE
    leave = SupportAccess.objects.get()
    assert (leave.granted_by, leave.expires_at, leave.reason) == (alice, START + timedelta(days=1), "Ticket 4711")
    row = latest()
    assert (row.event_type, row.actor_label, row.workspace_id) == (
        "Support Access Granted",
        alice.email,
        str(workspace.pk),
    )
    assert row.details == {"until": "2026-03-02T09:00:00+00:00", "reason": "Ticket 4711"}
    assert as_sam.get(HOME).status_code == 200
    assert "until 2026-03-02 09:00 UTC, let in by alice@example.com" in page_of(as_sam, HOME)


def test_both_stand_in_each_row_of_what_support_opens_and_changes(
    as_alice: Client, as_sam: Client, alice: User, sam: User, workspace: Workspace, source: Source
) -> None:
    as_alice.post(PAGE, GRANT)
    before = AuditRow.objects.count()
    page_of(as_sam, HOME)
    page_of(as_sam, "/acme-health/sources/catalog")
    page_of(as_sam, f"/acme-health/sources/{source.slug}/overview")
    as_sam.post(f"/acme-health/sources/{source.slug}/settings", {"name": "Renamed", "enabled": "on"})
    assert as_sam.get("/acme-health/settings/access-management").status_code == 403
    rows = list(AuditRow.objects.order_by("id")[before:])
    assert [row.event_type for row in rows] == [
        "Support Page Viewed",
        "Support Page Viewed",
        "Source Viewed",
        "Source Modified",
        "Access Denied",
    ]
    both = ("support", sam.email, str(sam.pk), str(alice.pk), alice.email, str(workspace.pk))
    for row in rows:
        assert both == (
            row.actor_kind,
            row.actor_label,
            row.actor_user_id,
            row.on_behalf_of,
            row.on_behalf_of_label,
            row.workspace_id,
        )


def test_owners_find_them_in_the_log_and_the_file(as_alice: Client, as_sam: Client, alice: User, sam: User) -> None:
    as_alice.post(PAGE, GRANT)
    page_of(as_sam, HOME)
    log = "/acme-health/settings/audit-log"
    page = page_of(as_alice, f"{log}?actor_kind=support")
    assert page.count('<span class="audit-kind">Support, let in by alice@example.com</span>') == 1
    assert "Support Access Granted</span>" not in page
    second_factor.sign_in(as_alice, alice.email)  # a download asks for a recent sign-in
    lines = b"".join(as_alice.get(f"{log}.csv?actor_kind=support").streaming_content).decode().splitlines()
    assert lines[0].endswith(",actor_kind,on_behalf_of,on_behalf_of_label")
    assert [line.rsplit(",", 3)[1:] for line in lines[1:]] == [["support", str(alice.pk), alice.email]]
    assert sam.email in lines[1]


def test_the_leave_ends_by_the_clock(
    clock: time_machine.Traveller, as_alice: Client, as_sam: Client, alice: User, sam: User
) -> None:
    as_alice.post(PAGE, {"hours": "168", "reason": "Migration"})
    clock.shift(timedelta(days=7) - timedelta(seconds=1))
    as_sam.force_login(sam)
    assert as_sam.get(HOME).status_code == 200
    clock.shift(timedelta(seconds=1))
    as_sam.force_login(sam)
    assert as_sam.get(HOME).status_code == 404
    as_alice.force_login(alice)
    assert "<td>Expired</td>" in page_of(as_alice, PAGE)


def test_an_owner_ends_it_at_once(as_alice: Client, as_sam: Client, workspace: Workspace) -> None:
    as_alice.post(PAGE, GRANT)
    assert as_sam.get(HOME).status_code == 200
    assert as_alice.post(f"{PAGE}/revoke").headers["Location"] == PAGE
    assert latest().event_type == "Support Access Revoked"
    before = AuditRow.objects.count()
    for path in ("home", "sources", "settings/basic", "settings/audit-log"):
        assert as_sam.get(f"/acme-health/{path}").status_code == 404
    assert AuditRow.objects.count() == before
    page = page_of(as_alice, PAGE)
    assert "Support access is off" in page
    assert "Revoked 20" in page
    as_alice.post(f"{PAGE}/revoke")
    assert AuditRow.objects.filter(event_type="Support Access Revoked").count() == 1


@pytest.mark.parametrize(
    "wrong", [{"hours": "169"}, {"hours": "0"}, {"hours": ""}, {"reason": " "}, {"reason": "x" * 201}]
)
def test_what_cannot_be_granted_is_said_and_writes_nothing(as_alice: Client, wrong: dict[str, str]) -> None:
    page = as_alice.post(PAGE, {**GRANT, **wrong})
    assert page.status_code == 200
    assert "Please correct what is marked below." in page.content.decode()
    assert not SupportAccess.objects.exists()
    assert not AuditRow.objects.filter(event_type="Support Access Granted").exists()


def test_nobody_but_owners_lets_support_in(client: Client, bob: User, as_sam: Client, workspace: Workspace) -> None:
    client.force_login(bob)
    assert client.post(PAGE, GRANT).status_code == 403
    assert as_sam.post(PAGE, GRANT).status_code == 404
    assert not SupportAccess.objects.exists()


def test_support_cannot_let_itself_stay(as_alice: Client, as_sam: Client) -> None:
    as_alice.post(PAGE, GRANT)
    leave = SupportAccess.objects.get()
    assert as_sam.post(PAGE, {"hours": "168", "reason": "More"}).status_code == 403
    assert as_sam.post(f"{PAGE}/revoke").status_code == 403
    assert list(SupportAccess.objects.values_list("pk", "expires_at", "revoked_at")) == [
        (leave.pk, leave.expires_at, None)
    ]


def test_staff_who_are_members_act_as_members(
    as_alice: Client, as_sam: Client, sam: User, workspace: Workspace
) -> None:
    as_alice.post(PAGE, GRANT)
    join(workspace, sam, "source_read_only")
    page = page_of(as_sam, "/acme-health/sources")
    assert "as support until" not in page
    row = latest()
    assert (row.event_type, row.actor_kind, row.on_behalf_of) == ("Source List Viewed", "person", "")
    assert as_sam.get("/acme-health/settings/audit-log").status_code == 403


def test_a_row_elsewhere_names_no_owner(as_alice: Client, as_sam: Client, charlie: User) -> None:
    as_alice.post(PAGE, GRANT)
    page_of(as_sam, HOME)
    umbrella = charlie.workspaces.get()
    assert as_sam.get("/umbrella/home").status_code == 404
    as_sam.get(reverse("admin:workspaces_workspace_change", args=[umbrella.pk]))
    row = latest()
    assert (row.workspace_id, row.actor_kind, row.on_behalf_of) == (str(umbrella.pk), "support", "")


def test_shut_out_staff_and_members_gain_nothing_from_it(as_alice: Client, workspace: Workspace, charlie: User) -> None:
    as_alice.post(PAGE, GRANT)
    browser = Client()
    browser.force_login(charlie)
    assert browser.get(HOME).status_code == 404
    left = User.objects.create_superuser("left@support.example", PASSWORD)
    enrol(left)
    browser.force_login(left)
    assert browser.get(HOME).status_code == 200
    User.objects.filter(pk=left.pk).update(is_staff=False)
    assert browser.get(HOME).status_code == 404


def test_support_finds_the_way_in(as_alice: Client, as_sam: Client, workspace: Workspace) -> None:
    admin_page = reverse("admin:workspaces_workspace_change", args=[workspace.pk])
    assert "You are in no workspace yet" in page_of(as_sam, "/workspaces")
    assert "Off. An owner switches it on" in page_of(as_sam, admin_page)
    as_alice.post(PAGE, GRANT)
    assert "Open to you as support" in page_of(as_sam, "/workspaces")
    assert f'<a href="{HOME}">Open the workspace</a>' in page_of(as_sam, admin_page)
    assert "Open to you as support" not in page_of(as_alice, "/workspaces")


def test_owners_see_on_every_page_that_it_is_on(as_alice: Client, client: Client, bob: User) -> None:
    as_alice.post(PAGE, GRANT)
    for path in ("home", "sources", "settings/basic"):
        assert "Support staff can open this workspace until" in page_of(as_alice, f"/acme-health/{path}")
    other = Client()
    other.force_login(bob)
    assert "Support staff can open" not in page_of(other, HOME)
    as_alice.post(f"{PAGE}/revoke")
    assert "Support staff can open this workspace until" not in page_of(as_alice, HOME)


def test_support_is_never_shown_a_private_key(as_alice: Client, as_sam: Client, sam: User, source: Source) -> None:
    as_alice.post(PAGE, GRANT)
    draft = draft_at_setup(source, sam)
    second_factor.sign_in(as_sam, sam.email)
    where = f"/acme-health/destinations/setup/{draft.pk}"
    page = page_of(as_sam, f"{where}/settings")
    assert "Generate Encryption Keys" not in page
    assert "Encryption is set up by this workspace's own members" in page
    draft.refresh_from_db()
    asked = {"name": "CRM", "encrypts": "on", "fields": ["default_matcher:email"], "key_bits": "3072"}
    answer = as_sam.post(f"{where}/keys", {**asked, "key_request": str(draft.key_request)})
    assert answer.status_code == 403
    assert not PublicKey.objects.exists()
    assert not Destination.objects.exists()
    assert (latest().event_type, latest().on_behalf_of_label) == ("Access Denied", "alice@example.com")
