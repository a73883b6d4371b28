"""Slack: a message for each event, by an incoming webhook.

Source: api.slack.com/messaging/webhooks. One message in a request; 429 with Retry-After above about one a second. The
webhook's URL is the credential, so it is kept and shown as one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings as django_settings

from destinations.catalog.base import CatalogEntry, Request, SettingsForm, Single
from destinations.catalog.fields import CredentialField
from destinations.catalog.reading import JSON_HEADERS, event_of, json_of, name_of, text
from destinations.delivery.address_guard import parse_networks, refusal_of_url

EVENT_TYPES = ("track", "identify", "page", "screen", "group", "alias")
LONGEST_TEXT = 3000
_PLACE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}  # documented; anything else could mention people or make links

GUIDE = """\
Each event of the chosen types is one message, by an incoming webhook. Slack takes about one a second for a channel,
so that is how fast they are sent; what comes faster waits its turn.

Channels are read by many and kept for long: choose event types and fields that hold no health data, or encrypt what
does.
"""


class SlackForm(SettingsForm):
    """Which channel, which events, what to say."""

    webhook_url = CredentialField(
        label="Webhook URL",
        help_text="Made in Slack under Apps > Incoming Webhooks, for one channel. Whoever knows it can post there.",
    )
    event_types = forms.MultipleChoiceField(
        label="Event types",
        choices=[(name, name) for name in EVENT_TYPES],
        initial=["track"],
        widget=forms.CheckboxSelectMultiple,
        help_text="Only these are posted. Narrow them further under Filters.",
    )
    text = forms.CharField(
        label="Message",
        max_length=1000,
        initial="{{event}} by {{userId}}",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="{{userId}}, {{properties.plan}} and the like stand for what the event says there; {{event}} for its "
        "name. Encrypted fields are posted encrypted. Mind who reads the channel.",
    )

    def clean_webhook_url(self) -> str:
        """A complete http(s) URL that does not point into a private network; refusals do not repeat it."""
        url: str = self.cleaned_data["webhook_url"]
        if refusal := refusal_of_url(url, parse_networks(django_settings.DELIVERY_ALLOWED_NETWORKS)):
            raise forms.ValidationError(refusal, code="refused_url")
        return url


class Slack(Single):
    """The connector."""

    entry: CatalogEntry = CatalogEntry(
        slug="slack",
        name="Slack",
        category="Livechat",
        description="Post a message to a channel for the events you choose.",
        icon="message-square",
        event_types=frozenset(EVENT_TYPES),
        guide=GUIDE,
        pace=1.0,
    )
    settings_form: type[SettingsForm] = SlackForm

    def build_request(
        self, body: bytes, settings: Mapping[str, Any], *, key_fingerprint: str, message_id: str, attempt: int
    ) -> Request:
        """One POST to the webhook."""
        said = rendered(settings["text"], event_of(body))
        return Request(settings["webhook_url"], JSON_HEADERS, json_of({"text": said}))


def rendered(template: str, event: Mapping[str, Any]) -> str:
    """The message; a place that the event does not have stays empty. Values are escaped, cut at 3,000 characters."""
    filled = _PLACE.sub(lambda found: _escaped(_value(event, found[1])), template)
    return filled[:LONGEST_TEXT].strip() or _escaped(name_of(event))


def _value(event: Mapping[str, Any], path: str) -> str:
    if path == "event":
        return name_of(event)
    found: Any = event
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    if isinstance(found, bool | dict | list):
        return json_of(found).decode()
    return text(found)


def _escaped(value: str) -> str:
    return "".join(_ESCAPED.get(char, char) for char in value)
