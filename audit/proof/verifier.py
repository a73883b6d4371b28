"""Checks an evidence pack of the HIPAA audit log, offline. Needs Python 3.11 and `cryptography`, nothing else.

    python verify.py PACK.zip                      PASS, or FAIL with the first row that is not what was sealed
    python verify.py PACK.zip --key KEY            trust only this public key, which you have from elsewhere
    python verify.py PACK.zip --prove 17           print a short proof of row 17 alone
    python verify.py --proof PROOF.json --key KEY  check such a proof

Rows are the leaves of a Merkle tree (RFC 6962, section 2.1): a leaf is SHA-256 of a zero byte and the row's line in
`rows.ndjson` without its newline, a node SHA-256 of a one byte and its two children. Checkpoints are C2SP
`tlog-checkpoint` signed notes (Ed25519): origin, size, root, then `time` and `previous`, the SHA-256 of the text of the
checkpoint before. `leaves.txt` has each row's index, id, leaf and chain, where a chain is SHA-256 of a two byte, the
chain before (32 zero bytes at first) and the leaf. Chains name the exact row; what proves is the signed root.

Rows whose retention is over are gone from `rows.ndjson`; their leaves are not. A tombstone, a signed note too, stands
for them: origin, `tombstone` with first place and count, the root over all rows before its end, `ids` with the first
and last id and the SHA-256 of all ids' 16 bytes in their order, `written` with the first and last time, `kept` with the
years, `checkpoint` with the SHA-256 of the text of the one it was made under, `time`, and `previous` as above.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import contextlib
import hashlib
import json
import struct
import sys
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

EMPTY_ROOT = hashlib.sha256(b"").digest()
FIRST_CHAIN = bytes(32)
ED25519 = b"\x01"
SIGNATURE_START = "\N{EM DASH} "
LEAST_YEARS = 6  # for which no row may go (45 CFR 164.316(b)(2)(i))
LOCAL_HEADER = 30  # bytes of a ZIP member before its name
DESCRIPTOR = 24  # bytes that may follow one: less than any header takes
OUTSIDE = ("manifest.json", "manifest.note")  # the manifest names all other files
DAMAGE = (ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError)
BLOCK = 4096  # small, so that what stands before a damaged byte is read


class Untrue(Exception):
    """What was checked is not what was sealed; the message says what and where."""


def leaf_hash(line: bytes) -> bytes:
    """The leaf of a row's line (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\x00" + line).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The parent of two nodes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def chain_hash(before: bytes, leaf: bytes) -> bytes:
    """The chain after one more leaf."""
    return hashlib.sha256(b"\x02" + before + leaf).digest()


def pieces(first: int, end: int) -> Iterator[tuple[int, int]]:
    """The largest complete subtrees, as level and index, that together hold the leaves from `first` to before `end`."""
    while first < end:
        level = (end - first).bit_length() - 1
        if first:
            level = min(level, (first & -first).bit_length() - 1)
        yield level, first >> level
        first += 1 << level


class Frontier:
    """A tree that grows to the right: only the roots of its complete subtrees are kept."""

    def __init__(self) -> None:
        self._nodes: list[tuple[int, bytes]] = []

    def add(self, node: bytes, level: int = 0) -> list[tuple[int, bytes]]:
        """Append a leaf, or a complete subtree of 2**level leaves; what larger subtrees that completes."""
        completed = []
        while self._nodes and self._nodes[-1][0] == level:
            node = node_hash(self._nodes.pop()[1], node)
            level += 1
            completed.append((level, node))
        self._nodes.append((level, node))
        return completed

    def root(self) -> bytes:
        """The root of what was appended so far."""
        if not self._nodes:
            return EMPTY_ROOT
        root = self._nodes[-1][1]
        for _, node in reversed(self._nodes[:-1]):
            root = node_hash(node, root)
        return root


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Raise Untrue unless the path leads from the leaf to the root (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        raise Untrue(f"row {index} cannot be in a tree of {size}")
    here, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise Untrue("the path is too long")
        if here & 1 or here == last:
            found = node_hash(sibling, found)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        here, last = here >> 1, last >> 1
    if last or found != root:
        raise Untrue(f"row {index} is not what was sealed")


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Raise Untrue unless the first `old` leaves of both trees are the same (RFC 9162, section 2.1.4.2)."""
    if old in {0, new}:
        if old > new or path or old_root != (EMPTY_ROOT if old == 0 else new_root):
            raise Untrue(f"checkpoints of {old} and {new} rows do not agree")
        return
    hashes = [*([old_root] if not old & (old - 1) else []), *path]
    here, last = old - 1, new - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    if old > new or not hashes:
        raise Untrue(f"checkpoints of {old} and {new} rows do not agree")
    before = after = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise Untrue("the path is too long")
        if here & 1 or here == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        here, last = here >> 1, last >> 1
    if last or before != old_root or after != new_root:
        raise Untrue(f"checkpoints of {old} and {new} rows do not agree")


def key_id(name: str, public: bytes) -> bytes:
    """The four bytes that tell a key from others (C2SP signed-note)."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def public_key_line(name: str, public: bytes) -> str:
    """A public key as it is published: name, id and key (C2SP signed-note, verifier key)."""
    return f"{name}+{key_id(name, public).hex()}+{base64.b64encode(ED25519 + public).decode()}"


def read_public_key(line: str) -> tuple[str, bytes]:
    """Name and key of a published line; raises Untrue where it is none."""
    try:
        name, identity, encoded = line.strip().split("+", 2)
        decoded = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        raise Untrue(f"not a public key: {line[:80]}") from None
    public = decoded[1:]
    if decoded[:1] != ED25519 or len(public) != 32 or key_id(name, public).hex() != identity:  # noqa: PLR2004  (RFC 8032)
        raise Untrue(f"not an Ed25519 public key: {line[:80]}")
    return name, public


def open_own(note: str, keys: Iterable[tuple[str, bytes]]) -> str:
    """The text of a log's note, whose first line is that log's name; raises Untrue where its key has another name.

    A site may sign all its logs with one key, and the name on the signature's own line is not signed.
    """
    text, name = _opened(note, keys)
    origin = text.partition("\n")[0]
    if origin != name:
        raise Untrue(f"signed as {name}, and it is of {origin}")
    return text


def open_note(note: str, keys: Iterable[tuple[str, bytes]]) -> str:
    """The text of a signed note; raises Untrue unless one of `keys` signed it."""
    return _opened(note, keys)[0]


def _opened(note: str, keys: Iterable[tuple[str, bytes]]) -> tuple[str, str]:
    """The text and the name of the key that signed it."""
    text, gap, signatures = note.rpartition("\n\n")
    if not gap:
        raise Untrue("not a signed note")
    known = {(name, key_id(name, public)): public for name, public in keys}
    for line in signatures.splitlines():
        name, _, encoded = line.removeprefix(SIGNATURE_START).rpartition(" ")
        try:
            signature = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            raise Untrue("a signature is not base64") from None
        public = known.get((name, signature[:4]))
        if public is not None and line.startswith(SIGNATURE_START):
            try:
                Ed25519PublicKey.from_public_bytes(public).verify(signature[4:], f"{text}\n".encode())
            except InvalidSignature:
                raise Untrue("the signature does not fit the text") from None
            return f"{text}\n", name
    raise Untrue("signed by no key that is trusted here")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says. `previous` is the base64 SHA-256 of the text of the one before; empty for the first."""

    origin: str
    size: int
    root: bytes
    time: str
    previous: str
    text: str

    def text_hash(self) -> str:
        """What the next checkpoint has to name as its previous one."""
        return base64.b64encode(hashlib.sha256(self.text.encode()).digest()).decode()


def read_checkpoint(text: str) -> Checkpoint:
    """A checkpoint from the text of its note; raises Untrue where it is none."""
    try:
        origin, size, root, *more = text.removesuffix("\n").split("\n")
        told = dict(line.split(" ", 1) for line in more)
        read = Checkpoint(
            origin, int(size), base64.b64decode(root, validate=True), told["time"], told.get("previous", ""), text
        )
    except (ValueError, KeyError, binascii.Error):
        raise Untrue("not a checkpoint") from None
    if str(read.size) != size or read.size < 0:
        raise Untrue("not a checkpoint")
    return read


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What a tombstone says: `count` rows from place `first` on were removed at `time`, written until `latest`."""

    origin: str
    first: int
    count: int
    root: bytes
    ids: str
    earliest: str
    latest: str
    checkpoint: str
    time: str
    previous: str
    text: str

    @property
    def end(self) -> int:
        """The place behind its last row."""
        return self.first + self.count

    def text_hash(self) -> str:
        """What the next tombstone has to name as its previous one."""
        return base64.b64encode(hashlib.sha256(self.text.encode()).digest()).decode()


def read_tombstone(text: str) -> Tombstone:
    """A tombstone from the text of its note; raises Untrue where it is none, or removed rows before their time."""
    try:
        origin, kind, root, *more = text.removesuffix("\n").split("\n")
        told = dict(line.split(" ", 1) for line in more)
        word, first, count = kind.split(" ")
        earliest, latest = told["written"].split(" ")
        read = Tombstone(
            origin,
            int(first),
            int(count),
            base64.b64decode(root, validate=True),
            told["ids"].split(" ")[2],
            earliest,
            latest,
            told["checkpoint"],
            told["time"],
            told.get("previous", ""),
            text,
        )
        over = _six_years_after(datetime.fromisoformat(read.latest)) <= datetime.fromisoformat(read.time)
    except (ValueError, KeyError, IndexError, binascii.Error):
        raise Untrue("not a tombstone") from None
    if word != "tombstone" or read.first < 0 or read.count < 1:
        raise Untrue("not a tombstone")
    if not over:
        raise Untrue(f"row {read.first} or a later one before {read.end} was removed before its {LEAST_YEARS} years")
    return read


def _six_years_after(moment: datetime) -> datetime:
    try:
        return moment.replace(year=moment.year + LEAST_YEARS)
    except ValueError:  # the 29th of February
        return moment.replace(year=moment.year + LEAST_YEARS, day=28) + timedelta(days=1)


def check_tombstones(found: Sequence[Tombstone], origin: str) -> None:
    """Raise Untrue unless each tombstone is of this log and goes on where the one before it ends."""
    for before, stone in zip([None, *found], found, strict=False):
        follows = before is None or (stone.previous == before.text_hash() and stone.first == before.end)
        if stone.origin != origin or not follows:
            raise Untrue(f"the tombstone of {stone.time} does not follow the one before: one was removed or replaced")


@dataclass(slots=True)
class Purged:
    """The places that tombstones stand for, compared with them leaf by leaf from place `start` on."""

    stones: Sequence[Tombstone] = ()
    start: int = 0
    _at: int = 0
    _ids: Any = field(default_factory=hashlib.sha256)

    @property
    def end(self) -> int:
        """The first place whose row has to be there."""
        return self.stones[-1].end if self.stones else 0

    def stone_of(self, index: int) -> Tombstone:
        """The tombstone that stands for a place before `end`."""
        return next(stone for stone in self.stones if index < stone.end)

    def take(self, index: int, row_id: str, root: Callable[[], bytes]) -> None:
        """Note a leaf before `end`; raise Untrue where a tombstone ends with it and tells of other ids or another root.

        `root` gives the root over all leaves up to this one.
        """
        while self.stones[self._at].end <= index:
            self._at += 1
        stone = self.stones[self._at]
        self._ids.update(uuid.UUID(row_id).bytes)
        if index + 1 < stone.end:
            return
        ids, self._ids = base64.b64encode(self._ids.digest()).decode(), hashlib.sha256()
        if root() != stone.root or (stone.first >= self.start and ids != stone.ids):
            span = f"row {stone.first} or a later one before {stone.end}"
            raise Untrue(f"{span} is not what the tombstone of {stone.time} stands for")


@dataclass(slots=True)
class Pack:
    """An evidence pack that is open: its files by name."""

    archive: zipfile.ZipFile
    manifest: dict[str, Any] = field(default_factory=dict)

    def read(self, name: str) -> bytes:
        """A small file of the pack."""
        return b"".join(self.blocks(name))

    def blocks(self, name: str) -> Iterator[bytes]:
        """A file piece by piece, up to where it is damaged: the archive's own checksum would only say that it is."""
        told = self.info(name)
        with open(str(self.archive.filename), "rb") as raw:  # noqa: PTH123  (one import less to read)
            raw.seek(told.header_offset + sum(self.header(told)))
            stored = told.compress_type == zipfile.ZIP_STORED
            inflate, left = zlib.decompressobj(-15), told.compress_size
            while left and (block := raw.read(min(left, BLOCK))):
                left -= len(block)
                try:
                    yield block if stored else inflate.decompress(block)
                except zlib.error:
                    return

    def info(self, name: str) -> zipfile.ZipInfo:
        """What the archive's directory says of a file."""
        try:
            return self.archive.getinfo(name)
        except KeyError:
            raise Untrue(f"{name} is missing") from None

    def header(self, told: zipfile.ZipInfo) -> tuple[int, int, int]:
        """The bytes before a file's own: of its header, its name and what else stands there."""
        with open(str(self.archive.filename), "rb") as raw:  # noqa: PTH123  (one import less to read)
            raw.seek(told.header_offset)
            name_bytes, extra_bytes = struct.unpack("<HH", raw.read(LOCAL_HEADER)[26:30])
        return LOCAL_HEADER, name_bytes, extra_bytes

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a large file, without their ends; a last one without an end too."""
        rest = b""
        for block in self.blocks(name):
            *whole, rest = (rest + block).split(b"\n")
            yield from whole
        if rest:
            yield rest


def _manifest_of(pack: Pack, keys: Sequence[tuple[str, bytes]]) -> dict[str, Any]:
    """The manifest, once its own signature was checked."""
    raw = pack.read("manifest.json")
    told = open_own(pack.read("manifest.note").decode(), keys).splitlines()
    if told[1:] != ["manifest.json", base64.b64encode(hashlib.sha256(raw).digest()).decode()]:
        raise Untrue("manifest.json is not the one that was signed")
    manifest: dict[str, Any] = json.loads(raw)
    if told[0] != manifest["origin"]:
        raise Untrue("manifest.json tells of another log")
    return manifest


def _checkpoints_of(pack: Pack, keys: Sequence[tuple[str, bytes]]) -> list[Checkpoint]:
    """The pack's checkpoints, each signed, chained to the one before and consistent with it."""
    proofs = json.loads(pack.read("proofs.json"))["consistency"]
    found = [read_checkpoint(open_own(pack.read(name).decode(), keys)) for name in pack.manifest["checkpoints"]]
    if not found or len(proofs) != len(found) - 1:
        raise Untrue("checkpoints or their proofs are missing")
    for before, after, path in zip(found, found[1:], proofs, strict=False):
        if after.previous != before.text_hash():
            raise Untrue(f"the checkpoint of {after.time} does not follow the one of {before.time}")
        check_consistency(before.size, before.root, after.size, after.root, _hashes(path))
    return found


def _purged_of(pack: Pack, keys: Sequence[tuple[str, bytes]]) -> Purged:
    """What of the pack's places tombstones stand for, each signed and chained to the one before."""
    manifest = pack.manifest
    names = manifest.get("tombstones", [])
    found = [read_tombstone(open_own(pack.read(name).decode(), keys)) for name in names]
    check_tombstones(found, manifest["origin"])
    purged = Purged(found, manifest["first"])
    gone = max(0, min(purged.end, manifest["first"] + manifest["rows"]) - manifest["first"])
    if gone != manifest.get("purged", 0) or (found and found[0].first > manifest["first"]):
        raise Untrue("tombstones are missing")
    return purged


def _hashes(encoded: Iterable[str]) -> list[bytes]:
    return [base64.b64decode(each, validate=True) for each in encoded]


def _leaf_lines(pack: Pack) -> Iterator[tuple[int, str, bytes, bytes]]:
    for line in pack.lines("leaves.txt"):
        try:
            index, row_id, leaf, chain = line.decode().split(" ")
            yield int(index), row_id, *_pair(leaf, chain)
        except (ValueError, binascii.Error):
            raise Untrue("leaves.txt is damaged") from None


def _pair(leaf: str, chain: str) -> tuple[bytes, bytes]:
    return base64.b64decode(leaf, validate=True), base64.b64decode(chain, validate=True)


def check_pack(path: str, trusted: Sequence[str] = ()) -> dict[str, Any]:
    """Check everything in a pack; its manifest where all of it is true, else raises Untrue naming the first row."""
    with _damage_told("the pack"), zipfile.ZipFile(path) as archive:
        return _check(Pack(archive), trusted)


@contextlib.contextmanager
def _damage_told(what: str) -> Iterator[None]:
    """Raise Untrue for whatever reading a broken file can raise."""
    try:
        yield
    except FileNotFoundError as error:
        raise Untrue(f"{what} cannot be read: {error.strerror}") from None
    except (zipfile.BadZipFile, struct.error, zlib.error, *DAMAGE) as error:
        raise Untrue(f"{what} is damaged: {error}") from None


def _check(pack: Pack, trusted: Sequence[str]) -> dict[str, Any]:
    keys = [read_public_key(line) for line in trusted or pack.read("keys.txt").decode().splitlines()]
    pack.manifest = _manifest_of(pack, keys)
    last = _checkpoints_of(pack, keys)[-1]
    purged = _purged_of(pack, keys)
    between = json.loads(pack.read("proofs.json"))["range"]
    first, end = pack.manifest["first"], pack.manifest["first"] + pack.manifest["rows"]
    frontier = Frontier()
    for (level, _), node in zip(pieces(0, first), _hashes(between["left"]), strict=True):
        frontier.add(node, level)
    for index, row_id, leaf in _checked_leaves(pack, base64.b64decode(between["chain"]), purged):
        frontier.add(leaf)
        if index < purged.end:
            purged.take(index, row_id, frontier.root)
    for (level, _), node in zip(pieces(end, last.size), _hashes(between["right"]), strict=True):
        frontier.add(node, level)
    if frontier.root() != last.root:
        raise Untrue(f"row {first} or a later one is not what was sealed: the rows do not make the signed root")
    for name, told in pack.manifest["files"].items():
        digest = hashlib.sha256()
        for block in pack.blocks(name):
            digest.update(block)
        if digest.hexdigest() != told:
            raise Untrue(f"{name} is not the file that was signed")
    _check_archive(pack)
    return pack.manifest


def _check_archive(pack: Pack) -> None:
    """Other tools have to find the same files: each once, whole and by its name, and no other, not even hidden."""
    signed, end = {*pack.manifest["files"], *OUTSIDE}, 0
    seen: set[str] = set()
    for told in sorted(pack.archive.infolist(), key=lambda each: each.header_offset):
        name = told.filename
        if name in seen or name not in signed:
            raise Untrue(f"{name} is in the pack twice" if name in seen else f"nobody signed {name}")
        if not 0 <= told.header_offset - end <= (DESCRIPTOR if seen else 0):
            raise Untrue(f"something is hidden in the pack, before {name}")
        seen.add(name)
        try:
            with pack.archive.open(told) as file:  # compares the name in the file's own header, and the checksum
                while file.read(16 * BLOCK):
                    pass
        except (zipfile.BadZipFile, EOFError, RuntimeError, zlib.error):
            raise Untrue(f"{name} is not whole, or goes by another name") from None
        end = told.header_offset + sum(pack.header(told)) + told.compress_size
    if not 0 <= pack.archive.start_dir - end <= DESCRIPTOR:
        raise Untrue("something is hidden at the end of the pack")


def _checked_leaves(pack: Pack, chain: bytes, purged: Purged) -> Iterator[tuple[int, str, bytes]]:
    """Each place, id and leaf once its row was compared; raises Untrue with the first row that differs and how.

    Where a tombstone stands for the row there is nothing to compare.
    """
    first, count = pack.manifest["first"], pack.manifest["rows"]
    rows = pack.lines("rows.ndjson")
    found = 0
    for index, row_id, leaf, told in _leaf_lines(pack):
        expected = first + found
        chain = chain_hash(chain, leaf)
        if index != expected or chain != told:
            raise Untrue(f"row {expected}: the list of leaves is not in its order")
        if index >= purged.end:
            line = next(rows, None)
            if line is None:
                raise Untrue(f"row {index} ({row_id}) was removed")
            if leaf_hash(line) != leaf:
                raise Untrue(f"row {index} ({row_id}) {_what_happened(pack, line, row_id)}")
        found += 1
        yield index, row_id, leaf
    if found != count:
        raise Untrue(f"row {first + min(found, count)}: {count} rows were signed, {found} are listed")
    if next(rows, None) is not None:
        raise Untrue(f"row {first + count} was inserted after the last")


def _what_happened(pack: Pack, line: bytes, expected: str) -> str:
    """A guess for people; that the row differs is certain."""
    if leaf_hash(line) in {leaf for _, _, leaf, _ in _leaf_lines(pack)}:
        return "was removed or is out of its order"
    try:
        other = json.loads(line)["id"] != expected
    except (ValueError, KeyError, TypeError):
        other = False
    return "was changed, or another was inserted before it" if other else "was changed"


def prove(path: str, index: int) -> dict[str, Any]:
    """A proof of one row of a pack that needs no other row."""
    with _damage_told("the pack"), zipfile.ZipFile(path) as archive:
        pack = Pack(archive)
        pack.manifest = json.loads(pack.read("manifest.json"))
        between = json.loads(pack.read("proofs.json"))["range"]
        note = pack.read(pack.manifest["checkpoints"][-1]).decode()
        first, count = pack.manifest["first"], pack.manifest["rows"]
        if not first <= index < first + count:
            raise Untrue(f"row {index} is not in this pack: it holds rows {first} to {first + count - 1}")
        there = first + pack.manifest.get("purged", 0)
        if index < there:
            raise Untrue(f"row {index} was purged: a tombstone stands for it")
        size = read_checkpoint(note.rpartition("\n\n")[0] + "\n").size
        known = dict(zip(pieces(0, first), _hashes(between["left"]), strict=True))
        known |= dict(zip(pieces(first + count, size), _hashes(between["right"]), strict=True))
        known |= {(0, at): leaf for at, _, leaf, _ in _leaf_lines(pack)}
        line = next((line for at, line in enumerate(pack.lines("rows.ndjson"), there) if at == index), None)
        if line is None:
            raise Untrue(f"row {index} was removed")
        siblings = [base64.b64encode(_range_root(known, *each)).decode() for each in inclusion_ranges(index, size)]
    return {"row": line.decode(), "index": index, "path": siblings, "checkpoint": note}


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The ranges of leaves whose roots are the path from a leaf to the root, nearest first (RFC 6962, 2.1.1)."""
    found, first, end = [], 0, size
    while end - first > 1:
        middle = first + (1 << ((end - first - 1).bit_length() - 1))
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((first, middle))
            first = middle
    return found[::-1]


def _range_root(known: dict[tuple[int, int], bytes], first: int, end: int) -> bytes:
    frontier = Frontier()
    for level, index in pieces(first, end):
        frontier.add(_node(known, level, index), level)
    return frontier.root()


def _node(known: dict[tuple[int, int], bytes], level: int, index: int) -> bytes:
    found = known.get((level, index))
    if found is None:
        if level == 0:
            raise Untrue("the pack's proof of its range is damaged")
        found = node_hash(_node(known, level - 1, 2 * index), _node(known, level - 1, 2 * index + 1))
        known[level, index] = found
    return found


def check_proof(proof: Mapping[str, Any], trusted: Sequence[str]) -> Checkpoint:
    """The checkpoint a proof of one row stands under, where the proof is true; else raises Untrue."""
    with _damage_told("the proof"):
        checkpoint = read_checkpoint(open_own(proof["checkpoint"], [read_public_key(line) for line in trusted]))
        leaf = leaf_hash(proof["row"].encode())
        check_inclusion(leaf, proof["index"], checkpoint.size, _hashes(proof["path"]), checkpoint.root)
    return checkpoint


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: 0 for PASS, 1 for FAIL."""
    parser = argparse.ArgumentParser(description="Check an evidence pack of the HIPAA audit log, offline.")
    parser.add_argument("pack", nargs="?", help="the pack, a ZIP file")
    parser.add_argument("--key", action="append", default=[], help="a public key to trust, instead of the pack's own")
    parser.add_argument("--prove", type=int, metavar="ROW", help="print a proof of this row alone")
    parser.add_argument("--proof", help="check the proof of one row in this file; needs --key")
    asked = parser.parse_args(arguments)
    if not (asked.pack or (asked.proof and asked.key)):
        parser.error("give a pack, or --proof with --key")
    try:
        return _answer(asked)
    except Untrue as untrue:
        sys.stdout.write(f"FAIL: {untrue}\n")
        return 1


def _answer(asked: argparse.Namespace) -> int:
    if asked.proof:
        with _damage_told("the proof"), open(asked.proof, encoding="utf-8") as file:  # noqa: PTH123  (one import less to read)
            checkpoint = check_proof(json.load(file), asked.key)
        told = f"the log of {checkpoint.size} rows at {checkpoint.time}, {checkpoint.origin}"
        sys.stdout.write(f"PASS: the row stood in {told}\n")
    elif asked.prove is not None:
        sys.stdout.write(json.dumps(prove(asked.pack, asked.prove), indent=1) + "\n")
    else:
        manifest = check_pack(asked.pack, asked.key)
        gone, first = manifest.get("purged", 0), manifest["first"]
        told = f"{manifest['rows'] - gone} rows of {manifest['origin']}, from row {first + gone}, no gap"
        if gone:
            told += f"; purged: {gone} rows from row {first}, {_dates(asked.pack, manifest['tombstones'])}"
        since, until = manifest["filter"]["since"] or "the beginning", manifest["filter"]["until"] or "then"
        sys.stdout.write(f"PASS: {told}\nSigned at {manifest['made_at']}. Every row from {since} until {until}.\n")
        if not asked.key:
            sys.stdout.write("The keys came with the pack. Compare keys.txt with those published, or give --key.\n")
    return 0


def _dates(path: str, names: Sequence[str]) -> str:
    """Of when the tombstones of a pack that was checked are."""
    with zipfile.ZipFile(path) as archive:
        notes = [archive.read(name).decode().rpartition("\n\n")[0] for name in names]
    days = [read_tombstone(f"{note}\n").time[:10] for note in notes]
    many = f"{len(days)} tombstones of {days[0]} to {days[-1]}"
    return f"tombstone of {days[0]}" if len(days) == 1 else many


if __name__ == "__main__":
    sys.exit(main())
