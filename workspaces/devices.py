"""What a browser says it is, in words people know their devices by. Pure."""

from __future__ import annotations

from ua_parser import parse

# As their makers call them today.
_NAMES = {"Mac OS X": "macOS", "Mobile Safari": "Safari", "Chrome Mobile": "Chrome", "Chrome Mobile iOS": "Chrome"}
LONGEST = 300  # characters looked at: anybody may send anything


def device_of(user_agent: str) -> str:
    """Browser and system, such as `Firefox on Windows`; what cannot be told is called unknown."""
    seen = parse(user_agent[:LONGEST])
    browser, system = (each.family if each else None for each in (seen.user_agent, seen.os))
    if not browser and not system:
        return "Unknown device"
    browser, system = browser or "Unknown browser", system or "unknown system"
    return f"{_NAMES.get(browser, browser)} on {_NAMES.get(system, system)}"
