"""`/v1/me/sessions`: where the caller is signed in through the web pages, and signing out there."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request

from services.assignment.directory.rules.session import Session
from services.assignment.directory.sessions import Sessions
from shared.events.envelope import Moment
from shared.office.refusal import Code
from shared.web.auth import Caller
from shared.web.pages import Page
from shared.web.problems import problem_responses
from shared.web.route import api_router


class SessionAnswer(BaseModel):
    """A session; `current` is the one that the token of this request is of. `last_used_at` is exact to a minute."""

    id: str
    started_at: Moment
    last_used_at: Moment
    address: str | None
    agent: str | None
    current: bool

    @classmethod
    def of(cls, session: Session, current: str | None) -> SessionAnswer:
        return cls(
            id=session.id,
            started_at=session.started_at,
            last_used_at=session.last_used_at,
            address=session.address,
            agent=session.agent,
            current=session.id == current,
        )


async def _session_of(request: Request) -> str | None:
    session: str | None = request.state.session
    return session


CurrentSession = Annotated[str | None, Depends(_session_of)]


def sessions_router(sessions: Sessions) -> APIRouter:
    router = api_router("/v1/me/sessions", ["me"])

    @router.get("")
    async def list_my_sessions(caller: Caller, current: CurrentSession) -> Page[SessionAnswer]:
        """List one's own sessions, newest first. There are few, so all of them are on the one page."""
        return Page(items=[SessionAnswer.of(session, current) for session in await sessions.own(caller)])

    @router.delete("", status_code=HTTPStatus.NO_CONTENT)
    async def end_my_sessions(caller: Caller) -> None:
        """End every session, the present one too; their tokens are refused as those of a session that is revoked."""
        await sessions.end_all(caller)

    @router.delete("/{session_id}", status_code=HTTPStatus.NO_CONTENT, responses=problem_responses(Code.NOT_FOUND))
    async def end_my_session(caller: Caller, session_id: str) -> None:
        await sessions.end(caller, session_id)

    return router
