"""Workspaces, the people in them, the sources that send events and how far each consumer of the event log has read."""

from workspaces.models.event_log import LogEntry, LogPosition, SeenMessage
from workspaces.models.membership import Grant, Invitation, Membership, SignInLink, SupportAccess
from workspaces.models.people import User, UserManager
from workspaces.models.sources import EventCount, EventNameCount, Label, Source, SourceLabel, WriteKey
from workspaces.models.workspace import Workspace

__all__ = [
    "EventCount",
    "EventNameCount",
    "Grant",
    "Invitation",
    "Label",
    "LogEntry",
    "LogPosition",
    "Membership",
    "SeenMessage",
    "SignInLink",
    "Source",
    "SourceLabel",
    "SupportAccess",
    "User",
    "UserManager",
    "Workspace",
    "WriteKey",
]
