"""Slack: what is said, and that nothing an event holds can mention people or make links."""

from __future__ import annotations

import json

import pytest

from destinations.catalog.slack import LONGEST_TEXT, Slack, SlackForm, rendered
from tests.destinations.catalog.conforming import Conforming, event, request_for

URL = "https://hooks.slack.com/services/T/B/x"
GIVEN = {"webhook_url": URL, "event_types": ["track"], "text": "{{event}}"}


class TestSlack(Conforming):
    connector = Slack()

    def settings(self, host: str) -> dict[str, object]:
        return {**GIVEN, "webhook_url": f"{host}/services/T/B/x"}


def test_the_request_is_one_message() -> None:
    request = request_for(Slack(), {**GIVEN, "text": "{{event}} by {{userId}}"}, event())
    assert (request.url, json.loads(request.body)) == (URL, {"text": "Visit Booked by u1"})


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ properties.ward }} / {{properties.bed.no}} / {{properties.ok}}", "North / 7 / true"),
        ("{{properties.bed}}", '{"no":7}'),
        ("{{nothing}}{{properties.nothing.at.all}}", "Visit Booked"),
        ("{{traits}} {{ {{event}}", "{{ Visit Booked"),
        ("<!channel> {{userId}}", "<!channel> &lt;!channel&gt; &amp;"),
    ],
)
def test_places_stand_for_what_the_event_says(template: str, said: str) -> None:
    given = event(userId="<!channel> &", properties={"ward": "North", "bed": {"no": 7}, "ok": True})
    assert rendered(template, given) == said


def test_long_messages_are_cut() -> None:
    assert len(rendered("{{properties.ward}}", event(properties={"ward": "x" * 9000}))) == LONGEST_TEXT


def test_the_form_never_repeats_the_address() -> None:
    assert SlackForm(GIVEN).is_valid()
    refused = SlackForm({**GIVEN, "webhook_url": "http://10.0.0.1/secret-part"})
    assert "private/internal" in refused.errors["webhook_url"][0]
    assert "secret-part" not in str(refused.errors)
    assert "secret-part" not in refused.as_p()
    assert list(SlackForm({**GIVEN, "event_types": []}).errors) == ["event_types"]
