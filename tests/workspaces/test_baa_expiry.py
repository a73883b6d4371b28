"""A BAA that expires: 30 days' warning by page and once by mail; then eligibility ends, and nothing is unlocked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.test import Client

from audit.models import AuditRow
from destinations.pipeline.housekeeping import WARN_SECONDS, Housekeeping
from tests.destinations.factories import DestinationFactory, encrypt_for
from tests.factories import member
from tests.second_factor import sign_in
from workspaces import baa_warnings
from workspaces.baa_warnings import warn_owners
from workspaces.models import Source, User, Workspace

TODAY = date(2026, 3, 1)
HOME, BASIC = "/acme-health/home", "/acme-health/settings/basic"


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime(2026, 3, 1, 9, tzinfo=UTC), tick=False) as traveller:
        yield traveller


def expire_in(days: int) -> date:
    """Let the BAA's last day be that many days ahead."""
    last = TODAY + timedelta(days=days)
    Workspace.objects.update(baa_expires_on=last)
    return last


def text_of(client: Client, url: str) -> str:
    """What stands in the page's main part, in one line."""
    response = client.get(url)
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode().split("<main", 1)[1]).split())


@pytest.mark.parametrize(
    ("days", "notice"),
    [
        (31, ""),
        (30, "The BAA expires in 30 days Its last day is 2026-03-31."),
        (1, "The BAA expires in 1 day Its last day is 2026-03-02."),
        (0, "The BAA expires today Its last day is 2026-03-01."),
    ],
)
def test_owners_are_told_of_the_days_left(as_alice: Client, workspace: Workspace, days: int, notice: str) -> None:
    expire_in(days)
    for url in (HOME, BASIC):
        page = text_of(as_alice, url)
        assert notice in page
        assert ("The BAA expires" in page) is bool(notice)
    assert "This workspace is HIPAA Eligible" in text_of(as_alice, BASIC)


def test_others_are_not_bothered_at_home(client: Client, bob: User, workspace: Workspace) -> None:
    expire_in(5)
    client.force_login(bob)
    assert "The BAA expires" not in text_of(client, HOME)


def test_eligibility_ends_the_day_after_and_says_why(as_alice: Client, workspace: Workspace) -> None:
    expire_in(-1)
    for url in (HOME, BASIC):
        page = text_of(as_alice, url)
        assert "This workspace is no longer HIPAA eligible The BAA has expired. Its last day was 2026-02-28." in page
    assert "This workspace is HIPAA Eligible" not in text_of(as_alice, BASIC)
    assert "badge--hipaa" not in as_alice.get(HOME).content.decode()


def test_a_lost_plan_is_named_as_the_reason(as_alice: Client, workspace: Workspace) -> None:
    Workspace.objects.update(plan="team")
    page = text_of(as_alice, BASIC)
    assert "no longer HIPAA eligible HIPAA eligibility needs the Business tier. Send no further PHI" in page


def test_a_workspace_that_never_had_one_says_what_is_missing(as_alice: Client, workspace: Workspace) -> None:
    Workspace.objects.update(baa_signed_on=None)
    assert "This workspace is not HIPAA eligible: send no PHI. HIPAA eligibility needs a signed BAA." in text_of(
        as_alice, BASIC
    )


def test_an_expired_baa_unlocks_nothing(
    client: Client, alice: User, workspace: Workspace, source: Source, clock: time_machine.Traveller
) -> None:
    destination = DestinationFactory(source=source)
    encrypt_for(destination, "email")
    expire_in(-1)
    sign_in(client, alice.email)
    destination.refresh_from_db()
    assert destination.encrypts
    where = f"/acme-health/destinations/{destination.pk}/encryption"
    page = text_of(client, where)
    assert "The BAA has expired. Data encryption can be set up once the workspace is HIPAA eligible again." in page
    assert "What is encrypted here stays so." in page
    clock.shift(timedelta(minutes=15))
    assert client.get(HOME).status_code == 302
    sign_in(client, alice.email)
    alice.authenticator_set.all().delete()
    assert client.get(HOME).headers["Location"] == "/settings/user/mfa"


@pytest.mark.parametrize(("days", "warned"), [(31, 0), (30, 1), (0, 1), (-1, 0)])
def test_mail_goes_out_from_thirty_days_ahead(alice: User, days: int, warned: int) -> None:
    expire_in(days)
    assert warn_owners() == warned
    assert len(mail.outbox) == warned
    assert AuditRow.objects.filter(event_type="Workspace BAA Expiry Warned").count() == warned


def test_the_mail_reaches_every_owner_once(
    alice: User, bob: User, workspace: Workspace, clock: time_machine.Traveller
) -> None:
    last = expire_in(30)
    member(workspace, "olivia", "owner")
    User.objects.filter(pk=member(workspace, "gone", "owner").pk).update(is_active=False)
    assert [warn_owners(), warn_owners()] == [1, 0]
    clock.shift(timedelta(days=20))
    assert warn_owners() == 0
    (sent,) = mail.outbox
    assert sent.to == ["alice@example.com", "olivia@example.com"]
    assert sent.subject == "The BAA of Acme Health expires on 2026-03-31"
    assert "until 2026-03-31, which is in 30 days." in sent.body
    assert "http://localhost:8000/acme-health/settings/basic" in sent.body
    row = AuditRow.objects.get(event_type="Workspace BAA Expiry Warned")
    assert (row.workspace_id, row.actor_kind, row.actor_label) == (str(workspace.pk), "system", "")
    assert row.details == {"expires_on": "2026-03-31", "days_left": 30, "owners": sent.to}
    workspace.refresh_from_db()
    assert workspace.baa_warned_for == last


def test_a_new_expiry_is_warned_of_anew(alice: User, workspace: Workspace, clock: time_machine.Traveller) -> None:
    expire_in(30)
    warn_owners()
    expire_in(400)
    clock.shift(timedelta(days=30))
    assert warn_owners() == 0
    clock.shift(timedelta(days=340))
    assert warn_owners() == 1
    assert len(mail.outbox) == 2


def test_a_mail_that_fails_is_tried_again_and_nothing_claims_it_was_sent(
    alice: User, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    expire_in(10)

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("no mail server")

    with monkeypatch.context() as broken:
        broken.setattr(baa_warnings, "send_mail", refuse)
        assert warn_owners() == 0
    workspace.refresh_from_db()
    assert workspace.baa_warned_for is None
    assert not AuditRow.objects.filter(event_type="Workspace BAA Expiry Warned").exists()
    assert warn_owners() == 1


@pytest.mark.parametrize("not_due", [{"plan": "team"}, {"baa_signed_on": None}])
def test_a_workspace_that_is_not_eligible_is_not_warned(alice: User, not_due: dict[str, object]) -> None:
    expire_in(10)
    Workspace.objects.update(**not_due)
    assert warn_owners() == 0
    assert mail.outbox == []


def test_the_command_and_the_workers_do_it(alice: User, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    expire_in(10)
    said = StringIO()
    call_command("warn_of_baa_expiry", stdout=said)
    assert said.getvalue() == "workspaces warned: 1\n"
    expire_in(9)
    now = [0.0]
    monkeypatch.setattr("destinations.pipeline.housekeeping.time.monotonic", lambda: now[0])
    monkeypatch.setattr("destinations.pipeline.housekeeping.clean_up", lambda log, partitions: {})
    keeping = Housekeeping()
    for now[0] in (299.0, 300.0, 301.0, 300.0 + WARN_SECONDS):
        keeping.run(None, [])
    assert len(mail.outbox) == 2
