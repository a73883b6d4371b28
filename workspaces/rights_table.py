"""The table of rights as people read it: "Who can do what". Drawn from the same table the verbs ask."""

from __future__ import annotations

from dataclasses import dataclass

from workspaces.access import Access
from workspaces.roles import ABOUT_SOURCES, MEMBER, MEMBER_RIGHTS, OF_ALL_SOURCES, RIGHTS, SCOPED_ROLES, Right, Role

YES, REACH, ALL_ONLY, NO = "yes", "within reach", "if of all sources", "no"
COLUMNS = (MEMBER, *(role.label for role in Role))


@dataclass(frozen=True, slots=True)
class Row:
    """One right: what the viewer may (yes, no, or on how many sources), and what each role of `COLUMNS` may."""

    right: str
    mine: str
    cells: tuple[str, ...]


def rows(access: Access) -> list[Row]:
    """Every right in the order of the code."""
    return [Row(right.value, _mine(access, right), (_of_member(right), *_of_roles(right))) for right in Right]


def _of_roles(right: Right) -> tuple[str, ...]:
    """What each role may, in the order of the roles."""
    return tuple(_cell(role, right) for role in Role)


def _of_member(right: Right) -> str:
    return YES if right in MEMBER_RIGHTS else NO


def _cell(role: Role, right: Right) -> str:
    if right not in RIGHTS[role]:
        return NO
    if role in SCOPED_ROLES and right in ABOUT_SOURCES:
        return REACH
    return ALL_ONLY if role in SCOPED_ROLES and right in OF_ALL_SOURCES else YES


def _mine(access: Access, right: Right) -> str:
    if right in access.everywhere:
        return YES
    number = len(access.on_sources.get(right, ()))
    return f"on {number} source{'' if number == 1 else 's'}" if number else NO
