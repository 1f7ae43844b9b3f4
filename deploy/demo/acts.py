"""The functions that describe a task's life: each is an act, done on a day by the person who usually does it."""

from typing import Any

from deploy.demo.days import Day, Morning
from deploy.demo.scenario import Actor, OfficerOfLead, PlannedAct
from shared.office.vocabulary import Cause


def receipt(on: int, note: str | None = None, *, by: Actor = Actor.CLERK) -> PlannedAct:
    return PlannedAct(on, "receipt", by, {"note": note} if note else {})


def refusal(on: int, reason: str) -> PlannedAct:
    return PlannedAct(on, "refusal", Actor.HEAD, {"reason": reason})


def reassignment(on: int, lead: str, reason: str) -> PlannedAct:
    return PlannedAct(on, "reassignment", Actor.COORDINATOR, {"lead_agency": lead, "reason": reason})


def correction(on: int, reason: str, **changes: Any) -> PlannedAct:
    return PlannedAct(on, "correction", Actor.COORDINATOR, {"reason": reason, **changes})


def deadline(on: int, due: int, reason: str) -> PlannedAct:
    return PlannedAct(on, "deadline", Actor.LEADER, {"deadline": Day(due), "reason": reason})


def delegation(on: int, instruction: str, *, officer: int = 1) -> PlannedAct:
    return PlannedAct(on, "delegation", Actor.HEAD, {"officer": OfficerOfLead(officer), "instruction": instruction})


def progress(on: int, percent: int, note: str, *, officer: int = 1) -> PlannedAct:
    return PlannedAct(on, "progress", Actor.OFFICER, {"percent": percent, "note": note}, number=officer)


def contribution(on: int, agency: str, note: str, *, by: Actor = Actor.HEAD) -> PlannedAct:
    return PlannedAct(on, "contribution", by, {"note": note}, agency)


def extension(on: int, to: int, reason: str) -> PlannedAct:
    return PlannedAct(on, "extension", Actor.HEAD, {"new_deadline": Day(to), "reason": reason})


def extension_granted(on: int, *, to: int | None = None, reason: str | None = None) -> PlannedAct:
    """Grant the extension to the day that was asked for, or to another day."""
    body: dict[str, Any] = {"approved": True}
    body |= {"new_deadline": Day(to)} if to is not None else {}
    body |= {"reason": reason} if reason else {}
    return PlannedAct(on, "extension/decision", Actor.LEADER, body)


def extension_denied(on: int, reason: str) -> PlannedAct:
    return PlannedAct(on, "extension/decision", Actor.LEADER, {"approved": False, "reason": reason})


def report(on: int, summary: str, number: str | None = None) -> PlannedAct:
    body: dict[str, Any] = {"summary": summary, "finished_on": Morning(on)}
    body |= {"document": {"number": number, "issued_on": Morning(on)}} if number else {}
    return PlannedAct(on, "report", Actor.HEAD, body)


def acceptance(on: int, *, by: Actor = Actor.COORDINATOR) -> PlannedAct:
    return PlannedAct(on, "report/decision", by, {"accepted": True})


def report_returned(on: int, reason: str) -> PlannedAct:
    return PlannedAct(on, "report/decision", Actor.LEADER, {"accepted": False, "reason": reason})


def explanation(on: int, cause: Cause, narrative: str, remedy: str, expected: int) -> PlannedAct:
    body = {"cause": cause, "narrative": narrative, "remedy": remedy, "expected_finish": Day(expected)}
    return PlannedAct(on, "explanation", Actor.HEAD, body)


def explanation_accepted(on: int, directive: str | None = None) -> PlannedAct:
    body = {"accepted": True, "directive": directive} if directive else {"accepted": True}
    return PlannedAct(on, "explanation/decision", Actor.LEADER, body)


def explanation_denied(on: int, reason: str) -> PlannedAct:
    return PlannedAct(on, "explanation/decision", Actor.LEADER, {"accepted": False, "reason": reason})


def recall(on: int, reason: str) -> PlannedAct:
    return PlannedAct(on, "recall", Actor.LEADER, {"reason": reason})


def urging(on: int, message: str, *, by: Actor = Actor.COORDINATOR, agency: str | None = None) -> PlannedAct:
    return PlannedAct(on, "urging", by, {"message": message}, agency)
