"""Roots and proofs against the definition in RFC 6962 written out, and against published vectors."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.proof.merkle import around, consistency_path, inclusion_path, range_root
from audit.proof.verifier import (
    Frontier,
    Untrue,
    check_consistency,
    check_inclusion,
    leaf_hash,
    node_hash,
    pieces,
)

# The reference leaves of Certificate Transparency's own tests, and the roots of the first n of them.
LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243")]
LEAVES += [bytes.fromhex("5051525354555657"), bytes.fromhex("606162636465666768696a6b6c6d6e6f")]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
HASHES = [hashlib.sha256(str(n).encode()).digest() for n in range(150)]


def naive(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 defines it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(naive(leaves[:k]), naive(leaves[k:]))


def node(level: int, index: int) -> bytes:
    return naive(HASHES[index << level : (index + 1) << level])


@pytest.mark.parametrize("size", range(9))
def test_published_roots(size: int) -> None:
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.add(leaf_hash(leaf))
    assert frontier.root().hex() == ROOTS[size]


def test_roots_of_every_size() -> None:
    frontier = Frontier()
    for size, leaf in enumerate(HASHES):
        assert frontier.root() == naive(HASHES[:size]) == range_root(node, 0, size)
        frontier.add(leaf)


@given(st.data())
def test_every_row_can_be_proved_and_no_other(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 150))
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, 149).filter(lambda n: n != index))
    path, root = inclusion_path(node, index, size), naive(HASHES[:size])
    assert len(path) <= max(size - 1, 0).bit_length()
    check_inclusion(HASHES[index], index, size, path, root)
    for wrong in (
        (HASHES[other], index, size, path, root),
        (HASHES[index], other, size, path, root),
        (HASHES[index], index, size, [*path, root], root),
        (HASHES[index], index, size, path, HASHES[other]),
    ):
        with pytest.raises(Untrue):
            check_inclusion(*wrong)


@given(st.integers(0, 150), st.integers(0, 150))
def test_a_tree_that_only_grew_is_consistent(one: int, other: int) -> None:
    old, new = sorted((one, other))
    path = consistency_path(node, old, new)
    assert len(path) <= new.bit_length() + 1
    old_root, new_root = naive(HASHES[:old]), naive(HASHES[:new])
    check_consistency(old, old_root, new, new_root, path)
    if 0 < old < new:
        changed = naive([HASHES[0], *HASHES[:old]][:old][::-1] if old > 1 else [HASHES[9]])
        for wrong in ((old, changed, new, new_root, path), (old, old_root, new, old_root, path)):
            with pytest.raises(Untrue):
                check_consistency(*wrong)


@given(st.data())
def test_a_range_makes_the_root_with_what_stands_around_it(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 150))
    first, end = sorted((data.draw(st.integers(0, size)), data.draw(st.integers(0, size))))
    left, right = around(node, first, end, size)
    frontier = Frontier()
    for (level, _), each in zip(pieces(0, first), left, strict=True):
        frontier.add(each, level)
    for leaf in HASHES[first:end]:
        frontier.add(leaf)
    for (level, _), each in zip(pieces(end, size), right, strict=True):
        frontier.add(each, level)
    assert frontier.root() == naive(HASHES[:size])
    assert len(left) + len(right) <= 2 * size.bit_length()


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 2)])
def test_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_path(node, index, size)
    with pytest.raises(Untrue, match="cannot be in"):
        check_inclusion(HASHES[0], index, size, [], HASHES[0])


def test_a_tree_does_not_shrink() -> None:
    with pytest.raises(ValueError, match="cannot grow"):
        consistency_path(node, 4, 3)
