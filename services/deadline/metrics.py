"""What is measured of the watch; times are of the office's clock."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

ANNOUNCED: Final = Counter("dondoc_deadline_announced_total", "Moments announced, by the kind of event.", ["kind"])
CLAIM_LAG_SECONDS: Final = Histogram(
    "dondoc_deadline_claim_lag_seconds",
    "Time from a moment until it was dealt with.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 1800, 7200, 86400),
)
STEPS: Final = Counter(
    "dondoc_deadline_monitor_steps_total",
    "Steps of the monitor, by outcome: found, idle, paused (moments have come and wait for the quiet time), failed.",
    ["outcome"],
)
PAUSED: Final = Gauge(
    "dondoc_deadline_paused",
    "1 while nothing is announced: the broker is away, or the quiet time after a start or an outage is not over.",
)
