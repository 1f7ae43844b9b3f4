"""The names of the services, for everything that deploys them.

A name is also the name of a service's package, database and user, and in capitals the prefix of its settings.
"""

from typing import Final

SERVICES: Final = ("assignment", "deadline", "notification", "reporting")
