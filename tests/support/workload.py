"""Client programs that assign tasks and do acts on them, chosen by chance among those that the rules allow.

`Workload` sends every request with an Idempotency-Key. It sends the request again with the same key if no answer came
or the answer was 503, as a client program should. `Workload.acknowledged` has what was answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any, Final

import httpx2

from tests.support.clock import HANOI
from tests.support.messaging import wait_until
from tests.support.published_events import PublishedEvents
from tests.support.running_stack import PEOPLE, RunningStack, expect
from tests.support.servers import unique

_AGAIN_AFTER_SECONDS: Final = 0.1
_TRIES_FOR_SECONDS: Final = 120
_LEADS: Final = ("stc", "sxd", "snn")
_OFFICERS: Final = {"stc": "officer-stc", "sxd": "officer-sxd", "snn": "officer-snn"}
_RARE: Final[Mapping[str, int]] = {"recall": 1, "correction": 1, "refusal": 2, "reassignment": 2, "urging": 2}
"""The weights of acts that are to be rare. The others have a weight of 6."""

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request of an account. A retry of it is the same request."""

    by: str
    key: str


@dataclass(slots=True)
class Acknowledged:
    """What the answers to successful requests said. Whatever happens afterwards, it must stay so."""

    tasks: dict[Request, tuple[str, int]] = field(default_factory=dict)
    """By request, the task and the highest version that an answer showed."""
    batches: dict[Request, tuple[str, ...]] = field(default_factory=dict)
    """By request, the tasks that the answer named."""
    contradictions: list[str] = field(default_factory=list)
    """Requests that were answered differently when they were sent again."""

    def add(self, by: str, key: str, answer: Mapping[str, Any]) -> None:
        """Add the answer to a new task, an act or a batch. The answer to a retry must name the same tasks."""
        request = Request(by, key)
        if "items" in answer:
            tasks = tuple(item["id"] for item in answer["items"])
            self._compare(request, self.batches.setdefault(request, tasks), tasks)
            return
        task, version = answer["id"], answer["version"]
        before, newest = self.tasks.get(request, (task, version))
        self._compare(request, before, task)
        self.tasks[request] = (task, max(newest, version))

    def _compare(self, request: Request, before: object, now: object) -> None:
        if before != now:
            self.contradictions.append(f"{request} was answered with {before}, and then with {now}")


@dataclass
class Workload:
    """The requests of many accounts to one stack."""

    stack: RunningStack
    published: PublishedEvents
    random: Random
    urls: Sequence[str] = ()
    """The replicas of assignment to which requests go. Chance chooses among them; none: the one of the stack."""
    acknowledged: Acknowledged = field(default_factory=Acknowledged)
    not_answered: int = 0
    unavailable: int = 0
    refused: int = 0
    _name: str = field(default_factory=partial(unique, "workload"))
    _numbers: Iterator[int] = field(default_factory=count)

    def new_key(self) -> str:
        """Return a new Idempotency-Key."""
        return f"{self._name}-{next(self._numbers)}"

    async def sign_in(self) -> None:
        """Sign everybody in, so that nobody has to while assignment is down."""
        for username in PEOPLE:
            await self.stack.as_(username).get("/v1/me")

    async def send(self, by: str, path: str, body: Body, key: str | None = None, **headers: str) -> httpx2.Response:
        """Send a request until it is answered with anything but 503."""
        key = key or self.new_key()
        async with asyncio.timeout(_TRIES_FOR_SECONDS):
            while True:
                answer = await self._try(by, path, body, Idempotency_Key=key, **headers)
                if answer is not None:
                    break
                await asyncio.sleep(_AGAIN_AFTER_SECONDS)
        if answer.is_success:
            self.acknowledged.add(by, key, answer.json())
        else:
            self.refused += 1
        return answer

    async def _try(self, by: str, path: str, body: Body, **headers: str) -> httpx2.Response | None:
        at = self.random.choice(self.urls) if self.urls else "assignment"
        try:
            answer = await self.stack.as_(by).post(path, body, at=at, **headers)
        except httpx2.TransportError:
            self.not_answered += 1
            return None
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        if answer.status_code == 503:
            self.unavailable += 1
            return None
        return answer

    async def post(self, by: str, path: str, body: Body, key: str | None = None) -> Body:
        """Send a request that must succeed, and return the answer."""
        answer = await self.send(by, path, body, key)
        assert answer.is_success, f"{path} by {by}: {answer.status_code} {answer.text}"
        return dict(answer.json())

    async def assign(self, number: int, *, together: int = 8, **changes: Any) -> list[str]:
        """Assign tasks, `together` of them at the same time, and return their ids. `changes` are fields of the body."""
        asked = [self._a_task(self._chance(), changes) for _ in range(number)]
        made: list[str] = []

        async def program() -> None:
            while asked:
                by, body = asked.pop()
                made.append((await self.post(by, "/v1/tasks", body))["id"])

        await asyncio.gather(*(program() for _ in range(together)))
        return made

    async def run(self, number: int, *, together: int = 8, steps: int = 8) -> None:
        """Assign tasks and do up to `steps` acts on each, `together` tasks at the same time."""
        rest = [self._chance() for _ in range(number)]

        async def program() -> None:
            while rest:
                await self._run_task(rest.pop(), steps)

        await asyncio.gather(*(program() for _ in range(together)))

    @asynccontextmanager
    async def running(self, *, together: int = 4, steps: int = 8) -> AsyncIterator[None]:
        """Assign tasks and do acts on them for as long as the block lasts. The tasks that were begun are finished."""
        over = asyncio.Event()

        async def program() -> None:
            while not over.is_set():
                await self._run_task(self._chance(), steps)

        async with asyncio.TaskGroup() as programs:
            for _ in range(together):
                programs.create_task(program())
            try:
                yield
            finally:
                over.set()

    async def _run_task(self, chance: Random, steps: int) -> None:
        by, body = self._a_task(chance, {})
        task = await self.post(by, "/v1/tasks", body)
        for _ in range(steps):
            if (chosen := self._next(chance, task)) is None:
                return
            who, act = chosen
            answer = await self.send(who, f"/v1/tasks/{task['id']}/{act}", self._body(chance, task, act))
            assert answer.is_success or answer.status_code == 409, f"{act} by {who}: {answer.text}"
            if answer.is_success:
                task = answer.json()

    async def wait_for_acknowledged(self, number: int, within: float = 60) -> None:
        """Wait until so many more acts have been acknowledged."""
        acknowledged = self.acknowledged.tasks
        wanted = len(acknowledged) + number
        await wait_until(lambda: len(acknowledged) >= wanted, f"{number} more acts are acknowledged", within)

    async def read(self, task: str) -> Body:
        return expect(200, await self.stack.as_("auditor").get(f"/v1/tasks/{task}"))

    async def history(self, task: str) -> list[Body]:
        answer = await self.stack.as_("auditor").get(f"/v1/tasks/{task}/history", limit=200)
        return list(expect(200, answer)["items"])

    def _chance(self) -> Random:
        """Return the chance of one task. The other tasks take nothing from it."""
        return Random(self.random.random())  # noqa: S311 - nothing is secret here

    def _a_task(self, chance: Random, changes: Body) -> tuple[str, Body]:
        lead, coordinating, monitor = (*chance.sample(_LEADS, 2), "vp")
        by = chance.choice(["chair", "vice-chair", "coordinator"])
        body = {
            "title": f"Báo cáo kết quả giải ngân đợt {chance.randrange(100)}",
            "lead_agency": lead,
            "coordinating_agencies": [coordinating],
            "monitor": monitor,
            "deadline": _day(self.stack.now(), chance.randint(5, 20)),
            **({"assigner": "chair"} if by == "coordinator" else {}),
            **changes,
        }
        return by, {name: value for name, value in body.items() if value is not None}

    def _next(self, chance: Random, task: Body) -> tuple[str, str] | None:
        """Choose who does which act next. Return nothing if no act is left."""
        likely = [(who, act) for act, who in _doers(task).items() if act in _LIKELY[task["stage"]] & _open(task)]
        weights = [_RARE.get(act, 6) for _, act in likely]
        return chance.choices(likely, weights)[0] if likely else None

    def _body(self, chance: Random, task: Body, act: str) -> Body:
        return _BODIES[act](chance, task, self.stack.now())


def _day(moment: datetime, later: int) -> str:
    return (moment.astimezone(HANOI).date() + timedelta(days=later)).isoformat()


def _doers(task: Body) -> dict[str, str]:
    lead, decider = task["lead_agency"], task["assigner"]
    head = f"head-{lead}"
    coordinating = task["coordinating_agencies"]
    return {
        "receipt": f"clerk-{lead}",
        "refusal": head,
        "reassignment": "coordinator",
        "correction": decider,
        "delegation": head,
        "progress": task["officer"] or head,
        **({"contribution": f"head-{coordinating[0]}"} if coordinating else {}),
        "extension": head,
        "extension/decision": decider,
        "report": head,
        "report/decision": "other-coordinator",
        "explanation": head,
        "explanation/decision": decider,
        "recall": decider,
        "urging": "head-vp" if task["monitor"] == "vp" else decider,
    }


def _open(task: Body) -> set[str]:
    """Return the acts that are allowed but for the stage."""
    extension, explanation = task["extension"]["state"], task["explanation"]["state"]
    asked = {"extension/decision"} if extension == "pending" else {"report/decision"}
    owed = {"explanation"} if explanation in {"required", "refused"} else set()
    ruled = {"explanation/decision"} if explanation == "submitted" else set()
    return _ALWAYS | asked | owed | ruled | ({"extension"} if extension == "none" else set())


_ALWAYS: Final = {
    *("receipt", "refusal", "reassignment", "correction", "delegation"),
    *("progress", "contribution", "report", "recall", "urging"),
}
_EXPLAINING: Final = {"explanation", "explanation/decision"}
_WORKING: Final = {
    *("delegation", "progress", "contribution", "extension", "extension/decision", "report", "urging"),
    *("reassignment", "recall", "correction"),
    *_EXPLAINING,
}
_LIKELY: Final[Mapping[str, set[str]]] = {
    "assigned": {"receipt", "refusal", "urging", "correction"},
    "received": _WORKING,
    "in_progress": _WORKING,
    "reported": {"report/decision", "extension/decision", *_EXPLAINING},
    "refused": {"reassignment", "recall"},
    "completed": _EXPLAINING,
    "recalled": set(),
}


def _other_lead(chance: Random, task: Body) -> str:
    return chance.choice([code for code in _LEADS if code != task["lead_agency"]])


_BODIES: Final[Mapping[str, Callable[[Random, Body, datetime], Body]]] = {
    "receipt": lambda *_: {},
    "refusal": lambda *_: {"reason": "Không thuộc thẩm quyền"},
    "reassignment": lambda chance, task, _: {"lead_agency": _other_lead(chance, task), "reason": "Đúng chức năng hơn"},
    "correction": lambda chance, *_: {"reason": "Ghi nhầm", "description": f"Lần ghi {chance.getrandbits(32)}"},
    "delegation": lambda _, task, __: {"officer": _OFFICERS[task["lead_agency"]], "instruction": "Tham mưu báo cáo"},
    "progress": lambda chance, *_: {"percent": chance.choice([10, 40, 70, 100])},
    "contribution": lambda *_: {"note": "Đã gửi số liệu"},
    "extension": lambda chance, _, now: {"new_deadline": _day(now, chance.randint(30, 60)), "reason": "Chờ số liệu"},
    "extension/decision": lambda chance, *_: chance.choice(
        [{"approved": True}, {"approved": False, "reason": "Không"}]
    ),
    "report": lambda *_: {"summary": "Đã hoàn thành"},
    "report/decision": lambda chance, *_: chance.choice([{"accepted": True}, {"accepted": False, "reason": "Thiếu"}]),
    "explanation": lambda *_: {"cause": "workload", "narrative": "Nhiều việc", "remedy": "Bố trí thêm người"},
    "explanation/decision": lambda chance, *_: chance.choice(
        [{"accepted": True}, {"accepted": False, "reason": "Chưa rõ"}]
    ),
    "recall": lambda *_: {"reason": "Không còn cần"},
    "urging": lambda *_: {"message": "Đề nghị khẩn trương"},
}
