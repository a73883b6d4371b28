"""A file of user ids: one on each line, UTF-8, with or without the heading `userId`. Pure."""

from __future__ import annotations

import csv
import io
import re

MOST_IDS = 5_000  # documented, of one call
MOST_IN_FILE = 110_000  # ours: a month's users
MOST_BYTES = 8 * 1024 * 1024  # ours: room for as many ids as UUIDs in quotation marks
LONGEST_ID = 1_000  # characters; ours
MOST_PROBLEMS = 5
HEADING = "userid"
CONTROL = re.compile("[\x00-\x1f]")
TOO_LARGE = "The file has more than 8 MB. Split it and upload the parts one after the other."


class IdFileError(ValueError):
    """The file cannot be taken; the message says which line is wrong and what to do. It repeats no id."""


def read_ids(content: bytes) -> list[str]:
    """Every id of the file once, in order; raises IdFileError. Blank lines are left out."""
    if len(content) > MOST_BYTES:
        raise IdFileError(TOO_LARGE)
    rows = list(_rows(_text(content)))
    problems = [problem for number, row in rows if (problem := _refusal(number, row))]
    if problems:
        more = f" {len(problems) - MOST_PROBLEMS} more lines are wrong." if len(problems) > MOST_PROBLEMS else ""
        raise IdFileError(" ".join(problems[:MOST_PROBLEMS]) + more)
    ids = list(dict.fromkeys(row[0] for _, row in rows))
    if ids and ids[0].replace(" ", "").replace("_", "").lower() == HEADING:
        ids = ids[1:]
    if not ids:
        raise IdFileError("The file has no ids. Put one userId on each line.")
    if len(ids) > MOST_IN_FILE:
        raise IdFileError(f"The file has {len(ids):,} ids; a month's limit is {MOST_IN_FILE:,}. Leave some out.")
    return ids


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise IdFileError(f"Line {line} is not UTF-8. Save the file as CSV in UTF-8.") from None


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Each line that holds something with its number; cells trimmed, empty ones at the end left out."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                found.append((reader.line_num, cells))
    except csv.Error:
        raise IdFileError(f"Line {reader.line_num} is not CSV: a quotation mark is open or doubled wrongly.") from None
    return found


def _refusal(number: int, row: list[str]) -> str:
    if len(row) > 1:
        return f"Line {number} has {len(row)} columns: put one userId on each line."
    return f"Line {number}: {found}" if (found := refusal_of_id(row[0])) else ""


def refusal_of_id(user_id: str) -> str:
    """What is wrong with an id, in a sentence; "" where it can be taken."""
    if len(user_id) > LONGEST_ID:
        return f"a userId may have {LONGEST_ID:,} characters."
    if CONTROL.search(user_id):
        return "a userId cannot hold control characters."
    return ""
