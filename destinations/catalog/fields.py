"""What connectors' settings forms have in common: addresses that may be sent to, and credentials."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings

from destinations.delivery.address_guard import parse_networks, refusal_of_url

MAX_URL = 2000


class AddressField(forms.CharField):
    """A complete http(s) URL that does not point into a private network; without the slash at its end."""

    def __init__(self, **given: Any) -> None:
        placeholder = given.pop("placeholder", "https://example.com")
        widget = forms.URLInput(attrs={"placeholder": placeholder, "autocomplete": "off"})
        super().__init__(**{"max_length": MAX_URL, "widget": widget, **given})

    def clean(self, value: Any) -> str:
        """The URL; raises ValidationError with the reason in words."""
        url: str = super().clean(value)
        refusal = url and refusal_of_url(url, parse_networks(settings.DELIVERY_ALLOWED_NETWORKS))
        if refusal:
            raise forms.ValidationError(refusal, code="refused_url")
        return url.rstrip("/")


@dataclass(frozen=True, slots=True)
class Regions:
    """Where a provider keeps its customers' data: by slug, what a form calls the region and the host to send to."""

    provider: str
    hosts: Mapping[str, tuple[str, str]]

    def host(self, settings: Mapping[str, Any]) -> str:
        """Where to send: to the proxy in front of the provider where one is given, else to the region's host."""
        proxy: str = settings.get("proxy_url") or ""
        return proxy or self.hosts[settings["region"]][1]


class ProxyField(AddressField):
    """Where to send instead of the provider's own host. Empty for most."""

    def __init__(self, regions: Regions) -> None:
        provider = regions.provider
        super().__init__(
            label="Proxy URL",
            required=False,
            placeholder="https://proxy.example.com",
            help_text=f"A proxy of your own in front of {provider}. Leave empty to send to {provider} directly.",
        )


class RegionField(forms.ChoiceField):
    """Which of a provider's regions the project is in."""

    def __init__(self, regions: Regions, *, label: str = "Region") -> None:
        super().__init__(
            label=label,
            choices=[(slug, name) for slug, (name, _) in regions.hosts.items()],
            help_text=f"Where the {regions.provider} project keeps its data.",
        )


class CredentialField(forms.CharField):
    """A key or token, sealed at rest and shown as dots. ASCII that can stand in a header."""

    def __init__(self, **given: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "off"})
        super().__init__(**{"max_length": 400, "widget": widget, **given})

    def clean(self, value: Any) -> str:
        """The credential; the message of a refusal does not repeat it."""
        given: str = super().clean(value)
        if not given.isascii() or not given.isprintable() or " " in given:
            raise forms.ValidationError("It may hold only ASCII characters and no spaces.", code="refused_credential")
        return given


def basic(user: str, password: str = "") -> tuple[str, str]:
    """The header of HTTP Basic authentication (RFC 7617)."""
    return "Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
