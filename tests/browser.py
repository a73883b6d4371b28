"""Finds a Chromium for the browser tests: $CHROMIUM, one on PATH, Debian's package, or Playwright's own build."""

import os
import shutil
import subprocess
import sys


def found() -> str | None:
    """The path of a Chromium that can be used, or None."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def installed_by_apt() -> bool:
    """Install Debian's package, where we are root and there is apt."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    quiet = {
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    }
    subprocess.run(["apt-get", "update"], check=False, **quiet)
    subprocess.run(["apt-get", "install", "-y", "chromium"], check=False, **quiet)
    return found() is not None


def installed_by_playwright() -> bool:
    """Let Playwright fetch its own build, where downloads are allowed."""
    fetched = subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    return fetched.returncode == 0


if __name__ == "__main__":
    if not (found() or installed_by_apt() or installed_by_playwright()):
        sys.exit("No Chromium for the browser tests: install the package `chromium` or set CHROMIUM=/path/to/chromium.")
