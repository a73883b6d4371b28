"""Titles of the discard codes events are counted under (documented, step *Failed on ingest*)."""

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
}


def title(code: str) -> str:
    """What the page calls a code; an undocumented one in words."""
    return TITLES.get(code) or code.replace("_", " ").capitalize()
