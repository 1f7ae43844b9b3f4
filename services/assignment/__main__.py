"""`python -m services.assignment` serves; `… create-administrator --username U` creates the first account."""

from __future__ import annotations

import argparse
import sys

from services.assignment.administrator import create_administrator
from services.assignment.app import build
from services.assignment.settings import AssignmentSettings
from shared.app import serve
from shared.settings import load


def main() -> int:
    arguments = _parser().parse_args()
    settings = load(AssignmentSettings)
    if arguments.command == "create-administrator":
        return create_administrator(settings, arguments.username, arguments.display_name)
    serve(build(settings), settings)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.assignment", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    create = commands.add_parser(
        "create-administrator", help="create an account; its password is read from the standard input"
    )
    create.add_argument("--username", required=True)
    create.add_argument("--display-name")
    return parser


if __name__ == "__main__":
    sys.exit(main())
