"""The Privacy Portal's pages over 100,000 fields and 1,000,000 observations: queries and milliseconds on the server.

    .venv/bin/python tests/benchmarks/portal.py [fields]

Half of the fields are in the inbox, half in the inventory. Queries are all of a page, those of the session and the
frame included, savepoints and the session's own move left out. Times are the median of seven answers by Django's test
client, in CPU time of this process (SQLite works in it): from the request to the rendered page with its audit row.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.common import own_data
from tests.benchmarks.portal_data import fill

FIELDS = 100_000
MOST_QUERIES, MOST_MS = 12, 150
AUDITED = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "UPDATE")
# Test JSON as a form sends it: a matcher on keys, and one on values, which is tried on samples.
TRIALS = (
    {"name": "visit", "classification": "red", "matches_on": "key", "that_is": "similar", "synonyms": "reason\nbed"},
    {
        "name": "follow",
        "classification": "red",
        "matches_on": "value",
        "synonyms": "^follow\n[0-9]{9}",
        "test": "samples",
    },
)


def pages() -> list[tuple[str, str]]:
    """What is measured: a name and an address each."""
    from privacy.models import CustomMatcher, InventoryField, ObservedField, Regulation
    from workspaces.models import Source

    base = "/acme-health/privacy"
    waiting, entry = ObservedField.objects.filter(in_inventory=False)[1], InventoryField.objects.all()[1]
    on_key, on_value = CustomMatcher.objects.order_by("name")[0], CustomMatcher.objects.order_by("-name")[0]
    source, regulation = Source.objects.order_by("name")[0], Regulation.objects.all()[0]
    return [
        ("home", base),
        ("inbox", f"{base}/inbox"),
        ("inbox, page 500", f"{base}/inbox?page=500"),
        ("inbox by name", f"{base}/inbox?sort=name"),
        ("inbox, searched", f"{base}/inbox?q=0042"),
        ("inbox, red", f"{base}/inbox?class=red"),
        ("inbox, one source", f"{base}/inbox?source={source.pk}"),
        ("inbox, new rows", f"{base}/inbox/new"),
        ("inbox, a row", f"{base}/inbox/{waiting.pk}"),
        ("inventory", f"{base}/inventory"),
        ("inventory, page 500", f"{base}/inventory?page=500"),
        ("inventory, searched", f"{base}/inventory?q=0042"),
        ("inventory, one source", f"{base}/inventory?source={source.pk}&class=red"),
        ("entry, overview", f"{base}/inventory/{entry.pk}?period=month"),
        ("entry, events", f"{base}/inventory/{entry.pk}/events"),
        ("entry, destinations", f"{base}/inventory/{entry.pk}/destinations"),
        ("entry, access", f"{base}/inventory/{entry.pk}/access"),
        ("entry, history", f"{base}/inventory/{entry.pk}/history"),
        ("explain", f"{base}/explain/{waiting.pk}"),
        ("explain by name", f"{base}/explain?name={waiting.name}"),
        ("detection", f"{base}/detection"),
        ("detection, searched", f"{base}/detection?q=term 42"),
        ("default matcher", f"{base}/detection/default/name"),
        ("custom matcher", f"{base}/detection/{on_key.pk}"),
        ("custom matcher, page 50", f"{base}/detection/{on_key.pk}?page=50"),
        ("value matcher", f"{base}/detection/{on_value.pk}"),
        ("new matcher", f"{base}/detection/new"),
        ("edit matcher", f"{base}/detection/{on_value.pk}/edit"),
        ("remove matcher", f"{base}/detection/{on_key.pk}/delete"),
        ("alerts", f"{base}/settings/alerts"),
        ("standard controls", f"{base}/settings/controls"),
        ("controls, one source", f"{base}/settings/controls/{source.pk}"),
        ("deletion requests", f"{base}/settings/deletions"),
        ("deletion requests, p. 300", f"{base}/settings/deletions?page=300"),
        ("deletion, progress", f"{base}/settings/deletions/progress"),
        ("deletion, one request", f"{base}/settings/deletions/{regulation.pk}"),
        ("new deletion request", f"{base}/settings/deletions/new"),
        ("data retention", f"{base}/settings/retention"),
        ("suppressed users", f"{base}/settings/suppressed"),
        ("suppressed users, p. 1000", f"{base}/settings/suppressed?page=1000"),
    ]


def measure(ask: Callable[[], Any]) -> tuple[int, float]:
    """Queries and median CPU milliseconds of what `ask` asks for."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    ask()
    with CaptureQueriesContext(connection) as asked:
        response = ask()
    assert response.status_code in {200, 204}, response.status_code
    queries = sum(not query["sql"].startswith(AUDITED) for query in asked.captured_queries)
    times = []
    for _ in range(7):
        begin = time.process_time()
        ask()
        times.append((time.process_time() - begin) * 1000)
    return queries, statistics.median(times)


def questions(client: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is measured: a name, and what asks for it."""
    for name, url in pages():
        yield name, partial(client.get, url)
    for sent in TRIALS:
        yield (
            f"test JSON, on a {sent['matches_on']}",
            partial(client.post, "/acme-health/privacy/detection/trial", sent),
        )


def main(fields: int = FIELDS) -> None:
    """Fill, measure, print a row each and what is over the aim."""
    with own_data():
        from django.conf import settings
        from django.test import Client

        from privacy.models import FieldEvent, FieldHour

        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        owner = fill(fields)
        seen = FieldEvent.objects.count() + FieldHour.objects.count()
        print(f"{fields:,} fields, {seen:,} observations; aim {MOST_QUERIES} queries, {MOST_MS} ms")
        client = Client(headers={"host": "localhost"})
        client.force_login(owner)
        over = 0
        for name, ask in questions(client):
            queries, milliseconds = measure(ask)
            misses = queries > MOST_QUERIES or milliseconds > MOST_MS
            over += misses
            print(f"  {name:26} {queries:3} queries {milliseconds:7.1f} ms{'   over the aim' if misses else ''}")
        print(f"  {over} over the aim")


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:2]))
