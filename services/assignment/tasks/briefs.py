"""The JSON of a page of tasks, written straight from the records of MongoDB.

`TaskBriefView` says what an item of the list is, and the API documents it. To make fifty of them, and to let Pydantic
call back for each of their moments, took half the time of a page. So none is made here. What is written is to the byte
what the model would write.

The moments of these records are in UTC and have no zone: the driver takes three times as long to read them with one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.assignment.tasks.store import inner_model
from services.assignment.tasks.views import Beholder, TaskBriefView
from shared.office.timeliness import timeliness, working_days_left
from shared.office.vocabulary import ReportState, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel

    from shared.mongo import Record

_WITH_SUBMISSION: Final = frozenset({ReportState.SUBMITTED, ReportState.ACCEPTED})


class _Members:
    """The members of a model, in their order, and what they are where a record has none."""

    def __init__(self, model: type[BaseModel]) -> None:
        fields = model.model_fields.items()
        self._defaults = [(name, field.get_default()) for name, field in fields]
        self._inner = [(name, _Members(inner)) for name, field in fields if (inner := inner_model(field))]

    def of(self, record: Record) -> Record:
        """Return these members of a record and nothing else."""
        found = {name: record.get(name, default) for name, default in self._defaults}
        for name, members in self._inner:
            if (value := found[name]) is not None:
                found[name] = members.of(value)
        return found


_BRIEF: Final = _Members(TaskBriefView)


def page_json(
    records: Iterable[Record],
    beholder: Beholder,
    replaced_by: Mapping[str, str],
    next_cursor: str | None,
    total: tuple[int, bool] | None = None,
) -> bytes:
    """Return the JSON of `Page[TaskBriefView]` at a moment; `replaced_by` has the replacements of recalled tasks.

    With a total, and whether it is exact, it is the JSON of `TaskPage`.
    """
    items = [_item(record, beholder, replaced_by.get(record["_id"])) for record in records]
    page: Record = {"items": items, "next_cursor": next_cursor}
    if total is not None:
        page["total"], page["total_is_exact"] = total
    return orjson.dumps(page, default=_rfc3339, option=orjson.OPT_PASSTHROUGH_DATETIME)


def in_utc(moment: datetime | None) -> datetime | None:
    """Return a moment of a record with its zone."""
    return moment.replace(tzinfo=UTC) if moment else None


def _item(record: Record, beholder: Beholder, replaced_by: str | None) -> Record:
    due_at, submitted_at = in_utc(record["due_at"]), in_utc(_current_submission(record["report"]))
    value = timeliness(Stage(record["stage"]), due_at, submitted_at, beholder.at)
    waits = [wait for wait in record.get("waits", ()) if wait["key"] == beholder.key]
    return _BRIEF.of(
        {
            **record,
            "id": record["_id"],
            "timeliness": value,
            "working_days_left": working_days_left(value, due_at, beholder.at.now, beholder.calendar),
            "waiting_for": [wait["kind"] for wait in waits],
            "waiting_since": min((wait["since"] for wait in waits), default=None),
            "replaced_by": replaced_by,
        }
    )


def _current_submission(report: Record) -> datetime | None:
    return report["submitted_at"] if report["state"] in _WITH_SUBMISSION else None


def _rfc3339(moment: Any) -> str:
    """Write a moment as `rfc3339` does; orjson by itself writes six digits of a second, or none.

    Raises:
        TypeError: it is no moment, so a member that must be there is missing.

    """
    if not isinstance(moment, datetime):
        raise TypeError(type(moment))
    return f"{moment.isoformat(timespec='milliseconds')}Z"
