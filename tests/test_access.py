"""Who gets what answer from every route there is. A new route is one line in ACCESS; without it the suite fails."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from audit.coverage import unknown_routes
from audit.models import AuditRow
from destinations import drafts
from destinations.models import Destination, Draft, Filter, Replay
from destinations.settings_store import seal_settings
from privacy.custom_matchers import MatcherAnswers, create_matcher
from privacy.models import InventoryField, Regulation, SuppressedUser
from privacy.regulations import request_regulation
from tests.factories import invitation, member, support_staff
from tests.privacy.observing import field as field_named
from tests.privacy.observing import observe, track
from workspaces.models import Label, Source, User, Workspace
from workspaces.sources import add_source

# Who asks, in the order of the columns below.
PERSONAS = (
    "signed out",
    "outsider",
    "member",
    "auditor",
    "privacy_admin",
    "source_read_only",
    "source_admin",
    "owner",
    "support",
)
SIGN_IN = 302  # sent to the sign-in page
Statuses = tuple[int, ...]


@dataclass(frozen=True)
class World:
    """What the routes' arguments are taken from."""

    workspace: Workspace
    source: Source
    destination: Destination
    draft: Draft


Arguments = Callable[[World], dict[str, object]]


def in_workspace(world: World) -> dict[str, object]:
    return {"workspace_slug": world.workspace.slug}


def of_source(world: World) -> dict[str, object]:
    return {**in_workspace(world), "source_slug": world.source.slug}


def of_no_event(world: World) -> dict[str, object]:
    return {**of_source(world), "key": "0-1-0"}


def of_destination(world: World) -> dict[str, object]:
    return {**in_workspace(world), "destination_id": world.destination.pk}


def of_filter(world: World) -> dict[str, object]:
    answers = {"action": "drop", "join": "every"}
    made = Filter.objects.create(destination=world.destination, name="Nothing", answers=answers)
    return {**of_destination(world), "filter_id": made.pk}


def of_replay(world: World) -> dict[str, object]:
    made = Replay.objects.filter(destination=world.destination).first() or Replay.objects.create(
        workspace=world.workspace,
        destination=world.destination,
        asked_by=world.workspace.members.get(name="Alice"),
        since=world.source.created_at,
        until=world.source.created_at,
    )
    return {**of_destination(world), "replay_id": made.pk}


def of_draft(world: World) -> dict[str, object]:
    return {**in_workspace(world), "draft_id": world.draft.pk}


def of_member(world: World) -> dict[str, object]:
    return {**in_workspace(world), "membership_id": world.workspace.memberships.get(user__name="Alice").pk}


def of_invitation(world: World) -> dict[str, object]:
    return {**in_workspace(world), "invitation_id": invitation(world.workspace).pk}


def of_label(world: World) -> dict[str, object]:
    return {**in_workspace(world), "label_id": Label.objects.create(workspace=world.workspace, key="a", value="b").pk}


def of_observed_field(world: World) -> dict[str, object]:
    observe(world.source, track(ssn="078-05-1120"))
    return {**in_workspace(world), "field_id": field_named("ssn").pk}


def of_inventory_field(world: World) -> dict[str, object]:
    entry = InventoryField.objects.create(workspace=world.workspace, name="patient_mrn", classification="yellow")
    return {**in_workspace(world), "field_id": entry.pk}


def of_matcher(world: World) -> dict[str, object]:
    alice = User.objects.get(name="Alice")
    matcher = create_matcher(world.workspace, MatcherAnswers("chart number"), actor=alice)
    return {**in_workspace(world), "matcher_id": matcher.pk}


def of_default_matcher(world: World) -> dict[str, object]:
    return {**in_workspace(world), "slug": "credit-card"}


def by_source_id(world: World) -> dict[str, object]:
    return {**in_workspace(world), "source_id": world.source.pk}


def suppression(world: World) -> Regulation:
    alice = world.workspace.memberships.get(user__name="Alice").user
    asked = Regulation.Type.SUPPRESS_ONLY
    return request_regulation(world.workspace, regulation_type=asked, user_id="patient-1", actor=alice)


def of_regulation(world: World) -> dict[str, object]:
    return {**in_workspace(world), "regulation_id": suppression(world).pk}


def of_upload(world: World) -> dict[str, object]:
    made = suppression(world)
    Regulation.objects.filter(pk=made.pk).update(upload=made.pk)
    return {**in_workspace(world), "upload_id": made.pk}


def of_suppressed_user(world: World) -> dict[str, object]:
    suppression(world)
    return {**in_workspace(world), "row_id": SuppressedUser.objects.get().pk}


def of_audit_row(world: World) -> dict[str, object]:
    row = AuditRow.objects.create(workspace_id=str(world.workspace.pk), event_type="Source Viewed")
    return {**in_workspace(world), "row_id": row.pk}


def of_no_download(world: World) -> dict[str, object]:
    return {**in_workspace(world), "download_id": uuid.uuid4()}


def with_unknown_secret(world: World) -> dict[str, object]:
    return {"secret": "nothing-of-that-name"}


def with_kind(kind: str) -> Arguments:
    return lambda world: {**in_workspace(world), "kind": kind}


def nothing(world: World) -> dict[str, object]:
    return {}


def everyone(status: int) -> Statuses:
    return (status,) * len(PERSONAS)


def signed_in(status: int = 200) -> Statuses:
    return (SIGN_IN, *(status,) * (len(PERSONAS) - 1))


def only(status: int, *personas: str) -> Statuses:
    """`status` for these; the other members are refused, outsiders told nothing."""
    assert set(personas) <= set(PERSONAS)
    return (SIGN_IN, 404, *(status if persona in personas else 403 for persona in PERSONAS[2:]))


def members(status: int = 200) -> Statuses:
    return only(status, *PERSONAS[2:])


def insiders(status: int = 200) -> Statuses:
    return only(status, "privacy_admin", "source_read_only", "source_admin", "owner", "support")


def readers(status: int = 200) -> Statuses:
    return only(status, "source_read_only", "source_admin", "owner", "support")


def editors(status: int = 200) -> Statuses:
    return only(status, "source_admin", "owner", "support")


def owners(status: int = 200) -> Statuses:
    return only(status, "owner", "support")


def managers(status: int = 200) -> Statuses:
    return only(status, "owner")


def privacy_admins(status: int = 200) -> Statuses:
    return only(status, "privacy_admin", "owner", "support")


def auditors(status: int = 200) -> Statuses:
    return only(status, "auditor", "owner", "support")


@dataclass(frozen=True)
class Route:
    """The answers of one route, a column for each persona. POST sends an empty form unless `data` says otherwise."""

    name: str
    get: Statuses
    post: Statuses
    arguments: Arguments = nothing
    data: dict[str, str] = field(default_factory=dict)


NO_POST = members(405)
NO_GET = members(405)
# A draft of the wizard belongs to Alice alone: for the other owners it is not there.
OF_ANOTHER = editors(404)
ACCESS = [
    # Inside a workspace
    Route("home", members(), NO_POST, in_workspace),
    Route("sources", readers(), NO_POST, in_workspace),
    Route("source_catalog", readers(), NO_POST, in_workspace),
    Route("source_kind", readers(), NO_POST, with_kind("ios")),
    Route("source_add", editors(), editors(), with_kind("ios")),
    Route("source_overview", readers(), NO_POST, of_source),
    Route("source_debugger", readers(), readers(), of_source),
    Route("source_debugger_new", readers(204), readers(204), of_source),
    Route("source_debugger_pretty", readers(404), NO_POST, of_no_event),
    Route("source_debugger_raw", readers(404), NO_POST, of_no_event),
    Route("source_settings", readers(), editors(302), of_source, {"name": "Patient portal"}),
    Route("source_labels", NO_GET, owners(302), of_source),
    Route("members", managers(), NO_POST, in_workspace),
    Route("members_csv", managers(), NO_POST, in_workspace),
    Route("member", managers(), managers(302), of_member, {"level": "owner"}),
    Route("member_remove", managers(), managers(302), of_member),
    Route("invite", managers(), managers(), in_workspace),
    Route("invitations", managers(), NO_POST, in_workspace),
    Route("invitation", managers(), NO_POST, of_invitation),
    Route("invitation_resend", NO_GET, managers(302), of_invitation),
    Route("invitation_revoke", NO_GET, managers(302), of_invitation),
    Route("labels", insiders(), owners(), in_workspace),
    Route("label_delete", NO_GET, owners(302), of_label),
    Route("who_can_do_what", members(), NO_POST, in_workspace),
    Route("settings_basic", insiders(), owners(302), in_workspace, {"name": "Acme Health", "slug": "acme-health"}),
    Route("support_access", managers(), managers(302), in_workspace, {"hours": "24", "reason": "Ticket 4711"}),
    Route("support_access_revoke", NO_GET, managers(302), in_workspace),
    Route("settings_eligible_products", insiders(), NO_POST, in_workspace),
    Route("settings_architecting", insiders(), NO_POST, in_workspace),
    Route("destinations", readers(), NO_POST, in_workspace),
    Route("decryptor_kit", readers(), NO_POST, in_workspace),
    Route("destination_catalog", readers(), NO_POST, in_workspace),
    Route("storage_catalog", readers(), NO_POST, in_workspace),
    Route("destination_kind", readers(), NO_POST, with_kind("webhooks")),
    Route("setup_start", members(302), editors(302), with_kind("webhooks")),
    Route("setup_source", OF_ANOTHER, OF_ANOTHER, of_draft),
    Route("setup_settings", OF_ANOTHER, OF_ANOTHER, of_draft),
    Route("setup_answers", NO_POST, OF_ANOTHER, of_draft),
    Route("setup_preview", NO_GET, OF_ANOTHER, of_draft),
    Route("setup_keys", members(410), OF_ANOTHER, of_draft),
    Route("setup_proof", NO_GET, OF_ANOTHER, of_draft),
    Route("destination", members(302), NO_POST, of_destination),
    Route("destination_overview", readers(), NO_POST, of_destination),
    Route("destination_delivery", readers(), NO_POST, of_destination),
    Route("undelivered", readers(), NO_POST, of_destination),
    Route("undelivered_send", NO_GET, editors(302), of_destination),
    Route("replays", readers(), editors(), of_destination),
    Route("replays_progress", readers(), NO_POST, of_destination),
    Route("replay_cancel", NO_GET, editors(302), of_replay),
    Route("destination_discard", readers(404), NO_POST, of_destination),
    Route("destination_delivery_issue", readers(404), NO_POST, of_destination),
    Route("destination_encryption", readers(), editors(), of_destination),
    Route("encryption_keys", members(410), editors(), of_destination),
    Route("encryption_proof", NO_GET, editors(), of_destination),
    Route("encryption_off", NO_GET, editors(302), of_destination),
    Route("destination_preview", readers(), readers(), of_destination),
    Route("destination_tester", editors(), editors(), of_destination),
    Route("destination_filters", readers(), NO_POST, of_destination),
    Route("destination_filter_new", editors(), editors(), of_destination),
    Route("destination_filter", editors(), editors(), of_filter),
    Route("destination_filter_delete", editors(), editors(302), of_filter),
    Route("destination_settings", readers(), editors(), of_destination),
    Route("destination_copy", editors(), editors(), of_destination),
    Route("destination_delete", editors(), editors(), of_destination),
    Route("privacy_home", owners(), NO_POST, in_workspace),
    Route("privacy_inbox", owners(), NO_POST, in_workspace),
    Route("privacy_inbox_new", owners(204), NO_POST, in_workspace),
    Route("privacy_inbox_choose", NO_GET, owners(302), in_workspace),
    Route("privacy_inbox_add", NO_GET, owners(302), in_workspace),
    Route("privacy_inbox_field", owners(), NO_POST, of_observed_field),
    Route("privacy_inbox_sample", owners(), NO_POST, of_observed_field),
    Route("privacy_inventory", owners(), NO_POST, in_workspace),
    Route("privacy_inventory_csv", owners(), NO_POST, in_workspace),
    Route("privacy_inventory_field", owners(), NO_POST, of_inventory_field),
    Route("privacy_inventory_field_csv", owners(), NO_POST, of_inventory_field),
    Route("privacy_inventory_classify", NO_GET, owners(302), of_inventory_field, {"colour": "red"}),
    Route("privacy_inventory_events", owners(), NO_POST, of_inventory_field),
    Route("privacy_inventory_destinations", owners(), NO_POST, of_inventory_field),
    Route("privacy_inventory_access", owners(), NO_POST, of_inventory_field),
    Route("privacy_inventory_history", owners(), NO_POST, of_inventory_field),
    Route("privacy_explain", owners(404), NO_POST, in_workspace),
    Route("privacy_explain_field", owners(), NO_POST, of_observed_field),
    Route("privacy_detection", owners(), NO_POST, in_workspace),
    Route("privacy_matcher_new", owners(), owners(), in_workspace),
    Route("privacy_matcher_trial", NO_GET, owners(), in_workspace),
    Route("privacy_default_matcher", owners(), NO_POST, of_default_matcher),
    Route("privacy_matcher", owners(), NO_POST, of_matcher),
    Route("privacy_matcher_edit", owners(), owners(), of_matcher),
    Route("privacy_matcher_delete", owners(), owners(302), of_matcher),
    Route("privacy_settings", privacy_admins(302), NO_POST, in_workspace),
    Route("privacy_alerts", owners(), owners(302), in_workspace, {"part": "slack"}),
    Route("privacy_alerts_state", owners(), NO_POST, in_workspace),
    Route("privacy_alert_test", NO_GET, owners(302), in_workspace, {"channel": "slack"}),
    Route("privacy_controls", owners(), NO_POST, in_workspace),
    Route("privacy_controls_source", owners(), NO_POST, by_source_id),
    Route("privacy_controls_switch", NO_GET, owners(302), by_source_id, {"block": "1"}),
    Route("privacy_deletions", privacy_admins(), privacy_admins(), in_workspace),
    Route("privacy_deletion_new", privacy_admins(), privacy_admins(), in_workspace),
    Route("privacy_deletions_progress", privacy_admins(), NO_POST, in_workspace),
    Route("privacy_deletion", privacy_admins(), NO_POST, of_regulation),
    Route("privacy_deletion_file", privacy_admins(), NO_POST, of_upload),
    Route("privacy_retention", owners(), owners(302), in_workspace, {"days": "90"}),
    Route("privacy_suppressed", privacy_admins(), privacy_admins(302), in_workspace, {"user_id": "patient-2"}),
    Route("privacy_suppressed_remove", NO_GET, privacy_admins(302), of_suppressed_user),
    Route("audit_log", auditors(), auditors(302), in_workspace),
    Route("audit_log_csv", auditors(), NO_POST, in_workspace),
    Route("audit_evidence", auditors(), NO_POST, in_workspace),
    Route("audit_log_ndjson", auditors(), NO_POST, in_workspace),
    Route("audit_row", auditors(), NO_POST, of_audit_row),
    Route("audit_row_proof", auditors(), NO_POST, of_audit_row),
    Route("audit_download", auditors(), NO_POST, of_no_download),
    Route("audit_download_cancel", NO_GET, auditors(), of_no_download),
    Route("audit_log_new", auditors(204), NO_POST, in_workspace),
    Route("audit_trail", auditors(), auditors(302), in_workspace),
    Route("audit_retention", auditors(), managers(302), in_workspace, {"action": "place", "reason": "Matter 7"}),
    Route("audit_coverage", auditors(), NO_POST, in_workspace),
    # Outside
    Route("root", signed_in(302), everyone(405)),
    Route("workspaces", signed_in(), everyone(405)),
    Route("goto_my_workspace", signed_in(302), everyone(405)),
    Route("accept_invitation", everyone(404), everyone(404), with_unknown_secret),
    Route("session_left", signed_in(), everyone(405)),
    Route("session_stay", everyone(405), signed_in()),
    Route("user_profile", signed_in(), signed_in(302), data={"name": "Dora"}),
    Route("user_sessions", signed_in(), everyone(405)),
    Route("user_session_end", everyone(405), signed_in(302), data={"session": "0"}),
    Route("user_sessions_end_others", everyone(405), signed_in(302)),
    Route("decrypt", everyone(200), everyone(405)),
    Route("healthz", everyone(200), everyone(405)),
    Route("readyz", everyone(200), everyone(405)),
]

# A person's own account: the same for every persona, so signed out and signed in, GET and POST of an empty form. What
# the answers hold is tested in tests/workspaces (sign-in, second factors, passwords, account pages).
Answers = tuple[int, int]
ACCOUNT: dict[str, tuple[Answers, Answers]] = {
    "account_login": ((200, 200), (302, 302)),
    "account_sign_in_link": ((410, 410), (410, 410)),
    "mfa_authenticate": ((302, 302), (302, 302)),
    "mfa_login_webauthn": ((302, 302), (302, 302)),
    "account_logout": ((302, 302), (200, 302)),
    "account_inactive": ((200, 405), (200, 405)),
    "account_signup": ((200, 200), (302, 302)),
    "account_reauthenticate": ((302, 302), (200, 200)),
    "mfa_reauthenticate": ((302, 302), (200, 200)),
    "mfa_reauthenticate_webauthn": ((302, 302), (302, 302)),
    "mfa_index": ((302, 405), (200, 405)),
    "mfa_activate_totp": ((302, 302), (302, 302)),
    "mfa_deactivate_totp": ((302, 302), (200, 302)),
    "mfa_view_recovery_codes": ((302, 302), (302, 405)),
    "mfa_generate_recovery_codes": ((302, 302), (200, 302)),
    "mfa_add_webauthn": ((302, 302), (200, 200)),
    "mfa_remove_webauthn": ((302, 302), (404, 404)),
    "mfa_edit_webauthn": ((302, 302), (404, 404)),
    "account_email_verification_sent": ((200, 405), (200, 405)),
    "account_confirm_email": ((200, 404), (200, 404)),
    "account_change_password": ((302, 302), (200, 200)),
    "account_set_password": ((302, 302), (302, 302)),
    "account_reset_password": ((200, 200), (200, 200)),
    "account_reset_password_done": ((200, 405), (200, 405)),
    "account_reset_password_from_key": ((200, 200), (200, 200)),
    "account_reset_password_from_key_done": ((200, 405), (200, 405)),
}
ACCOUNT_ARGUMENTS: dict[str, dict[str, object]] = {
    "account_sign_in_link": {"secret": "unknown"},
    "account_confirm_email": {"key": "unknown"},
    "account_reset_password_from_key": {"uidb36": "1", "key": "unknown"},
    "mfa_remove_webauthn": {"pk": 1},
    "mfa_edit_webauthn": {"pk": 1},
}
# Django admin: for support staff alone, below and in tests/workspaces/test_admin_site.py.
ELSEWHERE = ("admin:",)


@pytest.fixture
def world(workspace: Workspace, alice: User) -> World:
    source = add_source(workspace, kind="javascript", name="Patient portal", actor=alice)
    destination = Destination(workspace=workspace, source=source, kind="webhooks", name="Care team")
    destination.sealed_settings = seal_settings({"url": "https://example.com/"}, owner_id=destination.pk)
    destination.save()
    return World(workspace, source, destination, drafts.start("webhooks", actor=alice, workspace=workspace))


@pytest.fixture
def visitor(client: Client, workspace: Workspace, charlie: User, request: pytest.FixtureRequest) -> Client:
    """A browser of the persona the test is about."""
    persona: str = request.param
    if persona == "outsider":
        client.force_login(charlie)
    elif persona == "support":
        client.force_login(support_staff(workspace))
    elif persona != "signed out":
        client.force_login(member(workspace, "dora", "" if persona == "member" else persona))
    return client


@pytest.mark.parametrize("visitor", PERSONAS, indirect=True)
@pytest.mark.parametrize("route", ACCESS, ids=lambda route: route.name)
def test_each_persona_gets_the_answer_of_the_table(
    visitor: Client, route: Route, world: World, request: pytest.FixtureRequest
) -> None:
    column = PERSONAS.index(request.node.callspec.params["visitor"])
    url = reverse(route.name, kwargs=route.arguments(world))
    assert visitor.get(url).status_code == route.get[column]
    assert visitor.head(url).status_code == route.get[column]
    assert visitor.post(url, route.data).status_code == route.post[column]


def names(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for each in patterns:
        if isinstance(each, URLResolver):
            inside = f"{prefix}{each.namespace}:" if each.namespace else prefix
            yield from names(each.url_patterns, inside)
        else:
            yield f"{prefix}{each.name or each.pattern}"


@pytest.mark.parametrize("visitor", PERSONAS, indirect=True)
def test_everybody_meets_their_own_account_alone(visitor: Client, request: pytest.FixtureRequest) -> None:
    signed_in_now = request.node.callspec.params["visitor"] != "signed out"
    found, cookies = {}, visitor.cookies.output()
    for name in ACCOUNT:
        url = reverse(name, kwargs=ACCOUNT_ARGUMENTS.get(name, {}))
        found[name] = []
        for method in ("get", "post"):
            client = Client()
            if cookies:  # a browser of its own for each, since some answers end the session
                client.force_login(User.objects.get(pk=visitor.session["_auth_user_id"]))
            found[name].append(getattr(client, method)(url).status_code)
    assert found == {name: list(answers[signed_in_now]) for name, answers in ACCOUNT.items()}


def test_no_route_is_missing_from_the_table() -> None:
    told = {route.name for route in ACCESS} | set(ACCOUNT)
    there = {name for name in names(get_resolver().url_patterns) if not name.startswith(ELSEWHERE)}
    assert there == told


def test_no_route_is_missing_from_the_audit_coverage() -> None:
    assert unknown_routes() == []  # one line in audit/coverage.py: what PHI it can show, which event it writes


@pytest.mark.parametrize("visitor", PERSONAS[:-1], indirect=True)
def test_nobody_of_them_is_support_staff(visitor: Client, request: pytest.FixtureRequest) -> None:
    persona = request.node.callspec.params["visitor"]
    for name in (
        "index",
        "workspaces_workspace_changelist",
        "audit_auditrow_changelist",
        "destinations_delivery_changelist",
    ):
        response = visitor.get(reverse(f"admin:{name}"), follow=persona != "signed out")
        assert response.status_code == (SIGN_IN if persona == "signed out" else 403)
