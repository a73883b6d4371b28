"""`manage.py serve`: everything one machine needs, in one command."""

from __future__ import annotations

import os
import socketserver
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from segment_app.demo import ensure_demo, receiver_port, sign_in_link
from segment_app.supervisor import Child, Supervisor

BLOCKING_THREADS = "16"  # group commit gets better with requests in flight; measured best at 16


class Command(BaseCommand):
    """Migrate, collect static files, then run web server and worker until Ctrl-C."""

    help = (
        "Migrate, then run the web server and the delivery worker together until Ctrl-C. --demo adds a demo workspace."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="make the demo workspace and run its receiver")
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--web-processes", type=int, default=int(os.environ.get("WEB_PROCESSES", "2")))
        parser.add_argument("--worker-processes", type=int, default=int(os.environ.get("WORKER_PROCESSES", "1")))

    def handle(self, *_: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        _refuse_taken_port(host, port)
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        environment = {**os.environ, "PORT": str(port)}
        if not options["demo"]:
            served = f"Serving {settings.SITE_URL} on {host}:{port}"
            Supervisor(_product(environment, options)).run(opened=lambda: self._say(served))
            return
        _refuse_taken_port("127.0.0.1", receiver_port())
        demo = ensure_demo()
        allowed = ",".join(settings.DELIVERY_ALLOWED_NETWORKS or ["127.0.0.0/8", "::1/128"])
        environment["DELIVERY_ALLOWED_NETWORKS"] = allowed
        command = _manage("receiver", "--port", str(receiver_port()))
        receiver = Child("receiver", command, environment, listens=("127.0.0.1", receiver_port()))
        Supervisor([*_product(environment, options), receiver]).run(
            opened=lambda: self._say(demo.welcome(sign_in_link()))
        )

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _product(environment: dict[str, str], options: dict[str, Any]) -> list[Child]:
    host, port = options["host"], options["port"]
    # The master's own address may differ from SITE_URL behind a proxy; plain HTTP/1.1 is what Segment SDKs speak.
    server = [sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"]
    # Below errors it only advises fewer threads than cores can run, which is wrong for threads that wait for a commit.
    server += ["--log-level", "error"]
    server += ["--host", host, "--port", str(port), "--workers", str(options["web_processes"])]
    server += ["--blocking-threads", BLOCKING_THREADS, "--respawn-failed-workers", "segment_app.wsgi:application"]
    workers = [Child(f"worker {n + 1}", _manage("worker"), environment) for n in range(options["worker_processes"])]
    sealer = Child("sealer", _manage("sealer"), environment)
    return [Child("web server", server, environment, listens=(_reachable(host), port)), *workers, sealer]


def _reachable(host: str) -> str:
    """Where a server that listens on every address can be asked on this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (compared, not bound)


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]


class _Probe(socketserver.TCPServer):
    allow_reuse_address = True


def _refuse_taken_port(host: str, port: int) -> None:
    """Say so at once, with a way out, rather than start half of the processes."""
    try:
        _Probe((host, port), socketserver.BaseRequestHandler).server_close()
    except OSError as error:
        hint = f"Choose another: PORT={port + 10} make run"
        raise CommandError(f"{host}:{port} cannot be used ({error.strerror}). {hint}") from None
