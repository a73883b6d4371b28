"""The Tracking API's contract, row by row, over real HTTP."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any

import pytest

from tests.ingest import Ingest
from workspaces.models import WriteKey

TRACK = {"userId": "u1", "event": "Visit Booked", "properties": {"email": "jo@example.com"}}
SUCCESS = b'{"success":true}'


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def batch(*items: Any, **root: Any) -> dict[str, Any]:
    return {"batch": list(items), **root}


def item(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"type": "track", "userId": "u1", "event": f"Event {number}", **fields}


BODIES = {
    "identify": {"userId": "u1", "traits": {"plan": "gold"}},
    "track": TRACK,
    "page": {"anonymousId": "a1", "name": "Home", "category": None},
    "screen": {"anonymousId": "a1", "name": "Home"},
    "group": {"userId": "u1", "groupId": "g1", "traits": {}},
    "alias": {"userId": "u1", "previousId": "a1"},
}
PATHS = [(kind, kind) for kind in BODIES] + [(kind[0], kind) for kind in BODIES]


@pytest.mark.parametrize(("path", "kind"), PATHS)
def test_single_events_are_stored_by_their_paths_type(ingest: Ingest, path: str, kind: str) -> None:
    reply = ingest.post(f"/v1/{path}", BODIES[kind])
    assert (reply.status, reply.body) == (200, SUCCESS)
    (event,) = ingest.events()
    assert event["type"] == kind
    assert BODIES[kind].items() <= event.items()
    assert "writeKey" not in event


@pytest.mark.parametrize("path", ["batch", "b", "import", "batch/", "/batch", "//batch//"])
def test_batches_are_stored_in_order(ingest: Ingest, path: str) -> None:
    assert ingest.post(f"/v1/{path}", batch(item(1), item(2))).body == SUCCESS
    assert [event["event"] for event in ingest.events()] == ["Event 1", "Event 2"]


def test_a_host_with_a_trailing_slash_works(ingest: Ingest) -> None:
    assert ingest.post("//v1/track", TRACK).status == 200
    assert len(ingest.events()) == 1


@pytest.mark.parametrize("form", ["{key}:", "{key}", "{key}:password"])
def test_basic_authentication(ingest: Ingest, form: str) -> None:
    header = basic(form.format(key=ingest.key))
    assert ingest.request("POST", "/v1/track", json.dumps(TRACK).encode(), Authorization=header).status == 200
    assert len(ingest.events()) == 1


@pytest.mark.parametrize("header", ["Basic !!!", "Basic /w==", "Bearer token", "nonsense", ""])
def test_the_key_in_the_body_counts_where_the_header_has_none(ingest: Ingest, header: str) -> None:
    assert ingest.post("/v1/batch", batch(item()), Authorization=header).status == 200
    assert len(ingest.events()) == 1


def test_header_and_body_may_both_have_the_key(ingest: Ingest) -> None:
    ingest.post("/v1/track", TRACK, Authorization=basic(f"{ingest.key}:"))
    assert len(ingest.events()) == 1


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "application/json", "text/plain"])
def test_gzip_under_any_content_type(ingest: Ingest, content_type: str) -> None:
    body = gzip.compress(json.dumps({**batch(item()), "writeKey": ingest.key}).encode())
    headers = {"Content_Encoding": "gzip", "Content_Type": content_type}
    assert ingest.request("POST", "/v1/batch", body, **headers).body == SUCCESS
    assert len(ingest.events()) == 1


def test_deflate_and_gzip_of_several_members(ingest: Ingest) -> None:
    body = json.dumps({**TRACK, "writeKey": ingest.key}).encode()
    two = gzip.compress(body[:20]) + gzip.compress(body[20:])
    assert ingest.request("POST", "/v1/track", two, Content_Encoding="gzip").status == 200
    assert ingest.request("POST", "/v1/track", zlib.compress(body), Content_Encoding="deflate").status == 200
    assert len(ingest.events()) == 2


@pytest.mark.parametrize(
    "content_type", ["application/json;charset=utf-8", "text/plain", "text/plain;charset=UTF-8", "image/png"]
)
def test_json_of_any_content_type(ingest: Ingest, content_type: str) -> None:
    assert ingest.post("/v1/t", TRACK, Content_Type=content_type).status == 200
    assert len(ingest.events()) == 1


def test_a_byte_order_mark_is_tolerated(ingest: Ingest) -> None:
    body = b"\xef\xbb\xbf" + json.dumps({**TRACK, "writeKey": ingest.key}).encode()
    assert ingest.request("POST", "/v1/track", body).status == 200
    assert len(ingest.events()) == 1


def test_a_chunked_body_is_read(ingest: Ingest) -> None:
    body = json.dumps({**TRACK, "writeKey": ingest.key}).encode()
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert ingest.request("POST", "/v1/track", chunks, Transfer_Encoding="chunked").status == 200
    assert len(ingest.events()) == 1


def assert_refused(ingest: Ingest, body: bytes, code: str, path: str = "/v1/batch", **headers: str) -> None:
    reply = ingest.request("POST", path, body, Authorization=basic(f"{ingest.key}:"), **headers)
    assert (reply.status, reply.json()["code"]) == (400, code)
    assert reply.json()["message"]
    assert reply.headers["access-control-allow-origin"] == "*"
    assert ingest.stored() == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"NaN", b'{"a":1}x', b"\xff", b'{"a":"\xff"}', b'{"a":"\\ud800"}', b"[" * 5000]
)
def test_what_is_no_json_is_refused(ingest: Ingest, body: bytes) -> None:
    assert_refused(ingest, body, "invalid_json")


def test_an_event_over_32_kb_is_refused(ingest: Ingest) -> None:
    body = json.dumps({**TRACK, "properties": {"x": ""}}).encode()
    fits = body.replace(b'""', b'"' + b"y" * (32 * 1024 - len(body)) + b'"')
    reply = ingest.request("POST", "/v1/track", fits, Authorization=basic(ingest.key))
    assert (len(fits), reply.status, len(ingest.events())) == (32 * 1024, 200, 1)
    other = Ingest(ingest.server, ingest.source)
    assert_refused(other, fits + b" ", "payload_too_large", "/v1/track")


def test_a_batch_over_500_kb_is_refused(ingest: Ingest) -> None:
    items = [item(n, properties={"x": "y" * 10_000}) for n in range(60)]
    body = json.dumps(batch(*items)).encode()
    assert_refused(ingest, body, "payload_too_large")
    assert_refused(ingest, gzip.compress(body), "payload_too_large", Content_Encoding="gzip")
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert_refused(ingest, chunked, "payload_too_large", Transfer_Encoding="chunked")


def test_an_item_over_32_kb_is_refused_with_its_batch(ingest: Ingest) -> None:
    body = json.dumps(batch(item(1), item(2, properties={"x": "y" * 33_000}))).encode()
    assert_refused(ingest, body, "payload_too_large")


def test_a_compression_bomb_is_stopped(ingest: Ingest) -> None:
    assert_refused(ingest, gzip.compress(b" " * 100_000_000), "payload_too_large", Content_Encoding="gzip")


@pytest.mark.parametrize("cut", [1, 20])
def test_a_body_cut_short_is_refused(ingest: Ingest, cut: int) -> None:
    body = gzip.compress(json.dumps(batch(item())).encode())[:-cut]
    assert_refused(ingest, body, "unreadable_body", Content_Encoding="gzip")


def test_events_beyond_2500_are_discarded(ingest: Ingest) -> None:
    small = {"type": "track", "userId": "u", "event": "E"}
    assert ingest.post("/v1/batch", batch(*[small] * 2503)).body == SUCCESS
    assert len(ingest.events()) == 2500
    assert ingest.discarded() == [("unknown", "bad_request")] * 3


DISCARDED = [
    ("track", {"event": "E"}, "no_user_anon_id"),
    ("track", {"userId": "", "anonymousId": None, "event": "E"}, "no_user_anon_id"),
    ("track", {"userId": 7, "event": "E"}, "id_not_string"),
    ("track", {"userId": "u"}, "event_not_defined"),
    ("track", {"userId": "u", "event": 5}, "event_not_string"),
    ("track", {"userId": "u", "event": "E", "properties": []}, "properties_not_object"),
    ("page", {"userId": "u", "name": 5}, "name_not_string"),
    ("screen", {"userId": "u", "category": 5}, "category_not_string"),
    ("page", {"userId": "u", "properties": "x"}, "properties_not_object"),
    ("identify", {"userId": "u", "traits": "x"}, "traits_not_object"),
    ("group", {"userId": "u"}, "id_required"),
    ("group", {"userId": "u", "groupId": 5}, "id_not_string"),
    ("group", {"userId": "u", "groupId": "g", "traits": 5}, "traits_not_object"),
    ("alias", {"userId": "u", "previousId": None}, "id_required"),
]


@pytest.mark.parametrize(("kind", "event", "code"), DISCARDED)
def test_a_bad_event_is_answered_200_and_discarded_with_its_reason(
    ingest: Ingest, kind: str, event: dict[str, Any], code: str
) -> None:
    assert ingest.post(f"/v1/{kind}", event).body == SUCCESS
    assert ingest.post("/v1/batch", batch({"type": kind, **event}, item())).body == SUCCESS
    assert ingest.discarded() == [(kind, code)] * 2
    assert [event["event"] for event in ingest.events()] == ["Event 1"]


@pytest.mark.parametrize("bad", [5, None, "x", [], {}, {"type": "nonsense", "userId": "u"}, {"type": 5}])
def test_an_item_of_no_known_type_is_discarded(ingest: Ingest, bad: Any) -> None:
    assert ingest.post("/v1/batch", batch(bad, item())).body == SUCCESS
    assert (ingest.discarded(), len(ingest.events())) == ([("unknown", "bad_request")], 1)


@pytest.mark.parametrize(
    ("content", "code"), [({}, "empty_batch"), ({"batch": []}, "empty_batch"), ({"batch": 5}, "bad_request")]
)
def test_a_batch_without_events_is_discarded(ingest: Ingest, content: dict[str, Any], code: str) -> None:
    assert ingest.post("/v1/batch", content).body == SUCCESS
    assert ingest.discarded() == [("unknown", code)]


def test_an_event_nested_too_deeply_is_discarded(ingest: Ingest) -> None:
    deep: Any = {}
    for _ in range(260):
        deep = {"x": deep}
    ingest.post("/v1/track", {**TRACK, "properties": deep})
    ingest.post("/v1/batch", batch(item(), item(properties=deep)))
    assert ingest.discarded() == [("track", "bad_request")] * 2
    assert len(ingest.events()) == 1


def test_nulls_as_sdks_send_them_are_fine(ingest: Ingest) -> None:
    nulls = {"anonymousId": None, "properties": None, "category": None, "name": None, "traits": None, "context": None}
    ingest.post("/v1/page", {"userId": "u", **nulls})
    assert len(ingest.events()) == 1


def test_a_batchs_context_and_dates_reach_its_events(ingest: Ingest) -> None:
    root = {"context": {"locale": "de"}, "integrations": {"All": True}, "sentAt": "2024-01-02T03:04:06Z"}
    ingest.post("/v1/batch", batch(item(timestamp="2024-01-02T03:04:05Z", context={"app": {}}), **root))
    (event,) = ingest.events()
    assert (event["context"], event["integrations"]) == ({"locale": "de", "app": {}}, {"All": True})
    assert (event["originalTimestamp"], event["sentAt"]) == ("2024-01-02T03:04:05.000Z", "2024-01-02T03:04:06.000Z")


def test_one_letter_paths_record_the_callers_address(ingest: Ingest) -> None:
    ingest.post("/v1/t", TRACK)
    ingest.post("/v1/track", TRACK)
    assert [event["context"].get("ip") for event in ingest.events()] == ["127.0.0.1", None]


def test_an_unknown_key_is_answered_200_and_nothing_is_stored(ingest: Ingest) -> None:
    reply = ingest.post("/v1/track", {**TRACK, "writeKey": "x" * 32})
    assert (reply.status, reply.body) == (200, SUCCESS)
    assert ingest.post("/v1/track", {**TRACK, "writeKey": 5}).body == SUCCESS
    assert ingest.stored() == []


def test_a_revoked_key_is_answered_200_and_nothing_is_stored(ingest: Ingest) -> None:
    WriteKey.objects.update(revoked_at="2024-01-01T00:00Z")
    assert ingest.post("/v1/track", TRACK).body == SUCCESS
    assert ingest.stored() == []


def test_a_strict_workspace_refuses_revoked_and_unknown_keys(ingest: Ingest) -> None:
    ingest.source.workspace.strict_write_keys = True
    ingest.source.workspace.save(update_fields=["strict_write_keys"])
    WriteKey.objects.update(revoked_at="2024-01-01T00:00Z")
    for key in (ingest.key, "never issued"):
        reply = ingest.post("/v1/track", {**TRACK, "writeKey": key})
        assert (reply.status, reply.json()["code"]) == (401, "invalid_write_key")
        assert reply.headers["access-control-allow-origin"] == "*"
    assert ingest.stored() == []


def test_a_disabled_source_keeps_only_the_count(ingest: Ingest) -> None:
    ingest.source.enabled = False
    ingest.source.save(update_fields=["enabled"])
    assert ingest.post("/v1/batch", batch(item(), {"type": "page"})).body == SUCCESS
    assert ingest.events() == []
    assert ingest.discarded() == [("page", "no_user_anon_id"), ("track", "source_disabled")]


@pytest.mark.parametrize("path", ["track", "b", "m", "import", "projects/x/settings", "nowhere"])
def test_preflights_need_no_key(ingest: Ingest, path: str) -> None:
    reply = ingest.request("OPTIONS", f"/v1/{path}", Origin="https://x.example", Access_Control_Request_Method="POST")
    assert reply.status == 204
    assert reply.headers["access-control-allow-origin"] == "*"
    allowed = reply.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "content-type", "x-retry-count", "anonymousid", "sentat"} <= set(allowed)
    assert int(reply.headers["access-control-max-age"]) > 0
    assert "access-control-allow-credentials" not in reply.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_other_methods_are_named_wrong(ingest: Ingest, method: str) -> None:
    reply = ingest.request(method, "/v1/track")
    assert (reply.status, reply.headers["allow"]) == (405, "POST, OPTIONS")


@pytest.mark.parametrize("path", ["/v1/", "/v1", "/v1/nowhere", "/v1/track/more", "/v1/projects/unknown/settings"])
def test_other_paths_are_not_found(ingest: Ingest, path: str) -> None:
    reply = ingest.request("GET", path)
    assert (reply.status, reply.json()["code"]) == (404, "not_found")
    assert reply.headers["access-control-allow-origin"] == "*"


def test_no_answer_sets_a_cookie_or_redirects(ingest: Ingest) -> None:
    replies = [ingest.post("/v1/track/", TRACK, Cookie="sessionid=x; csrftoken=y"), ingest.request("GET", "/v1/track")]
    assert not any("set-cookie" in reply.headers or "location" in reply.headers for reply in replies)
    assert replies[0].headers["access-control-expose-headers"] == "Retry-After, X-RateLimit-Reset"


def test_metrics_are_accepted_and_dropped(ingest: Ingest) -> None:
    assert ingest.request("POST", "/v1/m", b'{"series": []}').body == SUCCESS
    assert ingest.stored() == []


def test_analytics_js_finds_its_settings(ingest: Ingest) -> None:
    reply = ingest.request("GET", f"/v1/projects/{ingest.key}/settings")
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.json()["integrations"]["Segment.io"] == {
        "apiKey": ingest.key,
        "apiHost": f"127.0.0.1:{ingest.server.port}/v1",
        "protocol": "http",
    }


def test_nothing_of_an_event_or_key_is_printed(ingest: Ingest) -> None:
    ingest.post("/v1/track", {**TRACK, "properties": {"diagnosis": "Z99.9-marker"}})
    ingest.request("POST", "/v1/track", b'{"diagnosis": "Z99.9-marker"')
    printed = ingest.server.output.read_text()
    assert "Z99.9-marker" not in printed
    assert ingest.key not in printed
