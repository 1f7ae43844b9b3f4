"""`python -m services.deadline` serves; operators ask it for `dead-letters` and `check`."""

import sys

from services.deadline.app import build
from services.deadline.check import comparison
from services.deadline.settings import DeadlineSettings
from shared.commands.check import check_command
from shared.commands.command_line import run

if __name__ == "__main__":
    sys.exit(run(DeadlineSettings, build, [check_command(DeadlineSettings, comparison)]))
