"""The metrics of signing in."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

WAITING: Final = Gauge("dondoc_sign_ins_waiting", "Sign-ins that wait for their turn.", ["queue"])
DELAYED: Final = Counter(
    "dondoc_sign_ins_delayed_total", "Sign-ins held back because too many failed with their username lately."
)
REFUSED: Final = Counter(
    "dondoc_sign_ins_refused_total",
    "Sign-ins whose proof was not looked at; `reason` is failures, share, or full.",
    ["reason"],
)
