"""Reading a request's body: however it is framed and compressed, never more of it than may be accepted."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

GZIP = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Of a body that is refused, so much is read and thrown away: a client that is still writing when the connection closes
# sees a reset and sends again, where the answer would have told it to stop. RudderStack's SDKs send up to 4 MB.
DRAINED_BYTES = 8 * 1024 * 1024
CHUNK_BYTES = 64 * 1024


class TooLarge(Exception):
    """The body, decompressed, is beyond the limit."""


class Unreadable(Exception):
    """The body ends early or is not compressed as it claims to be."""


def read_body(environ: Mapping[str, Any], limit: int) -> bytes:
    """The body as JSON text, at most `limit` bytes long; raises TooLarge or Unreadable.

    Content types are ignored: browsers send text/plain to save a preflight, RudderStack's Node SDK gzip as a form.
    """
    raw = _read(environ, limit)
    if raw[:2] == GZIP:  # never the start of JSON, so the bytes decide and a proxy may have unpacked already
        raw = _inflate(raw, limit, zlib.MAX_WBITS | 16)
    elif environ.get("HTTP_CONTENT_ENCODING", "").strip().lower() == "deflate":
        raw = _inflate(raw, limit, zlib.MAX_WBITS)
    return raw[3:] if raw[:3] == BYTE_ORDER_MARK else raw


def _read(environ: Mapping[str, Any], limit: int) -> bytes:
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdecimal():
        if int(length) > limit:
            _drain(environ["wsgi.input"])
            raise TooLarge
        raw: bytes = environ["wsgi.input"].read(int(length))
        if len(raw) < int(length):
            raise Unreadable
        return raw
    raw = environ["wsgi.input"].read(limit + 1)  # chunked
    if len(raw) > limit:
        _drain(environ["wsgi.input"])
        raise TooLarge
    return raw


def _drain(stream: Any) -> None:
    """Read on to the end of the body, or as far as is worth it."""
    left = DRAINED_BYTES
    while left > 0 and (chunk := stream.read(CHUNK_BYTES)):
        left -= len(chunk)


def _inflate(raw: bytes, limit: int, window: int) -> bytes:
    """Decompress, stopping at the limit. A gzip file may have several members (RFC 1952, section 2.2)."""
    parts, room = [], limit + 1
    try:
        while raw:
            member = zlib.decompressobj(window)
            parts.append(member.decompress(raw, room))
            room -= len(parts[-1])
            if room <= 0:
                raise TooLarge
            if not member.eof:
                raise Unreadable
            raw = member.unused_data
    except zlib.error:
        raise Unreadable from None
    return b"".join(parts)
