"""Titles of the discard codes events are counted under (documented, step *Failed on ingest*), and what each means."""

TITLES = {
    "empty_batch_result": "Empty batch result",
    "source_disabled": "Source disabled",
    "empty_batch": "Batch is empty",
    "multi_user_error": "Multi user error",
    "no_user_anon_id": "No userID or anonymousID",
    "event_not_defined": "Event not defined",
    "event_not_string": "Track event not a string",
    "properties_not_object": "Properties field not an object",
    "traits_not_object": "Traits must be an object",
    "name_not_string": "Name must be non-empty string",
    "category_not_string": "Category field must be a string",
    "id_required": "Identifier missing from payload",
    "id_not_string": "Identifier not a string",
    "bad_request": "Bad request",
    "unknown_source": "Unknown source",
    "invalid_settings": "Invalid settings",
    "locked_workspace": "Workspace is locked out",
    "suppressed_user": "Suppressed user",  # ours: their events are stored nowhere
    "deleted_user": "Deleted user",  # ours: taken out of the event log by a regulation
}

NOTES = {
    "source_disabled": "The source was disabled when the event came. Enable it on its Settings tab.",
    "empty_batch": "The request's `batch` held no event.",
    "no_user_anon_id": "An event needs a userId or an anonymousId.",
    "event_not_defined": "A track call needs the name of its event in `event`.",
    "event_not_string": "The name of a track call's event was not a string, or empty.",
    "properties_not_object": "`properties` was not an object.",
    "traits_not_object": "`traits` was not an object.",
    "name_not_string": "For page or screen calls, the name was empty or not a string.",
    "category_not_string": "For page or screen calls, the category was empty or not a string.",
    "id_required": "A group call needs a groupId, an alias call a previousId.",
    "id_not_string": "An identifier was neither a string nor a number.",
    "bad_request": "The event was no object of a known type, too large, or one too many in its batch.",
    "suppressed_user": "The end user is suppressed: nothing of theirs is stored.",
    "deleted_user": "A regulation deleted this end user's events.",
    "duplicate": "An event with this messageId had come before.",
}


def note(code: str) -> str:
    """A sentence on why these events were not taken; empty for a code that says it all."""
    return NOTES.get(code, "")


def title(code: str) -> str:
    """What the page calls a code; an undocumented one in words."""
    return TITLES.get(code) or code.replace("_", " ").capitalize()
