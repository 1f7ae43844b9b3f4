"""`/v1/inbox`: the caller's own notifications, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

from services.notification.reads import EntryFilters, EntryPage, InboxReader, Marked
from services.notification.rules.severity import SEVERITY, Severity, severity_of
from shared.events.envelope import Moment
from shared.office.refusal import Code, FieldCode
from shared.web.answers import as_json
from shared.web.auth import Caller
from shared.web.fields import Body, Identifier, Maybe, MomentField, require_at_most
from shared.web.language import language_of
from shared.web.pages import DEFAULT_LIMIT, CursorText, Limit, Page
from shared.web.problems import problem_responses
from shared.web.route import api_router

if TYPE_CHECKING:
    from services.notification.store import InboxEntry

_MOST_IDS: Final = 200
_WAITING_PATH: Final = "/v1/tasks?stage=assigned&waiting=me"
"""The list of what the caller should receive."""

Unread = Annotated[int, Field(le=999, description="Up to 999, which stands for 999 or more.")]


def _known_kind(kind: str) -> str:
    if kind not in SEVERITY:
        raise PydanticKnownError("enum", {"expected": ", ".join(SEVERITY)})
    return kind


EntryKind = Annotated[Identifier, AfterValidator(_known_kind), Field(json_schema_extra={"enum": [*SEVERITY]})]


class InboxItem(BaseModel):
    """One notification.

    `kind` is the name of the event without its version, or `tasks_waiting`, which is of no single task. `link` is the
    address of the task, of the tasks that wait, or null where the reader may not see the task any more.
    """

    id: str
    kind: str
    severity: Severity
    task_id: str | None
    title: str
    text: str
    at: Moment
    read_at: Moment | None
    link: str | None

    @classmethod
    def of(cls, entry: InboxEntry, language: str, public_url: str) -> Self:
        return cls(
            id=entry.id,
            kind=entry.kind,
            severity=severity_of(entry.kind),
            task_id=entry.task_id,
            title=entry.title[language],
            text=entry.text[language],
            at=entry.at,
            read_at=entry.read_at,
            link=_link(entry, public_url),
        )


def _link(entry: InboxEntry, public_url: str) -> str | None:
    if not entry.has_link:
        return None
    path = _WAITING_PATH if entry.task_id is None else f"/v1/tasks/{entry.task_id}"
    return f"{public_url.rstrip('/')}{path}"


class InboxPage(Page[InboxItem]):
    """One page; `unread` counts the unread entries of the whole inbox, whatever the filter of the page."""

    unread: Unread

    @classmethod
    def of(cls, page: EntryPage, language: str, public_url: str) -> Self:
        return cls(
            items=[InboxItem.of(entry, language, public_url) for entry in page.entries],
            next_cursor=page.next_cursor,
            unread=page.unread,
        )


class InboxFilter(Body):
    """Which entries, and how many a page; the filters can be combined."""

    task_id: Maybe[Identifier] = Field(None, description="Only the notifications about this task.")
    kind: EntryKind | None = Field(None, description="Only the notifications of this kind.")
    unread: Literal["true"] | None = Field(None, description="Only the notifications that were not read.")
    limit: Limit = DEFAULT_LIMIT
    cursor: CursorText = None

    def filters(self) -> EntryFilters:
        return EntryFilters(self.task_id, self.kind, unread=self.unread is not None)


class ReadBody(Body):
    """What to mark as read: some of the caller's notifications by id, or all until a moment."""

    ids: Annotated[list[Identifier] | None, require_at_most(_MOST_IDS)] = Field(
        None,
        min_length=1,
        max_length=_MOST_IDS,
        description="Ids of notifications; those that are not the caller's change nothing.",
    )
    until: MomentField | None = Field(None, description="All notifications whose `at` is this moment or before.")

    @model_validator(mode="after")
    def _require_exactly_one(self) -> Self:
        if (self.ids is None) is (self.until is None):
            raise PydanticCustomError(FieldCode.IDS_OR_UNTIL, "exactly one of the two")
        return self


class ReadAnswer(BaseModel):
    """What a marking left.

    `complete` is false if so many notifications were unread that the time of one request did not suffice; the same
    request marks those that are left.
    """

    unread: Unread
    complete: bool

    @classmethod
    def of(cls, marked: Marked) -> Self:
        return cls(unread=marked.unread, complete=marked.complete)


def inbox_router(reader: InboxReader, public_url: str) -> APIRouter:
    router = api_router("/v1/inbox", ["inbox"])

    @router.get(
        "", operation_id="list_inbox", response_model=InboxPage, responses=problem_responses(Code.NOT_PERMITTED)
    )
    async def list_inbox(query: Annotated[InboxFilter, Query()], caller: Caller, request: Request) -> Response:
        """List the caller's own notifications, newest first, in the language of `Accept-Language`."""
        page = await reader.page(caller, query.filters(), query.cursor, query.limit)
        language = language_of(request.headers).value
        return as_json(InboxPage.of(page, language, public_url), headers=_in(language))

    @router.post(
        "/read",
        operation_id="read_entries",
        response_model=ReadAnswer,
        responses=problem_responses(Code.NOT_PERMITTED),
    )
    async def read_entries(body: ReadBody, caller: Caller) -> Response:
        """Mark several of the caller's notifications as read; once read they stay as they are."""
        if body.until is not None:
            return as_json(ReadAnswer.of(await reader.mark_until(caller, body.until)))
        return as_json(ReadAnswer.of(await reader.mark_named(caller, body.ids or ())))

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
