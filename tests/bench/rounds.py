"""Two ways of doing the same, measured side by side: short rounds in turn, so that a noisy minute meets both alike."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Round:
    """What was done in how many seconds; `latencies`, in seconds, where each took its own time."""

    count: int
    seconds: float
    latencies: Sequence[float] = field(default=(), repr=False)

    @property
    def rate(self) -> float:
        return self.count / self.seconds


Attempt: TypeAlias = Callable[[], Awaitable[Round]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rounds of both; those of the same place ran one after the other."""

    ours: Sequence[Round]
    bare: Sequence[Round]

    @property
    def ratios(self) -> list[float]:
        """How many times the bare rate ours is, round by round."""
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
    """Run both in turn; a first round of each, in which both grow warm, counts for nothing."""
    measured: list[tuple[Round, Round]] = [(await ours(), await bare()) for _ in range(rounds + 1)]
    warm = measured[1:]
    return Comparison([one for one, _ in warm], [other for _, other in warm])


def figures_of(rounds: Sequence[Round]) -> dict[str, Any]:
    """Return the median rate and, where there are any, the latencies of all rounds."""
    latencies = [latency for one in rounds for latency in one.latencies]
    return {"per_second": round(median(one.rate for one in rounds), 1), **(in_ms(latencies) if latencies else {})}


def in_ms(latencies: Sequence[float]) -> dict[str, float]:
    return {f"p{share}_ms": round(percentile(latencies, share) * 1000, 2) for share in (50, 99)}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` per cent of the values do not exceed."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    return sorted(values)[max(math.ceil(len(values) * share / 100), 1) - 1]
