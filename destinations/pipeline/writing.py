"""What the worker writes at once: the results of settled batches with their positions, and what stands beside them.

A commit whose answer is lost may or may not have happened. What was written then is kept as it is and looked for before
it is written again, since counts would be added twice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from django.db import transaction

from destinations.delivery import ledger
from destinations.delivery.ledger import Page
from destinations.pipeline.batch import Batch
from privacy import alerts
from privacy.blocked_counts import BlockedKey, add_blocked
from privacy.scanning import store
from privacy.scanning.scan import Sightings
from workspaces.event_counts import CountKey, add_counts


@dataclass(slots=True)
class Writing:
    """One transaction's worth. `loose` is known beside the batches: retries, and jobs whose batch did not wait."""

    batches: list[Batch]
    loose: Page = field(default_factory=Page)

    def __bool__(self) -> bool:
        return bool(self.batches or self.loose)

    def write(self) -> None:
        """Write all of it in one transaction."""
        page = self._page()
        counts: dict[CountKey, int] = {}
        blocked: Counter[BlockedKey] = Counter()
        sightings = Sightings()
        for batch in self.batches:
            sightings.add(batch.sightings)
            blocked.update(batch.blocked)
            for key, count in batch.event_counts.items():
                counts[key] = counts.get(key, 0) + count
        with transaction.atomic():
            ledger.write(page)
            add_counts(counts)
            alerts.announce(store.write(sightings))
            add_blocked(blocked)
            ledger.save_positions(self._positions())

    def is_written(self) -> bool:
        """Whether an earlier `write` went through, though its answer was lost: any one of its rows tells."""
        reached = self._positions()
        if any(ledger.saved_position(number) >= position for number, position in reached.items()):
            return True
        return ledger.holds_any(self._page())

    def forget_batches(self) -> None:
        """Leave out the batches: their partitions are no longer ours, and will be read again."""
        self.batches = []

    def _page(self) -> Page:
        page = Page()
        page.add(self.loose)
        for batch in self.batches:
            page.add(batch.page)
        return page

    def _positions(self) -> dict[int, int]:
        """How far each partition is settled: batches stand here in their order."""
        return {batch.partition: batch.position for batch in self.batches}
