"""The request bodies for the tasks and acts of the scenario, with real dates in place of its days."""

from collections.abc import Mapping, Sequence
from typing import Any

from deploy.demo.days import Day, Days, Morning
from deploy.demo.people import STAFF
from deploy.demo.scenario import OfficerOfLead, PlannedAct, Task
from shared.events.envelope import rfc3339
from shared.office.vocabulary import Role


def task_body(task: Task, days: Days, replaced: str | None) -> dict[str, Any]:
    """Return the body that assigns a task. `replaced` is the id of the task it replaces."""
    body = {**_given_by(task), **_item(task, days), "lead_agency": task.lead, "replaces": replaced}
    return _written(body, days, task.lead)


def batch_body(tasks: Sequence[Task], days: Days) -> dict[str, Any]:
    """Return the body that assigns several tasks of one paper."""
    items = [{**_item(task, days), "lead_agencies": [task.lead]} for task in tasks]
    return _written({**_given_by(tasks[0]), "items": items}, days, "")


def act_body(act: PlannedAct, lead: str, days: Days) -> dict[str, Any]:
    return _written(act.body, days, lead)


def _given_by(task: Task) -> dict[str, Any]:
    return {"document": task.paper.body, "authority": task.authority, "assigner": task.assigner}


def _item(task: Task, days: Days) -> dict[str, Any]:
    return {
        "title": task.title,
        "product": task.product,
        "field": task.field,
        "priority": task.priority,
        "coordinating_agencies": list(task.coordinating),
        "monitor": task.monitor,
        "deadline_text": task.due_text,
        **_term(task, days),
    }


def _term(task: Task, days: Days) -> dict[str, Any]:
    if task.due is None:
        return {}
    return {"due_at": rfc3339(days.end_of(task.due))} if task.to_the_moment else {"deadline": Day(task.due)}


def _written(body: Mapping[str, Any], days: Days, lead: str) -> dict[str, Any]:
    """Replace days by dates, and officers by usernames."""
    return {name: _value(value, days, lead) for name, value in body.items()}


def _value(value: Any, days: Days, lead: str) -> Any:
    match value:
        case Day():
            return days.date_of(value.offset).isoformat()
        case Morning():
            return days.morning_of(value.offset).date().isoformat()
        case OfficerOfLead():
            return STAFF[lead].username(Role.OFFICER, value.number)
        case dict():
            return _written(value, days, lead)
        case list():
            return [_value(member, days, lead) for member in value]
        case _:
            return value
