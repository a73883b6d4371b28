"""Events in the audit log: named by digests that tell nothing and are found again after the key was changed."""

from __future__ import annotations

import base64
import re
import uuid
from typing import Any

import pytest

from audit import event_ids, queries
from audit.event_types import EventType
from audit.record import record

WORKSPACE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
OLD, NEW = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))


def test_one_id_has_one_name_in_each_workspace(settings: Any) -> None:
    settings.DATA_SEALING_KEYS = [OLD]
    name = event_ids.event_id("jo@example.com", workspace_id=WORKSPACE)
    assert re.fullmatch(r"event:[0-9a-f]{32}", name)
    assert name == event_ids.event_id("jo@example.com", workspace_id=str(WORKSPACE))
    others = [("jo@example.com", OTHER), ("jo@example.org", WORKSPACE), ("", WORKSPACE), ("\ud800", WORKSPACE)]
    assert len({name, *(event_ids.event_id(text, workspace_id=where) for text, where in others)}) == 5
    settings.DATA_SEALING_KEYS = [NEW]
    assert event_ids.event_id("jo@example.com", workspace_id=WORKSPACE) != name


@pytest.mark.django_db
def test_what_was_named_under_an_older_key_is_found(settings: Any) -> None:
    settings.DATA_SEALING_KEYS = [OLD]
    name = event_ids.event_id("m-1", workspace_id=WORKSPACE)
    row = record(EventType.SOURCE_DEBUGGER_RAW_VIEWED, actor=None, workspace_id=WORKSPACE, end_user_id=name)
    user = record(EventType.REGULATION_CREATED, actor=None, workspace_id=WORKSPACE, end_user_id="u-1")
    settings.DATA_SEALING_KEYS = [NEW, OLD]
    asked = {text: queries.Question(end_user_id=text) for text in ("m-1", "u-1", name, "m-2")}
    found = {text: list(queries.matching(WORKSPACE, question)) for text, question in asked.items()}
    assert found == {"m-1": [row], "u-1": [user], name: [row], "m-2": []}
