"""What the rules recommend for fields that were seen already: asked anew when the matchers have changed.

The scan writes the recommendation of what it sees; this is for rows whose next event may be days away.
"""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import orjson
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from privacy.models import ObservedField, RuleRevision
from privacy.rulebooks import Compiled, compile_book, rules_of
from privacy.rules.book import Decision, RuleBook
from privacy.scanning.shape import values_of
from privacy.scanning.store import RECOMMENDATION, set_recommendation
from workspaces.sealing import SealError, unseal

logger = logging.getLogger(__name__)

Facts = tuple[Any, ...]  # in the order of RECOMMENDATION

CHUNK = 200  # rows of one transaction
AT_ONCE = 1_000  # rows that a change of the matchers waits for; the worker goes on with the rest


def refresh_first(workspace_id: uuid.UUID) -> int:
    """Ask anew for the first rows, in the caller's transaction; how many. The worker finds what is left."""
    revision = RuleRevision.objects.get(pk=workspace_id).revision
    # Not by way of `rules_of`: what a rollback may take away must not be remembered.
    return _refresh(workspace_id, Compiled(revision, compile_book(workspace_id)), AT_ONCE)


def refresh_some() -> int:
    """Ask anew for one chunk of any workspace that has stale rows; how many. For the worker, often and cheap."""
    stale = ObservedField.objects.filter(workspace_id=OuterRef("pk"), revision__lt=OuterRef("matchers"))
    waiting = RuleRevision.objects.filter(Exists(stale)).values_list("pk", flat=True).first()
    if waiting is None:
        return 0
    with transaction.atomic():
        return _refresh(waiting, rules_of(waiting), CHUNK)


def stale_rows(workspace_id: uuid.UUID) -> QuerySet[ObservedField]:
    """The workspace's fields that were recommended under earlier matchers."""
    changed = RuleRevision.objects.filter(pk=workspace_id).values("matchers")[:1]
    return ObservedField.objects.filter(workspace_id=workspace_id, revision__lt=changed)


def _refresh(workspace_id: uuid.UUID, rules: Compiled, most: int) -> int:
    # Locked by another worker is being done by another worker; who never waits is never in a circle of waiting.
    stale = stale_rows(workspace_id).select_for_update(skip_locked=True, of=("self",))
    rows = list(stale.defer("sealed_sample").order_by("revision")[:most])
    groups: defaultdict[Facts, list[uuid.UUID]] = defaultdict(list)
    for row, decision, by_value in _recommended(rows, rules.book):
        set_recommendation(row, decision, by_value=by_value)
        groups[tuple(getattr(row, name) for name in RECOMMENDATION)].append(row.pk)
    # Many fields have the same recommendation, most have none: an update for each of those is quick.
    for facts, keys in groups.items():
        told = dict(zip(RECOMMENDATION, facts, strict=True)) | {"revision": rules.revision}
        ObservedField.objects.filter(pk__in=keys).update(**told)
    return len(rows)


def _recommended(rows: list[ObservedField], book: RuleBook) -> Iterator[tuple[ObservedField, Decision | None, bool]]:
    """The rules' word on each field, and whether its value gave it away.

    A sample is opened where it can say something new: where there are patterns, and where another rule spoke before.
    """
    by_name = {row.pk: book.recommend(row.name) for row in rows}
    asked = [row.pk for row in rows if by_name[row.pk] is None and (book.has_patterns or row.origin)]
    samples = dict(ObservedField.objects.filter(pk__in=asked).values_list("pk", "sealed_sample"))
    for row in rows:
        decision = by_name[row.pk]
        if decision is None and row.pk in samples:
            decision = _of_sample(row, bytes(samples[row.pk]), book) or _still_holds(row, book)
        yield row, decision, decision is not None and by_name[row.pk] is None


def _of_sample(row: ObservedField, sealed: bytes, book: RuleBook) -> Decision | None:
    hits = (book.recommend_value(value) for value in _sampled(row, sealed))
    return next((hit for hit in hits if hit), None)


def _sampled(row: ObservedField, sealed: bytes) -> Iterator[object]:
    """The field's values in its sample, opened here and never shown; none where there is no sample that opens."""
    if not sealed:
        return
    try:
        event = orjson.loads(unseal(sealed, bound_to=row.pk.bytes))
    except SealError:
        logger.warning("the sample of field %s does not open", row.pk)
        return
    yield from values_of(event, row.name)


def _still_holds(row: ObservedField, book: RuleBook) -> Decision | None:
    """What another event's value gave away before: it holds as long as the rule that said so does."""
    if not row.by_value:
        return None
    return next((hit for hit in book.value_decisions() if (hit.origin.value, hit.rule, hit.term) == _of(row)), None)


def _of(row: ObservedField) -> tuple[str, str, str]:
    return (row.origin, row.rule, row.term)
