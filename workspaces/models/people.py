"""People, known by their e-mail address."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from audit.ids import new_id


class UserManager(BaseUserManager["User"]):
    """Makes people known by their e-mail address alone."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Add a person; without a password they cannot sign in until they set one."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Add a person with every right in Django admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """One named person (45 CFR 164.312(a)(2)(i)); never shared, never deleted while the audit log names them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField("e-mail address", unique=True)
    name = models.CharField(max_length=100, blank=True)
    is_staff = models.BooleanField("support staff", default=False, help_text="May open Django admin.")
    is_active = models.BooleanField(default=True, help_text="Untick to shut the person out without losing the record.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="one_person_per_address")]

    def __str__(self) -> str:
        return self.email

    def get_short_name(self) -> str:
        """What the person is called in the header and the audit pages."""
        return self.name or self.email
