"""`/v1/inbox`: the caller's own notifications, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from services.notification.handlers import EntryPage, InboxReader
from shared.events.envelope import Moment
from shared.office.refusal import Code
from shared.web.answers import as_json
from shared.web.auth import Caller
from shared.web.fields import Body, Identifier, Maybe
from shared.web.language import language_of
from shared.web.pages import DEFAULT_LIMIT, CursorText, Limit, Page
from shared.web.problems import problem_responses
from shared.web.route import api_router

if TYPE_CHECKING:
    from services.notification.store import InboxEntry


class InboxItem(BaseModel):
    """One notification; `kind` is the name of the event without its version, `link` is the address of the task."""

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
    """One page; `unread` counts the unread entries of the whole inbox, whatever the filter of the page."""

    unread: int

    @classmethod
    def of(cls, page: EntryPage, language: str, public_url: str) -> Self:
        return cls(
            items=[InboxItem.of(entry, language, public_url) for entry in page.entries],
            next_cursor=page.next_cursor,
            unread=page.unread,
        )


class InboxFilter(Body):
    """Which entries, and how many a page."""

    task_id: Maybe[Identifier] = Field(None, description="Only the notifications about this task.")
    limit: Limit = DEFAULT_LIMIT
    cursor: CursorText = None


def inbox_router(reader: InboxReader, public_url: str) -> APIRouter:
    router = api_router("/v1/inbox", ["inbox"])

    @router.get(
        "", operation_id="list_inbox", response_model=InboxPage, responses=problem_responses(Code.NOT_PERMITTED)
    )
    async def list_inbox(query: Annotated[InboxFilter, Query()], caller: Caller, request: Request) -> Response:
        """List the caller's own notifications, newest first, in the language of `Accept-Language`."""
        page = await reader.page(caller, query.task_id, query.cursor, query.limit)
        language = language_of(request.headers).value
        return as_json(InboxPage.of(page, language, public_url), headers=_in(language))

    @router.post(
        "/{entry_id}/read",
        operation_id="read_entry",
        response_model=InboxItem,
        responses=problem_responses(Code.NOT_FOUND, Code.NOT_PERMITTED),
    )
    async def read_entry(entry_id: str, caller: Caller, request: Request) -> Response:
        """Mark one of the caller's notifications as read; once read it stays as it is."""
        entry = await reader.mark_read(caller, entry_id)
        language = language_of(request.headers).value
        return as_json(InboxItem.of(entry, language, public_url), headers=_in(language))

    return router


def _in(language: str) -> dict[str, str]:
    """Return the headers of an answer written in a language."""
    return {"Content-Language": language, "Vary": "Accept-Language"}
