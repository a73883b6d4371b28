"""Locks after failed tries (OWASP ASVS 5.0 V6.3.1), on the account and, far later, on the address they come from.

A wrong password, second-factor code or repeated password counts, whether or not there is such an account. A passkey
never passes here: it cannot be guessed, and its owner gets in whatever strangers type into the password box.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.core import context as allauth_context
from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone

from audit.event_types import EventType
from audit.record import record
from workspaces.models import Membership, User
from workspaces.personal_record import record_for


class LockoutHandler(AxesDatabaseHandler):  # type: ignore[misc]  # axes ships no types
    """axes' own, but an address has a limit of its own: many people share one, and one of them must not lock all out.

    Needs `AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]`. Tries while locked are not counted, so that one person
    adds no more than AXES_FAILURE_LIMIT to the address.
    """

    def get_failures(self, request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> int:
        """Failures of the account, or those of its address where that one is full."""
        of_account, of_address = (_sum(attempts) for attempts in self.get_user_attempts(request, credentials))
        known = request.axes_ip_address is not None  # type: ignore[attr-defined]  # set by axes
        full = known and of_address >= settings.FAILURES_PER_ADDRESS
        request.__dict__["is_address_locked"] = full
        return max(of_account, of_address) if full else of_account

    def reset_user_attempts(self, request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> int:
        """Forget the failures of whoever signed in, and of nobody else at their address."""
        of_account, _ = self.filter_user_attempts(request, credentials)
        return cast(int, of_account.delete()[0])


def count_wrong_code(*, request: HttpRequest, user: User, **_: Any) -> None:
    """Let a wrong second-factor code count as a wrong password does; it may close the lock."""
    user_login_failed.send(sender=__name__, credentials={"email": user.email, "step": "code"}, request=request)


def is_locked(request: HttpRequest, credentials: Mapping[str, Any]) -> bool:
    """Whether the account these credentials name, or the address they come from, is locked."""
    return bool(AxesProxyHandler.is_locked(request, credentials))


def is_refused(request: HttpRequest, user: User) -> bool:
    """Whether a lock keeps this person from being asked for a code; if so axes answers the request with its page."""
    if not is_locked(request, {"email": user.email}):
        return False
    request.__dict__["axes_locked_out"] = True
    count_wrong_code(request=request, user=user)  # recorded; axes counts none while locked
    return True


@transaction.atomic
def lift_lock(email: str, *, actor: User) -> None:
    """Let the account sign in again before its lock runs out. Support staff only; raises PermissionDenied."""
    _require_support(actor)
    reset(username=email)
    user = User.objects.filter(email=email).first()
    get_adapter().forget_failures(allauth_context.request, email=email, user=user)
    if user:
        record_for(user, EventType.ACCOUNT_UNLOCKED, actor=actor)
    else:  # what was typed for an unknown account may be a password: not kept
        record(EventType.ACCOUNT_UNLOCKED, actor=actor, details={"account": "unknown"})


@transaction.atomic
def lift_address_lock(address: str, *, actor: User) -> None:
    """Let people at the address sign in again, those whose account was locked from there included. Support staff only.

    Told in the workspaces of everybody whose account was tried from there. Raises PermissionDenied.
    """
    _require_support(actor)
    tried = AccessAttempt.objects.filter(ip_address=address).values("username")
    theirs = Membership.objects.filter(user__email__in=tried).values_list("workspace_id", flat=True).distinct()
    for workspace_id in [str(each) for each in theirs] or [""]:
        record(EventType.ADDRESS_UNLOCKED, actor=actor, workspace_id=workspace_id, details={"address": address})
    reset(ip=address)


def with_locks(attempts: QuerySet[AccessAttempt]) -> QuerySet[AccessAttempt]:
    """The attempts, each with `account_locked` and `address_locked`: whether what it was about is locked now."""
    locks = {
        "account_locked": _is_full("username", settings.AXES_FAILURE_LIMIT),
        "address_locked": _is_full("ip_address", settings.FAILURES_PER_ADDRESS),
    }
    return cast("QuerySet[AccessAttempt]", attempts.annotate(**locks))


def _is_full(field: str, limit: int) -> Exists:
    """Whether the counted failures with the same value in `field` reach the limit."""
    counted = AccessAttempt.objects.filter(attempt_time__gte=timezone.now() - get_cool_off())
    same = counted.filter(**{field: OuterRef(field)}).order_by().values(field)
    return Exists(same.annotate(total=Sum("failures_since_start")).filter(total__gte=limit))


def _require_support(actor: User) -> None:
    if not (actor.is_active and actor.is_staff and actor.has_perm("axes.change_accessattempt")):
        raise PermissionDenied("lift a lock")


def _sum(attempts: QuerySet[AccessAttempt]) -> int:
    return attempts.aggregate(total=Sum("failures_since_start"))["total"] or 0
