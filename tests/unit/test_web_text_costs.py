"""What a text that is far too long costs: its length is judged first, and nothing else of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import pytest
from pydantic import ValidationError

from services.assignment.tasks.api.bodies import AssignBody, CorrectionBody, ReportDecisionBody
from shared.web.fields import Body
from shared.web.normalisation import normalise

_BYTES: Final = 990_000
_MOST_SECONDS: Final = 0.02
_TRIES: Final = 5
_TEXTS: Final = {
    "blanks": " " * _BYTES,
    "hard blanks": "\u00a0" * (_BYTES // 2),
    "nothing to see": "\u200b" * (_BYTES // 3),
    "marks": "a" + "\u0301" * (_BYTES // 2),
    "marks on many letters": ("a" + "\u0301" * 29) * (_BYTES // 59),
    "a forbidden character at the end": "a" * (_BYTES - 1) + "\x00",
    "line breaks": "\n" * _BYTES,
    "old line breaks": "\r\n" * (_BYTES // 2),
    "many kinds that cannot be seen": "".join(chr(0xE000 + at % 6_000) for at in range(_BYTES // 3)),
}
_TASK: Final = {"title": "Việc", "lead_agency": "lead"}
_FIELDS: Final[list[tuple[type[Body], dict[str, Any], str, str]]] = [
    (AssignBody, _TASK, "title", "string_too_long"),
    (AssignBody, _TASK, "description", "string_too_long"),
    (AssignBody, _TASK, "monitor", "string_too_long"),
    (AssignBody, _TASK, "assigner", "string_too_long"),
    (AssignBody, _TASK, "replaces", "string_too_long"),
    (AssignBody, _TASK, "deadline", "bad-date"),
    (AssignBody, _TASK, "due_at", "bad-moment"),
    (AssignBody, _TASK, "authority", "enum"),
    (CorrectionBody, {"reason": "Sửa"}, "description", "string_too_long"),
    (CorrectionBody, {"reason": "Sửa"}, "field", "string_too_long"),
    (ReportDecisionBody, {"accepted": True}, "reason", "string_too_long"),
]


def fastest(do: Callable[[], object]) -> float:
    """Return the least processor time of several tries, in seconds: other programs do not count."""
    times = []
    for _ in range(_TRIES):
        began = time.thread_time()
        do()
        times.append(time.thread_time() - began)
    return min(times)


@pytest.mark.parametrize("kind", _TEXTS)
@pytest.mark.parametrize(("body", "rest", "field", "fault"), _FIELDS)
def test_a_text_far_too_long_is_refused_at_once(
    body: type[Body], rest: dict[str, Any], field: str, fault: str, kind: str
) -> None:
    faults: list[str] = []

    def refuse() -> None:
        with pytest.raises(ValidationError) as caught:
            body.model_validate({**rest, field: _TEXTS[kind]})
        faults.extend(error["type"] for error in caught.value.errors(include_input=False, include_url=False))

    assert fastest(refuse) < _MOST_SECONDS
    assert set(faults) == {fault}


def test_short_runs_of_marks_are_each_read_once() -> None:
    """The search for a long run began again at each mark of a short one: this text took 44 milliseconds."""
    text = ("a" + "\u0301" * 29) * 1_300
    assert fastest(lambda: normalise(text)) < _MOST_SECONDS
