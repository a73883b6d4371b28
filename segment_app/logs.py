"""Log lines that can hold no PHI: of an exception they keep its type and the places it passed, never its words.

Django names the address of a refused request; where that is a link that lets somebody in, its secret is left out.
"""

import logging
import re
import traceback
from datetime import UTC, datetime

_SECRET_LINK = re.compile(r"(/(?:invitations|login/link|password/reset/key|confirm-email)/)[^\s?]+")


class LineFormatter(logging.Formatter):
    """One line a record: time, level, logger, message. Exception texts and local variables are left out."""

    def format(self, record: logging.LogRecord) -> str:
        """Render the record; an attached exception becomes ` | TypeName at file:line < file:line`."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        message = _SECRET_LINK.sub(r"\1...", record.getMessage())
        line = f"{when} {record.levelname} {record.name} {message}"
        return f"{line} | {self.formatException(record.exc_info)}" if record.exc_info else line

    def formatException(self, ei: object) -> str:  # noqa: N802  (the name is logging's)
        """The exception's type and the innermost eight places, newest first."""
        kind, _, trace = ei if isinstance(ei, tuple) else (None, None, None)
        places = [f"{frame.filename}:{frame.lineno}" for frame in reversed(traceback.extract_tb(trace)[-8:])]
        return f"{getattr(kind, '__name__', 'Exception')} at {' < '.join(places)}"
