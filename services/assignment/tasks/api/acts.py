"""`POST /v1/tasks/{id}/…`: the acts, one route each, all of one shape."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi import APIRouter, Body, Response

from services.assignment.tasks.api import bodies
from services.assignment.tasks.api.answers import task_answer
from services.assignment.tasks.handlers import TaskHandlers
from services.assignment.tasks.reads import TaskReads
from services.assignment.tasks.store.records import Retry
from services.assignment.tasks.views import TaskView
from shared.office.refusal import Code
from shared.web.auth import Caller
from shared.web.conditions import IdempotencyKey, IfMatch, fingerprint
from shared.web.problems import problem_responses
from shared.web.route import api_router

BODIES: Final[Mapping[str, type[bodies.ActBody]]] = MappingProxyType(
    {
        "receipt": bodies.ReceiptBody,
        "refusal": bodies.RefusalBody,
        "reassignment": bodies.ReassignmentBody,
        "correction": bodies.CorrectionBody,
        "deadline": bodies.DeadlineBody,
        "delegation": bodies.DelegationBody,
        "progress": bodies.ProgressBody,
        "contribution": bodies.ContributionBody,
        "extension": bodies.ExtensionBody,
        "extension/decision": bodies.ExtensionDecisionBody,
        "report": bodies.ReportBody,
        "report/decision": bodies.ReportDecisionBody,
        "explanation": bodies.ExplanationBody,
        "explanation/decision": bodies.ExplanationDecisionBody,
        "recall": bodies.RecallBody,
        "urging": bodies.UrgingBody,
    }
)
_PROBLEMS: Final = problem_responses(
    Code.NOT_FOUND, Code.NOT_PERMITTED, Code.VERSION_CONFLICT, Code.WRONG_STAGE, Code.IDEMPOTENCY_MISMATCH
)


def acts_router(handlers: TaskHandlers, reads: TaskReads) -> APIRouter:
    router = api_router("/v1/tasks", ["acts"])
    for name, model in BODIES.items():
        router.add_api_route(
            f"/{{task_id}}/{name}",
            _endpoint(name, model, handlers, reads),
            methods=["POST"],
            response_model=TaskView,
            responses=_PROBLEMS,
            name=name,
            operation_id=name.replace("/", "_"),
        )
    return router


def _endpoint(
    name: str, model: type[bodies.ActBody], handlers: TaskHandlers, reads: TaskReads
) -> Callable[..., Awaitable[Response]]:
    async def act(
        task_id: str,
        caller: Caller,
        if_match: IfMatch = None,
        key: IdempotencyKey = None,
        body: model = _absent(model),  # type: ignore[valid-type]  # noqa: B008 - read once, when the route is made
    ) -> Response:
        asked: bodies.ActBody = body
        wanted = asked.to_command()
        retry = Retry(key, fingerprint(name, asked.meaning())) if key else None
        task = await handlers.act(caller, task_id, name, wanted, if_match, retry)
        return task_answer(await reads.view(caller, task))

    return act


def _absent(model: type[bodies.ActBody]) -> Any:
    """Return what a request without a body means: nothing said, where nothing has to be."""
    needs_a_body = any(field.is_required() for field in model.model_fields.values())
    return Body(...) if needs_a_body else Body(default_factory=model)
