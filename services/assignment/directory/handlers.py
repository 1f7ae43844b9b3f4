"""Reading, creating and changing agencies and accounts: load, decide, save."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import structlog

from services.assignment.directory.events import account_changed, agency_changed
from services.assignment.directory.passwords import Passwords, hash_secret, new_secret
from services.assignment.directory.rules import account as account_rules
from services.assignment.directory.rules.account import Account
from services.assignment.directory.rules.agency import Agency, require_valid_parent
from services.assignment.directory.store import ACCOUNTS, AGENCIES, DirectoryStore
from shared.clock import Clock
from shared.events.directory import AccountChanged, AgencyChanged
from shared.events.envelope import Event
from shared.messaging.context import correlation_id
from shared.office.access import Permission, Principal, require_permission
from shared.office.refusal import Code, FieldCode, Refusal, invalid
from shared.office.vocabulary import AgencyKind, Role

_log = structlog.get_logger()


class DirectoryHandlers:
    """The directory as its callers read and change it.

    `wake` gets the collection and the id of each record that was written, so that the relay publishes its event.
    """

    def __init__(
        self, store: DirectoryStore, clock: Clock, passwords: Passwords, wake: Callable[[str, str], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._passwords = passwords
        self._wake = wake

    async def agency(self, caller: Principal, code: str) -> Agency:
        require_permission(caller, Permission.READ_AGENCIES)
        return _require_found(await self._store.agency(code))

    async def agencies(
        self, caller: Principal, *, kind: AgencyKind | None, parent: str | None, after: str | None, limit: int
    ) -> list[Agency]:
        require_permission(caller, Permission.READ_AGENCIES)
        above = await _written(self._store, parent)
        return await self._store.agencies(kind=kind, parent=above, after=after, limit=limit)

    async def create_agency(self, caller: Principal, agency: Agency) -> Agency:
        require_permission(caller, Permission.MANAGE_DIRECTORY)
        if await self._store.agency(agency.code) is not None:
            raise Refusal(Code.ALREADY_EXISTS)
        agency = replace(agency, parent=await _written(self._store, agency.parent))
        require_valid_parent(agency, await self._store.line_from(agency.parent))
        await self._store.insert_agency(agency, self._agency_changed(agency))
        self._wake(AGENCIES, agency.code)
        _log.info("agency_created", agency=agency.code)
        return agency

    async def change_agency(
        self, caller: Principal, code: str, changes: Mapping[str, Any], if_match: Collection[int] | None
    ) -> Agency:
        async def change(store: DirectoryStore) -> tuple[Agency, bool]:
            agency = _require_found(await store.agency(code))
            _require_version(if_match, agency.version)
            changed = agency.changed(await _in_written_codes(store, changes, "parent"))
            if changed is not agency:
                require_valid_parent(changed, await store.line_from(changed.parent))
                await store.save_agency(changed, self._agency_changed(changed))
            return changed, changed is not agency

        # Whoever may not change it begins no transaction, and never holds up those who may.
        await self.agency(caller, code)
        require_permission(caller, Permission.MANAGE_DIRECTORY)
        changed, is_new = await self._store.serialised("agencies", change)
        if is_new:
            self._wake(AGENCIES, changed.code)
            _log.info("agency_changed", agency=changed.code, version=changed.version, fields=sorted(changes))
        return changed

    async def account(self, caller: Principal, username: str) -> Account:
        """Return an account within the caller's sight."""
        if username != caller.username or not caller.is_program:
            require_permission(caller, Permission.READ_ACCOUNTS)
        return _require_visible(caller, await self._store.account(username))

    async def own_account(self, caller: Principal) -> Account:
        """Return the caller's own account, which needs no permission."""
        return _require_visible(caller, await self._store.account(caller.username))

    async def accounts(
        self, caller: Principal, *, agency: str | None, role: Role | None, after: str | None, limit: int
    ) -> list[Account]:
        """Return the accounts within the caller's sight."""
        require_permission(caller, Permission.READ_ACCOUNTS)
        agency = await _written(self._store, agency)
        if not account_rules.sees_every_account(caller):
            if agency not in {None, caller.agency}:
                return []
            agency = caller.agency
        return await self._store.accounts(agency=agency, role=role, after=after, limit=limit)

    async def create_account(self, caller: Principal, account: Account, password: str | None) -> Account:
        account_rules.require_fields_of_role(account)
        account_rules.require_password_of_person(account, given=password is not None)
        if password is not None:
            self._passwords.quality.require_fit("password", password, account.username)
        require_permission(caller, Permission.MANAGE_DIRECTORY)
        if await self._store.account(account.username) is not None:
            raise Refusal(Code.ALREADY_EXISTS)
        account = replace(account, agency=await _written(self._store, account.agency))
        await _require_known_agency(self._store, account)
        if password is not None:
            await self._passwords.quality.require_hard_to_guess("password", password, account.username)
        await self.add_account(account, password)
        _log.info("account_created", username=account.username, role=account.role)
        return account

    async def add_account(self, account: Account, password: str | None) -> None:
        """Add an account without a caller: no permission is needed, so that the first administrator can be made.

        Raises:
            Refusal: the username is taken.

        """
        if account.username in account_rules.RESERVED:
            raise Refusal(Code.ALREADY_EXISTS)
        hashed = await self._passwords.hash(password) if password is not None else None
        await self._store.insert_account(account, hashed, self._account_changed(account))
        self._wake(ACCOUNTS, account.username)

    async def change_account(
        self, caller: Principal, username: str, changes: Mapping[str, Any], if_match: Collection[int] | None
    ) -> Account:
        async def change(store: DirectoryStore) -> tuple[Account, bool]:
            account = _require_visible(caller, await store.account(username))
            _require_version(if_match, account.version)
            changed = account.changed(await _in_written_codes(store, changes, "agency"))
            if changed is not account:
                await _require_allowed_change(store, account, changed)
                await store.save_account(changed, self._account_changed(changed))
            return changed, changed is not account

        await self.account(caller, username)
        require_permission(caller, Permission.MANAGE_DIRECTORY)
        changed, is_new = await self._store.serialised("accounts", change)
        if is_new:
            self._wake(ACCOUNTS, username)
            now = {"role": changed.role, "agency": changed.agency, "disabled": changed.disabled}
            _log.info("account_changed", username=username, version=changed.version, fields=sorted(changes), **now)
        return changed

    async def make_secret(self, caller: Principal, username: str) -> str:
        """Give a program a new secret and return it; the old secret is no longer valid."""
        account = await self.account(caller, username)
        require_permission(caller, Permission.MANAGE_DIRECTORY)
        if not account.is_program:
            raise invalid("username", FieldCode.NOT_ALLOWED)
        secret = new_secret()
        await self._store.set_secret(username, hash_secret(secret))
        _log.info("secret_made", username=username)
        return secret

    def _agency_changed(self, agency: Agency) -> Event[AgencyChanged]:
        return agency_changed(agency, self._clock.now(), correlation_id())

    def _account_changed(self, account: Account) -> Event[AccountChanged]:
        return account_changed(account, self._clock.now(), correlation_id())


async def _require_allowed_change(store: DirectoryStore, account: Account, changed: Account) -> None:
    another = await store.other_administrator_exists(account.username)
    account_rules.require_allowed_change(account, changed, another_administers=another)
    account_rules.require_fields_of_role(changed)
    await _require_known_agency(store, changed)


async def _require_known_agency(store: DirectoryStore, account: Account) -> None:
    if account.agency is not None and await store.agency(account.agency) is None:
        raise invalid("agency", FieldCode.UNKNOWN_AGENCY)


async def _written(store: DirectoryStore, code: str | None) -> str | None:
    """Return the code of an agency as it was first written; a code that no agency has stays as it is."""
    return None if code is None else (await store.codes([code])).written(code)


async def _in_written_codes(store: DirectoryStore, changes: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    return {**changes, field: await _written(store, changes[field])} if field in changes else changes


def _require_found(agency: Agency | None) -> Agency:
    if agency is None:
        raise Refusal(Code.NOT_FOUND)
    return agency


def _require_visible(caller: Principal, account: Account | None) -> Account:
    if account is None or not account_rules.sees_account(caller, account):
        raise Refusal(Code.NOT_FOUND)
    return account


def _require_version(if_match: Collection[int] | None, current: int) -> None:
    if if_match is not None and current not in if_match:
        raise Refusal(Code.VERSION_CONFLICT)
