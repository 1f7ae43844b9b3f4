"""Who sees which tasks and who may do what: the one table that every path of every service asks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from shared.office.refusal import Code, Refusal
from shared.office.vocabulary import Role, Scope


@dataclass(frozen=True, slots=True)
class Principal:
    """The account that acts, with the role it holds at that moment."""

    username: str
    role: Role
    agency: str | None = None
    scopes: frozenset[str] = field(default_factory=frozenset)

    @property
    def acts_as(self) -> Role:
        """A program of an agency stands for the head of that agency."""
        return Role.HEAD if self.role is Role.SERVICE else self.role


class Sight(StrEnum):
    """Which tasks a role sees."""

    EVERY = "every"
    AGENCY = "agency"
    HANDED = "handed"
    NONE = "none"


class Permission(StrEnum):
    """What a path asks for before it looks at any one task."""

    READ_TASKS = "read_tasks"
    ACT_ON_TASKS = "act_on_tasks"
    ASSIGN = "assign"
    READ_SUMMARY = "read_summary"
    READ_INBOX = "read_inbox"
    READ_CALENDAR = "read_calendar"
    READ_AGENCIES = "read_agencies"
    READ_ACCOUNTS = "read_accounts"
    MANAGE_DIRECTORY = "manage_directory"


SIGHT: Mapping[Role, Sight] = MappingProxyType(
    {
        Role.LEADER: Sight.EVERY,
        Role.COORDINATOR: Sight.EVERY,
        Role.AUDITOR: Sight.EVERY,
        Role.HEAD: Sight.AGENCY,
        Role.CLERK: Sight.AGENCY,
        Role.SERVICE: Sight.AGENCY,
        Role.OFFICER: Sight.HANDED,
        Role.ADMINISTRATOR: Sight.NONE,
    }
)

_EVERYBODY = frozenset(Role)
_PERMITTED: Mapping[Permission, frozenset[Role]] = MappingProxyType(
    {
        Permission.READ_TASKS: _EVERYBODY,
        Permission.ACT_ON_TASKS: _EVERYBODY - {Role.ADMINISTRATOR, Role.AUDITOR},
        Permission.ASSIGN: frozenset({Role.LEADER, Role.COORDINATOR}),
        Permission.READ_SUMMARY: _EVERYBODY - {Role.OFFICER, Role.ADMINISTRATOR},
        Permission.READ_INBOX: _EVERYBODY,
        Permission.READ_CALENDAR: _EVERYBODY,
        Permission.READ_AGENCIES: _EVERYBODY,
        Permission.READ_ACCOUNTS: _EVERYBODY - {Role.OFFICER},
        Permission.MANAGE_DIRECTORY: frozenset({Role.ADMINISTRATOR}),
    }
)
_SCOPE_NEEDED: Mapping[Permission, Scope] = MappingProxyType(
    {
        Permission.READ_TASKS: Scope.TASKS_READ,
        Permission.READ_SUMMARY: Scope.TASKS_READ,
        Permission.READ_INBOX: Scope.TASKS_READ,
        Permission.ACT_ON_TASKS: Scope.TASKS_ACT,
    }
)


def may(principal: Principal, permission: Permission) -> bool:
    """Whether the role has the permission and, for a program, the scope that goes with it."""
    if principal.role not in _PERMITTED[permission]:
        return False
    needed = _SCOPE_NEEDED.get(permission)
    return principal.role is not Role.SERVICE or needed is None or needed in principal.scopes


def require_permission(caller: Principal, permission: Permission) -> None:
    """Refuse a caller without the permission.

    Called where the work is done and not declared as a dependency of a route: dependencies run before FastAPI has
    judged the body, and a body that is wrong by itself is answered first.

    Raises:
        Refusal: not-permitted.

    """
    if not may(caller, permission):
        raise Refusal(Code.NOT_PERMITTED)


class Seen(Protocol):
    """What sight depends on; every service's task has these."""

    @property
    def lead_agency(self) -> str: ...
    @property
    def coordinating_agencies(self) -> Collection[str]: ...
    @property
    def monitor(self) -> str | None: ...
    @property
    def officer(self) -> str | None: ...


def may_see(principal: Principal, task: Seen) -> bool:
    """Whether the task is within the caller's sight; what is not is answered as if it were not there."""
    match SIGHT[principal.role]:
        case Sight.EVERY:
            return True
        case Sight.AGENCY:
            return principal.agency in {task.lead_agency, task.monitor, *task.coordinating_agencies} - {None}
        case Sight.HANDED:
            return task.officer == principal.username
        case Sight.NONE:
            return False
