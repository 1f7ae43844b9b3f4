"""The tasks of the demo, grouped by their state today."""

from typing import Final

from deploy.demo.tasks.closed import CLOSED
from deploy.demo.tasks.extended import EXTENDED
from deploy.demo.tasks.in_trouble import IN_TROUBLE
from deploy.demo.tasks.under_way import UNDER_WAY

TASKS: Final = (*CLOSED, *EXTENDED, *UNDER_WAY, *IN_TROUBLE)
