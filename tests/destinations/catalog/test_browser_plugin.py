"""Browser Plugin: what analytics.js is told, that nothing is sent from here, and that it cannot encrypt."""

from __future__ import annotations

import pytest
from django.test import Client

from destinations import drafts
from destinations.catalog.browser_plugin import BrowserPluginForm
from destinations.device_mode import plugins_of
from destinations.models import Destination
from destinations.settings_store import seal_settings
from tests.destinations.factories import DestinationFactory
from tests.destinations.making import BASE, nothing_written
from workspaces.models import Source, User
from workspaces.tracking import browser_settings as told

GIVEN = {"url": "https://cdn.example.com/p.js", "library_name": "clinic", "options": '{"color": "red"}'}
SETTINGS = {**GIVEN, "options": '{"color":"red"}'}
PLUGIN = {
    "name": "Portal plugin",
    "creationName": "Browser Plugin",
    "url": "https://cdn.example.com/p.js",
    "libraryName": "clinic",
    "settings": {"color": "red"},
}


def plugin_of(source: Source, **given: object) -> Destination:
    made = DestinationFactory(source=source, kind="browser-plugin", **{"name": "Portal plugin", **given})
    made.sealed_settings = seal_settings(SETTINGS, owner_id=made.pk)
    made.save()
    return made


def test_browsers_are_told_of_it(source: Source) -> None:
    plugin_of(source)
    assert plugins_of(source.pk) == [PLUGIN]
    assert told._finders == [plugins_of]
    assert told.browser_settings("wk", [PLUGIN])["remotePlugins"] == [PLUGIN]
    assert "remotePlugins" not in told.browser_settings("wk", [])


def test_browsers_are_told_of_no_other(source: Source) -> None:
    plugin_of(source, enabled=False)
    DestinationFactory(source=source)
    damaged = plugin_of(source, name="Damaged")
    damaged.sealed_settings = b"x" * 60
    damaged.save()
    assert plugins_of(source.pk) == []


@pytest.mark.parametrize("kind", ["browser-plugin", "s3"])
def test_kinds_that_cannot_encrypt_say_so(as_alice: Client, source: Source, alice: User, kind: str) -> None:
    draft = drafts.choose_source(drafts.start(kind, actor=alice, workspace=source.workspace), source.pk, actor=alice)
    made = DestinationFactory(source=source, kind=kind)
    says = "Data encryption only supports event-stream, cloud-mode destinations"
    for url in (f"{made.pk}/encryption", f"setup/{draft.pk}/settings", f"catalog/{kind}"):
        page = as_alice.get(f"{BASE}/{url}").content.decode()
        assert says in page
        assert "Generate Encryption Keys" not in page


@pytest.mark.parametrize("kind", ["browser-plugin", "s3"])
def test_the_server_refuses_to_encrypt_for_them(as_alice: Client, source: Source, alice: User, kind: str) -> None:
    draft = drafts.choose_source(drafts.start(kind, actor=alice, workspace=source.workspace), source.pk, actor=alice)
    given = {"name": "X", "encrypts": "on", "fields": ["default_matcher:email"], "key_bits": "2048", "key_stored": "on"}
    for name, value in SETTINGS.items():
        given[f"settings-{name}"] = value
    with nothing_written():
        for page in ("settings", "keys", "answers"):
            assert as_alice.post(f"{BASE}/setup/{draft.pk}/{page}", given).status_code == 403
    assert not Destination.objects.exists()
    made = DestinationFactory(source=source, kind=kind)
    with nothing_written():
        for page in ("encryption", "encryption/keys"):
            assert as_alice.post(f"{BASE}/{made.pk}/{page}", given).status_code == 403


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("url", "http://cdn.example.com/p.js", "must start with https://"),
        ("library_name", "a b", "name of a global function"),
        ("options", "[]", "Enter a JSON object"),
        ("options", "{", "Enter a JSON object"),
    ],
)
def test_the_form_refuses_what_no_browser_could_load(field: str, value: str, says: str) -> None:
    filled = BrowserPluginForm(GIVEN)
    assert filled.is_valid()
    assert filled.cleaned_data == SETTINGS
    assert says in BrowserPluginForm({**GIVEN, field: value}).errors[field][0]


def test_a_source_has_one(as_alice: Client, source: Source, alice: User) -> None:
    plugin_of(source)
    draft = drafts.start("browser-plugin", actor=alice, workspace=source.workspace)
    page = as_alice.post(f"{BASE}/setup/{draft.pk}/source", {"source": source.pk}).content.decode()
    assert f"{source.name} already has a Browser Plugin destination." in page
    assert "Hold unclassified" not in as_alice.get(f"{BASE}/{Destination.objects.get().pk}/settings").content.decode()
