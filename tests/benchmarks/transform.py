"""How near the whole transform of an event comes to bare RSA: parse, match 40 names, encrypt 3 fields, serialise.

Run from the repository root: `python tests/benchmarks/transform.py`. Process CPU time, alternating rounds in one run,
medians. The ratio is events/s over a third of bare `public_key.encrypt` calls/s; the aim for RSA-2048 is 0.75.
"""

from __future__ import annotations

import re

import orjson
from common import EVENT, bare_encrypts, cpu_rate, dumps, median_of

from destinations.encryption.cipher import ValueCipher
from destinations.encryption.fields import FieldEncryption
from destinations.encryption.keys import generate_key_pair
from privacy.matchers import DEFAULT_MATCHERS

ROUNDS = 5
EVENTS_EACH_ROUND = 3_000
ENCRYPTED = ("phone", "birthdate", "email")
# 40 names, of which three are in the event: the default matchers it does not hold, and others of a clinic.
OTHERS = ("insurance id", "member id", "chart number", "next of kin", "room", "ward", "blood type", "surgery")
ABSENT = [matcher.name for matcher in DEFAULT_MATCHERS if matcher.name not in {*ENCRYPTED, "ip", "name"}]
TERMS = [*ENCRYPTED, *OTHERS, *ABSENT][:40]


def measure(bits: int) -> list[float]:
    """Medians of bare encryptions/s, whole events/s, and their ratio round by round."""
    encryption, raw = _encryption(generate_key_pair(bits).public_pem), dumps(EVENT)
    rounds = []
    for _ in range(ROUNDS):
        bare = bare_encrypts(bits, 3 * EVENTS_EACH_ROUND)
        whole = cpu_rate(lambda: orjson.dumps(encryption.apply(orjson.loads(raw))), EVENTS_EACH_ROUND)
        rounds.append((bare, whole, whole / (bare / 3)))
    return median_of(rounds)


def _encryption(public_pem: str) -> FieldEncryption:
    """For the 40 names; stops the run unless exactly three fields of the event are encrypted."""
    encryption = FieldEncryption(ValueCipher(public_pem), TERMS)
    encrypted = re.findall(rb'"[A-Za-z0-9+/=]{300,}"', orjson.dumps(encryption.apply(EVENT)))
    if (len(TERMS), len(encrypted)) != (40, len(ENCRYPTED)):
        raise SystemExit(f"{len(TERMS)} names, {len(encrypted)} fields encrypted: not what is promised above.")
    return encryption


def main() -> None:
    print(f"transform, {len(TERMS)} names, {len(dumps(EVENT))} bytes, 3 fields, median of {ROUNDS} rounds")
    for bits in (2048, 3072):
        bare, whole, ratio = measure(bits)
        print(f"RSA-{bits}   bare encrypts {bare:8,.0f} /CPU s   whole events {whole:8,.0f} /CPU s   ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
