"""Drafts of the wizard: whose they are, how long they live, what they keep and what they refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from audit.models import AuditRow
from destinations import drafts, wizard
from destinations.drafts import DraftExpired
from destinations.models import Draft
from destinations.settings_store import open_settings
from tests.destinations.factories import DestinationFactory
from tests.destinations.making import answers, event_types, nothing_written, plain, recorded
from tests.factories import SourceFactory, join, member
from workspaces.models import Grant, Source, User, Workspace
from workspaces.sealing import SealError

DAY = 24 * 60 * 60  # seconds


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime(2026, 3, 1, 9, tzinfo=UTC), tick=False) as traveller:
        yield traveller


@pytest.fixture
def draft(source: Source, alice: User) -> Draft:
    return drafts.start("webhooks", actor=alice, workspace=source.workspace)


def opened(draft: Draft, actor: User) -> Draft:
    return drafts.open_draft(draft.pk, actor=actor, workspace=draft.workspace)


def test_a_draft_begins_empty_and_recorded(draft: Draft, alice: User) -> None:
    assert (draft.kind, draft.user, draft.source, draft.name) == ("webhooks", alice, None, "")
    row = AuditRow.objects.get(event_type="Destination Setup Modified")
    assert (row.actor_user_id, row.object_id, row.details) == (str(alice.pk), str(draft.pk), {"step": "start"})


def test_a_kind_the_catalog_does_not_list_is_not_there(workspace: Workspace, alice: User) -> None:
    with nothing_written(), pytest.raises(Http404):
        drafts.start("fax", actor=alice, workspace=workspace)
    assert event_types() == []


@pytest.mark.parametrize("role", ["source_read_only", ""])
def test_only_editors_begin(workspace: Workspace, role: str) -> None:
    with nothing_written(), pytest.raises(PermissionDenied):
        drafts.start("webhooks", actor=member(workspace, "dora", role), workspace=workspace)


def test_an_outsider_learns_nothing(workspace: Workspace, charlie: User) -> None:
    with nothing_written(), pytest.raises(Http404):
        drafts.start("webhooks", actor=charlie, workspace=workspace)


def test_a_draft_is_its_persons_alone(draft: Draft, alice: User, charlie: User) -> None:
    assert opened(draft, alice) == draft
    other_owner = member(draft.workspace, "dora", "owner")
    for person, workspace in ((other_owner, draft.workspace), (charlie, charlie.workspaces.get())):
        with pytest.raises(Http404):
            drafts.open_draft(draft.pk, actor=person, workspace=workspace)


def test_a_draft_is_not_found_through_another_workspace_of_the_same_person(
    draft: Draft, alice: User, charlie: User
) -> None:
    umbrella = charlie.workspaces.get()
    join(umbrella, alice, "owner")
    with pytest.raises(Http404):
        drafts.open_draft(draft.pk, actor=alice, workspace=umbrella)


def test_a_right_that_was_taken_away_closes_the_draft(draft: Draft, alice: User) -> None:
    Grant.objects.update(role="source_read_only")
    with nothing_written(), pytest.raises(PermissionDenied):
        opened(draft, alice)


def test_a_day_to_the_second(clock: time_machine.Traveller, draft: Draft, alice: User) -> None:
    clock.shift(DAY - 1)
    opened(draft, alice)
    clock.shift(DAY)
    with nothing_written(), pytest.raises(DraftExpired) as expired:
        opened(draft, alice)
    assert expired.value.kind == "webhooks"


def test_each_step_starts_the_day_anew(
    clock: time_machine.Traveller, draft: Draft, source: Source, alice: User
) -> None:
    for step in (
        lambda: drafts.choose_source(draft, source.pk, actor=alice),
        lambda: drafts.save(draft, answers(), actor=alice),
        lambda: opened(draft, alice),
    ):
        clock.shift(DAY - 1)
        step()
    assert opened(draft, alice) == draft


def test_choosing_a_source_names_the_destination(draft: Draft, source: Source, alice: User) -> None:
    with recorded() as rows:
        chosen = drafts.choose_source(draft, source.pk, actor=alice)
    assert (chosen.source, chosen.name) == (source, f"Webhooks for {source.name}")
    assert rows == ["Destination Setup Modified"]


@pytest.mark.parametrize("taken", ["Webhooks for Labs", "WEBHOOKS FOR LABS"])
def test_the_default_name_is_numbered_where_it_is_taken(
    draft: Draft, workspace: Workspace, alice: User, taken: str
) -> None:
    source = SourceFactory(workspace=workspace, name="Labs")
    DestinationFactory(source=source, name=taken)
    DestinationFactory(source=source, name="Webhooks for Labs 2")
    assert drafts.choose_source(draft, source.pk, actor=alice).name == "Webhooks for Labs 3"


def test_the_default_name_of_a_long_source_fits_and_can_be_numbered(
    draft: Draft, workspace: Workspace, alice: User
) -> None:
    source = SourceFactory(workspace=workspace, name="x" * 100)
    first = drafts.choose_source(draft, source.pk, actor=alice).name
    DestinationFactory(source=source, name=first)
    assert (len(first), drafts.default_name("webhooks", source)) == (96, f"{first} 2")


def test_a_typed_name_stays_with_its_source_only(draft: Draft, source: Source, alice: User) -> None:
    drafts.choose_source(draft, source.pk, actor=alice)
    drafts.save(draft, answers(name="Mine"), actor=alice)
    assert drafts.choose_source(draft, source.pk, actor=alice).name == "Mine"
    other = SourceFactory(workspace=source.workspace)
    assert drafts.choose_source(draft, other.pk, actor=alice).name == f"Webhooks for {other.name}"


def test_a_source_of_another_workspace_is_refused(draft: Draft, alice: User, charlie: User) -> None:
    theirs = SourceFactory(workspace=charlie.workspaces.get())
    with nothing_written(), recorded() as rows, pytest.raises(ValidationError) as refused:
        drafts.choose_source(draft, theirs.pk, actor=alice)
    assert refused.value.message_dict == {"source": ["Choose one of the sources of this workspace."]}
    assert rows == []


def test_a_source_feeds_25_destinations_of_a_kind(draft: Draft, source: Source, alice: User) -> None:
    DestinationFactory.create_batch(24, source=source)
    DestinationFactory(source=SourceFactory(workspace=source.workspace))
    drafts.choose_source(draft, source.pk, actor=alice)
    DestinationFactory(source=source)
    with nothing_written(), pytest.raises(ValidationError) as refused:
        drafts.choose_source(draft, source.pk, actor=alice)
    assert refused.value.message_dict == {"source": [f"{source.name} already has 25 Webhooks destinations."]}


def test_answers_are_kept_as_typed_and_sealed(draft: Draft, alice: User) -> None:
    typed = {"url": "not a url", "headers": "Authorization: Bearer hunter2", "shared_secret": "s3cr3t"}
    drafts.save(draft, answers(name="n" * 120, enabled=False, settings=typed), actor=alice)
    draft.refresh_from_db()
    assert (draft.name, draft.enabled, draft.encrypts, draft.key_bits) == ("n" * 100, False, True, 2048)
    assert draft.fields == ["default_matcher:email"]
    assert drafts.settings_of(draft) == typed
    assert not [value for value in typed.values() if value.encode() in bytes(draft.sealed_settings)]
    assert "s3cr3t" not in str(list(AuditRow.objects.values()))


def test_answers_open_in_their_own_draft_only(draft: Draft, alice: User) -> None:
    drafts.save(draft, plain(), actor=alice)
    draft.refresh_from_db()
    other = drafts.start("webhooks", actor=alice, workspace=draft.workspace)
    with pytest.raises(SealError):
        open_settings(draft.sealed_settings, owner_id=other.pk)


def test_encryption_cannot_be_answered_where_there_is_none(draft: Draft, alice: User) -> None:
    Workspace.objects.update(baa_signed_on=None)
    draft.workspace.refresh_from_db()
    with nothing_written(), recorded() as rows, pytest.raises(PermissionDenied):
        drafts.save(draft, answers(), actor=alice)
    assert rows == []
    drafts.save(draft, plain(), actor=alice)


def test_a_draft_that_has_ended_is_not_there(draft: Draft, source: Source, alice: User) -> None:
    Draft.objects.all().delete()
    with pytest.raises(Http404):
        drafts.choose_source(draft, source.pk, actor=alice)
    with pytest.raises(Http404):
        drafts.save(draft, plain(), actor=alice)


@pytest.mark.parametrize(
    "verb",
    [
        lambda draft, source, person: drafts.start("webhooks", actor=person, workspace=draft.workspace),
        lambda draft, source, person: drafts.choose_source(draft, source.pk, actor=person),
        lambda draft, source, person: drafts.save(draft, answers(), actor=person),
    ],
    ids=["start", "choose_source", "save"],
)
def test_without_its_row_nothing_is_written(
    draft: Draft,
    source: Source,
    alice: User,
    verb: Callable[[Draft, Source, User], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(AuditRow, "save", lambda self, **_: 1 / 0)
    with nothing_written(), pytest.raises(ZeroDivisionError):
        verb(draft, source, alice)


def test_no_step_can_be_skipped_and_answered_ones_can_be_gone_back_to(
    draft: Draft, source: Source, alice: User
) -> None:
    assert wizard.may_open(wizard.SELECT_SOURCE, draft)
    assert not wizard.may_open(wizard.SETUP, draft)
    assert wizard.current_step(draft) is wizard.SELECT_SOURCE
    draft = drafts.choose_source(draft, source.pk, actor=alice)
    assert wizard.may_open(wizard.SELECT_SOURCE, draft)
    assert wizard.current_step(draft) is wizard.SETUP
    assert [step.title for step in wizard.STEPS] == ["Select data source", "Setup"]
