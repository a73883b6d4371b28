"""What can be done with a source, by whom, and what the audit log says of it."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from audit.models import AuditRow
from workspaces import write_keys
from workspaces.models import Source, User, Workspace, WriteKey
from workspaces.sources import add_source, disable_source, enable_source, rename_source


def rows() -> list[tuple[str, str]]:
    return list(AuditRow.objects.order_by("id").values_list("event_type", "object_label"))


def test_a_new_source_is_active_and_has_a_write_key(workspace: Workspace, alice: User) -> None:
    source = add_source(workspace, kind="python", name="Clinic API", actor=alice)

    assert (source.slug, source.kind, source.enabled) == ("clinic-api", "python", True)
    key = write_keys.reveal(source)
    assert key is not None
    assert WriteKey.objects.get(source=source).digest == write_keys.digest(key)
    assert rows() == [("Source Created", "Clinic API")]


def test_slugs_do_not_collide_with_each_other_or_the_catalog(workspace: Workspace, alice: User) -> None:
    names = ["Clinic API", "Clinic-API", "Catalog", "***"]
    slugs = [add_source(workspace, kind="go", name=name, actor=alice).slug for name in names]
    assert slugs == ["clinic-api", "clinic-api-2", "catalog-2", "go"]


def test_a_name_in_use_is_refused(workspace: Workspace, alice: User) -> None:
    add_source(workspace, kind="go", name="Clinic API", actor=alice)
    with pytest.raises(ValidationError, match="Another source"):
        add_source(workspace, kind="go", name="clinic api", actor=alice)
    assert Source.objects.count() == 1
    assert len(rows()) == 1


def test_an_unknown_kind_is_refused(workspace: Workspace, alice: User) -> None:
    with pytest.raises(ValidationError, match="no such source type"):
        add_source(workspace, kind="fax", name="Fax", actor=alice)
    assert not Source.objects.exists()
    assert rows() == []


def test_a_reader_may_not_add(workspace: Workspace, bob: User) -> None:
    with pytest.raises(PermissionDenied):
        add_source(workspace, kind="go", name="Clinic API", actor=bob)
    assert not Source.objects.exists()


def test_an_outsider_learns_nothing(workspace: Workspace, source: Source, charlie: User) -> None:
    with pytest.raises(Http404):
        rename_source(source, name="Mine", actor=charlie)
    source.refresh_from_db()
    assert source.name != "Mine"


def test_renaming_keeps_the_slug(workspace: Workspace, alice: User) -> None:
    source = add_source(workspace, kind="go", name="Clinic API", actor=alice)
    rename_source(source, name="North clinic", actor=alice)
    source.refresh_from_db()
    assert (source.name, source.slug) == ("North clinic", "clinic-api")
    assert AuditRow.objects.get(event_type="Source Modified").details == {
        "changed": ["name"],
        "before": "Clinic API",
        "after": "North clinic",
    }


def test_a_source_can_be_renamed_to_another_spelling_of_its_name(source: Source, alice: User) -> None:
    rename_source(source, name=source.name.upper(), actor=alice)
    assert Source.objects.get().name == source.name.upper()


def test_switching_writes_one_row_each_and_none_without_change(source: Source, alice: User) -> None:
    enable_source(source, actor=alice)
    disable_source(source, actor=alice)
    disable_source(source, actor=alice)
    enable_source(source, actor=alice)
    assert [event for event, _ in rows()] == ["Source Disabled", "Source Enabled"]
    assert Source.objects.get().enabled


def test_a_reader_may_not_switch(source: Source, bob: User) -> None:
    with pytest.raises(PermissionDenied):
        disable_source(source, actor=bob)
    assert Source.objects.get().enabled
    assert rows() == []
