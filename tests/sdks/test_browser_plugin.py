"""A Browser Plugin destination with the published analytics.js: loaded from its URL, given events in the browser."""

from __future__ import annotations

from destinations.models import Destination
from destinations.settings_store import seal_settings
from tests.destinations.factories import DestinationFactory
from tests.ingest import Ingest
from tests.sdks.website import SENT, Visitor, only_addressed

URL = "https://cdn.example.com/plugin.js"
SETTINGS = {"url": URL, "library_name": "clinicPlugin", "options": '{"ward":"North"}'}
SCRIPT = """
window.got = []
window.clinicPlugin = (settings) => ({
  name: 'Clinic plugin', type: 'destination', version: '1',
  isLoaded: () => true, load: async () => {},
  track: (context) => { window.got.push([settings.ward, context.event.event]); return context },
})
"""


def plugin_of(ingest: Ingest) -> Destination:
    made: Destination = DestinationFactory(source=ingest.source, kind="browser-plugin", name="Clinic")
    made.sealed_settings = seal_settings(SETTINGS, owner_id=made.pk)
    made.save()
    return made


def test_the_plugin_gets_the_events_and_so_do_we(visitor: Visitor, ingest: Ingest) -> None:
    plugin_of(ingest)
    visitor.page.route(URL, lambda route: route.fulfill(content_type="text/javascript", body=SCRIPT))
    visitor.load(only_addressed(ingest))
    assert visitor.call(["track", "Visit Booked", {"bed": 7}]) == [SENT]
    assert visitor.page.evaluate("window.got") == [["North", "Visit Booked"]]
    assert [event["event"] for event in ingest.events()] == ["Visit Booked"]
    assert visitor.complaints == []


def test_an_integrations_object_keeps_events_from_it(visitor: Visitor, ingest: Ingest) -> None:
    plugin_of(ingest)
    visitor.page.route(URL, lambda route: route.fulfill(content_type="text/javascript", body=SCRIPT))
    visitor.load(only_addressed(ingest))
    visitor.call(["track", "Visit Booked", {}, {"integrations": {"Browser Plugin": False}}])
    assert visitor.page.evaluate("window.got") == []
    assert len(ingest.events()) == 1
