"""Compares two ways of doing the same. Short rounds take turns, so that a noisy minute affects both alike."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Round:
    """How much was done in how many seconds. `latencies` has the seconds of each request, if they were measured."""

    count: int
    seconds: float
    latencies: Sequence[float] = field(default=(), repr=False)

    @property
    def rate(self) -> float:
        return self.count / self.seconds


Attempt: TypeAlias = Callable[[], Awaitable[Round]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rounds of both ways. Rounds with the same index ran one after the other."""

    ours: Sequence[Round]
    bare: Sequence[Round]

    @property
    def ratios(self) -> list[float]:
        """Our rate divided by the bare rate, round by round."""
        return [ours.rate / bare.rate for ours, bare in zip(self.ours, self.bare, strict=True)]

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    def figures(self) -> dict[str, Any]:
        return {
            "ratio": round(self.ratio, 3),
            "ratios": [round(ratio, 3) for ratio in self.ratios],
            "ours": figures_of(self.ours),
            "bare": figures_of(self.bare),
        }


async def compare(ours: Attempt, bare: Attempt, *, rounds: int) -> Comparison:
    """Run both in turn. The first round of each only warms up and does not count."""
    measured: list[tuple[Round, Round]] = [(await ours(), await bare()) for _ in range(rounds + 1)]
    warm = measured[1:]
    return Comparison([one for one, _ in warm], [other for _, other in warm])


def figures_of(rounds: Sequence[Round]) -> dict[str, Any]:
    """Return the median rate and, if they were measured, the latencies of all rounds."""
    latencies = [latency for one in rounds for latency in one.latencies]
    return {"per_second": round(median(one.rate for one in rounds), 1), **(in_ms(latencies) if latencies else {})}


def in_ms(latencies: Sequence[float]) -> dict[str, float]:
    return {f"p{share}_ms": round(percentile(latencies, share) * 1000, 2) for share in (50, 99)}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` per cent of the values do not exceed."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    return sorted(values)[max(math.ceil(len(values) * share / 100), 1) - 1]
