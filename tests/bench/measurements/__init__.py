"""The measurements by name, one file each. They run in this order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from tests.bench.findings import Finding
from tests.bench.installation import Installation
from tests.bench.measurements import (
    announcing,
    assigning,
    consuming,
    delay,
    listing,
    listing_at_scale,
    memory,
    overload,
    progressing,
    relaying,
    summing,
)

Measurement: TypeAlias = Callable[[Installation], Awaitable[Sequence[Finding]]]

MEASUREMENTS: Final[Mapping[str, Measurement]] = MappingProxyType(
    {
        "memory": memory.measure,
        "assigning": assigning.measure,
        "progressing": progressing.measure,
        "relaying": relaying.measure,
        "consuming": consuming.measure,
        "listing": listing.measure,
        "summing": summing.measure,
        "delay": delay.measure,
        "announcing": announcing.measure,
        "overload": overload.measure,
        "listing-at-scale": listing_at_scale.measure,
    }
)
ONLY_BY_NAME: Final = frozenset({"listing-at-scale"})
"""What takes too long to be a part of every run."""
