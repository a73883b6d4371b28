"""What the benchmarks share: the event they send, a copy of the product with data of its own, and CPU clocks.

Figures are taken in one run and printed as ratios. Work of one process is measured in CPU time (its own and, on Linux,
another process's from /proc), so that a busy machine moves it little; waiting is measured by the clock.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

TICKS = os.sysconf("SC_CLK_TCK")
FIELDS = ("default_matcher:birthdate", "default_matcher:email", "default_matcher:phone")
ENCRYPTED_VALUES = 3

EVENT: dict[str, Any] = {
    "type": "track",
    "event": "Appointment Booked",
    "userId": "user-019283",
    "anonymousId": "5f0c7c0e-6f0a-4b57-9d5c-0a0f6b0f7d1e",
    "timestamp": "2026-01-15T09:30:00.000Z",
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
        "reason": "Follow-up after the examination of last week; the patient asked for a morning appointment." * 2,
        "patient": {"Birth_Date": "1984-02-29", "phone": "+34 600 123 456", "visits": 3},
    },
    "integrations": {"All": True},
}


def event(number: int) -> dict[str, Any]:
    """The sample event (about 1.2 KB, three fields to encrypt) with an id of its own."""
    return {**EVENT, "messageId": f"node-next-1718000000000-3b0d1c0e-93f7-4a55-b1f5-{number:012d}"}


def cpu_rate(action: Callable[[], object], times: int) -> float:
    """Calls per second of this process's CPU time."""
    begin = time.process_time()
    for _ in range(times):
        action()
    return times / (time.process_time() - begin)


def bare_encrypts(bits: int = 2048, times: int = 6_000) -> float:
    """The yardstick: `public_key.encrypt` calls per CPU second with one padding object, nothing around it."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    from destinations.encryption.cipher import RSA_OAEP_SHA256

    key = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    return cpu_rate(lambda: key.encrypt(b"maria.garcia@example.com", RSA_OAEP_SHA256), times)


def openssl_public_ops(bits: int = 2048) -> float | None:
    """What `openssl speed` says of raw public operations per second; None where there is no openssl."""
    if not shutil.which("openssl"):
        return None
    command = ["openssl", "speed", "-seconds", "1", f"rsa{bits}"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    line = re.search(rf"^rsa\s+{bits} bits .*$", report, re.MULTILINE)
    # Times end in "s"; the rates that follow start with sign/s, verify/s in every version.
    rates = [float(word) for word in line[0].split()[3:] if not word.endswith("s")] if line else []
    return rates[1] if rates else None


def cpu_of(pids: Sequence[int]) -> float:
    """CPU seconds the processes have used so far, their threads included."""
    return sum(_cpu_of(pid) for pid in pids)


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def children(pid: int) -> list[int]:
    """The process and everything it started."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            found += [int(text) for text in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(true: Callable[[], Any], *, seconds: float = 120.0, every: float = 0.01) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise SystemExit("the benchmark waited in vain")
        time.sleep(every)


def median_of(rows: Sequence[Sequence[float]]) -> list[float]:
    """Column by column."""
    return [statistics.median(column) for column in zip(*rows, strict=True)]


@contextlib.contextmanager
def own_data() -> Iterator[Path]:
    """Django set up with an empty database, event log and keys in a folder that goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        os.environ |= {
            "DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "segment_app.settings",
            "DELIVERY_ALLOWED_NETWORKS": "127.0.0.0/8",
            "LOG_LEVEL": "WARNING",
            "STATIC_ROOT": f"{folder}/static",
            "STATIC_STORAGE": "django.contrib.staticfiles.storage.StaticFilesStorage",
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        (Path(folder) / "static").mkdir()
        yield Path(folder)


@contextlib.contextmanager
def process(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own group, ended with the block."""
    started = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, start_new_session=True)
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGTERM)
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)


@contextlib.contextmanager
def granian(
    application: str, *, workers: int = 1, threads: int = 16, interface: str = "wsgi"
) -> Iterator[tuple[str, int]]:
    """A web server as the product runs it: its address and its process."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", interface, "--http", "1", "--no-ws"]
    command += ["--log-level", "error", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
    if interface == "wsgi":
        command += ["--blocking-threads", str(threads)]
    with process(*command, application) as started:
        wait_until(lambda: _listens(port))
        yield f"http://127.0.0.1:{port}", started.pid


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def receiver() -> Iterator[str]:
    """An endpoint that takes any POST as fast as Python can; `received` asks it how many it took."""
    with granian("tests.benchmarks.receiver:application", interface="rsgi") as (url, _):
        yield url


def received(url: str) -> int:
    with urllib.request.urlopen(f"{url}/count", timeout=10) as answer:
        return int(answer.read())


@contextlib.contextmanager
def worker() -> Iterator[int]:
    """The product's worker, idle: its process."""
    with process(sys.executable, "manage.py", "worker") as started:
        settle(started.pid)
        yield started.pid


def settle(pid: int) -> None:
    """Wait until the process has nothing to do: its start must not count."""
    while True:
        before = cpu_of([pid])
        time.sleep(0.5)
        if before > 0.3 and cpu_of([pid]) - before <= 0.1:
            return


def source_and_destination(url: str, *, key_bits: int = 2048) -> tuple[Any, str]:
    """A workspace with one source whose events go to `url`, three fields encrypted; the source and its write key."""
    from datetime import date

    from destinations import connections, drafts
    from destinations.drafts import Answers
    from destinations.encryption import setup
    from destinations.models import Draft
    from workspaces import grants, write_keys
    from workspaces.grants import RoleGiven
    from workspaces.models import Membership, User, Workspace
    from workspaces.roles import Role
    from workspaces.sources import add_source

    workspace = Workspace.objects.create(name="Bench", slug="bench", plan="business", baa_signed_on=date(2024, 1, 1))
    owner = User.objects.create_user("bench@example.com")
    grants.write(Membership.objects.create(workspace=workspace, user=owner), [RoleGiven(Role.OWNER)])
    source = add_source(workspace, kind="http-api", name="Bench", actor=owner)
    if url:
        draft = drafts.choose_source(drafts.start("webhooks", actor=owner, workspace=workspace), source.pk, actor=owner)
        settings = {"url": f"{url}/hook", "headers": "", "shared_secret": "secret"}
        answers = Answers("Bench", True, settings, encrypts=True, fields=FIELDS, key_bits=key_bits, key_stored=True)
        setup.show_setup(draft, actor=owner)
        setup.generate_keys(draft, answers, token=str(draft.key_request), actor=owner)
        connections.create_destination(Draft.objects.get(pk=draft.pk), answers, actor=owner)
    return source, write_keys.reveal(source) or ""


def dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
