"""`POST /v1/tasks/{id}/…`: one route for each act, all of one shape."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import APIRouter, Body, Response

from services.assignment.tasks.api.answers import task_answer
from services.assignment.tasks.api.bodies import BODIES, ActBody
from services.assignment.tasks.handlers import TaskHandlers
from services.assignment.tasks.reads import TaskReader
from services.assignment.tasks.store import RequestKey
from services.assignment.tasks.views import TaskView
from shared.office.refusal import Code
from shared.web.auth import Caller
from shared.web.conditions import IdempotencyKey, IfMatch, fingerprint
from shared.web.problems import problem_responses
from shared.web.route import api_router

_PROBLEMS: Final = problem_responses(
    Code.NOT_FOUND, Code.NOT_PERMITTED, Code.VERSION_CONFLICT, Code.WRONG_STAGE, Code.IDEMPOTENCY_MISMATCH
)


def acts_router(handlers: TaskHandlers, reads: TaskReader) -> APIRouter:
    router = api_router("/v1/tasks", ["acts"])
    for act, model in BODIES.items():
        router.add_api_route(
            f"/{{task_id}}/{act}",
            _endpoint(act, model, handlers, reads),
            methods=["POST"],
            response_model=TaskView,
            responses=_PROBLEMS,
            name=act,
            operation_id=act.replace("/", "_"),
        )
    return router


def _endpoint(
    act: str, model: type[ActBody], handlers: TaskHandlers, reads: TaskReader
) -> Callable[..., Awaitable[Response]]:
    async def perform(
        task_id: str,
        caller: Caller,
        if_match: IfMatch = None,
        key: IdempotencyKey = None,
        body: model = _absent(model),  # type: ignore[valid-type]  # noqa: B008 - read once, when the route is made
    ) -> Response:
        given: ActBody = body
        command = given.to_command()
        request_key = RequestKey(key, fingerprint(act, given.meaning())) if key else None
        task = await handlers.perform(caller, task_id, act, command, if_match, request_key)
        return task_answer(await reads.view(caller, task))

    return perform


def _absent(model: type[ActBody]) -> Any:
    """Return the default of the body: an act without required fields may be requested without a body."""
    needs_a_body = any(field.is_required() for field in model.model_fields.values())
    return Body(...) if needs_a_body else Body(default_factory=model)
