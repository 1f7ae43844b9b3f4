"""What programs were told had been done: whatever happens afterwards, it must stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """A request of an account, the same however often it is sent."""

    by: str
    key: str


@dataclass(slots=True)
class Acknowledged:
    """The acknowledged requests with their tasks and batches; and, told by `contradictions`, answers that differ."""

    tasks: dict[Request, tuple[str, int]] = field(default_factory=dict)
    """The task, and the version that an answer showed."""
    batches: dict[Request, tuple[str, ...]] = field(default_factory=dict)
    """The tasks that the answer named."""
    contradictions: list[str] = field(default_factory=list)

    def add(self, by: str, key: str, answer: Mapping[str, Any]) -> None:
        """Take in the answer to a task, an act or a batch; a retry of it has to answer with the same."""
        request = Request(by, key)
        if "items" in answer:
            tasks = tuple(item["id"] for item in answer["items"])
            self._hold(request, self.batches.setdefault(request, tasks), tasks)
            return
        task, version = answer["id"], answer["version"]
        before, newest = self.tasks.get(request, (task, version))
        self._hold(request, before, task)
        self.tasks[request] = (task, max(newest, version))

    def _hold(self, request: Request, before: object, now: object) -> None:
        if before != now:
            self.contradictions.append(f"{request} was answered with {before}, and then with {now}")
