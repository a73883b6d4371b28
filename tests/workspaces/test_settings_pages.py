"""General Settings and the HIPAA block."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import AuditRow
from tests.factories import WorkspaceFactory
from workspaces.models import User, Workspace

BASIC = "/acme-health/settings/basic"


def page_of(client: Client, url: str = BASIC) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def test_the_hipaa_block_of_an_eligible_workspace(as_alice: Client) -> None:
    page = page_of(as_alice)
    for text in ("HIPAA Eligible</h3>", "This workspace is HIPAA Eligible", "Architecting for HIPAA"):
        assert text in page
    for link in ("eligible-products", "architecting"):
        assert f'href="/acme-health/settings/hipaa/{link}"' in page
        page_of(as_alice, f"/acme-health/settings/hipaa/{link}")


def test_no_block_without_a_baa_in_force(as_alice: Client, workspace: Workspace) -> None:
    tomorrow = timezone.now().date() + timedelta(days=1)
    for plan, signed in (("team", tomorrow - timedelta(days=9)), ("business", None), ("business", tomorrow)):
        Workspace.objects.filter(pk=workspace.pk).update(plan=plan, baa_signed_on=signed)
        assert "HIPAA Eligible" not in page_of(as_alice)
        assert as_alice.get("/acme-health/settings/hipaa/architecting").status_code == 404


def test_looking_is_one_audit_row(as_alice: Client) -> None:
    page_of(as_alice)
    row = AuditRow.objects.latest("id")
    assert (row.event_type, row.object_label) == ("Workspace Settings Viewed", "Acme Health")
    assert AuditRow.objects.filter(event_type=row.event_type).count() == 1


def test_saving_follows_the_new_slug_and_names_what_changed(as_alice: Client) -> None:
    data = {"name": "Acme Health", "slug": "Acme", "strict_write_keys": "on"}
    response = as_alice.post(BASIC, data, follow=True)
    assert response.redirect_chain == [("/acme/settings/basic", 302)]
    assert "Your changes are saved." in response.content.decode()
    row = AuditRow.objects.get(event_type="Workspace Settings Modified")
    assert row.details == {
        "changed": ["slug", "strict_write_keys"],
        "slug": ["acme-health", "acme"],
        "strict_write_keys": [False, True],
    }


def test_saving_without_change_writes_no_row(as_alice: Client) -> None:
    assert as_alice.post(BASIC, {"name": "Acme Health", "slug": "acme-health"}).status_code == 302
    assert not AuditRow.objects.filter(event_type="Workspace Settings Modified").exists()


@pytest.mark.parametrize("slug", ["umbrella", "workspaces", "admin"])
def test_a_slug_that_cannot_be_had(as_alice: Client, workspace: Workspace, slug: str) -> None:
    WorkspaceFactory(name="Umbrella", slug="umbrella")
    page = as_alice.post(BASIC, {"name": "New", "slug": slug}).content.decode()
    assert "This slug cannot be used. Choose another." in page
    assert 'action="' not in page.split("<main")[1].split("</main>")[0]
    workspace.refresh_from_db()
    assert (workspace.name, workspace.slug) == ("Acme Health", "acme-health")


def test_a_member_reads_and_may_not_save(client: Client, bob: User, workspace: Workspace) -> None:
    client.force_login(bob)
    assert "Save Changes" not in page_of(client)
    assert client.post(BASIC, {"name": "Mine", "slug": "mine"}).status_code == 403
    workspace.refresh_from_db()
    assert workspace.slug == "acme-health"
