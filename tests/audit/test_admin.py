"""Django admin: support staff see what they need, no secret and no payload, and each look leaves a row."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.urls import reverse

from audit.admin_base import AuditedAdmin, ReadOnlyAdmin
from audit.coverage import lines
from audit.models import AuditRow
from destinations.models import Attempt, Delivery, Destination, PublicKey
from destinations.settings_store import seal_settings
from tests import second_factor
from tests.factories import PASSWORD, SourceFactory, WorkspaceFactory, enrol, invitation, join, support_staff
from tests.queries import counted
from workspaces import write_keys
from workspaces.models import Invitation, Label, Membership, Source, SupportAccess, User, Workspace

Events = Callable[[], list[str]]
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
READ_ONLY = [AuditRow, Source, Destination, PublicKey, Delivery, Attempt, Invitation, Label, SupportAccess]


EVENTS = {line.route: line.events for line in lines()}


@pytest.fixture
def support(client: Client, db: None) -> Client:
    client.force_login(support_staff())
    return client


@pytest.fixture(autouse=True)
def told_on_the_coverage_page(db: None) -> Iterator[None]:
    """Whatever these tests do, each row is one that the page tells of for its route."""
    yield
    if AuditRow._meta.db_table not in connection.introspection.table_names():  # a test took it away
        return
    rows = AuditRow.objects.filter(route__startswith="admin:").exclude(outcome="denied")
    assert [(row.route, row.event_type) for row in rows if row.event_type not in EVENTS[row.route]] == []


@dataclasses.dataclass
class World:
    """One of everything, and the secrets among it."""

    objects: list[object]
    secrets: list[bytes]


@pytest.fixture
def world(workspace: Workspace, source: Source, alice: User) -> World:
    key = write_keys.issue(source)
    owner = Destination(workspace=workspace, source=source, kind="webhooks", name="CRM")
    owner.sealed_settings = seal_settings({"secret": "hush-hush"}, owner_id=owner.pk)
    owner.save()
    times = {"received_at": MOMENT, "message_id": "m1", "event_type": "track", "destination": owner}
    pair = PublicKey.objects.create(
        workspace=workspace,
        destination=owner,
        pem="-----BEGIN PUBLIC KEY-----",
        fingerprint="AA:BB",
        bits=3072,
        made_by=alice,
    )
    place = {"log_partition": 0, "log_position": 1, "log_place": 0}
    waiting = Delivery.objects.create(workspace=workspace, status="waiting", sealed_body=b"PAYLOAD", **place, **times)
    tried = Attempt.objects.create(number=1, tried_at=MOMENT, duration_ms=3, **times)
    row = AuditRow.objects.create(workspace_id=str(workspace.pk), event_type="Source Viewed")
    leave = SupportAccess.objects.create(workspace=workspace, granted_by=alice, expires_at=MOMENT)
    label = Label.objects.create(workspace=workspace, key="brand", value="acme")
    asked = invitation(workspace)
    more = [leave, label, asked]
    stored = [workspace, source, owner, pair, waiting, tried, row, alice, alice.memberships.get(), *more]
    sealed = [bytes(owner.sealed_settings), b"PAYLOAD", key.encode(), b"hush-hush", alice.password.encode()]
    sealed.append(asked.digest.encode())
    return World([*stored, EmailAddress.objects.get(user=alice)], sealed)


def url(model: object, page: str, *args: object) -> str:
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args)


def test_every_admin_is_audited() -> None:
    assert all(isinstance(each, AuditedAdmin) for each in admin.site._registry.values())


def test_what_support_has_to_look_at_is_registered() -> None:
    assert {Workspace, User, Membership, *READ_ONLY} <= set(admin.site._registry)
    assert all(isinstance(admin.site._registry[model], ReadOnlyAdmin) for model in READ_ONLY)


def test_every_list_and_object_opens_with_one_row_each_and_no_secret(
    support: Client, world: World, events: Events
) -> None:
    for each in world.objects:
        for page, args, told in (
            ("changelist", (), "Support List Viewed"),
            ("change", (each.pk,), "Support Object Viewed"),
        ):
            before = len(events())
            response = support.get(url(each, page, *args))
            assert response.status_code == 200, url(each, page, *args)
            assert events()[before:] == [told], url(each, page, *args)
            assert not [secret for secret in world.secrets if secret in response.content]


def test_a_row_says_who_looked_at_what_in_which_workspace(support: Client, world: World, workspace: Workspace) -> None:
    for each in world.objects:
        support.get(url(each, "change", each.pk))
        row = AuditRow.objects.first()
        assert (row.actor_label, row.object_type, row.object_id, row.workspace_id) == (
            "sam@support.example",
            type(each).__name__,
            str(each.pk),
            str(workspace.pk),
        )


def test_every_route_writes_one_row_where_the_coverage_page_says_so(
    support: Client, world: World, events: Events
) -> None:
    by_name = {f"{each._meta.app_label}_{each._meta.model_name}": each.pk for each in world.objects}
    asked = 0
    for line in lines():
        name = line.route.removeprefix("admin:")
        pk = by_name.get(name.rpartition("_")[0])
        if name == line.route or (pk is None and "<" in line.path) or "(?P" in line.path:
            continue
        before = len(events())
        response = support.get(line.path.replace("<object_id>", str(pk)))
        asked += 1
        told = events()[before:]
        if response.status_code == 200:
            assert told == list(line.events[:1]), line.route
            assert bool(told) == bool(line.holds), line.route
        else:
            assert told in ([], ["Access Denied"]), line.route
    assert asked > 60


def test_the_front_page_names_nobody_that_was_changed_before(support: Client, events: Events) -> None:
    support.post(url(User, "add"), {"email": "dora@example.com", "name": "Dora"}, follow=True)
    before = events()
    for path in ("/admin/", "/admin/workspaces/"):
        page = support.get(path)
        assert (page.status_code, b"dora" in page.content.lower()) == (200, False)
    assert events() == before


def test_search_words_are_not_recorded(support: Client, world: World) -> None:
    support.get(url(User, "changelist"), {"q": "alice", "is_active__exact": "1"})
    details = AuditRow.objects.first().details
    assert details == {"list": "workspaces.User", "narrowed_by": ["is_active__exact", "q"]}


@pytest.mark.parametrize("page", ["history", "delete"])
def test_other_pages_of_an_object_are_recorded_too(
    support: Client, world: World, alice: User, events: Events, page: str
) -> None:
    before = len(events())
    assert support.get(url(Authenticator, page, Authenticator.objects.get(user=alice).pk)).status_code == 200
    assert events()[before:] == ["Support Object Viewed"]


def test_what_is_read_only_is_neither_added_changed_nor_removed(support: Client, world: World) -> None:
    for each in world.objects:
        if type(each) in READ_ONLY:
            assert support.get(url(each, "add")).status_code == 403
            assert support.post(url(each, "change", each.pk), {"name": "x"}).status_code == 403
            assert support.post(url(each, "delete", each.pk), {"post": "yes"}).status_code == 403
            assert type(each).objects.filter(pk=each.pk).exists()


@pytest.mark.parametrize("model", [Workspace, User])
def test_workspaces_and_people_are_not_removed(support: Client, workspace: Workspace, alice: User, model: type) -> None:
    each = {Workspace: workspace, User: alice}[model]
    assert support.post(url(each, "delete", each.pk), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=each.pk).exists()


def test_eligibility_is_set_with_one_row_that_says_before_and_after(
    support: Client, workspace: Workspace, events: Events
) -> None:
    plan = {"plan": "team", "baa_signed_on": "", "baa_signed_by": "", "baa_reference": "", "baa_expires_on": ""}
    support.post(url(workspace, "change", workspace.pk), plan)
    workspace.refresh_from_db()
    assert (workspace.plan, workspace.baa_signed_on, events()) == ("team", None, ["Workspace Eligibility Modified"])
    row = AuditRow.objects.first()
    assert (row.actor_label, row.workspace_id) == ("sam@support.example", str(workspace.pk))
    assert row.details["before"]["plan"] == "business"


def test_name_and_slug_are_the_customers_own(support: Client, workspace: Workspace) -> None:
    support.post(url(workspace, "change", workspace.pk), {"plan": "team", "name": "Taken", "slug": "taken"})
    workspace.refresh_from_db()
    assert (workspace.name, workspace.slug) == ("Acme Health", "acme-health")


def test_a_wrong_value_changes_nothing(support: Client, workspace: Workspace, events: Events) -> None:
    response = support.post(url(workspace, "change", workspace.pk), {"plan": "gold"})
    workspace.refresh_from_db()
    assert (response.status_code, workspace.plan, events()) == (200, "business", ["Support Object Viewed"])


def test_a_workspace_is_added_and_its_plan_comes_next(support: Client, events: Events) -> None:
    response = support.post(url(Workspace, "add"), {"name": "New Clinic", "slug": "new-clinic"})
    added = Workspace.objects.get()
    assert response.headers["Location"] == url(Workspace, "change", added.pk)
    assert (added.plan, added.is_hipaa_eligible, events()) == ("free", False, ["Support Object Modified"])


def test_a_person_is_added_with_a_verified_address_and_no_password(support: Client, events: Events) -> None:
    support.post(url(User, "add"), {"email": "Dora@Example.com", "name": "Dora"})
    dora = User.objects.get(email="dora@example.com")
    assert not dora.has_usable_password()
    assert EmailAddress.objects.get(user=dora).verified
    assert events() == ["Support Object Modified"]


def test_a_new_password_is_set_and_recorded_without_it(support: Client, alice: User) -> None:
    where = reverse("admin:auth_user_password_change", args=[alice.pk])
    assert support.get(where).status_code == 200
    data = {"password1": "a quite long new one", "password2": "a quite long new one", "usable_password": "true"}
    assert support.post(where, data).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password("a quite long new one")
    rows = AuditRow.objects.filter(object_id=str(alice.pk)).order_by("id")
    assert list(rows.values_list("event_type", flat=True)) == ["Support Object Viewed", "Support Object Modified"]
    assert "new one" not in str(list(rows.values()))


def test_support_makes_the_first_owner_and_no_second(
    support: Client, workspace: Workspace, charlie: User, events: Events
) -> None:
    support.post(url(Membership, "add"), {"user": charlie.pk, "workspace": workspace.pk})
    added = Membership.objects.get(user=charlie, workspace=workspace)
    row = AuditRow.objects.get(event_type="User Policy Updated")
    assert (row.actor_label, row.workspace_id, row.object_id) == (
        "sam@support.example",
        str(workspace.pk),
        str(added.pk),
    )
    assert row.details == {"before": [], "after": ["Workspace Owner"], "first_owner": True}
    sam = User.objects.get(email="sam@support.example")
    page = support.post(url(Membership, "add"), {"user": sam.pk, "workspace": workspace.pk}).content.decode()
    assert "This workspace has an owner." in page
    assert not sam.memberships.exists()
    assert events() == ["User Policy Updated", "Support Object Viewed"]


def test_support_cannot_take_a_workspace_whose_owners_are_shut_out(
    support: Client, workspace: Workspace, alice: User, bob: User
) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    sam = User.objects.get(email="sam@support.example")
    page = support.post(url(Membership, "add"), {"user": sam.pk, "workspace": workspace.pk}).content.decode()
    assert "You cannot make yourself an owner" in page
    answer = support.post(url(Membership, "add"), {"user": bob.pk, "workspace": workspace.pk})
    assert answer.status_code == 302, answer.content.decode()
    assert bob.memberships.get().role_names == "Workspace Owner, Source Read-only"
    assert not sam.memberships.exists()


def test_members_are_neither_changed_nor_removed_by_support(
    support: Client, workspace: Workspace, bob: User, events: Events
) -> None:
    each = bob.memberships.get()
    assert support.post(url(each, "change", each.pk), {"user": bob.pk, "workspace": workspace.pk}).status_code == 403
    assert support.post(url(each, "delete", each.pk), {"post": "yes"}).status_code == 403
    assert bob.memberships.get().role_names == "Source Read-only"
    assert events() == ["Access Denied"] * 2
    assert set(AuditRow.objects.filter(event_type="Access Denied").values_list("workspace_id", "actor_kind")) == {
        (str(workspace.pk), "support")
    }


def test_a_person_and_what_is_theirs_is_told_in_each_workspace_of_theirs(
    support: Client, workspace: Workspace, alice: User, charlie: User
) -> None:
    other = charlie.workspaces.get()
    join(other, alice)
    session = UserSession.objects.create(user=alice, session_key="k" * 32, ip="127.0.0.1", user_agent="Firefox")
    factor = Authenticator.objects.get(user=alice)
    for each in (alice, EmailAddress.objects.get(user=alice), factor, session):
        for page, args in (("change", [each.pk]), ("history", [each.pk])):
            before = AuditRow.objects.count()
            assert support.get(url(each, page, *args)).status_code == 200
            told = AuditRow.objects.order_by("id")[before:]
            assert {row.workspace_id for row in told} == {str(workspace.pk), str(other.pk)}, (each, page)
            assert len(told) == 2


def test_a_list_is_told_in_each_workspace_it_shows_something_of(
    support: Client, workspace: Workspace, alice: User, charlie: User
) -> None:
    other = charlie.workspaces.get()
    for model in (Workspace, User, Membership, EmailAddress, Authenticator):
        before = AuditRow.objects.count()
        assert support.get(url(model, "changelist")).status_code == 200
        told = AuditRow.objects.order_by("id")[before:]
        assert sorted(row.workspace_id for row in told) == sorted([str(workspace.pk), str(other.pk)]), model
        assert {(row.event_type, row.actor_kind) for row in told} == {("Support List Viewed", "support")}
    support.get(url(Workspace, "changelist"), {"q": "umbrella"})
    assert AuditRow.objects.first().workspace_id == str(other.pk)
    support.get(url(Workspace, "changelist"), {"q": "nothing of that name"})
    assert AuditRow.objects.first().workspace_id == ""


def test_sessions_are_ended_and_told_in_each_workspace(
    support: Client, workspace: Workspace, alice: User, charlie: User
) -> None:
    other = charlie.workspaces.get()
    join(other, alice)
    browser = Client()
    second_factor.sign_in(browser, alice.email)
    assert browser.get("/acme-health/home").status_code == 200
    chosen = {"action": "end_sessions", "_selected_action": [str(alice.pk)]}
    assert support.post(url(User, "changelist"), chosen).status_code == 302
    assert browser.get("/acme-health/home").status_code == 302
    rows = AuditRow.objects.filter(event_type="User Sessions Ended")
    assert {row.workspace_id for row in rows} == {str(workspace.pk), str(other.pk)}
    assert {(row.actor_label, row.object_label, row.details["sessions_ended"]) for row in rows} == {
        ("sam@support.example", alice.email, 1)
    }


def test_staff_without_the_right_end_no_sessions(client: Client, alice: User, workspace: Workspace) -> None:
    staff = User.objects.create_user("helper@example.com", PASSWORD, is_staff=True)
    enrol(staff)
    staff.user_permissions.add(Permission.objects.get(codename="view_user"))
    browser = Client()
    second_factor.sign_in(browser, alice.email)
    client.force_login(staff)
    client.post(url(User, "changelist"), {"action": "end_sessions", "_selected_action": [str(alice.pk)]})
    assert browser.get("/acme-health/home").status_code == 200
    assert not AuditRow.objects.filter(event_type="User Sessions Ended").exists()


def test_without_its_row_nothing_is_shown_or_changed(support: Client, workspace: Workspace) -> None:
    support.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditrow RENAME TO gone")
    assert support.get(url(workspace, "change", workspace.pk)).status_code == 503
    assert support.post(url(workspace, "change", workspace.pk), {"plan": "free"}).status_code == 503
    workspace.refresh_from_db()
    assert (workspace.plan, LogEntry.objects.count()) == ("business", 0)


def test_an_owner_is_no_support_staff(as_alice: Client, workspace: Workspace, events: Events) -> None:
    assert as_alice.get("/admin/", follow=True).status_code == 403
    assert as_alice.get(url(workspace, "change", workspace.pk), follow=True).status_code == 403
    assert set(events()) == {"Access Denied"}


def test_staff_see_only_what_they_have_the_right_to(client: Client, alice: User, workspace: Workspace) -> None:
    staff = User.objects.create_user("helper@example.com", PASSWORD, is_staff=True)
    enrol(staff)
    staff.user_permissions.add(Permission.objects.get(codename="view_workspace"))
    client.force_login(staff)
    assert client.get(url(workspace, "change", workspace.pk)).status_code == 200
    assert client.get(url(alice, "change", alice.pk)).status_code == 403
    assert client.post(url(workspace, "change", workspace.pk), {"plan": "free"}).status_code == 403
    assert Workspace.objects.get().plan == "business"


def test_a_stranger_is_sent_to_sign_in(client: Client, db: None) -> None:
    response = client.get("/admin/", follow=True)
    assert response.redirect_chain[-1][0].startswith("/login?next=%2Fadmin%2F")


@pytest.fixture
def crowd(workspace: Workspace, alice: User) -> None:
    """Thirty of each kind that lists show."""
    for n in range(30):
        other = WorkspaceFactory(name=f"Clinic {n}", slug=f"clinic-{n}")
        user = User.objects.create_user(f"person{n}@example.com")
        join(other, user, "source_admin")
        SourceFactory(workspace=other)
        invitation(workspace, f"guest{n}@example.com")
        Label.objects.create(workspace=other, key="brand", value=f"b{n}")
        SupportAccess.objects.create(workspace=other, granted_by=user, expires_at=MOMENT)
        EmailAddress.objects.create(user=user, email=user.email)
        enrol(user)
        UserSession.objects.create(user=user, session_key=f"{n:032}", ip="127.0.0.1", user_agent="Firefox")
        AccessAttempt.objects.create(username=user.email, attempt_time=MOMENT, failures_since_start=1)


LISTS = [Workspace, User, Membership, Invitation, SupportAccess, Label, Source]
LISTS += [EmailAddress, Authenticator, UserSession, AccessAttempt]


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model.__name__)
def test_lists_ask_a_constant_number_of_queries_besides_their_rows(support: Client, crowd: None, model: type) -> None:
    with counted() as asked:
        assert support.get(url(model, "changelist")).status_code == 200
    reads = [each["sql"] for each in asked if each["sql"].startswith("SELECT")]
    assert len(reads) <= 16, reads
    told = AuditRow.objects.filter(event_type="Support List Viewed")
    assert told.count() == (1 if model is Invitation else told.values("workspace_id").distinct().count())
    assert told.count() >= (1 if model is Invitation else 30)
