"""What a value itself gives away: built-in checks of shape and, where the format has them, of check digits. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

import phonenumbers
from stdnum import iban, luhn
from stdnum.us import ssn

LONGEST_NUMBER = 45  # the longest written form of any of them but an e-mail address: IPv6 with an IPv4 tail
LONGEST_TEXT = 2_000  # characters in which an e-mail address is looked for

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.)+[A-Za-z]{2,24}(?![\w-])")
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}")
_CARD = re.compile(r"[2-6]\d{3}(?:[ -]?\d){9,15}")
_PHONE = re.compile(r"(?:\+\d[\d ().-]{6,18}\d|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4})")
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_IPV6 = re.compile(r"[0-9A-Fa-f:]{2,39}(?:\d{1,3}(?:\.\d{1,3}){3})?")


@dataclass(frozen=True, slots=True)
class ValueCheck:
    """One built-in check: its name as pages show it, the matcher it speaks for, how restricted a hit is."""

    name: str
    matcher: str
    classification: Literal["red", "yellow"]


EMAIL = ValueCheck("e-mail address", "email", "yellow")
PHONE = ValueCheck("phone number", "phone", "yellow")
CARD = ValueCheck("payment card", "credit card", "red")
SSN = ValueCheck("US social security number", "social security number", "red")
IP = ValueCheck("IP address", "ip", "yellow")
MAC = ValueCheck("MAC address", "mac", "yellow")
IBAN = ValueCheck("IBAN", "iban", "yellow")
VALUE_CHECKS = (EMAIL, PHONE, CARD, SSN, IP, MAC, IBAN)

CARD_DIGITS = range(13, 20)
_SMALLEST_CARD = 10**12  # a number of 13 digits
_NUMBER_STARTS = frozenset("+(0123456789")


def check_value(value: object) -> ValueCheck | None:
    """The check that takes `value` for personal data, or None. Never raises; time is bounded by the value's length."""
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, int) and value >= _SMALLEST_CARD:
        return CARD if _is_card(str(value)) else None
    return None


def is_email(value: object) -> bool:
    """Whether a text looks like an e-mail address or holds one."""
    return isinstance(value, str) and "@" in value and _EMAIL.search(value[:LONGEST_TEXT]) is not None


def _of_text(text: str) -> ValueCheck | None:
    if "@" in text:
        return EMAIL if _EMAIL.search(text[:LONGEST_TEXT]) else None
    if not text or len(text) > LONGEST_NUMBER:
        return None
    text = text.strip()
    if text[:1] in _NUMBER_STARTS and (found := _of_number(text)):
        return found
    if text[2:4].isdigit() and _IBAN.fullmatch(text.upper()) and iban.is_valid(text):
        return IBAN
    return _of_colons(text)


def _of_number(text: str) -> ValueCheck | None:
    if _SSN.fullmatch(text):
        return SSN if ssn.is_valid(text) else None
    if _IPV4.fullmatch(text):
        return IP if _is_address(text) else None
    if _CARD.fullmatch(text) and _is_card(re.sub(r"[ -]", "", text)):
        return CARD
    if _PHONE.fullmatch(text):
        return PHONE if _is_phone(text) else None
    return None


def _of_colons(text: str) -> ValueCheck | None:
    if _MAC.fullmatch(text):
        return MAC
    return IP if text.count(":") > 1 and _IPV6.fullmatch(text) and _is_address(text) else None


def _is_card(digits: str) -> bool:
    """ISO/IEC 7812: 13 to 19 digits, the first of them a bank's, the last one Luhn's. Equal digits are no card."""
    fits = len(digits) in CARD_DIGITS and digits[0] in "23456" and len(set(digits)) > 1
    return fits and luhn.is_valid(digits)


def _is_phone(text: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, None if text.startswith("+") else "US"))
    except phonenumbers.NumberParseException:
        return False


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
