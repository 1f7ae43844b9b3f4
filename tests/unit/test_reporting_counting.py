"""What is kept of an event, how rows are put in order, and what a rate is of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.reporting.api.summary import SummaryRow
from services.reporting.rules.rates import completion_rate, on_time_rate
from services.reporting.rules.summary import rows_of, total_of
from services.reporting.rules.versions import document_key, version_of
from services.reporting.store.counters import ALL_COUNTERS, COUNTERS, RATED
from shared.events.task import Document, ExtensionRequest, Report
from shared.office.vocabulary import ReportState, RequestState
from tests.support.deadline_tasks import ASSIGNED_AT, DUE_AT, a_task, event_of, submitted

NOW = datetime(2026, 12, 28, 2, tzinfo=UTC)

# As the contract writes them.
ROW = {
    *("key", "name", "total", "no_deadline", "on_track", "due_soon", "due_today", "overdue", "completed_on_time"),
    *("completed_late", "recalled", "missed", "not_received", "awaiting_acceptance", "finished_unreported"),
    *("extensions_requested", "extensions_approved", "reports_returned", "explanations_due", "explanations_overdue"),
    *("urgings", "completion_rate", "on_time_rate"),
}


def group(key: str | None, **counts: int) -> dict[str, Any]:
    return {"_id": key, **dict.fromkeys((*COUNTERS, *RATED), 0), **counts}


def counts(**given: int) -> dict[str, int]:
    return {**dict.fromkeys((*COUNTERS, *RATED), 0), **given}


def test_a_row_has_the_contracts_figures() -> None:
    assert set(SummaryRow.model_fields) == ROW
    assert set(COUNTERS) == ROW - {"key", "name", "completion_rate", "on_time_rate"}


@pytest.mark.parametrize(
    ("document", "key"),
    [
        (None, None),
        (Document(number="123/QĐ-UBND"), "123/QĐ-UBND"),
        (Document(number="123/QĐ-UBND", issued_on="2026-11-24"), "123/QĐ-UBND (2026-11-24)"),
    ],
)
def test_a_document_is_named_by_number_and_date(document: Document | None, key: str | None) -> None:
    assert document_key(document) == key


def test_a_version_is_known_by_task_and_sequence() -> None:
    version = version_of(event_of(a_task("t-9", version=12), at=NOW))
    assert (version.id, version.sequence, version.at) == ("t-9:12", 12, NOW)


def test_a_returned_report_counts_as_not_submitted() -> None:
    returned = Report(state=ReportState.RETURNED, submitted_at=ASSIGNED_AT, returns=1)
    version = version_of(event_of(a_task(report=returned)))
    assert (version.submitted_at, version.reports_returned) == (None, 1)
    assert version_of(event_of(a_task(report=submitted(ASSIGNED_AT)))).submitted_at == ASSIGNED_AT


def test_every_request_counts_and_only_granted_ones_as_approved() -> None:
    requests = tuple(
        ExtensionRequest(
            id=state,
            state=state,
            asked_at=NOW,
            from_deadline=None,
            new_deadline=None,
            new_due_at=DUE_AT,
            reason="Chờ ý kiến",
        )
        for state in RequestState
    )
    extension = a_task().extension.model_copy(update={"requests": requests})
    version = version_of(event_of(a_task(extension=extension)))
    assert (version.extensions_requested, version.extensions_approved) == (4, 1)


def test_a_row_has_the_known_name_or_its_key_and_the_total_has_neither() -> None:
    groups = [group(None, total=1), group("a", total=4), group("b", total=2)]
    rows = rows_of(groups, ALL_COUNTERS, {"b": "Bê"})
    assert [(row.key, row.name) for row in rows] == [(None, None), ("a", "a"), ("b", "Bê")]
    total = total_of(rows, ALL_COUNTERS)
    assert (total.key, total.name, total.counts["total"]) == (None, None, 7)


def test_no_rows_have_a_total_of_nothing() -> None:
    assert set(total_of([], ALL_COUNTERS).counts.values()) == {0}


def test_a_rate_over_nothing_is_none() -> None:
    assert (completion_rate(counts(completed_on_time=3)), on_time_rate(counts(completed_on_time=3))) == (None, None)


def test_rates_leave_out_what_had_no_term() -> None:
    counted = counts(completed_on_time=7, completed_on_time_of_term=2, completed_late=1, overdue=5)
    assert (completion_rate(counted), on_time_rate(counted)) == (0.375, 0.25)
