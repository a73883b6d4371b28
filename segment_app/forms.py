"""How forms look: one template per field, the same on every page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest

_BOXES = (
    "date",
    "datetime",
    "email",
    "number",
    "password",
    "search",
    "select",
    "tel",
    "text",
    "textarea",
    "time",
    "url",
)
_WIDGETS = frozenset(f"django/forms/widgets/{box}.html" for box in _BOXES)


class Renderer(TemplatesSetting):
    """Renders forms with the project's own templates and gives every box-like control the class `input`."""

    form_template_name = "components/form.html"
    field_template_name = "components/field.html"

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        """The HTML of a form, a field or a widget."""
        if template_name in _WIDGETS:
            attrs = context["widget"]["attrs"]
            attrs["class"] = f"{attrs.get('class', '')} input".strip()
        return super().render(template_name, context, request)


class Switch(forms.CheckboxInput):
    """A checkbox that looks and announces itself as an on/off switch."""

    def __init__(self, attrs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__({"class": "switch", "role": "switch", **(attrs or {})}, **kwargs)
