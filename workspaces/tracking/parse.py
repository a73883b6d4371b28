"""Reading JSON that was accepted."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson


def loads(body: bytes) -> Any:
    """Python objects for `body`; raises ValueError for what is no JSON.

    A number beyond a double (1e999) is valid JSON that no double holds: it becomes null.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body, parse_float=_finite, parse_int=_finite, parse_constant=_refuse)


def _finite(text: str) -> float | int | None:
    number = float(text)
    if not math.isfinite(number):
        return None
    return int(text) if text.lstrip("-").isdigit() and len(text) < len(str(2**63)) else number


def _refuse(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError("not JSON")
