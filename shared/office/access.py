"""Who sees which tasks, and who may do what. Every path of every service uses these tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol

from shared.office.refusal import Code, Refusal
from shared.office.vocabulary import Role, Scope


@dataclass(frozen=True, slots=True)
class Principal:
    """The account that acts, with the role it holds at that moment."""

    username: str
    role: Role
    agency: str | None = None
    scopes: frozenset[str] = field(default_factory=frozenset)
    must_change_password: bool = False
    """The account has a one-time password: nothing is permitted but to change it."""

    @property
    def is_program(self) -> bool:
        return self.role is Role.SERVICE

    @property
    def acts_as(self) -> Role:
        """The role by which the caller acts: a program acts as the head of its agency."""
        return Role.HEAD if self.is_program else self.role


class Sight(StrEnum):
    """Which tasks a role sees."""

    EVERY = "every"
    AGENCY = "agency"
    HANDED = "handed"
    NONE = "none"


class Permission(StrEnum):
    """What a path requires of the caller before it looks at any task."""

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
_NEED_NO_SCOPE = frozenset({Permission.READ_AGENCIES})
_SCOPES_NEEDED: Mapping[Permission, frozenset[Scope]] = MappingProxyType(
    {
        Permission.READ_TASKS: frozenset({Scope.TASKS_READ}),
        Permission.READ_SUMMARY: frozenset({Scope.TASKS_READ}),
        Permission.READ_INBOX: frozenset({Scope.TASKS_READ}),
        Permission.ACT_ON_TASKS: frozenset({Scope.TASKS_ACT}),
    }
)
"""Of which scopes a program needs one; where nothing stands, any scope will do."""


def may(caller: Principal, permission: Permission) -> bool:
    """Whether the role has the permission and, for a program, a scope that goes with it.

    A program without any scope has its own account and the agencies, and nothing else.
    """
    if caller.role not in _PERMITTED[permission]:
        return False
    if not caller.is_program or permission in _NEED_NO_SCOPE:
        return True
    return bool(_SCOPES_NEEDED.get(permission, frozenset(Scope)) & caller.scopes)


def require_permission(caller: Principal, permission: Permission) -> None:
    """Refuse a caller without the permission.

    It is called where the work is done, not as a dependency of a route: dependencies run before FastAPI has
    validated the body, and a wrong body is answered first.

    Raises:
        Refusal: not-permitted.

    """
    if not may(caller, permission):
        raise Refusal(Code.NOT_PERMITTED)


class Seen(Protocol):
    """What sight depends on. The task of every service has these."""

    @property
    def lead_agency(self) -> str: ...
    @property
    def coordinating_agencies(self) -> Collection[str]: ...
    @property
    def monitor(self) -> str | None: ...
    @property
    def officer(self) -> str | None: ...


def may_see(caller: Principal, task: Seen) -> bool:
    """Whether the task is within the caller's sight. A task outside it is answered as if it did not exist.

    An officer sees the tasks that were handed to them, while they are an officer of the lead.
    """
    match SIGHT[caller.role]:
        case Sight.EVERY:
            return True
        case Sight.AGENCY:
            return caller.agency in {task.lead_agency, task.monitor, *task.coordinating_agencies} - {None}
        case Sight.HANDED:
            return task.officer == caller.username and task.lead_agency == caller.agency
        case Sight.NONE:
            return False


def sight_filter(caller: Principal) -> dict[str, Any]:
    """Return what `may_see` says as a filter of MongoDB, which is plain data.

    Every collection of tasks has `officer`, `lead_agency`, and `agencies`: the lead, the coordinating agencies and the
    monitor.
    """
    match SIGHT[caller.role]:
        case Sight.EVERY:
            return {}
        case Sight.AGENCY if caller.agency is not None:
            return {"agencies": caller.agency}
        case Sight.HANDED if caller.agency is not None:
            return {"officer": caller.username, "lead_agency": caller.agency}
        case _:
            return {"_id": {"$in": []}}
