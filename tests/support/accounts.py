"""Accounts as the rules of tasks look at them."""

from dataclasses import dataclass

from shared.office.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Someone:
    role: Role
    agency: str | None
