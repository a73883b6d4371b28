"""Forms of the Privacy Portal: they check what was typed and never save."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from segment_app.forms import Switch
from workspaces.models import Source


class SlackForm(forms.Form):
    """Alerts to Slack."""

    slack = forms.BooleanField(label="Send alerts to Slack", required=False, widget=Switch)
    slack_url = forms.CharField(
        label="Webhook URL",
        required=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"placeholder": "Enter url...", "autocomplete": "off", "spellcheck": "false"}),
    )
    slack_channel = forms.CharField(
        label="Slack Channel",
        required=False,
        max_length=80,
        help_text="Empty for the channel the webhook was made for.",
        widget=forms.TextInput(attrs={"placeholder": "Enter #slack-channel...", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, has_url: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        add = "Add an incoming webhook in Slack and paste the link to it below."
        kept = "An address is kept. It is not shown again; type another one to replace it."
        self.fields["slack_url"].help_text = kept if has_url else add
        if has_url:
            self.fields["slack_url"].widget.attrs["placeholder"] = "•" * 12


class SegmentForm(forms.Form):
    """Alerts as events of a source."""

    segment = forms.BooleanField(label="Send alerts to a source", required=False, widget=Switch)
    segment_source = forms.ModelChoiceField(
        Source.objects.none(),
        label="Source",
        required=False,
        empty_label="Select one of your existing sources",
        help_text="Sends new unclassified data into a source, as track events named New Privacy Field Detected.",
        error_messages={"invalid_choice": "Choose one of the sources of this workspace."},
    )

    def __init__(self, sources: QuerySet[Source], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["segment_source"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = sources
