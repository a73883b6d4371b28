"""What is asked before events are sent again, or followed."""

from __future__ import annotations

from django import forms

from workspaces.models import Workspace

MINUTE = "%Y-%m-%dT%H:%M"


class ReplayForm(forms.Form):
    """The stretch of a replay, in UTC; its end is exclusive."""

    since = forms.DateTimeField(
        label="Received from (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MINUTE)
    )
    until = forms.DateTimeField(
        label="Until (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MINUTE)
    )


class TraceForm(forms.Form):
    """Which message support staff follow: ids are looked for in one workspace at a time."""

    workspace = forms.ModelChoiceField(Workspace.objects.order_by("name"), to_field_name="slug")
    message_id = forms.CharField(label="Message ID", max_length=100)
