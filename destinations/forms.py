"""Forms of the destination pages: they validate and never save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict

from destinations import drafts
from destinations.catalog.base import SecretText, SettingsForm
from destinations.catalog.registry import connector
from destinations.drafts import Answers
from destinations.encryption import setup
from destinations.encryption.coverage import covered, paths_of
from destinations.kinds import offers_encryption, why_no_encryption
from destinations.models import Destination, Draft, EncryptedField, PublicKey
from privacy.encryptable import EncryptableField, encryptable_fields
from segment_app.forms import Switch
from workspaces.models import Source, Workspace

DOTS = "••••••••••••"
PREFIX = "settings"
SHOWN_PATHS = 4  # beside one choice
CLEAR = "_clear"
NO_LONGER_OFFERED = "No longer offered"
START_AGAIN = "You chose to encrypt for this destination. To make one that is not encrypted, start its setup again."
NOT_CHOSEN = "Tick this box before you generate keys."
KEY_ORIGINS = [
    (PublicKey.Origin.SERVER, "Generate here: the private key is shown once and not stored"),
    (PublicKey.Origin.BROWSER, "Generate in this browser: the private key never reaches the server"),
    (PublicKey.Origin.OWN, "Use my own public key"),
]
STARTS_DISABLED = (
    "New destinations start disabled: they get no events. Turn this on to send events of the source from the start, "
    "or leave it off and turn it on under Settings later."
)
ENTER_AGAIN = "The address is another one now. Enter this again, so that what is stored does not go there unseen."
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


class SetupBasicForm(BasicForm):
    """The same on the Setup page, where the switch is off at first (documented)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["enabled"].help_text = STARTS_DISABLED


class HoldForm(forms.Form):
    """Our own addition to a destination's settings."""

    hold_unclassified = forms.BooleanField(
        label="Hold unclassified fields",
        required=False,
        help_text="Only fields classified green, and yellow ones that are encrypted, are sent. All other values are "
        "left out of each event and counted.",
        widget=Switch,
    )


class FieldSelect(forms.SelectMultiple):
    """Tells, beside each choice, which paths of recent events it covers."""

    def __init__(self, covers: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._covers = covers

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The option, with its paths for the script to show."""
        option = super().create_option(name, value, *args, **kwargs)
        if paths := self._covers.get(str(value)):
            more = f" and {len(paths) - SHOWN_PATHS} more" if len(paths) > SHOWN_PATHS else ""
            option["attrs"]["data-covers"] = f"{', '.join(paths[:SHOWN_PATHS])}{more}"
        return option


class PublicKeyBox(forms.Textarea):
    """Never shows what was sent: it may be a private key that somebody pasted by mistake."""

    def format_value(self, value: Any) -> str:
        """Nothing, whatever the value."""
        return ""


class _DestinationField(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic at run time
    """Destinations by name, each with the source that tells it from its like."""

    def label_from_instance(self, obj: Destination) -> str:
        return f"{obj.name} (source {obj.source.name})"


class CopyForm(forms.Form):
    """Copy Settings From Other Destination."""

    other = _DestinationField(
        Destination.objects.none(),
        label="Destination",
        widget=forms.RadioSelect,
        empty_label=None,
        error_messages={
            "required": "Choose a destination.",
            "invalid_choice": "Choose one of the destinations listed.",
        },
    )

    def __init__(self, others: QuerySet[Destination], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["other"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = others


class DeleteForm(forms.Form):
    """The typed confirmation."""

    typed_name = forms.CharField(
        label="Name of the destination",
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class EncryptionForm(forms.Form):
    """Data Encryption, on the Setup page and on its own tab."""

    encrypts = forms.BooleanField(label="Have Segment encrypt sensitive data", required=False)
    key_origin = forms.ChoiceField(label="Key pair", required=False, choices=KEY_ORIGINS, widget=forms.RadioSelect)
    key_bits = forms.TypedChoiceField(
        label="Key size",
        coerce=int,
        empty_value=None,
        required=False,  # where encryption is not offered, nothing is sent
        choices=[(bits, f"RSA {bits} bits") for bits in setup.KEY_SIZES],
        help_text="3072 suits most destinations. Smaller keys make shorter values, larger ones last longer.",
    )
    public_key = forms.CharField(
        label="Public key",
        required=False,
        strip=False,
        help_text="RSA of 2048 to 8192 bits, as PEM or JSON Web Key. Never paste a private key.",
        widget=PublicKeyBox(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"}),
    )
    key_stored = forms.BooleanField(label="I have stored my private key", required=False)
    pending = forms.CharField(required=False, max_length=95)

    def __init__(
        self,
        workspace: Workspace,
        *args: Any,
        source: Source | None = None,
        destination: Destination | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        offered = encryptable_fields(workspace)
        covers = covered(offered, paths_of(source)) if source else {}
        self.fields["fields"] = forms.MultipleChoiceField(
            label="Fields",
            required=False,
            choices=field_choices(offered, setup.kept_fields(destination)),
            help_text=FIELDS_HINT,
            error_messages={"invalid_choice": "A chosen field can no longer be encrypted. Choose again."},
            # The script shows its own control: what names that one must stand here before it starts.
            widget=FieldSelect(covers, attrs={"data-chips": "Choose fields...", "aria-label": "Fields", "size": 8}),
        )


def field_choices(offered: Sequence[EncryptableField], kept: set[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be encrypted, grouped by where it comes from; last, what is `kept` though it is no longer offered."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for field in offered:
        groups.setdefault(EncryptedField.Kind(field.kind).label, []).append((field.value, field.label))
    gone = kept - {field.value for field in offered}
    if gone:
        groups[NO_LONGER_OFFERED] = [(value, value.partition(":")[2]) for value in sorted(gone)]
    return list(groups.items())


def settings_form(
    kind: str, *, stored: Mapping[str, Any], data: QueryDict | None = None, keeps_typed: bool = False
) -> SettingsForm:
    """The connector's form. Stored secrets never reach the page: dots stand for them, and an empty answer keeps them.

    Not so where events would go to another host than before: whoever may not see a secret could have it sent to
    themselves. `keeps_typed`: what is typed is stored even when invalid, as a draft does.
    """
    form_class = connector(kind).settings_form
    kept = {name: stored[name] for name in _secrets(form_class) if stored.get(name)}
    answers = _with_kept(data, kept)
    form = form_class(answers, initial=dict(stored), prefix=PREFIX)
    for name in _secrets(form_class):
        typed = bool(data and data.get(f"{PREFIX}-{name}"))
        _hide(form, name, is_stored=name in kept or (keeps_typed and typed), typed=typed)
    if data is not None and not keeps_typed and _goes_elsewhere(form, stored):
        for name in kept:
            if not data.get(f"{PREFIX}-{name}") and not data.get(f"{PREFIX}-{name}{CLEAR}"):
                form.add_error(name, ValidationError(ENTER_AGAIN, code="enter_again"))
    return form


def _goes_elsewhere(form: SettingsForm, stored: Mapping[str, Any]) -> bool:
    """Whether a bound form names another host, port or scheme than is stored, where addresses can be typed."""
    addresses = [name for name, field in form.fields.items() if isinstance(field.widget, forms.URLInput)]
    form.is_valid()
    typed = {name: form.cleaned_data[name] for name in addresses if form.cleaned_data.get(name)}
    return any(_origin(url) != _origin(stored.get(name) or "") for name, url in typed.items())


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def typed_settings(form: SettingsForm) -> dict[str, Any]:
    """What was typed into a bound form, valid or not, with kept secrets in their place."""
    return {name: form[name].data for name in form.fields if not name.endswith(CLEAR)}


def clean_settings(form: SettingsForm) -> dict[str, Any]:
    """A valid form's settings, as they are to be sealed."""
    return {name: value for name, value in form.cleaned_data.items() if not name.endswith(CLEAR)}


def _secrets(form_class: type[SettingsForm]) -> list[str]:
    declared = form_class.base_fields
    return [name for name, field in declared.items() if isinstance(field.widget, forms.PasswordInput | SecretText)]


def _with_kept(data: QueryDict | None, kept: Mapping[str, Any]) -> QueryDict | None:
    if data is None:
        return None
    answers = data.copy()
    for name, value in kept.items():
        key = f"{PREFIX}-{name}"
        if not answers.get(key) and not answers.get(key + CLEAR):
            answers[key] = value
    return answers


def _hide(form: SettingsForm, name: str, *, is_stored: bool, typed: bool) -> None:
    """Dots for what is stored. Lines just typed are shown again, so that one mistake does not cost them all."""
    field = form.fields[name]
    assert isinstance(field.widget, forms.PasswordInput | SecretText)
    field.widget.render_value = typed and isinstance(field.widget, SecretText)
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
        self.refusal = why_no_encryption(draft.workspace, draft.kind)
        # Encryption was chosen while it could be: the destination must not be made without it by mistake.
        self._chosen_before = draft if draft.encrypts and not self.offered else None
        self.basic = SetupBasicForm(data, initial={"name": draft.name, "enabled": draft.enabled})
        self.settings = settings_form(draft.kind, stored=drafts.settings_of(draft), data=data, keeps_typed=True)
        self.encryption = encryption_form(draft, data)

    def can_create(self) -> bool:
        """Whether every form is valid; `answers` then holds cleaned values."""
        # Each is asked, also after one has failed: all errors are to show at once.
        valid = {self.basic.is_valid(), self.settings.is_valid(), self.encryption.is_valid()}
        if self._chosen_before:
            self.basic.add_error(None, f"{self.refusal} {START_AGAIN}".strip())
        return valid == {True} and not self._chosen_before

    def can_generate(self) -> bool:
        """Whether the encryption part alone is valid and chosen, which is all a key pair needs."""
        return can_generate(self.encryption)

    def answers(self) -> Answers:
        """The answers as they stand, valid or not."""
        chosen, before = typed_encryption(self.encryption), self._chosen_before
        if before:
            chosen = {"fields": before.fields, "key_bits": before.key_bits}
        return Answers(
            name=str(self.basic["name"].data or "").strip(),
            enabled=bool(self.basic["enabled"].data),
            settings=clean_settings(self.settings) if self.settings.is_valid() else typed_settings(self.settings),
            encrypts=bool(before or self.encryption["encrypts"].data),
            **chosen,
        )

    @property
    def has_errors(self) -> bool:
        """Whether anything on the page needs correcting."""
        return any(form.errors for form in (self.basic, self.settings, self.encryption))

    def show_only_encryption_errors(self) -> None:
        """Show the other parts as typed, without judging them: they were not asked about."""
        answers = self.answers()
        self.basic = SetupBasicForm(initial={"name": answers.name, "enabled": answers.enabled})
        self.settings = settings_form(self.kind, stored=answers.settings)

    def add_errors(self, refusal: ValidationError) -> None:
        """Show a verb's refusal next to the field it names."""
        for name, messages in by_field(refusal).items():
            form, field = self._place(name)
            form.add_error(field, messages)

    def _place(self, name: str) -> tuple[forms.Form, str | None]:
        form: forms.Form = self.encryption if name in self.encryption.fields else self.basic
        return form, name if name in form.fields else None


def encryption_form(draft: Draft, data: QueryDict | None = None) -> EncryptionForm:
    """Data Encryption as the draft has it, or as it was sent."""
    names = ("encrypts", "fields", "key_bits", "key_origin")
    initial = {name: getattr(draft, name) for name in names}
    return EncryptionForm(draft.workspace, data, initial=initial, source=draft.source, destination=draft.destination)


def can_generate(form: EncryptionForm) -> bool:
    """Whether the form is valid and encryption chosen, which is all a key pair needs; notes on it what is missing."""
    if form.is_valid() and not form.cleaned_data["encrypts"]:
        form.add_error("encrypts", NOT_CHOSEN)
    return form.is_valid()


def typed_encryption(form: EncryptionForm) -> dict[str, Any]:
    """What was chosen in a bound form, as `Answers` takes it, as far as it is valid."""
    form.is_valid()
    cleaned = form.cleaned_data
    return {
        "fields": cleaned.get("fields", []),
        "key_bits": cleaned.get("key_bits") or setup.KEY_SIZES[0],
        "key_origin": cleaned.get("key_origin") or PublicKey.Origin.SERVER,
        "key_stored": cleaned.get("key_stored", False),
        "pending": cleaned.get("pending", ""),
    }


def by_field(refusal: ValidationError) -> Mapping[str, list[ValidationError]]:
    """A refusal's errors by the field they name; "" for those of the whole form."""
    return refusal.error_dict if hasattr(refusal, "error_dict") else {"": refusal.error_list}
