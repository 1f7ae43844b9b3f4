"""What is measured of the watch; times are of the office's clock."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Histogram

ANNOUNCED: Final = Counter("dondoc_deadline_announced_total", "Moments announced, by the kind of event.", ["kind"])
CLAIM_LAG_SECONDS: Final = Histogram(
    "dondoc_deadline_claim_lag_seconds",
    "Time from a moment until it was dealt with.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 1800, 7200, 86400),
)
STEPS: Final = Counter(
    "dondoc_deadline_monitor_steps_total", "Steps of the monitor, by outcome: found, idle, failed.", ["outcome"]
)
