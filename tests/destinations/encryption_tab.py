"""The Data Encryption tab as tests press its buttons."""

from __future__ import annotations

import html
import re
from typing import Any

from django.http import HttpResponse
from django.test import Client

from destinations.models import Destination
from tests.destinations.making import BASE

EMAIL = "default_matcher:email"


class Tab:
    """One person's browser at the Data Encryption tab."""

    def __init__(self, client: Client, destination: Destination) -> None:
        self.client = client
        self.url = f"{BASE}/{destination.pk}/encryption"
        self.pk = destination.pk
        self.page = ""

    def open(self) -> str:
        response = self.client.get(self.url)
        assert response.status_code == 200
        self.page = response.content.decode()
        return self.page

    def hidden(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', self.page)
        return html.unescape(found[1]) if found else ""

    def answers(self, **changes: Any) -> dict[str, Any]:
        given = {name: self.hidden(name) for name in ("key_request", "revision", "pending")}
        return {**given, "encrypts": "on", "fields": [EMAIL], "key_bits": "2048", "key_origin": "server", **changes}

    def generate(self, **changes: Any) -> HttpResponse:
        response = self.client.post(f"{self.url}/keys", self.answers(**changes))
        if response.status_code == 200:
            self.page = response.content.decode()
        return response

    def save(self, **changes: Any) -> HttpResponse:
        response = self.client.post(self.url, self.answers(**changes))
        if response.status_code == 200:
            self.page = response.content.decode()
        return response

    @property
    def destination(self) -> Destination:
        return Destination.objects.get(pk=self.pk)

    @property
    def fields(self) -> list[str]:
        return [field.value for field in self.destination.encrypted_fields.all()]
