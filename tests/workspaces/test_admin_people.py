"""People in Django admin: what support staff may change of whom, and what their owners hear of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse

from audit.models import AuditRow
from tests import second_factor
from tests.factories import PASSWORD, enrol, invitation, support_staff
from workspaces import one_time
from workspaces.models import Invitation, User, Workspace

NEW = {"password1": "a quite long new one", "password2": "a quite long new one", "usable_password": "true"}
OnCommit = Callable[..., Any]


def url(each: Any, page: str) -> str:
    return reverse(f"admin:{each._meta.app_label}_{each._meta.model_name}_{page}", args=[each.pk])


def password_of(user: User) -> str:
    return reverse("admin:auth_user_password_change", args=[user.pk])


def answers(user: User, **changed: str) -> dict[str, str]:
    """The form of a person as it is sent, with some of it changed; "" leaves a box unticked."""
    ticks = {name: "on" for name in ("is_active", "is_staff", "is_superuser") if getattr(user, name)}
    return {key: value for key, value in ({"email": user.email, "name": user.name} | ticks | changed).items() if value}


@pytest.fixture
def as_sam(client: Client, db: None) -> Client:
    """Support staff with every right, signed in by password and code."""
    second_factor.sign_in(client, support_staff().email)
    return client


@pytest.fixture
def helper(db: None) -> User:
    """Support staff who may change people and remove factors, and are no superusers."""
    user = User.objects.create_user("helper@support.example", PASSWORD, name="Helper", is_staff=True)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    enrol(user)
    names = ("view_user", "change_user", "view_authenticator", "delete_authenticator", "change_emailaddress")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


@pytest.fixture
def as_helper(helper: User) -> Client:
    client = Client()
    client.force_login(helper)
    return client


def test_a_changed_address_is_kept_in_lower_case_and_still_accepts_invitations(
    as_sam: Client, workspace: Workspace, alice: User, charlie: User
) -> None:
    assert as_sam.post(url(charlie, "change"), answers(charlie, email="Carla.Klein@Example.COM")).status_code == 302
    charlie.refresh_from_db()
    assert charlie.email == "carla.klein@example.com"
    assert EmailAddress.objects.get(user=charlie).email == "carla.klein@example.com"
    Invitation.objects.filter(pk=invitation(workspace, charlie.email).pk).update(digest=one_time.digest("link"))
    theirs = Client()
    second_factor.sign_in(theirs, "Carla.Klein@example.com")
    assert theirs.post("/invitations/link").status_code == 302
    assert workspace.members.filter(pk=charlie.pk).exists()


def test_staff_who_set_a_password_can_still_be_signed_out_everywhere(as_sam: Client, charlie: User) -> None:
    sam = User.objects.get(email="sam@support.example")
    assert as_sam.post(password_of(charlie), NEW).status_code == 302
    assert "This session" in as_sam.get("/settings/user/sessions").content.decode()
    assert UserSession.objects.get(user=sam).session_key == as_sam.session.session_key
    other = Client()
    other.force_login(sam)
    chosen = {"action": "end_sessions", "_selected_action": [str(sam.pk)]}
    other.post(reverse("admin:workspaces_user_changelist"), chosen)
    assert as_sam.get("/settings/user/sessions").status_code == 302


def test_no_row_no_new_password(as_sam: Client, charlie: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise DatabaseError("the log is full")

    monkeypatch.setattr("audit.admin_base.record", refuse)
    as_sam.raise_request_exception = False
    assert as_sam.post(password_of(charlie), NEW).status_code == 503
    charlie.refresh_from_db()
    assert charlie.check_password(PASSWORD)


def test_who_is_shut_out_is_signed_out_and_stays_so(as_sam: Client, charlie: User) -> None:
    theirs = Client()
    second_factor.sign_in(theirs, charlie.email)
    assert theirs.get("/umbrella/home").status_code == 200
    as_sam.post(url(charlie, "change"), answers(charlie, is_active=""))
    charlie.refresh_from_db()
    assert not charlie.is_active
    as_sam.post(url(charlie, "change"), answers(charlie, is_active="on"))
    charlie.refresh_from_db()
    assert charlie.is_active
    assert theirs.get("/umbrella/home").status_code == 302


class TestNotices:
    """Whoever staff change something of reads it in a mail, as if they had done it themselves."""

    def test_a_new_password(self, as_sam: Client, charlie: User, django_capture_on_commit_callbacks: OnCommit) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            as_sam.post(password_of(charlie), {**NEW, "password2": "something else"})
            as_sam.post(password_of(charlie), NEW)
        assert [(sent.subject, sent.to) for sent in mail.outbox] == [
            ("Support staff changed the password - Lifeline", ["charlie@example.com"])
        ]

    def test_a_removed_factor(
        self, as_sam: Client, charlie: User, django_capture_on_commit_callbacks: OnCommit
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            as_sam.post(url(Authenticator.objects.get(user=charlie), "delete"), {"post": "yes"})
        assert not Authenticator.objects.filter(user=charlie).exists()
        assert [(sent.subject, sent.to) for sent in mail.outbox] == [
            ("Support staff removed the authenticator app - Lifeline", ["charlie@example.com"])
        ]

    def test_another_address_is_told_to_the_old_one_too(
        self, as_sam: Client, charlie: User, django_capture_on_commit_callbacks: OnCommit
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            as_sam.post(url(charlie, "change"), answers(charlie, name="Carla"))
            as_sam.post(url(charlie, "change"), answers(charlie, email="carla@example.com"))
        assert [(sent.subject, sent.to) for sent in mail.outbox] == [
            ("Support staff changed the e-mail address - Lifeline", ["carla@example.com"]),
            ("Support staff changed the e-mail address - Lifeline", ["charlie@example.com"]),
        ]


class TestStaffWithSomeRights:
    """They change customers, and neither staff nor what staff may do."""

    def test_they_change_customers(self, as_helper: Client, charlie: User) -> None:
        data = answers(charlie, name="Carla", is_staff="on", is_superuser="on")
        assert as_helper.post(url(charlie, "change"), data).status_code == 302
        charlie.refresh_from_db()
        assert (charlie.name, charlie.is_staff, charlie.is_superuser) == ("Carla", False, False)

    def test_they_give_themselves_nothing(self, as_helper: Client, helper: User) -> None:
        assert as_helper.post(url(helper, "change"), answers(helper, is_superuser="on")).status_code == 403
        helper.refresh_from_db()
        assert not helper.is_superuser
        assert AuditRow.objects.filter(event_type="Access Denied").count() == 1

    def test_they_give_their_group_nothing(self, as_helper: Client, helper: User) -> None:
        """With the right to change groups a member of one could say what it may do."""
        group = Group.objects.create(name="Helpers")
        helper.groups.add(group)
        names = ("add_group", "change_group", "delete_group")
        helper.user_permissions.add(*Permission.objects.filter(codename__in=names))
        more = Permission.objects.get(codename="change_workspace")
        refused = [
            as_helper.post(url(group, "change"), {"name": "Helpers", "permissions": [more.pk]}),
            as_helper.post(reverse("admin:auth_group_add"), {"name": "Masters", "permissions": [more.pk]}),
            as_helper.post(url(group, "delete"), {"post": "yes"}),
        ]
        assert [each.status_code for each in refused] == [403] * 3
        assert list(Group.objects.values_list("name", "permissions")) == [("Helpers", None)]

    def test_they_become_nobody_with_more_rights(self, as_helper: Client, db: None) -> None:
        sam = support_staff()
        before = (sam.password, sam.email)
        address, factor = EmailAddress.objects.get(user=sam), Authenticator.objects.get(user=sam)
        refused = [
            as_helper.post(password_of(sam), NEW),
            as_helper.post(url(sam, "change"), answers(sam, email="mine@example.com")),
            as_helper.post(url(address, "change"), {"verified": "on"}),
            as_helper.post(url(factor, "delete"), {"post": "yes"}),
        ]
        assert [each.status_code for each in refused] == [403] * 4
        sam.refresh_from_db()
        assert (sam.password, sam.email) == before
        assert Authenticator.objects.filter(user=sam).exists()


def test_nobody_is_given_a_second_address(as_sam: Client, charlie: User) -> None:
    where = reverse("admin:account_emailaddress_add")
    assert as_sam.post(where, {"user": charlie.pk, "email": "mine@example.com", "verified": "on"}).status_code == 403
    address = EmailAddress.objects.get(user=charlie)
    as_sam.post(url(address, "change"), {"email": "mine@example.com", "verified": ""})
    address.refresh_from_db()
    assert (address.email, address.verified) == ("charlie@example.com", False)
