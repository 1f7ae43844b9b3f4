"""What a summary counts. Each counter is an expression that MongoDB evaluates on a version of a task.

An expression reads the fields of `versions.Version`. Every counter is told the moment it is drawn for, so that the
same rows give the figures of any past moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from services.reporting.rules.rates import COMPLETED_ON_TIME_WITH_DUE_MOMENT
from shared.office.timeliness import Expression, all_of, present_expression
from shared.office.vocabulary import ExplanationState, Stage, Timeliness

if TYPE_CHECKING:
    from datetime import datetime

Counter = Callable[["datetime"], Expression]
"""What one version adds to a figure drawn for a moment."""

TIMELINESS: Final = "timeliness"
"""The field that holds a version's timeliness while the counters are evaluated."""


def _one_of(field: str, *values: str) -> Expression:
    return {"$in": [f"${field}", [str(value) for value in values]]}


def _past(field: str, now: datetime) -> Expression:
    return all_of(present_expression(field), {"$lt": [f"${field}", now]})


_RECALLED: Final = _one_of("stage", Stage.RECALLED)
_AWAITING: Final = _one_of("stage", Stage.REPORTED)
_EXPLANATION_DUE: Final = all_of(
    _one_of("explanation", ExplanationState.REQUIRED, ExplanationState.REFUSED), {"$not": [_RECALLED]}
)


def _when(condition: Expression) -> Counter:
    return lambda _: {"$cond": [condition, 1, 0]}


def _when_past(field: str, condition: Expression) -> Counter:
    return lambda now: {"$cond": [all_of(condition, _past(field, now)), 1, 0]}


def _number_of(field: str) -> Counter:
    return lambda _: f"${field}"


COUNTERS: Final[Mapping[str, Counter]] = MappingProxyType(
    {
        "total": _when(present_expression("at")),
        **{str(value): _when(_one_of(TIMELINESS, value)) for value in Timeliness},
        "missed": _when(present_expression("missed_at")),
        "not_received": _when(_one_of("stage", Stage.ASSIGNED)),
        "awaiting_acceptance": _when(_AWAITING),
        "finished_unreported": _when_past("report_due_at", _one_of("stage", Stage.IN_PROGRESS)),
        "extensions_requested": _number_of("extensions_requested"),
        "extensions_approved": _number_of("extensions_approved"),
        "reports_returned": _number_of("reports_returned"),
        "explanations_due": _when(_EXPLANATION_DUE),
        "explanations_overdue": _when_past("explanation_due_at", _EXPLANATION_DUE),
        "urgings": _number_of("urgings"),
    }
)
"""The figures of a row of the summary."""

RATED: Final[Mapping[str, Counter]] = MappingProxyType(
    {
        COMPLETED_ON_TIME_WITH_DUE_MOMENT: _when(
            all_of(_one_of(TIMELINESS, Timeliness.COMPLETED_ON_TIME), present_expression("due_at"))
        )
    }
)
"""What the rates need in addition: a task without a due moment enters none of them."""

ALL_COUNTERS: Final[Mapping[str, Counter]] = MappingProxyType({**COUNTERS, **RATED})
