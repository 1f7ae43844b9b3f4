"""Changing passwords: one's own, or, as the administrator, somebody else's."""

from __future__ import annotations

import structlog

from services.assignment.directory.handlers import DirectoryHandlers
from services.assignment.directory.one_time import OneTimePassword, OneTimePasswords
from services.assignment.directory.passwords import Passwords, is_same
from services.assignment.directory.sign_in import SignIn
from services.assignment.directory.store import DirectoryStore
from shared.office.access import Permission, Principal, require_permission
from shared.office.refusal import FieldCode, invalid

_log = structlog.get_logger()


class PasswordChanges:
    def __init__(
        self,
        store: DirectoryStore,
        directory: DirectoryHandlers,
        sign_in: SignIn,
        passwords: Passwords,
        one_time: OneTimePasswords,
    ) -> None:
        self._store = store
        self._directory = directory
        self._sign_in = sign_in
        self._passwords = passwords
        self._one_time = one_time

    async def change_own(self, username: str, current: str, new: str, address: str) -> None:
        """Replace a person's own password by one that is good enough.

        Raises:
            Refusal: the new password is not good enough, or the current one is wrong.
            HttpRefusal: the current password was not looked at.

        """
        quality = self._passwords.quality
        quality.require_fit("new_password", new, username)
        owner = await self._sign_in.owner(username, current, address)
        if owner is None:
            raise invalid("current_password", FieldCode.WRONG_PASSWORD)
        if is_same(new, current):
            raise invalid("new_password", FieldCode.SAME_PASSWORD)
        await quality.require_hard_to_guess("new_password", new, username)
        # Meanwhile an administrator may have given another one: then the current one proves nothing any more.
        if not await self._store.replace_own_password(owner, await self._passwords.hash(new)):
            raise invalid("current_password", FieldCode.WRONG_PASSWORD)
        _log.info("password_changed", username=username)

    async def reset(self, caller: Principal, username: str, password: str | None) -> OneTimePassword:
        """Give a person a one-time password, as the administrator.

        Raises:
            Refusal: not-found, not-permitted, validation (a program, which has a secret; a password that is bad).

        """
        if password is not None:
            self._passwords.quality.require_fit("password", password, username)
        account = await self._directory.account(caller, username)
        require_permission(caller, Permission.MANAGE_DIRECTORY)
        if account.is_program:
            raise invalid("username", FieldCode.NOT_ALLOWED)
        if password is not None:
            await self._passwords.quality.require_hard_to_guess("password", password, username)
        given = await self._one_time.give(account.username, password)
        _log.info("password_reset", username=account.username, expires_at=given.expires_at)
        return given
