"""Which event is kept by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.events.names import ACCOUNT_CHANGED, AGENCY_CHANGED, TASK_ACTS, task_event

if TYPE_CHECKING:
    from services.reporting.handlers import Records
    from shared.messaging.consumer import Handler


def handlers_of(records: Records) -> dict[str, Handler]:
    """Return a handler for each event that is counted or names something."""
    return {
        **dict.fromkeys(map(task_event, TASK_ACTS), records.record_task),
        AGENCY_CHANGED: records.record_agency,
        ACCOUNT_CHANGED: records.record_account,
    }
