"""Files of many end users: put down at once, taken in part by part, with progress, limits and a report."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.models import AuditRow
from privacy import regulation_files, regulations
from privacy.models import Regulation, RegulationFile, RegulationFilePart, SuppressedUser
from privacy.regulation_files import request_file, take_in_some
from privacy.regulations import RegulationError, left_this_month
from privacy.suppression import user_id_of
from tests.destinations.factories import DestinationFactory
from workspaces.models import Source, User, Workspace

pytestmark = pytest.mark.django_db

Type = Regulation.Type
BASE = "/acme-health/privacy/settings/deletions"
IDS = [f"patient-{number}" for number in range(2_500)]


def ask(workspace: Workspace, alice: User, asked: Regulation.Type = Type.SUPPRESS_WITH_DELETE_INTERNAL) -> Any:
    return request_file(workspace, regulation_type=asked, user_ids=IDS, actor=alice)


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_it_is_taken_in_part_by_part(workspace: Workspace, alice: User) -> None:
    upload = ask(workspace, alice)
    assert (Regulation.objects.count(), SuppressedUser.objects.count()) == (0, 0)
    assert not [part for part in RegulationFilePart.objects.all() if b"patient-" in bytes(part.sealed_ids)]
    assert [take_in_some() for _ in range(4)] == [1_000, 1_000, 500, 0]
    assert not RegulationFile.objects.exists()
    assert {user_id_of(row) for row in Regulation.objects.filter(upload=upload)} == set(IDS)
    assert SuppressedUser.objects.count() == 2_500
    row = AuditRow.objects.get()
    assert row.details == {"type": "SUPPRESS_WITH_DELETE_INTERNAL", "users": 2_500, "upload": str(upload)}


def test_what_waits_counts_against_the_months_limit(
    workspace: Workspace, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regulations, "MOST_A_MONTH", 3_000)
    ask(workspace, alice)
    for _ in range(4):
        assert left_this_month(workspace, Type.SUPPRESS_ONLY) == 500
        assert left_this_month(workspace, Type.DELETE_ONLY) == 3_000
        with pytest.raises(RegulationError, match=r"^500 users of this kind are left this month \(limit 3,000\)"):
            ask(workspace, alice)
        take_in_some()
    assert (Regulation.objects.count(), AuditRow.objects.count()) == (2_500, 1)


def test_a_part_whose_key_is_missing_holds_up_no_other(workspace: Workspace, alice: User) -> None:
    ask(workspace, alice)
    RegulationFilePart.objects.filter(number=0).update(sealed_ids=b"not sealed")
    assert [take_in_some() for _ in range(4)] == [0, 1_000, 500, 0]
    assert RegulationFilePart.objects.get().number == 0


def test_the_page_takes_a_large_file_and_shows_how_far_it_is(
    as_alice: Client, workspace: Workspace, source: Source
) -> None:
    hook = DestinationFactory(source=source)
    file = SimpleUploadedFile("ids.csv", "\r\n".join(["userId", *IDS]).encode())
    assert "Left this month: 110,000 users" in text(as_alice.get(f"{BASE}/new"))
    page = text(as_alice.post(f"{BASE}/new", {"regulation_type": "DELETE_ONLY", "file": file}, follow=True))
    assert "2,500 users of the file are being taken in." in page
    assert "Left this month: 107,500 users" in page
    assert "A file of 2,500 users: 0 done, 2,500 not taken in yet" in page
    assert ("No requests yet" in page, "as they are taken in" in page) == (False, True)
    take_in_some()
    assert "A file of 2,500 users: 0 done, 1,500 not taken in yet" in text(as_alice.get(f"{BASE}/progress"))
    upload = Regulation.objects.values_list("upload", flat=True)[0]
    report = text(as_alice.get(f"{BASE}/files/{upload}"))
    assert "0 of 2,500 done" in report
    take_in_some()
    take_in_some()
    some = Regulation.objects.order_by("pk")[:2]
    for number, made in enumerate(some):
        made.steps.create(place="Event log", removed=3, status="FINISHED")
        outcome = ("FINISHED", "FAILED")[number]
        made.steps.create(place=hook.name, source_name=source.name, destination_id=hook.pk, status=outcome)
        Regulation.objects.filter(pk=made.pk).update(status=outcome)
    report = " ".join(text(as_alice.get(f"{BASE}/files/{upload}")).split())
    assert "2 of 2,500 done" in report
    assert '<th scope="row">Event log</th><td class="number">6</td><td class="number">0</td>' in report
    told = f'<th scope="row">{hook.name}</th><td>{source.name}</td>'
    assert f'{told}<td class="number">1</td><td class="number">1</td><td class="number">0</td>' in report
    assert "patient-" not in report
    assert as_alice.get(f"{BASE}/files/{hook.pk}").status_code == 404


def test_few_are_asked_for_on_the_spot(workspace: Workspace, alice: User) -> None:
    request_file(workspace, regulation_type=Type.SUPPRESS_ONLY, user_ids=IDS[: regulation_files.PART], actor=alice)
    assert (SuppressedUser.objects.count(), RegulationFile.objects.count()) == (1_000, 0)
