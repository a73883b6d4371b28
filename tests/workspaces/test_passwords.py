"""Which passwords are taken, what is said about the others, and what the audit log tells of a change."""

from __future__ import annotations

import gzip
import re
import threading
from pathlib import Path

import pytest
from django.contrib.auth import password_validation
from django.contrib.auth.hashers import Argon2PasswordHasher, identify_hasher
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client, override_settings

from audit.models import AuditRow
from segment_app import settings as product_settings
from tests import second_factor
from tests.factories import PASSWORD
from workspaces.models import User

NEW = "a new and long enough password"


def change(client: Client, new: str, old: str = PASSWORD) -> str:
    """The page that answers the change; empty where it was made."""
    answer = client.post("/password/change", {"oldpassword": old, "password1": new, "password2": new})
    return "" if answer.status_code == 302 else answer.content.decode()


def said_of(page: str, name: str) -> str:
    found = re.search(rf'id="id_{name}_error">(.*?)</div></div>', page, re.DOTALL)
    return " ".join(re.findall(r"<p>(.*?)</p>", found[1])) if found else ""


def changes() -> list[tuple[str, dict[str, object]]]:
    rows = AuditRow.objects.filter(event_type="User Password Changed").order_by("id")
    return list(rows.values_list("actor_label", "details"))


@pytest.mark.parametrize(
    "new",
    [
        "correct horse battery stapler",
        "4vK9!tqZ2mWx",
        "zwölf Zeichen reichen aus",
        "密码 很长 而且 不会 被 猜到",
        "no digits no capitals no signs",
        "long " * 10 + "but then the sentence goes on about seven unlikely elephants in a canoe, none of whom can swim",
        "Qx7" * 20 + "w8!pLz#r0Tq2vB" * 4 + "e" * 10,
    ],
)
def test_a_good_password_of_any_kind_is_taken(as_alice: Client, alice: User, new: str) -> None:
    assert said_of(change(as_alice, new), "password1") == ""
    alice.refresh_from_db()
    assert alice.check_password(new)
    assert second_factor.sign_in(Client(), alice.email, new).status_code == 302


@pytest.mark.parametrize(
    ("new", "text"),
    [
        ("11 signs ok", "at least 12 characters"),
        ("Password1234!", "easy to guess"),
        ("P@ssw0rd2026!", "easy to guess"),
        ("passwordpassword", "easy to guess"),
        ("123456789012", "easy to guess"),
        ("qwertyuiop12", "easy to guess"),
        ("aaaaaaaaaaaaaaaaaaaa", "easy to guess"),
        ("alice@example.com", "easy to guess"),
        ("acmehealth2026", "easy to guess"),
        ("Acme Health 1", "easy to guess"),
        ("lifeline2026", "easy to guess"),
        ("fallen_angel", "too common"),
        ("x" * 257, "at most 256 characters"),
    ],
)
def test_a_bad_one_is_refused_at_its_field(as_alice: Client, alice: User, new: str, text: str) -> None:
    page = change(as_alice, new)
    assert text in said_of(page, "password1")
    assert f'value="{new}"' not in page
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert changes() == []


def test_every_known_password_that_is_long_enough_is_refused() -> None:
    known = Path(password_validation.__file__).parent / "common-passwords.txt.gz"
    with gzip.open(known, "rt") as lines:
        long = [line.strip() for line in lines if len(line.strip()) >= 12]
    assert len(long) > 100
    for password in long:
        with pytest.raises(ValidationError):
            password_validation.validate_password(password)


def test_the_words_of_one_person_are_not_held_against_another(alice: User) -> None:
    other = User(email="zebedee.marmalade@example.org", name="Zebedee Marmalade")
    with pytest.raises(ValidationError):
        password_validation.validate_password("zebedeemarmalade", other)
    password_validation.validate_password("zebedeemarmalade", alice)


def test_many_at_once_do_not_disturb_each_other() -> None:
    people = [User(email=f"person{n}@example.org", name=f"Zebedee Marmalade {n}") for n in range(4)]
    wrong: list[str] = []

    def ask(person: User | None, expected: bool) -> None:
        for _ in range(10):
            try:
                password_validation.validate_password("zebedeemarmalade", person)
                refused = False
            except ValidationError:
                refused = True
            if refused != expected:
                wrong.append(str(person))

    asked = [threading.Thread(target=ask, args=(each, each is not None)) for each in [*people, None]]
    for each in asked:
        each.start()
    for each in asked:
        each.join()
    assert wrong == []


def test_the_page_says_the_rules_beforehand(as_alice: Client) -> None:
    page = as_alice.get("/password/change").content.decode()
    for text in ("at least 12 characters", "easy to guess", "up to 256 characters of any kind"):
        assert text in page


def test_what_is_stored_is_argon2(alice: User) -> None:
    assert product_settings.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=product_settings.PASSWORD_HASHERS):
        alice.set_password(NEW)
        assert isinstance(identify_hasher(alice.password), Argon2PasswordHasher)
        assert alice.password.startswith("argon2$argon2id$")


def test_a_change_is_told_of_and_ends_every_session(as_alice: Client, alice: User) -> None:
    elsewhere = Client()
    elsewhere.force_login(alice)
    assert change(as_alice, NEW) == ""
    assert changes() == [(alice.email, {"by": "form"})]
    assert elsewhere.get("/workspaces").status_code == 302


def test_a_reset_is_told_of(client: Client, alice: User) -> None:
    client.post("/password/reset", {"email": alice.email})
    link = re.search(r"http://testserver(/password/reset/key/\S+)", str(mail.outbox[0].body))
    assert link is not None
    where = client.get(link[1]).headers["Location"]
    page = client.post(where, {"password1": "password1234", "password2": "password1234"}).content.decode()
    assert "easy to guess" in said_of(page, "password1")
    assert changes() == []
    assert client.post(where, {"password1": NEW, "password2": NEW}).status_code == 302
    assert changes() == [(alice.email, {"by": "reset link"})]


def test_a_first_password_is_told_of(client: Client, alice: User) -> None:
    alice.set_unusable_password()
    alice.save()
    client.force_login(alice)
    assert client.post("/password/set", {"password1": NEW, "password2": NEW}).status_code == 302
    assert changes() == [(alice.email, {"by": "form"})]


@pytest.mark.parametrize("path", ["/password/change", "/password/set"])
def test_no_row_no_change(client: Client, alice: User, path: str) -> None:
    if path == "/password/set":
        alice.set_unusable_password()
        alice.save()
    client.force_login(alice)
    client.raise_request_exception = False
    before = alice.password
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditrow RENAME TO gone")
        answer = client.post(path, {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})
        cursor.execute("ALTER TABLE gone RENAME TO audit_auditrow")
    assert answer.status_code == 503
    alice.refresh_from_db()
    assert alice.password == before
