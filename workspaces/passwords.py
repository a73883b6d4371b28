"""What a new password must be: not short, not known, not guessed in a few tries (OWASP ASVS 5.0 V6.2, NIST SP 800-63B).

No rule says which characters to use. Nothing is asked of any other site.
"""

from __future__ import annotations

import re
import threading
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

from workspaces.models import User

SHORTEST = 12
LONGEST = 256  # whatever a password manager or a sentence needs; a bound on the work of one request
LOOKED_AT = 72  # what the estimate takes: one that is strong so far is strong
STRONG = 3  # of 4: over 10^8 guesses for somebody who knows words, names, dates, keyboards and their disguises
_ONE_AT_A_TIME = threading.Lock()  # the library keeps a person's own words in a global


class GuessablePasswordValidator:
    """Refuses what is made of a common password, a word, a repeat, a keyboard row or the person's own names.

    Lists of known passwords hold few of twelve characters or more; people lengthen a short one until it is let pass.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError, which says what was recognised."""
        if len(password) < SHORTEST:  # refused for that
            return
        with _ONE_AT_A_TIME:
            found: dict[str, Any] = zxcvbn(password[:LOOKED_AT], user_inputs=own_words(user))
        if found["score"] < STRONG:
            why = found["feedback"]["warning"]
            text = "This password is easy to guess."
            raise ValidationError(
                f"{text}{' ' if why else ''}{why} Use several unrelated words, or let a password manager make one.",
                code="password_guessable",
            )

    def get_help_text(self) -> str:
        """What the page says next to the box."""
        return "It can't be easy to guess: no repeats, keyboard rows or your own name. A few unrelated words are best."


class MaximumLengthValidator:
    """Refuses what is longer than any password has to be."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError."""
        if len(password) > LONGEST:
            raise ValidationError(f"This password is too long. Use at most {LONGEST} characters.", code="too_long")

    def get_help_text(self) -> str:
        """What the page says next to the box."""
        return f"It can have up to {LONGEST} characters of any kind, spaces included."


def own_words(user: User | None) -> list[str]:
    """What somebody who knows the person tries first: their address and name, where they work, and this product."""
    names = [settings.MFA_TOTP_ISSUER]
    if user is not None:
        names += [user.email, user.name]
        if not user._state.adding:
            names += user.workspaces.values_list("name", flat=True)
    words = [word for name in names for word in re.split(r"[\W_]+", name) if len(word) > 2]  # noqa: PLR2004  # no "of"
    return [*names, *("".join(re.split(r"[\W_]+", name)) for name in names), *words]
