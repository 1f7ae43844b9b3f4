"""The metrics of messages. Ages use the true time, not the office's clock, which tests and demos may set."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_AGES: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400)

HANDLED: Final = Counter(
    "dondoc_messages_handled_total",
    "Messages consumed, by outcome: ok, retried, dead, ignored, parked.",
    ["service", "type", "outcome"],
)
HANDLING_SECONDS: Final = Histogram("dondoc_message_handling_seconds", "Time a handler took.", ["service", "type"])
AGE_SECONDS: Final = Histogram(
    "dondoc_message_age_seconds",
    "Time from the write that caused an event until it was handled.",
    ["service", "type"],
    buckets=_AGES,
)
IN_FLIGHT: Final = Gauge("dondoc_messages_in_flight", "Messages being handled now.", ["service"])
OUTBOX_PENDING: Final = Gauge(
    "dondoc_outbox_pending", "Documents with events that the broker has not confirmed.", ["service", "collection"]
)
OUTBOX_OLDEST_SECONDS: Final = Gauge(
    "dondoc_outbox_oldest_seconds", "Age of the oldest event not confirmed; 0 without any.", ["service", "collection"]
)
QUEUE_MESSAGES: Final = Gauge(
    "dondoc_queue_messages",
    "Messages that wait in a service's queues: ready for its next consumer, or retrying after a failure.",
    ["service", "state"],
)
DEAD_LETTERS: Final = Gauge(
    "dondoc_dead_letters", "Messages that could not be handled and wait for an operator.", ["service"]
)
PUBLISHED: Final = Counter("dondoc_events_published_total", "Events confirmed by the broker.", ["service"])
PUBLISH_FAILURES: Final = Counter(
    "dondoc_publish_failures_total", "Publishes not confirmed, to be tried again.", ["service"]
)
