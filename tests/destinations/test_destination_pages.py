"""Event Delivery and Data Encryption of one destination: numbers as the database has them, words for every code."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.ids import new_id
from audit.models import AuditRow
from destinations import status
from destinations.models import Attempt, Delivery, DeliveryCount, Destination, Replay
from tests.destinations.factories import FINGERPRINT, PAIR, DestinationFactory, encrypt_for
from tests.destinations.making import BASE, broken_log, recorded
from tests.factories import join
from tests.queries import counted
from workspaces.models import Source, User, Workspace
from workspaces.sealing import seal

HELD = (
    "Encrypting a chosen field or delivering the encrypted values failed, so nothing was sent. "
    "Check that the destination accepts encrypted data in those fields."
)
BODY = b'{"properties":{"email":"jo@example.com"}}'


@pytest.fixture
def crm(source: Source) -> Destination:
    return DestinationFactory(source=source, name="CRM", shared_secret="s3cr3t", headers="Authorization: Bearer x")


def page_of(client: Client, destination: Destination, tab: str = "delivery", query: str = "") -> str:
    response = client.get(f"{BASE}/{destination.pk}/{tab}{query}")
    assert response.status_code == 200
    return response.content.decode()


def tiles(page: str) -> dict[str, str]:
    return dict(re.findall(r'class="tile"><dt>([^<]+)</dt><dd>([^<]+)</dd>', page))


def rows_of(page: str, region: str) -> list[list[str]]:
    """The cells' text of a table, row by row."""
    if f'aria-label="{region}"' not in page:
        return []
    table = page.split(f'aria-label="{region}"')[1].split("</table>", maxsplit=1)[0]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in table.split("<tr>")[2:]]
    return [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in row] for row in cells]


def an_id(moment: datetime) -> Any:
    """An id as one drawn at that moment: new ids are in the order of time."""
    first = status.first_id_at(moment)
    return type(first)(int=first.int | new_id().int & (1 << 62) - 1)


def tried(destination: Destination, *, ago: timedelta = timedelta(0), **facts: Any) -> Attempt:
    when = timezone.now() - ago
    given = {"message_id": "m-1", "event_type": "track", "number": 1, "status_code": 200, "duration_ms": 12, **facts}
    given |= {"id": an_id(when), "received_at": when, "tried_at": when}
    return Attempt.objects.create(destination=destination, **given)


def left(destination: Destination, state: str, *, ago: timedelta = timedelta(0), **facts: Any) -> Delivery:
    when = timezone.now() - ago
    given = {"message_id": "m-1", "event_type": "track", "log_partition": 0, "log_position": 1, "log_place": 0, **facts}
    given |= {"id": an_id(when), "received_at": when, "status": state, "sealed_body": seal(BODY, bound_to=b"x")}
    return Delivery.objects.create(workspace=destination.workspace, destination=destination, **given)


def test_a_destination_opens_at_its_first_tab(as_alice: Client, crm: Destination) -> None:
    assert as_alice.get(f"{BASE}/{crm.pk}").headers["Location"] == f"{BASE}/{crm.pk}/overview"
    page = page_of(as_alice, crm)
    tabs = re.findall(r"<a [^>]*>([^<]+)</a>", page.split('aria-label="Destination">')[1].split("</nav>")[0])
    assert tabs == ["Delivery Overview", "Filters", "Event Tester", "Data Encryption", "Event Delivery", "Settings"]
    assert f'href="/acme-health/sources/{crm.source.slug}/overview">{crm.source.name}</a>' in page


def test_large_numbers_are_grouped(as_alice: Client, crm: Destination) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    DeliveryCount.objects.create(destination=crm, hour=hour, event_type="track", outcome="delivered", count=1234)
    assert tiles(page_of(as_alice, crm))["Delivered on first try"] == "1,234"


def test_each_try_is_a_row(as_alice: Client, crm: Destination) -> None:
    tried(crm, message_id="m-1", ago=timedelta(hours=2))
    tried(crm, message_id="m-2", number=3, status_code=None, code="errors.awaiting-retry.ECONNREFUSED", duration_ms=7)
    assert rows_of(page_of(as_alice, crm), "Recent deliveries") == [
        ["m-2", "track", "just now", "No answer errors.awaiting-retry.ECONNREFUSED", "3", "7 ms"],
        ["m-1", "track", "2 hours ago", "200", "1", "12 ms"],
    ]


def test_dead_letters_and_held_events_are_explained(as_alice: Client, crm: Destination) -> None:
    left(crm, "held", message_id="m-1", reason="FAILED_DATA_ENCRYPTION", ago=timedelta(hours=1))
    left(crm, "dead", message_id="m-2", reason="errors.discarded.401", attempts=1)
    left(crm, "waiting", message_id="m-3", reason="errors.awaiting-retry.5xx", attempts=1)
    rows = [row[1:] for row in rows_of(page_of(as_alice, crm, "delivery/undelivered"), "Undelivered events")]
    assert rows == [
        ["m-2", "track", "Dead letter", f"errors.discarded.401 {status.SENTENCES['401']}", "1", "just now"],
        ["m-1", "track", "Held", f"FAILED_DATA_ENCRYPTION {HELD}", "0", "1 hour ago"],
    ]


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("errors.discarded.410", "The destination answered 410."),
        ("errors.awaiting-retry.ETIMEDOUT", "The destination did not answer within its time limit."),
        ("errors.awaiting-retry.429", "The destination asked us to send more slowly."),
        ("SOMETHING_NEW", "SOMETHING_NEW"),
    ],
)
def test_every_code_has_words(code: str, sentence: str) -> None:
    assert status.explain(code) == sentence


def test_every_sentence_is_one() -> None:
    assert not [text for text in status.SENTENCES.values() if not (text[0].isupper() and text.endswith("."))]


@pytest.mark.parametrize(
    ("tab", "region", "make"),
    [("delivery", "Recent deliveries", tried), ("delivery/undelivered", "Undelivered events", left)],
)
def test_older_rows_are_a_page_away(as_alice: Client, crm: Destination, tab: str, region: str, make: Any) -> None:
    for number in range(51):
        facts = {"message_id": f"m-{number}", "ago": timedelta(minutes=number)}
        make(crm, "dead", **facts) if make is left else make(crm, **facts)
    first = page_of(as_alice, crm, tab)
    older = re.search(r'href="(\?before=[^"]+)"', first)
    assert older
    second = page_of(as_alice, crm, tab, older[1])
    place = 1 if make is left else 0  # behind the box that chooses the row
    assert [row[place] for row in rows_of(first, region)] == [f"m-{n}" for n in range(50)]
    assert [row[place] for row in rows_of(second, region)] == ["m-50"]
    assert 'href="?before=' not in second


@pytest.mark.parametrize("key", ["", "x", "%00", "0" * 32])
def test_a_page_key_that_is_none_starts_over(as_alice: Client, crm: Destination, key: str) -> None:
    tried(crm)
    shown = rows_of(page_of(as_alice, crm, query=f"?before={key}"), "Recent deliveries")
    assert len(shown) == (0 if key.startswith("0") else 1)


def test_empty_pages_say_why(as_alice: Client, crm: Destination) -> None:
    assert "Nothing was sent yet" in page_of(as_alice, crm)
    assert "No older deliveries." in page_of(as_alice, crm, query=f"?before={new_id()}")
    Destination.objects.update(enabled=False)
    assert "This destination is disabled" in page_of(as_alice, crm)


def test_queries_do_not_grow_with_rows(as_alice: Client, crm: Destination) -> None:
    counts = []
    for number in (1, 1, 9, 40):
        for _ in range(number):
            tried(crm)
            left(crm, "held")
        with counted() as queries:
            page_of(as_alice, crm)
        counts.append(len(queries))
    assert counts[1:] == [counts[1]] * 3
    assert counts[1] <= 22


@pytest.mark.parametrize(("tab", "most"), [("delivery/undelivered", 20), ("delivery/replays", 20)])
def test_lists_of_the_tab_take_as_many_queries_with_many_rows(
    as_alice: Client, alice: User, crm: Destination, tab: str, most: int
) -> None:
    counts, now = [], timezone.now()
    for number in (1, 1, 9, 40):
        for place in range(number):
            left(crm, "held", reason=f"errors.discarded.4{place}")
            stretch = {"since": now - timedelta(hours=2), "until": now, "finished_at": now}
            done = Replay.objects.create(
                workspace=crm.workspace, destination=crm, asked_by=alice, state="finished", **stretch
            )
            left(crm, "dead", reason="errors.discarded.401", replay=done)
        with counted() as queries:
            page_of(as_alice, crm, tab)
        counts.append(len(queries))
    assert counts[1:] == [counts[1]] * 3
    assert counts[1] <= most


@pytest.mark.parametrize("tab", ["delivery", "encryption", "settings"])
def test_no_body_and_no_secret_is_on_a_page(client: Client, crm: Destination, bob: User, tab: str) -> None:
    encrypt_for(crm, "email")
    left(crm, "dead", reason="errors.discarded.401")
    client.force_login(bob)
    page = page_of(client, crm, tab)
    assert not [word for word in ("jo@example.com", "s3cr3t", "Bearer x") if word in page]


def test_data_encryption_shows_fields_and_public_key(as_alice: Client, crm: Destination) -> None:
    encrypt_for(crm, "birthdate", "dob")
    page = page_of(as_alice, crm, "encryption")
    assert "Sensitive data is encrypted" in page
    assert re.findall(
        r'<span class="chip"><a href="[^"]+/privacy/explain\?name=birthdate">([^<]+)</a></span>', page
    ) == ["birthdate"]
    assert FINGERPRINT in page
    assert PAIR.public_pem.strip() in page
    assert "2048 bits" in page
    assert "key-maker@example.com" in page
    assert "rsa_mgf1_md:sha256" in page
    assert "PRIVATE KEY-----" not in page


def test_a_plain_destination_says_that_nothing_is_encrypted(as_alice: Client, crm: Destination) -> None:
    page = page_of(as_alice, crm, "encryption")
    assert "Sensitive data is not encrypted" in page
    assert "PUBLIC KEY" not in page
    assert "Data encryption only supports event-stream, cloud-mode destinations" in page


@pytest.mark.parametrize(
    ("tab", "event_type"),
    [
        ("delivery", "Event Delivery Viewed"),
        ("encryption", "Data Encryption Viewed"),
        ("settings", "Destination Viewed"),
    ],
)
@pytest.mark.django_db(transaction=True)  # a row that cannot be written ends the whole transaction
def test_each_page_is_one_row_or_is_not_shown(as_alice: Client, crm: Destination, tab: str, event_type: str) -> None:
    with recorded() as rows:
        page_of(as_alice, crm, tab)
    assert rows == [event_type]
    row = AuditRow.objects.get(event_type=event_type)
    assert (row.object_type, row.object_id, row.object_label) == ("Destination", str(crm.pk), "CRM")
    with broken_log(as_alice):
        response = as_alice.get(f"{BASE}/{crm.pk}/{tab}")
    assert response.status_code == 503
    assert b"CRM" not in response.content


@pytest.mark.parametrize("tab", ["delivery", "encryption", "settings"])
def test_another_workspaces_destination_is_not_there(
    as_alice: Client, crm: Destination, alice: User, charlie: User, tab: str
) -> None:
    umbrella = charlie.workspaces.get()
    join(umbrella, alice, "owner")
    with recorded() as rows:
        assert as_alice.get(f"/umbrella/destinations/{crm.pk}/{tab}").status_code == 404
        assert as_alice.post(f"/umbrella/destinations/{crm.pk}/{tab}").status_code in {404, 405}
    assert rows == []


@pytest.mark.parametrize("lost", [{"baa_expires_on": "2025-01-01"}, {"plan": "team"}, {"baa_signed_on": None}])
def test_what_is_encrypted_can_be_looked_at_once_eligibility_has_ended(
    as_alice: Client, crm: Destination, lost: dict[str, object]
) -> None:
    encrypt_for(crm, "email")
    Workspace.objects.update(**lost)
    page = as_alice.get(f"{BASE}/{crm.pk}/encryption").content.decode()
    assert "Sensitive data is encrypted" in page
    assert ("This workspace is no longer HIPAA eligible" in page) is ("baa_signed_on" not in lost)
    crm.refresh_from_db()
    assert crm.encrypts


def test_a_destination_without_encryption_has_no_tab_where_no_baa_was_signed(
    as_alice: Client, crm: Destination
) -> None:
    Workspace.objects.update(baa_signed_on=None)
    assert as_alice.get(f"{BASE}/{crm.pk}/encryption").status_code == 404
    assert "Data Encryption" not in page_of(as_alice, crm)
