"""Plays the tasks of the scenario: on each of its mornings everybody does what they did on that day."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

from deploy.demo.api import Api, RefusedError
from deploy.demo.days import Day, Days
from deploy.demo.few_at_once import few_at_once
from deploy.demo.people import STAFF
from deploy.demo.scenario import STEPS, Act, OfficerOfLead, Task
from deploy.local.stack import Stack
from shared.events.envelope import rfc3339
from shared.office.vocabulary import Role


async def play(stack: Stack, api: Api, days: Days, tasks: Sequence[Task], *, again: bool) -> None:
    """Let the clock walk from morning to morning; before it goes on, everybody has been told of everything.

    `again`: an earlier try was interrupted. What it did is not done twice, and a task on which time has meanwhile
    brought what nobody planned stays as it is.
    """
    played = _Play(api, days, forgiving=again)
    for morning in STEPS:
        stack.set_clock(days.morning_of(morning))
        await stack.barrier()
        await played.morning(morning, tasks)
        await stack.barrier()


class _Play:
    def __init__(self, api: Api, days: Days, *, forgiving: bool) -> None:
        self._api = api
        self._days = days
        self._forgiving = forgiving
        self._ids: dict[Task, str] = {}
        self._given_up: set[Task] = set()

    async def morning(self, day: int, tasks: Sequence[Task]) -> None:
        given = [task for task in tasks if task.assigned == day and task.together]
        await few_at_once(self._assign_together, _by_batch(given))
        at_work = [task for task in tasks if day in task.mornings and task not in self._given_up]
        await few_at_once(partial(self._live, day), at_work)

    async def _live(self, day: int, task: Task) -> None:
        try:
            if task.assigned == day and not task.together:
                await self._assign(task)
            for number, (act, lead) in enumerate(task.led()):
                if act.on == day:
                    await self._do(task, act, lead, f"{self._key(task)}.{number}")
        except RefusedError:
            if not self._forgiving:
                raise
            self._given_up.add(task)

    async def _assign(self, task: Task) -> None:
        replaced = {"replaces": self._ids[task.replaces]} if task.replaces else {}
        body = {**self._item(task), **_given_by(task), **replaced, "lead_agency": task.lead}
        assigned = await self._api.post("/v1/tasks", self._written(body), by=task.enterer, key=self._key(task))
        self._ids[task] = assigned["id"]

    async def _assign_together(self, tasks: Sequence[Task]) -> None:
        first = tasks[0]
        items = [{**self._item(task), "lead_agencies": [task.lead]} for task in tasks]
        body = self._written({**_given_by(first), "items": items})
        batch = await self._api.post("/v1/task-batches", body, by=first.enterer, key=self._key(first))
        for task, assigned in zip(tasks, batch["items"], strict=True):
            self._ids[task] = assigned["id"]

    async def _do(self, task: Task, act: Act, lead: str, key: str) -> None:
        path = f"/v1/tasks/{self._ids[task]}/{act.name}"
        await self._api.post(path, self._written(act.body, lead), by=task.performer(act, lead), key=key)

    def _key(self, task: Task) -> str:
        """Tell a request from all others; tried again on another day, everything has other dates and is another."""
        return f"demo.{self._days.today}.{task.key}"

    def _item(self, task: Task) -> dict[str, Any]:
        if task.due is None:
            return task.item
        if task.to_the_moment:
            return task.item | {"due_at": rfc3339(self._days.end_of(task.due))}
        return task.item | {"deadline": Day(task.due)}

    def _written(self, value: Any, lead: str = "") -> Any:
        """Put dates and usernames in place of what stands for them."""
        match value:
            case Day():
                return self._days.date_of(value.offset).isoformat()
            case OfficerOfLead():
                return STAFF[lead].username(Role.OFFICER, value.number)
            case dict():
                return {name: self._written(member, lead) for name, member in value.items()}
            case list():
                return [self._written(member, lead) for member in value]
            case _:
                return value


def _given_by(task: Task) -> dict[str, Any]:
    return {"document": task.paper.body, "authority": task.authority, "assigner": task.assigner}


def _by_batch(tasks: Sequence[Task]) -> list[list[Task]]:
    batches: dict[object, list[Task]] = defaultdict(list)
    for task in tasks:
        batches[task.paper, task.assigner].append(task)
    return list(batches.values())
