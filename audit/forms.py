"""The filter above the audit log: it checks what was asked for and never saves."""

from __future__ import annotations

import uuid
from datetime import UTC
from typing import Any

from django import forms

from audit.event_types import EventType
from audit.ids import within_reach
from audit.models import AuditRetention, AuditRow
from audit.retention import LEAST_YEARS, MOST_YEARS
from audit.trail import CHANGES

_AS_THEY_ARE = ("actor", "actor_kind", "event_type", "outcome", "object_id", "id")


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
    actor_kind = forms.ChoiceField(
        label="Kind of actor", required=False, choices=[("", "Everybody"), *AuditRow.ActorKind.choices]
    )
    event_type = forms.ChoiceField(
        label="Event", required=False, choices=[("", "All events"), *((each.value, each.value) for each in EventType)]
    )
    end_user_id = forms.CharField(
        label="End user or message id", required=False, max_length=255, widget=forms.TextInput({"autocomplete": "off"})
    )
    outcome = forms.ChoiceField(
        label="Outcome", required=False, choices=[("", "All outcomes"), *AuditRow.Outcome.choices]
    )

    object_id = forms.CharField(
        label="Object id", required=False, max_length=40, widget=forms.TextInput({"autocomplete": "off"})
    )
    id = forms.CharField(
        label="Row or request id", required=False, max_length=40, widget=forms.TextInput({"autocomplete": "off"})
    )
    changes_only = forms.BooleanField(label="Changes only", required=False)

    def clean_id(self) -> str:
        """Refuse what is no id: it would find nothing and say nothing."""
        typed: str = self.cleaned_data["id"].strip()
        try:
            return str(uuid.UUID(typed)) if typed else ""
        except ValueError:
            raise forms.ValidationError("Copy the whole id of a row or a request, 32 letters and digits.") from None

    def clean(self) -> dict[str, Any]:
        """Refuse a range that ends before it starts."""
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned |= {name: within_reach(cleaned[name]) for name in ("since", "until") if cleaned.get(name)}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until <= since:
            self.add_error("until", "This is before the start of the range.")
        return cleaned

    def as_query(self) -> dict[str, str]:
        """The valid answers as they stand in the page's address, all but the end user's id, which may be PHI."""
        asked = self.cleaned_data
        told = {name: asked.get(name, "") for name in _AS_THEY_ARE}
        told["changes_only"] = "on" if asked.get("changes_only") else ""
        for name in ("since", "until"):
            moment = asked.get(name)
            told[name] = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") if moment else ""
        return {name: value for name, value in told.items() if value}


class AuditTrailFilter(AuditLogFilter):
    """Actor and event alone: the trail is of changes, and of 90 days."""

    event_type = forms.ChoiceField(
        label="Event", required=False, choices=[("", "All changes"), *((each.value, each.value) for each in CHANGES)]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields = {name: self.fields[name] for name in ("actor", "event_type")}


class AuditPeriodForm(forms.Form):
    """For how many years rows are kept."""

    years = forms.IntegerField(
        label="Years",
        min_value=LEAST_YEARS,
        max_value=MOST_YEARS,
        help_text=f"{LEAST_YEARS} to {MOST_YEARS} calendar years. HIPAA asks for {LEAST_YEARS}; no log goes sooner.",
    )


class LegalHoldForm(forms.Form):
    """Why a hold is placed or released."""

    reason = forms.CharField(
        max_length=AuditRetention._meta.get_field("reason").max_length,
        help_text="Stands in the audit log, such as a matter's number. Name no patients.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
