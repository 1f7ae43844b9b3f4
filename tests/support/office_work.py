"""A day at the offices: programs that assign tasks and carry them through, in their own ways, as the rules allow.

`OfficeWork` sends every request with an Idempotency-Key, and again with the same key whenever it was not answered or
answered with 503, as a client program should; what was answered is in `acknowledged`.
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

from tests.support.acknowledged import Acknowledged
from tests.support.province import HANOI, PEOPLE, Province
from tests.support.servers import unique

_AGAIN_AFTER_SECONDS: Final = 0.1
_TRIES_FOR_SECONDS: Final = 120
_LEADS: Final = ("stc", "sxd", "snn")
_OFFICERS: Final = {"stc": "officer-stc", "sxd": "officer-sxd", "snn": "officer-snn"}
_BY_CHANCE: Final[Mapping[str, int]] = {"recall": 1, "correction": 1, "refusal": 2, "reassignment": 2, "urging": 2}
"""Acts that are rarer than the others, which have a weight of 6."""

Body = dict[str, Any]


@dataclass
class OfficeWork:
    """Traffic of a province; `urls` are the assignments to be asked, in turn by chance."""

    province: Province
    random: Random
    urls: Sequence[str] = ()
    acknowledged: Acknowledged = field(default_factory=Acknowledged)
    not_answered: int = 0
    unavailable: int = 0
    refused: int = 0
    _name: str = field(default_factory=partial(unique, "office"))
    _numbers: Iterator[int] = field(default_factory=count)

    def key(self) -> str:
        """Return a new Idempotency-Key."""
        return f"{self._name}-{next(self._numbers)}"

    async def sign_in(self) -> None:
        """Sign everybody in who works, so that later nobody has to while assignment is away."""
        for username in PEOPLE:
            await self.province.as_(username).get("/v1/me")

    async def send(self, by: str, path: str, body: Body, key: str | None = None, **headers: str) -> httpx2.Response:
        """Send a request until it is answered with anything but 503."""
        key = key or self.key()
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
            answer = await self.province.as_(by).post(path, body, at=at, **headers)
        except httpx2.TransportError:
            self.not_answered += 1
            return None
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        if answer.status_code == 503:
            self.unavailable += 1
            return None
        return answer

    async def done(self, by: str, path: str, body: Body, key: str | None = None) -> dict[str, Any]:
        """Send what must not be refused, and return the answer."""
        answer = await self.send(by, path, body, key)
        assert answer.is_success, f"{path} by {by}: {answer.status_code} {answer.text}"
        return dict(answer.json())

    async def assign(self, number: int, *, together: int = 8, **changes: Any) -> list[str]:
        """Assign tasks, so many of them at the same time; return their ids. `changes` are fields of the body."""
        asked = [self._a_task(self._chance(), changes) for _ in range(number)]
        made: list[str] = []

        async def program() -> None:
            while asked:
                by, body = asked.pop()
                made.append((await self.done(by, "/v1/tasks", body))["id"])

        await asyncio.gather(*(program() for _ in range(together)))
        return made

    async def live(self, number: int, *, together: int = 8, steps: int = 8) -> None:
        """Assign tasks and carry each some steps further, so many at the same time."""
        rest = [self._chance() for _ in range(number)]

        async def program() -> None:
            while rest:
                await self._life(rest.pop(), steps)

        await asyncio.gather(*(program() for _ in range(together)))

    @asynccontextmanager
    async def at_work(self, *, together: int = 4, steps: int = 8) -> AsyncIterator[None]:
        """Let the offices work for as long as the block lasts; what they have begun they finish."""
        over = asyncio.Event()

        async def program() -> None:
            while not over.is_set():
                await self._life(self._chance(), steps)

        async with asyncio.TaskGroup() as programs:
            for _ in range(together):
                programs.create_task(program())
            try:
                yield
            finally:
                over.set()

    async def _life(self, chance: Random, steps: int) -> None:
        by, body = self._a_task(chance, {})
        task = await self.done(by, "/v1/tasks", body)
        for _ in range(steps):
            if (chosen := self._next(chance, task)) is None:
                return
            who, act = chosen
            answer = await self.send(who, f"/v1/tasks/{task['id']}/{act}", self._body(chance, task, act))
            assert answer.is_success or answer.status_code == 409, f"{act} by {who}: {answer.text}"
            if answer.is_success:
                task = answer.json()

    def _chance(self) -> Random:
        """Return the chance of one life, which no other life disturbs."""
        return Random(self.random.random())  # noqa: S311 - nothing is secret here

    def _a_task(self, chance: Random, changes: Body) -> tuple[str, Body]:
        lead, coordinating, monitor = (*chance.sample(_LEADS, 2), "vp")
        by = chance.choice(["chair", "vice-chair", "coordinator"])
        body = {
            "title": f"Báo cáo kết quả giải ngân đợt {chance.randrange(100)}",
            "lead_agency": lead,
            "coordinating_agencies": [coordinating],
            "monitor": monitor,
            "deadline": _day(self.province.now(), chance.randint(5, 20)),
            **({"assigner": "chair"} if by == "coordinator" else {}),
            **changes,
        }
        return by, {name: value for name, value in body.items() if value is not None}

    def _next(self, chance: Random, task: Body) -> tuple[str, str] | None:
        """Choose what comes next in the life of a task, and who does it; nothing when it is over."""
        likely = [(who, act) for act, who in _doers(task).items() if act in _LIKELY[task["stage"]] & _open(task)]
        weights = [_BY_CHANCE.get(act, 6) for _, act in likely]
        return chance.choices(likely, weights)[0] if likely else None

    def _body(self, chance: Random, task: Body, act: str) -> Body:
        return _BODIES[act](chance, task, self.province.now())


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
    """Return the acts that are not refused whatever the stage."""
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
    "correction": lambda *_: {"reason": "Ghi nhầm", "priority": "urgent"},
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
