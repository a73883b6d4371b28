"""The forms a filter is made with: Configure Rules, and Name & Save. They validate and never save."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory
from django.http import QueryDict

from destinations.filters import actions, builder
from destinations.filters.builder import Answers, Condition
from destinations.filters.syntax import FilterSyntaxError
from segment_app.forms import Switch

MOST_ROWS = 20
ACTIONS = [
    (builder.ONLY_SEND, "Only Send Event"),
    (actions.DROP, "Do Not Send Event"),
    (actions.DROP_PROPERTIES, "Do Not Send Field(s)"),
    (actions.ALLOW_PROPERTIES, "Only Send Field(s)"),
    (actions.SAMPLE, "Send a Sample of Events"),
]
JOINS = [
    (builder.ALL, "All of the following conditions are true"),
    (builder.ANY, "Any of the following conditions is true"),
    (builder.EVERY, "It is any event at all"),
    (builder.FQL, "This FQL is true"),
]
SUBJECTS = [
    (builder.EVENT_TYPE, "Event Type"),
    (builder.EVENT_NAME, "Event Name"),
    (builder.EVENT_FIELD, "Event Field"),
]
OF_NAMES = ("contains", "glob", "is_string", "is_not_string")
NOT_OF_NAMES = "Event types and names are compared by contains, glob matches, is (string) or is not (string)."


def _named(label: str, **attrs: str) -> dict[str, str]:
    return {"aria-label": label, "autocomplete": "off", **attrs}


class RuleForm(forms.Form):
    """What is done, and to which events."""

    action = forms.ChoiceField(label="Action", choices=ACTIONS)
    join = forms.ChoiceField(label="if", choices=JOINS)
    fql = forms.CharField(
        label="FQL",
        required=False,
        max_length=6000,
        help_text="For example: event = 'Visit Booked' and properties.total >= 10",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
    )
    percent = forms.FloatField(
        label="Percent of these events that are sent",
        required=False,
        initial=50,
        min_value=0,
        max_value=100,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    path = forms.CharField(
        label="Keep together by",
        required=False,
        max_length=300,
        help_text="A field such as traits.account_id: events with the same value there are all sent, or none.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "known-fields"}),
    )

    def clean_path(self) -> str:
        """The path of a field."""
        path: str = self.cleaned_data["path"]
        if path and (problem := builder.check_field(path)):
            raise forms.ValidationError(problem)
        return path


class ConditionForm(forms.Form):
    """One line of the builder."""

    subject = forms.ChoiceField(choices=SUBJECTS, widget=forms.Select(attrs=_named("Subject")))
    field = forms.CharField(
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs=_named("Field", list="known-fields", placeholder="properties.total")),
    )
    operator = forms.ChoiceField(
        choices=[(name, operator.label) for name, operator in builder.OPERATORS.items()],
        initial="is_string",
        widget=forms.Select(attrs=_named("Operator")),
    )
    value = forms.CharField(
        required=False,
        max_length=1000,
        strip=False,
        widget=forms.TextInput(attrs=_named("Value", placeholder="Value")),
    )

    def clean(self) -> dict[str, Any]:
        """A condition that can be written as FQL."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            condition = Condition(**given)
            if condition.subject != builder.EVENT_FIELD and condition.operator not in OF_NAMES:
                raise forms.ValidationError(NOT_OF_NAMES)
            try:
                builder.rule_of(Answers("", actions.DROP, conditions=(condition,)))
            except FilterSyntaxError as error:
                raise forms.ValidationError(str(error)) from None
        return given


class FieldForm(forms.Form):
    """One field that is not sent, or the only one that is."""

    field = forms.CharField(
        max_length=300,
        error_messages={"required": "Write the path of a field, or remove the line."},
        widget=forms.TextInput(attrs=_named("Field", list="known-fields", placeholder="traits.email")),
    )

    def clean_field(self) -> str:
        """The path of a field."""
        path: str = self.cleaned_data["field"]
        if problem := builder.check_field(path):
            raise forms.ValidationError(problem)
        return path


class NameForm(forms.Form):
    """Name & Save."""

    name = forms.CharField(
        label="Filter Name", max_length=64, widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True})
    )
    enabled = forms.BooleanField(
        label="Enable Filter",
        required=False,
        initial=True,
        help_text="A filter that is not enabled does nothing.",
        widget=Switch,
    )


_ROWS: dict[str, Any] = {"extra": 0, "max_num": MOST_ROWS, "absolute_max": MOST_ROWS, "validate_max": True}
_ASKED = {"empty_permitted": False}  # every line that is there counts
ConditionRows = formset_factory(ConditionForm, **_ROWS)
FieldRows = formset_factory(FieldForm, **_ROWS)


class FilterForms:
    """The parts of one filter's form. Only those count that the action and the join ask for."""

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        rule: dict[str, Any] | None = None,
        conditions: list[dict[str, Any]] | None = None,
        fields: list[dict[str, Any]] | None = None,
        name: dict[str, Any] | None = None,
    ) -> None:
        self.rule = RuleForm(data, initial=rule)
        self.conditions: BaseFormSet[ConditionForm] = ConditionRows(
            data, initial=conditions or [{}], prefix="condition", form_kwargs=_ASKED
        )
        self.fields: BaseFormSet[FieldForm] = FieldRows(
            data, initial=fields or [{}], prefix="field", form_kwargs=_ASKED
        )
        self.name = NameForm(data, initial=name)

    @classmethod
    def of(cls, answers: Answers) -> FilterForms:
        """What stands in a stored filter."""
        said = answers.as_json()
        rule = {name: said[name] for name in ("action", "join", "fql", "percent", "path")}
        fields = [{"field": path} for path in answers.fields]
        name = {"name": answers.name, "enabled": answers.enabled}
        return cls(rule=rule, conditions=said["conditions"], fields=fields, name=name)

    @classmethod
    def as_typed(cls, data: QueryDict, *, add: str = "", remove: str = "") -> FilterForms:
        """What was typed, unjudged. `add` names a list that gets a line, `remove` a list and the line that goes."""
        rows = {"condition": _rows(data, "condition", ConditionForm), "field": _rows(data, "field", FieldForm)}
        if add in rows and len(rows[add]) < MOST_ROWS:
            rows[add].append({})
        prefix, _, place = remove.partition("-")
        if prefix in rows and place.isdecimal() and int(place) < len(rows[prefix]):
            del rows[prefix][int(place)]
        rule = {name: data.get(name, "") for name in RuleForm.base_fields}
        name = {"name": data.get("name", ""), "enabled": bool(data.get("enabled"))}
        return cls(rule=rule, conditions=rows["condition"], fields=rows["field"], name=name)

    def rules_are_valid(self) -> bool:
        """Whether Configure Rules is complete; what is not says so beside itself."""
        valid = self.rule.is_valid()
        join, action = self.rule["join"].value(), self.rule["action"].value()
        if join in {builder.ALL, builder.ANY}:
            valid = self.conditions.is_valid() and valid
        if action in builder.OF_FIELDS:
            valid = self.fields.is_valid() and valid
        if not valid:
            return False
        try:
            builder.rule_of(self.answers())
        except FilterSyntaxError as error:
            self.rule.add_error("fql" if join == builder.FQL else None, str(error))
        return not self.rule.errors

    def answers(self) -> Answers:
        """The answers; those of the rules must be valid."""
        rule = self.rule.cleaned_data
        with_conditions = rule["join"] in {builder.ALL, builder.ANY}
        with_fields = rule["action"] in builder.OF_FIELDS
        is_sample = rule["action"] == actions.SAMPLE
        named = self.name.cleaned_data if self.name.is_bound and self.name.is_valid() else {}
        return Answers(
            name=named.get("name", ""),
            enabled=named.get("enabled", True),
            action=rule["action"],
            join=rule["join"],
            conditions=[Condition(**form.cleaned_data) for form in self.conditions] if with_conditions else [],
            fql=rule["fql"] if rule["join"] == builder.FQL else "",
            fields=[form.cleaned_data["field"] for form in self.fields] if with_fields else [],
            percent=rule["percent"] or 0 if is_sample else 100,
            path=rule["path"] if is_sample else "",
        )

    @property
    def has_errors(self) -> bool:
        """Whether something of the rules needs correcting."""
        rows = [form for rows in (self.conditions, self.fields) if rows.is_bound for form in rows]
        return any(form.errors for form in [self.rule, *rows] if form.is_bound)


def _rows(data: QueryDict, prefix: str, form: type[forms.Form]) -> list[dict[str, Any]]:
    total = data.get(f"{prefix}-TOTAL_FORMS", "0")
    count = min(int(total), MOST_ROWS) if total.isascii() and total.isdecimal() else 0
    return [{name: data.get(f"{prefix}-{row}-{name}", "") for name in form.base_fields} for row in range(count)]
