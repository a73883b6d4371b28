"""Published analytics.js in Chromium, on a page of another origin: CORS, preflights and cookies are the real ones."""

from __future__ import annotations

from typing import Any

from tests.ingest import Ingest
from tests.sdks.arrival import assert_dates, assert_same, assert_taken_at_once, now
from tests.sdks.clients import NODE_VERSIONS
from tests.sdks.scenario import CALLS, IN_BROWSER
from tests.sdks.traffic import Traffic
from tests.sdks.website import SENT, TITLE, Visitor, batching, only_addressed
from tests.servers import wait_until
from workspaces.snippets import snippet


def expected(visitor: Visitor, **integrations: bool) -> list[dict[str, Any]]:
    where = {"path": "/", "referrer": "", "search": "", "title": TITLE, "url": f"{visitor.site}/"}
    adds = {"anonymousId": visitor.anonymous_id(), "channel": "browser", "integrations": integrations, "version": 2}
    events = [{**call, **adds, "context": {"page": where}} for call in CALLS]
    events[2]["properties"] = {**where, **CALLS[2]["properties"], "category": "Docs", "name": "Über uns"}
    return events


def take_context(event: dict[str, Any]) -> dict[str, Any]:
    """Check what describes the browser, and leave the page."""
    context = event["context"]
    assert context["library"] == {"name": "analytics.js", "version": f"next-{NODE_VERSIONS['@segment/analytics-next']}"}
    assert context["ip"] == "127.0.0.1"
    assert "Chrome/" in context["userAgent"]
    assert context.keys() == {"page", "library", "ip", "userAgent", "userAgentData", "locale", "timezone"}
    return {**event, "context": {"page": context["page"]}}


def test_every_call_arrives_once_and_unchanged(visitor: Visitor, ingest: Ingest, traffic: Traffic) -> None:
    began = now()
    visitor.load(only_addressed(ingest))
    assert visitor.call(*IN_BROWSER) == [SENT] * 6
    events = ingest.events()
    assert_same([take_context(event) for event in events], expected(visitor))
    for event in events:
        assert_dates(event, began)
    assert [request.path for request in traffic.requests()] == [f"/v1/{letter}" for letter in "itpsga"]
    assert_taken_at_once(traffic, content_type="text/plain", origin=visitor.site)
    assert visitor.complaints == []


def test_each_path_has_one_preflight(visitor: Visitor, ingest: Ingest, traffic: Traffic) -> None:
    visitor.load(only_addressed(ingest))
    visitor.call(*IN_BROWSER, *IN_BROWSER)
    preflights = traffic.requests("OPTIONS")
    assert sorted(request.path for request in preflights) == [f"/v1/{letter}" for letter in "agipst"]
    assert {request.headers["access_control_request_headers"] for request in preflights} == {"authorization"}
    assert (len(traffic.requests()), len(ingest.events())) == (12, 12)


def test_a_batch_arrives_once_and_unchanged(visitor: Visitor, ingest: Ingest, traffic: Traffic) -> None:
    began = now()
    visitor.load(only_addressed(ingest), batching(size=6))
    assert visitor.call(*IN_BROWSER) == [SENT] * 6
    wait_until(lambda: len(ingest.events()) == 6, "the batch arrives")
    assert_same([take_context(event) for event in ingest.events()], expected(visitor, **{"Segment.io": True}))
    for event in ingest.events():
        assert_dates(event, began)
    assert [request.path for request in traffic.requests()] == ["/v1/b"]
    assert_taken_at_once(traffic, content_type="text/plain", origin=visitor.site)
    assert visitor.complaints == []


def test_what_a_batch_still_holds_is_sent_when_the_page_closes(
    visitor: Visitor, ingest: Ingest, traffic: Traffic
) -> None:
    visitor.load(only_addressed(ingest), batching())
    visitor.call(*IN_BROWSER[:2])
    assert traffic.requests() == []
    visitor.page.goto("about:blank")
    wait_until(lambda: len(ingest.events()) == 2, "the rest arrives")
    assert [event["type"] for event in ingest.events()] == ["identify", "track"]
    assert_taken_at_once(traffic)


def test_the_product_sets_no_cookie(visitor: Visitor, ingest: Ingest, traffic: Traffic) -> None:
    visitor.page.context.add_cookies([{"name": "sessionid", "value": "secret", "url": ingest.server.url}])
    visitor.load(only_addressed(ingest))
    visitor.call(*IN_BROWSER)
    assert [cookie["name"] for cookie in visitor.page.context.cookies(ingest.server.url)] == ["sessionid"]
    assert not any("cookie" in request.headers for method in ("GET", "POST") for request in traffic.requests(method))


def test_the_lines_of_the_overview_page_work(visitor: Visitor, ingest: Ingest, traffic: Traffic) -> None:
    code = snippet("browser", write_key=ingest.key, site_url=ingest.server.url).code
    bundled = code.replace("import { AnalyticsBrowser } from '@segment/analytics-next'", "")
    visitor.page.evaluate(f"() => {{ const {{ AnalyticsBrowser }} = AnalyticsNext; {bundled} }}")
    wait_until(lambda: len(ingest.events()) == 2, "both events arrive")
    events = {event["type"]: event for event in ingest.events()}
    assert (events["track"]["event"], events["track"]["properties"]) == ("Appointment Booked", {"clinic": "North"})
    assert events["page"]["properties"]["title"] == TITLE
    assert visitor.complaints == []
