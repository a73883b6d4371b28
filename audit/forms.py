"""The filter above the audit log: it checks what was asked for and never saves."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django import forms

from audit.event_types import EventType
from audit.models import AuditRow


class AuditLogFilter(forms.Form):
    """Time range, actor, event, end user and outcome; each may be left out. Times are UTC."""

    since = forms.DateTimeField(
        label="From (UTC)", required=False, widget=forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M")
    )
    until = forms.DateTimeField(
        label="Until (UTC)", required=False, widget=forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M")
    )
    actor = forms.CharField(
        label="Actor",
        required=False,
        max_length=254,
        widget=forms.TextInput({"list": "members", "autocomplete": "off", "placeholder": "E-mail or user id"}),
    )
    event_type = forms.ChoiceField(
        label="Event", required=False, choices=[("", "All events"), *((each.value, each.value) for each in EventType)]
    )
    end_user_id = forms.CharField(
        label="End user id", required=False, max_length=255, widget=forms.TextInput({"autocomplete": "off"})
    )
    outcome = forms.ChoiceField(
        label="Outcome", required=False, choices=[("", "All outcomes"), *AuditRow.Outcome.choices]
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a range that ends before it starts."""
        cleaned: dict[str, Any] = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until <= since:
            self.add_error("until", "This is before the start of the range.")
        return cleaned

    def as_query(self) -> dict[str, str]:
        """The valid answers as they stand in the page's address, all but the end user's id, which may be PHI."""
        told = {name: self.cleaned_data[name] for name in ("actor", "event_type", "outcome")}
        for name in ("since", "until"):
            moment = self.cleaned_data[name]
            told[name] = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") if moment else ""
        return {name: value for name, value in told.items() if value}
