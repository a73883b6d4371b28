"""The house rules that can be read off the source: who imports whom, one door out, no inline script or style."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ["audit", "workspaces", "privacy", "destinations"]
# Module or package names below an app that may import any domain module and are imported by none.
ROOF = {
    "admin",
    "admin_base",
    "apps",
    "context_processors",
    "forms",
    "management",
    "middleware",
    "templatetags",
    "urls",
    "views",
}
DOOR_OUT = "destinations.delivery.http"
DIALLING = (
    "aiohttp",
    "ftplib",
    "http.client",
    "httpx",
    "pycurl",
    "requests",
    "smtplib",
    "socket",
    "urllib.request",
    "urllib3",
)
# What a receiver, a server or a command of our own needs a socket for; each listens or asks for its own host.
MAY_DIAL = {DOOR_OUT, "segment_app.supervisor"}


def is_roof(module: str) -> bool:
    parts = module.split(".")
    return (parts[0] in LAYERS and any(part in ROOF for part in parts[1:])) or parts[0] == "segment_app"


def imports(source: str, module: str, *, is_package: bool = False) -> Iterator[str]:
    """Every module the source names in an import, wherever it stands; relative ones resolved."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                up = parts[: len(parts) - node.level + is_package]
                base = ".".join([*up, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def against_the_order(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Imports by a domain module of something to its right, or of the roof."""
    if is_roof(module):
        return []
    place = LAYERS.index(module.split(".", maxsplit=1)[0])
    found = []
    for name in imports(source, module, is_package=is_package):
        app = name.split(".")[0]
        if (app in LAYERS and (LAYERS.index(app) > place or is_roof(name))) or app == "segment_app":
            found.append(name)
    return found


def dials(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Imports of modules that can open a connection, outside the one door."""
    if module in MAY_DIAL:
        return []
    names = imports(source, module, is_package=is_package)
    return [name for name in names if any(name == each or name.startswith(f"{each}.") for each in DIALLING)]


INLINE = {
    "a script": re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>", re.IGNORECASE),
    "a style": re.compile(r"<style\b|(?<![\w-])style\s*=", re.IGNORECASE),
    "a handler": re.compile(r"<[^>{]*\son\w+\s*=|\bhx-on[:=-]", re.IGNORECASE),
    "a javascript: link": re.compile(r"javascript:", re.IGNORECASE),
    "an htmx evaluation": re.compile(r"hx-(vals|headers)\s*=\s*['\"]\s*js:|hx-trigger\s*=\s*\"[^\"]*\[", re.IGNORECASE),
}


def inline(template: str) -> list[str]:
    """What of the template a strict Content-Security-Policy would block."""
    return [name for name, pattern in INLINE.items() if pattern.search(template)]


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(path for app in [*LAYERS, "segment_app"] for path in (ROOT / app).rglob("*.py")):
        if "migrations" not in path.parts:
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found.append((name, path))
    return found


def test_imports_run_one_way() -> None:
    found = {
        name: against_the_order(path.read_text(), name, is_package=path.stem == "__init__") for name, path in modules()
    }
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_there_is_one_door_out() -> None:
    found = {name: dials(path.read_text(), name, is_package=path.stem == "__init__") for name, path in modules()}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_templates_hold_nothing_inline() -> None:
    found = {str(path.relative_to(ROOT)): inline(path.read_text()) for path in (ROOT / "templates").rglob("*.html")}
    assert len(found) > 10
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("audit.record", "from workspaces.models import User"),
        ("audit.record", "def f():\n    import destinations"),
        ("workspaces.sources", "from destinations import models"),
        ("privacy.inbox", "from destinations.pipeline.plan import Plan"),
        ("workspaces.sources", "from workspaces.views import home"),
        ("workspaces.sources", "from workspaces.forms import AddSourceForm"),
        ("workspaces.sources", "from audit.middleware import audited"),
        ("workspaces.sources", "from . import middleware"),
        ("destinations.delivery.worker", "from ..views import catalog"),
        ("destinations.delivery.worker", "import segment_app.settings"),
        ("workspaces.sources", "if True:\n    from workspaces import admin"),
    ],
)
def test_a_planted_import_is_found(module: str, source: str) -> None:
    assert against_the_order(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("destinations.pipeline.plan", "from privacy.models import Matcher\nfrom audit.record import record"),
        ("workspaces.views.home", "from destinations.models import Destination"),
        ("audit.views", "from workspaces.access import require_right"),
        ("workspaces.sources", "from django import forms"),
    ],
)
def test_an_import_in_order_is_left_alone(module: str, source: str) -> None:
    assert against_the_order(source, module) == []


@pytest.mark.parametrize(
    "source",
    [
        "import requests",
        "from urllib import request",
        "import http.client as h",
        "import pycurl",
        "from socket import socket",
    ],
)
def test_a_planted_call_out_is_found(source: str) -> None:
    assert dials(source, "destinations.delivery.worker")
    assert dials(source, DOOR_OUT) == []


@pytest.mark.parametrize("source", ["from urllib.parse import urlencode", "from http import HTTPStatus"])
def test_what_cannot_call_out_is_left_alone(source: str) -> None:
    assert dials(source, "workspaces.sources") == []


@pytest.mark.parametrize(
    "template",
    [
        "<script>alert(1)</script>",
        "<p style='color: red'>",
        "<style>p {}</style>",
        '<a onclick="go()">',
        '<a href="javascript:go()">',
        "<a hx-on:click='go()'>",
        "<a hx-vals='js:{a: 1}'>",
    ],
)
def test_planted_inline_code_is_found(template: str) -> None:
    assert inline(template)


@pytest.mark.parametrize(
    "template",
    [
        '<script src="{% static "js/copy.js" %}" defer></script>',
        '<link rel="stylesheet" href="a.css">',
        "<p data-on='x'>",
    ],
)
def test_files_and_data_are_left_alone(template: str) -> None:
    assert inline(template) == []
