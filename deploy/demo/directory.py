"""Creates the agencies and accounts as the administrator. May be repeated."""

from collections.abc import Coroutine
from dataclasses import asdict
from functools import partial
from typing import Any

from deploy.demo.agencies import AGENCIES, Agency
from deploy.demo.api import Api, RefusedError
from deploy.demo.few_at_once import few_at_once
from deploy.demo.people import PASSWORD, PEOPLE, SERVICE_SCOPES, Person
from deploy.local.stack import DemoAccount
from shared.office.refusal import Code
from shared.office.vocabulary import Role


async def make_directory(api: Api, administrator: str) -> list[DemoAccount]:
    """Create all agencies and then all accounts; return the accounts with their passwords."""
    for below in (False, True):
        agencies = [agency for agency in AGENCIES if (agency.parent is not None) is below]
        await few_at_once(partial(_make_agency, api, administrator), agencies)
    return await few_at_once(partial(_make_account, api, administrator), PEOPLE)


async def _make_agency(api: Api, administrator: str, agency: Agency) -> None:
    await _unless_it_exists(api.post("/v1/agencies", asdict(agency), by=administrator))


async def _make_account(api: Api, administrator: str, person: Person) -> DemoAccount:
    program = person.role is Role.SERVICE
    proof = {"scopes": SERVICE_SCOPES} if program else {"password": PASSWORD}
    await _unless_it_exists(api.post("/v1/accounts", {**asdict(person), **proof}, by=administrator))
    password = await _new_secret(api, administrator, person) if program else PASSWORD
    account = DemoAccount(person.username, password, person.role, person.agency)
    api.know(account)
    return account


async def _new_secret(api: Api, administrator: str, person: Person) -> str:
    made = await api.post(f"/v1/accounts/{person.username}/secret", {}, by=administrator)
    return str(made["secret"])


async def _unless_it_exists(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except RefusedError as refused:
        if refused.code != Code.ALREADY_EXISTS:
            raise
