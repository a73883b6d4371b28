"""The inventory over HTTP: list, filters, classes, the sheet of one entry, downloads."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from audit.models import AuditRow
from audit.streams import DownloadBrokeOff
from destinations.models import Destination, EncryptedField, PublicKey
from destinations.settings_store import seal_settings
from privacy import inventory_export
from privacy.inventory import classify_field
from privacy.models import Classification, InventoryField
from privacy.standard_controls import block_red_fields
from tests.factories import SourceFactory, member
from tests.privacy.observing import observe, track
from workspaces import grants
from workspaces.grants import RoleGiven
from workspaces.models import Label, Source, SourceLabel, User, Workspace
from workspaces.roles import Role, Scope

URL = "/acme-health/privacy/inventory"
HTMX = {"HX-Request": "true"}
RED, YELLOW, GREEN = Classification.RED, Classification.YELLOW, Classification.GREEN


def listed(page: str) -> list[str]:
    return re.findall(r'<a class="entry-row__name"[^>]*>([^<]+)</a>', page)


def names(client: Client, query: str = "") -> list[str]:
    response = client.get(f"{URL}?{query}")
    assert response.status_code == 200
    return listed(response.content.decode())


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def part(client: Client, entry: InventoryField, name: str, query: str = "") -> str:
    response = client.get(f"{reverse(name, args=['acme-health', entry.pk])}{query}", headers=HTMX)
    assert response.status_code == 200
    html = response.content.decode()
    assert "<html" not in html
    return text_of(html)


def classified(source: Source, actor: User, **classes: Classification) -> dict[str, InventoryField]:
    return {
        name: classify_field(source.workspace, name=name, classification=told, actor=actor)
        for name, told in classes.items()
    }


def destination(source: Source, name: str, *, encrypts: str = "", enabled: bool = True) -> Destination:
    made = Destination(workspace=source.workspace, source=source, kind="webhooks", name=name, enabled=enabled)
    made.sealed_settings = seal_settings({"url": "https://example.com/"}, owner_id=made.pk)
    if encrypts:
        owner = source.workspace.members.first()
        made.public_key = PublicKey.objects.create(
            workspace=source.workspace, pem="", fingerprint="", bits=3072, made_by=owner
        )
        made.encrypts = True
    made.save()
    if encrypts:
        EncryptedField.objects.create(destination=made, kind="default_matcher", reference=encrypts, terms=[encrypts])
    return made


def test_list_search_and_filters(as_alice: Client, workspace: Workspace, source: Source, alice: User) -> None:
    other = SourceFactory(workspace=workspace, name="Portal")
    label = Label.objects.create(workspace=workspace, key="environment", value="Prod")
    SourceLabel.objects.create(source=other, label=label, key="environment")
    observe(source, track(ssn="1", email="b"))
    observe(other, track(email="b", panel="c"))
    classified(source, alice, ssn=RED, email=YELLOW, panel=GREEN, never_seen=RED)
    assert names(as_alice) == ["email", "never_seen", "panel", "ssn"]
    assert names(as_alice, "q=S") == ["never_seen", "ssn"]
    assert names(as_alice, "class=red&class=green") == ["never_seen", "panel", "ssn"]
    assert names(as_alice, f"source={source.pk}") == ["email", "ssn"]
    assert names(as_alice, "environment=Prod") == ["email", "panel"]
    assert names(as_alice, "environment=none") == ["email", "ssn"]
    page = as_alice.get(f"{URL}?class=yellow&q=zzz").content.decode()
    assert "Showing only Yellow, names with “zzz”" in page
    assert "No field of the inventory matches" in page
    rows = AuditRow.objects.filter(event_type="Privacy Inventory Viewed")
    assert {row.object_label for row in rows} == {"Acme Health"}


def test_an_empty_inventory_leads_to_the_inbox(as_alice: Client) -> None:
    page = as_alice.get(URL).content.decode()
    assert "Nothing is classified yet" in page
    assert "Download CSV" not in page


def test_a_class_is_changed_with_a_reason_and_shows_in_the_history(
    as_alice: Client, source: Source, alice: User
) -> None:
    entry = classified(source, alice, email=YELLOW)["email"]
    url = reverse("privacy_inventory_classify", args=["acme-health", entry.pk])
    row = as_alice.post(url, {"colour": "green", "reason": "only test mail"}, headers=HTMX).content.decode()
    assert listed(row) == ["email"]
    assert "Classification of email: Green" in row
    entry.refresh_from_db()
    assert (entry.classification, entry.was_restricted) == ("green", True)
    told = part(as_alice, entry, "privacy_inventory_history")
    assert re.search(r"Yellow Green alice@example.com just now only test mail Yellow alice@example.com", told)
    before = AuditRow.objects.count()
    as_alice.post(url, {"colour": "green"}, headers=HTMX)  # as it is: nothing to record
    assert entry.changes.count() == 2
    assert AuditRow.objects.count() == before
    assert as_alice.post(url, {"colour": "red", "reason": "x" * 201}, headers=HTMX).status_code == 422
    assert as_alice.post(url, {"asked": "class=red"}).headers["Location"] == f"{URL}?class=red"
    entry.refresh_from_db()
    assert entry.classification == "green"


def test_the_overview_counts_by_source(as_alice: Client, workspace: Workspace, source: Source, alice: User) -> None:
    other, now = SourceFactory(workspace=workspace, name="Portal"), datetime.now(UTC)
    observe(source, track(email="a"), track(user={"Email": "a"}), at=now)
    observe(other, track(email="a"), at=now - timedelta(days=3))
    entry = classified(source, alice, email=YELLOW)["email"]
    day = part(as_alice, entry, "privacy_inventory_field")
    assert "past 24 hours" in day
    assert "Number of times seen, by source" in day
    assert "Portal" not in day
    assert f"{source.name} 2" in day
    week = part(as_alice, entry, "privacy_inventory_field", "?period=week")
    assert f"{source.name} 2" in week
    assert "Portal 1" in week
    url = reverse("privacy_inventory_field_csv", args=["acme-health", entry.pk])
    rows = list(csv.reader(io.StringIO(as_alice.get(f"{url}?period=week").content.decode())))
    assert rows[0] == ["from", "source", "times_seen"]
    assert len(rows) == 15
    assert sum(int(row[2]) for row in rows[1:]) == 3
    assert AuditRow.objects.filter(event_type="Privacy Inventory Exported").get().object_label == "email"


def test_events_of_every_spelling(as_alice: Client, source: Source, alice: User) -> None:
    observe(source, track(email="a"), track("Visit Moved", user={"E_Mail": "a"}))
    entry = classified(source, alice, email=YELLOW)["email"]
    told = part(as_alice, entry, "privacy_inventory_events")
    assert f"Visit Booked {source.name} email 1 time, just now" in told
    assert f"Visit Moved {source.name} user.E_Mail 1 time, just now" in told


def test_what_each_destination_gets(as_alice: Client, workspace: Workspace, source: Source, alice: User) -> None:
    other = SourceFactory(workspace=workspace, name="Portal")
    observe(source, track(email="a"))
    entry = classified(source, alice, email=YELLOW)["email"]
    destination(source, "Clear")
    destination(source, "Sealed", encrypts="email")
    destination(source, "Wrong field", encrypts="phone")
    destination(source, "Sleeping", enabled=False)
    destination(other, "Elsewhere")
    told = part(as_alice, entry, "privacy_inventory_destinations")
    assert f"Clear {source.name} In clear" in told
    assert f"Sealed {source.name} Encrypted By its field email" in told
    assert f"Wrong field {source.name} In clear Not among the fields it encrypts" in told
    assert f"Sleeping {source.name} Not at all The destination is disabled" in told
    assert "Elsewhere" not in told
    classify_field(workspace, name="email", classification=RED, actor=alice)
    block_red_fields(source, actor=alice)
    told = part(as_alice, entry, "privacy_inventory_destinations")
    assert f"Clear {source.name} Not at all Removed as it comes in, by Standard Controls" in told


def test_an_object_that_is_encrypted_covers_what_it_holds(as_alice: Client, source: Source, alice: User) -> None:
    observe(source, track(email={"home": "a"}, home="b"))
    destination(source, "Sealed", encrypts="email")
    entry = classified(source, alice, home=YELLOW)["home"]
    told = part(as_alice, entry, "privacy_inventory_destinations")
    assert f"Sealed {source.name} Encrypted in part By its field email" in told


def test_access_is_from_the_table_of_rights(
    as_alice: Client, workspace: Workspace, source: Source, alice: User, bob: User
) -> None:
    other = SourceFactory(workspace=workspace, name="Portal")
    observe(source, track(email="a"))
    entry = classified(source, alice, email=YELLOW)["email"]
    pia = member(workspace, "pia", "")
    grants.write(
        workspace.memberships.get(user=pia),
        [RoleGiven(Role.PII_ACCESS), RoleGiven(Role.SOURCE_READ_ONLY, Scope.CHOSEN, (source.pk,))],
    )
    far = member(workspace, "far", "")
    grants.write(workspace.memberships.get(user=far), [RoleGiven(Role.SOURCE_ADMIN, Scope.CHOSEN, (other.pk,))])
    member(workspace, "audrey", "auditor")
    told = part(as_alice, entry, "privacy_inventory_access")
    assert "Alice alice@example.com Workspace Owner All Unmasked" in told
    assert "Bob bob@example.com Source Read-only All Masked" in told
    assert f"Pia pia@example.com PII Access, Source Read-only {source.name} Unmasked" in told or (
        f"Pia pia@example.com Source Read-only, PII Access {source.name} Unmasked" in told
    )
    assert "far@example.com" not in told
    assert "audrey@example.com" not in told


def test_the_download_holds_everything_and_no_formula(as_alice: Client, source: Source, alice: User) -> None:
    observe(source, track(email="a"))
    classified(source, alice, email=YELLOW, **{"=cmd": RED})
    response = as_alice.get(f"{URL}.csv?class=yellow")
    assert response.headers["Content-Disposition"].startswith('attachment; filename="acme-health-inventory-')
    rows = list(csv.DictReader(io.StringIO(b"".join(response).decode())))  # type: ignore[arg-type]
    told = [(row["field"], row["classification"], row["sources"], row["was_restricted"]) for row in rows]
    assert told == [("'=cmd", "red", "", "yes"), ("email", "yellow", source.name, "yes")]
    assert rows[1]["classified_by"] == "alice@example.com"
    exported = AuditRow.objects.get(event_type="Privacy Inventory Exported")
    assert (exported.object_label, exported.details) == ("Acme Health", {"rows": 2})


def test_a_download_that_breaks_off_says_so(as_alice: Client, source: Source, alice: User) -> None:
    classify_field(source.workspace, name="email", classification=Classification.YELLOW, actor=alice)
    read = [inventory_export._after(source.workspace, ""), OperationalError("canary of a patient")]
    with mock.patch("privacy.inventory_export._after", side_effect=read):
        pieces = as_alice.get(f"{URL}.csv").streaming_content  # type: ignore[attr-defined]
        told = b"".join(next(pieces) for _ in range(3)).decode().splitlines()
        with pytest.raises(DownloadBrokeOff, match=r"^OperationalError$"):
            next(pieces)
    assert told[-1] == "THIS FILE IS NOT WHOLE: the download broke off here"


def test_long_inventories_are_downloaded_whole(as_alice: Client, source: Source, alice: User) -> None:
    InventoryField.objects.bulk_create(
        InventoryField(workspace=source.workspace, name=f"key_{n:04}", folded=f"key{n:04}", classification="green")
        for n in range(1201)
    )
    rows = b"".join(as_alice.get(f"{URL}.csv")).decode().splitlines()  # type: ignore[arg-type]
    assert (len(rows), rows[1][:8], rows[-1][:8]) == (1202, "key_0000", "key_1200")


def test_entries_of_other_workspaces_are_not_there(as_alice: Client, charlie: User) -> None:
    umbrella = Workspace.objects.get(slug="umbrella")
    theirs = classify_field(umbrella, name="secret", classification=RED, actor=charlie)
    for name in (
        "privacy_inventory_field",
        "privacy_inventory_events",
        "privacy_inventory_destinations",
        "privacy_inventory_access",
        "privacy_inventory_history",
        "privacy_inventory_field_csv",
        "privacy_explain_field",
    ):
        assert as_alice.get(reverse(name, args=["acme-health", theirs.pk])).status_code == 404
    url = reverse("privacy_inventory_classify", args=["acme-health", theirs.pk])
    assert as_alice.post(url, {"colour": "green"}).status_code == 404
    theirs.refresh_from_db()
    assert theirs.classification == "red"
