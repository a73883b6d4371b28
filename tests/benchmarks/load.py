"""A load generator of one thread: keep-alive connections over epoll that send one request after another."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

ANSWERED, END = b"HTTP/1.1 200", b"}"  # each answer is a short JSON object


def request(path: str, body: bytes, *headers: str) -> bytes:
    """A POST as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def run(url: str, requests: Sequence[bytes], connections: int = 16) -> float:
    """Send every request once, `connections` at a time; the seconds it took. Any answer but 200 ends the run."""
    where = urlsplit(url)
    poll, links, todo = select.epoll(), {}, iter(requests)
    heard: dict[int, bytes] = {}
    for _ in range(connections):
        link = socket.create_connection((where.hostname or "", where.port or 80))
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        links[link.fileno()] = link
        poll.register(link, select.EPOLLIN)
    begin, left = time.monotonic(), len(requests)
    for link in links.values():
        link.sendall(next(todo))
    while left:
        for number, _ in poll.poll(30):
            answer = heard.pop(number, b"") + links[number].recv(4096)
            if not answer.startswith(ANSWERED):
                raise SystemExit(f"the server answered {answer[:200]!r}")
            if not answer.endswith(END):
                heard[number] = answer
                continue
            left -= 1
            if (following := next(todo, None)) is not None:
                links[number].sendall(following)
    seconds = time.monotonic() - begin
    for link in links.values():
        link.close()
    return seconds
