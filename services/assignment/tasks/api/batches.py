"""`/v1/task-batches`: one document, many items, one task a lead agency."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Response

from services.assignment.tasks.api.bodies import BatchBody
from services.assignment.tasks.handlers import TaskHandlers
from services.assignment.tasks.rules.assigning import Assign
from services.assignment.tasks.rules.batch import Batch
from services.assignment.tasks.store import RequestKey
from services.assignment.tasks.views import BatchView, batch_view
from shared.office.refusal import Code
from shared.web.answers import as_json
from shared.web.auth import Caller
from shared.web.conditions import IdempotencyKey, fingerprint
from shared.web.limits import MEGABYTE, body_limit
from shared.web.problems import problem_responses
from shared.web.route import api_router
from shared.web.unvalidated import UnvalidatedBody

BATCH_LIMIT = 5 * MEGABYTE


def batches_router(handlers: TaskHandlers) -> APIRouter:
    router = api_router("/v1/task-batches", ["tasks"])

    @router.post(
        "",
        status_code=201,
        response_model=BatchView,
        responses={
            200: {"model": BatchView, "description": "Assigned before under the same key."},
            **problem_responses(Code.NOT_PERMITTED, Code.IDEMPOTENCY_MISMATCH, Code.TOO_LARGE),
        },
    )
    @body_limit(BATCH_LIMIT)
    async def assign_batch(
        body: Annotated[UnvalidatedBody[BatchBody], Body()], caller: Caller, key: IdempotencyKey = None
    ) -> Response:
        items, request_key = await asyncio.to_thread(_commands_of, await body.validated(), key)
        batch, new = await handlers.assign_batch(caller, items, request_key)
        return await asyncio.to_thread(_answer, batch, new=new)

    @router.get("/{batch_id}", response_model=BatchView, responses=problem_responses(Code.NOT_FOUND))
    async def read_batch(batch_id: str, caller: Caller) -> Response:
        return await asyncio.to_thread(_answer, await handlers.read_batch(caller, batch_id), new=False)

    return router


def _commands_of(body: BatchBody, key: str | None) -> tuple[Sequence[tuple[Assign, Sequence[str]]], RequestKey | None]:
    return body.to_commands(), RequestKey(key, fingerprint("/v1/task-batches", body.meaning())) if key else None


def _answer(batch: Batch, *, new: bool) -> Response:
    headers = {"Location": f"/v1/task-batches/{batch.id}"} if new else None
    return as_json(batch_view(batch), 201 if new else 200, headers)
