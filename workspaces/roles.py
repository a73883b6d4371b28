"""Who may do what: the one table that verbs, navigation, pages and "Who can do what" are all derived from. Pure.

Roles are the documented ones and our Auditor. They add up: whoever holds several has the rights of each. Some rights
are about sources (and the destinations they feed) and reach as far as the role was given: all sources, chosen ones, or
those with certain labels.
"""

from __future__ import annotations

import enum

from django.db import models


class Role(models.TextChoices):
    """What a member can be given. A member without any is a Workspace Member, who may open the workspace."""

    OWNER = "owner", "Workspace Owner"
    SOURCE_ADMIN = "source_admin", "Source Admin"
    SOURCE_READ_ONLY = "source_read_only", "Source Read-only"
    PRIVACY_ADMIN = "privacy_admin", "End User Privacy Admin"
    PII_ACCESS = "pii_access", "PII Access"
    AUDITOR = "auditor", "Auditor"


class Scope(models.TextChoices):
    """How far a role about sources reaches."""

    ALL = "all", "All sources, future ones included"
    CHOSEN = "chosen", "Chosen sources"
    LABELS = "labels", "Sources with all of these labels"


# Documented, shown for a member who was given no role.
MEMBER = "Workspace Member"

SCOPED_ROLES = frozenset({Role.SOURCE_ADMIN, Role.SOURCE_READ_ONLY})

DESCRIPTIONS = {
    Role.OWNER: "Everything in this workspace, its members and their rights included.",
    Role.SOURCE_ADMIN: "Changes sources, their write keys and the destinations they feed.",
    Role.SOURCE_READ_ONLY: "Looks at sources and the destinations they feed, without write keys and credentials.",
    Role.PRIVACY_ADMIN: "Suppresses and deletes end users.",
    Role.PII_ACCESS: "Sees personal data unmasked, wherever another role opens the page.",
    Role.AUDITOR: "Reads and downloads the HIPAA audit log, nothing else.",
}


class Right(enum.Enum):
    """What can be done in a workspace, in the words of the page. Those about sources reach as far as their role."""

    OPEN_WORKSPACE = "Open the workspace"
    VIEW_SETTINGS = "View workspace settings"
    CHANGE_SETTINGS = "Change workspace settings"
    MANAGE_MEMBERS = "Invite and remove members, change their roles"
    MANAGE_LABELS = "Make labels and put them on sources"
    GRANT_SUPPORT_ACCESS = "Let support staff into the workspace"
    ADD_SOURCES = "Add sources"
    VIEW_SOURCES = "View sources"
    EDIT_SOURCES = "Change sources, see write keys"
    VIEW_DESTINATIONS = "View destinations and their deliveries"
    EDIT_DESTINATIONS = "Add and change destinations"
    GENERATE_KEYS = "Generate encryption keys and be shown the private key"
    SEE_PII = "See personal data unmasked"
    CLASSIFY_FIELDS = "Find and classify fields in the Privacy Portal"
    MANAGE_END_USERS = "Suppress and delete end users"
    VIEW_AUDIT_LOG = "View and download the HIPAA audit log"
    KEEP_AUDIT_LOG = "Set how long the HIPAA audit log is kept, place and release a legal hold"

    @property
    def phrase(self) -> str:
        """As it stands within a sentence."""
        return self.value[0].lower() + self.value[1:]


# Asked of one source, or of a destination by the source that feeds it.
ABOUT_SOURCES = frozenset(
    {
        Right.VIEW_SOURCES,
        Right.EDIT_SOURCES,
        Right.VIEW_DESTINATIONS,
        Right.EDIT_DESTINATIONS,
        Right.GENERATE_KEYS,
    }
)

# Had only by those whose role covers all sources, future ones included (documented).
OF_ALL_SOURCES = frozenset({Right.ADD_SOURCES})

MEMBER_RIGHTS = frozenset({Right.OPEN_WORKSPACE})

_READING = {Right.VIEW_SETTINGS, Right.VIEW_SOURCES, Right.VIEW_DESTINATIONS}
_EDITING = {Right.ADD_SOURCES, Right.EDIT_SOURCES, Right.EDIT_DESTINATIONS, Right.GENERATE_KEYS}

# Support staff whom an owner has let in act as an owner would (documented), but cannot let themselves stay or see PHI,
# nor be shown a private key, which is the customer's alone, nor say when rows of the audit log may go.
SUPPORT_RIGHTS = frozenset(Right) - {
    Right.MANAGE_MEMBERS,
    Right.GRANT_SUPPORT_ACCESS,
    Right.SEE_PII,
    Right.GENERATE_KEYS,
    Right.KEEP_AUDIT_LOG,
}

RIGHTS: dict[Role, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.SOURCE_ADMIN: frozenset(MEMBER_RIGHTS | _READING | _EDITING),
    Role.SOURCE_READ_ONLY: frozenset(MEMBER_RIGHTS | _READING),
    Role.PRIVACY_ADMIN: frozenset(MEMBER_RIGHTS | {Right.VIEW_SETTINGS, Right.MANAGE_END_USERS}),
    Role.PII_ACCESS: frozenset(MEMBER_RIGHTS | {Right.SEE_PII}),
    Role.AUDITOR: frozenset(MEMBER_RIGHTS | {Right.VIEW_AUDIT_LOG}),
}
