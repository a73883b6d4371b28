"""Standard Controls, Data Retention, Deletion Requests and Suppressed Users over HTTP: what is shown, done, written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from audit.models import AuditRow
from privacy.blocked_counts import add_blocked
from privacy.inventory import classify_field
from privacy.models import Classification, Regulation, RetentionSetting, StandardControl, SuppressedUser
from privacy.regulations import forget_old_ids, request_regulation, request_regulations
from privacy.retention import note_run
from tests.factories import SourceFactory, member, support_staff
from tests.privacy.observing import field, observe, track
from tests.queries import counted
from workspaces.models import Source, User, Workspace
from workspaces.roles import Role

BASE = "/acme-health/privacy/settings"
USER = "patient-4711"
pytestmark = pytest.mark.django_db


def text(response: Any) -> str:
    assert response.status_code == 200, response.status_code
    return str(response.content.decode())


def events() -> list[str]:
    """The audit log's event types, oldest first."""
    return list(AuditRow.objects.order_by("id").values_list("event_type", flat=True))


def test_controls_show_what_would_be_blocked_and_what_was(
    as_alice: Client, workspace: Workspace, source: Source, alice: User
) -> None:
    observe(source, track(ssn="1", plan="gold"), track(patient={"SSN": "2"}))
    classify_field(workspace, name="ssn", classification=Classification.RED, actor=alice)
    page = text(as_alice.get(f"{BASE}/controls/{source.pk}"))
    assert "What would be blocked" in page
    assert "<code>patient.SSN</code>" in page
    assert "<code>plan</code>" not in page
    assert f'/privacy/explain/{field("patient.SSN").pk}"' in page
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    add_blocked({(source.pk, hour, "ssn"): 1234, (source.pk, hour - timedelta(days=8), "ssn"): 5})
    assert '<td class="number">1,234</td>' in text(as_alice.get(f"{BASE}/controls"))
    assert '<td class="number">1,234</td>' in text(as_alice.get(f"{BASE}/controls/{source.pk}"))
    assert events()[-3:] == ["Standard Controls Viewed"] * 3


def test_the_switch_turns_it_on_and_off(as_alice: Client, source: Source) -> None:
    reply = as_alice.post(f"{BASE}/controls/{source.pk}/switch", {"block": "1"}, follow=True)
    assert f"Red fields of {source.name} are blocked, within 5 seconds everywhere." in text(reply)
    assert StandardControl.objects.get().source == source
    as_alice.post(f"{BASE}/controls/{source.pk}/switch", {"block": "0"})
    assert not StandardControl.objects.exists()


def test_a_source_of_another_workspace_is_not_there(as_alice: Client, charlie: User) -> None:
    other = SourceFactory(workspace=charlie.workspaces.get())
    for url in (f"{BASE}/controls/{other.pk}", f"{BASE}/controls/{other.pk}/switch"):
        assert as_alice.post(url, {"block": "1"}).status_code in {404, 405}
        assert as_alice.get(url).status_code in {404, 405}
    assert not StandardControl.objects.exists()


def test_retention_is_chosen_and_its_runs_are_listed(as_alice: Client, workspace: Workspace) -> None:
    assert "Events are kept for 30 days" in text(as_alice.get(f"{BASE}/retention"))
    assert "Events are kept for 365 days" in text(as_alice.post(f"{BASE}/retention", {"days": "365"}, follow=True))
    note_run(workspace.pk, {"entries": 4321, "bodies": 2, "samples": 3, "counts": 5})
    assert '<td class="number">4,321</td>' in text(as_alice.get(f"{BASE}/retention"))
    assert "Select a valid choice" in text(as_alice.post(f"{BASE}/retention", {"days": "7"}))
    assert RetentionSetting.objects.get().days == 365


def test_a_user_is_suppressed_found_and_released(as_alice: Client, workspace: Workspace) -> None:
    page = text(as_alice.post(f"{BASE}/suppressed", {"user_id": USER}, follow=True))
    assert f"<code>{USER}</code>" in page
    assert "The user is suppressed." in page
    assert f"<code>{USER}</code>" in text(as_alice.post(f"{BASE}/suppressed", {"find": USER}))
    assert "This user is not in the list" in text(as_alice.post(f"{BASE}/suppressed", {"find": "patient-471"}))
    row = SuppressedUser.objects.get()
    assert f"<code>{USER}</code>" not in text(as_alice.post(f"{BASE}/suppressed/{row.pk}/remove", follow=True))
    assert not SuppressedUser.objects.exists()
    assert not [row for row in AuditRow.objects.all() if USER in str(row.facts)]


@pytest.mark.parametrize(("user_id", "message"), [("", "This field is required."), ("a\x01", "control characters")])
def test_a_bad_id_is_refused_with_a_reason(as_alice: Client, user_id: str, message: str) -> None:
    assert message in text(as_alice.post(f"{BASE}/suppressed", {"user_id": user_id}))
    assert not SuppressedUser.objects.exists()


def test_those_suppressed_by_deletion_are_counted_not_listed(
    as_alice: Client, workspace: Workspace, alice: User
) -> None:
    asked = Regulation.Type.SUPPRESS_WITH_DELETE
    request_regulation(workspace, regulation_type=asked, user_id=USER, actor=alice)
    page = text(as_alice.get(f"{BASE}/suppressed"))
    assert USER not in page
    assert "1 more is suppressed by deletion requests." in page


def test_a_request_is_made_listed_and_reported(as_alice: Client) -> None:
    asked = {"regulation_type": "SUPPRESS_WITH_DELETE", "user_id": USER}
    page = text(as_alice.post(f"{BASE}/deletions/new", asked, follow=True))
    assert f"<code>{USER}</code>" in page
    assert "Initialized" in page
    made = Regulation.objects.get()
    assert (made.type, made.requested_by.email) == ("SUPPRESS_WITH_DELETE", "alice@example.com")
    report = text(as_alice.get(f"{BASE}/deletions/{made.pk}"))
    assert "Waits for the next search, within seconds." in report
    assert "alice@example.com" in report
    assert events()[-3:] == ["Regulation Created", "Regulation List Viewed", "Regulation Viewed"]


def test_the_filter_stands_in_no_address_and_is_on_record(as_alice: Client, workspace: Workspace, alice: User) -> None:
    for user_id in (USER, "somebody-else"):
        asked = Regulation.Type.DELETE_ONLY
        request_regulation(workspace, regulation_type=asked, user_id=user_id, actor=alice)
    page = text(as_alice.post(f"{BASE}/deletions", {"find": USER}))
    assert f"<code>{USER}</code>" in page
    assert "somebody-else" not in page
    assert events()[-1] == "Regulation List Viewed"


def test_a_file_is_taken_in_and_its_progress_shown(as_alice: Client) -> None:
    file = SimpleUploadedFile("ids.csv", b"userId\nu1\nu2\nu3\n")
    page = text(as_alice.post(f"{BASE}/deletions/new", {"regulation_type": "DELETE_ONLY", "file": file}, follow=True))
    assert "3 users of the file are taken in." in page
    assert "A file of 3 users: 0 done" in page
    Regulation.objects.filter(pk=Regulation.objects.first().pk).update(status="FINISHED")  # type: ignore[union-attr]
    assert "A file of 3 users: 1 done" in text(as_alice.get(f"{BASE}/deletions/progress"))
    Regulation.objects.update(status="FINISHED")
    assert "A file of" not in text(as_alice.get(f"{BASE}/deletions/progress"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Enter a userId or choose a file."),
        ({"user_id": "u1", "file": b"u2\n"}, "Enter a userId or choose a file, not both."),
        ({"file": b"u1\nu2,Ana\n"}, "Line 2 has 2 columns: put one userId on each line."),
        ({"file": b""}, "The file has no ids. Put one userId on each line."),
        ({"regulation_type": "DELETE_EVERYTHING", "user_id": "u1"}, "Select a valid choice."),
    ],
)
def test_what_cannot_be_asked_says_why_and_writes_nothing(
    as_alice: Client, given: dict[str, Any], message: str
) -> None:
    data = {"regulation_type": "DELETE_ONLY", **given}
    if "file" in given:
        data["file"] = SimpleUploadedFile("ids.csv", given["file"])
    assert message in text(as_alice.post(f"{BASE}/deletions/new", data))
    assert not Regulation.objects.exists()


def test_support_staff_manage_requests_without_seeing_ids(client: Client, workspace: Workspace, alice: User) -> None:
    request_regulation(workspace, regulation_type=Regulation.Type.SUPPRESS_ONLY, user_id=USER, actor=alice)
    client.force_login(support_staff(workspace))
    made = Regulation.objects.get()
    for url in (f"{BASE}/deletions", f"{BASE}/deletions/{made.pk}", f"{BASE}/suppressed"):
        page = text(client.get(url))
        assert USER not in page
        assert "••••••••" in page


def test_a_privacy_admin_has_these_pages_and_no_others(client: Client, workspace: Workspace) -> None:
    client.force_login(member(workspace, "pat", Role.PRIVACY_ADMIN))
    page = text(client.get(f"{BASE}/deletions"))
    assert "Suppressed Users" in page
    assert f'href="{BASE}/controls"' not in page
    assert 'href="/acme-health/privacy/inbox"' not in page
    assert client.get(BASE).headers["Location"] == f"{BASE}/deletions"


def test_a_list_of_many_takes_few_queries(as_alice: Client, workspace: Workspace, alice: User) -> None:
    ids = [f"u{n}" for n in range(120)]
    request_regulations(workspace, regulation_type=Regulation.Type.SUPPRESS_ONLY, user_ids=ids, actor=alice)
    for number in range(30):
        SourceFactory(workspace=workspace, name=f"S {number}", slug=f"s-{number}")
    as_alice.get(f"{BASE}/deletions")
    for url in ("deletions", "suppressed", "controls", "retention"):
        with counted() as queries:
            text(as_alice.get(f"{BASE}/{url}"))
        assert len(queries) <= 18, url
    assert "51–100 of 120" in text(as_alice.get(f"{BASE}/deletions?page=2"))  # noqa: RUF001


def test_a_file_beyond_what_is_read_is_refused_and_never_on_disk(as_alice: Client) -> None:
    file = SimpleUploadedFile("ids.csv", b"u1\n" * 4_000_000)
    page = text(as_alice.post(f"{BASE}/deletions/new", {"regulation_type": "DELETE_ONLY", "file": file}))
    assert "The file has more than 8 MB." in page
    assert not Regulation.objects.exists()


def test_the_id_behind_an_old_request_is_forgotten(as_alice: Client, workspace: Workspace, alice: User) -> None:
    made = request_regulation(workspace, regulation_type=Regulation.Type.SUPPRESS_ONLY, user_id=USER, actor=alice)
    assert forget_old_ids() == 0
    Regulation.objects.update(completed_at=timezone.now() - timedelta(days=91))
    assert forget_old_ids() == 1
    assert "No longer kept" in text(as_alice.get(f"{BASE}/deletions/{made.pk}"))
