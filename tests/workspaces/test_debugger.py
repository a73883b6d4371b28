"""The Source Debugger: the last events of one source and of no other, masked, on record, and read back exactly."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from audit.event_ids import event_id
from audit.models import AuditRow
from tests.destinations.factories import append, log_entry, track
from tests.destinations.making import recorded
from tests.factories import SourceFactory, member
from tests.queries import counted
from workspaces import debugger
from workspaces.debugger import label_of, latest, pretty, read_cursor, write_cursor
from workspaces.debugger_search import Search, read_search
from workspaces.models import Grant, Source, User, Workspace
from workspaces.roles import Role

DOTS = "\u2022" * 8
MAIL = "jo@example.com"


@pytest.fixture(autouse=True)
def own_log(transactional_db: None, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR, settings.EVENT_LOG_DIR = tmp_path, tmp_path / "events"


def base(source: Source) -> str:
    return f"/acme-health/sources/{source.slug}/debugger"


def rows(page: str) -> list[tuple[str, str, str]]:
    """Whether allowed, type and label of each row."""
    found = re.findall(
        r'visually-hidden">(Allowed|Blocked)</span></span>\s*<span class="debugger__type">([^<]*)</span>'
        r'\s*<span class="debugger__label">([^<]*)</span>',
        page,
    )
    return [(how, kind, html.unescape(label)) for how, kind, label in found]


def links(page: str) -> list[str]:
    return re.findall(r'<a href="([^"]+/debugger/\d+-\d+-\d+)"', page)


def code(page: str) -> str:
    found = re.search(r'<code id="payload">([^<]*)</code>', page)
    assert found, page
    return html.unescape(found[1])


def identify(message_id: str) -> dict[str, Any]:
    return {"type": "identify", "userId": "u1", "messageId": message_id, "traits": {"email": MAIL, "plan": "gold"}}


def test_the_last_events_stand_on_top(as_alice: Client, source: Source) -> None:
    append(log_entry(SourceFactory(workspace=source.workspace), track("other", event="Not mine")))
    append(log_entry(source, track("m-1"), identify("m-2"), {}, skip=[(2, "page", "no_user_anon_id")]))
    append(log_entry(source, {"type": "page", "anonymousId": "a1", "name": "Home", "messageId": "m-3"}))
    with recorded() as told:
        page = as_alice.get(base(source)).content.decode()
    assert told == ["Source Debugger Viewed"]
    assert rows(page) == [
        ("Allowed", "page", "Home"),
        ("Blocked", "page", "No userID or anonymousID"),
        ("Allowed", "identify", f"u1 ({MAIL})"),
        ("Allowed", "track", "Visit Booked"),
    ]


def test_an_event_has_two_views(as_alice: Client, source: Source) -> None:
    append(log_entry(source, track("m-1", properties={"clinic": 'O\'Neill "North"', "visits": 2, "tags": ["a", None]})))
    (link,) = links(as_alice.get(base(source)).content.decode())
    with recorded() as told:
        as_call = code(as_alice.get(link).content.decode())
        as_json = json.loads(code(as_alice.get(f"{link}/raw").content.decode()))
    assert told == ["Source Debugger Pretty Viewed", "Source Debugger Raw Viewed"]
    assert as_call == (
        "analytics.track('u1', 'Visit Booked', {\n    'clinic': 'O\\'Neill \"North\"',\n    'visits': 2,\n"
        "    'tags': [\n        'a',\n        null\n    ]\n})"
    )
    assert (as_json["event"], as_json["messageId"], as_json["properties"]["visits"]) == ("Visit Booked", "m-1", 2)
    row = AuditRow.objects.get(event_type="Source Debugger Raw Viewed")
    assert row.details == {"place": link.rpartition("/")[2]}
    assert row.end_user_id == event_id("m-1", workspace_id=source.workspace_id)


def test_the_audit_log_names_an_event_without_its_id(as_alice: Client, source: Source) -> None:
    append(log_entry(source, track(MAIL), track("m-2")))
    for link in links(as_alice.get(base(source)).content.decode()):
        as_alice.get(link)
    assert MAIL not in repr(list(AuditRow.objects.values_list()))
    answer = as_alice.post("/acme-health/settings/audit-log", {"end_user_id": MAIL}, follow=True)
    assert [row.event_type for row in answer.context["page"].rows] == ["Source Debugger Pretty Viewed"]


def test_without_pii_access_values_are_dots(client: Client, bob: User, source: Source) -> None:
    append(log_entry(source, identify("m-2"), track("m-3", properties={"email": MAIL, "plan": "gold"})))
    client.force_login(bob)
    page = client.get(base(source)).content.decode()
    assert rows(page) == [("Allowed", "track", "Visit Booked"), ("Allowed", "identify", f"{DOTS} ({DOTS})")]
    pages = [page] + [client.get(link + end).content.decode() for link in links(page) for end in ("", "/raw")]
    pages.append(client.get(f"{base(source)}/new").content.decode())
    assert not [page for page in pages if MAIL in page or "'u1'" in page]
    assert f"'email': '{DOTS}'" in code(pages[1])
    assert "'plan': 'gold'" in code(pages[1])


def test_pii_access_is_asked_in_every_view(client: Client, workspace: Workspace, source: Source) -> None:
    append(log_entry(source, identify("m-2")))
    paula = member(workspace, "paula", Role.SOURCE_READ_ONLY)
    Grant.objects.create(membership=paula.memberships.get(), role=Role.PII_ACCESS)
    client.force_login(paula)
    assert rows(client.get(base(source)).content.decode()) == [("Allowed", "identify", f"u1 ({MAIL})")]


def poll_url(page: str) -> str:
    found = re.search(r'hx-get="([^"]+/debugger/new\?after=[^"]*)"', page)
    assert found, page
    return html.unescape(found[1])


def test_new_events_come_on_top_once(as_alice: Client, source: Source) -> None:
    append(log_entry(source, track("m-1")))
    url = poll_url(as_alice.get(base(source)).content.decode())
    with recorded() as told:
        assert as_alice.get(url).status_code == 204
    assert told == []
    append(log_entry(source, track("m-2", event="Second"), track("m-3", event="Third")))
    append(log_entry(SourceFactory(workspace=source.workspace), track("x")))
    with recorded() as told:
        answer = as_alice.get(url).content.decode()
    assert (rows(answer), told) == (
        [("Allowed", "track", "Third"), ("Allowed", "track", "Second")],
        ["Source Debugger Viewed"],
    )
    assert as_alice.get(poll_url(answer)).status_code == 204


def test_no_more_than_500_are_shown(as_alice: Client, source: Source) -> None:
    for first in (0, 400):
        append(log_entry(source, *(track(f"m-{n}", event=f"E{n}") for n in range(first, first + 400))))
    shown = rows(as_alice.get(base(source)).content.decode())
    assert [label for _, _, label in shown] == [f"E{n}" for n in range(799, 299, -1)]


def test_the_search_ends_some_way_back(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debugger, "LOOK_BACK", 2)
    for n in range(4):
        append(log_entry(source, track(f"m-{n}")))
    assert [seen.event["messageId"] for seen in latest(source).events if seen.event] == ["m-3", "m-2"]


def test_an_empty_source_says_so(as_alice: Client, source: Source) -> None:
    page = as_alice.get(base(source)).content.decode()
    assert "No event to show" in page
    assert rows(page) == []


def test_blocked_events_show_their_reason(as_alice: Client, source: Source) -> None:
    append(log_entry(source, skip=[(0, "track", "suppressed_user")], surplus=3))
    page = as_alice.get(base(source)).content.decode()
    assert rows(page) == [("Blocked", "unknown", "Bad request"), ("Blocked", "track", "Suppressed user")]
    shown = as_alice.get(links(page)[1]).content.decode()
    assert "Blocked: Suppressed user" in shown
    assert "Of what is blocked only the reason is kept." in shown


def labels(client: Client, source: Source, *keywords: str, scope: str = "values", **more: str) -> list[str]:
    answer = client.post(base(source), {"scope": scope, "keyword": keywords, **more})
    assert answer.status_code == 200
    return [label for _, _, label in rows(answer.content.decode())]


@pytest.fixture
def searched(source: Source) -> Source:
    lines = [{"Price": 12.5, "tags": ["Ünique", None]}]
    append(
        log_entry(source, track("m-1", event="Nested", properties={"lines": lines}), skip=[(1, "page", "id_required")])
    )
    append(log_entry(source, track("m-2", event="Plain", properties={"email": MAIL, "plan": "gold"}), identify("m-3")))
    return source


@pytest.mark.parametrize(
    ("keywords", "scope", "found"),
    [
        (["gold"], "values", ["identify", "Plain"]),
        (["GOLD", "jo@"], "values", ["identify", "Plain"]),
        (["gold", "12.5"], "values", []),
        (["12.5"], "values", ["Nested"]),
        (["ünique", "  "], "values", ["Nested"]),
        (["price"], "values", []),  # a key, not a value
        (["price"], "payload", ["Nested"]),
        (["m-2"], "values", []),
        (["m-2"], "payload", ["Plain"]),
        (['"plan": "gold"'], "payload", ["identify", "Plain"]),
        (["gold"], "elsewhere", ["identify", "Plain"]),
        ([" "], "values", ["identify", "Plain", "Nested", "Identifier missing from payload"]),
    ],
)
def test_keywords_are_looked_for_in_values_or_everywhere(
    as_alice: Client, searched: Source, keywords: list[str], scope: str, found: list[str]
) -> None:
    shown = labels(as_alice, searched, *keywords, scope=scope)
    assert sorted(shown) == sorted(f"u1 ({MAIL})" if each == "identify" else each for each in found)


def test_what_is_masked_is_not_found(client: Client, bob: User, searched: Source) -> None:
    client.force_login(bob)
    for scope in ("values", "payload"):
        assert labels(client, searched, MAIL, scope=scope) == []
        assert labels(client, searched, "u1", scope=scope) == []
    assert labels(client, searched, "gold") == [f"{DOTS} ({DOTS})", "Plain"]


def test_keywords_stand_in_no_address_and_no_row(as_alice: Client, searched: Source) -> None:
    with recorded() as told:
        page = as_alice.post(base(searched), {"scope": "payload", "keyword": [MAIL, "gold"]}).content.decode()
    assert told == ["Source Debugger Viewed"]
    row = AuditRow.objects.get(event_type="Source Debugger Viewed")
    assert row.details == {"searched": "Full Payload", "keywords": 2}
    assert not [
        url for url in re.findall(r'(?:href|action|hx-get|hx-post)="([^"]*)"', page) if "jo@" in url or "gold" in url
    ]
    assert labels(as_alice, searched, MAIL, "gold", without="gold") == [f"u1 ({MAIL})", "Plain"]
    assert "gold" not in as_alice.get(base(searched) + "?keyword=gold").content.decode()


def test_events_that_come_in_during_a_search_are_searched_too(as_alice: Client, searched: Source) -> None:
    page = as_alice.post(base(searched), {"scope": "values", "keyword": "gold"}).content.decode()
    found = re.search(r'hx-post="([^"]+/debugger/new\?after=[^"]*)"', page)
    assert found, page
    asked = {"scope": "values", "keyword": "gold"}
    append(log_entry(searched, track("m-8", event="Other", properties={"plan": "tin"})))
    with recorded() as told:
        answer = as_alice.post(html.unescape(found[1]), asked)
    assert (answer.status_code, rows(answer.content.decode()), told) == (
        200,
        [],
        [],
    )  # it has read on, and shows nothing
    append(log_entry(searched, track("m-9", event="Another", properties={"plan": "gold"})))
    with recorded() as told:
        answer = as_alice.post(html.unescape(found[1]), asked)
    assert ([label for _, _, label in rows(answer.content.decode())], told) == (["Another"], ["Source Debugger Viewed"])


def test_a_search_is_bounded() -> None:
    search = read_search("values", ["x" * 500, *(f"w{n}" for n in range(50)), "w1"])
    assert (len(search.keywords), len(search.keywords[0])) == (10, 200)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_event_can_be_searched(value: Any) -> None:
    for scope in ("values", "payload"):
        assert Search(scope, ("x",)).finds({"properties": value}) in {True, False}


def test_removed_fields_are_counted(as_alice: Client, source: Source) -> None:
    append(log_entry(source, track("m-1"), blocked={"ssn": 2}))
    (link,) = links(as_alice.get(base(source)).content.decode())
    assert "removed 2 red values" in as_alice.get(link).content.decode()


@pytest.mark.parametrize("key", ["0-99-0", "7-1-0", "0-1-9", "x", "0-1", "99999-1-0"])
def test_an_event_that_is_none_is_not_found(as_alice: Client, source: Source, key: str) -> None:
    append(log_entry(source, track("m-1")))
    for end in ("", "/raw"):
        assert as_alice.get(f"{base(source)}/{key}{end}").status_code == 404
    assert not AuditRow.objects.filter(event_type__in=["Source Debugger Pretty Viewed", "Source Debugger Raw Viewed"])


def test_anothers_event_is_not_found(as_alice: Client, client: Client, source: Source, charlie: User) -> None:
    append(log_entry(source, track("m-1")))
    other = SourceFactory(workspace=source.workspace)
    assert as_alice.get(f"{base(other)}/0-1-0").status_code == 404
    client.force_login(charlie)
    for end in ("", "/new", "/0-1-0", "/0-1-0/raw"):
        assert client.get(base(source) + end).status_code == 404
        assert client.get(f"/umbrella/sources/{source.slug}/debugger{end}").status_code == 404


def test_strange_text_reaches_the_page(as_alice: Client, source: Source) -> None:
    append(log_entry(source, track("m-1", event="half \ud800 <b>", properties={"x": "\ud800"})))
    page = as_alice.get(base(source)).content.decode()
    assert rows(page) == [("Allowed", "track", "half ? <b>")]
    for end in ("", "/raw"):
        assert as_alice.get(links(page)[0] + end).status_code == 200


def test_an_entry_that_does_not_open_hides_no_other(as_alice: Client, source: Source) -> None:
    broken = log_entry(source, track("m-1"))
    append(log_entry(source, track("m-0")), type(broken)(broken.entry_id, source.pk, broken.received_at, 1, b"junk"))
    assert len(rows(as_alice.get(base(source)).content.decode())) == 1


@pytest.mark.parametrize(
    ("event", "label", "call"),
    [
        ({"type": "page", "userId": "u", "category": "Docs", "name": "Start"}, "Start",
         "analytics.page('u', 'Docs', 'Start', {})"),
        ({"type": "screen", "anonymousId": "a", "name": "Start", "properties": {"n": 1}}, "Start",
         "analytics.screen('a', 'Start', {\n    'n': 1\n})"),
        ({"type": "group", "userId": "u", "groupId": "g"}, "g", "analytics.group('u', 'g', {})"),
        ({"type": "alias", "userId": "u", "previousId": "p"}, "u", "analytics.alias('p', 'u')"),
        ({"type": "identify", "anonymousId": "a", "traits": {"email": 5}}, "a",
         "analytics.identify('a', {\n    'email': 5\n})"),
    ],
)  # fmt: skip
def test_each_type_has_a_label_and_a_call(event: dict[str, Any], label: str, call: str) -> None:
    assert (label_of(event), pretty(event)) == (label, call)


@given(st.dictionaries(st.integers(0, 999), st.integers(0, 10**17), max_size=5))
def test_a_cursor_is_read_as_it_was_written(cursor: dict[int, int]) -> None:
    assert read_cursor(write_cursor(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "x", "1", "1:x", "-1:2", "1:2:3", ":", "\u0661:1"])
def test_a_cursor_that_is_none_is_left_out(text: str) -> None:
    assert read_cursor(text) == {}


def test_queries_do_not_grow_with_events(as_alice: Client, source: Source) -> None:
    found = []
    for number in (1, 60):
        append(log_entry(source, *[track(f"m-{number}-{n}") for n in range(number)]))
        as_alice.get(base(source))
        with counted() as queries:
            page = as_alice.get(base(source)).content.decode()
        found.append((len(rows(page)), len(queries)))
    assert [shown for shown, _ in found] == [1, 61]
    assert found[0][1] == found[1][1] <= 14
