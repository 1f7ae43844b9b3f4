"""Random histories for reporting: tasks in any state, with moments at which a counter may change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from shared.events.envelope import Event
from shared.events.task import Document, Explanation, Extension, ExtensionRequest, Report, TaskChanged
from shared.office.vocabulary import DueKind, ExplanationState, ExtensionState, ReportState, RequestState, Stage
from tests.support.deadline_tasks import a_task, event_of

# December 2026 has no public holiday and no make-up day: working days are Monday to Friday.
NOW = datetime(2026, 12, 28, 2, tzinfo=UTC)
_DAYS = [date(2026, 11, 30) + timedelta(days=n) for n in range(32)]


def midnight(day: date) -> datetime:
    """Return the moment at which a day begins in Hà Nội."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=7)


_TURNS = [timedelta(milliseconds=-1), timedelta(), timedelta(milliseconds=1), timedelta(hours=9)]
moments = st.builds(lambda day, turn: midnight(day) + turn, st.sampled_from(_DAYS), st.sampled_from(_TURNS))
past_moments = moments.filter(lambda moment: moment <= NOW)


def _request(state: RequestState) -> ExtensionRequest:
    return ExtensionRequest(
        id="r", state=state, asked_at=NOW, from_deadline=None, new_deadline=None, new_due_at=NOW, reason="Chờ ý kiến"
    )


def _state(draw: st.DrawFn) -> dict[str, Any]:
    requests = draw(st.lists(st.sampled_from(RequestState), max_size=3))
    due_at = draw(st.none() | moments)
    return {
        "stage": draw(st.sampled_from(Stage)),
        "lead_agency": draw(st.sampled_from(["so-tai-chinh", "so-xay-dung", "$lead"])),
        "assigner": draw(st.sampled_from(["chu.tich", "pho.chu.tich"])),
        "document": draw(
            st.sampled_from([None, Document(number="7/QĐ"), Document(number="7/QĐ", issued_on="2026-12-01")])
        ),
        "field": draw(st.sampled_from([None, "Đất đai", "Y tế"])),
        "due_at": due_at,
        "due_kind": DueKind.NONE if due_at is None else DueKind.MOMENT,
        "completed_at": draw(st.none() | moments),
        "missed_at": draw(st.none() | moments),
        "report_due_at": draw(st.none() | moments),
        "extension": Extension(state=ExtensionState.NONE, requests=tuple(map(_request, requests))),
        "report": Report(
            state=draw(st.sampled_from(ReportState)),
            submitted_at=draw(st.none() | moments),
            returns=draw(st.integers(0, 3)),
        ),
        "explanation": Explanation(state=draw(st.sampled_from(ExplanationState)), due_at=draw(st.none() | moments)),
        "urgings": draw(st.integers(0, 3)),
    }


@st.composite
def histories(draw: st.DrawFn, most_tasks: int = 6, most_versions: int = 4) -> list[Event[TaskChanged]]:
    """All versions of some tasks, recorded at any moments, as by clocks that disagree."""
    events = []
    for number in range(draw(st.integers(1, most_tasks))):
        assigned_at = draw(moments)
        for version in range(1, draw(st.integers(1, most_versions)) + 1):
            task = a_task(f"t-{number}", version=version, assigned_at=assigned_at, **_state(draw))
            events.append(event_of(task, at=draw(past_moments)))
    return events
