"""Proofs from a Merkle tree of any size (RFC 6962, section 2.1): each reads a logarithmic number of nodes."""

from __future__ import annotations

from collections.abc import Callable

from audit.proof.verifier import Frontier, inclusion_ranges, pieces

# The root of the complete subtree at a level (0: leaves) and index.
Node = Callable[[int, int], bytes]


def range_root(node: Node, first: int, end: int) -> bytes:
    """The root over the leaves from `first` to before `end`, where `first` is 0 or the start of a subtree that wide."""
    frontier = Frontier()
    for level, index in pieces(first, end):
        frontier.add(node(level, index), level)
    return frontier.root()


def inclusion_path(node: Node, index: int, size: int) -> list[bytes]:
    """The siblings on the way from a leaf to the root of the first `size` leaves, nearest first."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    return [range_root(node, first, end) for first, end in inclusion_ranges(index, size)]


def consistency_path(node: Node, old: int, new: int) -> list[bytes]:
    """What shows that a tree of `new` leaves begins with the one of `old` leaves (RFC 6962, section 2.1.2)."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} leaves cannot grow to {new}")
    if old in {0, new}:
        return []
    found: list[tuple[int, int]] = []
    first, end, whole = 0, new, True
    while old != end:
        middle = first + (1 << ((end - first - 1).bit_length() - 1))
        if old <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((first, middle))
            first, whole = middle, False
    own = [] if whole else [(first, end)]
    return [range_root(node, *each) for each in [*own, *reversed(found)]]


def around(node: Node, first: int, end: int, size: int) -> tuple[list[bytes], list[bytes]]:
    """The subtrees left and right of a range: with the range's own leaves they make the root of `size` leaves."""
    left = [node(level, index) for level, index in pieces(0, first)]
    return left, [node(level, index) for level, index in pieces(end, size)]
