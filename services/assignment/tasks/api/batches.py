"""`/v1/task-batches`: one document, many items, one task a lead agency."""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.assignment.tasks.api.bodies import BatchBody
from services.assignment.tasks.api.views import BatchView, batch_view
from services.assignment.tasks.documents import Retry
from services.assignment.tasks.handlers import TaskHandlers
from shared.office.refusal import Code
from shared.web.auth import Caller
from shared.web.conditions import IdempotencyKey, fingerprint
from shared.web.limits import MEGABYTE, body_limit
from shared.web.problems import problem_responses
from shared.web.route import office_router

BATCH_LIMIT = 5 * MEGABYTE


def batches_router(handlers: TaskHandlers) -> APIRouter:
    router = office_router("/v1/task-batches", ["tasks"])

    @router.post(
        "",
        status_code=201,
        responses={
            200: {"model": BatchView, "description": "Given before under the same key."},
            **problem_responses(Code.NOT_PERMITTED, Code.IDEMPOTENCY_MISMATCH),
        },
    )
    @body_limit(BATCH_LIMIT)
    async def assign_batch(body: BatchBody, caller: Caller, key: IdempotencyKey, response: Response) -> BatchView:
        acts = body.to_acts()
        retry = Retry(key, fingerprint("/v1/task-batches", body)) if key else None
        batch, new = await handlers.assign_batch(caller, acts, retry)
        response.status_code = 201 if new else 200
        if new:
            response.headers["Location"] = f"/v1/task-batches/{batch.id}"
        return batch_view(batch)

    @router.get("/{batch_id}", responses=problem_responses(Code.NOT_FOUND))
    async def read_batch(batch_id: str, caller: Caller) -> BatchView:
        return batch_view(await handlers.read_batch(caller, batch_id))

    return router
