"""The command line of a service; without a command the service serves."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from fastapi import FastAPI

from shared.app import serve
from shared.commands.command import Exit, OperatorCommand, UnavailableError, complain
from shared.commands.dead_letters import dead_letters_command
from shared.settings import Settings, load

_BROKEN_PIPE: Final = 141
_INTERRUPTED: Final = 130


def run(
    kind: type[Settings],
    build: Callable[[Settings], FastAPI],
    commands: Sequence[OperatorCommand],
    line: Sequence[str] | None = None,
) -> int:
    """Run the command of the command line (`sys.argv` unless given), or serve without one; return the exit code.

    Every service also has the command `dead-letters`.
    """
    known = {command.name: command for command in (dead_letters_command(kind), *commands)}
    arguments = _parser(kind.service(), known.values()).parse_args(line)
    if arguments.command is not None:
        return _run(known[arguments.command], arguments)
    settings = load(kind)
    serve(build(settings), settings)
    return Exit.FINE


def _parser(service: str, commands: Iterable[OperatorCommand]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m services.{service}", description="Serve, unless told otherwise.")
    asked = parser.add_subparsers(dest="command", metavar="COMMAND")
    for command in commands:
        command.configure(asked.add_parser(command.name, help=command.summary, description=command.summary))
    return parser


def _run(command: OperatorCommand, arguments: argparse.Namespace) -> int:
    logging.getLogger().addHandler(logging.NullHandler())  # the command itself reports what is wrong, in one line
    try:
        code = command.run(arguments)
        sys.stdout.flush()
    except UnavailableError as error:
        complain(str(error))
        return Exit.UNAVAILABLE
    except BrokenPipeError:
        # The reader of a pipe, such as `head`, has closed it. The interpreter must not write the rest when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception:  # noqa: BLE001 - without a code of its own, an exception would exit with 1, as differences do
        traceback.print_exc()
        return Exit.BROKEN
    return code
