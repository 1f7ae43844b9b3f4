"""`/v1/agencies`: everybody reads, the administrator creates and changes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from services.assignment.directory.api.bodies import NewAgencyCode, ShortName, unchanged
from services.assignment.directory.handlers import DirectoryHandlers
from services.assignment.directory.rules.agency import Agency
from shared.office.refusal import Code
from shared.office.vocabulary import AgencyKind
from shared.web.answers import as_json
from shared.web.auth import Caller
from shared.web.conditions import IfMatch, etag
from shared.web.fields import AgencyCode, Body, Maybe, Name
from shared.web.pages import DEFAULT_LIMIT, CursorText, Limit, Page, Position, read_cursor, split_page
from shared.web.problems import problem_responses
from shared.web.route import api_router


class NewAgency(Body):
    """A new agency; its code never changes, and may not differ from another only in its case."""

    code: NewAgencyCode
    name: Name
    kind: AgencyKind
    short_name: Maybe[ShortName] = None
    parent: Maybe[AgencyCode] = None


class AgencyChange(Body):
    """The fields to change: a field left out stays as it is, and null clears an optional field."""

    name: Name = unchanged()
    kind: AgencyKind = unchanged()
    short_name: Maybe[ShortName] = unchanged()
    parent: Maybe[AgencyCode] = unchanged()


class AgencyAnswer(BaseModel):
    """An agency; its `version` is also the `ETag`."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    kind: AgencyKind
    short_name: str | None
    parent: str | None
    version: int


def agencies_router(handlers: DirectoryHandlers) -> APIRouter:
    router = api_router("/v1/agencies", ["agencies"])

    @router.post(
        "", status_code=HTTPStatus.CREATED, responses=problem_responses(Code.NOT_PERMITTED, Code.ALREADY_EXISTS)
    )
    async def create_agency(caller: Caller, body: NewAgency, response: Response) -> AgencyAnswer:
        agency = await handlers.create_agency(caller, Agency(**body.model_dump()))
        response.headers["Location"] = f"/v1/agencies/{quote(agency.code)}"
        return _answer(agency, response)

    @router.get("", response_model=Page[AgencyAnswer])
    async def list_agencies(
        caller: Caller,
        kind: AgencyKind | None = None,
        parent: Annotated[AgencyCode | None, Query()] = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: CursorText = None,
    ) -> Response:
        """List agencies by code."""
        filters = {"of": "agencies", "kind": kind, "parent": parent}
        position = read_cursor(cursor, filters)
        after = position.id if position else None
        found = await handlers.agencies(caller, kind=kind, parent=parent, after=after, limit=limit + 1)
        page, next_cursor = split_page(found, limit, filters, lambda last: Position(None, last.code))
        return as_json(Page(items=list(map(AgencyAnswer.model_validate, page)), next_cursor=next_cursor))

    @router.get("/{code}", responses=problem_responses(Code.NOT_FOUND))
    async def read_agency(caller: Caller, code: str, response: Response) -> AgencyAnswer:
        return _answer(await handlers.agency(caller, code), response)

    @router.patch("/{code}", responses=problem_responses(Code.NOT_FOUND, Code.NOT_PERMITTED, Code.VERSION_CONFLICT))
    async def change_agency(
        caller: Caller, code: str, body: AgencyChange, response: Response, if_match: IfMatch = None
    ) -> AgencyAnswer:
        changes = body.model_dump(exclude_unset=True)
        return _answer(await handlers.change_agency(caller, code, changes, if_match), response)

    return router


def _answer(agency: Agency, response: Response) -> AgencyAnswer:
    response.headers["ETag"] = etag(agency.version)
    return AgencyAnswer.model_validate(agency)
