"""Which addresses a delivery may be sent to: public ones, and the networks the operator has allowed.

`refusal_of_address` is asked about the address that is really dialled (after DNS, when the socket opens), so a name
that changes its answer gains nothing. `refusal_of_url` is for people: it tells at once what could never work.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

BLOCKED = (
    "URL is not allowed: requests to private/internal networks are blocked. Use a public address, or ask the operator "
    "to add the network to DELIVERY_ALLOWED_NETWORKS."
)
MAX_URL_LENGTH = 2000

# IANA special-purpose registries (RFC 6890 and its updates). Written out, because what the standard library calls
# global differs between its releases and includes addresses that only wrap an IPv4 one (NAT64, 6to4).
_REFUSED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",  # unspecified, "this network"
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, cloud metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "::/96",  # unspecified, loopback, IPv4-compatible
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64, local use
        "100::/64",  # discard only
        "2001::/23",  # Teredo and other protocol assignments
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fc00::/7",  # unique local
        "fe80::/10",  # link-local
        "fec0::/10",  # site-local
        "ff00::/8",  # multicast
    )
)


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The operator's allow-list, e.g. `["10.1.0.0/16", "127.0.0.1"]`; raises ValueError on what is no network."""
    return tuple(ipaddress.ip_network(text.strip(), strict=False) for text in texts if text.strip())


def may_dial(address: str, allowed: Sequence[Network] = ()) -> bool:
    """Whether a connection may be opened to the literal IPv4 or IPv6 `address`."""
    try:
        found = _plain(ipaddress.ip_address(address))
    except ValueError:
        return False
    if any(found in network for network in allowed):
        return True
    return found.is_global and not any(found in network for network in _REFUSED)


def refusal_of_url(url: str, allowed: Sequence[Network] = ()) -> str:
    """Why `url` cannot be a destination, in words for the person who typed it; empty where it can."""
    if len(url) > MAX_URL_LENGTH:
        return f"The URL is longer than {MAX_URL_LENGTH} characters."
    if not url.isascii() or not url.isprintable() or any(mark in url for mark in ' \\"<>^`{|}'):
        return "The URL may hold only ASCII characters and no spaces; write other letters percent-encoded or as xn--."
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (reading it checks it)
        return _refusal_of_parts(parts, allowed)
    except ValueError:
        return "Enter a complete URL, such as https://example.com/webhook."


def _refusal_of_parts(parts: SplitResult, allowed: Sequence[Network]) -> str:
    if parts.scheme not in {"http", "https"}:
        return "The URL must start with https:// or http://."
    if "@" in parts.netloc:
        return "The URL must not hold a user name or password; send credentials in a header."
    host = (parts.hostname or "").rstrip(".")
    if not host:
        return "Enter a complete URL, such as https://example.com/webhook."
    return BLOCKED if _is_refused_host(host, allowed) else ""


def _is_refused_host(host: str, allowed: Sequence[Network]) -> bool:
    if ":" in host or _is_numeric(host):
        return not may_dial(host, allowed)  # 0x7f.1, 2130706433 and the like are no literal address and refused
    if host == "localhost" or host.endswith(".localhost"):
        return not (may_dial("127.0.0.1", allowed) or may_dial("::1", allowed))
    return False


def _is_numeric(host: str) -> bool:
    """Whether resolvers take `host` for an IPv4 address in some spelling: its last label is a number (WHATWG URL)."""
    last = host.rsplit(".", 1)[-1]
    return last.isdigit() or last.startswith("0x")


def _plain(address: Address) -> Address:
    """The IPv4 address inside an IPv4-mapped IPv6 one; every other address as it is."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
