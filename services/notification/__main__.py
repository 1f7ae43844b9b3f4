"""`python -m services.notification` serves; operators ask it for `dead-letters` and `check`."""

import sys

from services.notification.app import build
from services.notification.check import comparison
from services.notification.settings import NotificationSettings
from shared.commands.check import check_command
from shared.commands.command_line import run

if __name__ == "__main__":
    sys.exit(run(NotificationSettings, build, [check_command(NotificationSettings, comparison)]))
