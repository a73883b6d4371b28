"""How far a download is, for the page that asks while the browser saves the file, and the way to cancel it."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Generic, TypeVar

from django.core.cache import cache
from django.db import Error as DatabaseError
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from audit.streams import DownloadCancelled
from workspaces.access import Right, require_right
from workspaces.requests import MemberRequest, passive

Piece = TypeVar("Piece", bound=str | bytes)
NOTE_EVERY = 0.5  # seconds: a note costs the download one small write
KEPT = 60 * 60  # seconds
QUIET = 20.0  # seconds without a note after which the browser has probably gone
RUNNING, DONE, BROKEN, CANCELLED = "running", "done", "broken", "cancelled"


@dataclass(frozen=True, slots=True)
class Progress:
    """What was sent of a file: rows of `rows`, and bytes. `at` is when that was noted, in seconds since 1970."""

    state: str = ""
    rows: int = 0
    sent: int = 0
    size: int = 0
    at: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in {DONE, BROKEN, CANCELLED}

    @property
    def is_quiet(self) -> bool:
        """Whether the browser has taken nothing for a while."""
        return self.state == RUNNING and time.time() - self.at > QUIET

    @property
    def left(self) -> int:
        """Rows to come."""
        return max(0, self.rows - self.sent)


def _key(request: MemberRequest, download_id: uuid.UUID) -> str:
    """Whose it is stands in the key: nobody asks for another person's download, or of another workspace."""
    return f"audit-download-{request.workspace.pk}-{request.user.pk}-{download_id}"


def watched(
    request: MemberRequest,
    download_id: uuid.UUID,
    pieces: Iterator[Piece],
    *,
    rows: int,
    rows_in: Callable[[Piece], int],
) -> Watched[Piece]:
    """The same pieces, with a note of how far they are; ends with DownloadCancelled where the person wants it to.

    A note that cannot be written holds nothing up.
    """
    return Watched(_key(request, download_id), pieces, rows=rows, rows_in=rows_in)


class Watched(Generic[Piece]):
    """Pieces of a file whose way is noted. `break_off` is for whoever closes the answer.

    No generator: a forgotten one ends wherever Python collects it, even amid another statement to the database, and a
    note written there would wait for that statement for ever.
    """

    def __init__(self, key: str, pieces: Iterator[Piece], *, rows: int, rows_in: Callable[[Piece], int]) -> None:
        self._key, self._pieces, self._rows_in = key, pieces, rows_in
        self._told = time.monotonic()
        self._sent: Piece | None = None
        self._noted = Progress(RUNNING, rows, at=time.time())
        _note(key, self._noted)

    def __iter__(self) -> Watched[Piece]:
        return self

    def __next__(self) -> Piece:
        try:
            self._count()
            self._sent = next(self._pieces)
        except StopIteration:
            self._end(DONE, sent=self._noted.rows)
            raise
        except DownloadCancelled:
            self._end(CANCELLED)
            raise
        except BaseException:
            self._end(BROKEN)
            raise
        return self._sent

    def break_off(self) -> None:
        """Note that no more is sent, unless the file has ended by itself, and let go of what it was read from."""
        if self._noted.state == RUNNING:
            self._end(BROKEN)
        if isinstance(self._pieces, Generator):
            self._pieces.close()  # now, not when it is collected

    def _count(self) -> None:
        """Count what was asked for before: whoever asks again has taken it."""
        if self._sent is None:
            return
        sent = min(self._noted.rows, self._noted.sent + self._rows_in(self._sent))
        self._noted = replace(self._noted, sent=sent, size=self._noted.size + len(self._sent), at=time.time())
        if time.monotonic() - self._told >= NOTE_EVERY:
            self._told = time.monotonic()
            _note(self._key, self._noted)
            if _is_cancelled(self._key):
                raise DownloadCancelled

    def _end(self, state: str, *, sent: int | None = None) -> None:
        self._noted = replace(self._noted, state=state, sent=self._noted.sent if sent is None else sent)
        _note(self._key, self._noted)


def _note(key: str, progress: Progress) -> None:
    with contextlib.suppress(DatabaseError):
        cache.set(key, asdict(progress), KEPT)


def _is_cancelled(key: str) -> bool:
    with contextlib.suppress(DatabaseError):
        return bool(cache.get(f"{key}-cancelled"))
    return False


@passive
@require_safe
def audit_download(request: MemberRequest, download_id: uuid.UUID) -> HttpResponse:
    """How far a download of the person's is; asked by the page itself, which shows none of the rows."""
    require_right(request.user, request.workspace, Right.VIEW_AUDIT_LOG)
    return _show(request, download_id)


@require_POST
def audit_download_cancel(request: MemberRequest, download_id: uuid.UUID) -> HttpResponse:
    """Let the download break off at its next piece."""
    require_right(request.user, request.workspace, Right.VIEW_AUDIT_LOG)
    cache.set(f"{_key(request, download_id)}-cancelled", True, KEPT)
    return _show(request, download_id, cancelling=True)


def _show(request: MemberRequest, download_id: uuid.UUID, *, cancelling: bool = False) -> HttpResponse:
    progress = Progress(**(cache.get(_key(request, download_id)) or {}))
    shown = {"progress": progress, "download_id": download_id, "cancelling": cancelling and not progress.is_over}
    return render(request, "audit/download.html", shown)
