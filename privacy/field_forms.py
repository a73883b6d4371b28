"""What lists of fields send: which fields, and what they shall be. Forms validate and never save."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from privacy.inventory import LONGEST_REASON
from privacy.models import Classification

MOST_AT_ONCE = 200


class IdsField(forms.Field):
    """One or more ids, each once, in the order they were sent."""

    widget = forms.MultipleHiddenInput
    default_error_messages = {"required": "Choose at least one field first.", "invalid": "This is no field's id."}

    def clean(self, value: Any) -> list[uuid.UUID]:
        """The ids; raises ValidationError for none, too many, or anything else."""
        texts = list(dict.fromkeys(value or ()))
        if not texts:
            raise ValidationError(self.error_messages["required"], "required")
        if len(texts) > MOST_AT_ONCE:
            raise ValidationError(f"Choose at most {MOST_AT_ONCE} fields at once.", "too_many")
        try:
            return [uuid.UUID(str(text)) for text in texts]
        except ValueError:
            raise ValidationError(self.error_messages["invalid"], "invalid") from None


class FieldsForm(forms.Form):
    """Fields of the inbox."""

    field = IdsField()


def _colour() -> forms.ChoiceField:
    messages = {"required": "Choose a colour first.", "invalid_choice": "Choose red, yellow or green."}
    return forms.ChoiceField(choices=Classification.choices, error_messages=messages)


class ColourForm(FieldsForm):
    """Fields of the inbox and the colour for them."""

    colour = _colour()


class ClassForm(forms.Form):
    """The class of one entry of the inventory, and why."""

    colour = _colour()
    reason = forms.CharField(
        required=False,
        max_length=LONGEST_REASON,
        error_messages={"max_length": f"Give the reason in {LONGEST_REASON} characters at most."},
    )
