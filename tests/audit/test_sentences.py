"""Each row tells in a sentence who did what to what."""

from __future__ import annotations

from typing import Any

import pytest

from audit.event_types import EventType
from audit.models import AuditRow
from audit.sentences import told

ALICE = {"actor_label": "alice@example.com", "actor_kind": "person"}
SAM = {"actor_label": "sam@s.example", "actor_kind": "support"}


@pytest.mark.parametrize(
    ("event", "facts", "sentence"),
    [
        (
            EventType.SOURCE_VIEWED,
            {**ALICE, "object_type": "Source", "object_label": "Clinic API"},
            "alice@example.com looked at a source and its write key: Clinic API.",
        ),
        (
            EventType.WORKSPACE_SETTINGS_VIEWED,
            {**ALICE, "object_type": "Workspace", "object_label": "Acme Health"},
            "alice@example.com looked at the workspace settings.",
        ),
        (
            EventType.SIGNED_IN,
            {**ALICE, "object_type": "User", "object_label": "alice@example.com"},
            "alice@example.com signed in.",
        ),
        (
            EventType.FIELD_SAMPLE_VIEWED,
            {**ALICE, "object_type": "ObservedField", "object_label": "ssn", "end_user_id": "patient-7"},
            "alice@example.com looked at a sample of a field: ssn (end user patient-7).",
        ),
        (
            EventType.SOURCE_DEBUGGER_RAW_VIEWED,
            {**ALICE, "object_type": "Source", "object_label": "Clinic API", "end_user_id": "event:5ca108bc"},
            "alice@example.com looked at an event's raw JSON in the Source Debugger: Clinic API (event 5ca108bc).",
        ),
        (
            EventType.ACCESS_DENIED,
            {**ALICE, "route": "destinations", "outcome": "denied"},
            "alice@example.com was refused (destinations).",
        ),
        (
            EventType.SUPPORT_PAGE_VIEWED,
            {**SAM, "on_behalf_of_label": "alice@example.com", "route": "labels"},
            "sam@s.example, let in by alice@example.com, opened a page of the workspace as support staff (labels).",
        ),
        (
            EventType.ADMIN_OBJECT_VIEWED,
            {**SAM, "object_type": "Source", "object_label": "Clinic API"},
            "sam@s.example of support looked at an object in Django admin: Source Clinic API.",
        ),
        (
            EventType.SIGN_IN_FAILED,
            {"actor_kind": "stranger", "outcome": "failed"},
            "Somebody who was not signed in failed to sign in.",
        ),
        (
            EventType.END_USERS_DELETED,
            {"actor_kind": "system"},
            "The product itself removed what was stored of end users.",
        ),
        (
            EventType.HIPAA_AUDIT_LOG_EXPORTED,
            {"actor_kind": "system"},
            "Somebody at the command line downloaded the HIPAA audit log.",
        ),
        (
            EventType.SIGN_IN_LINK_CREATED,
            {"actor_kind": "system", "object_type": "User", "object_label": "nadia@example.com"},
            "Somebody at the command line made a link that signs somebody in: nadia@example.com.",
        ),
        (
            EventType.HIPAA_AUDIT_LOG_VERIFIED,
            {**ALICE, "outcome": "failed"},
            "alice@example.com checked the HIPAA audit log against its seals, and it is not what was sealed.",
        ),
    ],
)
def test_a_row_reads_as_english(event: EventType, facts: dict[str, Any], sentence: str) -> None:
    assert told(AuditRow(event_type=event, **facts)) == sentence


def test_an_event_type_of_later_or_long_ago_stands_as_it_is() -> None:
    assert told(AuditRow(event_type="Source Painted", **ALICE)) == "alice@example.com Source Painted."
