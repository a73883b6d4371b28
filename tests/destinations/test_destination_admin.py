"""Support staff look at destinations, keys and deliveries: no settings, no bodies, no secrets, nothing to change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from audit.models import AuditRow
from destinations.filters.builder import Answers as FilterAnswers
from destinations.filters.builder import Condition, answers_of
from destinations.filters.structure import structure
from destinations.models import Attempt, Delivery, Destination, Draft, EncryptedField, Filter, PublicKey
from tests.destinations.factories import FINGERPRINT, PAIR, DestinationFactory, encrypt_for
from tests.destinations.making import nothing_written, recorded
from tests.factories import member
from tests.queries import counted
from workspaces.models import Source, User, Workspace
from workspaces.sealing import seal

MODELS = (Destination, PublicKey, Filter, Delivery, Attempt)
SECRETS = ("s3cr3t", "hunter2", "jo@example.com", "PRIVATE KEY", "sealed")
WHEN = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def support(client: Client, workspace: Workspace) -> Client:
    """A browser of support staff with every right."""
    dora = member(workspace, "dora", "")
    User.objects.filter(pk=dora.pk).update(is_staff=True, is_superuser=True)
    client.force_login(User.objects.get(pk=dora.pk))
    return client


@pytest.fixture
def crm(source: Source) -> Destination:
    """An encrypted destination with credentials, one try and one dead letter."""
    made = DestinationFactory(
        source=source, name="CRM", shared_secret="s3cr3t", headers="Authorization: Bearer hunter2"
    )
    add_delivery(encrypt_for(made, "email"), "m-1")
    add_filter(made)
    return made


def add_filter(destination: Destination, join: str = "all", fql: str = "") -> Filter:
    asked = [Condition("field", "is_string", "traits.email", "jo@example.com"), Condition("event", "is_null")]
    said = FilterAnswers("Staff", "drop", join=join, fql=fql, conditions=() if fql else asked)
    return Filter.objects.create(destination=destination, name="Staff", answers=said.as_json())


def add_delivery(destination: Destination, message_id: str) -> None:
    shared = {"destination": destination, "message_id": message_id, "event_type": "track", "received_at": WHEN}
    Attempt.objects.create(**shared, number=1, tried_at=WHEN, duration_ms=3, code="errors.discarded.401")
    state = {"status": "dead", "reason": "errors.discarded.401", "workspace": destination.workspace}
    state |= {"log_partition": 0, "log_position": 1, "log_place": 0}
    body = seal(b'{"email":"jo@example.com"}', bound_to=b"x")
    Delivery.objects.create(**shared, **state, sealed_body=body)


def url(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("model", MODELS)
def test_lists_and_pages_hold_no_secret(support: Client, crm: Destination, model: type[Model]) -> None:
    for where in (url(model, "changelist"), url(model, "change", model.objects.get().pk)):
        page = support.get(where).content.decode()
        assert not [word for word in SECRETS if word in page]
        assert "<textarea" not in page


def test_the_pages_say_what_support_needs(support: Client, crm: Destination) -> None:
    key = support.get(url(PublicKey, "change", PublicKey.objects.get().pk)).content.decode()
    assert FINGERPRINT in key
    assert PAIR.public_pem.splitlines()[1] in key
    assert "errors.discarded.401" in support.get(url(Delivery, "changelist")).content.decode()
    assert "errors.discarded.401" in support.get(url(Attempt, "changelist")).content.decode()
    assert "CRM" in support.get(url(Destination, "changelist")).content.decode()


@pytest.mark.parametrize("model", MODELS)
def test_nothing_can_be_changed(support: Client, crm: Destination, model: type[Model]) -> None:
    pk, before = model.objects.get().pk, list(model.objects.values())
    page = support.get(url(model, "change", pk)).content.decode()
    assert not [name for name in ("_save", "_continue", "deletelink", "/delete/") if name in page]
    with nothing_written():
        answers = [
            support.get(url(model, "add")),
            support.post(url(model, "add"), {"name": "X"}),
            support.post(url(model, "change", pk), {"name": "X", "enabled": "", "status": "waiting"}),
            support.get(url(model, "delete", pk)),
            support.post(url(model, "delete", pk), {"post": "yes"}),
            support.post(url(model, "changelist"), {"action": "delete_selected", "_selected_action": str(pk)}),
        ]
    assert [answer.status_code for answer in answers] == [403] * 5 + [200]
    assert list(model.objects.values()) == before


@pytest.mark.parametrize("model", MODELS)
def test_each_look_is_one_row(support: Client, crm: Destination, model: type[Model]) -> None:
    with recorded() as rows:
        support.get(url(model, "changelist"))
        support.get(url(model, "change", model.objects.get().pk))
    assert rows == ["Support List Viewed", "Support Object Viewed"]


@pytest.mark.parametrize("model", MODELS)
def test_lists_take_a_constant_number_of_queries(support: Client, crm: Destination, model: type[Model]) -> None:
    counts = []
    support.get(url(model, "changelist"))
    for number in (0, 20):
        for n in range(number):
            made = encrypt_for(DestinationFactory(source=crm.source), "email")
            add_delivery(made, f"m-{n}")
            add_filter(made)
        with counted() as queries:
            support.get(url(model, "changelist"))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 14


@pytest.mark.parametrize("model", [Destination, Delivery, Attempt])
def test_search_finds_by_name_and_never_by_message(support: Client, crm: Destination, model: type[Model]) -> None:
    add_delivery(DestinationFactory(source=crm.source, name="Labs"), "m-2")
    found = {}
    for query in ("CRM", "m-2"):  # what is searched for stands in an address, and a message id may be PHI
        rows = support.get(url(model, "changelist"), {"q": query}).context["cl"].queryset
        found[query] = [str(getattr(row, "destination", row)) for row in rows]
    assert found == {"CRM": ["CRM"], "m-2": []}


@pytest.mark.parametrize("model", [Delivery, Attempt])
def test_rows_of_the_audit_log_do_not_repeat_a_message_id(
    support: Client, crm: Destination, model: type[Model]
) -> None:
    model.objects.update(message_id="jo@example.com")
    support.get(url(model, "change", model.objects.get().pk))
    (row,) = AuditRow.objects.filter(event_type="Support Object Viewed")
    assert "jo@example.com" not in repr(AuditRow.objects.values_list().get(pk=row.pk))


@pytest.mark.parametrize(
    ("join", "fql", "shape"),
    [
        ("all", "", 'Do Not Send Event if: traits.email = "…" and event = null'),
        (
            "fql",
            "!(contains(traits.email, '@example.com') or properties.total >= -10.5) and type in [\"track\", 'page']",
            'Do Not Send Event if: !(contains(traits.email, "…") or properties.total >= …) and type in ["…", "…"]',
        ),
        ("fql", "traits.ssn = @", "Do Not Send Event if: It cannot be read as it was saved."),
    ],
)
def test_filters_are_shown_without_their_values(
    support: Client, crm: Destination, join: str, fql: str, shape: str
) -> None:
    made = add_filter(crm, join, fql)
    assert structure(answers_of("Staff", made.answers, enabled=True)) == shape
    page = support.get(url(Filter, "change", made.pk)).content.decode()
    assert (escape(shape) in page, "example.com" in page) == (True, False)


def test_drafts_and_choices_have_no_page() -> None:
    assert not {Draft, EncryptedField} & set(admin.site._registry)


@pytest.mark.parametrize("model", MODELS)
def test_owners_are_no_support_staff(as_alice: Client, crm: Destination, model: type[Model]) -> None:
    for where in (url(model, "changelist"), url(model, "change", model.objects.get().pk)):
        assert as_alice.get(where, follow=True).status_code == 403
