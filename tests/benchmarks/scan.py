"""What scanning costs: CPU time of the scan of each event, as a share of encrypting three fields of it.

Run from the repository root: `python tests/benchmarks/scan.py`. One run, alternating rounds, medians. The scan is all
a worker does with an event before its sightings are written (looking at every field, counting, keeping samples) under
rules with custom matchers on keys and values; encryption is `FieldEncryption.apply` for three fields, RSA-2048. The
aim: at most a third.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from common import EVENT, cpu_rate, median_of, own_data

ROUNDS = 5
EVENTS_EACH_ROUND = 3_000
AIM = 1 / 3
SOURCE = uuid.uuid4()


def main() -> None:
    print(f"scan, events of {EVENTS_EACH_ROUND:,} people, median of {ROUNDS} rounds; aim: a share of at most {AIM:.2f}")
    with own_data():
        for keys, values in ((0, 0), (95, 5)):
            scan, encryption, share = median_of([_round(*_prepared(keys, values)) for _ in range(ROUNDS)])
            print(
                f"{keys:3} custom matchers on keys, {values} on values   scans {scan:8,.0f} /CPU s   "
                f"three fields encrypted {encryption:8,.0f} /CPU s   share {share:.2f}"
            )


def _prepared(keys: int, values: int) -> tuple[Any, Any]:
    from destinations.encryption.cipher import ValueCipher
    from destinations.encryption.fields import FieldEncryption
    from destinations.encryption.keys import generate_key_pair
    from privacy.rules.book import Rule, RuleBook
    from privacy.scanning.shape import Shape

    names = [Rule(f"field number {n}", "yellow", (f"field number {n}", f"no {n} of it")) for n in range(keys)]
    patterns = [Rule(f"case {n}", "red", (rf"^C{n}-[0-9]{{4}}$",), on="value") for n in range(values)]
    shape = Shape(RuleBook([*names, *patterns]))
    encryption = FieldEncryption(ValueCipher(generate_key_pair(2048).public_pem), ("phone", "birthdate", "email"))
    return shape, encryption


def _events() -> list[dict[str, Any]]:
    """Events of as many people: what is said of the page and the device is alike, what is said of a person is not."""
    return [
        EVENT
        | {
            "context": EVENT["context"] | {"traits": {"email": f"maria.{n}@example.com", "plan": "gold"}},
            "properties": EVENT["properties"]
            | {
                "price": 100 + n / 100,
                "reason": f"{EVENT['properties']['reason']} {n}",
                "patient": {"Birth_Date": f"1984-02-{n % 28:02}", "phone": f"+34 600 {n:06}", "visits": n},
            },
        }
        for n in range(EVENTS_EACH_ROUND)
    ]


def _round(shape: Any, encryption: Any) -> tuple[float, float, float]:
    from privacy.scanning.scan import Look, Sightings, Where, event_name

    hour = datetime(2026, 1, 15, 9, tzinfo=UTC)
    sightings = Sightings()

    def scan(event: dict[str, Any]) -> None:
        where = Where(SOURCE, SOURCE, event["type"], event_name(event), hour)
        look = Look(where, 1, shape.fields_of(event))
        sightings.keep_samples(SOURCE, event, look.fields)
        sightings.count(look, hour)

    events = _events()
    scans = EVENTS_EACH_ROUND * cpu_rate(lambda: [scan(event) for event in events], 1)
    encrypted = EVENTS_EACH_ROUND * cpu_rate(lambda: [encryption.apply(event) for event in events], 1)
    return scans, encrypted, encrypted / scans


if __name__ == "__main__":
    main()
