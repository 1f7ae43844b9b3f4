"""The metrics that every service has; each has the label `service`, so that one process may hold several services."""

from __future__ import annotations

from collections import defaultdict
from typing import Final, Protocol
from weakref import WeakSet

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

# Else every counter would have a second series with the time of its creation.
disable_created_metrics()  # type: ignore[no-untyped-call]

HTTP_REQUESTS: Final = Counter(
    "dondoc_http_requests_total",
    "HTTP requests answered; `route` is the template of the path.",
    ["service", "method", "route", "status"],
)
HTTP_DURATION: Final = Histogram(
    "dondoc_http_request_duration_seconds",
    "Time from the request to the end of its answer.",
    ["service", "method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10),
)
HTTP_CONNECTIONS_CUT: Final = Counter(
    "dondoc_http_connections_cut_total",
    "Connections closed before their time: slow, too large, malformed, crowded out, or left by the client.",
    ["service", "reason"],
)
PART_UP: Final = Gauge(
    "dondoc_part_up",
    "Whether a part that a service leans on answers: 1 it does, 0 it does not.",
    ["service", "part"],
)
BACKGROUND_FAILURES: Final = Counter(
    "dondoc_background_failures_total",
    "Times a background task of a service failed and was started again; outages of servers are not counted.",
    ["service", "task"],
)
REQUESTS_WAITING: Final = Gauge(
    "dondoc_requests_waiting",
    "Requests that wait inside a service: for a batch, for a thread, for their turn.",
    ["queue"],
)
_QUEUES: Final[defaultdict[str, WeakSet[Queue]]] = defaultdict(WeakSet)


class Queue(Protocol):
    """Something for which requests wait."""

    @property
    def waiting(self) -> int:
        """How many wait now."""


def show_waiting(name: str, queue: Queue) -> None:
    """Show in `REQUESTS_WAITING` how many wait in the queues of this name, as long as they live."""
    queues = _QUEUES[name]
    queues.add(queue)
    REQUESTS_WAITING.labels(name).set_function(lambda: sum(one.waiting for one in queues))


REQUESTS_REFUSED: Final = Counter(
    "dondoc_requests_refused_total",
    "HTTP requests that were not begun; `reason` is overload, or rate.",
    ["service", "reason"],
)
