"""Files of user ids: what is read of them, and the line each complaint names."""

from __future__ import annotations

import uuid

import pytest

from privacy.id_file import IdFileError, read_ids


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        (b"u1\nu2\n", ["u1", "u2"]),
        (b"\xef\xbb\xbfuserId\r\nu1\r\n\r\nu2", ["u1", "u2"]),
        (b'user_id,\n"a,b",\n u2 ,,\n', ["a,b", "u2"]),
        (b"u1\nu2\nu1\n", ["u1", "u2"]),
        ("ü-1\n".encode(), ["ü-1"]),
    ],
)
def test_ids_are_read_once_in_order(content: bytes, ids: list[str]) -> None:
    assert read_ids(content) == ids


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file has no ids. Put one userId on each line."),
        (b"userId\n", "The file has no ids. Put one userId on each line."),
        (b"u1\nu2,Ana\n", "Line 2 has 2 columns: put one userId on each line."),
        (b"u1\n\xff\n", "Line 2 is not UTF-8. Save the file as CSV in UTF-8."),
        (b'u1\n"u2\n', "Line 2 is not CSV: a quotation mark is open or doubled wrongly."),
        (b"u1\nu\x07\n", "Line 2: a userId cannot hold control characters."),
        (b"x" * 1001, "Line 1: a userId may have 1,000 characters."),
        (
            b"\n".join(b"u%d" % n for n in range(110_001)),
            "The file has 110,001 ids; a month's limit is 110,000. Leave some out.",
        ),
        (
            b"x" * (8 * 1024 * 1024 + 1),
            "The file has more than 8 MB. Split it and upload the parts one after the other.",
        ),
    ],
)
def test_a_complaint_says_where_and_what_to_do(content: bytes, message: str) -> None:
    with pytest.raises(IdFileError) as refused:
        read_ids(content)
    assert str(refused.value) == message


def test_many_wrong_lines_are_counted() -> None:
    with pytest.raises(IdFileError, match=r"^Line 1 .* Line 5 has 2 columns: .* 3 more lines are wrong\.$"):
        read_ids(b"a,b\n" * 8)


def test_a_months_users_fit_in_one_file_as_spreadsheets_write_it() -> None:
    ids = [str(uuid.UUID(int=number)) for number in range(110_000)]
    lines = ["User ID", *(f'"{each}"' for each in ids), f'"{ids[0]}"', ""]
    content = b"\xef\xbb\xbf" + "\r\n".join(lines).encode()
    assert read_ids(content) == ids


def test_a_wrong_line_far_down_is_named() -> None:
    content = b"userId\r\n" + b'"u"\r\n' * 70_000 + b'"a","b"\r\n'
    with pytest.raises(IdFileError, match=r"^Line 70002 has 2 columns: put one userId on each line\.$"):
        read_ids(content)
