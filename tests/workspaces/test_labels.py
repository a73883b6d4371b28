"""Label Management, labels on sources, and roles given by label."""

from __future__ import annotations

import pytest
from django.test import Client

from audit.models import AuditRow
from tests.factories import member
from workspaces import grants
from workspaces.grants import RoleGiven
from workspaces.labels import add_defaults
from workspaces.models import Label, Source, SourceLabel, User, Workspace
from workspaces.roles import Role, Scope

LABELS = "/acme-health/settings/labels"


@pytest.fixture(autouse=True)
def _defaults(workspace: Workspace) -> None:
    add_defaults(workspace)


def names(workspace: Workspace) -> list[str]:
    return [str(label) for label in workspace.labels.all()]


def carried(source: Source) -> list[str]:
    return sorted(str(each.label) for each in source.source_labels.all())


def label(value: str) -> Label:
    return Label.objects.get(value=value)


def put(client: Client, source: Source, **chosen: str) -> str:
    where = f"/acme-health/sources/{source.slug}/labels"
    answer = client.post(where, {f"label-{key}": pk for key, pk in chosen.items()}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_label_is_made_and_listed(as_alice: Client, workspace: Workspace) -> None:
    data = {"key": "Environment", "value": "Staging", "description": "Before production"}
    page = as_alice.post(LABELS, data, follow=True).content.decode()
    assert "environment:Staging is there." in page  # the key as it was first written
    assert names(workspace) == ["environment:Dev", "environment:Prod", "environment:Staging"]
    assert "Before production" in page
    assert AuditRow.objects.get(event_type="Label Created").object_label == "environment:Staging"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("environment", "prod", "The label environment:prod is there already."),
        ("1st", "Prod", "Begin with a letter"),
        ("region", "north west", "Begin with a letter"),
        ("region", "", "This field is required."),
        ("region", "x" * 41, "at most 40 characters"),
        ("region:north", "x", "Begin with a letter"),
    ],
)
def test_a_wrong_label_is_refused_beside_the_field(
    as_alice: Client, workspace: Workspace, key: str, value: str, message: str
) -> None:
    page = as_alice.post(LABELS, {"key": key, "value": value}).content.decode()
    assert message in page
    assert names(workspace) == ["environment:Dev", "environment:Prod"]
    assert not AuditRow.objects.filter(event_type="Label Created").exists()


def test_a_label_in_use_stays(as_alice: Client, workspace: Workspace, bob: User, source: Source) -> None:
    put(as_alice, source, environment=str(label("Prod").pk))
    by_label = RoleGiven(Role.SOURCE_READ_ONLY, Scope.LABELS, label_ids=frozenset([label("Dev").pk]))
    grants.write(bob.memberships.get(), [by_label])
    page = as_alice.get(LABELS).content.decode()
    assert page.count("In use") == 2
    assert ["1 role<" in page, "1 source<" in page] == [True, True]
    for value in ("Prod", "Dev"):
        answer = as_alice.post(f"{LABELS}/{label(value).pk}/delete", follow=True)
        assert f"environment:{value} is in use." in answer.content.decode()
    assert names(workspace) == ["environment:Dev", "environment:Prod"]
    assert not AuditRow.objects.filter(event_type="Label Deleted").exists()


def test_an_unused_label_is_removed(as_alice: Client, workspace: Workspace) -> None:
    as_alice.post(f"{LABELS}/{label('Dev').pk}/delete")
    assert names(workspace) == ["environment:Prod"]
    assert AuditRow.objects.get(event_type="Label Deleted").object_label == "environment:Dev"


def test_a_source_carries_one_value_for_each_key(as_alice: Client, source: Source) -> None:
    as_alice.post(LABELS, {"key": "region", "value": "North"})
    page = put(as_alice, source, environment=str(label("Prod").pk), region=str(label("North").pk))
    assert "The labels are saved." in page
    assert carried(source) == ["environment:Prod", "region:North"]
    assert "environment:Prod" in as_alice.get("/acme-health/sources").content.decode()
    put(as_alice, source, environment=str(label("Dev").pk), region="")
    assert carried(source) == ["environment:Dev"]
    row = AuditRow.objects.filter(event_type="Source Modified").latest("id")
    assert row.details == {
        "changed": ["labels"],
        "before": ["environment:Prod", "region:North"],
        "after": ["environment:Dev"],
    }


def test_a_label_of_another_workspace_is_refused(as_alice: Client, source: Source, charlie: User) -> None:
    foreign = Label.objects.create(workspace=charlie.workspaces.get(), key="environment", value="Secret")
    assert "The labels were not saved." in put(as_alice, source, environment=str(foreign.pk))
    assert as_alice.post(f"{LABELS}/{foreign.pk}/delete").status_code == 404
    assert carried(source) == []
    assert Label.objects.filter(pk=foreign.pk).exists()


def test_a_source_admin_sees_labels_and_changes_none(client: Client, workspace: Workspace, source: Source) -> None:
    SourceLabel.objects.create(source=source, label=label("Prod"), key="environment")
    client.force_login(member(workspace, "sid", Role.SOURCE_ADMIN))
    assert "Create Label" not in client.get(LABELS).content.decode()
    page = client.get(f"/acme-health/sources/{source.slug}/settings").content.decode()
    assert ["environment:Prod" in page, "Save Labels" in page] == [True, False]
    answers = [
        client.post(LABELS, {"key": "a", "value": "b"}),
        client.post(f"{LABELS}/{label('Dev').pk}/delete"),
        client.post(f"/acme-health/sources/{source.slug}/labels", {"label-environment": ""}),
    ]
    assert [each.status_code for each in answers] == [403, 403, 403]
    assert (names(workspace), carried(source)) == (["environment:Dev", "environment:Prod"], ["environment:Prod"])


def test_a_role_by_label_follows_the_labels_at_once(
    client: Client, as_alice: Client, workspace: Workspace, source: Source
) -> None:
    sid = member(workspace, "sid", "")
    as_alice.post(LABELS, {"key": "region", "value": "North"})
    wanted = frozenset([label("Prod").pk, label("North").pk])
    grants.write(sid.memberships.get(), [RoleGiven(Role.SOURCE_ADMIN, Scope.LABELS, label_ids=wanted)])
    theirs = Client()
    theirs.force_login(sid)
    page = f"/acme-health/sources/{source.slug}/overview"
    assert theirs.get(page).status_code == 403
    put(as_alice, source, environment=str(label("Prod").pk))
    assert theirs.get(page).status_code == 403  # only one of two labels
    put(as_alice, source, environment=str(label("Prod").pk), region=str(label("North").pk))
    assert theirs.get(page).status_code == 200
    put(as_alice, source, environment=str(label("Dev").pk), region=str(label("North").pk))
    assert theirs.get(page).status_code == 403
