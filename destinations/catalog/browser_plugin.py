"""Browser Plugin: device mode. The visitor's browser loads a script of the customer's and hands it the events itself.

The settings document that analytics.js fetches (`/v1/projects/<writeKey>/settings`) names the script as a remote
plugin; nothing is sent from here. analytics.js loads the URL and calls `window[<library name>]` with the settings,
which answers with a plugin (documented, analytics.js "Plugins").
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from django import forms

from destinations.catalog.base import CatalogEntry, Mode, Request, SettingsForm, Single
from destinations.catalog.fields import AddressField

GUIDE = """\
analytics.js on your website loads the script at the Plugin URL and calls the function of that Library Name with the
settings below; the plugin it returns gets every event in the browser, before and whatever is sent to this workspace.
Changes reach browsers when they next load a page.

Nothing passes through this server on the way to the plugin: there are no filters, retries or delivery counts, and
data encryption only supports event-stream, cloud-mode destinations. Everybody can read the settings in their browser,
so they must hold no secret. Blocked fields are blocked on the server and do reach the plugin.
"""
_NAME = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)


class BrowserPluginForm(SettingsForm):
    """Which script, called how."""

    url = AddressField(
        label="Plugin URL",
        placeholder="https://cdn.example.com/plugin.js",
        help_text="A script that visitors' browsers load, by https.",
    )
    library_name = forms.CharField(
        label="Library Name",
        max_length=100,
        help_text="The global function that the script defines and that returns the plugin.",
    )
    options = forms.CharField(
        label="Settings",
        required=False,
        initial="{}",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="A JSON object that the function is called with. Public: no secrets.",
    )

    def clean_url(self) -> str:
        """By https: whoever can change the script on its way could read everything on the website."""
        url: str = self.cleaned_data["url"]
        if not url.startswith("https://"):
            raise forms.ValidationError("The URL must start with https://.", code="refused_url")
        return url

    def clean_library_name(self) -> str:
        """A name that a global variable can have."""
        name: str = self.cleaned_data["library_name"]
        if not _NAME.fullmatch(name):
            raise forms.ValidationError("Enter the name of a global function, such as myPlugin.", code="refused_name")
        return name

    def clean_options(self) -> str:
        """An object, as compact JSON."""
        try:
            given = json.loads(self.cleaned_data["options"] or "{}")
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            raise forms.ValidationError("Enter a JSON object, such as {}.", code="refused_options")
        return json.dumps(given, separators=(",", ":"))


class BrowserPlugin(Single):
    """The connector."""

    entry: CatalogEntry = CatalogEntry(
        slug="browser-plugin",
        name="Browser Plugin",
        category="Tag Managers",
        description="Have analytics.js load a script of yours that gets the events in the visitor's browser.",
        icon="puzzle",
        mode=Mode.DEVICE,
        guide=GUIDE,
    )
    settings_form: type[SettingsForm] = BrowserPluginForm

    def build_request(
        self, body: bytes, settings: Mapping[str, Any], *, key_fingerprint: str, message_id: str, attempt: int
    ) -> Request:
        """Never called: browsers get their events themselves."""
        raise NotImplementedError


def remote_plugin(integration: str, name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The destination called `name`, as analytics.js's settings document lists it.

    `integration` is its key in an event's `integrations` object; in the library's own, either name switches it off.
    """
    return {
        "name": name,
        "creationName": integration,
        "url": settings["url"],
        "libraryName": settings["library_name"],
        "settings": json.loads(settings["options"]),
    }
