"""The inbox over HTTP: what it lists, how it is filtered, what a colour and Add to Inventory do."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import AuditRow
from privacy.models import InventoryField, ObservedField
from tests.factories import SourceFactory, member, support_staff
from tests.privacy.observing import field, observe, track
from tests.queries import counted
from workspaces.models import Label, Source, SourceLabel, User, Workspace

URL = "/acme-health/privacy/inbox"
HTMX = {"HX-Request": "true"}


def listed(page: str) -> list[str]:
    return re.findall(r'aria-label="Select ([^"]+)"', page)


def names(client: Client, query: str = "") -> list[str]:
    response = client.get(f"{URL}?{query}")
    assert response.status_code == 200
    return listed(response.content.decode())


def rows(event_type: str) -> list[AuditRow]:
    return list(AuditRow.objects.filter(event_type=event_type).order_by("pk"))


def test_fields_of_the_last_seven_days_newest_first(as_alice: Client, source: Source) -> None:
    now = datetime.now(UTC)
    observe(source, track(old=1), at=now - timedelta(days=7, minutes=1))
    observe(source, track(email="a"), at=now - timedelta(days=6))
    observe(source, track(visit={"clinic": "North"}), at=now)
    assert names(as_alice) == ["visit.clinic", "email"]
    assert names(as_alice, "sort=name") == ["email", "visit.clinic"]
    assert [row.object_label for row in rows("Privacy Inbox Viewed")] == ["Acme Health", "Acme Health"]


def test_search_and_filters(as_alice: Client, workspace: Workspace, source: Source) -> None:
    other = SourceFactory(workspace=workspace, name="Portal")
    label = Label.objects.create(workspace=workspace, key="environment", value="Prod")
    SourceLabel.objects.create(source=other, label=label, key="environment")
    observe(source, track(ssn="1", email="b"))
    observe(other, track(email="b", panel="c"))
    assert names(as_alice, "q=EMAI&sort=name") == ["email"]
    assert names(as_alice, "class=red&class=green&sort=name") == ["panel", "ssn"]
    assert names(as_alice, f"source={source.pk}&sort=name") == ["email", "ssn"]
    assert names(as_alice, "environment=Prod&sort=name") == ["email", "panel"]
    assert names(as_alice, "environment=none&class=yellow") == ["email"]
    assert names(as_alice, f"environment=Prod&source={source.pk}") == []
    page = as_alice.get(f"{URL}?environment=Prod&class=red").content.decode()
    assert "Showing only Red, Prod" in page
    assert "No field of the inbox matches" in page
    assert names(as_alice, "source=nonsense&class=mauve&page=99&sort=name") == ["email", "panel", "ssn"]


def test_a_search_never_looks_at_values(as_alice: Client, source: Source) -> None:
    observe(source, track(contact="ana@example.com"))
    assert names(as_alice, "q=ana@example.com") == []
    assert names(as_alice, "q=contact") == ["contact"]


def test_pages_of_fifty(as_alice: Client, source: Source) -> None:
    observe(source, track(**{f"key_{number:03}": 1 for number in range(51)}))
    assert len(names(as_alice, "sort=name")) == 50
    assert names(as_alice, "sort=name&page=2") == ["key_050"]
    page = as_alice.get(f"{URL}?q=key_0&sort=name").content.decode()
    assert "q=key_0&amp;sort=name&amp;page=2" in page


def test_an_opened_row_tells_where_and_how(as_alice: Client, source: Source) -> None:
    observe(source, track(lastNam="x"), track("Visit Moved", lastNam="y"))
    url = reverse("privacy_inbox_field", args=["acme-health", field("lastNam").pk])
    part = as_alice.get(url, headers=HTMX).content.decode()
    assert "<html" not in part
    assert "Visit Booked" in part
    assert "Visit Moved" in part
    assert source.name in part
    told = " ".join(re.sub(r"<[^>]+>", " ", part).split())
    assert "name string-distance 0.80" in told
    assert "<html" in as_alice.get(url).content.decode()


def test_a_colour_is_picked_and_recorded(as_alice: Client, source: Source) -> None:
    observe(source, track(email="a", panel="b"))
    email, panel = field("email"), field("panel")
    data = {"field": [email.pk, panel.pk], "colour": "red", "asked": "class=yellow"}
    response = as_alice.post(f"{URL}/colour", data)
    assert response.headers["Location"] == f"{URL}?class=yellow"
    assert set(ObservedField.objects.values_list("name", "chosen", "in_inventory")) == {
        ("email", "red", False),
        ("panel", "red", False),
    }
    told = [(row.object_label, row.details) for row in rows("Field Recommendation Changed")]
    assert told == [
        ("email", {"before": "yellow", "after": "red"}),
        ("panel", {"before": "green", "after": "red"}),
    ]
    row = as_alice.post(f"{URL}/colour", {"field": email.pk, "colour": "yellow"}, headers=HTMX).content.decode()
    assert listed(row) == ["email"]
    assert "Classification of email: Yellow" in row
    assert field("email").chosen == ""


def test_add_to_inventory_applies_the_colour(as_alice: Client, source: Source, alice: User) -> None:
    observe(source, track(email="a", panel="b", clinic="c"))
    as_alice.post(f"{URL}/colour", {"field": field("panel").pk, "colour": "red"})
    as_alice.post(f"{URL}/add", {"field": [field("email").pk, field("panel").pk]})
    assert names(as_alice) == ["clinic"]
    entries = InventoryField.objects.values_list("name", "classification", "classified_by__email")
    assert list(entries) == [("email", "yellow", alice.email), ("panel", "red", alice.email)]
    assert len(rows("Field Classification Changed")) == 2
    part = as_alice.post(f"{URL}/add", {"field": field("clinic").pk}, headers=HTMX).content.decode()
    assert "clinic is in the inventory as Green" in part
    assert 'hx-swap-oob="true">0<' in part


def test_what_is_gone_or_wrong_is_said_and_changes_nothing(as_alice: Client, source: Source, charlie: User) -> None:
    observe(source, track(email="a"))
    theirs = SourceFactory(workspace=Workspace.objects.get(slug="umbrella"))
    observe(theirs, track(secret="b"))
    foreign = ObservedField.objects.get(name="secret")
    as_alice.post(f"{URL}/add", {"field": foreign.pk})
    as_alice.post(f"{URL}/colour", {"field": foreign.pk, "colour": "red"})
    assert not InventoryField.objects.exists()
    assert ObservedField.objects.get(name="secret").chosen == ""
    for name in ("privacy_inbox_field", "privacy_inbox_sample"):
        assert as_alice.get(reverse(name, args=["acme-health", foreign.pk])).status_code == 404
    assert "Choose at least one field first." in as_alice.post(f"{URL}/add", {}, follow=True).content.decode()
    refused = as_alice.post(f"{URL}/colour", {"field": field("email").pk, "colour": "mauve"}, headers=HTMX)
    assert (refused.status_code, refused.content.decode()) == (422, "Choose red, yellow or green.")
    assert as_alice.post(f"{URL}/add", {"field": ["x" * 10]}).status_code == 302
    assert names(as_alice) == ["email"]


def live_url(page: str) -> str:
    found = re.search(r'hx-get="([^"]+/inbox/new[^"]+)"', page)
    assert found
    return found[1].replace("&amp;", "&")


def test_new_fields_come_once(as_alice: Client, source: Source) -> None:
    observe(source, track(email="a"))
    url = live_url(as_alice.get(URL).content.decode())
    seen = AuditRow.objects.count()
    assert as_alice.get(url, headers=HTMX).status_code == 204
    assert AuditRow.objects.count() == seen
    observe(source, track(ssn="a", panel="b"))
    first = as_alice.get(url, headers=HTMX).content.decode()
    assert sorted(listed(first)) == ["panel", "ssn"]
    assert 'hx-swap-oob="true">3<' in first
    assert AuditRow.objects.count() == seen + 1
    assert as_alice.get(live_url(first), headers=HTMX).status_code == 204
    filtered = live_url(as_alice.get(f"{URL}?class=red").content.decode())
    observe(source, track(password="a", clinic="b"))
    assert listed(as_alice.get(filtered, headers=HTMX).content.decode()) == ["password"]


def test_asking_for_new_fields_is_no_activity(as_alice: Client, source: Source) -> None:
    url = live_url(as_alice.get(URL).content.decode())
    seen = as_alice.session["seen"]
    session = as_alice.session
    session["seen"] = seen - 100
    session.save()
    as_alice.get(url, headers=HTMX)
    assert as_alice.session["seen"] == seen - 100


def test_a_sample_is_shown_with_its_line_and_recorded(as_alice: Client, source: Source) -> None:
    observe(source, track(email="ana@example.com", visit={"clinic": "North"}))
    url = reverse("privacy_inbox_sample", args=["acme-health", field("visit.clinic").pk])
    page = as_alice.get(url, headers=HTMX).content.decode()
    assert "ana@example.com" in page
    marked = re.search(r"json__line--marked.*?<code>(.*?)</code>", page, re.DOTALL)
    assert marked
    assert re.sub(r"<[^>]+>", "", marked[1]) == "&quot;clinic&quot;: &quot;North&quot;"
    assert "<dt>Line number</dt><dd>9</dd>" in page
    told = [(row.object_label, row.end_user_id, row.details) for row in rows("Field Sample Viewed")]
    assert told == [("visit.clinic", "patient-1", {"opened": True, "masked": False})]


def test_support_staff_see_masks_in_a_sample(client: Client, workspace: Workspace, alice: User, source: Source) -> None:
    observe(source, track(email="ana@example.com", clinic="North"))
    client.force_login(support_staff(workspace))
    page = client.get(reverse("privacy_inbox_sample", args=["acme-health", field("email").pk])).content.decode()
    assert "ana@example.com" not in page
    assert "patient-1" not in page
    assert "North" in page
    assert "Values are masked" in page
    assert rows("Field Sample Viewed")[0].details == {"opened": True, "masked": True}


@pytest.mark.parametrize(("sealed", "said"), [(b"", "No sample is kept"), (b"nonsense", "This sample does not open")])
def test_a_sample_that_does_not_open_is_said(as_alice: Client, source: Source, sealed: bytes, said: str) -> None:
    observe(source, track(email="ana@example.com"))
    ObservedField.objects.update(sealed_sample=sealed)
    page = as_alice.get(reverse("privacy_inbox_sample", args=["acme-health", field("email").pk])).content.decode()
    assert said in page
    assert rows("Field Sample Viewed")[0].details == {"opened": False, "masked": False}


def test_members_without_the_right_pick_nothing(client: Client, workspace: Workspace, source: Source) -> None:
    observe(source, track(email="a"))
    client.force_login(member(workspace, "dora", "privacy_admin"))
    for what in ("colour", "add"):
        assert client.post(f"{URL}/{what}", {"field": field("email").pk, "colour": "red"}).status_code == 403
    assert field("email").chosen == ""
    assert not InventoryField.objects.exists()
    assert len(rows("Access Denied")) == 2


def test_a_list_asks_few_queries_however_long(as_alice: Client, source: Source) -> None:
    observe(source, track(**{f"key_{number}": 1 for number in range(60)}))
    as_alice.get(URL)
    with counted() as asked:
        as_alice.get(f"{URL}?q=key&source={source.pk}")
    sql = [query["sql"] for query in asked.captured_queries]
    assert len([each for each in sql if "SAVEPOINT" not in each and not each.startswith("UPDATE")]) <= 12
