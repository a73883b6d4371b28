"""Segment Connections: what goes over the wire, and batches."""

from __future__ import annotations

import base64

from destinations.catalog.segment import Segment, SegmentForm
from tests.destinations.catalog.conforming import SUCCESS, Conforming, event, exchange, items, verdicts
from tests.destinations.receivers import Answer, Receiver

SETTINGS = {"endpoint": "https://example.com", "write_key": "wk1"}


class TestSegment(Conforming):
    connector = Segment()
    success = Answer(200, body=b'{"success": true}')

    def settings(self, host: str) -> dict[str, str]:
        return {"endpoint": host, "write_key": "wk1"}

    def test_events_share_a_request_and_keep_their_ids(self, receiver: Receiver) -> None:
        settings = self.settings(receiver.url.removesuffix("/hook"))
        two = items(event("m-1"), event("m-2", type="identify", traits={"email": "cipher=="}))
        response = exchange(self.connector.build_batch(two, settings))
        assert verdicts(self.connector.read_batch(response, two)) == [SUCCESS, SUCCESS]
        (got,) = receiver.got
        assert (got.method, got.path) == ("POST", "/v1/batch")
        assert got.header("Authorization") == "Basic " + base64.b64encode(b"wk1:").decode()
        first, second = got.json["batch"]
        assert (second["messageId"], second["type"], second["traits"]) == ("m-2", "identify", {"email": "cipher=="})
        left_out = {"sentAt", "receivedAt", "originalTimestamp"}
        assert first == {name: value for name, value in event("m-1").items() if name not in left_out}


def test_the_form_asks_for_a_host_and_a_key() -> None:
    assert [field.label for field in SegmentForm().fields.values()] == ["Tracking API URL", "Write Key"]
    filled = SegmentForm({"endpoint": "https://example.com/", "write_key": "wk1"})
    assert filled.is_valid()
    assert filled.cleaned_data == SETTINGS
    assert "private/internal" in SegmentForm({**SETTINGS, "endpoint": "http://10.0.0.1"}).errors["endpoint"][0]
    refused = SegmentForm({**SETTINGS, "write_key": "ü x"}).errors["write_key"]
    assert refused == ["It may hold only ASCII characters and no spaces."]
