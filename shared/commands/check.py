"""`check`: compares the data of a service with assignment, and prints every lasting difference, one a line."""

from __future__ import annotations

import argparse
import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import orjson
from pydantic import SecretStr

from shared.background import growing_waits
from shared.commands.assignment import Assignment, Credentials, SignIn, TokenFile, reading
from shared.commands.command import Exit, OperatorCommand, UnavailableError, complain, say
from shared.commands.difference import ADVICE, Difference, DifferenceKind, resend_calls
from shared.commands.password import read_password
from shared.messaging.dead_letters import NoQueueError, count_waiting, open_dead_letters
from shared.messaging.publisher import BROKER_AWAY
from shared.messaging.topology import events_queue, retry_queue
from shared.mongo import is_away
from shared.settings import ServiceSettings, Settings, load

_AT_ONCE: Final = 16
_PATIENCE_SECONDS: Final = 10.0

Comparing = Callable[[], Awaitable[Sequence[Difference]]]


class Comparison(Protocol):
    """Compares the data of a service with that of assignment."""

    def known_tasks(self) -> AsyncIterator[str]:
        """Yield the ids of all tasks that the service knows."""
        ...

    async def of_task(self, task_id: str) -> Sequence[Difference]:
        """Compare one task, as both have it at this moment."""
        ...

    async def of_directory(self) -> Sequence[Difference]:
        """Compare all agencies and accounts, as both have them at this moment."""
        ...


@dataclass(frozen=True, slots=True)
class Findings:
    """The differences, and how many tasks were compared."""

    differences: Sequence[Difference]
    tasks: int


Opened = Callable[[Settings, Assignment], AbstractAsyncContextManager[Comparison]]
Find = Callable[[Settings, argparse.Namespace], Awaitable[Findings]]


async def compare(assignment: Assignment, comparison: Comparison, patience: float) -> Findings:
    """Compare all tasks and the directory, and return the differences that last.

    Tasks change meanwhile, and their events need a moment to arrive. What differs is therefore compared again, until
    it no longer differs, or until `patience` seconds are over.
    """
    lasting = _LastingDifferences()
    await lasting.compare([comparison.of_directory])
    seen: set[str] = set()
    async for page in assignment.task_ids():
        seen.update(page)
        await lasting.compare([partial(comparison.of_task, task_id) for task_id in page])
    others = [task_id async for task_id in comparison.known_tasks() if task_id not in seen]
    await lasting.compare([partial(comparison.of_task, task_id) for task_id in others])
    await lasting.repeat(patience)
    return Findings(lasting.all(), len(seen))


class _LastingDifferences:
    """The comparisons that found differences, each with the differences that every repetition found too."""

    def __init__(self) -> None:
        self._found: dict[Comparing, Sequence[Difference]] = {}

    async def compare(self, comparisons: Sequence[Comparing]) -> None:
        for comparison, differences in zip(comparisons, await _together(comparisons), strict=True):
            if differences:
                self._found[comparison] = differences

    async def repeat(self, patience: float) -> None:
        """Repeat the comparisons until no difference is left, for up to `patience` seconds, but at least once."""
        loop = asyncio.get_running_loop()
        ends, waits = loop.time() + patience, growing_waits(longest=2.0)
        while self._found:
            await asyncio.sleep(min(next(waits), patience))
            comparisons = list(self._found)
            for comparison, again in zip(comparisons, await _together(comparisons), strict=True):
                still = [difference for difference in self._found.pop(comparison) if difference in again]
                if still:
                    self._found[comparison] = still
            if loop.time() >= ends:
                return

    def all(self) -> list[Difference]:
        return [difference for differences in self._found.values() for difference in differences]


async def _together(comparisons: Sequence[Comparing]) -> list[Sequence[Difference]]:
    found: list[Sequence[Difference]] = []
    for start in range(0, len(comparisons), _AT_ONCE):
        found += await asyncio.gather(*(compare() for compare in comparisons[start : start + _AT_ONCE]))
    return found


def check_command(kind: type[Settings], opened_comparison: Opened[Settings]) -> OperatorCommand:
    """Return the `check` command of a service that is compared with assignment."""

    async def find(settings: Settings, arguments: argparse.Namespace) -> Findings:
        async with (
            reading(arguments.assignment, _credentials(arguments)) as assignment,
            opened_comparison(settings, assignment) as comparison,
        ):
            return await compare(assignment, comparison, arguments.patience)

    return finding_command(kind, "compare what the service keeps with assignment", find, _configure)


def finding_command(
    kind: type[Settings],
    summary: str,
    find: Find[Settings],
    configure: Callable[[argparse.ArgumentParser], None] = lambda _: None,
) -> OperatorCommand:
    """Return a `check` command that prints the findings of `find`."""

    def configure_all(parser: argparse.ArgumentParser) -> None:
        configure(parser)
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    return OperatorCommand("check", summary, configure_all, lambda arguments: _run(kind, find, arguments))


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--assignment", required=True, metavar="URL", help="where assignment answers")
    proof = parser.add_mutually_exclusive_group(required=True)
    proof.add_argument("--token-file", type=Path, metavar="FILE", help="with the token of an auditor")
    proof.add_argument("--username", help="of an auditor, whose password is read from the standard input")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="with the password, instead")
    parser.add_argument(
        "--patience",
        type=_seconds,
        default=_PATIENCE_SECONDS,
        metavar="SECONDS",
        help="how long what differs is looked at again before it counts (10)",
    )


def _seconds(text: str) -> float:
    """Read a finite number of seconds; `inf` and `nan` would never end."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise argparse.ArgumentTypeError(f"no number of seconds: {text}")
    return seconds


def _credentials(arguments: argparse.Namespace) -> Credentials:
    if arguments.token_file is not None:
        return TokenFile(arguments.token_file)
    if arguments.password_file is None:
        return SignIn(arguments.username, SecretStr(read_password()))
    try:
        text = arguments.password_file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise UnavailableError(f"no password can be read from {arguments.password_file}") from None
    return SignIn(arguments.username, SecretStr(text.rstrip("\r\n")))


def _run(kind: type[Settings], find: Find[Settings], arguments: argparse.Namespace) -> int:
    settings = load(kind)
    try:
        return asyncio.run(_check(settings, find, arguments))
    except Exception as error:
        if not is_away(error):
            raise
        raise UnavailableError("MongoDB does not answer") from error


async def _check(settings: Settings, find: Find[Settings], arguments: argparse.Namespace) -> int:
    findings = await find(settings, arguments)
    dead = (
        await _dead(settings)
        if any(found.kind is DifferenceKind.MISSED for found in findings.differences)
        else frozenset()
    )
    for difference in findings.differences:
        say(_line(difference, dead, as_json=arguments.json))
    complain(f"differences: {len(findings.differences)}, tasks: {findings.tasks}")
    for kind in Counter(difference.kind for difference in findings.differences):
        complain(f"{kind}: {ADVICE[kind]}")
    for call in resend_calls(findings.differences):
        complain(f"to mend: {call}")
    return Exit.DIFFERENCES if findings.differences else Exit.FINE


def _line(difference: Difference, dead: Iterable[str], *, as_json: bool) -> str:
    is_dead = difference.kind is DifferenceKind.MISSED and difference.subject in dead
    if as_json:
        advice = {"advice": ADVICE[difference.kind], "calls": resend_calls([difference])}
        return orjson.dumps({**asdict(difference), "dead_letter": is_dead, **advice}).decode()
    detail = f"{difference.detail} (among the dead letters)" if is_dead else difference.detail
    return f"{difference.kind}\t{difference.subject}\t{detail}"


async def _dead(settings: ServiceSettings) -> frozenset[str]:
    """Return the ids of the service's dead letters, and print how many messages still wait.

    Without an answer from the broker, say so and return no ids.
    """
    service, url = settings.service(), settings.amqp_url.get_secret_value()
    queues = [events_queue(service), *(retry_queue(service, delay) for delay in settings.retry_delays)]
    try:
        if waiting := await count_waiting(url, queues):
            complain(f"messages that still wait for {service}: {waiting}; check again when they are handled")
        async with open_dead_letters(url, service) as letters:
            return frozenset(letter.name for letter in await letters.all())
    except (*BROKER_AWAY, NoQueueError) as error:
        complain(f"RabbitMQ does not tell of dead letters: {type(error).__name__}")
        return frozenset()
