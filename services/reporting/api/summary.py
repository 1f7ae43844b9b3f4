"""`/v1/summary`: the figures by agency, assigner, document, field or month."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Final, Self

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.reporting.rules import rates
from services.reporting.rules.question import GroupBy, PeriodBy, Question
from services.reporting.rules.summary import Drawing, Row, total_of
from shared.events.envelope import Moment
from shared.office.refusal import Code
from shared.web.auth import Caller
from shared.web.fields import Body, DayField, Maybe, QueryMoment
from shared.web.problems import problem_responses
from shared.web.route import api_router

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.reporting.handlers import Summaries
    from shared.lane import Lane


class SummaryQuery(Body):
    """Which tasks are counted, as of which moment, in which groups."""

    group_by: GroupBy = GroupBy.AGENCY
    first_day: Maybe[DayField] = Field(None, alias="from", description="First local day of the period, inclusive.")
    last_day: Maybe[DayField] = Field(None, alias="to", description="Last local day of the period, inclusive.")
    period_by: PeriodBy = Field(PeriodBy.ASSIGNED, description="The moment the period and the month speak of.")
    as_of: Maybe[QueryMoment] = Field(None, description="Count what was recorded by then; now unless said.")

    def question(self) -> Question:
        return Question(
            group_by=self.group_by,
            period_by=self.period_by,
            first_day=self.first_day,
            last_day=self.last_day,
            as_of=self.as_of,
        )


Rate = Annotated[float | None, Field(ge=0, le=1, description="None over nothing.")]


class SummaryRow(BaseModel):
    """One group; from `no_deadline` to `recalled` the figures add up to `total`."""

    key: str | None
    name: str | None
    total: int
    no_deadline: int
    on_track: int
    due_soon: int
    due_today: int
    overdue: int
    completed_on_time: int
    completed_late: int
    recalled: int
    missed: int
    not_received: int
    awaiting_acceptance: int
    finished_unreported: int
    extensions_requested: int
    extensions_approved: int
    reports_returned: int
    explanations_due: int
    explanations_overdue: int
    urgings: int
    completion_rate: Rate
    on_time_rate: Rate

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(
            key=row.key,
            name=row.name,
            completion_rate=rates.completion_rate(row.counts),
            on_time_rate=rates.on_time_rate(row.counts),
            **row.counts,
        )


_ROWS: Final = TypeAdapter(list[SummaryRow])


class SummaryAnswer(BaseModel):
    """The rows in order of their keys, the row without a key last, and the total of all rows."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    items: list[SummaryRow]
    total: SummaryRow
    as_of: Moment
    first_day: date | None = Field(alias="from")
    last_day: date | None = Field(alias="to")
    group_by: GroupBy

    @classmethod
    def without_rows(cls, total: Row, as_of: Moment, query: SummaryQuery) -> Self:
        return cls(
            items=[],
            total=SummaryRow.of(total),
            as_of=as_of,
            first_day=query.first_day,
            last_day=query.last_day,
            group_by=query.group_by,
        )


async def json_of(drawing: Drawing, query: SummaryQuery) -> list[bytes]:
    """Return the JSON of a `SummaryAnswer` in parts. It is written row by row, so that others are served meanwhile.

    Nothing is sent before the last row has been counted: a failure is still answered as such.
    """
    parts: list[bytes] = []
    total = total_of([], drawing.counters)
    async for rows in drawing.pieces:
        total = total_of([total, *rows], drawing.counters)
        if rows:
            parts += [b",", _ROWS.dump_json([SummaryRow.of(row) for row in rows])[1:-1]]
    answer = SummaryAnswer.without_rows(total, drawing.as_of, query).model_dump_json().encode()
    head, tail = answer.split(b"[]", 1)
    return [head + b"[", *parts[1:], b"]" + tail]


async def _in_turn(parts: list[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def summary_router(summaries: Summaries, lane: Lane) -> APIRouter:
    router = api_router("/v1/summary", ["summary"])

    @router.get(
        "", operation_id="summary", response_model=SummaryAnswer, responses=problem_responses(Code.NOT_PERMITTED)
    )
    async def summary(query: Annotated[SummaryQuery, Query()], caller: Caller) -> Response:
        """Count tasks by agency, assigner, document, field or month, now or as of a past moment.

        Agencies and their programs count the tasks they lead.
        """
        drawing = summaries.read(caller, query.question())
        async with lane.turn():
            parts = await json_of(drawing, query)
        length = {"Content-Length": str(sum(map(len, parts)))}
        return StreamingResponse(_in_turn(parts), headers=length, media_type="application/json")

    return router
