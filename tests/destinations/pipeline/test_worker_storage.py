"""Storage: a minute's events are one object."""

from __future__ import annotations

from destinations.models import Delivery
from destinations.settings_store import seal_settings
from tests.destinations.catalog.storing import storing
from tests.destinations.factories import DestinationFactory, append_events, track
from tests.destinations.pipeline.driving import Driven, make_due, outcomes
from workspaces.models import Source


def test_a_minutes_events_are_collected(worker: Driven, own_log: None, source: Source) -> None:
    with storing() as store:
        bucket = DestinationFactory(source=source, kind="s3")
        bucket.sealed_settings = seal_settings(store.settings(), owner_id=bucket.pk)
        bucket.save()
        append_events(source, *(track(f"m-{n}") for n in range(150)))
        worker.work_off()
        assert store.objects() == {}
        rows = Delivery.objects.filter(status="waiting", attempts=0)
        assert {row.next_try_at.second for row in rows if row.next_try_at} == {0}
        assert make_due() == 150
        worker.until(lambda: not Delivery.objects.filter(status="waiting").exists(), "all are written")
        ((_, events),) = store.objects().items()
        assert sorted(each["messageId"] for each in events) == sorted(f"m-{n}" for n in range(150))
        assert outcomes(bucket) == {"delivered": 150}
