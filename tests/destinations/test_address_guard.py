"""What may be dialled, in every spelling."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destinations.delivery.address_guard import BLOCKED, may_dial, parse_networks, refusal_of_url

REFUSED = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "192.88.99.1",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::808:808", "64:ff9b:1::1", "2001:db8::1", "2001::1", "2002:7f00:1::", "2002:808:808::1", "fc00::1",
    "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "100::1", "3fff::1", "5f00::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"]
OBFUSCATED = [
    "http://0x7f.1/", "http://0x7f000001/", "http://2130706433/", "http://017700000001/", "http://127.1/",
    "http://0177.0.0.1/", "http://127.0.0.1./", "http://[::ffff:127.0.0.1]/", "http://[::]/", "http://1.2.3.4.5/",
    "http://localhost/", "http://LOCALHOST:8080/x", "http://a.localhost/", "http://localhost./", "http://0x7F.0.0.1/",
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_private_and_special_addresses_are_refused(address: str) -> None:
    assert not may_dial(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_dialled(address: str) -> None:
    assert may_dial(address)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.1", "8.8.8.8:80", "[::1]", "08.8.8.8"])
def test_what_is_no_literal_address_is_refused(text: str) -> None:
    assert not may_dial(text)


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=4, network="192.168.0.0/16"))
def test_wrapping_a_private_address_in_ipv6_does_not_help(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    wrappings = [f"::ffff:{address}", f"::{address}", f"64:ff9b::{address}"]
    wrappings.append(str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))))
    assert not any(may_dial(text) for text in wrappings)


@given(st.ip_addresses())
def test_nothing_that_is_not_global_passes(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    mapped = getattr(address, "ipv4_mapped", None) or address
    assert not may_dial(str(address)) or mapped.is_global


def test_the_allow_list_opens_exactly_its_networks() -> None:
    allowed = parse_networks(["127.0.0.0/8", " 10.1.2.3 ", ""])
    assert may_dial("127.0.0.1", allowed)
    assert may_dial("::ffff:127.0.0.1", allowed)
    assert may_dial("10.1.2.3", allowed)
    assert not may_dial("10.1.2.4", allowed)
    assert not may_dial("::1", allowed)


def test_an_allow_list_that_is_no_network_is_an_error() -> None:
    with pytest.raises(ValueError):
        parse_networks(["internal"])


@pytest.mark.parametrize("url", OBFUSCATED)
def test_urls_into_private_networks_are_refused_in_every_spelling(url: str) -> None:
    assert refusal_of_url(url) == BLOCKED


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://example.com:8080/hook?x=1#y",
        "https://8.8.8.8/",
        "https://xn--bcher-kva.example/%C3%A9",
    ],
)
def test_public_urls_are_taken(url: str) -> None:
    assert refusal_of_url(url) == ""


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://example.com", "must start with"),
        ("file:///etc/passwd", "must start with"),
        ("//example.com", "must start with"),
        ("https://", "complete URL"),
        ("https://:80/", "complete URL"),
        ("https://example.com:99999/", "complete URL"),
        ("https://[::1/", "complete URL"),
        ("https://user:pw@example.com/", "user name or password"),
        ("https://@example.com/", "user name or password"),
        ("https://exam ple.com/", "no spaces"),
        ("https://example.com\\@127.0.0.1/", "no spaces"),
        ("https://bücher.example/", "ASCII"),
        ("https://example.com/\r\nX: y", "ASCII"),
        ("https://example.com/" + "a" * 2000, "longer than"),
    ],
)
def test_refusals_say_what_is_wrong(url: str, says: str) -> None:
    assert says in refusal_of_url(url)


def test_the_blocked_message_names_the_way_out() -> None:
    assert "DELIVERY_ALLOWED_NETWORKS" in BLOCKED


def test_the_form_check_honours_the_allow_list() -> None:
    allowed = parse_networks(["127.0.0.1/32"])
    assert refusal_of_url("http://127.0.0.1:9000/", allowed) == ""
    assert refusal_of_url("http://localhost:9000/", allowed) == ""
    assert refusal_of_url("http://10.0.0.1/", allowed) == BLOCKED


@given(st.text(max_size=80))
def test_no_text_breaks_the_check(text: str) -> None:
    assert isinstance(refusal_of_url(text), str)
    assert isinstance(refusal_of_url(f"https://{text}"), str)
