"""`create-administrator`: creates the first account, since there is no administrator yet to create it."""

from __future__ import annotations

import argparse
import asyncio
from typing import Final

from pydantic import BaseModel, ValidationError

from services.assignment.app import INDEXES, OUTBOXES, make_passwords
from services.assignment.directory.api.bodies import NewPassword, NewUsername
from services.assignment.directory.handlers import DirectoryHandlers
from services.assignment.directory.rules.account import Account
from services.assignment.directory.store import DirectoryStore
from services.assignment.settings import AssignmentSettings
from shared.commands.command import Exit, OperatorCommand, complain, say
from shared.commands.password import read_password
from shared.messaging.outbox import Outbox
from shared.mongo import Database, connect, ensure_indexes, is_away
from shared.office.refusal import Code, Refusal
from shared.office.vocabulary import Role
from shared.settings import load
from shared.web.fields import Name

_REFUSED: Final = 2


class _NewAdministrator(BaseModel):
    username: NewUsername
    display_name: Name
    password: NewPassword


def create_administrator(settings: AssignmentSettings, username: str, display_name: str | None) -> int:
    """Create the account with a password from the standard input, and return the exit code."""
    try:
        wanted = _NewAdministrator.model_validate(
            {"username": username, "display_name": display_name or username, "password": read_password()}
        )
    except ValidationError as error:
        fields = ", ".join(str(fault["loc"][0]) for fault in error.errors(include_input=False))
        complain(f"refused: {fields} not in order (usernames: a-z, 0-9, . _ -; passwords: 8 to 128 characters)")
        return _REFUSED
    try:
        created = asyncio.run(_create(settings, wanted))
    except Exception as error:
        if not is_away(error):
            raise
        complain("MongoDB does not answer")
        return _REFUSED
    say(f"administrator {wanted.username} created" if created else f"{wanted.username} exists already")
    return Exit.FINE


async def _create(settings: AssignmentSettings, wanted: _NewAdministrator) -> bool:
    client = connect(settings.mongodb_uri.get_secret_value(), settings.service())
    try:
        return await _write(client[settings.mongodb_database], settings, wanted)
    finally:
        client.close()


async def _write(database: Database, settings: AssignmentSettings, wanted: _NewAdministrator) -> bool:
    """Write the account with its event; the relay of the running service publishes the event."""
    await ensure_indexes(database, INDEXES)
    for name in OUTBOXES:
        await Outbox(database[name]).ensure_index()
    directory = DirectoryHandlers(DirectoryStore(database), settings.clock(), make_passwords(settings), lambda *_: None)
    account = Account(wanted.username, wanted.display_name, Role.ADMINISTRATOR)
    try:
        await directory.add_account(account, wanted.password.get_secret_value())
    except Refusal as refusal:
        if refusal.code is not Code.ALREADY_EXISTS:
            raise
        return False
    return True


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--username", required=True)
    parser.add_argument("--display-name")


CREATE_ADMINISTRATOR: Final = OperatorCommand(
    "create-administrator",
    "create the first account; its password is read from the standard input",
    _configure,
    lambda arguments: create_administrator(load(AssignmentSettings), arguments.username, arguments.display_name),
)
