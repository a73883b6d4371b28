"""Django admin's door: ours, with a second factor and the locks; no way round, and nothing that leaves no row."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.test import Client
from django.urls import reverse

from audit.models import AuditRow
from tests import second_factor
from tests.factories import PASSWORD, support_staff
from workspaces.models import User, Workspace


def signed_in_as(client: Client) -> str:
    """Whose session the browser has."""
    return str(client.session.get("_auth_user_id", ""))


@pytest.mark.parametrize(
    "path", ["", "workspaces/workspace/", "audit/auditrow/", "jsi18n/", "autocomplete/", "password_change/", "login/"]
)
def test_staff_without_a_second_factor_enrol_first(client: Client, workspace: Workspace, path: str) -> None:
    staff = support_staff(workspace)
    Authenticator.objects.all().delete()
    client.force_login(staff)
    before = AuditRow.objects.count()
    response = client.get(f"/admin/{path}")
    assert (response.status_code, response.headers["Location"]) == (302, reverse("mfa_index"))
    assert client.get("/acme-health/home").headers["Location"] == reverse("mfa_index")
    assert AuditRow.objects.count() == before


def test_the_way_in_is_our_own_with_a_code(client: Client, workspace: Workspace) -> None:
    sam = support_staff()
    where = client.get("/admin/", follow=True).redirect_chain[-1][0]
    assert where == "/login?next=%2Fadmin%2F"
    answer = client.post(where, {"login": sam.email, "password": PASSWORD})
    assert answer.headers["Location"].startswith("/login/second-factor")
    assert client.get("/admin/").status_code == 302
    client.post(answer.headers["Location"], {"code": second_factor.code_now()})
    assert client.get("/admin/").status_code == 200


def test_the_admins_own_form_signs_nobody_in(client: Client, workspace: Workspace) -> None:
    sam = support_staff()
    answer = client.post("/admin/login/?next=/admin/", {"username": sam.email, "password": PASSWORD})
    assert answer.headers["Location"] == "/login?next=%2Fadmin%2F"
    assert signed_in_as(client) == ""
    client.post("/admin/login/", {"username": sam.email, "password": "wrong wrong wrong"})
    assert not AccessAttempt.objects.exists()


def test_one_member_of_staff_does_not_become_another_by_password_alone(client: Client, db: None) -> None:
    sam = support_staff()
    rita = User.objects.create_superuser("rita@support.example", PASSWORD)
    client.force_login(sam)
    answer = client.post("/admin/login/?next=/admin/", {"username": rita.email, "password": PASSWORD})
    assert answer.headers["Location"] == "/admin/"
    assert signed_in_as(client) == str(sam.pk)


def test_a_member_is_refused_and_that_is_told(as_alice: Client, workspace: Workspace) -> None:
    assert as_alice.get("/admin/login/").status_code == 403
    row = AuditRow.objects.first()
    assert (row.event_type, row.actor_kind, row.outcome) == ("Access Denied", "person", "denied")


def test_passwords_are_changed_on_our_page(client: Client, db: None) -> None:
    sam = support_staff()
    client.force_login(sam)
    data = {"old_password": PASSWORD, "new_password1": "quite another one", "new_password2": "quite another one"}
    assert client.post("/admin/password_change/", data).headers["Location"] == reverse("account_change_password")
    sam.refresh_from_db()
    assert sam.check_password(PASSWORD)


def test_no_list_of_names_leaves_without_a_row(client: Client, alice: User) -> None:
    client.force_login(support_staff())
    asked = {"app_label": "workspaces", "model_name": "membership", "field_name": "user", "term": "alice"}
    assert client.get("/admin/autocomplete/", asked).status_code == 404
