"""Every destination kind that can be configured, by its slug: each module of this package that holds a connector."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import cast

from destinations import catalog
from destinations.catalog.base import CatalogEntry, Connector, Mode


def _found() -> Iterator[Connector]:
    """The connectors: classes with an `entry` of their own, in every module beside this one."""
    for module in pkgutil.iter_modules(catalog.__path__, f"{catalog.__name__}."):
        if module.name == __name__:
            continue
        for held in vars(importlib.import_module(module.name)).values():
            own = isinstance(held, type) and held.__module__ == module.name
            if own and isinstance(vars(held).get("entry"), CatalogEntry):
                yield cast("type[Connector]", held)()


CONNECTORS: dict[str, Connector] = {connector.entry.slug: connector for connector in _found()}


def connector(slug: str) -> Connector:
    """The connector of one kind; raises KeyError for a slug the catalog does not know."""
    return CONNECTORS[slug]


def catalog_entries() -> list[CatalogEntry]:
    """What the catalog shows, by name."""
    return sorted((found.entry for found in CONNECTORS.values()), key=lambda entry: entry.name.lower())


def sent_kinds() -> list[str]:
    """The kinds the worker sends to: all but device mode, where browsers do."""
    return [slug for slug, found in CONNECTORS.items() if found.entry.mode is not Mode.DEVICE]
