"""Forms of sources and settings: they check what was typed and never save."""

from __future__ import annotations

from django import forms

from segment_app.forms import Switch
from workspaces.models import Source, Workspace


class AddSourceForm(forms.Form):
    """The name of a new source."""

    name = forms.CharField(
        max_length=Source._meta.get_field("name").max_length,
        help_text="Identifies the source in this workspace, such as Patient portal (production).",
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "Patient portal"}),
    )


class SourceSettingsForm(forms.Form):
    """Name and state of a source."""

    name = forms.CharField(
        max_length=Source._meta.get_field("name").max_length,
        help_text="Identifies the source in this workspace. The slug in addresses stays as it is.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    enabled = forms.BooleanField(
        label="Enable Source",
        required=False,
        help_text="When disabled, events sent with this source's write keys are not accepted.",
        widget=Switch(),
    )


class GeneralSettingsForm(forms.Form):
    """Name, slug and the answer to unknown write keys."""

    name = forms.CharField(
        label="Workspace Name",
        max_length=Workspace._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    slug = forms.SlugField(
        label="Workspace Slug",
        max_length=Workspace._meta.get_field("slug").max_length,
        help_text=(
            "Letters, digits and hyphens. Changing the slug changes the address of every page of this workspace: "
            "bookmarks and links with the old one stop working."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    strict_write_keys = forms.BooleanField(
        label="Strict write keys",
        required=False,
        help_text=(
            "Off: a request with a write key that is unknown or revoked is answered 200 and its events are dropped, "
            "as client libraries expect. On: it is answered 401, so that a wrong key shows at once."
        ),
        widget=Switch(),
    )

    def clean_slug(self) -> str:
        """In lower case, as addresses are."""
        return str(self.cleaned_data["slug"]).lower()
