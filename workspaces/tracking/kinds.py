"""The names events and ingest paths go by."""

from __future__ import annotations

EVENT_TYPES = frozenset({"identify", "track", "page", "screen", "group", "alias"})
BATCH = "batch"
# What an event of no known type is counted as.
UNKNOWN = "unknown"

# Ingest paths below /v1/ and what they take. Browser SDKs use the letters; `import` is older SDKs' name for `batch`.
LETTERS = {"i": "identify", "t": "track", "p": "page", "s": "screen", "g": "group", "a": "alias", "b": BATCH}
PATHS = {**{name: name for name in EVENT_TYPES}, BATCH: BATCH, "import": BATCH, **LETTERS}

# Documented limits of one request, in bytes after decompression, and of one batch.
MOST_EVENT_BYTES = 32 * 1024
MOST_BATCH_BYTES = 500 * 1024
MOST_BATCH_EVENTS = 2500
# What orjson writes at most; a deeper event could not be delivered.
MOST_DEPTH = 250
