"""Which event is kept by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.events.names import ACCOUNT_CHANGED, AGENCY_CHANGED, TASK_FACTS, task_event

if TYPE_CHECKING:
    from services.reporting.handlers import Recorder
    from shared.messaging.consumer import Handler


def handlers_of(records: Recorder) -> dict[str, Handler]:
    """Return a handler for each event that is counted or names something."""
    return {
        **dict.fromkeys(map(task_event, TASK_FACTS), records.record_task),
        AGENCY_CHANGED: records.record_agency,
        ACCOUNT_CHANGED: records.record_account,
    }
