"""The whole product as a person starts it: `manage.py serve` in a process of its own, with its own data."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

ROOT = Path(__file__).resolve().parent.parent
DEADLINE = 180.0  # only to end a test that hangs: a busy machine starts the product in more than a minute


def free_port(run: int = 1) -> int:
    """The first of `run` ports in a row that nobody listens on."""
    while True:
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(_bound(0)).getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                for offset in range(1, run):
                    stack.enter_context(_bound(first + offset))
                return first


def _bound(port: int) -> socket.socket:
    found = socket.socket()
    found.bind(("127.0.0.1", port))
    return found


def wait_until(true: Callable[[], Any], *, deadline: float = DEADLINE, what: str = "") -> Any:
    """What `true` returns as soon as it is something; an assertion error after `deadline` seconds."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {deadline} s in vain: {what}")


class Product:
    """One running copy. `environment` may be changed before `start`."""

    def __init__(self, folder: Path, database_url: str | None) -> None:
        self.port = free_port(2)
        self.folder = folder
        self.log = folder / "output.log"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))},
            "DATA_DIR": str(folder / "data"),
            "PORT": str(self.port),
            "STATIC_ROOT": str(folder / "static"),
            "PYTHONUNBUFFERED": "1",
        }
        self.environment.pop("DATABASE_URL", None)
        if database_url:
            self.environment["DATABASE_URL"] = database_url
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        """Start `serve --demo` and wait until it answers."""
        command = [sys.executable, "manage.py", "serve", "--demo"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        wait_until(self.answers, what=f"{self.url} answers; its output: {self.log.read_text()[-2000:]}")

    def answers(self) -> bool:
        """Whether the web server is ready."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
        return False

    def interrupt(self) -> int:
        """Press Ctrl-C; the exit code."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)

    def stop(self) -> None:
        """End it, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def manage(self, *arguments: str) -> str:
        """The output of one `manage.py` command in this copy's environment."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True)
        return done.stdout

    def demo(self) -> dict[str, Any]:
        """What `manage.py demo --json` says."""
        return json.loads(self.manage("demo", "--json"))

    def sign_in_link(self) -> str:
        """A link that signs the demo's owner in, once."""
        return self.manage("sign_in_link", self.demo()["email"]).strip()

    def children(self, word: str) -> list[int]:
        """The processes of this copy whose command line holds `word`."""
        return [pid for pid in _processes() if word in _command(pid) and _belongs(pid, self.environment["DATA_DIR"])]


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def _belongs(pid: int, data_dir: str) -> bool:
    with contextlib.suppress(OSError):
        return f"DATA_DIR={data_dir}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    return False


@contextlib.contextmanager
def own_database() -> Iterator[str | None]:
    """A PostgreSQL database of its own where the suite runs on PostgreSQL; None for SQLite in the data folder."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield None
        return
    name = f"test_product_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@contextlib.contextmanager
def running_product(folder: Path) -> Iterator[Product]:
    """A copy that runs inside the `with` block."""
    with own_database() as database_url:
        product = Product(folder, database_url)
        try:
            product.start()
            yield product
        finally:
            product.stop()
