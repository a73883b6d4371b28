"""What a member is given: roles and how far they reach, as answers of a form, as an invitation keeps them, as rows."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from workspaces.models import Grant, Label, Membership, Source, Workspace
from workspaces.roles import RIGHTS, SCOPED_ROLES, Right, Role, Scope


@dataclass(frozen=True, slots=True)
class RoleGiven:
    """One role and its reach. Ids of sources or labels stand here only where the scope asks for them."""

    role: Role
    scope: Scope = Scope.ALL
    source_ids: frozenset[uuid.UUID] = frozenset()
    label_ids: frozenset[uuid.UUID] = frozenset()

    def as_json(self) -> dict[str, Any]:
        """What an invitation keeps."""
        return {
            "role": self.role.value,
            "scope": self.scope.value,
            "sources": sorted(map(str, self.source_ids)),
            "labels": sorted(map(str, self.label_ids)),
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> RoleGiven:
        """The role again."""
        return cls(
            Role(kept["role"]),
            Scope(kept["scope"]),
            frozenset(map(uuid.UUID, kept["sources"])),
            frozenset(map(uuid.UUID, kept["labels"])),
        )


def given_to(membership: Membership) -> list[RoleGiven]:
    """What the member has, in the order of the roles."""
    found = [_given(grant) for grant in membership.grants.prefetch_related("sources", "labels")]
    return sorted(found, key=lambda given: list(Role).index(given.role))


def opens_pii(before: Iterable[RoleGiven], after: Iterable[RoleGiven]) -> bool:
    """Whether a change from `before` to `after` lets somebody see personal data unmasked who could not until now."""
    return _sees_pii(after) and not _sees_pii(before)


def _sees_pii(roles: Iterable[RoleGiven]) -> bool:
    return any(Right.SEE_PII in RIGHTS[given.role] for given in roles)


def _given(grant: Grant) -> RoleGiven:
    sources = frozenset(source.pk for source in grant.sources.all())
    labels = frozenset(label.pk for label in grant.labels.all())
    return RoleGiven(Role(grant.role), Scope(grant.scope), sources, labels)


def check(workspace: Workspace, roles: Sequence[RoleGiven]) -> None:
    """Raise ValidationError, by the role's name, where a reach is empty, of another workspace, or not for that role."""
    problems = {given.role.value: problem for given in roles if (problem := _problem(workspace, given))}
    if problems:
        raise ValidationError(problems)


def _problem(workspace: Workspace, given: RoleGiven) -> str:
    if given.scope is Scope.ALL:
        return ""
    if given.role not in SCOPED_ROLES:
        return f"{given.role.label} always covers the whole workspace."
    if given.scope is Scope.CHOSEN:
        return _missing(Source, workspace, given.source_ids, "Choose at least one source.")
    return _missing(Label, workspace, given.label_ids, "Choose at least one label.")


def _missing(model: type[Source | Label], workspace: Workspace, ids: frozenset[uuid.UUID], empty: str) -> str:
    if not ids:
        return empty
    known = model._default_manager.filter(workspace=workspace, pk__in=ids).count()
    return "" if known == len(ids) else "Choose from this workspace. Something chosen is no longer there."


def write(membership: Membership, roles: Iterable[RoleGiven]) -> None:
    """Give the member exactly these roles. Called by verbs, inside their transaction; they check and record."""
    membership.grants.all().delete()
    for given in roles:
        grant = Grant.objects.create(membership=membership, role=given.role, scope=given.scope)
        if given.scope is Scope.CHOSEN:
            grant.sources.set(Source.objects.filter(pk__in=given.source_ids))
        if given.scope is Scope.LABELS:
            grant.labels.set(Label.objects.filter(pk__in=given.label_ids))


def told(roles: Iterable[RoleGiven]) -> list[str]:
    """The roles as the audit log tells of them, names of sources and labels included."""
    return [_told(given) for given in roles]


def _told(given: RoleGiven) -> str:
    if given.scope is Scope.CHOSEN:
        names = Source.objects.filter(pk__in=given.source_ids).values_list("name", flat=True)
        return f"{given.role.label}: {', '.join(names)}"
    if given.scope is Scope.LABELS:
        return f"{given.role.label}: {', '.join(map(str, Label.objects.filter(pk__in=given.label_ids)))}"
    return given.role.label
