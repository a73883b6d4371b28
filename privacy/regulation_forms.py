"""Forms about end users and retention: they check what was typed and never save."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from privacy.id_file import LONGEST_ID, MOST_BYTES, TOO_LARGE, IdFileError, read_ids
from privacy.models import Regulation, RetentionSetting

TYPES = [
    (Regulation.Type.SUPPRESS_WITH_DELETE, "Suppress and delete, here and at destinations"),
    (Regulation.Type.DELETE_ONLY, "Delete, here and at destinations"),
    (Regulation.Type.SUPPRESS_WITH_DELETE_INTERNAL, "Suppress and delete, here only"),
    (Regulation.Type.DELETE_INTERNAL, "Delete, here only"),
    (Regulation.Type.DELETE_ARCHIVE_ONLY, "Delete stored events only"),
    (Regulation.Type.SUPPRESS_ONLY, "Suppress: take no further events"),
    (Regulation.Type.UNSUPPRESS, "Stop suppression: take events again"),
]


class UserIdField(forms.CharField):
    """An end user's id, exactly as events carry it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"label": "userId", "max_length": LONGEST_ID, **kwargs})
        self.widget.attrs.update({"autocomplete": "off", "spellcheck": "false"})


class SuppressForm(forms.Form):
    """Whom to suppress."""

    user_id = UserIdField(help_text="Exactly as your events carry it.")


class FindUserForm(forms.Form):
    """Whose rows to show. Posted, so that the id stands in no address."""

    find = UserIdField(required=False, label="Filter by ID")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["find"].widget.attrs["placeholder"] = "Filter by ID..."


class RegulationForm(forms.Form):
    """A new request: for one user, or for the users of a file. `cleaned_data["ids"]` has them."""

    regulation_type = forms.ChoiceField(label="Type", choices=TYPES)
    user_id = UserIdField(required=False, help_text="Exactly as your events carry it.")
    file = forms.FileField(
        label="Or a CSV file",
        required=False,
        allow_empty_file=True,
        help_text="One userId on each line, up to 110,000 of them and 8 MB.",
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
    )

    def __init__(self, *args: Any, too_large: bool = False, **kwargs: Any) -> None:
        """`too_large`: the request was, so its file was not read."""
        super().__init__(*args, **kwargs)
        self._too_large = too_large

    def clean_file(self) -> list[str]:
        """The ids of the file, none without one."""
        file: UploadedFile[Any] | None = self.cleaned_data["file"]
        if self._too_large:
            raise forms.ValidationError(TOO_LARGE, code="refused_file")
        if file is None:
            return []
        try:
            return read_ids(file.read(MOST_BYTES + 1))
        except IdFileError as refused:
            raise forms.ValidationError(str(refused), code="refused_file") from None

    def clean(self) -> dict[str, Any]:
        """Exactly one of the two."""
        cleaned = super().clean() or {}
        user_id, ids = cleaned.get("user_id"), cleaned.get("file")
        if not self.errors and user_id and ids:
            raise forms.ValidationError("Enter a userId or choose a file, not both.")
        if not self.errors and not (user_id or ids):
            raise forms.ValidationError("Enter a userId or choose a file.")
        return cleaned


class RetentionForm(forms.Form):
    """The workspace's period."""

    days = forms.TypedChoiceField(
        label="Workspace default archive retention period",
        choices=RetentionSetting.Period.choices,
        coerce=int,
        help_text="Counted from when an event came in, for all sources.",
    )
