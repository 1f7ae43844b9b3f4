"""What a measurement found, and its aim. Findings are printed as a table and written to `bench.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.bench.rounds import Comparison

_MISSED, _MET, _NO_AIM = "missed", "met", ""


@dataclass(frozen=True, slots=True)
class Aim:
    """The bound for a figure."""

    bound: float
    at_most: bool = False

    def is_met_by(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table: the figure, its aim and a remark."""

    what: str
    value: float
    unit: str
    aim: Aim | None = None
    remark: str = ""
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        if self.aim is None:
            return _NO_AIM
        return _MET if self.aim.is_met_by(self.value) else _MISSED

    def as_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "value": round(self.value, 3),
            "unit": self.unit,
            "aim": str(self.aim) if self.aim else None,
            "verdict": self.verdict or None,
            **self.figures,
        }


def ratio_found(what: str, compared: Comparison, aim: Aim | None = None) -> Finding:
    """Return the line of a comparison: the median of the ratios and their range."""
    figures = compared.figures()
    remark = (
        f"{min(compared.ratios):.2f} to {max(compared.ratios):.2f}; "
        f"ours {_rate(figures['ours'])}, bare {_rate(figures['bare'])}"
    )
    return Finding(what, compared.ratio, "×", aim, remark, figures)


def _rate(figures: dict[str, Any]) -> str:
    rate = f"{figures['per_second']:,.0f}/s"
    return f"{rate} (p50 {figures['p50_ms']:.1f}, p99 {figures['p99_ms']:.1f} ms)" if "p50_ms" in figures else rate


def table(findings: Sequence[Finding]) -> str:
    """Return the lines in columns, with headings."""
    rows = [("measured", "figure", "aim", "", "spread and rates"), *map(_cells, findings)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]).rstrip()
        for row in rows
    )


def _cells(finding: Finding) -> tuple[str, str, str, str, str]:
    value = f"{finding.value:.2f}" if finding.unit == "×" else f"{finding.value:,.1f}"
    aim = str(finding.aim) if finding.aim else ""
    return finding.what, f"{value} {finding.unit}", aim, finding.verdict, finding.remark
