"""What every client sends: one call of each kind, with values that are easily damaged on the way."""

VALUES = {
    "note": 'Grüße 秘密 🩺 \u2028 "quoted" \\ </script>',
    "patient": {"Phone": "+49 30 1234", "visits": [{"code": "Z00.0", "notes": [None, ["deep"]]}]},
    "tags": ["a", "", 1, 2.5, True, None],
    "count": 3,
    "most": 9007199254740991,
    "price": -12.75,
    "zero": 0,
    "urgent": True,
    "closed": False,
    "nothing": None,
    "empty": "",
    "no tags": [],
    "no keys": {},
}
USER = {"userId": "patient-7"}
CALLS = [
    {"type": "identify", **USER, "traits": VALUES},
    {"type": "track", **USER, "event": "Visit Bööked", "properties": VALUES},
    {"type": "page", **USER, "category": "Docs", "name": "Über uns", "properties": VALUES},
    {"type": "screen", **USER, "category": "App", "name": "Start", "properties": VALUES},
    {"type": "group", **USER, "groupId": "clinic-1", "traits": VALUES},
    {"type": "alias", **USER, "previousId": "visitor-1"},
]
TRACK = CALLS[1]
IN_BROWSER = [
    ("identify", "patient-7", VALUES),
    ("track", "Visit Bööked", VALUES),
    ("page", "Docs", "Über uns", VALUES),
    ("screen", "App", "Start", VALUES),
    ("group", "clinic-1", VALUES),
    ("alias", "patient-7", "visitor-1"),
]


def numbered(first: int, last: int) -> list[dict[str, object]]:
    """Calls that can be told apart."""
    return [{"type": "track", **USER, "event": f"Event {number}"} for number in range(first, last + 1)]
