"""The product as people run it: a real granian process that serves the test's own database."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent


@dataclass(slots=True)
class Server:
    """A running web server. `output` is the file with everything it printed."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    output: Path

    def kill(self) -> None:
        """End it as a crash would: SIGKILL to the server and its workers."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


@contextmanager
def run_server(
    folder: Path,
    *,
    workers: int = 1,
    threads: int = 16,
    port: int | None = None,
    application: str = "segment_app.wsgi:application",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Serve the test's database and event log until the block ends; `folder` takes the output."""
    port = port or free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    command += ["--workers", str(workers), "--blocking-threads", str(threads), application]
    output = folder / f"server-{port}.txt"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**server_environment(port), **(environment or {})},
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    server = Server(f"http://127.0.0.1:{port}", port, process, output)
    try:
        wait_until(lambda: _answers(server), f"the server did not start: {output}")
        yield server
    finally:
        stop(process)


def server_environment(port: int) -> dict[str, str]:
    """What makes another process share this test's database, event log and keys."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "segment_app.settings",
        "DATA_DIR": str(settings.DATA_DIR),
        "DATABASE_URL": database_url(),
        "SECRET_KEY": settings.SECRET_KEY,
        "DATA_SEALING_KEYS": ",".join(settings.DATA_SEALING_KEYS),
        "AUDIT_SIGNING_KEY": settings.AUDIT_SIGNING_KEY,
        "SITE_URL": f"http://127.0.0.1:{port}",
        "STATIC_STORAGE": "django.contrib.staticfiles.storage.StaticFilesStorage",
    }


def database_url() -> str:
    """The test database as DATABASE_URL."""
    facts = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{facts['NAME']}"
    password = f":{facts['PASSWORD']}" if facts["PASSWORD"] else ""
    return f"postgres://{facts['USER']}{password}@{facts['HOST']}:{facts['PORT'] or 5432}/{facts['NAME']}"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(true: Callable[[], bool], complaint: str, seconds: float = 20.0) -> None:
    """Poll until `true()`; fail with `complaint` after the deadline."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL to whatever of its group is left after ten seconds."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _answers(server: Server) -> bool:
    assert server.process.poll() is None, f"the server ended: {server.output.read_text()}"
    try:
        urllib.request.urlopen(f"{server.url}/v1/", timeout=1)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
