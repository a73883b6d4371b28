"""Fresh authentication: what asks for one's password or code again after five minutes, and what becomes of the work."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import Client

from audit.models import AuditRow
from destinations.models import Draft, PublicKey
from tests.destinations.factories import URL
from tests.destinations.making import ENCRYPTION, Wizard, draft_at_setup, shown_key
from tests.factories import PASSWORD
from tests.second_factor import code_now, sign_in
from workspaces.models import Source, User
from workspaces.sign_in_links import make_link

LOG = "/acme-health/settings/audit-log"
FIVE_MINUTES = 5 * 60


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-03-01T09:00:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def tab(clock: time_machine.Traveller, client: Client, alice: User) -> Client:
    """Alice signed in by password and code, just now."""
    sign_in(client, alice.email)
    return client


@pytest.fixture
def stale(tab: Client, clock: time_machine.Traveller) -> Client:
    """The same, five minutes later."""
    clock.shift(FIVE_MINUTES)
    return tab


def asked(response: HttpResponse) -> str | None:
    """Where the answer leads back to, if it asks who the person is."""
    where = urlsplit(response.headers.get("HX-Redirect") or response.headers.get("Location", ""))
    return parse_qs(where.query)["next"][0] if where.path.startswith("/reauthenticate") else None


def confirm(client: Client) -> None:
    assert client.post("/reauthenticate?next=/", {"password": PASSWORD}).status_code == 302


class TestAuditLog:
    def test_a_sign_in_counts_for_five_minutes(self, tab: Client, clock: time_machine.Traveller) -> None:
        clock.shift(FIVE_MINUTES - 1)
        assert tab.get(f"{LOG}.csv").status_code == 200
        clock.shift(1)
        assert asked(tab.get(f"{LOG}.csv")) == f"{LOG}?confirmed=1"

    def test_nothing_is_downloaded_or_recorded_before(self, stale: Client) -> None:
        assert not asked(stale.get(LOG))
        assert stale.get(f"{LOG}.csv").content == b""
        assert not AuditRow.objects.filter(event_type="HIPAA Audit Log Exported").exists()

    @pytest.mark.parametrize(
        ("url", "data"),
        [("/reauthenticate", {"password": PASSWORD}), ("/reauthenticate/second-factor", {"code": "now"})],
    )
    def test_password_or_code_lead_back_with_the_filter_kept(
        self, stale: Client, url: str, data: dict[str, str]
    ) -> None:
        stale.post(LOG, {"end_user_id": "patient-7", "event_type": "", "outcome": ""})
        answer = stale.get(f"{LOG}.csv?event_type=User+Signed+In")
        back = asked(answer)
        assert back == f"{LOG}?event_type=User+Signed+In&confirmed=1"
        data = {name: code_now() if value == "now" else value for name, value in data.items()}
        answer = stale.post(f"{url}?{urlsplit(answer.headers['Location']).query}", data)
        assert answer.headers["Location"] == back
        assert "You have confirmed it is you" in stale.get(back).content.decode()
        file = stale.get(f"{LOG}.csv?event_type=User+Signed+In")
        assert file.headers["Content-Disposition"].startswith("attachment")

    def test_the_page_does_not_say_so_to_whoever_made_the_address_up(self, stale: Client) -> None:
        assert "You have confirmed" not in stale.get(f"{LOG}?confirmed=1").content.decode()

    def test_an_end_users_id_stays_sealed_on_the_way(self, stale: Client) -> None:
        page = stale.post(LOG, {"end_user_id": "patient-7"})
        query = urlsplit(page.headers["Location"]).query
        answer = stale.get(f"{LOG}.csv?{query}")
        assert "patient-7" not in answer.headers["Location"]
        back = asked(answer)
        assert back is not None
        assert 'value="patient-7"' in stale.get(back).content.decode()

    def test_who_may_not_is_refused_without_being_asked(
        self, client: Client, bob: User, clock: time_machine.Traveller
    ) -> None:
        sign_in(client, bob.email)
        clock.shift(FIVE_MINUTES)
        assert client.get(f"{LOG}.csv").status_code == 403


class TestKeys:
    @pytest.fixture
    def wizard(self, stale: Client, source: Source, alice: User) -> Wizard:
        return Wizard(stale, draft_at_setup(source, alice))

    @pytest.mark.parametrize("htmx", [True, False])
    def test_generating_asks_first_and_keeps_every_answer(self, wizard: Wizard, htmx: bool) -> None:
        answer = wizard.generate(htmx=htmx, name="Care team", key_bits="2048")
        assert (answer.status_code, asked(answer)) == (401 if htmx else 302, wizard.urls["settings"])
        assert not PublicKey.objects.exists()
        confirm(wizard.client)
        page = wizard.client.get(wizard.urls["settings"]).content.decode()
        draft = Draft.objects.get()
        assert (draft.name, draft.encrypts, draft.key_bits) == ("Care team", True, 2048)
        assert draft.fields == ENCRYPTION["fields"]
        assert f'value="{URL}"' in page
        assert shown_key(wizard.generate(name="Care team", key_bits="2048").content.decode())

    def test_regenerating_asks_too(self, wizard: Wizard, clock: time_machine.Traveller) -> None:
        confirm(wizard.client)
        shown_key(wizard.generate(key_bits="2048").content.decode())
        pair = PublicKey.objects.get()
        clock.shift(FIVE_MINUTES)
        assert asked(wizard.generate(key_bits="2048")) == wizard.urls["settings"]
        assert PublicKey.objects.get() == pair

    def test_creating_the_destination_does_not_ask(self, wizard: Wizard) -> None:
        assert asked(wizard.create()) is None

    def test_nothing_of_the_form_is_kept_in_the_session(self, wizard: Wizard) -> None:
        wizard.generate(**{"settings-url": "https://example.com/a-secret-path"})
        kept = Session.objects.get().get_decoded()
        assert "a-secret-path" not in str(kept)


MFA = "/settings/user/mfa"
CHANGES = [
    f"{MFA}/totp/activate",
    f"{MFA}/totp/deactivate",
    f"{MFA}/recovery-codes/generate",
    f"{MFA}/passkeys/add",
    f"{MFA}/passkeys/PK/remove",
    f"{MFA}/passkeys/PK/edit",
]


class TestSecondFactors:
    @pytest.fixture(autouse=True)
    def factors(self, alice: User, tab: Client) -> Iterator[Authenticator]:
        RecoveryCodes.activate(alice)
        passkey = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Key", "credential": {}})
        before = list(Authenticator.objects.order_by("pk").values())
        yield passkey
        assert list(Authenticator.objects.order_by("pk").values()) == before

    @pytest.mark.parametrize("url", CHANGES)
    def test_each_change_asks_and_changes_nothing(self, stale: Client, factors: Authenticator, url: str) -> None:
        url = url.replace("PK", str(factors.pk))
        assert asked(stale.get(url)) == url
        assert asked(stale.post(url, {"name": "Mine", "code": "secret-of-the-form"})) == url
        assert "secret-of-the-form" not in str([each.get_decoded() for each in Session.objects.all()])

    def test_so_does_looking_at_recovery_codes(self, stale: Client) -> None:
        assert asked(stale.get(f"{MFA}/recovery-codes")) == f"{MFA}/recovery-codes"

    def test_a_fresh_sign_in_is_enough(self, tab: Client, clock: time_machine.Traveller) -> None:
        clock.shift(FIVE_MINUTES - 1)
        assert asked(tab.get(f"{MFA}/recovery-codes/generate")) is None

    def test_confirming_does_not_repeat_what_was_refused(self, stale: Client) -> None:
        stale.post(f"{MFA}/recovery-codes/generate")
        answer = stale.post(f"/reauthenticate?next={MFA}/recovery-codes/generate", {"password": PASSWORD})
        assert answer.headers["Location"] == f"{MFA}/recovery-codes/generate"

    def test_htmx_goes_there_as_a_whole_page(self, stale: Client) -> None:
        answer = stale.post(f"{MFA}/recovery-codes/generate", headers={"HX-Request": "true"})
        assert (answer.status_code, asked(answer)) == (401, f"{MFA}/recovery-codes/generate")


def test_signed_out_people_sign_in_first(client: Client, db: None) -> None:
    answer = client.post(f"{MFA}/totp/activate", {"code": "1"})
    assert answer.headers["Location"].startswith("/login")


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example"])
def test_confirming_does_not_leave_the_site(stale: Client, where: str) -> None:
    assert stale.post(f"/reauthenticate?next={where}", {"password": PASSWORD}).headers["Location"] == "/"


def test_whoever_has_nothing_to_prove_it_by_sets_a_password_first(
    client: Client, db: None, clock: time_machine.Traveller
) -> None:
    client.post(make_link(User.objects.create_user("new@example.com")))
    clock.shift(FIVE_MINUTES)
    answer = client.get(f"{MFA}/totp/activate", follow=True)
    assert answer.redirect_chain == [("/password/reset", 302)]
    assert "Have a link sent to set one, then sign in." in answer.content.decode()
