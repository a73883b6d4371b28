"""Forms of the destination pages: they validate and never save."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict

from destinations import drafts
from destinations.catalog.base import SettingsForm
from destinations.catalog.registry import connector
from destinations.drafts import Answers
from destinations.encryption import setup
from destinations.kinds import offers_encryption
from destinations.models import Draft, EncryptedField
from privacy.encryptable import encryptable_fields
from segment_app.forms import Switch
from workspaces.models import Source, Workspace

DOTS = "••••••••••••"
PREFIX = "settings"
CLEAR = "_clear"
NOT_CHOSEN = "Tick this box before you generate keys."
FIELDS_HINT = "Fields that are not listed must first be set to Yellow in the Privacy Portal."


class SourceForm(forms.Form):
    """Select data source."""

    source = forms.ModelChoiceField(
        Source.objects.none(),
        widget=forms.RadioSelect,
        empty_label=None,
        error_messages={
            "required": "Choose a source.",
            "invalid_choice": "Choose one of the sources of this workspace.",
        },
    )

    def __init__(self, sources: QuerySet[Source], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["source"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = sources


class BasicForm(forms.Form):
    """What every destination has, whatever its kind."""

    name = forms.CharField(
        max_length=drafts.MAX_NAME,
        help_text="Type a name to help you identify this destination.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    enabled = forms.BooleanField(
        label="Enable Destination",
        required=False,
        help_text="When enabled, events of the source are sent to this destination.",
        widget=Switch,
    )


class EncryptionForm(forms.Form):
    """Data Encryption on the Setup page."""

    encrypts = forms.BooleanField(label="Have Segment encrypt sensitive data", required=False)
    key_bits = forms.TypedChoiceField(
        label="Key size",
        coerce=int,
        empty_value=None,
        required=False,  # where encryption is not offered, nothing is sent
        choices=[(bits, f"RSA {bits} bits") for bits in setup.KEY_SIZES],
        help_text="3072 suits most destinations. Smaller keys make shorter values, larger ones last longer.",
    )
    key_stored = forms.BooleanField(label="I have stored my private key", required=False)

    def __init__(self, workspace: Workspace, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["fields"] = forms.MultipleChoiceField(
            label="Fields",
            required=False,
            choices=field_choices(workspace),
            help_text=FIELDS_HINT,
            error_messages={"invalid_choice": "A chosen field can no longer be encrypted. Choose again."},
            # The script shows its own control: what names that one must stand here before it starts.
            widget=forms.SelectMultiple(
                attrs={"data-chips": "Choose fields...", "aria-label": "Fields", "size": 8},
            ),
        )


def field_choices(workspace: Workspace) -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be encrypted, grouped by where it comes from."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for field in encryptable_fields(workspace):
        groups.setdefault(EncryptedField.Kind(field.kind).label, []).append((field.value, field.label))
    return list(groups.items())


def settings_form(
    kind: str, *, stored: Mapping[str, Any], data: QueryDict | None = None, keeps_typed: bool = False
) -> SettingsForm:
    """The connector's form. Stored secrets never reach the page: dots stand for them, and an empty answer keeps them.

    `keeps_typed`: what is typed is stored even when invalid, as a draft does.
    """
    form_class = connector(kind).settings_form
    kept = {name: stored[name] for name in _secrets(form_class) if stored.get(name)}
    answers = _with_kept(data, kept)
    form = form_class(answers, initial=dict(stored), prefix=PREFIX)
    for name in _secrets(form_class):
        typed = keeps_typed and bool(answers and answers.get(f"{PREFIX}-{name}"))
        _hide(form, name, is_stored=name in kept or typed)
    return form


def typed_settings(form: SettingsForm) -> dict[str, Any]:
    """What was typed into a bound form, valid or not, with kept secrets in their place."""
    return {name: form[name].data for name in form.fields if not name.endswith(CLEAR)}


def clean_settings(form: SettingsForm) -> dict[str, Any]:
    """A valid form's settings, as they are to be sealed."""
    return {name: value for name, value in form.cleaned_data.items() if not name.endswith(CLEAR)}


def _secrets(form_class: type[SettingsForm]) -> list[str]:
    declared = form_class.base_fields
    return [name for name, field in declared.items() if isinstance(field.widget, forms.PasswordInput)]


def _with_kept(data: QueryDict | None, kept: Mapping[str, Any]) -> QueryDict | None:
    if data is None:
        return None
    answers = data.copy()
    for name, value in kept.items():
        key = f"{PREFIX}-{name}"
        if not answers.get(key) and not answers.get(key + CLEAR):
            answers[key] = value
    return answers


def _hide(form: SettingsForm, name: str, *, is_stored: bool) -> None:
    field = form.fields[name]
    assert isinstance(field.widget, forms.PasswordInput)
    field.widget.render_value = False
    if not is_stored:
        return
    field.widget.attrs["placeholder"] = DOTS
    field.help_text = f"{field.help_text} Leave empty to keep the stored one."
    if not field.required:
        form.fields[name + CLEAR] = forms.BooleanField(required=False, label=f"Remove the stored {field.label}")


class SetupForms:
    """The Setup page's three forms as one: basic, the connector's settings, and Data Encryption where it is offered."""

    def __init__(self, draft: Draft, data: QueryDict | None = None) -> None:
        self.kind = draft.kind
        self.offered = offers_encryption(draft.workspace, draft.kind)
        self.basic = BasicForm(data, initial={"name": draft.name, "enabled": draft.enabled})
        self.settings = settings_form(draft.kind, stored=drafts.settings_of(draft), data=data, keeps_typed=True)
        chosen = {"encrypts": draft.encrypts, "fields": draft.fields, "key_bits": draft.key_bits}
        self.encryption = EncryptionForm(draft.workspace, data, initial=chosen)

    def can_create(self) -> bool:
        """Whether every form is valid; `answers` then holds cleaned values."""
        # Each is asked, also after one has failed: all errors are to show at once.
        return {self.basic.is_valid(), self.settings.is_valid(), self.encryption.is_valid()} == {True}

    def can_generate(self) -> bool:
        """Whether the encryption part alone is valid and chosen, which is all a key pair needs."""
        if self.encryption.is_valid() and not self.encryption.cleaned_data["encrypts"]:
            self.encryption.add_error("encrypts", NOT_CHOSEN)
        return self.encryption.is_valid()

    def answers(self) -> Answers:
        """The answers as they stand, valid or not."""
        chosen = _typed(self.encryption)
        return Answers(
            name=str(self.basic["name"].data or "").strip(),
            enabled=bool(self.basic["enabled"].data),
            settings=clean_settings(self.settings) if self.settings.is_valid() else typed_settings(self.settings),
            encrypts=bool(self.encryption["encrypts"].data),
            **chosen,
        )

    @property
    def has_errors(self) -> bool:
        """Whether anything on the page needs correcting."""
        return any(form.errors for form in (self.basic, self.settings, self.encryption))

    def show_only_encryption_errors(self) -> None:
        """Show the other parts as typed, without judging them: they were not asked about."""
        answers = self.answers()
        self.basic = BasicForm(initial={"name": answers.name, "enabled": answers.enabled})
        self.settings = settings_form(self.kind, stored=answers.settings)

    def add_errors(self, refusal: ValidationError) -> None:
        """Show a verb's refusal next to the field it names."""
        for name, messages in _by_field(refusal).items():
            form, field = self._place(name)
            form.add_error(field, messages)

    def _place(self, name: str) -> tuple[forms.Form, str | None]:
        form: forms.Form = self.encryption if name in self.encryption.fields else self.basic
        return form, name if name in form.fields else None


def _typed(form: EncryptionForm) -> dict[str, Any]:
    form.is_valid()
    cleaned = form.cleaned_data
    return {
        "fields": cleaned.get("fields", []),
        "key_bits": cleaned.get("key_bits") or setup.KEY_SIZES[0],
        "key_stored": cleaned.get("key_stored", False),
    }


def _by_field(refusal: ValidationError) -> Mapping[str, list[ValidationError]]:
    return refusal.error_dict if hasattr(refusal, "error_dict") else {"": refusal.error_list}
