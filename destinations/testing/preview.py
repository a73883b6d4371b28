"""What would leave: one event before and after a configuration, value by value. Reads nothing and sends nothing."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from destinations.pasted import printable
from destinations.pipeline.plan import DestinationPlan
from destinations.pipeline.steps import (
    FAILED_DATA_ENCRYPTION,
    Event,
    Stopped,
    encrypted,
    filtered,
    held_back,
    integrations_allow,
)
from privacy.scanning.shape import LONGEST_NAME, SCANNED_OBJECTS, storable
from workspaces.tracking.blocking import block
from workspaces.tracking.controls import Blocker

MOST_ROWS = 300
LONGEST_SHOWN = 80  # characters of a value

AS_IT_IS, BLOCKED, FILTERED, WITHHELD, ENCRYPTED, STAYS = (
    "as it is",
    "blocked",
    "filtered",
    "held back",
    "encrypted",
    "not sent",
)
_PLACE = re.compile(r"\[\d+\]")  # in a list
_WHY_NOT = {
    "FILTERED_BY_INTEGRATIONS_OBJECT": "its integrations object excludes this destination",
    "UNSUPPORTED_EVENT_TYPE": "the destination does not take events of this type",
    "FILTERED_BY_RULES": "a filter keeps it back",
    "INTERNAL": "a filter cannot be asked about it, so it is kept back",
    FAILED_DATA_ENCRYPTION: "a chosen field cannot be encrypted, so it is held",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One value of the event. `before` and `after` are JSON, cut for showing; `grows` counts characters.

    `field` is the field it is a value of, as the scan names it; empty where the scan does not look.
    """

    path: str
    field: str
    before: str
    after: str
    what: str
    new_type: str = ""  # "number to string", where it changes
    grows: int = 0


@dataclass(slots=True)
class Preview:
    """What becomes of one event. `why_not` is empty where it leaves; sizes are of its JSON, in bytes."""

    event_type: str
    name: str
    why_not: str = ""
    rows: list[Row] = field(default_factory=list)
    left_out: int = 0  # rows beyond MOST_ROWS
    bytes_before: int = 0
    bytes_after: int = 0


def preview(event: Event, plan: DestinationPlan, blocker: Blocker | None) -> Preview:
    """Take a copy of the event through every step of the pipeline that `plan` asks for."""
    stages = _Stages(event, plan, blocker)
    name = event.get("event") or event.get("name") or ""
    found = Preview(str(event.get("type")), printable(name) if isinstance(name, str) else "", stages.why_not)
    rows = list(_rows(stages))
    found.rows, found.left_out = rows[:MOST_ROWS], max(len(rows) - MOST_ROWS, 0)
    found.bytes_before = _size(event)
    found.bytes_after = 0 if stages.why_not else _size(stages.sent)
    return found


class _Stages:
    """The event after each step; what follows the step that stops it is empty."""

    def __init__(self, event: Event, plan: DestinationPlan, blocker: Blocker | None) -> None:
        self.given, self.why_not = event, ""
        self.blocked: Event = copy.deepcopy(event)
        if blocker is not None:
            block(self.blocked, blocker)
        self.filtered: Event = {}
        self.kept: Event = {}
        self.sent: Event = {}
        try:
            self._go_on(plan)
        except Stopped as stopped:
            self.why_not = _WHY_NOT.get(stopped.code, "it cannot be sent")

    def _go_on(self, plan: DestinationPlan) -> None:
        event = self.blocked
        if not integrations_allow(event, plan.integration):
            raise Stopped("FILTERED_BY_INTEGRATIONS_OBJECT")
        if event["type"] not in plan.event_types:
            raise Stopped("UNSUPPORTED_EVENT_TYPE")
        for keep in plan.filters:
            event = filtered(event, keep)
        self.filtered = event
        self.kept = held_back(event, plan.withholding)[0] if plan.withholding is not None else event
        self.sent = encrypted(self.kept, plan)


def _rows(stages: _Stages) -> Iterator[Row]:
    blocked, kept = dict(_leaves(stages.blocked)), dict(_leaves(stages.kept))
    remaining, sent = dict(_leaves(stages.filtered)), dict(_leaves(stages.sent))
    for path, before in _leaves(stages.given):
        if path in sent and not stages.why_not:
            yield _sent_row(path, before, sent[path])
        else:
            steps = ((blocked, BLOCKED), (remaining, FILTERED), (kept, WITHHELD))
            what = next((name for found, name in steps if path not in found), STAYS)
            yield Row(
                printable(path),
                field_of(path),
                _shown(before),
                "",
                STAYS if stages.why_not and what != BLOCKED else what,
            )


def _sent_row(path: str, before: Any, after: Any) -> Row:
    if after is before or after == before:
        return Row(printable(path), field_of(path), _shown(before), _shown(after), AS_IT_IS)
    types = _type(before), _type(after)
    new_type = f"{types[0]} to {types[1]}" if types[0] != types[1] else ""
    grows = len(json.dumps(after)) - len(json.dumps(before))
    return Row(printable(path), field_of(path), _shown(before), _shown(after), ENCRYPTED, new_type, grows)


def field_of(path: str) -> str:
    """`properties.items[0].sku` is a value of the field `items.sku`."""
    outermost, _, name = path.partition(".")
    return storable(_PLACE.sub("", name), LONGEST_NAME) if _PLACE.sub("", outermost) in SCANNED_OBJECTS else ""


def _leaves(event: Event) -> Iterator[tuple[str, Any]]:
    """Every scalar, and every empty object or list, with its path; list positions in brackets."""
    stack: list[tuple[str, Any]] = [("", event)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict) and value:
            below = [(f"{path}.{key}" if path else key, held) for key, held in value.items()]
        elif isinstance(value, list) and value:
            below = [(f"{path}[{place}]", held) for place, held in enumerate(value)]
        else:
            yield path, value
            continue
        stack += reversed(below)


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return {str: "string", int: "number", float: "number", type(None): "null"}.get(type(value), "object")


def _shown(value: Any) -> str:
    text = printable(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _size(event: Event) -> int:
    return len(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"))
