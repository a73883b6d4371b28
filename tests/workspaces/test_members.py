"""Access Management: the list, a member's roles, removing a member."""

from __future__ import annotations

import csv
import io
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.http import Http404
from django.test import Client
from django.utils import timezone

from audit.models import AuditRow
from tests import second_factor
from tests.factories import SourceFactory, invitation, member
from tests.queries import counted
from workspaces import grants, one_time, support_access
from workspaces import members as verbs
from workspaces.grants import RoleGiven
from workspaces.invitations import invite
from workspaces.labels import create_label
from workspaces.models import Grant, Invitation, Label, Membership, Source, User, Workspace
from workspaces.roles import MEMBER_RIGHTS, RIGHTS, Right, Role, Scope
from workspaces.sign_in_links import make_link

LIST = "/acme-health/settings/access-management"
HOUR = timedelta(hours=1)


def page_of(client: Client, url: str = LIST) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def url_of(user: User) -> str:
    return f"{LIST}/users/{user.memberships.get().pk}"


def roles_of(user: User) -> list[RoleGiven]:
    return grants.given_to(user.memberships.get())


def test_the_list_says_who_what_mfa_and_when(client: Client, alice: User, bob: User) -> None:
    bob.authenticator_set.all().delete()
    client.force_login(alice)
    page = page_of(client)
    rows = [row.split("</tr>")[0] for row in page.split("<tbody>")[1].split("<tr>")[1:]]
    assert ["alice@example.com" in rows[0], "Workspace Owner" in rows[0], ">On<" in rows[0]] == [True] * 3
    assert "just now" in rows[0]
    assert ["Bob" in rows[1], "Source Read-only" in rows[1], ">Off<" in rows[1]] == [True] * 3
    assert "never" in rows[1]
    row = AuditRow.objects.get(event_type="Member List Viewed")
    assert row.actor_label == alice.email


def test_the_list_is_searched_and_sorted(as_alice: Client, bob: User) -> None:
    assert "bob@example.com" not in page_of(as_alice, f"{LIST}?q=ALICE")
    assert "Nobody has this" in page_of(as_alice, f"{LIST}?q=nobody")
    page = page_of(as_alice, f"{LIST}?sort=-email")
    assert page.index("bob@example.com") < page.index("alice@example.com", page.index("<tbody>"))


def test_a_thousand_members_cost_as_many_queries_as_two(as_alice: Client, workspace: Workspace, bob: User) -> None:
    def count() -> int:
        with counted() as queries:
            page_of(as_alice)
        return len(queries)

    few = count()
    users = User.objects.bulk_create(User(email=f"m{n}@example.com", name=f"Member {n}") for n in range(998))
    memberships = Membership.objects.bulk_create(Membership(workspace=workspace, user=user) for user in users)
    Grant.objects.bulk_create(Grant(membership=each, role=Role.AUDITOR) for each in memberships)
    assert workspace.memberships.count() == 1000
    assert (count(), few) == (15, 15)
    assert "1–50 of 1000" in page_of(as_alice)  # noqa: RUF001


def test_the_download_names_roles_with_their_reach(as_alice: Client, workspace: Workspace, source: Source) -> None:
    eve = member(workspace, "eve", Role.PII_ACCESS)
    User.objects.filter(pk=eve.pk).update(name="=HYPERLINK(1)")
    label = Label.objects.create(workspace=workspace, key="environment", value="Prod")
    grants.write(
        eve.memberships.get(),
        [
            RoleGiven(Role.SOURCE_ADMIN, Scope.CHOSEN, source_ids=frozenset([source.pk])),
            RoleGiven(Role.SOURCE_READ_ONLY, Scope.LABELS, label_ids=frozenset([label.pk])),
        ],
    )
    response = as_alice.get(f"{LIST}/users.csv")
    assert response["Content-Disposition"].startswith('attachment; filename="acme-health-members-')
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert [row["email"] for row in rows] == ["alice@example.com", "eve@example.com"]
    assert rows[0]["roles"] == "Workspace Owner"
    assert rows[1]["name"] == "'=HYPERLINK(1)"
    assert rows[1]["roles"] == f"Source Admin: {source.name}; Source Read-only: environment:Prod"
    assert (rows[1]["mfa"], rows[1]["last_sign_in"]) == ("on", "")
    assert AuditRow.objects.get(event_type="Member List Exported").details == {"rows": 2}


def test_roles_are_changed_and_hold_at_the_next_request(
    as_alice: Client, workspace: Workspace, bob: User, source: Source
) -> None:
    his = Client()
    his.force_login(bob)
    assert his.get("/acme-health/sources").status_code == 200
    answer = as_alice.post(url_of(bob), {"level": "member", "auditor": "on"}, follow=True)
    assert "The roles are saved." in answer.content.decode()
    assert roles_of(bob) == [RoleGiven(Role.AUDITOR)]
    assert his.get("/acme-health/sources").status_code == 403
    assert his.get("/acme-health/settings/audit-log").status_code == 200
    row = AuditRow.objects.get(event_type="User Policy Updated")
    assert row.details == {"before": ["Source Read-only"], "after": ["Auditor"]}


def test_a_role_is_given_on_chosen_sources_and_by_label(
    as_alice: Client, workspace: Workspace, bob: User, source: Source
) -> None:
    label = Label.objects.create(workspace=workspace, key="environment", value="Prod")
    answers = {
        "level": "member",
        "source_admin": "on",
        "source_admin_scope": "chosen",
        "source_admin_sources": [str(source.pk)],
        "source_admin_labels": [str(label.pk)],  # left ticked under another choice
        "source_read_only": "on",
        "source_read_only_scope": "labels",
        "source_read_only_labels": [str(label.pk)],
    }
    assert as_alice.post(url_of(bob), answers).status_code == 302
    assert roles_of(bob) == [
        RoleGiven(Role.SOURCE_ADMIN, Scope.CHOSEN, source_ids=frozenset([source.pk])),
        RoleGiven(Role.SOURCE_READ_ONLY, Scope.LABELS, label_ids=frozenset([label.pk])),
    ]
    assert "Source Admin (1 source), Source Read-only (environment:Prod)" in page_of(as_alice)
    page = page_of(as_alice, url_of(bob))
    assert f'name="source_admin_sources" value="{source.pk}"' in page
    assert "(on 1 source)" in page


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"source_admin_scope": "chosen"}, "Choose at least one source."),
        ({"source_admin_scope": "labels"}, "Choose at least one label."),
        ({"source_admin_scope": "chosen", "source_admin_sources": ["nonsense"]}, "no longer there"),
        ({"source_admin_scope": "everything"}, "Select a valid choice."),
    ],
)
def test_an_empty_or_unknown_reach_is_refused(
    as_alice: Client, bob: User, answers: dict[str, str], message: str
) -> None:
    page = as_alice.post(url_of(bob), {"level": "member", "source_admin": "on", **answers}).content.decode()
    assert message in page
    assert roles_of(bob) == [RoleGiven(Role.SOURCE_READ_ONLY)]
    assert not AuditRow.objects.filter(event_type="User Policy Updated").exists()


def test_a_source_of_another_workspace_cannot_be_chosen(as_alice: Client, bob: User, charlie: User) -> None:
    foreign = SourceFactory(workspace=charlie.workspaces.get())
    answers = {"source_admin": "on", "source_admin_scope": "chosen", "source_admin_sources": [str(foreign.pk)]}
    page = as_alice.post(url_of(bob), {"level": "member", **answers}).content.decode()
    assert "no longer there" in page
    assert foreign.name not in page
    assert roles_of(bob) == [RoleGiven(Role.SOURCE_READ_ONLY)]


@pytest.mark.parametrize("answers", [{"level": "member", "pii_access": "on"}, {"level": "owner"}])
def test_showing_personal_data_asks_who_does_it_and_keeps_the_answers(
    client: Client, alice: User, bob: User, answers: dict[str, str]
) -> None:
    with time_machine.travel(timezone.now() - timedelta(minutes=6)):
        second_factor.sign_in(client, alice.email)
    asked = client.post(url_of(bob), answers)
    assert asked["Location"] == f"/reauthenticate?next={url_of(bob).replace('/', '%2F')}"
    assert roles_of(bob) == [RoleGiven(Role.SOURCE_READ_ONLY)]
    assert not AuditRow.objects.filter(event_type="User Policy Updated").exists()

    confirmed = client.post(asked["Location"], {"password": "correct horse battery staple"}, follow=True)
    page = confirmed.content.decode()
    assert confirmed.redirect_chain[-1][0] == url_of(bob)
    assert "Nothing is saved yet" in page
    chosen = 'value="owner"' if answers["level"] == "owner" else 'name="pii_access"'
    assert "checked" in page.split(chosen)[1].split(">")[0]
    assert "Nothing is saved yet" not in page_of(client, url_of(bob))

    assert client.post(url_of(bob), answers).status_code == 302
    row = AuditRow.objects.get(event_type="User Policy Updated")
    expected = Role.OWNER if answers["level"] == "owner" else Role.PII_ACCESS
    assert row.details["after"] == [expected.label]


def test_taking_personal_data_away_asks_nothing(as_alice: Client, workspace: Workspace) -> None:
    eve = member(workspace, "eve", Role.PII_ACCESS)
    assert as_alice.post(url_of(eve), {"level": "member"}).headers["Location"] == url_of(eve)
    assert roles_of(eve) == []
    assert AuditRow.objects.get(event_type="User Policy Updated").details["pii_access"] == "revoked"


def test_the_last_owner_is_neither_demoted_nor_removed(as_alice: Client, alice: User) -> None:
    message = "A workspace keeps at least one owner. Make another member an owner first."
    assert message in as_alice.post(url_of(alice), {"level": "member"}).content.decode()
    assert message in as_alice.post(f"{url_of(alice)}/remove").content.decode()
    assert roles_of(alice) == [RoleGiven(Role.OWNER)]
    assert not AuditRow.objects.filter(event_type__in=["User Policy Updated", "User Removed"]).exists()
    assert page_of(as_alice)


def test_an_owner_may_step_down_while_another_stays(as_alice: Client, alice: User, workspace: Workspace) -> None:
    member(workspace, "olga", Role.OWNER)
    answer = as_alice.post(url_of(alice), {"level": "member"}, follow=True)
    assert answer.redirect_chain == [("/acme-health/home", 302)]
    assert as_alice.get(LIST).status_code == 403


def test_removing_a_member_ends_every_session_at_once(as_alice: Client, alice: User, bob: User) -> None:
    browsers = [Client(), Client()]
    second_factor.sign_in(browsers[0], bob.email)
    browsers[1].post(make_link(bob).removeprefix(settings.SITE_URL))
    for browser in browsers:
        assert browser.get("/acme-health/home").status_code == 200
    unused = make_link(bob).removeprefix(settings.SITE_URL)
    where = url_of(bob)
    assert "loses every role" in page_of(as_alice, f"{where}/remove")
    answer = as_alice.post(f"{where}/remove", follow=True)
    assert "Bob is no longer a member and was signed out everywhere." in answer.content.decode()
    for browser in browsers:
        assert browser.get("/acme-health/home")["Location"].startswith("/login?")
    assert Client().post(unused).status_code == 410
    assert AuditRow.objects.get(event_type="User Removed").details["roles"] == ["Source Read-only"]
    assert as_alice.get(where).status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("removes", [True, False])
def test_two_owners_who_take_each_other_out_at_once_leave_one(workspace: Workspace, alice: User, removes: bool) -> None:
    olga = member(workspace, "olga", Role.OWNER)
    both = threading.Barrier(2)

    def take_out(actor: User, other: User) -> str:
        membership = other.memberships.get()
        both.wait()
        try:
            if removes:
                verbs.remove_member(membership, actor=actor)
            else:
                verbs.change_roles(membership, [], actor=actor)
            return "done"
        except (ValidationError, PermissionDenied, Http404) as refusal:
            return type(refusal).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(take_out, [alice, olga], [olga, alice]))
    assert ends.count("done") == 1
    assert workspace.memberships.filter(grants__role=Role.OWNER).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("deed", ["roles", "removal", "invitation", "support access", "label"])
def test_a_right_lost_while_one_waits_for_the_lock_is_lost(
    workspace: Workspace, alice: User, bob: User, deed: str
) -> None:
    member(workspace, "olga", Role.OWNER)
    his = bob.memberships.get()
    deeds: dict[str, Callable[[], object]] = {
        "roles": lambda: verbs.change_roles(his, [RoleGiven(Role.OWNER)], actor=alice),
        "removal": lambda: verbs.remove_member(his, actor=alice),
        "invitation": lambda: invite(workspace, email="mine@example.com", roles=[], actor=alice),
        "support access": lambda: support_access.grant(workspace, duration=HOUR, reason="x", actor=alice),
        "label": lambda: create_label(workspace, key="a", value="b", actor=alice),
    }

    def do() -> str:
        try:
            deeds[deed]()
            return "done"
        except PermissionDenied:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Workspace.objects.select_for_update().get(pk=workspace.pk)
            waiting = pool.submit(do)
            time.sleep(1)  # by then it stands at the lock
            grants.write(alice.memberships.get(), [])
        assert waiting.result() == "refused"
    assert roles_of(bob) == [RoleGiven(Role.SOURCE_READ_ONLY)]
    kept = workspace.invitations, workspace.support_accesses, workspace.labels
    assert [each.count() for each in kept] == [0, 0, 0]
    assert not AuditRow.objects.exists()


def test_an_open_invitation_lets_nobody_back_in(as_alice: Client, workspace: Workspace, bob: User) -> None:
    """Neither by one to themselves of before, nor by one they sent, which may be to an address of their own."""
    to_him, by_him = invitation(workspace, bob.email), invitation(workspace, "bobs.other@example.com")
    Invitation.objects.filter(pk=to_him.pk).update(digest=one_time.digest("to him"))
    Invitation.objects.filter(pk=by_him.pk).update(digest=one_time.digest("by him"), invited_by=bob)
    by_others = invitation(workspace, "nina@example.com")
    told = "are revoked with them: bob@example.com, bobs.other@example.com."
    assert told in page_of(as_alice, f"{url_of(bob)}/remove")
    as_alice.post(f"{url_of(bob)}/remove")
    his = Client()
    his.force_login(bob)
    assert [his.post(f"/invitations/{link}").status_code for link in ("to him", "by him")] == [404, 404]
    assert list(workspace.invitations.all()) == [by_others]
    assert not bob.memberships.exists()
    details = AuditRow.objects.get(event_type="User Removed").details
    assert details["invitations_revoked"] == ["bob@example.com", "bobs.other@example.com"]


def test_who_removes_themselves_is_signed_out(as_alice: Client, alice: User, workspace: Workspace) -> None:
    member(workspace, "olga", Role.OWNER)
    assert "This is you" in page_of(as_alice, f"{url_of(alice)}/remove")
    assert as_alice.post(f"{url_of(alice)}/remove")["Location"] == "/login"
    assert as_alice.get("/acme-health/home")["Location"].startswith("/login?")


def test_a_member_of_another_workspace_is_not_there(as_alice: Client, charlie: User) -> None:
    for where in (url_of(charlie), f"{url_of(charlie)}/remove"):
        assert as_alice.get(where).status_code == 404
        assert as_alice.post(where, {"level": "owner"}).status_code == 404
    assert charlie.memberships.exists()


def test_who_can_do_what_is_the_table_of_the_code(client: Client, workspace: Workspace, source: Source) -> None:
    eve = member(workspace, "eve", Role.AUDITOR)
    grants.write(
        eve.memberships.get(),
        [
            RoleGiven(Role.AUDITOR),
            RoleGiven(Role.SOURCE_READ_ONLY, Scope.CHOSEN, source_ids=frozenset([source.pk])),
        ],
    )
    client.force_login(eve)
    page = page_of(client, "/acme-health/settings/who-can-do-what")
    row = page.split("View sources</th>")[1].split("</tr>")[0]
    assert row.count("Within reach") == 2
    assert "On 1 source" in row.split("</td>")[0]
    mine = page.split("View and download the HIPAA audit log</th>")[1].split("</td>")[0]
    assert "Yes" in mine


def test_the_page_says_of_every_role_and_right_what_the_code_does(as_alice: Client) -> None:
    page = page_of(as_alice, "/acme-health/settings/who-can-do-what")
    heads = re.findall(r'<th scope="col">(.*?)</th>', page)
    assert heads == ["Right", "You", "Workspace Member", *(role.label for role in Role)]
    for right in Right:
        row = page.split(f"{right.value}</th>")[1].split("</tr>")[0]
        _, bare, *cells = (">No<" not in cell for cell in row.split("</td>")[:-1])
        assert (bare, cells) == (right in MEMBER_RIGHTS, [right in RIGHTS[role] for role in Role]), right
