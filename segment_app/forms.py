"""How forms look: one template per field, the same on every page."""

from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    """Renders forms with the project's own templates."""

    form_template_name = "components/form.html"
    field_template_name = "components/field.html"
