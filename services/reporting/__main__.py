"""`python -m services.reporting` serves; operators ask it for `dead-letters` and `check`."""

import sys

from services.reporting.app import build
from services.reporting.check import comparison
from services.reporting.settings import ReportingSettings
from shared.commands.check import check_command
from shared.commands.command_line import run

if __name__ == "__main__":
    sys.exit(run(ReportingSettings, build, [check_command(ReportingSettings, comparison)]))
