"""`/v1/me/work`: what waits for the caller, in numbers."""

from __future__ import annotations

from fastapi import APIRouter

from services.assignment.tasks.reads import TaskReader
from services.assignment.tasks.views import WorkView
from shared.office.refusal import Code
from shared.web.auth import Caller
from shared.web.problems import problem_responses
from shared.web.route import api_router


def work_router(reads: TaskReader) -> APIRouter:
    router = api_router("/v1/me/work", ["me"])

    @router.get("", responses=problem_responses(Code.NOT_PERMITTED))
    async def read_my_work(caller: Caller) -> WorkView:
        return await reads.work(caller)

    return router
