"""The demo: "Acme Health", made once through the verbs the pages call, so that a first look shows a living product.

The demo's receiver stands for the customer's own server: it holds the private key of the demo destination, in a folder
of its own, as any key holder would. The product itself does not have it.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.db import transaction

from destinations import connections, drafts
from destinations.drafts import Answers
from destinations.encryption import setup
from destinations.models import Draft
from privacy.inventory import classify_field
from privacy.models import Classification
from segment_app.demo_events import append_history
from workspaces import grants, write_keys
from workspaces.grants import RoleGiven
from workspaces.labels import add_defaults
from workspaces.models import Membership, Source, User, Workspace
from workspaces.roles import Role
from workspaces.sign_in_links import make_link
from workspaces.sources import add_source

SLUG = "acme-health"
EMAIL = "owner@acme-health.example"
ENCRYPTED = ("default_matcher:email", "default_matcher:phone", "default_matcher:diagnosis", "inventory:patient_mrn")
CLASSIFIED = {
    "patient_mrn": Classification.YELLOW,
    "insurance_member_id": Classification.YELLOW,
    "lab_result": Classification.YELLOW,
    "ssn": Classification.RED,
    "plan_name": Classification.GREEN,
}


@dataclass(frozen=True, slots=True)
class Demo:
    """What a person or a script needs to use the demo; None stands for what there is none of."""

    url: str
    email: str
    password: str
    totp_secret: str | None
    write_key: str
    receiver_url: str | None

    def as_json(self) -> str:
        """One JSON object with these fields."""
        return json.dumps(asdict(self), indent=2)

    def welcome(self, link: str) -> str:
        """What `make run` prints. `link` signs in once: a first look needs no authenticator app."""
        return f"""
  Open       {link}
             (signs you in once, within the hour; again later: manage.py sign_in_link {self.email})
  Password   {self.password}  (asked for before sensitive steps, five minutes after you signed in)
  Write key  {self.write_key}
  Receiver   {self.receiver_url}  (shows what the demo destination received)
  Mail       {self.receiver_url}mail  (invitations and whatever else is mailed to people)

  Send a first event:

    curl {self.url}/v1/track -u {self.write_key}: -H 'Content-Type: application/json' \\
      -d '{{"userId": "patient-7", "event": "Visit Booked", "properties": {{"email": "jo@example.com"}}}}'

  Ctrl-C stops everything.
"""


def receiver_port() -> int:
    """Where the demo's receiver listens: RECEIVER_PORT, by default the port after the web server's."""
    return int(os.environ.get("RECEIVER_PORT", settings.PORT + 1))


def receiver_folder() -> Path:
    """The customer's side of the demo: its private key. Not part of the product's data."""
    return settings.DATA_DIR / "receiver"


def mail_folder() -> Path:
    """Where the embedded default puts mail; the demo's receiver shows it at /mail."""
    return Path(getattr(settings, "EMAIL_FILE_PATH", "") or settings.DATA_DIR / "mail")


def ensure_demo() -> Demo:
    """The demo's facts; the workspace is made where it is not there yet. Needs a migrated database."""
    remembered = _password_file()
    if not Workspace.objects.filter(slug=SLUG).exists():
        _make()
    password = remembered.read_text().strip() if remembered.exists() else ""
    source = Source.objects.get(workspace__slug=SLUG, slug="clinic-server")
    return Demo(
        url=settings.SITE_URL,
        email=EMAIL,
        password=password,
        totp_secret=_totp_file().read_text().strip() if _totp_file().exists() else None,
        write_key=write_keys.reveal(source) or "",
        receiver_url=f"http://127.0.0.1:{receiver_port()}/",
    )


def sign_in_link() -> str:
    """An address that signs the demo's owner in, once."""
    return make_link(User.objects.get(email=EMAIL))


def _password_file() -> Path:
    return settings.DATA_DIR / "demo-password.txt"


def _totp_file() -> Path:
    """What the owner's authenticator app would hold."""
    return settings.DATA_DIR / "demo-totp.txt"


def _make() -> None:
    password, totp_secret = secrets.token_urlsafe(12), generate_totp_secret()
    # The pair is drawn before the transaction: on SQLite it would stop every other writer.
    with transaction.atomic():
        workspace, owner = _workspace_and_owner(password)
        TOTP.activate(owner, totp_secret)
        for name, classification in CLASSIFIED.items():
            classify_field(workspace, name=name, classification=classification, actor=owner)
        website = add_source(workspace, kind="javascript", name="Patient portal", actor=owner)
        server = add_source(workspace, kind="http-api", name="Clinic server", actor=owner)
    _add_webhook(workspace, server, owner)
    append_history(server, website)
    _write_private(_password_file(), password)
    _write_private(_totp_file(), totp_secret)


def _workspace_and_owner(password: str) -> tuple[Workspace, User]:
    workspace = Workspace.objects.create(
        name="Acme Health",
        slug=SLUG,
        plan=Workspace.Plan.BUSINESS,
        baa_signed_on=date(2024, 1, 15),
        baa_signed_by="Olivia Owner, Chief Privacy Officer",
        baa_reference="BAA-2024-001",
    )
    owner = User.objects.filter(email=EMAIL).first() or User.objects.create_user(EMAIL, name="Olivia Owner")
    owner.set_password(password)
    owner.is_staff = owner.is_superuser = True  # so that one sign-in shows Django admin as well
    owner.save(update_fields=["password", "is_staff", "is_superuser"])
    EmailAddress.objects.get_or_create(user=owner, email=EMAIL, defaults={"verified": True, "primary": True})
    add_defaults(workspace)
    grants.write(Membership.objects.create(workspace=workspace, user=owner), [RoleGiven(Role.OWNER)])
    return workspace, owner


def _add_webhook(workspace: Workspace, source: Source, owner: User) -> None:
    draft = drafts.start("webhooks", actor=owner, workspace=workspace)
    draft = drafts.choose_source(draft, source.pk, actor=owner)
    answers = Answers(
        name="Care team webhook",
        enabled=True,
        settings={"url": f"http://127.0.0.1:{receiver_port()}/events", "headers": "", "shared_secret": ""},
        encrypts=True,
        fields=ENCRYPTED,
        key_stored=True,
    )
    setup.show_setup(draft, actor=owner)
    pair = setup.generate_keys(draft, answers, token=str(draft.key_request), actor=owner)
    _write_private(receiver_folder() / "private-key.pem", pair.private_pem)
    connections.create_destination(Draft.objects.get(pk=draft.pk), answers, actor=owner)


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
