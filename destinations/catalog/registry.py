"""Every destination kind that can be configured, by its slug."""

from destinations.catalog.base import CatalogEntry, Connector
from destinations.catalog.webhooks import Webhooks

CONNECTORS: dict[str, Connector] = {connector.entry.slug: connector for connector in (Webhooks(),)}


def connector(slug: str) -> Connector:
    """The connector of one kind; raises KeyError for a slug the catalog does not know."""
    return CONNECTORS[slug]


def catalog_entries() -> list[CatalogEntry]:
    """What the catalog shows, by name."""
    return sorted((found.entry for found in CONNECTORS.values()), key=lambda entry: entry.name.lower())
