"""Files that are sent while they are made, and say so themselves where they end too soon."""

from __future__ import annotations

from collections.abc import Iterator

NOT_WHOLE = {
    "csv": "THIS FILE IS NOT WHOLE: the download broke off here\r\n",
    "ndjson": '{"error": "THIS FILE IS NOT WHOLE: the download broke off here"}\n',
}


class DownloadCancelled(Exception):
    """Ends a file in the middle: whoever asked for it wants it no more."""


class DownloadBrokeOff(Exception):
    """A file ended too soon; names the kind of error alone, since its words may be about somebody."""


def whole_or_told(pieces: Iterator[str | bytes], form: str) -> Iterator[str | bytes]:
    """The pieces; where they end too soon, a last line that says so, and what went wrong without its words.

    The server ends a stream that failed as if it were whole, so that nothing else would tell. `form` is the file's
    ending; a ZIP without its end opens nowhere and needs no such line.
    """
    try:
        yield from pieces
    except DownloadCancelled:
        yield NOT_WHOLE.get(form, "")
    except Exception as error:  # noqa: BLE001  (whatever it was, whoever reads the file must know)
        yield NOT_WHOLE.get(form, "")
        raise DownloadBrokeOff(type(error).__name__) from None
