"""All benchmarks one after another, with the machine they ran on: `python tests/benchmarks/report.py`."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from common import bare_encrypts, openssl_public_ops

SCRIPTS = (
    "detection.py",
    "scan.py",
    "transform.py",
    "worker.py",
    "ingest.py",
    "end_to_end.py",
    "portal.py",
    "suppression.py",
    "seal.py",
    "audit_page.py",
    "audit_request.py",
    "audit.py",
    "audit_list.py",
    "audit_evidence.py",
)


def main() -> None:
    load, python = os.getloadavg()[0], platform.python_version()
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, load {load:.2f}, Python {python}")
    bare = bare_encrypts()
    print(f"bare public_key.encrypt, RSA-2048: {bare:,.0f} /CPU s", flush=True)
    if speed := openssl_public_ops():
        print(f"outside yardstick, openssl speed rsa2048: {speed:,.0f} public operations/s ({bare / speed:.2f} of it)")
    for script in SCRIPTS:
        print(flush=True)
        subprocess.run([sys.executable, str(Path(__file__).with_name(script))], check=True)


if __name__ == "__main__":
    main()
