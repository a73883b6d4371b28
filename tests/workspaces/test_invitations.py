"""Inviting people: the form, the mail, the list, and the page behind the link."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import connection
from django.http import Http404
from django.test import Client
from django.utils import timezone

from audit.models import AuditRow
from segment_app.logs import LineFormatter
from tests import factories, second_factor
from tests.factories import PASSWORD, SourceFactory, join, member
from tests.queries import counted
from workspaces import grants, invitations
from workspaces.grants import RoleGiven
from workspaces.models import Invitation, Label, Source, User, Workspace
from workspaces.roles import Role, Scope

LIST = "/acme-health/settings/access-management/invitations"
INVITE = "/acme-health/settings/access-management/invite"
READER = {"level": "member", "source_read_only": "on", "source_read_only_scope": "all"}
NAME = {"name": "Nina Nurse", "password": "a river of quiet lanterns"}


# Mails leave once the invitation is committed.
pytestmark = pytest.mark.django_db(transaction=True)


def link(number: int = -1) -> str:
    """The path in the latest mail, as a person would open it."""
    found = re.search(r"http://\S+?(/invitations/\S+)", str(mail.outbox[number].body))
    assert found is not None
    return found[1]


def invite(client: Client, emails: str = "nina@example.com", **answers: object) -> str:
    answer = client.post(INVITE, {"emails": emails, **READER, **answers}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status
    return answer.content.decode()


def events(name: str) -> list[AuditRow]:
    return list(AuditRow.objects.filter(event_type=name).order_by("id"))


def test_an_invitation_is_a_mail_with_a_link(as_alice: Client, alice: User) -> None:
    page = invite(as_alice, "Nina@Example.com")
    assert "Invited: nina@example.com." in page
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["nina@example.com"], "You are invited to Acme Health")
    assert "Alice (alice@example.com) invites you" in sent.body
    assert ["nina@example.com" in page, "Invite Pending" in page, "Source Read-only" in page] == [True] * 3
    (row,) = events("User Invite Sent")
    assert (row.object_label, row.details) == ("nina@example.com", {"roles": ["Source Read-only"]})
    secret = link().rsplit("/", maxsplit=1)[1]
    assert secret not in str(Invitation.objects.values().get())
    assert all(secret not in str(each) for each in AuditRow.objects.values())


def test_a_name_with_a_line_break_makes_no_second_header(as_alice: Client, workspace: Workspace) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(name="Acme\nBcc: eve@example.com")
    invite(as_alice)
    assert mail.outbox[0].subject == "You are invited to Acme Bcc: eve@example.com"
    assert mail.outbox[0].recipients() == ["nina@example.com"]


def test_several_are_invited_alike(as_alice: Client, workspace: Workspace) -> None:
    invite(as_alice, "nina@example.com, omar@example.com;\n nina@example.com\n")
    assert [each.to for each in mail.outbox] == [["nina@example.com"], ["omar@example.com"]]
    assert workspace.invitations.count() == 2


@pytest.mark.parametrize(
    ("emails", "message"),
    [
        ("nina@example.com, nonsense", "nonsense is not an e-mail address."),
        ("nina@example.com bob@example.com", "bob@example.com is a member already."),
        ("nina@example.com pia@example.com", "pia@example.com is invited already. Send the invitation again instead."),
        (" , ", "not an e-mail address"),
        ("", "This field is required."),
        (" ".join(f"a{n}@example.com" for n in range(51)), "Invite at most 50 people at once."),
    ],
)
def test_one_wrong_address_invites_nobody(
    as_alice: Client, workspace: Workspace, bob: User, emails: str, message: str
) -> None:
    factories.invitation(workspace, "pia@example.com")
    assert message in invite(as_alice, emails)
    assert list(workspace.invitations.values_list("email", flat=True)) == ["pia@example.com"]
    assert (mail.outbox, events("User Invite Sent")) == ([], [])


def test_inviting_tells_nobody_whether_there_is_an_account(as_alice: Client, charlie: User) -> None:
    for email in (charlie.email, "nobody@example.com"):
        assert f"Invited: {email}." in invite(as_alice, email)
    first, second = (str(each.body) for each in mail.outbox)
    assert re.sub(r"invitations/\S+", "", first) == re.sub(r"invitations/\S+", "", second)


def test_an_empty_reach_is_refused_beside_the_role(as_alice: Client, workspace: Workspace) -> None:
    assert "Choose at least one source." in invite(as_alice, source_read_only_scope="chosen")
    assert not workspace.invitations.exists()


@pytest.mark.parametrize("answers", [{"pii_access": "on"}, {"level": "owner"}])
def test_inviting_to_personal_data_asks_who_does_it(
    client: Client, alice: User, workspace: Workspace, answers: dict[str, str]
) -> None:
    with time_machine.travel(timezone.now() - timedelta(minutes=6)):
        second_factor.sign_in(client, alice.email)
    asked = client.post(INVITE, {"emails": "nina@example.com", **READER, **answers})
    assert asked["Location"] == f"/reauthenticate?next={INVITE.replace('/', '%2F')}"
    assert (workspace.invitations.count(), mail.outbox) == (0, [])
    page = client.post(asked["Location"], {"password": PASSWORD}, follow=True).content.decode()
    assert ["Nothing is saved yet" in page, "nina@example.com</textarea>" in page] == [True, True]
    assert "Invited: nina@example.com." in invite(client, **answers)


def test_a_mail_that_cannot_be_sent_loses_nothing(
    as_alice: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("no mail server")

    monkeypatch.setattr("workspaces.invitation_mail.send_mail", refuse)
    page = invite(as_alice)
    assert "The mail could not be sent to nina@example.com." in page
    assert "Invite Pending" in page
    assert [(row.outcome, row.details.get("reason")) for row in events("User Invite Sent")] == [
        ("done", None),
        ("failed", "mail not sent"),
    ]
    monkeypatch.undo()
    as_alice.post(f"{LIST}/{workspace.invitations.get().pk}/resend")
    assert mail.outbox[0].to == ["nina@example.com"]


def test_sending_again_brings_a_new_link_and_ends_the_old(as_alice: Client, workspace: Workspace) -> None:
    invite(as_alice)
    where = f"{LIST}/{workspace.invitations.get().pk}"
    with time_machine.travel(timezone.now() + timedelta(minutes=10)):
        assert "Source Read-only" in text_of(as_alice, where)
        as_alice.post(f"{where}/resend")
    assert "This link works no more" in text_of(Client(), link(0), 404)
    assert "Create account and join" in text_of(Client(), link(1))
    assert events("User Invite Sent")[1].details == {"again": True}


def test_revoking_ends_the_link(as_alice: Client, workspace: Workspace) -> None:
    invite(as_alice)
    where = f"{LIST}/{workspace.invitations.get().pk}"
    answer = as_alice.post(f"{where}/revoke", follow=True)
    assert "The invitation of nina@example.com is revoked." in answer.content.decode()
    assert "Nobody is invited at the moment" in text_of(as_alice, LIST)
    assert Client().post(link(), NAME).status_code == 404
    assert not User.objects.filter(email="nina@example.com").exists()
    assert len(events("User Invite Deleted")) == 1
    assert as_alice.get(where).status_code == 404


def test_what_was_revoked_a_moment_ago_is_not_sent_again(workspace: Workspace, alice: User) -> None:
    asked = factories.invitation(workspace)
    Invitation.objects.filter(pk=asked.pk).delete()  # by another owner, or the invited accepted
    for deed in (invitations.resend, invitations.revoke):
        with pytest.raises(Http404):
            deed(asked, actor=alice)
    assert (workspace.invitations.count(), mail.outbox, AuditRow.objects.count()) == (0, [], 0)


def test_an_invitation_of_another_workspace_is_not_there(as_alice: Client, charlie: User) -> None:
    foreign = factories.invitation(charlie.workspaces.get())
    for answer in (as_alice.get(f"{LIST}/{foreign.pk}"), as_alice.post(f"{LIST}/{foreign.pk}/revoke")):
        assert answer.status_code == 404
    assert Invitation.objects.filter(pk=foreign.pk).exists()


def test_many_invitations_cost_as_many_queries_as_one(as_alice: Client, workspace: Workspace) -> None:
    def count() -> int:
        with counted() as queries:
            text_of(as_alice, LIST)
        return len(queries)

    factories.invitation(workspace)
    few = count()
    for n in range(60):
        factories.invitation(workspace, f"n{n}@example.com", RoleGiven(Role.AUDITOR))
    assert count() == few


def test_a_newcomer_makes_an_account_and_must_enrol(as_alice: Client, workspace: Workspace) -> None:
    invite(as_alice)
    theirs = Client()
    assert "Alice invites" in text_of(theirs, link())
    assert theirs.head(link()).status_code == 200
    assert not User.objects.filter(email="nina@example.com").exists()  # looking does nothing
    answer = theirs.post(link(), NAME)
    assert answer["Location"] == "/acme-health/home"
    nina = User.objects.get(email="nina@example.com")
    assert (nina.name, nina.check_password(NAME["password"])) == ("Nina Nurse", True)
    assert EmailAddress.objects.get(user=nina).verified
    assert grants.given_to(nina.memberships.get()) == [RoleGiven(Role.SOURCE_READ_ONLY)]
    assert not workspace.invitations.exists()
    assert theirs.get("/acme-health/home")["Location"] == "/settings/user/mfa"
    (row,) = events("User Invite Accepted")
    assert (row.actor_label, row.details) == ("nina@example.com", {"roles": ["Source Read-only"]})
    assert [each.actor_label for each in events("User Signed In")] == ["alice@example.com", "nina@example.com"]
    assert Client().get(link()).status_code == 404  # once


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"password": "short"}, "at least 12 characters"),
        ({"password": "password1234"}, "too common"),
        ({"name": ""}, "This field is required."),
        ({"name": " "}, "This field is required."),
    ],
)
def test_a_weak_password_or_no_name_makes_no_account(
    as_alice: Client, workspace: Workspace, answers: dict[str, str], message: str
) -> None:
    invite(as_alice)
    answer = Client().post(link(), {**NAME, **answers})
    assert message in answer.content.decode()
    assert NAME["password"] not in answer.content.decode()
    assert not User.objects.filter(email="nina@example.com").exists()
    assert workspace.invitations.exists()


def test_who_has_an_account_signs_in_and_accepts(as_alice: Client, workspace: Workspace, charlie: User) -> None:
    invite(as_alice, charlie.email)
    theirs = Client()
    page = text_of(theirs, link())
    assert "Create account" not in page
    assert theirs.post(link(), NAME).status_code == 200  # makes nothing, sets no password
    assert not workspace.members.filter(pk=charlie.pk).exists()
    sign_in = re.search(r'href="(/login\?next=[^"]+)"', page)
    assert sign_in is not None
    assert second_factor.sign_in(theirs, charlie.email, url=sign_in[1])["Location"] == link()
    assert "Accept Invitation" in text_of(theirs, link())
    assert not workspace.members.filter(pk=charlie.pk).exists()
    page = theirs.post(link(), follow=True).content.decode()
    assert "You are a member of Acme Health." in page
    assert grants.given_to(workspace.memberships.get(user=charlie)) == [RoleGiven(Role.SOURCE_READ_ONLY)]
    assert theirs.get(link()).status_code == 404


def test_another_account_cannot_accept(as_alice: Client, workspace: Workspace, bob: User) -> None:
    invite(as_alice)
    theirs = Client()
    theirs.force_login(bob)
    assert "You are signed in with another account" in text_of(theirs, link())
    assert theirs.post(link()).status_code == 200
    assert grants.given_to(bob.memberships.get()) == [RoleGiven(Role.SOURCE_READ_ONLY)]
    assert workspace.invitations.exists()
    assert theirs.post("/logout", {"next": link()})["Location"] == link()
    assert "Create account and join" in text_of(theirs, link())


def test_an_expired_link_says_so_and_makes_nobody_a_member(as_alice: Client, workspace: Workspace) -> None:
    invite(as_alice)
    with time_machine.travel(timezone.now() + timedelta(days=3, seconds=1)):
        page = text_of(Client(), link(), 410)
        assert "Ask Alice to send it again" in page
        assert Client().post(link(), NAME).status_code == 410
        as_alice.force_login(User.objects.get(email="alice@example.com"))
        assert "Expired" in text_of(as_alice, LIST)
    assert not User.objects.filter(email="nina@example.com").exists()


def test_no_log_line_holds_a_link_that_still_works(
    as_alice: Client, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    invite(as_alice)
    careful = Client(enforce_csrf_checks=True)
    assert careful.post(link(), NAME).status_code == 403
    lines = [LineFormatter().format(record) for record in caplog.records]
    assert any("/invitations/..." in line for line in lines)
    assert [line for line in lines if link() in line] == []


@pytest.mark.parametrize("account", [True, False])
def test_two_tabs_that_accept_at_once_make_one_member(
    as_alice: Client, workspace: Workspace, charlie: User, account: bool
) -> None:
    invite(as_alice, charlie.email if account else "nina@example.com")
    both = threading.Barrier(2)

    def accept(tab: Client) -> int:
        both.wait()
        try:
            return tab.post(link(), NAME).status_code
        finally:
            connection.close()

    tabs = [Client(), Client()]
    if account:
        for tab in tabs:
            tab.force_login(charlie)
    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(accept, tabs))
    assert answers[0] == 302
    assert answers[1] in {200, 302, 404}  # told, or in time to be sent on: never an error
    assert workspace.memberships.count() == 2
    assert len(events("User Invite Accepted")) == 1


def test_an_unknown_link_tells_nothing(db: None) -> None:
    assert "This link works no more" in text_of(Client(), "/invitations/made-up", 404)
    assert Client().post("/invitations/made-up", NAME).status_code == 404


def promised(workspace: Workspace, *roles: RoleGiven) -> list[RoleGiven]:
    """What an invited newcomer is given."""
    invitation = factories.invitation(workspace, "nina@example.com", *roles)
    return invitations.roles_of(invitation)


def test_a_promise_by_labels_is_void_once_one_of_them_is_gone(workspace: Workspace, alice: User) -> None:
    prod, north = (Label.objects.create(workspace=workspace, key=k, value=k) for k in ("prod", "north"))
    both = frozenset([prod.pk, north.pk])
    role = RoleGiven(Role.SOURCE_ADMIN, Scope.LABELS, label_ids=both)
    north.delete()
    assert promised(workspace, role) == []


def test_a_promise_of_sources_shrinks_to_those_that_are_left(workspace: Workspace, alice: User) -> None:
    kept, gone = SourceFactory(workspace=workspace), SourceFactory(workspace=workspace)
    role = RoleGiven(Role.SOURCE_ADMIN, Scope.CHOSEN, source_ids=frozenset([kept.pk, gone.pk]))
    Source.objects.filter(pk=gone.pk).delete()
    assert promised(workspace, role) == [RoleGiven(Role.SOURCE_ADMIN, Scope.CHOSEN, source_ids=frozenset([kept.pk]))]


def test_accepting_takes_nothing_from_who_became_a_member_meanwhile(
    as_alice: Client, workspace: Workspace, charlie: User
) -> None:
    invite(as_alice, charlie.email)
    join(workspace, charlie, Role.OWNER)
    theirs = Client()
    theirs.force_login(charlie)
    theirs.post(link())
    assert grants.given_to(workspace.memberships.get(user=charlie)) == [RoleGiven(Role.OWNER)]
    assert not workspace.invitations.exists()


def test_only_owners_invite(client: Client, workspace: Workspace, alice: User) -> None:
    client.force_login(member(workspace, "sid", Role.SOURCE_ADMIN))
    assert client.post(INVITE, {"emails": "nina@example.com", "level": "owner"}).status_code == 403
    assert (workspace.invitations.count(), mail.outbox) == (0, [])
