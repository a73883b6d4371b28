"""The invitation as a mail."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string

from workspaces.models import Invitation


def send_invitation(invitation: Invitation, secret: str) -> None:
    """Send the link by Django's e-mail settings; raises what the backend raises."""
    facts = {"invitation": invitation, "url": f"{settings.SITE_URL}/invitations/{secret}", "site": settings.SITE_URL}
    # One line, whatever stands in the workspace's name.
    subject = " ".join(render_to_string("workspaces/mail/invitation_subject.txt", facts).split())
    send_mail(subject, render_to_string("workspaces/mail/invitation.txt", facts), None, [invitation.email])
