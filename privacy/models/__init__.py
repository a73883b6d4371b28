"""Everything the Privacy Portal keeps."""

from privacy.models.alerts import AlertMessage, AlertSettings
from privacy.models.controls import BlockedCount, StandardControl
from privacy.models.inventory import Classification, ClassificationChange, InventoryField
from privacy.models.matchers import CustomMatcher
from privacy.models.observed import FieldEvent, FieldHour, ObservedField
from privacy.models.regulations import (
    Regulation,
    RegulationFile,
    RegulationFilePart,
    RegulationStep,
    Release,
    SubjectKey,
    SuppressedUser,
    Sweep,
    SweepPart,
)
from privacy.models.retention import RetentionRun, RetentionSetting
from privacy.models.rulebook import RuleRevision

__all__ = [
    "AlertMessage",
    "AlertSettings",
    "BlockedCount",
    "Classification",
    "ClassificationChange",
    "CustomMatcher",
    "FieldEvent",
    "FieldHour",
    "InventoryField",
    "ObservedField",
    "Regulation",
    "RegulationFile",
    "RegulationFilePart",
    "RegulationStep",
    "Release",
    "RetentionRun",
    "RetentionSetting",
    "RuleRevision",
    "StandardControl",
    "SubjectKey",
    "SuppressedUser",
    "Sweep",
    "SweepPart",
]
