"""`/v1/tasks`: assigning, listing and reading tasks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from services.assignment.tasks.api.answers import task_answer
from services.assignment.tasks.api.bodies import AssignBody
from services.assignment.tasks.handlers import TaskHandlers
from services.assignment.tasks.reads import TaskReader
from services.assignment.tasks.rules.waiting import Waiting, list_of
from services.assignment.tasks.store import Filters, RequestKey, Sort
from services.assignment.tasks.views import HistoryPage, TaskBriefView, TaskView
from shared.office.access import Principal
from shared.office.refusal import Code
from shared.office.vocabulary import Stage, Timeliness
from shared.web.auth import Caller
from shared.web.conditions import IdempotencyKey, fingerprint
from shared.web.fields import AgencyCode, Body, DayField, DocumentNumber, FieldOfWork, QueryMoment, Username
from shared.web.pages import DEFAULT_LIMIT, CursorText, Limit, Page
from shared.web.problems import problem_responses
from shared.web.route import api_router


class TaskQuery(Body):
    """The filters, the order and the page of the list; an unknown parameter is refused, not ignored."""

    stage: Stage | None = None
    timeliness: Timeliness | None = None
    lead_agency: AgencyCode | None = None
    coordinating_agency: AgencyCode | None = None
    assigner: Username | None = None
    officer: Username | None = None
    document: DocumentNumber | None = None
    field: FieldOfWork | None = None
    due_from: DayField | None = None
    due_to: DayField | None = None
    updated_since: QueryMoment | None = None
    waiting: Waiting | None = Field(
        None,
        description="`me`: what the caller should act on now. `others`: open tasks of the caller's duty that do not "
        "wait for the caller.",
    )
    sort: Sort = "-assigned_at"
    limit: Limit = DEFAULT_LIMIT
    cursor: CursorText = None

    def filters(self, caller: Principal) -> Filters:
        asked = {name: getattr(self, name) for name in type(self).model_fields if name not in _NO_FILTERS}
        return Filters(**asked, waiting=list_of(caller, self.waiting) if self.waiting else None)


_NO_FILTERS = {"waiting", "sort", "limit", "cursor"}


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

    @router.get("", response_model=Page[TaskBriefView], responses=problem_responses(Code.NOT_PERMITTED))
    async def list_tasks(query: Annotated[TaskQuery, Query()], caller: Caller) -> Response:
        page = await reads.page(caller, query.filters(caller), query.sort, query.cursor, query.limit)
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
