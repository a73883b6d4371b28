"""A destination of each kind that sends, pointed at a receiver of the test."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import Any

from destinations.models import Destination
from destinations.settings_store import seal_settings
from tests.destinations import catalog
from tests.destinations.catalog.conforming import Conforming
from tests.destinations.factories import DestinationFactory
from workspaces.models import Source


def of_kind(kind: str, source: Source, **settings: Any) -> Destination:
    """A destination with these settings."""
    made = DestinationFactory(source=source, kind=kind)
    made.sealed_settings = seal_settings(settings, owner_id=made.pk)
    made.save()
    return made


@functools.cache
def conforming(kind: str) -> Conforming:
    """The kind's own tests, which know its settings and what its success looks like."""
    for module in pkgutil.iter_modules(catalog.__path__, f"{catalog.__name__}."):
        importlib.import_module(module.name)
    return next(each() for each in Conforming.__subclasses__() if each.connector.entry.slug == kind)


def settings_for(kind: str, host: str) -> dict[str, Any]:
    """Settings with which a kind sends to the host, such as `http://127.0.0.1:9000`."""
    return conforming(kind).settings(host)
