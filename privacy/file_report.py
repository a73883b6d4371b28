"""What all requests of one file of end users did, added up: how they stand, what went here, who was told."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, Sum

from privacy.models import Regulation, RegulationFile, RegulationStep
from privacy.regulation_list import COLOURS, Upload
from privacy.regulations import OPEN
from workspaces.models import Workspace


@dataclass(frozen=True, slots=True)
class FileReport:
    """What all requests of one file did: users by how they stand, removed items by store, users by destination."""

    upload: Upload
    type: str
    statuses: list[tuple[str, str, int]]  # label, colour, users
    stores: list[Any]  # place, removed, open
    destinations: list[Any]  # source_name, place, told, failed, open


def file_report(workspace: Workspace, upload_id: uuid.UUID) -> FileReport | None:
    """The report of one file; None where there is no such. Five queries."""
    file = RegulationFile.objects.filter(workspace=workspace, pk=upload_id).first()
    rows = Regulation.objects.filter(workspace=workspace, upload=upload_id)
    counts = dict(rows.values_list("status").annotate(n=Count("pk")).order_by())
    if not counts and file is None:
        return None
    first, taken_in = rows.first(), sum(counts.values())
    users = file.users if file is not None else taken_in
    steps = RegulationStep.objects.filter(regulation__workspace=workspace, regulation__upload=upload_id)
    is_open = Count("pk", filter=Q(status__in=OPEN))
    stores = steps.filter(destination_id=None).values("place").annotate(removed=Sum("removed"), open=is_open)
    told = (
        steps.exclude(destination_id=None)
        .values("source_name", "place", "destination_id")
        .annotate(
            told=Count("pk", filter=Q(status=Regulation.Status.FINISHED)),
            failed=Count("pk", filter=Q(status__in=(Regulation.Status.FAILED, Regulation.Status.NOT_SUPPORTED))),
            open=is_open,
        )
    )
    status = Regulation.Status
    asked = file.type if file is not None else first.type if first is not None else ""
    return FileReport(
        upload=Upload(upload_id, users, taken_in - sum(counts.get(each, 0) for each in OPEN), users - taken_in),
        type=Regulation.Type(asked).label,
        statuses=[(each.label, COLOURS.get(each, "neutral"), counts[each]) for each in status if counts.get(each)],
        stores=list(stores.order_by("place")),
        destinations=list(told.order_by("source_name", "place")),
    )
