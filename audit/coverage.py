"""Which routes can show or change PHI or its configuration, and the row each writes: the source of the Coverage page.

Events of pages are read off the views themselves; what stands here is what a view cannot say of itself. A route without
a line fails the tests, and so does one that writes other rows than its line says (tests/audit/test_coverage.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

from audit.event_types import EventType as E


@dataclass(frozen=True, slots=True)
class Covered:
    """What an answer of a route can hold of PHI or its configuration ("" is nothing), and the rows its verbs write.

    A route that holds something writes one row for each answer it gives; one that holds nothing writes one for each
    change. Pages marked with `@audited` write that event too, where no verb has written a row.
    """

    holds: str = ""
    writes: tuple[E, ...] = ()


NOTHING = Covered()
_FIELDS, _RULES, _USERS = "Names and classes of fields", "Rules by which fields are found", "Ids of end users"
_FIELD = Covered(f"{_FIELDS}, where they were seen and who may see them")
_SETUP = Covered("A new destination's source, settings and fields to encrypt", (E.DESTINATION_SETUP_MODIFIED,))
_FILTER = "A destination's filters, which may name values of fields"
_KEYS = "Encryption keys; the private half once, to whoever generates it"
_MEMBERS = "Names and addresses of members, their roles and reach"
_EVENTS = "Events as they came in, masked without PII Access"
_SOURCE = (E.SOURCE_CREATED, E.SOURCE_MODIFIED, E.SOURCE_ENABLED, E.SOURCE_DISABLED)
_DESTINATION = (E.DESTINATION_CREATED, E.DESTINATION_MODIFIED, E.DESTINATION_ENABLED, E.DESTINATION_DISABLED)
_MATCHER = (E.MATCHER_CREATED, E.MATCHER_MODIFIED, E.MATCHER_DELETED, E.MATCHER_TRIED)
_ENCRYPTION = (
    E.DATA_ENCRYPTION_ENABLED,
    E.DATA_ENCRYPTION_FIELDS_MODIFIED,
    E.DATA_ENCRYPTION_KEYS_CHANGED,
    E.ENCRYPTION_KEYS_GENERATED,
    E.ENCRYPTION_KEYS_DISCARDED,
)

COVERED: dict[str, Covered] = {
    # Sources, people and settings
    "home": NOTHING,
    "sources": Covered("Names and states of sources"),
    "source_catalog": NOTHING,
    "source_kind": NOTHING,
    "source_add": Covered(writes=_SOURCE),
    "source_overview": Covered("A source, its write key and what came in"),
    "source_settings": Covered("A source and its write key", _SOURCE),
    "source_debugger": Covered(_EVENTS),
    "source_debugger_new": Covered(f"{_EVENTS}; one row where it shows one", (E.SOURCE_DEBUGGER_VIEWED,)),
    "source_debugger_pretty": Covered(_EVENTS),
    "source_debugger_raw": Covered(_EVENTS),
    "source_labels": Covered(writes=(E.SOURCE_MODIFIED,)),
    "members": Covered(_MEMBERS),
    "members_csv": Covered(_MEMBERS, (E.MEMBER_LIST_EXPORTED,)),
    "member": Covered(_MEMBERS, (E.USER_POLICY_UPDATED,)),
    "member_remove": Covered(_MEMBERS, (E.USER_REMOVED,)),
    "invite": Covered(writes=(E.USER_INVITE_SENT,)),
    "invitations": Covered(_MEMBERS),
    "invitation": Covered(_MEMBERS),
    "invitation_resend": Covered(writes=(E.USER_INVITE_SENT,)),
    "invitation_revoke": Covered(writes=(E.USER_INVITE_DELETED,)),
    "labels": Covered(writes=(E.LABEL_CREATED,)),
    "label_delete": Covered(writes=(E.LABEL_DELETED,)),
    "who_can_do_what": NOTHING,
    "settings_basic": Covered("The workspace's plan, BAA and settings", (E.WORKSPACE_SETTINGS_MODIFIED,)),
    "support_access": Covered("Whom owners let in and why", (E.SUPPORT_ACCESS_GRANTED,)),
    "support_access_revoke": Covered(writes=(E.SUPPORT_ACCESS_REVOKED,)),
    "settings_eligible_products": NOTHING,
    "settings_architecting": NOTHING,
    # Destinations
    "destinations": Covered("Names and states of destinations"),
    "decryptor_kit": NOTHING,
    "destination_catalog": NOTHING,
    "storage_catalog": NOTHING,
    "destination_kind": NOTHING,
    "setup_start": Covered(writes=(E.DESTINATION_SETUP_MODIFIED,)),
    "setup_source": _SETUP,
    "setup_settings": Covered(_SETUP.holds, (*_SETUP.writes, *_DESTINATION, *_ENCRYPTION)),
    "setup_answers": Covered(writes=_SETUP.writes),
    "setup_preview": Covered("An event as it would leave, masked or encrypted"),
    "setup_keys": Covered(_KEYS, _ENCRYPTION),
    "setup_proof": Covered(writes=(E.ENCRYPTION_KEYS_PROVED,)),
    "destination": NOTHING,
    "destination_overview": Covered("How many events stopped where and why"),
    "destination_delivery": Covered("How many events were delivered, and errors of the receiver"),
    "undelivered": Covered("Events that wait or were given up, by reason"),
    "undelivered_send": Covered(writes=(E.DELIVERIES_RETRIED,)),
    "replays": Covered("Which stored events are sent again", (E.REPLAY_STARTED,)),
    "replays_progress": NOTHING,  # how many are done
    "replay_cancel": Covered(writes=(E.REPLAY_CANCELLED,)),
    "destination_discard": Covered("Events that stopped on their way, with end users' values masked"),
    "destination_delivery_issue": Covered("Events that were not delivered, with end users' values encrypted or masked"),
    "destination_encryption": Covered("Which fields are encrypted and under which key", _ENCRYPTION),
    "encryption_keys": Covered(_KEYS, _ENCRYPTION),
    "encryption_proof": Covered(writes=(E.ENCRYPTION_KEYS_PROVED, *_ENCRYPTION)),
    "encryption_off": Covered(writes=(E.DATA_ENCRYPTION_DISABLED,)),
    "destination_filters": Covered(_FILTER),
    "destination_filter_new": Covered(_FILTER, (E.FILTER_CREATED,)),
    "destination_filter": Covered(_FILTER, (E.FILTER_MODIFIED,)),
    "destination_filter_delete": Covered(_FILTER, (E.FILTER_DELETED,)),
    "destination_settings": Covered("A destination's settings", _DESTINATION),
    "destination_copy": Covered("Which destinations of the same kind there are", (E.DESTINATION_MODIFIED,)),
    "destination_preview": Covered("An event as it would leave, masked or encrypted"),
    "destination_delete": Covered("A destination and what is lost with it", (E.DESTINATION_DELETED,)),
    "destination_tester": Covered("An event as it is sent, encrypted, and the answer", (E.TEST_EVENT_SENT,)),
    # Privacy
    "privacy_home": Covered("How many fields of which class there are"),
    "privacy_inbox": Covered(_FIELDS),
    "privacy_inbox_new": Covered(f"{_FIELDS}; one row where it shows one", (E.PRIVACY_INBOX_VIEWED,)),
    "privacy_inbox_choose": Covered(writes=(E.FIELD_RECOMMENDATION_CHANGED,)),
    "privacy_inbox_add": Covered(writes=(E.FIELD_CLASSIFICATION_CHANGED,)),
    "privacy_inbox_field": _FIELD,
    "privacy_inbox_sample": Covered("Values of a field, masked without PII Access", (E.FIELD_SAMPLE_VIEWED,)),
    "privacy_inventory": Covered(_FIELDS),
    "privacy_inventory_csv": Covered(_FIELDS, (E.PRIVACY_INVENTORY_EXPORTED,)),
    "privacy_inventory_field": _FIELD,
    "privacy_inventory_field_csv": Covered(_FIELD.holds, (E.PRIVACY_INVENTORY_EXPORTED,)),
    "privacy_inventory_classify": Covered(writes=(E.FIELD_CLASSIFICATION_CHANGED,)),
    "privacy_inventory_events": _FIELD,
    "privacy_inventory_destinations": _FIELD,
    "privacy_inventory_access": _FIELD,
    "privacy_inventory_history": _FIELD,
    "privacy_explain": _FIELD,
    "privacy_explain_field": _FIELD,
    "privacy_detection": Covered(_RULES),
    "privacy_matcher_new": Covered(_RULES, _MATCHER),
    # Answers with what was pasted into the form; of what is stored only where patterns are tried on samples.
    "privacy_matcher_trial": Covered(writes=(E.MATCHER_TRIED,)),
    "privacy_default_matcher": Covered(_RULES),
    "privacy_matcher": Covered(_RULES),
    "privacy_matcher_edit": Covered(_RULES, _MATCHER),
    "privacy_matcher_delete": Covered(_RULES, _MATCHER),
    "privacy_settings": NOTHING,
    "privacy_alerts": Covered("Who is told of new fields", (E.PRIVACY_ALERTS_MODIFIED,)),
    "privacy_alerts_state": NOTHING,
    "privacy_alert_test": Covered("Nothing but whether a channel works", (E.PRIVACY_ALERT_TESTED,)),
    "privacy_controls": Covered("At which sources red fields are blocked"),
    "privacy_controls_source": Covered("Which fields a source blocks"),
    "privacy_controls_switch": Covered(writes=(E.STANDARD_CONTROLS_ENABLED, E.STANDARD_CONTROLS_DISABLED)),
    "privacy_deletions": Covered(_USERS, (E.REGULATION_CREATED,)),
    "privacy_deletion_new": Covered(_USERS, (E.REGULATION_CREATED,)),
    "privacy_deletions_progress": NOTHING,
    "privacy_deletion": Covered(_USERS),
    "privacy_deletion_file": Covered("How many end users of a file were deleted where"),
    "privacy_retention": Covered("How long end users' data is kept", (E.DATA_RETENTION_MODIFIED,)),
    "privacy_suppressed": Covered(_USERS, (E.REGULATION_CREATED,)),
    "privacy_suppressed_remove": Covered(writes=(E.REGULATION_CREATED,)),
    # The log itself
    "audit_log": Covered("The log: who read or changed what, ids of end users"),
    "audit_log_csv": Covered("The log", (E.HIPAA_AUDIT_LOG_EXPORTED,)),
    "audit_evidence": Covered("The log, with proofs", (E.HIPAA_AUDIT_EVIDENCE_EXPORTED,)),
    "audit_log_ndjson": Covered("The log", (E.HIPAA_AUDIT_LOG_EXPORTED,)),
    "audit_row": Covered("One row of the log"),
    "audit_row_proof": Covered("One row of the log, with its proof", (E.HIPAA_AUDIT_ROW_PROVED,)),
    "audit_download": NOTHING,  # how many rows of a download were sent
    "audit_download_cancel": NOTHING,
    "audit_log_new": NOTHING,  # says that there is more, not what
    "audit_trail": Covered("The changes of the log"),
    "audit_retention": Covered(
        "How long the log is kept, and legal holds with their reasons",
        (E.HIPAA_AUDIT_RETENTION_MODIFIED, E.LEGAL_HOLD_PLACED, E.LEGAL_HOLD_RELEASED),
    ),
    "audit_coverage": NOTHING,
    # Outside workspaces
    "root": NOTHING,
    "workspaces": NOTHING,
    "goto_my_workspace": NOTHING,
    "accept_invitation": Covered(writes=(E.USER_INVITE_ACCEPTED,)),
    "session_left": NOTHING,
    "session_stay": NOTHING,
    "user_profile": Covered(writes=(E.PROFILE_MODIFIED,)),
    "user_sessions": NOTHING,
    "user_session_end": Covered(writes=(E.SESSIONS_ENDED,)),
    "user_sessions_end_others": Covered(writes=(E.SESSIONS_ENDED,)),
    "decrypt": NOTHING,
    "healthz": NOTHING,
    "readyz": NOTHING,
}

_SIGN_IN = (
    E.SIGNED_IN,
    E.SIGNED_OUT,
    E.SIGN_IN_FAILED,
    E.REAUTHENTICATED,
    E.PASSWORD_CHANGED,
    E.ACCOUNT_LOCKED,
    E.ADDRESS_LOCKED,
    E.SESSION_TIMED_OUT,
)
_SECOND_FACTORS = (
    E.AUTHENTICATOR_ADDED,
    E.AUTHENTICATOR_REMOVED,
    E.RECOVERY_CODES_GENERATED,
    E.RECOVERY_CODES_VIEWED,
    E.PROFILE_MODIFIED,
)
# Routes of libraries, by the start of their names: a person's own account.
COVERED_BY_START: dict[str, Covered] = {
    "account_": Covered(writes=_SIGN_IN),
    "mfa_": Covered("The person's own recovery codes", (*_SIGN_IN, *_SECOND_FACTORS)),
}
_IN_ADMIN = "The object, in each workspace it belongs to; never a sealed value"
# What can be changed in Django admin; of all else there staff see lists and objects alone.
_CHANGES_IN_ADMIN: dict[str, tuple[E, ...]] = {
    "workspaces_workspace_add": (E.ADMIN_OBJECT_MODIFIED,),
    "workspaces_workspace_change": (E.WORKSPACE_ELIGIBILITY_MODIFIED, E.ADMIN_OBJECT_MODIFIED),
    "workspaces_user_changelist": (E.SESSIONS_ENDED,),
    "workspaces_user_add": (E.ADMIN_OBJECT_MODIFIED,),
    "workspaces_user_change": (E.ADMIN_OBJECT_MODIFIED, E.SESSIONS_ENDED),
    "auth_user_password_change": (E.ADMIN_OBJECT_MODIFIED,),
    "workspaces_membership_add": (E.USER_POLICY_UPDATED,),
    "auth_group_add": (E.ADMIN_OBJECT_MODIFIED,),
    "auth_group_change": (E.ADMIN_OBJECT_MODIFIED,),
    "auth_group_delete": (E.ADMIN_OBJECT_MODIFIED,),
    "mfa_authenticator_delete": (E.ADMIN_OBJECT_MODIFIED,),
    "axes_accessattempt_changelist": (E.ACCOUNT_UNLOCKED, E.ADDRESS_UNLOCKED),
}
# Django's own that only lead on, and those that SupportSite closed.
_WITHOUT_OBJECTS = {
    "index",
    "login",
    "logout",
    "password_change",
    "password_change_done",
    "autocomplete",
    "jsi18n",
    "view_on_site",
    "app_list",
    "<path:object_id>/",
    "(?P<url>.*)$",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the Coverage page: a route, its address with the parts that vary, and the rows it writes."""

    route: str
    path: str
    holds: str
    events: tuple[E, ...]


def covered(route: str) -> Covered | None:
    """What is known of a route; None of one nobody has thought about."""
    in_admin = route.removeprefix("admin:")
    if in_admin != route:
        return NOTHING if in_admin in _WITHOUT_OBJECTS else Covered(_IN_ADMIN, _CHANGES_IN_ADMIN.get(in_admin, ()))
    by_start = (known for start, known in COVERED_BY_START.items() if route.startswith(start))
    return COVERED.get(route) or next(by_start, None)


def lines() -> list[Line]:
    """Every route of the product in the order of its addresses, each once."""
    return list({line.route: line for line in _walk(get_resolver().url_patterns)}.values())


def unknown_routes() -> list[str]:
    """Routes without a line here."""
    return [line.route for line in lines() if covered(line.route) is None]


def _walk(patterns: list[URLPattern | URLResolver], namespace: str = "", path: str = "/") -> Iterator[Line]:
    for each in patterns:
        here = path + _readable(str(each.pattern))
        if isinstance(each, URLResolver):
            yield from _walk(each.url_patterns, f"{namespace}{each.namespace}:" if each.namespace else namespace, here)
            continue
        route = f"{namespace}{each.name or each.pattern}"
        known = covered(route) or NOTHING
        of_page: E | None = getattr(each.callback, "audit_event", None)
        yield Line(route, here, known.holds, tuple(dict.fromkeys(([of_page] if of_page else []) + list(known.writes))))


def _readable(pattern: str) -> str:
    """The pattern as people read an address: `<uuid:field_id>` becomes `<field_id>`, anchors go."""
    return re.sub(r"<\w+:(\w+)>", r"<\1>", pattern).lstrip("^").rstrip("$")


def meanings() -> list[tuple[E, list[str]]]:
    """Every event type with the routes that write it; none for what only workers and commands do."""
    there = lines()
    return [(event, [line.route for line in there if event in line.events]) for event in E]
