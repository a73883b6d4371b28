"""The product's web application with a switch for `audit_request.py`: `X-Row: off` in a request writes no audit row.

For one thread: the switch is thrown for the whole process while it answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from segment_app.wsgi import application as product  # first: it loads the apps

from audit import middleware  # isort: skip

WRITE = middleware.record


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer as the product does, with or without the write."""
    off = environ.get("HTTP_X_ROW") == "off"
    middleware.record = _no_write if off else WRITE
    return product(environ, start_response)


def _no_write(*_: object, **__: object) -> None:
    """The page in its transaction, but no row is made or written."""
