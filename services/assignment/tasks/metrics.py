"""What is measured of tasks, besides what every service measures."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

BATCHES_PUT_BACK: Final = Counter(
    "dondoc_assignment_batches_put_back_total",
    "Times a batch that a crash left open could not be finished, and was left alone for an hour.",
)
