"""How near the whole transform of an event comes to bare RSA: parse, match 40 names, encrypt 3 fields, serialise.

Run from the repository root: `python tests/benchmarks/transform.py`. Process CPU time, alternating rounds in one run,
medians. The ratio is events/s over a third of bare `public_key.encrypt` calls/s; the aim for RSA-2048 is 0.75.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.serialization import load_pem_public_key

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from destinations.encryption.cipher import RSA_OAEP_SHA256, ValueCipher
from destinations.encryption.fields import FieldEncryption
from destinations.encryption.keys import generate_key_pair
from privacy.matchers import DEFAULT_MATCHERS

ROUNDS = 5
EVENTS_EACH_ROUND = 3_000
ENCRYPTED = ("email", "phone", "birthdate")
# 40 names, of which three are in the event: the default matchers it does not hold, and others of a clinic.
OTHERS = (
    "insurance id",
    "member id",
    "chart number",
    "next of kin",
    "room",
    "ward",
    "blood type",
    "surgery",
    "vaccine",
)
ABSENT = [matcher.name for matcher in DEFAULT_MATCHERS if matcher.name not in {*ENCRYPTED, "ip", "name", "serial"}]
TERMS = [*ENCRYPTED, *OTHERS, *ABSENT][:40]

EVENT = {
    "type": "track",
    "event": "Appointment Booked",
    "userId": "user-019283",
    "anonymousId": "5f0c7c0e-6f0a-4b57-9d5c-0a0f6b0f7d1e",
    "messageId": "node-next-1718000000000-3b0d1c0e-93f7-4a55-b1f5-0123456789ab",
    "timestamp": "2026-01-15T09:30:00.000Z",
    "originalTimestamp": "2026-01-15T09:29:59.870Z",
    "sentAt": "2026-01-15T09:30:00.120Z",
    "receivedAt": "2026-01-15T09:30:00.250Z",
    "context": {
        "ip": "203.0.113.7",
        "library": {"name": "analytics-node", "version": "2.1.0"},
        "locale": "en-GB",
        "page": {"path": "/book", "referrer": "", "search": "", "title": "Book", "url": "https://clinic.example/book"},
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0",
        "traits": {"email": "maria.garcia@example.com", "plan": "gold"},
    },
    "properties": {
        "clinic": "North",
        "department": "Cardiology",
        "price": 120.5,
        "currency": "EUR",
        "firstVisit": True,
        "tags": ["web", "mobile"],
        "patient": {"Birth_Date": "1984-02-29", "phone": "+34 600 123 456", "visits": 3},
    },
    "integrations": {"All": True},
}


def cpu_rate(action: Callable[[], object], times: int) -> float:
    """Calls per second of this process's CPU time."""
    begin = time.process_time()
    for _ in range(times):
        action()
    return times / (time.process_time() - begin)


def measure(bits: int) -> tuple[float, float, float]:
    """Medians of bare encryptions/s, whole events/s, and their ratio round by round."""
    public_pem = generate_key_pair(bits).public_pem
    key, encryption, raw = load_pem_public_key(public_pem.encode()), _encryption(public_pem), orjson.dumps(EVENT)
    rounds = []
    for _ in range(ROUNDS):
        bare = cpu_rate(lambda: key.encrypt(b"maria.garcia@example.com", RSA_OAEP_SHA256), 3 * EVENTS_EACH_ROUND)
        whole = cpu_rate(lambda: orjson.dumps(encryption.apply(orjson.loads(raw))), EVENTS_EACH_ROUND)
        rounds.append((bare, whole, whole / (bare / 3)))
    bare, whole, ratio = (statistics.median(column) for column in zip(*rounds, strict=True))
    return bare, whole, ratio


def openssl_public_ops(bits: int) -> float | None:
    """What `openssl speed` says of raw public operations per second; None where there is no openssl."""
    if not shutil.which("openssl"):
        return None
    command = ["openssl", "speed", "-seconds", "1", f"rsa{bits}"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    line = re.search(rf"^rsa\s+{bits} bits .*$", report, re.MULTILINE)
    # Times end in "s"; the rates that follow start with sign/s, verify/s in every version.
    rates = [float(word) for word in line[0].split()[3:] if not word.endswith("s")] if line else []
    return rates[1] if rates else None


def _encryption(public_pem: str) -> FieldEncryption:
    """For the 40 names; stops the run unless exactly three fields of the event are encrypted."""
    encryption = FieldEncryption(ValueCipher(public_pem), TERMS)
    encrypted = re.findall(rb'"[A-Za-z0-9+/=]{300,}"', orjson.dumps(encryption.apply(EVENT)))
    if (len(TERMS), len(encrypted)) != (40, len(ENCRYPTED)):
        raise SystemExit(f"{len(TERMS)} names, {len(encrypted)} fields encrypted: not what is promised above.")
    return encryption


def main() -> None:
    print(f"{len(TERMS)} names, {len(ENCRYPTED)} fields, {len(orjson.dumps(EVENT))} bytes, median of {ROUNDS} rounds")
    print("key        bare encrypts/s   whole events/s   ratio to a third of bare")
    for bits in (2048, 3072):
        bare, whole, ratio = measure(bits)
        print(f"RSA-{bits}   {bare:15,.0f}   {whole:14,.0f}   {ratio:.2f}")
    if (yardstick := openssl_public_ops(2048)) is not None:
        print(f"openssl speed rsa2048: {yardstick:,.0f} public operations/s")


if __name__ == "__main__":
    main()
