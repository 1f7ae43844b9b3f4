"""When a reminder is not true any more: the rule of the office once more, by the whole task.

It shares no code with notification, which it judges.
"""

from __future__ import annotations

from typing import Any, Final

_DONE_WITH: Final = frozenset({"reported", "refused", "recalled", "completed"})


def is_contradicted(kind: str, brief: Any, task: Any) -> bool:
    """Whether a version of the task says otherwise than a reminder of an earlier one, which carries this brief."""
    if task.lead_agency != brief.lead_agency:
        return True
    match kind:
        case "deadline.due_soon" | "deadline.due_today":
            return task.stage in _DONE_WITH or task.due_at != brief.due_at
        case "deadline.receipt_overdue":
            return task.received_at is not None or task.stage != "assigned" or task.receipt_due_at > brief.moment
        case "deadline.report_missing":
            is_finished = task.progress is not None and task.progress.percent == 100
            return not is_finished or task.stage != "in_progress" or task.report_due_at > brief.moment
        case "deadline.explanation_overdue":
            owes = task.explanation.state in {"required", "refused"} and task.stage != "recalled"
            return not owes or task.explanation.due_at > brief.moment
        case _:
            return False
