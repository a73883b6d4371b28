"""Evidence packs: one ZIP of a range of rows with everything it takes to check them without us, and without our word.

A pack holds every row from the first to the last place that the asked time touches, so that no gap can hide in it.
For rows that were purged it holds their leaves and the tombstones that stand for them.
"""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db.models import Count, Max, Min, QuerySet
from django.utils import timezone

from audit.event_types import EventType
from audit.ids import lowest_id_at
from audit.models import AuditCheckpoint, AuditLeaf, AuditRow, AuditTombstone
from audit.proof import checkpoints, purging, verifier
from audit.proof.merkle import around, consistency_path, inclusion_path
from audit.proof.notes import sign_note, utc
from audit.proof.tree import START, Tree, alone, leaves_of, lines_of, seal_all
from audit.proof.verifier import FIRST_CHAIN
from audit.queries import Question, matching
from audit.record import Named, Person, record

FORMAT = "lifeline-audit-evidence/1"
RECENT = timedelta(days=1)
README = """Evidence from a HIPAA audit log.

    pip install cryptography
    python verify.py THIS.zip --key 'THE PUBLIC KEY, AS YOU HAVE IT FROM ITS OWNER'

prints PASS, or FAIL with the first row that is not what was sealed. verify.py says how everything in here is made.
"""


@dataclass(frozen=True, slots=True)
class Span:
    """What a pack holds: `places` from `first` on, rows before `purged` gone; `in_range` rows answer the question."""

    workspace_id: str
    question: Question
    first: int
    places: int
    purged: int
    in_range: int
    checkpoint: AuditCheckpoint

    @property
    def end(self) -> int:
        """The place behind the last."""
        return self.first + self.places

    @property
    def gone(self) -> int:
        """How many of the places are of purged rows: the first ones."""
        return max(0, min(self.purged, self.end) - self.first)


def start_pack(workspace: Named, question: Question, *, actor: Person) -> Iterator[bytes]:
    """Seal and sign what stands now, record the download with range and count, then give the ZIP in pieces.

    Only the question's time counts. The row that tells of the download is not among the rows. The caller has checked
    that `actor` may see the log. Raises RuntimeError where a row of the database would be missing from the pack.
    """
    asked = Question(since=question.since, until=question.until)
    seal_all(lowest_id_at(timezone.now() - RECENT))  # chunk by chunk, so that nobody waits for all of it
    with alone():
        span = _span(str(workspace.pk), asked)
        gone = {"purged": span.gone} if span.gone else {}
        rows = span.places - span.gone
        record(
            EventType.HIPAA_AUDIT_EVIDENCE_EXPORTED,
            actor=actor,
            workspace_id=workspace.pk,
            subject=workspace,
            details={"filter": asked.described(), "rows": rows, "rows_in_range": span.in_range, **gone},
        )
    return _zip(span)


def _span(workspace_id: str, asked: Question) -> Span:
    seal_all(lowest_id_at(timezone.now() - RECENT))
    rows = matching(uuid.UUID(workspace_id), asked)
    count = rows.count()
    placed = _touched(_placed(workspace_id, rows))
    if placed["held"] != count:
        seal_all(START)  # the sealer has never run
        placed = _touched(_placed(workspace_id, rows))
    if placed["held"] != count:
        raise RuntimeError("rows of the log have no place in its tree: run manage.py verify_audit")
    stone = purging.latest(workspace_id)
    purged = stone.end if stone else 0
    found = [placed, _touched(_gone(workspace_id, asked, purged))]
    touched = [place for each in found for place in (each["first"], each["last"]) if place is not None]
    first, places = (min(touched), max(touched) + 1 - min(touched)) if touched else (0, 0)
    return Span(workspace_id, asked, first, places, purged, count, checkpoints.make_checkpoint(workspace_id))


def _placed(workspace_id: str, rows: QuerySet[AuditRow]) -> QuerySet[AuditLeaf]:
    return AuditLeaf.objects.filter(workspace_id=workspace_id, row_id__in=rows.order_by().values("id"))


def _touched(leaves: QuerySet[AuditLeaf]) -> dict[str, Any]:
    """How many leaves there are, and the first and last place: asked at once, since it reads all of a pack's rows."""
    return leaves.aggregate(held=Count("id"), first=Min("index"), last=Max("index"))


def _gone(workspace_id: str, asked: Question, purged: int) -> QuerySet[AuditLeaf]:
    """The leaves of purged rows of the asked time, by their ids: nothing else is left to tell it."""
    leaves = AuditLeaf.objects.filter(workspace_id=workspace_id, index__lt=purged)
    if asked.since:
        leaves = leaves.filter(row_id__gte=lowest_id_at(asked.since))
    return leaves.filter(row_id__lt=lowest_id_at(asked.until)) if asked.until else leaves


class _Sink(io.RawIOBase):
    """What the archive writes to: holds only what has not been handed out yet."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self._held)
        self._held.clear()
        return taken


@dataclass(slots=True)
class _Archive:
    """A ZIP that is written in one go, with the SHA-256 of each file."""

    sink: _Sink = field(default_factory=_Sink)
    hashes: dict[str, str] = field(default_factory=dict)
    _zip: zipfile.ZipFile = field(init=False)

    def __post_init__(self) -> None:
        self._zip = zipfile.ZipFile(self.sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1)

    def write(self, name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Add a file; gives the archive's bytes as they come."""
        digest = hashlib.sha256()
        with self._zip.open(name, "w", force_zip64=True) as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
                yield self.sink.take()
        self.hashes[name] = digest.hexdigest()

    def close(self) -> bytes:
        """The end of the archive."""
        self._zip.close()
        return self.sink.take()


def _zip(span: Span) -> Iterator[bytes]:
    archive = _Archive()
    covering = _covering(span)
    yield from archive.write("README.txt", [README.encode()])
    yield from archive.write("verify.py", [Path(verifier.__file__).read_bytes()])
    yield from archive.write("rows.ndjson", _row_lines(span))
    yield from archive.write("leaves.txt", _leaf_lines(span))
    yield from archive.write("keys.txt", ["\n".join([*_keys(span), ""]).encode()])
    names = {f"checkpoints/{each.pk:012}.note": each for each in covering}
    for name, each in names.items():
        yield from archive.write(name, [each.note.encode()])
    stones = {f"tombstones/{each.pk:012}.note": each for each in _stones(span)}
    for name, stone in stones.items():
        yield from archive.write(name, [stone.note.encode()])
    yield from archive.write("proofs.json", [_json(_proofs(span, covering))])
    manifest = _json(_manifest(span, list(names), list(stones), archive.hashes))
    yield from archive.write("manifest.json", [manifest])
    name = checkpoints.origin(span.workspace_id)
    text = f"{name}\nmanifest.json\n{_text(hashlib.sha256(manifest).digest())}\n"
    yield from archive.write("manifest.note", [sign_note(text, name=name, key=checkpoints.signing_key()).encode()])
    yield archive.close()


def _keys(span: Span) -> list[str]:
    return checkpoints.keys_ever(span.workspace_id)


def _covering(span: Span) -> list[AuditCheckpoint]:
    """The checkpoints from the last before the range up to the pack's own."""
    own = AuditCheckpoint.objects.filter(workspace_id=span.workspace_id, id__lte=span.checkpoint.pk)
    before = own.filter(size__lte=span.first).order_by("-id").first()
    return list(own.filter(id__gte=before.pk if before else 0).order_by("id"))


def _stones(span: Span) -> list[AuditTombstone]:
    """The tombstones that stand for purged rows of the pack."""
    own = AuditTombstone.objects.filter(workspace_id=span.workspace_id, end__gt=span.first, first__lt=span.end)
    return list(own.order_by("end"))


def _row_lines(span: Span) -> Iterator[bytes]:
    for chunk in leaves_of(span.workspace_id, span.first + span.gone, span.end):
        lines = lines_of(leaf.row_id for leaf in chunk)
        yield b"".join(lines[leaf.row_id] + b"\n" for leaf in chunk)


def _leaf_lines(span: Span) -> Iterator[bytes]:
    for chunk in leaves_of(span.workspace_id, span.first, span.end):
        told = [f"{leaf.index} {leaf.row_id} {_text(leaf.leaf)} {_text(leaf.chain)}\n" for leaf in chunk]
        yield "".join(told).encode()


def _proofs(span: Span, covering: list[AuditCheckpoint]) -> dict[str, Any]:
    node = Tree(span.workspace_id).node
    end, size = span.end, span.checkpoint.size
    left, right = around(node, span.first, end, size)
    before = AuditLeaf.objects.filter(workspace_id=span.workspace_id, index=span.first - 1).first()
    steps = itertools.pairwise(covering)
    return {
        "range": {
            "chain": _text(before.chain if before else FIRST_CHAIN),
            "left": _texts(left),
            "right": _texts(right),
        },
        "consistency": [_texts(consistency_path(node, old.size, new.size)) for old, new in steps],
        "inclusion": {
            str(index): _texts(inclusion_path(node, index, size))
            for index in ({span.first, end - 1} if span.places else ())
        },
    }


def _manifest(span: Span, names: list[str], stones: list[str], hashes: dict[str, str]) -> dict[str, Any]:
    asked = span.question
    return {
        "format": FORMAT,
        "origin": checkpoints.origin(span.workspace_id),
        "workspace_id": span.workspace_id,
        "made_at": utc(span.checkpoint.made_at),
        "filter": {
            "since": utc(asked.since) if asked.since else None,
            "until": utc(asked.until) if asked.until else None,
        },
        "first": span.first,
        "rows": span.places,
        "purged": span.gone,
        "rows_in_range": span.in_range,
        "rows_in_database": span.in_range,
        "gaps": [],
        "checkpoints": names,
        "tombstones": stones,
        "files": dict(hashes),
    }


def row_proof(row_id: uuid.UUID) -> dict[str, Any]:
    """A proof of one row in the form verify.py reads. Raises LookupError where it is purged, or under no checkpoint."""
    leaf = AuditLeaf.objects.filter(row_id=row_id).first()
    checkpoint = checkpoints.latest(leaf.workspace_id) if leaf else None
    if leaf is None or checkpoint is None or checkpoint.size <= leaf.index:
        raise LookupError(f"row {row_id} is under no checkpoint yet; one is signed every hour")
    line = lines_of([row_id]).get(row_id)
    if line is None:
        raise LookupError(f"row {row_id} is gone: it was purged, or verify_audit tells otherwise")
    path = inclusion_path(Tree(leaf.workspace_id).node, leaf.index, checkpoint.size)
    return {"row": line.decode(), "index": leaf.index, "path": _texts(path), "checkpoint": checkpoint.note}


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"


def _text(value: bytes | memoryview[int]) -> str:
    return base64.b64encode(bytes(value)).decode()


def _texts(values: Iterable[bytes]) -> list[str]:
    return [_text(each) for each in values]
