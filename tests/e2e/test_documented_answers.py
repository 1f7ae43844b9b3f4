"""Every service answers as its own OpenAPI document says, whatever it is sent: Schemathesis makes the requests.

`HYPOTHESIS_PROFILE=large` looks much further, by hand.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from deploy.services import SERVICES
from tests.support.assignment import BODIES
from tests.support.running_stack import RunningStack, expect
from tests.support.web_client import Web

CHECKS: Final[list[CheckFunction]] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CALLERS: Final = ("chair", "head-stc", "officer-stc", "program-stc")
REQUESTS: Final = 400 if os.environ.get("HYPOTHESIS_PROFILE") == "large" else 10
"""How many requests, right and wrong by the document, each caller makes to each operation."""

STAGES: Final[Mapping[str, Sequence[tuple[str, str]]]] = MappingProxyType(
    {
        "assigned": (),
        "received": (("receipt", "head-stc"),),
        "in progress": (("receipt", "clerk-stc"), ("delegation", "head-stc"), ("progress", "officer-stc")),
        "asking": (("receipt", "head-stc"), ("delegation", "head-stc"), ("extension", "head-stc")),
        "reported": (("receipt", "head-stc"), ("delegation", "head-stc"), ("report", "head-stc")),
        "refused": (("refusal", "head-stc"),),
    }
)
"""The acts that bring a task to where the acts of all are possible, and who does them."""
EACH: Final = 8
OUR_BODIES: Final[Mapping[str, dict[str, Any]]] = MappingProxyType(
    {
        **BODIES,
        "delegation": {"officer": "officer-stc", "instruction": "Tham mưu báo cáo"},
        "extension": {"new_deadline": "2026-11-20", "reason": "Chờ số liệu"},
        "reassignment": {"lead_agency": "sxd", "reason": "Đúng chức năng hơn"},
    }
)


@dataclass(frozen=True, repr=False)
class Known:
    """What exists on the stack, to be named in requests."""

    task_id: Sequence[str]
    batch_id: Sequence[str]
    entry_id: Sequence[str]
    session_id: Sequence[str]
    code: Sequence[str] = ("stc", "sxd")
    username: Sequence[str] = ("head-stc", "program-stc")


@pytest.fixture(scope="module")
async def known(stack: RunningStack) -> Known:
    """A batch of tasks in every stage that acts lead to, an inbox with entries, and sessions."""
    items = [{"title": stage, "lead_agencies": ["stc"], "deadline": "2026-10-30"} for stage in STAGES] * EACH
    answer = await stack.as_("chair").post("/v1/task-batches", {"items": items})
    given = expect(201, answer)["items"]
    for task in given:
        for act, doer in STAGES[task["title"]]:
            expect(200, await stack.as_(doer).post(f"/v1/tasks/{task['id']}/{act}", OUR_BODIES[act]))
    await stack.wait_until_idle()
    inbox = await stack.as_("head-stc").inbox()
    return Known(
        task_id=[task["id"] for task in given],
        batch_id=[answer.headers["Location"].rsplit("/", 1)[1]],
        entry_id=[entry["id"] for entry in inbox["items"]],
        session_id=[await _begin_session(stack, caller) for caller in CALLERS if not caller.startswith("program")] * 3,
    )


async def _begin_session(stack: RunningStack, username: str) -> str:
    me = Web(stack, username)
    await me.sign_in()
    return str(expect(200, await me.get("/v1/me/sessions"))["items"][0]["id"])


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("service", SERVICES)
async def test_every_answer_is_as_documented(stack: RunningStack, known: Known, service: str, caller: str) -> None:
    me = stack.as_(caller)
    expect(200, await me.get("/v1/me"))  # signs in
    document = expect(200, await me.get("/openapi.json", at=service))
    schema = schemathesis.openapi.from_dict(document)
    assert me.headers is not None
    await asyncio.to_thread(_try_everything, schema, stack.services.urls[service], dict(me.headers), known)


def _try_everything(schema: schemathesis.BaseSchema, url: str, headers: dict[str, str], known: Known) -> None:
    with requests.Session() as session:
        session.trust_env = False
        for operation in sorted(_operations(schema), key=_what_ends_a_task_last):
            _try(operation, url, session, headers, known)


def _operations(schema: schemathesis.BaseSchema) -> Iterator[APIOperation[Any, Any, Any, Any]]:
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


def _what_ends_a_task_last(operation: APIOperation[Any, Any, Any, Any]) -> tuple[bool, str]:
    return operation.path.endswith(("/recall", "/decision", "/reassignment")), operation.label


def _try(
    operation: APIOperation[Any, Any, Any, Any],
    url: str,
    session: requests.Session,
    headers: dict[str, str],
    known: Known,
) -> None:
    @hypothesis.settings(
        hypothesis.settings(),
        max_examples=REQUESTS,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(_requests(operation, known))
    def answers_as_documented(case: Case[Any]) -> None:
        answer = case.call(base_url=url, session=session, headers=headers)
        case.validate_response(answer, checks=CHECKS)

    answers_as_documented()


@st.composite
def _requests(draw: st.DrawFn, operation: APIOperation[Any, Any, Any, Any], known: Known) -> Case[Any]:
    """Draw a request that is right or wrong by the document, mostly of something that is there; acts are often done."""
    mode = draw(st.sampled_from((GenerationMode.POSITIVE, GenerationMode.NEGATIVE, GenerationMode.POSITIVE)))
    case = draw(operation.as_strategy(generation_mode=mode))
    for name in case.path_parameters or {}:
        if draw(st.integers(0, 3)):
            case.path_parameters[name] = draw(st.sampled_from(getattr(known, name)))
    act = operation.path.removeprefix("/v1/tasks/{task_id}/")
    if mode is GenerationMode.POSITIVE and act in OUR_BODIES and draw(st.integers(0, 3)):
        case.body = OUR_BODIES[act]
        case.headers.pop("If-Match", None)
    return case
