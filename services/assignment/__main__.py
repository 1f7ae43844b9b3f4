"""`python -m services.assignment` serves, unless an operator names a command."""

import sys

from services.assignment.administrator import CREATE_ADMINISTRATOR, RESET_PASSWORD
from services.assignment.app import build
from services.assignment.check import CHECK
from services.assignment.resend import RESEND
from services.assignment.settings import AssignmentSettings
from shared.commands.command_line import run

if __name__ == "__main__":
    sys.exit(run(AssignmentSettings, build, [CREATE_ADMINISTRATOR, RESET_PASSWORD, CHECK, RESEND]))
