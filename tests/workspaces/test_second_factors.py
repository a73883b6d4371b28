"""Second factors over HTTP: enrolling, removing, recovery codes, the second step, and what the audit log says."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from audit.models import AuditRow
from tests import second_factor
from tests.factories import PASSWORD, TOTP_SECRET, WorkspaceFactory, join, support_staff
from tests.passkeys import Passkey
from tests.second_factor import code_now
from workspaces.models import User, Workspace
from workspaces.roles import Role
from workspaces.second_factors import LastFactorError, remove_factor

Rows = list[tuple[str, str, dict[str, object]]]


def told(*event_types: str) -> Rows:
    rows = AuditRow.objects.filter(event_type__in=event_types) if event_types else AuditRow.objects.all()
    return list(rows.order_by("id").values_list("event_type", "outcome", "details"))


def person(name: str = "nora", *workspaces: Workspace) -> User:
    """Somebody with a password and nothing else."""
    user = User.objects.create_user(f"{name}@example.com", PASSWORD, name=name.title())
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    for workspace in workspaces:
        join(workspace, user, Role.OWNER)
    return user


@pytest.fixture
def nora(workspace: Workspace) -> User:
    """Invited, with a password, has not enrolled."""
    return person("nora", workspace)


@pytest.fixture
def as_nora(client: Client, nora: User) -> Client:
    client.post("/login", {"login": nora.email, "password": PASSWORD})
    return client


@pytest.fixture
def signed_in(client: Client, alice: User) -> Client:
    """Alice, by password and code."""
    second_factor.sign_in(client, alice.email)
    return client


def secret_on(page: str) -> str:
    found = re.search(r'<code id="secret">([A-Z2-7]{32})</code>', page)
    assert found is not None
    return found[1]


def codes_on(page: str) -> list[str]:
    found = re.search(r'<code id="recovery-codes">([\d\s]+)</code>', page)
    return found[1].split() if found else []


def enrol(client: Client) -> str:
    """Add an app; its secret."""
    secret = secret_on(client.get("/settings/user/mfa/totp/activate").content.decode())
    answer = client.post("/settings/user/mfa/totp/activate", {"code": code_now(secret)})
    assert answer.headers["Location"] == "/settings/user/mfa/recovery-codes"
    return secret


def passkey_of(user: User, name: str = "Laptop") -> Authenticator:
    """A passkey that is registered already."""
    made: Authenticator = WebAuthn.add(user, name, Passkey().registration({"challenge": "eA"})).instance
    return made


# Enrolling


@pytest.mark.parametrize("path", ["/acme-health/home", "/workspaces", "/", "/acme-health/settings/audit-log"])
def test_who_must_have_a_second_factor_sees_nothing_before(as_nora: Client, path: str) -> None:
    answer = as_nora.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/settings/user/mfa")


def test_htmx_goes_there_as_a_whole_page_and_the_page_it_was_on_is_kept(as_nora: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/acme-health/sources?search=a"}
    answer = as_nora.get("/acme-health/sources", headers=headers)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/settings/user/mfa")
    enrol(as_nora)
    page = as_nora.get("/settings/user/mfa/recovery-codes").content.decode()
    assert 'href="/acme-health/sources?search=a"' in page


def test_the_enrolment_page_says_why_and_offers_both_ways(as_nora: Client) -> None:
    page = as_nora.get("/settings/user/mfa").content.decode()
    assert "HIPAA asks that everyone who can see it proves who they are" in page
    assert 'href="/settings/user/mfa/totp/activate"' in page
    assert 'href="/settings/user/mfa/passkeys/add"' in page


def test_enrolling_an_app_shows_codes_and_goes_where_it_was_wanted(as_nora: Client, nora: User) -> None:
    as_nora.get("/acme-health/sources?search=portal")
    before = AuditRow.objects.count()
    secret = enrol(as_nora)
    page = as_nora.get("/settings/user/mfa/recovery-codes").content.decode()
    codes = codes_on(page)
    assert [len(code) for code in codes] == [8] * 10
    assert 'href="/acme-health/sources?search=portal"' in page
    assert as_nora.get("/acme-health/sources").status_code == 200
    rows = list(AuditRow.objects.order_by("id")[before:].values_list("event_type", "actor_label", "details"))
    assert rows[:3] == [
        ("Authenticator Added", nora.email, {"kind": "authenticator app"}),
        ("Recovery Codes Generated", nora.email, {}),
        ("Recovery Codes Viewed", nora.email, {}),
    ]
    assert second_factor.sign_in(Client(), nora.email).status_code == 200  # the shared secret is not hers
    with time_machine.travel(time.time() + 60):
        fresh = Client()
        fresh.post("/login", {"login": nora.email, "password": PASSWORD})
        assert fresh.post("/login/second-factor", {"code": code_now(secret)}).status_code == 302


def test_a_wrong_first_code_adds_nothing_and_keeps_the_secret(as_nora: Client) -> None:
    secret = secret_on(as_nora.get("/settings/user/mfa/totp/activate").content.decode())
    page = as_nora.post("/settings/user/mfa/totp/activate", {"code": "000000"}).content.decode()
    assert secret_on(page) == secret
    assert "code is not right" in page
    assert not Authenticator.objects.exists()
    assert told("Authenticator Added") == []


def test_no_secret_is_stored_in_clear(as_nora: Client) -> None:
    secret = secret_on(as_nora.get("/settings/user/mfa/totp/activate").content.decode())
    assert secret not in json.dumps(Session.objects.get().get_decoded())
    assert as_nora.post("/settings/user/mfa/totp/activate", {"code": code_now(secret)}).status_code == 302
    codes = codes_on(as_nora.get("/settings/user/mfa/recovery-codes").content.decode())
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            text = str(cursor.fetchall())
            assert not any(word in text for word in (secret, *codes)), table


def test_pressing_twice_adds_one_app(as_nora: Client) -> None:
    enrol(as_nora)
    again = as_nora.post("/settings/user/mfa/totp/activate", {"code": "123456"})
    assert again.headers["Location"] == "/settings/user/mfa"
    assert Authenticator.objects.filter(type="totp").count() == 1


def test_the_code_of_enrolment_signs_nobody_in(as_nora: Client, nora: User) -> None:
    with time_machine.travel(time.time(), tick=False):
        secret = enrol(as_nora)
        other = Client()
        other.post("/login", {"login": nora.email, "password": PASSWORD})
        assert other.post("/login/second-factor", {"code": code_now(secret)}).status_code == 200


def test_no_row_no_factor(as_nora: Client) -> None:
    secret = secret_on(as_nora.get("/settings/user/mfa/totp/activate").content.decode())
    as_nora.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditrow RENAME TO gone")
        assert as_nora.post("/settings/user/mfa/totp/activate", {"code": code_now(secret)}).status_code == 503
        cursor.execute("ALTER TABLE gone RENAME TO audit_auditrow")
    assert not Authenticator.objects.exists()


def test_a_person_who_need_not_have_one_is_asked_friendly(client: Client, db: None) -> None:
    person("nora", WorkspaceFactory(plan=Workspace.Plan.FREE, baa_signed_on=None))
    client.post("/login", {"login": "nora@example.com", "password": PASSWORD})
    assert client.get("/acme-health/home").status_code == 200
    assert "Your password alone signs you in" in client.get("/settings/user/mfa").content.decode()


def test_after_support_removed_a_lost_app_the_old_recovery_codes_are_gone(signed_in: Client, alice: User) -> None:
    old = RecoveryCodes.activate(alice).get_unused_codes()
    Authenticator.objects.filter(user=alice, type="totp").delete()
    enrol(signed_in)
    assert set(codes_on(signed_in.get("/settings/user/mfa/recovery-codes").content.decode())).isdisjoint(old)


@pytest.mark.parametrize("credential", ["", "[]", '"x"', "{}", "null", '{"id": 5, "response": {}}', "not json"])
def test_no_passkey_is_made_of_nonsense(as_nora: Client, credential: str) -> None:
    as_nora.get("/settings/user/mfa/passkeys/add")
    answer = as_nora.post("/settings/user/mfa/passkeys/add", {"name": "Laptop", "credential": credential})
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert not Authenticator.objects.exists()


# Recovery codes


def test_codes_are_shown_once(as_nora: Client) -> None:
    enrol(as_nora)
    assert as_nora.head("/settings/user/mfa/recovery-codes").status_code == 405
    first = as_nora.get("/settings/user/mfa/recovery-codes")
    codes = codes_on(first.content.decode())
    assert len(codes) == 10
    assert "no-store" in first.headers["Cache-Control"]
    again = as_nora.get("/settings/user/mfa/recovery-codes").content.decode()
    assert not any(code in again for code in codes)
    assert "10 unused codes left" in again
    assert len(told("Recovery Codes Viewed")) == 1


def test_new_codes_replace_the_old(as_nora: Client, nora: User) -> None:
    enrol(as_nora)
    old = codes_on(as_nora.get("/settings/user/mfa/recovery-codes").content.decode())
    assert "the old ones work no more" in as_nora.get("/settings/user/mfa/recovery-codes/generate").content.decode()
    page = as_nora.post("/settings/user/mfa/recovery-codes/generate", follow=True).content.decode()
    new = codes_on(page)
    assert set(new).isdisjoint(old)
    assert len(told("Recovery Codes Generated")) == len(told("Recovery Codes Viewed")) == 2
    other = Client()
    other.post("/login", {"login": nora.email, "password": PASSWORD})
    assert other.post("/login/second-factor", {"code": old[0]}).status_code == 200
    assert other.post("/login/second-factor", {"code": new[0]}).status_code == 302


def test_no_codes_for_somebody_without_a_factor(as_nora: Client) -> None:
    for path in ("/settings/user/mfa/recovery-codes", "/settings/user/mfa/recovery-codes/generate"):
        assert as_nora.get(path).headers["Location"] == "/settings/user/mfa"
    assert as_nora.post("/settings/user/mfa/recovery-codes/generate").status_code == 302
    assert not Authenticator.objects.exists()


def test_a_recovery_code_signs_in_once(client: Client, alice: User) -> None:
    code = RecoveryCodes.activate(alice).get_unused_codes()[0]
    assert second_factor_with(client, alice, code) == 302
    assert told("User Signed In") == [("User Signed In", "done", {"by": ["password", "recovery_codes"]})]
    assert second_factor_with(Client(), alice, code) == 200


def second_factor_with(client: Client, user: User, code: str) -> int:
    client.post("/login", {"login": user.email, "password": PASSWORD})
    return client.post("/login/second-factor", {"code": code}).status_code


# The second step


def test_the_second_step_is_asked_for_and_told_of(client: Client, alice: User) -> None:
    client.post("/login?next=/acme-health/sources", {"login": alice.email, "password": PASSWORD})
    assert client.get("/acme-health/home").status_code == 302
    assert told() == []
    page = client.get("/login/second-factor").content.decode()
    assert "six digits your authenticator app shows" in page
    assert "Use a passkey" not in page
    answer = client.post("/login/second-factor", {"code": f" {code_now()[:3]} {code_now()[3:]} "})
    assert answer.headers["Location"] == "/acme-health/sources"
    assert told() == [("User Signed In", "done", {"by": ["password", "totp"]})]


def test_nobody_takes_the_second_step_first(client: Client, alice: User) -> None:
    assert client.get("/login/second-factor").headers["Location"] == "/login"
    assert client.post("/login/second-factor", {"code": code_now()}).headers["Location"] == "/login"
    assert told() == []


def test_somebody_else_can_sign_in_instead(client: Client, alice: User, bob: User) -> None:
    client.post("/login", {"login": alice.email, "password": PASSWORD})
    assert client.post("/logout", {"next": "/login"}).headers["Location"] == "/login"
    assert client.get("/login/second-factor").headers["Location"] == "/login"
    assert client.get("/login").status_code == 200
    assert second_factor.sign_in(client, bob.email).status_code == 302
    assert told() == [("User Signed In", "done", {"by": ["password", "totp"]})]


def test_a_wrong_code_is_told_of_without_the_code(client: Client, alice: User) -> None:
    client.post("/login", {"login": alice.email, "password": PASSWORD})
    page = client.post("/login/second-factor", {"code": "424242"})
    assert "This code is not right" in page.content.decode()
    assert told() == [("User Sign In Failed", "failed", {"locked": False, "step": "code"})]
    assert AuditRow.objects.get().actor_label == alice.email
    with connection.cursor() as cursor:
        cursor.execute("SELECT post_data FROM axes_accessattempt")
        assert "424242" not in str(cursor.fetchall())


def test_an_empty_box_is_no_failure(client: Client, alice: User) -> None:
    assert second_factor_with(client, alice, "") == 200
    assert told() == []


def test_a_code_is_taken_once_for_as_long_as_it_is_good(client: Client, alice: User) -> None:
    at = time.time() // 30 * 30
    with time_machine.travel(at, tick=False):
        code = code_now()
        assert second_factor_with(client, alice, code) == 302
    with time_machine.travel(at + 45, tick=False):  # allauth itself forgets after 30 seconds
        assert second_factor_with(Client(), alice, code) == 200
        assert second_factor_with(Client(), alice, code_now()) == 302


def test_the_unknown_passkey_signs_nobody_in(client: Client, alice: User) -> None:
    options = client.get("/login/passkey", headers={"Accept": "application/json"}).json()["request_options"]
    assert options["publicKey"]["userVerification"] == "required"
    assert not options["publicKey"].get("allowCredentials")
    answer = client.post("/login/passkey", {"credential": "{}", "next": "/acme-health/sources"})
    assert answer.headers["Location"] == "/login?next=%2Facme-health%2Fsources"
    assert "The passkey was not accepted" in client.get("/login").content.decode()
    assert told() == [("User Sign In Failed", "failed", {"locked": False, "step": "passkey", "account": "unknown"})]


@pytest.mark.parametrize("credential", ["[]", '"x"', "{}", "null", '{"id": 5, "response": {"userHandle": "eA"}}', "no"])
@pytest.mark.parametrize("path", ["/login/passkey", "/login/second-factor", "/reauthenticate/passkey"])
def test_nonsense_is_no_passkey(client: Client, alice: User, path: str, credential: str) -> None:
    passkey_of(alice)
    if path == "/login/second-factor":
        client.post("/login", {"login": alice.email, "password": PASSWORD})
    elif path != "/login/passkey":
        client.force_login(alice)
    assert client.post(path, {"credential": credential}).status_code in {200, 302}
    assert told("User Reauthenticated") == []
    assert len(told("User Sign In Failed")) == 1


# Passkeys


def options_on(page: str) -> dict[str, Any]:
    """What the page hands to the browser."""
    found = re.search(r'<script id="passkey-options" type="application/json">(.*?)</script>', page)
    assert found is not None
    options: dict[str, Any] = json.loads(found[1])
    return next(iter(options.values()))["publicKey"]  # type: ignore[no-any-return]


def add_passkey(client: Client, passkey: Passkey, name: str = "Laptop") -> str:
    """Register a passkey; where the browser is sent."""
    options = options_on(client.get("/settings/user/mfa/passkeys/add").content.decode())
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    data = {"name": name, "credential": json.dumps(passkey.registration(options))}
    answer = client.post("/settings/user/mfa/passkeys/add", data)
    assert answer.status_code == 302, answer.content.decode()
    return answer.headers["Location"]


def sign_in_by(client: Client, passkey: Passkey, *, user: User, where: str = "", verified: bool = True) -> str:
    """Sign in by a passkey that says it is `user`'s; where the browser is sent."""
    asked = client.get("/login/passkey", headers={"Accept": "application/json"}).json()
    answer = passkey.assertion(asked["request_options"]["publicKey"], user_id=str(user.pk.hex), verified=verified)
    data = {"credential": json.dumps(answer), **({"next": where} if where else {})}
    return client.post("/login/passkey", data).headers["Location"]


def test_enrolling_a_passkey_then_signing_in_by_it(as_nora: Client, nora: User) -> None:
    as_nora.get("/acme-health/sources")
    passkey = Passkey()
    assert add_passkey(as_nora, passkey) == "/settings/user/mfa/recovery-codes"
    added = told("Authenticator Added", "Recovery Codes Generated")
    assert added == [
        ("Authenticator Added", "done", {"kind": "passkey", "name": "Laptop"}),
        ("Recovery Codes Generated", "done", {}),
    ]
    assert 'href="/acme-health/sources"' in as_nora.get("/settings/user/mfa/recovery-codes").content.decode()
    other = Client()
    assert sign_in_by(other, passkey, user=nora, where="/acme-health/sources") == "/acme-health/sources"
    assert other.get("/acme-health/sources").status_code == 200
    assert told("User Signed In")[-1] == ("User Signed In", "done", {"by": ["webauthn"]})


def test_a_second_passkey_makes_no_new_codes(signed_in: Client) -> None:
    assert add_passkey(signed_in, Passkey()) == "/settings/user/mfa"
    page = signed_in.get("/settings/user/mfa/passkeys/add").content.decode()
    assert 'value="Passkey 2"' in page
    assert told("Recovery Codes Generated") == []


def test_a_passkey_that_was_not_verified_is_refused(as_nora: Client) -> None:
    options = options_on(as_nora.get("/settings/user/mfa/passkeys/add").content.decode())
    credential = json.dumps(Passkey().registration(options, verified=False))
    answer = as_nora.post("/settings/user/mfa/passkeys/add", {"name": "Laptop", "credential": credential})
    assert "The passkey was not accepted" in answer.content.decode()
    assert not Authenticator.objects.exists()


def test_an_answer_to_another_challenge_is_refused(as_nora: Client) -> None:
    passkey = Passkey()
    options = options_on(as_nora.get("/settings/user/mfa/passkeys/add").content.decode())
    as_nora.get("/settings/user/mfa/passkeys/add")
    data = {"name": "Laptop", "credential": json.dumps(passkey.registration(options))}
    assert as_nora.post("/settings/user/mfa/passkeys/add", data).status_code == 200
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("fault", ["strange key", "not verified", "of another person", "shut out"])
def test_no_sign_in_by_a_passkey_that(signed_in: Client, alice: User, charlie: User, fault: str) -> None:
    passkey = Passkey()
    add_passkey(signed_in, passkey)
    other = Client()
    if fault == "strange key":
        sign_in_by(other, Passkey(), user=alice)
    elif fault == "not verified":
        sign_in_by(other, passkey, user=alice, verified=False)
    elif fault == "of another person":
        sign_in_by(other, passkey, user=charlie)
    else:
        User.objects.filter(pk=alice.pk).update(is_active=False)
        assert sign_in_by(other, passkey, user=alice) == "/inactive"
    assert other.get("/workspaces").status_code == 302
    assert len(told("User Signed In")) == 1


def test_a_passkey_takes_the_second_step(signed_in: Client, alice: User) -> None:
    passkey = Passkey()
    add_passkey(signed_in, passkey)
    other = Client()
    other.post("/login", {"login": alice.email, "password": PASSWORD})
    page = other.get("/login/second-factor").content.decode()
    assert "Use a passkey" in page
    wrong = {"credential": json.dumps(Passkey().assertion(options_on(page), user_id=alice.pk.hex))}
    page = other.post("/login/second-factor", wrong).content.decode()
    assert "The passkey was not accepted" in page
    assert told("User Sign In Failed") == [("User Sign In Failed", "failed", {"locked": False, "step": "passkey"})]
    right = {"credential": json.dumps(passkey.assertion(options_on(page), user_id=alice.pk.hex))}
    assert other.post("/login/second-factor", right).status_code == 302
    assert told("User Signed In")[-1] == ("User Signed In", "done", {"by": ["password", "webauthn"]})


def test_a_passkey_confirms(signed_in: Client, alice: User) -> None:
    passkey = Passkey()
    add_passkey(signed_in, passkey)
    where = "/reauthenticate/passkey?next=/settings/user/mfa"
    for key, there in ((Passkey(), where.replace("/settings/user/mfa", "%2Fsettings%2Fuser%2Fmfa")), (passkey, None)):
        options = options_on(signed_in.get(where).content.decode())
        credential = json.dumps(key.assertion(options, user_id=alice.pk.hex))
        answer = signed_in.post("/reauthenticate/passkey", {"credential": credential, "next": "/settings/user/mfa"})
        assert answer.headers["Location"] == (there or "/settings/user/mfa")
    assert told("User Reauthenticated") == [("User Reauthenticated", "done", {"by": "webauthn"})]
    assert len(told("User Sign In Failed")) == 1


# Removing and renaming


def test_the_last_factor_of_one_who_needs_it_stays(signed_in: Client, alice: User) -> None:
    page = signed_in.get("/settings/user/mfa/totp/deactivate").content.decode()
    assert "Add another before you remove this" in page
    answer = signed_in.post("/settings/user/mfa/totp/deactivate", follow=True)
    assert "This is your only second factor" in answer.content.decode()
    assert Authenticator.objects.filter(user=alice, type="totp").exists()
    assert told("Authenticator Removed") == []


def test_the_last_passkey_stays_as_well(signed_in: Client, alice: User) -> None:
    passkey = passkey_of(alice)
    Authenticator.objects.filter(user=alice, type="totp").delete()
    signed_in.post(f"/settings/user/mfa/passkeys/{passkey.pk}/remove")
    assert Authenticator.objects.filter(pk=passkey.pk).exists()
    assert told("Authenticator Removed") == []


@pytest.mark.django_db(transaction=True)
def test_of_two_that_go_at_once_one_stays(transactional_db: None, alice: User) -> None:
    passkey_of(alice)
    ready, refused = threading.Barrier(2), []

    def remove(factor: Authenticator) -> None:
        ready.wait()
        try:
            remove_factor(factor, actor=alice)
        except LastFactorError:
            refused.append(factor.type)
        finally:
            connection.close()

    threads = [threading.Thread(target=remove, args=(factor,)) for factor in Authenticator.objects.filter(user=alice)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert [factor.type for factor in Authenticator.objects.filter(user=alice)] == refused
    assert len(told("Authenticator Removed")) == 1


def test_one_of_two_may_go(signed_in: Client, alice: User) -> None:
    passkey = passkey_of(alice)
    assert signed_in.post("/settings/user/mfa/totp/deactivate").headers["Location"] == "/settings/user/mfa"
    assert list(Authenticator.objects.filter(user=alice)) == [passkey]
    assert told("Authenticator Removed") == [("Authenticator Removed", "done", {"kind": "authenticator app"})]


def test_without_need_the_last_one_goes_and_its_codes_with_it(client: Client, db: None) -> None:
    person("nora", WorkspaceFactory(plan=Workspace.Plan.FREE, baa_signed_on=None))
    client.post("/login", {"login": "nora@example.com", "password": PASSWORD})
    enrol(client)
    assert client.post("/settings/user/mfa/totp/deactivate").status_code == 302
    assert not Authenticator.objects.exists()
    details = {"kind": "authenticator app", "recovery codes": "removed"}
    assert told("Authenticator Removed") == [("Authenticator Removed", "done", details)]


def test_a_passkey_is_renamed(signed_in: Client, alice: User) -> None:
    passkey = passkey_of(alice)
    path = f"/settings/user/mfa/passkeys/{passkey.pk}/edit"
    assert "This field is required" in signed_in.post(path, {"name": " "}).content.decode()
    assert "at most 60 characters" in signed_in.post(path, {"name": "x" * 61}).content.decode()
    assert signed_in.post(path, {"name": "Desk"}).status_code == 302
    passkey.refresh_from_db()
    assert str(passkey) == "Desk"
    assert signed_in.post(path, {"name": "Desk"}).status_code == 302
    details = {"passkey": {"before": "Laptop", "after": "Desk"}}
    assert told("User Profile Modified") == [("User Profile Modified", "done", details)]


@pytest.mark.parametrize("action", ["edit", "remove"])
def test_the_passkey_of_another_is_not_there(signed_in: Client, charlie: User, action: str) -> None:
    passkey = passkey_of(charlie)
    path = f"/settings/user/mfa/passkeys/{passkey.pk}/{action}"
    assert signed_in.get(path).status_code == 404
    assert signed_in.post(path, {"name": "Mine"}).status_code == 404
    passkey.refresh_from_db()
    assert str(passkey) == "Laptop"


PAGES = [
    "/settings/user/mfa/totp/activate",
    "/settings/user/mfa/totp/deactivate",
    "/settings/user/mfa/recovery-codes",
    "/settings/user/mfa/recovery-codes/generate",
    "/settings/user/mfa/passkeys/add",
    "/settings/user/mfa/passkeys/{pk}/edit",
    "/settings/user/mfa/passkeys/{pk}/remove",
]


@pytest.mark.parametrize("path", ["/settings/user/mfa", *PAGES])
def test_strangers_are_sent_to_sign_in(client: Client, alice: User, path: str) -> None:
    where = path.format(pk=passkey_of(alice).pk)
    before = list(Authenticator.objects.order_by("pk").values())
    for answer in (client.get(where), client.post(where, {"code": code_now(), "name": "x"})):
        assert answer.status_code in {302, 405}
        if answer.status_code == 302:
            assert answer.headers["Location"].startswith("/login?")
    assert list(Authenticator.objects.order_by("pk").values()) == before


# Confirming once more


def test_confirming_by_password_goes_back_and_is_told_of(signed_in: Client) -> None:
    page = signed_in.get("/reauthenticate?next=/settings/user/mfa/totp/deactivate").content.decode()
    assert 'href="/reauthenticate/second-factor?next=' in page
    answer = signed_in.post("/reauthenticate", {"password": PASSWORD, "next": "/settings/user/mfa/totp/deactivate"})
    assert answer.headers["Location"] == "/settings/user/mfa/totp/deactivate"
    assert told("User Reauthenticated") == [("User Reauthenticated", "done", {"by": "password"})]


def test_confirming_by_code(signed_in: Client) -> None:
    with time_machine.travel(time.time() + 120):
        page = signed_in.get("/reauthenticate/second-factor?next=/settings/user/mfa").content.decode()
        assert 'name="next" value="/settings/user/mfa"' in page
        data = {"code": code_now(), "next": "/settings/user/mfa"}
        assert signed_in.post("/reauthenticate/second-factor", data).headers["Location"] == "/settings/user/mfa"
        assert told("User Reauthenticated") == [("User Reauthenticated", "done", {"by": "totp"})]
        assert signed_in.post("/reauthenticate/second-factor", data).status_code == 200


def test_support_staff_need_one_too(client: Client, db: None) -> None:
    sam = support_staff()
    Authenticator.objects.filter(user=sam).delete()
    client.post("/login", {"login": sam.email, "password": PASSWORD})
    assert client.get("/admin/").headers["Location"] == "/settings/user/mfa"


def test_the_shared_secret_of_the_tests_is_what_apps_hold(alice: User) -> None:
    assert Authenticator.objects.get(user=alice).wrap().validate_code(code_now(TOTP_SECRET))
