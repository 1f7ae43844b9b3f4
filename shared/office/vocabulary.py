"""The closed sets of words the office uses; their Vietnamese stands in `labels.py`."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    ADMINISTRATOR = "administrator"
    LEADER = "leader"
    COORDINATOR = "coordinator"
    HEAD = "head"
    CLERK = "clerk"
    OFFICER = "officer"
    AUDITOR = "auditor"
    SERVICE = "service"


class Scope(StrEnum):
    """What a program of an agency may do; people need no scope."""

    TASKS_READ = "tasks:read"
    TASKS_ACT = "tasks:act"


class AgencyKind(StrEnum):
    OFFICE = "office"
    DEPARTMENT = "department"
    COMMUNE = "commune"
    UNIT = "unit"
    OTHER = "other"


class Authority(StrEnum):
    """In whose capacity a leader assigns."""

    COMMITTEE = "committee"
    CHAIR = "chair"
    VICE_CHAIR = "vice_chair"


class Priority(StrEnum):
    """How urgent a task is, in this order."""

    NORMAL = "normal"
    URGENT = "urgent"
    VERY_URGENT = "very_urgent"
    EXPRESS = "express"


class Stage(StrEnum):
    ASSIGNED = "assigned"
    RECEIVED = "received"
    IN_PROGRESS = "in_progress"
    REPORTED = "reported"
    COMPLETED = "completed"
    REFUSED = "refused"
    RECALLED = "recalled"


class Timeliness(StrEnum):
    NO_DEADLINE = "no_deadline"
    ON_TRACK = "on_track"
    DUE_SOON = "due_soon"
    DUE_TODAY = "due_today"
    OVERDUE = "overdue"
    COMPLETED_ON_TIME = "completed_on_time"
    COMPLETED_LATE = "completed_late"
    RECALLED = "recalled"


class DueKind(StrEnum):
    """How the deadline was given: as a day of the calendar, as a moment, or not at all."""

    DATE = "date"
    MOMENT = "moment"
    NONE = "none"


class ExtensionState(StrEnum):
    NONE = "none"
    PENDING = "pending"
    USED = "used"


class RequestState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    LAPSED = "lapsed"


class ReportState(StrEnum):
    NONE = "none"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    ACCEPTED = "accepted"


class ExplanationState(StrEnum):
    NONE = "none"
    REQUIRED = "required"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Cause(StrEnum):
    """Why a task came late; the first seven are objective, the others subjective."""

    NATURAL_DISASTER = "natural_disaster"
    EPIDEMIC = "epidemic"
    LEGAL_CHANGE = "legal_change"
    DEPENDENCY_ON_OTHER_AGENCY = "dependency_on_other_agency"
    SLOW_DECISION = "slow_decision"
    RESOURCES = "resources"
    SCOPE_CHANGED = "scope_changed"
    PLANNING = "planning"
    WORKLOAD = "workload"
    NEGLIGENCE = "negligence"
    OTHER = "other"


class WaitKind(StrEnum):
    """What a task waits for, in the order in which it is shown."""

    RECEIVE = "receive"
    DELEGATE = "delegate"
    PROGRESS = "progress"
    REPORT = "report"
    EXPLAIN = "explain"
    REASSIGN = "reassign"
    DECIDE_EXTENSION = "decide_extension"
    DECIDE_REPORT = "decide_report"
    DECIDE_EXPLANATION = "decide_explanation"


CLOSED: Final = frozenset({Stage.COMPLETED, Stage.RECALLED})
"""The stages in which nothing more is done; in all others a task is open."""
AT_WORK: Final = frozenset({Stage.ASSIGNED, Stage.RECEIVED, Stage.IN_PROGRESS})
"""The stages in which the lead agency has the task and has not reported."""
OWED: Final = frozenset({ExplanationState.REQUIRED, ExplanationState.REFUSED})
"""The states in which an explanation is still to be given."""
