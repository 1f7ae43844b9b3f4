"""Plays the tasks of the scenario: on each of its mornings, everybody does what they did on that day."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import partial

from deploy.demo.api import Api, RefusedError
from deploy.demo.bodies import act_body, batch_body, task_body
from deploy.demo.days import Days
from deploy.demo.few_at_once import few_at_once
from deploy.demo.scenario import STEPS, PlannedAct, Task
from deploy.local.progress import say
from deploy.local.stack import Stack


async def play(stack: Stack, api: Api, days: Days, tasks: Sequence[Task], earlier: Collection[str]) -> None:
    """Move the clock from morning to morning. Before and after each morning's acts, wait until no event is on its way.

    `earlier` are the ids of the tasks that an interrupted attempt assigned. What it did is not done twice. If one of
    these tasks refuses an act, because time has changed it since, it stays as it is.
    """
    played = _Play(api, days, earlier)
    for number, morning in enumerate(STEPS, start=1):
        now = days.morning_of(morning)
        say(f"  day {number} of {len(STEPS)}: {now:%d/%m/%Y}")
        stack.set_clock(now)
        await stack.barrier()
        await played.morning(morning, tasks)
        await stack.barrier()


class _Play:
    def __init__(self, api: Api, days: Days, earlier: Collection[str]) -> None:
        self._api = api
        self._days = days
        self._earlier = earlier
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
            if self._ids.get(task) not in self._earlier:
                raise
            self._given_up.add(task)

    async def _assign(self, task: Task) -> None:
        replaced = self._ids[task.replaces] if task.replaces else None
        body = task_body(task, self._days, replaced)
        assigned = await self._api.post("/v1/tasks", body, by=task.enterer, key=self._key(task))
        self._ids[task] = assigned["id"]

    async def _assign_together(self, tasks: Sequence[Task]) -> None:
        first = tasks[0]
        body = batch_body(tasks, self._days)
        batch = await self._api.post("/v1/task-batches", body, by=first.enterer, key=self._key(first))
        for task, assigned in zip(tasks, batch["items"], strict=True):
            self._ids[task] = assigned["id"]

    async def _do(self, task: Task, act: PlannedAct, lead: str, key: str) -> None:
        path = f"/v1/tasks/{self._ids[task]}/{act.name}"
        await self._api.post(path, act_body(act, lead, self._days), by=task.performer(act, lead), key=key)

    def _key(self, task: Task) -> str:
        """Return the idempotency key of a task. It contains the day, because on another day all dates are different."""
        return f"demo.{self._days.today}.{task.key}"


def _by_batch(tasks: Sequence[Task]) -> list[list[Task]]:
    batches: dict[object, list[Task]] = defaultdict(list)
    for task in tasks:
        batches[task.paper, task.assigner].append(task)
    return list(batches.values())
