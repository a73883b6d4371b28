"""Settings that would leak or lose data are noticed, and secrets are drawn once, never defaulted."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.test import override_settings

from segment_app import checks

ROOT = Path(__file__).resolve().parent.parent
KEY = base64.b64encode(bytes(range(32))).decode()
PRODUCTION = {
    "SITE_URL": "https://data.example.org",
    "DATABASE_URL": "postgres://app:secret@db.example.org/app",
    "SECRET_KEY": "p" * 40 + "abcdefghijklmnopqrstuvwxyz",
    "DATA_SEALING_KEYS": KEY,
    "AUDIT_SIGNING_KEY": KEY,
}
SHOW = "from django.conf import settings; print(settings.SECRET_KEY, settings.DATA_SEALING_KEYS)"


def manage(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A process of the product with exactly this environment."""
    path = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "segment_app.settings"}
    command = [sys.executable, *(arguments if arguments[0] == "-c" else ("manage.py", *arguments))]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, env={**path, **environment}, text=True, **pipes)


def said(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out + err


def findings(**changed: object) -> dict[str, str]:
    with override_settings(**changed):
        return {each.id: each.hint for each in run_checks(include_deployment_checks=True) if "segment_app" in each.id}


def test_production_has_nothing_to_complain_of(tmp_path: Path) -> None:
    process = manage("check", "--deploy", "--fail-level", "DEBUG", DATA_DIR=str(tmp_path), **PRODUCTION)
    assert "no issues" in said(process)
    assert not (tmp_path / "secrets.json").exists()


def test_production_cookies_stay_on_https(tmp_path: Path) -> None:
    names = ["SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "CSRF_COOKIE_SECURE", "CSRF_COOKIE_HTTPONLY"]
    show = f"from django.conf import settings; print([getattr(settings, n) for n in {names}], settings.DEBUG)"
    assert said(manage("-c", show, DATA_DIR=str(tmp_path), **PRODUCTION)).strip() == "[True, True, True, True] False"


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"HTTPS": False, "SITE_IS_LOCAL": False}, "segment_app.E001"),
        ({"DEBUG": True, "SITE_IS_LOCAL": False}, "segment_app.E002"),
        ({"DELIVERY_ALLOWED_NETWORKS": ["10.20.0.0/16", "localhost"]}, "segment_app.E004"),
        ({"DELIVERY_ALLOWED_NETWORKS": ["127.0.0.1/32"], "SITE_IS_LOCAL": False, "HTTPS": True}, "segment_app.W005"),
    ],
)
def test_each_unsafe_setting_is_found_with_its_remedy(changed: dict[str, object], found: str) -> None:
    assert findings(**changed)[found]


def test_sealing_keys_that_cannot_be_used_are_found(tmp_path: Path) -> None:
    process = manage("check", "--deploy", DATA_DIR=str(tmp_path), **{**PRODUCTION, "DATA_SEALING_KEYS": "c2hvcnQ="})
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "segment_app.E003" in err, "openssl rand" in err) == (1, True, True)


def test_an_old_sqlite_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.sqlite3, "sqlite_version_info", (3, 30, 0))
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    assert [(each.id, bool(each.hint)) for each in checks.sqlite_is_new_enough()] == [("segment_app.E006", True)]


def test_secrets_are_drawn_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    first = said(manage("-c", SHOW, DATA_DIR=str(tmp_path / "data")))
    file = tmp_path / "data" / "secrets.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert said(manage("-c", SHOW, DATA_DIR=str(tmp_path / "data"))) == first
    assert json.loads(file.read_text())["SECRET_KEY"] in first


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    started = [manage("-c", SHOW, DATA_DIR=str(tmp_path / "data")) for _ in range(4)]
    assert len({said(each) for each in started}) == 1
    assert [each.name for each in (tmp_path / "data").iterdir()] == ["secrets.json"]


def test_no_two_installations_share_a_secret(tmp_path: Path) -> None:
    shown = {said(manage("-c", SHOW, DATA_DIR=str(tmp_path / name))) for name in "ab"}
    assert len(shown) == 2


def test_secrets_can_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")
    (tmp_path / "sealing").write_text(f"{KEY}\n")
    given = {"SECRET_KEY_FILE": str(tmp_path / "key"), "DATA_SEALING_KEYS_FILE": str(tmp_path / "sealing")}
    assert said(manage("-c", SHOW, DATA_DIR=str(tmp_path), **given)).strip() == f"from-a-file ['{KEY}']"


def test_migrate_alone_makes_the_shared_cache_work(tmp_path: Path) -> None:
    said(manage("migrate", "--verbosity", "0", DATA_DIR=str(tmp_path)))
    use = "import django; django.setup(); from django.core.cache import cache; cache.set('a', 1); print(cache.get('a'))"
    assert said(manage("-c", use, DATA_DIR=str(tmp_path))).strip() == "1"


def test_a_secret_that_a_new_version_needs_is_added(tmp_path: Path) -> None:
    kept = {"SECRET_KEY": PRODUCTION["SECRET_KEY"], "DATA_SEALING_KEYS": KEY}
    (tmp_path / "secrets.json").write_text(json.dumps(kept))
    show = "from django.conf import settings; print(settings.SECRET_KEY, settings.AUDIT_SIGNING_KEY)"
    shown = [said(manage("-c", show, DATA_DIR=str(tmp_path))) for _ in range(2)]
    drawn = json.loads((tmp_path / "secrets.json").read_text())
    assert shown == [f"{kept['SECRET_KEY']} {drawn['AUDIT_SIGNING_KEY']}\n"] * 2
    assert len(base64.b64decode(drawn["AUDIT_SIGNING_KEY"])) == 32
    assert {name: drawn[name] for name in kept} == kept
