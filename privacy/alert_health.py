"""How alerts get through: what each channel was told last, what went wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, OuterRef, Subquery

from privacy.models import AlertMessage, AlertSettings
from workspaces.models import Workspace

Channel, Status = AlertMessage.Channel, AlertMessage.Status

WHAT_TO_DO = {
    "SWITCHED_OFF": "The channel was switched off meanwhile.",
    "NO_ADDRESS": "No webhook URL is kept that can be opened. Type it again and save.",
    "NO_SOURCE": "The source is gone. Choose another one and save.",
    "EVENT_LOG_UNAVAILABLE": "The event log could not be written.",
    "400": "Slack does not take it (400). Look whether the channel's name is right.",
    "403": "Slack refuses it (403): the webhook may not post there. Make another one in Slack.",
    "404": "Slack does not know the webhook (404). Make another one in Slack and type its URL.",
    "410": "The webhook was removed in Slack (410). Make another one and type its URL.",
    "429": "Slack asks for fewer messages (429).",
}


@dataclass(frozen=True, slots=True)
class Health:
    """One channel. `trouble` says what went wrong last, where nothing has got through since; else it is empty."""

    channel: AlertMessage.Channel
    is_on: bool
    last_sent: datetime | None
    last_failure: datetime | None
    trouble: str
    waiting: int
    test: str  # how the last test stands; "" without one
    tested: datetime | None

    @property
    def is_testing(self) -> bool:
        """Whether a test is on its way."""
        return self.test == Status.WAITING

    @property
    def test_label(self) -> str:
        """How the last test stands, in words."""
        return str(Status(self.test).label) if self.test else ""

    @property
    def name(self) -> str:
        """What pages call the channel."""
        return "Slack" if self.channel == Channel.SLACK else "Source"


def health_of(workspace: Workspace, kept: AlertSettings) -> list[Health]:
    """Both channels; one query, each part of which reads the end of an index."""
    parts = {f"{channel}_{name}": part for channel in Channel for name, part in _parts(channel).items()}
    row: Mapping[str, Any] = Workspace.objects.filter(pk=workspace.pk).values(**parts).get()
    return [_health(kept, channel, {name: row[f"{channel}_{name}"] for name in _parts(channel)}) for channel in Channel]


def _parts(channel: str) -> dict[str, Subquery]:
    """What is asked of one channel, None where there is nothing. A message has an error until it gets through."""
    rows = AlertMessage.objects.filter(workspace=OuterRef("pk"), channel=channel).order_by("-tried_at")
    waiting = rows.filter(status=Status.WAITING, is_test=False).order_by().values("workspace")
    failed, test = rows.filter(error__gt=""), rows.filter(is_test=True)
    return {
        "sent": Subquery(rows.filter(status=Status.SENT).values("tried_at")[:1]),
        "failed": Subquery(failed.values("tried_at")[:1]),
        "error": Subquery(failed.values("error")[:1]),
        "waiting": Subquery(waiting.annotate(n=Count("*")).values("n")),
        "test": Subquery(test.values("status")[:1]),
        "tested": Subquery(test.values("tried_at")[:1]),
    }


def trouble(error: str) -> str:
    """What an error means and what to do, in a sentence; "" for none."""
    if not error:
        return ""
    if error.isdigit():
        had = f"Slack had trouble of its own ({error})." if error >= "500" else f"Slack answered {error}."
        return WHAT_TO_DO.get(error, had)
    return WHAT_TO_DO.get(
        error, f"Slack could not be reached ({error}). Look whether this server may call hooks.slack.com."
    )


def _health(kept: AlertSettings, channel: AlertMessage.Channel, row: Mapping[str, Any]) -> Health:
    sent, failed = row["sent"], row["failed"]
    stands = failed is not None and (sent is None or failed > sent)
    return Health(
        channel=channel,
        is_on=kept.slack if channel == Channel.SLACK else kept.segment,
        last_sent=sent,
        last_failure=failed,
        trouble=trouble(row["error"]) if stands else "",
        waiting=row["waiting"] or 0,
        test=row["test"] or "",
        tested=row["tested"],
    )
