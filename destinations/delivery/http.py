"""The only door out: outbound HTTP on libcurl's multi interface.

Every connection is checked where its socket opens, after DNS has answered, so no spelling, redirect or rebinding name
reaches a private network. Redirects are not followed, TLS is verified, proxies and cookies are ignored, and what comes
back is counted, and kept only as far as the request asks for it.
"""

from __future__ import annotations

import errno
import functools
import os
import socket
import ssl
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Generic, TypeVar

import certifi
import msgspec
import pycurl

from destinations.catalog.base import Request, Response
from destinations.delivery.address_guard import Network, may_dial

MAX_IN_FLIGHT = 256
MAX_IN_FLIGHT_EACH = 32  # per destination
SHARE_OF_THE_FREE = 4  # and no more than a fourth of the room that is left, so that many slow ones never fill it
MAX_ANSWER_BYTES = 1_000_000
MAX_HEADERS = 100
# Seconds to let answers gather while more waits to be sent than may be under way: libcurl looks at every connection
# each time it is called, and a look that finds one answer costs as much as one that finds ten.
NAP = 0.0003

FIRST_REFUSAL = 300  # statuses from here on may bring a Retry-After
ADDRESS_REFUSED = "ADDRESS_REFUSED"  # by our own guard
INVALID_URL = "INVALID_URL"

# libcurl's errors by their documented names; every other failure to get an answer is ECONNRESET, also an answer that is
# no HTTP (UNSUPPORTED_PROTOCOL).
_ERRORS = {
    pycurl.E_COULDNT_RESOLVE_HOST: "ENOTFOUND",
    pycurl.E_COULDNT_CONNECT: "ECONNREFUSED",
    pycurl.E_OPERATION_TIMEDOUT: "ETIMEDOUT",
    pycurl.E_SSL_CONNECT_ERROR: "TLS_FAILED",
    pycurl.E_PEER_FAILED_VERIFICATION: "TLS_FAILED",
    pycurl.E_SSL_CACERT_BADFILE: "TLS_FAILED",
    pycurl.E_URL_MALFORMAT: INVALID_URL,
}
# An answer that is cut off because it is too long has been read as far as it matters: its status.
_ANSWERED = frozenset({pycurl.E_WRITE_ERROR})
_UNREACHABLE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH})

Token = TypeVar("Token")


class _Job(msgspec.Struct, Generic[Token]):
    lane: Hashable
    token: Token
    request: Request
    since: float = msgspec.field(default_factory=monotonic)
    not_before: float = 0.0


@dataclass(slots=True)
class _Lane(Generic[Token]):
    """One destination's queue and how many of its requests are under way."""

    waiting: deque[_Job[Token]] = field(default_factory=deque)
    in_flight: int = 0
    pace: float = 0.0  # seconds from one request to the next
    next_at: float = 0.0

    @property
    def load(self) -> int:
        return len(self.waiting) + self.in_flight

    def may_send(self, now: float) -> bool:
        """Whether something waits whose time has come."""
        return bool(self.waiting) and now >= max(self.next_at, self.waiting[0].not_before)


class _Handle:
    """One reusable connection handle."""

    __slots__ = ("answer_bytes", "curl", "dialled", "headers", "job", "kept", "refused", "set_for")

    def __init__(self, allowed: Sequence[Network], *, keeps_headers: bool = False) -> None:
        self.curl = pycurl.Curl()
        self.job: _Job[Any] | None = None
        self.refused = self.dialled = False
        self.answer_bytes = 0
        self.kept = bytearray()
        self.headers: list[tuple[str, str]] = []
        # URL, time limit and method: they seldom change, and libcurl keeps them
        self.set_for: tuple[str, float, str] = ("", 0.0, "")
        for option, value in _fixed_options().items():
            self.curl.setopt(option, value)
        self.curl.setopt(pycurl.OPENSOCKETFUNCTION, functools.partial(self._open_socket, allowed))
        self.curl.setopt(pycurl.WRITEFUNCTION, self._count)
        if keeps_headers:
            self.curl.setopt(pycurl.HEADERFUNCTION, self._keep_header)

    def load(self, job: _Job[Any]) -> None:
        """Set the handle up for one request; raises pycurl.error or ValueError where it cannot be written as HTTP."""
        self.job, self.answer_bytes, self.kept, self.headers = job, 0, bytearray(), []
        self.refused = self.dialled = False
        request, curl = job.request, self.curl
        if self.set_for != (request.url, request.timeout, request.method):
            self.set_for = ("", 0.0, "")
            curl.setopt(pycurl.URL, request.url)
            curl.setopt(pycurl.TIMEOUT_MS, int(request.timeout * 1000))
            curl.setopt(pycurl.CUSTOMREQUEST, request.method)
            self.set_for = (request.url, request.timeout, request.method)
        curl.setopt(pycurl.POSTFIELDS, request.body)
        headers = [f"{name}: {value}" if value else f"{name};" for name, value in request.headers]
        headers.append("Expect:")
        curl.setopt(pycurl.HTTPHEADER, headers)

    def response(self, error: int | None) -> Response:
        """What came of the request; `error` is libcurl's number, or None where an answer came."""
        duration = int(self.curl.getinfo(pycurl.TOTAL_TIME) * 1000)
        status = self.curl.getinfo(pycurl.RESPONSE_CODE)
        if error is None or (error in _ANSWERED and status):
            after = self.curl.getinfo(pycurl.RETRY_AFTER) if status >= FIRST_REFUSAL else 0
            kept, headers = bytes(self.kept), tuple(self.headers)
            return Response(status, retry_after=after or None, duration_ms=duration, body=kept, headers=headers)
        return Response(None, self._name_of(error), duration_ms=duration)

    def _name_of(self, error: int) -> str:
        if self.refused and not self.dialled:
            return ADDRESS_REFUSED
        if error == pycurl.E_COULDNT_CONNECT and self.curl.getinfo(pycurl.OS_ERRNO) in _UNREACHABLE:
            return "EHOSTUNREACH"
        if error == pycurl.E_OPERATION_TIMEDOUT and not self.curl.getinfo(pycurl.NAMELOOKUP_TIME):
            return "EAI_AGAIN"  # the name servers did not answer in time
        return _ERRORS.get(error, "ECONNRESET")

    def _open_socket(self, allowed: Sequence[Network], _purpose: int, address: Any) -> socket.socket | int:
        family, kind, protocol, (host, *_) = address
        if family not in {socket.AF_INET, socket.AF_INET6} or not may_dial(host.partition("%")[0], allowed):
            self.refused = True
            refused: int = pycurl.SOCKET_BAD
            return refused
        self.dialled = True
        return socket.socket(family, kind, protocol)

    def _count(self, data: bytes) -> int:
        self.answer_bytes += len(data)
        if self.job is not None and (room := self.job.request.keep - len(self.kept)) > 0:
            self.kept += data[:room]
        return len(data) if self.answer_bytes <= MAX_ANSWER_BYTES else -1

    def _keep_header(self, line: bytes) -> None:
        """Called for each line of the head; one that names the status begins a new answer, as after a 100."""
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon and name.startswith("HTTP/"):
            self.headers = []
        elif colon and len(self.headers) < MAX_HEADERS:
            self.headers.append((name.strip(), value.strip()))


class Courier(Generic[Token]):
    """Sends requests side by side, each destination in a lane of its own. For one thread."""

    def __init__(self, allowed: Sequence[Network] = (), *, keeps_headers: bool = False) -> None:
        self._allowed, self._keeps_headers = allowed, keeps_headers
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, MAX_IN_FLIGHT)
        self._lanes: dict[Hashable, _Lane[Token]] = {}
        self._idle: list[_Handle] = []
        self._handles: dict[pycurl.Curl, _Handle] = {}
        self._unsendable: list[tuple[Token, Response]] = []
        self.in_flight = 0
        self.queued = 0

    def submit(self, lane: Hashable, token: Token, request: Request, *, pace: float = 0.0, wait: float = 0.0) -> None:
        """Take a request; its answer comes from `poll` with the token.

        `pace`: seconds from the lane's last one. `wait`: seconds from now before which it is not sent.
        """
        known = self._lanes.get(lane)
        if known is None:
            known = self._lanes[lane] = _Lane()
        known.pace = pace
        known.waiting.append(_Job(lane, token, request, not_before=monotonic() + wait if wait else 0.0))
        self.queued += 1

    def load(self, lane: Hashable) -> int:
        """How many requests of a destination wait or are under way."""
        known = self._lanes.get(lane)
        return known.load if known else 0

    def poll(self, timeout: float) -> list[tuple[Token, Response]]:
        """Send what there is room for, wait up to `timeout` seconds for something to happen; the answers so far."""
        self._fill()
        done, self._unsendable = self._unsendable, []
        if not self.in_flight:
            return done
        self._multi.perform()
        done += self._finished()
        if not done and timeout > 0:
            self._multi.select(timeout)
            if self.queued:
                sleep(NAP)
            self._multi.perform()
            done = self._finished()
        return done

    def withdraw(self, waited: float) -> list[Token]:
        """Take back what has waited `waited` seconds without being sent."""
        before, back = monotonic() - waited, []
        for lane in self._lanes.values():
            while lane.waiting and lane.waiting[0].since <= before:
                back.append(lane.waiting.popleft().token)
        self.queued -= len(back)
        return back

    def take_back(self, lane: Hashable) -> list[Token]:
        """Take back everything of one destination that has not been sent."""
        known = self._lanes.get(lane)
        back = [job.token for job in known.waiting] if known else []
        if known:
            known.waiting.clear()
        self.queued -= len(back)
        return back

    def under_way(self, since: float) -> list[Token]:
        """What was handed in `since` seconds ago or earlier, has been sent and is not answered yet."""
        before = monotonic() - since
        return [handle.job.token for handle in self._handles.values() if handle.job and handle.job.since <= before]

    def _fill(self) -> None:
        now = monotonic()
        for name, lane in list(self._lanes.items()):
            while lane.may_send(now) and lane.in_flight < self._room():
                lane.next_at = now + lane.pace if lane.pace else 0.0
                self._send(lane, lane.waiting.popleft())
            if not lane.load and now >= lane.next_at:
                del self._lanes[name]

    def _room(self) -> int:
        """How many requests one destination may have under way now; never none."""
        return max(1, min(MAX_IN_FLIGHT_EACH, (MAX_IN_FLIGHT - self.in_flight) // SHARE_OF_THE_FREE))

    def _send(self, lane: _Lane[Token], job: _Job[Token]) -> None:
        self.queued -= 1
        handle = self._idle.pop() if self._idle else _Handle(self._allowed, keeps_headers=self._keeps_headers)
        try:
            handle.load(job)
        except (pycurl.error, ValueError):
            handle.job = None
            self._idle.append(handle)
            self._unsendable.append((job.token, Response(None, INVALID_URL)))
            return
        self._handles[handle.curl] = handle
        self._multi.add_handle(handle.curl)
        lane.in_flight += 1
        self.in_flight += 1

    def _finished(self) -> list[tuple[Token, Response]]:
        done = []
        for curl, error in self._messages():
            handle = self._handles.pop(curl)
            job, handle.job = handle.job, None
            if job is None:
                continue
            self._multi.remove_handle(curl)
            done.append((job.token, handle.response(error)))
            self._idle.append(handle)
            self._lanes[job.lane].in_flight -= 1
            self.in_flight -= 1
        return done

    def _messages(self) -> Iterator[tuple[pycurl.Curl, int | None]]:
        more = 1
        while more:
            more, good, bad = self._multi.info_read()
            yield from ((curl, None) for curl in good)
            yield from ((curl, error) for curl, error, _ in bad)

    def close(self) -> None:
        """Drop every connection."""
        for curl in list(self._handles):
            self._multi.remove_handle(curl)
        self._multi.close()


@functools.cache
def _fixed_options() -> dict[int, Any]:
    return {
        pycurl.POST: 1,
        pycurl.USERAGENT: "",  # pycurl's own would name every library and its version
        pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
        pycurl.FOLLOWLOCATION: 0,
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
        pycurl.PROXY: "",
        pycurl.NOSIGNAL: 1,
        pycurl.SSL_VERIFYPEER: 1,
        pycurl.SSL_VERIFYHOST: 2,
        pycurl.SSLVERSION: pycurl.SSLVERSION_TLSv1_2,
        pycurl.CAINFO: _authorities(),
        pycurl.DNS_CACHE_TIMEOUT: 30,
        pycurl.TCP_NODELAY: 1,
        pycurl.NETRC: pycurl.NETRC_IGNORED,
    }


def _authorities() -> str:
    """The certificate authorities this machine trusts, else those that come with certifi."""
    paths = ssl.get_default_verify_paths()
    named = (os.environ.get("SSL_CERT_FILE"), paths.cafile, "/etc/ssl/certs/ca-certificates.crt")
    return next((path for path in named if path and Path(path).is_file()), certifi.where())
