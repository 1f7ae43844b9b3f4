"""`python -m services.deadline` serves; operators ask it for `dead-letters` and `check`."""

import sys

from services.deadline.app import build
from services.deadline.settings import DeadlineSettings
from shared.commands.line import run

if __name__ == "__main__":
    sys.exit(run(DeadlineSettings, build, []))
