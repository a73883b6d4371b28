"""The catalog finds its connectors by itself, and each has what a connector needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from django import forms

from destinations.catalog import registry
from destinations.catalog.base import Mode, SettingsForm
from destinations.catalog.registry import CONNECTORS, catalog_entries, sent_kinds

KINDS = sorted(CONNECTORS)
FOLDER = Path(registry.__file__).parent
SHARED = {"__init__", "base", "fields", "reading", "registry"}


def test_every_module_with_a_connector_is_in_the_catalog() -> None:
    modules = {path.stem for path in FOLDER.glob("*.py")} - SHARED
    assert {type(found).__module__.rpartition(".")[2] for found in CONNECTORS.values()} == modules
    names = [entry.name for entry in catalog_entries()]
    assert names == sorted(names, key=str.lower)
    assert len(set(names)) == len(names)  # an event's `integrations` object tells them apart by name


def test_the_guide_shows_the_connector_as_it_is() -> None:
    guide = (FOLDER.parent.parent / ".github" / "CONTRIBUTING.md").read_text()
    shown = guide.split("+++ b/destinations/catalog/segment.py\n")[1].split("\n```")[0]
    assert [line.removeprefix("+") for line in shown.splitlines()] == (FOLDER / "segment.py").read_text().splitlines()


@pytest.mark.parametrize("kind", KINDS)
def test_each_has_a_form_and_a_documentation(kind: str) -> None:
    found = CONNECTORS[kind]
    assert issubclass(found.settings_form, SettingsForm)
    assert found.entry.description.endswith(".")
    assert kind == "webhooks" or found.entry.guide  # Webhooks has a page part of its own
    fields = found.settings_form.base_fields.values()
    assert any(isinstance(field.widget, forms.PasswordInput) for field in fields) == (kind in sent_kinds())


def test_only_cloud_mode_encrypts() -> None:
    assert {entry.slug for entry in catalog_entries() if entry.supports_encryption} == {
        slug for slug, found in CONNECTORS.items() if found.entry.mode is Mode.CLOUD
    }
