"""The applications of the four services as they are built, not connected to anything, and a table of all they answer.

What is refused before a handler asks a server can be tried on every path of every service at unit price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI

from services.assignment.app import build as build_assignment
from services.assignment.settings import AssignmentSettings
from services.deadline.app import build as build_deadline
from services.deadline.settings import DeadlineSettings
from services.notification.app import build as build_notification
from services.notification.settings import NotificationSettings
from services.reporting.app import build as build_reporting
from services.reporting.settings import ReportingSettings
from shared.settings import Mode
from shared.web.auth import Verifier, by_token
from tests.support.tokens import TestKeys

KEYS: Final = TestKeys()
PAGES: Final = ("/metrics", "/asyncapi", "/openapi.json", "/docs")
"""What is not in the schema, and is answered by `GET`."""
_PLACE: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "mode": Mode.LOCAL,
        "mongodb_uri": "mongodb://nowhere.invalid",
        "amqp_url": "amqp://nowhere.invalid",
        "public_keys": KEYS.public_keys,
    }
)


@cache
def _apps() -> Mapping[str, FastAPI]:
    made: Mapping[str, Callable[[], FastAPI]] = {
        "assignment": lambda: build_assignment(AssignmentSettings(**_PLACE, signing_key=KEYS.signing_key)),
        "deadline": lambda: build_deadline(DeadlineSettings(**_PLACE)),
        "notification": lambda: build_notification(NotificationSettings(**_PLACE)),
        "reporting": lambda: build_reporting(ReportingSettings(**_PLACE)),
    }
    apps = {name: build() for name, build in made.items()}
    # Assignment looks the account up in the database, which is not there.
    apps["assignment"].state.authenticate = by_token(Verifier(KEYS.public_keys))
    return apps


@dataclass(frozen=True)
class Path:
    """A path of a service with values in it, and what the schema says of each of its methods."""

    service: str
    template: str
    operations: Mapping[str, Any]

    @property
    def app(self) -> FastAPI:
        return _apps()[self.service]

    @property
    def path(self) -> str:
        return "/".join("x" if part.startswith("{") else part for part in self.template.split("/"))

    @property
    def methods(self) -> set[str]:
        return set(self.operations)

    def __str__(self) -> str:
        return f"{self.service}{self.template}"


def every_path() -> Iterator[Path]:
    """Yield every path of every service, those for machines and browsers too."""
    for service, app in _apps().items():
        for template, operations in app.openapi()["paths"].items():
            yield Path(service, template, {method.upper(): each for method, each in operations.items()})
        yield from (Path(service, page, {"GET": {}}) for page in PAGES)


def every_operation() -> Iterator[tuple[Path, str]]:
    """Yield every path with each of its methods."""
    return ((path, method) for path in every_path() for method in sorted(path.methods))
