"""`/v1/inbox`: what its owner was told, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from services.notification.metrics import READ
from services.notification.store import Inbox, InboxEntry, InboxQuery
from shared.clock import Clock
from shared.events.envelope import Moment
from shared.office.access import Permission, require_permission
from shared.office.refusal import Code, FieldCode, Refusal, invalid
from shared.web.auth import Caller
from shared.web.fields import Body, Identifier, Maybe
from shared.web.language import language_of
from shared.web.pages import DEFAULT_LIMIT, Page, Position, read_cursor, write_cursor
from shared.web.problems import problem_responses
from shared.web.route import api_router


class InboxItem(BaseModel):
    """One notification; `kind` is the event's name without its version, `link` leads to the task."""

    id: str
    kind: str
    task_id: str
    title: str
    text: str
    at: Moment
    read_at: Moment | None
    link: str

    @classmethod
    def of(cls, entry: InboxEntry, language: str, public_url: str) -> Self:
        return cls(
            id=entry.id,
            kind=entry.kind,
            task_id=entry.task_id,
            title=entry.title[language],
            text=entry.text[language],
            at=entry.at,
            read_at=entry.read_at,
            link=f"{public_url.rstrip('/')}/v1/tasks/{entry.task_id}",
        )


class InboxPage(Page[InboxItem]):
    """One page; `unread` counts the whole inbox, whatever the page was narrowed to."""

    unread: int


class InboxFilter(Body):
    """Which entries, and how many a page."""

    task_id: Maybe[Identifier] = Field(None, description="Only what was told of this task.")
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=200, description="How many entries a page holds.")
    cursor: str | None = Field(None, max_length=2_000, description="`next_cursor` of the page before.")


def inbox_router(inbox: Inbox, clock: Clock, public_url: str) -> APIRouter:
    router = api_router("/v1/inbox", ["inbox"])

    @router.get("", operation_id="list_inbox", responses=problem_responses(Code.NOT_PERMITTED))
    async def list_inbox(
        query: Annotated[InboxFilter, Query()], caller: Caller, request: Request, response: Response
    ) -> InboxPage:
        """List the caller's own notifications, newest first, in the language of `Accept-Language`."""
        require_permission(caller, Permission.READ_INBOX)
        filters = {"username": caller.username, "task_id": query.task_id}
        wanted = InboxQuery(caller.username, query.task_id, _after(query.cursor, filters))
        found = await inbox.find(wanted, query.limit + 1)
        language = _answer_in(request, response)
        return InboxPage(
            items=[InboxItem.of(entry, language, public_url) for entry in found[: query.limit]],
            next_cursor=_next_cursor(found, query.limit, filters),
            unread=await inbox.count_unread(caller.username),
        )

    @router.post(
        "/{entry_id}/read", operation_id="read_entry", responses=problem_responses(Code.NOT_FOUND, Code.NOT_PERMITTED)
    )
    async def read_entry(entry_id: str, caller: Caller, request: Request, response: Response) -> InboxItem:
        """Mark one of the caller's notifications as read; once read it stays as it is."""
        require_permission(caller, Permission.READ_INBOX)
        if await inbox.mark_read(entry_id, caller.username, clock.now()):
            READ.inc()
        entry = await inbox.get(entry_id, caller.username)
        if entry is None:
            raise Refusal(Code.NOT_FOUND)
        return InboxItem.of(entry, _answer_in(request, response), public_url)

    return router


def _after(cursor: str | None, filters: dict[str, Any]) -> tuple[datetime, str] | None:
    position = read_cursor(cursor, filters)
    if position is None:
        return None
    if not isinstance(position.value, datetime):
        raise invalid("cursor", FieldCode.BAD_CURSOR)
    return position.value, position.id


def _next_cursor(found: list[InboxEntry], limit: int, filters: dict[str, Any]) -> str | None:
    if len(found) <= limit:
        return None
    last = found[limit - 1]
    return write_cursor(Position(last.at, last.id), filters)


def _answer_in(request: Request, response: Response) -> str:
    language = language_of(request.headers).value
    response.headers["Content-Language"] = language
    response.headers["Vary"] = "Accept-Language"
    return language
