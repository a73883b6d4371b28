"""My Sources: which rows, in what order."""

from __future__ import annotations

from django.db.models import Case, Count, F, Prefetch, QuerySet, Value, When
from django.db.models.functions import Lower

from workspaces import catalog
from workspaces.listing import Question
from workspaces.models import Source, SourceLabel

COLUMNS = {
    "name": "Name",
    "status": "Status",
    "category": "Category",
    "destinations": "Destinations",
    "created": "Created At",
}
_KEYS = {
    "name": Lower("name"),
    "status": F("enabled"),
    "category": F("category"),
    "destinations": F("number"),
    "created": F("created_at"),
}


def find(sources: QuerySet[Source], asked: Question) -> QuerySet[Source]:
    """Those of `sources` that are asked for, each with its destinations and labels at hand."""
    categories = [When(kind=kind.slug, then=Value(kind.category)) for kind in catalog.KINDS]
    rows = sources.filter(name__icontains=asked.text)
    rows = rows.annotate(category=Case(*categories, default=Value("Other")), number=Count("destinations"))
    labels = Prefetch("source_labels", SourceLabel.objects.select_related("label").order_by("key"))
    return asked.in_order(rows, _KEYS).prefetch_related("destinations", labels)
