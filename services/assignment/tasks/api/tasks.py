"""`/v1/tasks`: assigning, listing and reading tasks."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from services.assignment.tasks.api.answers import task_answer
from services.assignment.tasks.api.bodies import AssignBody
from services.assignment.tasks.handlers import TaskHandlers
from services.assignment.tasks.reads import PageAsked, TaskReader
from services.assignment.tasks.rules.waiting import Waiting, list_of
from services.assignment.tasks.store import Filters, RequestKey, Sort
from services.assignment.tasks.views import HistoryPage, TaskPage, TaskView
from shared.office.access import Principal
from shared.office.refusal import Code, FieldCode
from shared.office.vocabulary import (
    AgencyKind,
    Authority,
    ExplanationState,
    ExtensionState,
    Priority,
    Stage,
    Timeliness,
)
from shared.office.words import words_asked
from shared.web.auth import Caller
from shared.web.conditions import IdempotencyKey, fingerprint
from shared.web.fields import (
    AgencyCode,
    Body,
    DayField,
    DocumentNumber,
    FieldOfWork,
    Identifier,
    Line,
    QueryMoment,
    Username,
)
from shared.web.pages import DEFAULT_LIMIT, CursorText, Limit
from shared.web.problems import problem_responses
from shared.web.route import api_router

_SEARCH = (
    "Words. Each must begin a word of the title, the product, the document's number or its summary, without regard to "
    "case and diacritics; `đ` is `d`. `123/QĐ-UBND` is found by `123`, `123/qd`, `qd-ubnd` and `ubnd`."
)
_SORT = (
    "With `due_at`, tasks without a deadline come last; with `-due_at`, first. With `-completed_at`, tasks that are "
    "not completed come last."
)


def _require_word(text: str) -> str:
    """Refuse a search that asks for no word, as a text without visible characters is refused."""
    if not words_asked(text):
        raise PydanticCustomError(FieldCode.EMPTY, "no word")
    return text


Flag = Literal["true"]
SearchText = Annotated[Annotated[str, Line(100)], AfterValidator(_require_word)]


class TaskQuery(Body):
    """The filters, the order and the page of the list; an unknown parameter is refused, not ignored."""

    q: SearchText | None = Field(None, description=_SEARCH)
    stage: Stage | None = None
    timeliness: Timeliness | None = None
    lead_agency: AgencyCode | None = None
    kind: AgencyKind | None = Field(None, description="The kind that the lead agency is of now.")
    coordinating_agency: AgencyCode | None = None
    assigner: Username | None = None
    officer: Username | None = None
    document: DocumentNumber | None = None
    field: FieldOfWork | None = None
    priority: Priority | None = None
    authority: Authority | None = None
    explanation: ExplanationState | None = Field(None, description="The state of the explanation.")
    extension: ExtensionState | None = Field(None, description="The state of the extension.")
    batch: Identifier | None = Field(None, description="The id of the batch by which the task was assigned.")
    missed: Flag | None = Field(None, description="The deadline was missed, whatever came after.")
    finished_unreported: Flag | None = Field(
        None, description="Finished, still in progress, and the term to report on it has passed."
    )
    no_officer: Flag | None = Field(None, description="Received or in progress, and handed to no officer.")
    due_from: DayField | None = Field(None, description="A local day; the days of all such filters are included.")
    due_to: DayField | None = None
    assigned_from: DayField | None = None
    assigned_to: DayField | None = None
    completed_from: DayField | None = None
    completed_to: DayField | None = None
    updated_since: QueryMoment | None = None
    waiting: Waiting | None = Field(
        None,
        description="`me`: what the caller should act on now. `others`: open tasks of the caller's duty that do not "
        "wait for the caller.",
    )
    sort: Sort = Field("-assigned_at", description=_SORT)
    limit: Limit = DEFAULT_LIMIT
    cursor: CursorText = None
    count: Flag | None = Field(None, description="Adds `total`, counted up to 10,000, and `total_is_exact`.")

    def filters(self, caller: Principal) -> Filters:
        """Return the filters; those that are named like here are taken as they are, or as whether they are there."""
        names = {field.name for field in fields(Filters)} & type(self).model_fields.keys() - {"waiting"}
        asked = {name: getattr(self, name) for name in names}
        flags = {name: asked[name] is not None for name in _FLAGS}
        words = words_asked(self.q) if self.q else ()
        waiting = list_of(caller, self.waiting) if self.waiting else None
        return Filters(**asked | flags, words=words, waiting=waiting)

    def page(self) -> PageAsked:
        return PageAsked(cursor=self.cursor, limit=self.limit, count=self.count is not None)


_FLAGS = ("missed", "finished_unreported", "no_officer")


def tasks_router(handlers: TaskHandlers, reads: TaskReader) -> APIRouter:
    router = api_router("/v1/tasks", ["tasks"])

    @router.post(
        "",
        status_code=201,
        response_model=TaskView,
        responses={
            200: {"model": TaskView, "description": "Assigned before under the same key."},
            **problem_responses(Code.NOT_PERMITTED, Code.ALREADY_EXISTS, Code.IDEMPOTENCY_MISMATCH),
        },
    )
    async def assign(body: AssignBody, caller: Caller, key: IdempotencyKey = None) -> Response:
        command = body.to_command()
        request_key = RequestKey(key, fingerprint("/v1/tasks", body)) if key else None
        task, new = await handlers.assign(caller, command, request_key)
        return task_answer(await reads.view(caller, task), new=new)

    @router.get("", response_model=TaskPage, responses=problem_responses(Code.NOT_PERMITTED))
    async def list_tasks(query: Annotated[TaskQuery, Query()], caller: Caller) -> Response:
        page = await reads.page(caller, query.filters(caller), query.sort, query.page())
        return Response(page, media_type="application/json")

    @router.get("/{task_id}", response_model=TaskView, responses=_OF_ONE)
    async def read(task_id: str, caller: Caller) -> Response:
        task = await handlers.read(caller, task_id)
        return task_answer(await reads.view(caller, task))

    @router.get("/{task_id}/history", responses=_OF_ONE)
    async def history(
        task_id: str, caller: Caller, cursor: CursorText = None, limit: Limit = DEFAULT_LIMIT
    ) -> HistoryPage:
        return await reads.history(caller, task_id, cursor, limit)

    return router


_OF_ONE = problem_responses(Code.NOT_FOUND, Code.NOT_PERMITTED)
