"""What one person may do in one workspace, as it stands now. Outsiders get 404, insiders without the right 403."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, Q
from django.http import Http404

from workspaces.models import Label, Membership, Source, SourceLabel, SupportAccess, User, Workspace
from workspaces.roles import ABOUT_SOURCES, MEMBER_RIGHTS, OF_ALL_SOURCES, RIGHTS, SUPPORT_RIGHTS, Right, Role, Scope
from workspaces.support_leave import leave_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

__all__ = [
    "Access",
    "Right",
    "Role",
    "access_of",
    "everyone",
    "has_hipaa_access",
    "lock_with_right",
    "require_right",
    "visible_sources",
]

SourceId = uuid.UUID


@dataclass(frozen=True, slots=True)
class Access:
    """A person's rights. Those in `everywhere` hold for all sources; `on_sources` says where further ones hold."""

    everywhere: frozenset[Right] = frozenset()
    on_sources: Mapping[Right, frozenset[SourceId]] = field(default_factory=dict)
    leave: SupportAccess | None = None  # by which an owner has let support staff in for a time

    @property
    def as_support(self) -> bool:
        """Whether they are support staff and no member."""
        return self.leave is not None

    def may(self, right: Right, source_id: SourceId | None = None) -> bool:
        """Whether they may; of a right about sources: on this one, or, where none is named, on any at all."""
        if right in self.everywhere:
            return True
        sources = self.on_sources.get(right, frozenset())
        return bool(sources) if source_id is None else source_id in sources

    @property
    def rights(self) -> frozenset[Right]:
        """Every right they have somewhere."""
        return self.everywhere | {right for right, sources in self.on_sources.items() if sources}

    def rights_on(self, source_id: SourceId) -> frozenset[Right]:
        """Every right they have on this source; those that are about no source among them."""
        return self.everywhere | {right for right, sources in self.on_sources.items() if source_id in sources}

    def __bool__(self) -> bool:
        return bool(self.everywhere)


NOBODY = Access()


def access_of(user: User, workspace: Workspace) -> Access:
    """The person's rights in the workspace; empty for an outsider. Read anew each time: a change works at once."""
    mine = Membership.objects.filter(user_id=user.pk, workspace=workspace, user__is_active=True)
    # A member without any role is one row of nulls; an outsider is none.
    rows: list[tuple[Any, ...]] = list(mine.values_list("grants__pk", "grants__role", "grants__scope"))
    if rows:
        given = [_Given(pk, Role(role), Scope(scope)) for pk, role, scope in rows if pk is not None]
        return _of_grants(given, workspace)
    leave = leave_of(user, workspace)
    return Access(SUPPORT_RIGHTS, leave=leave) if leave else NOBODY


class Insider(NamedTuple):
    """A member who can sign in: their roles in the order they were given, and what these let them do."""

    membership: Membership
    roles: tuple[Role, ...]
    access: Access


def everyone(workspace: Workspace) -> list[Insider]:
    """Every member who can sign in, by address. Two queries, however many there are."""
    labelled: defaultdict[SourceId, set[uuid.UUID]] = defaultdict(set)
    for source, label in SourceLabel.objects.filter(source__workspace=workspace).values_list("source", "label"):
        labelled[source].add(label)
    members = workspace.memberships.filter(user__is_active=True).select_related("user")
    # A row for each source and label that a grant names; a member without any role is one row.
    facts = {f"grant_{name}": F(f"grants__{name}") for name in ("pk", "role", "scope", "sources", "labels")}
    by_member = groupby(members.annotate(**facts).order_by("user__email", "pk", "grants__pk"), key=attrgetter("pk"))
    return [_insider(list(rows), workspace, labelled) for _, rows in by_member]


def _insider(rows: list[Any], workspace: Workspace, labelled: Mapping[SourceId, set[uuid.UUID]]) -> Insider:
    """From a member's rows, annotated with one grant, source and label each."""
    granted = [row for row in rows if row.grant_pk]
    given = {row.grant_pk: _Given(row.grant_pk, Role(row.grant_role), Scope(row.grant_scope)) for row in granted}

    def reach(grant: _Given, _: Workspace) -> set[SourceId]:
        mine = [row for row in granted if row.grant_pk == grant.pk]
        if grant.scope == Scope.CHOSEN:
            return {row.grant_sources for row in mine if row.grant_sources}
        wanted = {row.grant_labels for row in mine if row.grant_labels}
        return {source for source, carried in labelled.items() if wanted and wanted <= carried}

    access = _of_grants(given.values(), workspace, reach)
    return Insider(rows[0], tuple(grant.role for grant in given.values()), access)


def require_right(actor: User, workspace: Workspace, right: Right, *, source: Source | None = None) -> Access:
    """The actor's rights, where `right` is among them.

    Raises Http404 for an outsider, and for an insider asked about a source they may not even see; PermissionDenied for
    an insider without the right.
    """
    access = access_of(actor, workspace)
    if not access:
        raise Http404("no such workspace")
    source_id = source.pk if source is not None else None
    if access.may(right, source_id):
        return access
    if source_id is not None and access.may(Right.VIEW_SOURCES) and not access.may(Right.VIEW_SOURCES, source_id):
        raise Http404("no such source")
    raise PermissionDenied(right.phrase)


def lock_with_right(actor: User, workspace: Workspace, right: Right) -> Workspace:
    """The workspace, locked until the transaction ends, where the actor has `right` then; raises as `require_right`.

    Asked under the lock: whoever waits for it may lose the right to the one who holds it.
    """
    locked = Workspace.objects.select_for_update().get(pk=workspace.pk)
    require_right(actor, locked, right)
    return locked


def visible_sources(access: Access, workspace: Workspace, right: Right = Right.VIEW_SOURCES) -> QuerySet[Source]:
    """The workspace's sources on which the person has `right`."""
    return workspace.sources.filter(within(access, right, "pk"))


def within(access: Access, right: Right, source_field: str) -> Q:
    """A condition for any table: its `source_field` names a source on which the person has `right`."""
    if right in access.everywhere:
        return Q()
    return Q(**{f"{source_field}__in": access.on_sources.get(right, frozenset())})


def has_hipaa_access(user: User, workspaces: Iterable[Workspace] | None = None) -> bool:
    """Whether the person is under the 15-minute rule, everywhere: staff, and members of a workspace bound by a BAA.

    `workspaces` are theirs, where they have been read already.
    """
    theirs = user.workspaces.all() if workspaces is None else workspaces
    return user.is_staff or any(workspace.is_bound_by_hipaa for workspace in theirs)


class _Given(NamedTuple):
    """A grant as it was read."""

    pk: int
    role: Role
    scope: Scope


def _reach(grant: _Given, workspace: Workspace) -> set[SourceId]:
    """The sources a narrowed grant covers today."""
    if grant.scope == Scope.CHOSEN:
        return set(workspace.sources.filter(given_by=grant.pk).values_list("pk", flat=True))
    return _with_all(workspace, Label.objects.filter(given_by=grant.pk).values_list("pk", flat=True))


def _of_grants(
    grants: Iterable[_Given], workspace: Workspace, reach: Callable[[_Given, Workspace], set[SourceId]] = _reach
) -> Access:
    everywhere = set(MEMBER_RIGHTS)
    on_sources: defaultdict[Right, set[SourceId]] = defaultdict(set)
    for grant in grants:
        rights = RIGHTS.get(grant.role, frozenset())
        if grant.scope == Scope.ALL:
            everywhere |= rights
            continue
        everywhere |= rights - ABOUT_SOURCES - OF_ALL_SOURCES
        reached = reach(grant, workspace)
        for right in rights & ABOUT_SOURCES:
            on_sources[right] |= reached
    return Access(frozenset(everywhere), {right: frozenset(sources) for right, sources in on_sources.items()})


def _with_all(workspace: Workspace, labels: Iterable[uuid.UUID]) -> set[SourceId]:
    """Sources that carry every one of the labels (documented: several labels on one grant combine with AND)."""
    wanted = list(labels)
    if not wanted:
        return set()
    carried = SourceLabel.objects.filter(label__in=wanted, source__workspace=workspace).values("source")
    return set(carried.annotate(n=Count("label")).filter(n=len(wanted)).values_list("source", flat=True))
