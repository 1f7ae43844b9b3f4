"""Commands for the machine itself: `create-administrator` and `reset-password`.

The first creates the first account, since there is no administrator yet to create it. The second lets somebody in who
has lost the password, also the last administrator.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from pydantic import BaseModel, ValidationError

from services.assignment.app import OUTBOXES, make_one_time, make_passwords, prepare
from services.assignment.directory.api.bodies import NewPassword, NewUsername
from services.assignment.directory.handlers import DirectoryHandlers
from services.assignment.directory.rules.account import Account, folded_username
from services.assignment.directory.store import DirectoryStore
from services.assignment.settings import AssignmentSettings
from shared.commands.command import Exit, OperatorCommand, complain, say
from shared.commands.password import read_password
from shared.messaging.outbox import Outbox
from shared.mongo import Database, connect, is_away
from shared.office.labels import Language
from shared.office.refusal import Code, Refusal
from shared.office.vocabulary import Role
from shared.settings import load
from shared.web.field_texts import field_text
from shared.web.fields import Name

_REFUSED: Final = 2


class _NewAdministrator(BaseModel):
    username: NewUsername
    display_name: Name
    password: NewPassword


def create_administrator(settings: AssignmentSettings, username: str, display_name: str | None) -> int:
    """Create the account with a password from the standard input, and return the exit code.

    An account that exists already stays as it is.
    """
    try:
        wanted = _NewAdministrator.model_validate(
            {"username": username, "display_name": display_name or username, "password": read_password()}
        )
    except ValidationError as error:
        fields = ", ".join(str(fault["loc"][0]) for fault in error.errors(include_input=False))
        complain(f"refused: {fields} not in order (usernames: a-z, 0-9, . _ -; passwords: at most 128 characters)")
        return _REFUSED
    return _with_database(settings, lambda database: _create(database, settings, wanted))


async def _create(database: Database, settings: AssignmentSettings, wanted: _NewAdministrator) -> int:
    """Write the account with its event; the relay of the running service publishes the event."""
    password, passwords = wanted.password.get_secret_value(), make_passwords(settings)
    try:
        passwords.quality.require_fit("password", password, wanted.username)
        await passwords.quality.require_hard_to_guess("password", password, wanted.username)
    except Refusal as refusal:
        return _refuse_password(refusal)
    await prepare(database)
    for name in OUTBOXES:
        await Outbox(database[name]).ensure_index()
    directory = DirectoryHandlers(DirectoryStore(database), settings.clock(), passwords, lambda *_: None)
    account = Account(wanted.username, wanted.display_name, Role.ADMINISTRATOR)
    try:
        await directory.add_account(account, password)
    except Refusal as refusal:
        if refusal.code is not Code.ALREADY_EXISTS:
            raise
        say(f"{wanted.username} exists already")
    else:
        say(f"administrator {wanted.username} created")
    return Exit.FINE


def _refuse_password(refusal: Refusal) -> int:
    for wrong in refusal.violations:
        complain(f"refused: password not in order: {field_text(wrong.code, Language.ENGLISH, wrong.bounds)}")
    return _REFUSED


def reset_password(settings: AssignmentSettings, username: str) -> int:
    """Give a person a one-time password, print it, and return the exit code."""
    return _with_database(settings, lambda database: _reset(database, settings, folded_username(username)))


async def _reset(database: Database, settings: AssignmentSettings, username: str) -> int:
    store = DirectoryStore(database)
    account = await store.account(username)
    if account is None or account.is_program:
        complain("refused: a program has a secret, no password" if account else "refused: no account has this name")
        return _REFUSED
    given = await make_one_time(settings, store, settings.clock(), make_passwords(settings)).give(username)
    say(given.password)
    complain(f"the one-time password of {username}, valid until {given.expires_at:%Y-%m-%d %H:%M} UTC")
    if account.disabled:
        complain(f"{username} is disabled, and cannot sign in before an administrator enables it again")
    return Exit.FINE


def _with_database(settings: AssignmentSettings, work: Callable[[Database], Awaitable[int]]) -> int:
    """Run the work, and return its exit code, or that of a MongoDB that cannot be asked."""

    async def connected() -> int:
        client = connect(settings.mongodb_uri.get_secret_value(), settings.service())
        try:
            return await work(client[settings.mongodb_database])
        finally:
            client.close()

    try:
        return asyncio.run(connected())
    except Exception as error:
        if not is_away(error):
            raise
        complain("MongoDB does not answer")
        return Exit.UNAVAILABLE


def _configure_creation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--username", required=True)
    parser.add_argument("--display-name")


def _configure_reset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--username", required=True)


CREATE_ADMINISTRATOR: Final = OperatorCommand(
    "create-administrator",
    "create the first account; its password is read from the standard input",
    _configure_creation,
    lambda arguments: create_administrator(load(AssignmentSettings), arguments.username, arguments.display_name),
)
RESET_PASSWORD: Final = OperatorCommand(
    "reset-password",
    "give a person a one-time password, and print it",
    _configure_reset,
    lambda arguments: reset_password(load(AssignmentSettings), arguments.username),
)
