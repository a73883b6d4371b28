"""Workspaces: one customer's account each."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from audit.ids import new_id
from workspaces import baa
from workspaces.models.people import User


class Workspace(models.Model):
    """One customer's account: sources, destinations and people. Eligibility is set by support staff alone."""

    class Plan(models.TextChoices):
        FREE = "free", "Free"
        TEAM = "team", "Team"
        BUSINESS = "business", "Business"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=60, unique=True)
    plan = models.CharField("plan tier", max_length=10, choices=Plan.choices, default=Plan.FREE)
    baa_signed_on = models.DateField(
        "BAA signed on", null=True, blank=True, help_text="Date of the signed BAA on file."
    )
    baa_signed_by = models.CharField(
        "BAA signed by", max_length=120, blank=True, help_text="Who signed for the customer: name and title."
    )
    baa_reference = models.CharField(
        "BAA document", max_length=120, blank=True, help_text="Where the signed document is filed."
    )
    baa_expires_on = models.DateField(
        "BAA expires on", null=True, blank=True, help_text="Last day in force; empty where it does not expire."
    )
    # The expiry its owners were warned of by mail.
    baa_warned_for = models.DateField(null=True, blank=True, editable=False)
    strict_write_keys = models.BooleanField(
        "strict write keys",
        default=False,
        help_text="Answer 401 to an unknown or revoked write key instead of 200.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    members = models.ManyToManyField(User, through="Membership", related_name="workspaces")

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def standing(self) -> baa.Standing:
        """Why PHI may or may not be sent today."""
        return baa.standing(
            is_business=self.plan == self.Plan.BUSINESS,
            signed_on=self.baa_signed_on,
            expires_on=self.baa_expires_on,
            today=timezone.now().date(),
        )

    @property
    def is_hipaa_eligible(self) -> bool:
        """Whether PHI may be sent: Business tier and a BAA that is signed and in force today."""
        return self.standing is baa.Standing.ELIGIBLE

    @property
    def baa_has_expired(self) -> bool:
        """Whether the BAA's last day is over."""
        return self.baa_expires_on is not None and self.baa_expires_on < timezone.now().date()

    @property
    def is_bound_by_hipaa(self) -> bool:
        """Whether the strict rules hold for its members: a BAA was signed, expired or not."""
        return baa.is_bound(signed_on=self.baa_signed_on, today=timezone.now().date())

    @property
    def baa_days_left(self) -> int | None:
        """Days until the BAA expires, once it is time to warn."""
        return baa.days_left(self.baa_expires_on, timezone.now().date())
