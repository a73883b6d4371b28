"""Every page of the portal asks the database at most twelve things, however much is on it."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from privacy.custom_matchers import MatcherAnswers, create_matcher
from privacy.inventory import classify_field
from privacy.models import AlertMessage, AlertSettings, Classification, InventoryField, Regulation
from privacy.regulations import request_regulations
from privacy.standard_controls import block_red_fields
from tests.factories import SourceFactory, member
from tests.privacy.observing import field, observe, track
from tests.privacy.test_inventory_pages import destination
from tests.queries import counted
from workspaces import grants
from workspaces.grants import RoleGiven
from workspaces.models import Label, Source, SourceLabel, User, Workspace
from workspaces.roles import Role, Scope

MOST = 12
TRANSACTIONS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "UPDATE")


@pytest.fixture
def entry(workspace: Workspace, source: Source, alice: User) -> InventoryField:
    """A portal with something on each page; one entry of its inventory."""
    other = SourceFactory(workspace=workspace, name="Portal")
    label = Label.objects.create(workspace=workspace, key="environment", value="Prod")
    SourceLabel.objects.create(source=other, label=label, key="environment")
    for each in (source, other):
        observe(each, track(**{f"key_{number}": 1 for number in range(30)}, email="a", ssn="b", ward="c"))
    for name, told in (("email", Classification.YELLOW), ("ssn", Classification.RED)):
        classify_field(workspace, name=name, classification=told, actor=alice)
    for number in range(5):
        destination(source, f"d{number}", encrypts="email")
    for number in range(6):
        given = RoleGiven(Role.SOURCE_READ_ONLY, Scope.CHOSEN, frozenset({source.pk}))
        if number % 2:
            given = RoleGiven(Role.SOURCE_ADMIN, Scope.LABELS, label_ids=frozenset({label.pk}))
        membership = workspace.memberships.get(user=member(workspace, f"m{number}", ""))
        grants.write(membership, [RoleGiven(Role.PII_ACCESS), given])
    block_red_fields(source, actor=alice)
    ids = [f"u{number}" for number in range(30)]
    request_regulations(workspace, regulation_type=Regulation.Type.SUPPRESS_ONLY, user_ids=ids, actor=alice)
    AlertSettings.objects.create(pk=workspace.pk, slack=True, segment=True, segment_source=source)
    for number in range(30):
        AlertMessage.objects.create(workspace=workspace, channel="slack", field_name=f"key_{number}")
    return InventoryField.objects.get(name="email")


def test_each_page_takes_few_queries(
    as_alice: Client, workspace: Workspace, entry: InventoryField, alice: User
) -> None:
    matcher = create_matcher(workspace, MatcherAnswers("ward", synonyms=("bed",)), actor=alice)
    source_id, regulation_id = workspace.sources.all()[0].pk, Regulation.objects.all()[0].pk
    waiting = field("key_1")
    pages: list[tuple[str, tuple[uuid.UUID | str, ...], str]] = [
        ("privacy_home", (), ""),
        ("privacy_inbox", (), f"?q=key&source={source_id}"),
        ("privacy_inbox_new", (), ""),
        ("privacy_inbox_field", (waiting.pk,), ""),
        ("privacy_inbox_sample", (waiting.pk,), ""),
        ("privacy_inventory", (), f"?q=e&source={source_id}"),
        ("privacy_inventory_field", (entry.pk,), "?period=month"),
        ("privacy_inventory_events", (entry.pk,), ""),
        ("privacy_inventory_destinations", (entry.pk,), ""),
        ("privacy_inventory_access", (entry.pk,), ""),
        ("privacy_inventory_history", (entry.pk,), ""),
        ("privacy_explain_field", (waiting.pk,), ""),
        ("privacy_explain_field", (entry.pk,), ""),
        ("privacy_detection", (), ""),
        ("privacy_matcher", (matcher.pk,), ""),
        ("privacy_default_matcher", ("email",), ""),
        ("privacy_matcher_new", (), ""),
        ("privacy_matcher_edit", (matcher.pk,), ""),
        ("privacy_matcher_delete", (matcher.pk,), ""),
        ("privacy_alerts", (), ""),
        ("privacy_controls", (), ""),
        ("privacy_controls_source", (source_id,), ""),
        ("privacy_deletions", (), ""),
        ("privacy_deletion_new", (), ""),
        ("privacy_deletion", (regulation_id,), ""),
        ("privacy_deletions_progress", (), ""),
        ("privacy_retention", (), ""),
        ("privacy_suppressed", (), ""),
    ]
    for name, args, query in pages:
        url = reverse(name, args=[workspace.slug, *args]) + query
        assert as_alice.get(url).status_code in {200, 204}, url
        with counted() as asked:
            as_alice.get(url)
        sql = [each["sql"] for each in asked.captured_queries if not each["sql"].startswith(TRANSACTIONS)]
        assert len(sql) <= MOST, (url, sql)
