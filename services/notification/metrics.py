"""The metrics of notifications."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

NOTIFICATIONS: Final = Counter("dondoc_notifications_total", "Entries put into inboxes, by kind of event.", ["kind"])
DROPPED: Final = Counter(
    "dondoc_reminders_dropped_total",
    "Reminders that were not told because they were not true any more, by kind of event.",
    ["kind"],
)
READ: Final = Counter("dondoc_notifications_read_total", "Entries marked as read.")
