"""What is asked of the list of tasks, and the conditions that it makes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from services.assignment.tasks.store.list_indexes import NARROWED_BY, OPEN, Sort, Subset
from services.assignment.tasks.store.marks import MISSED as MISSED_MARK
from services.assignment.tasks.store.marks import mark
from shared.office.access import SIGHT, Sight, sight_filter
from shared.office.sameness import same_number_key, same_text_key
from shared.office.timeliness import MISSED, NO_DUE, timeliness_filters
from shared.office.vocabulary import (
    AgencyKind,
    Authority,
    ExplanationState,
    ExtensionState,
    Priority,
    Stage,
    Timeliness,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from shared.mongo import Record
    from shared.office.access import Principal
    from shared.office.timeliness import Horizon
    from shared.office.workdays import WorkCalendar

_SMALL: Final = frozenset({"waiting", "same.document", "officer", "batch"})
_LAST: Final = "\U0010ffff"
"""Sorts after every other character."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The filters of a request. `words` are beginnings of words; `waiting` is a key from `rules/waiting.py`."""

    words: tuple[str, ...] = ()
    stage: Stage | None = None
    timeliness: Timeliness | None = None
    lead_agency: str | None = None
    kind: AgencyKind | None = None
    coordinating_agency: str | None = None
    assigner: str | None = None
    officer: str | None = None
    document: str | None = None
    field: str | None = None
    priority: Priority | None = None
    authority: Authority | None = None
    explanation: ExplanationState | None = None
    extension: ExtensionState | None = None
    batch: str | None = None
    missed: bool = False
    finished_unreported: bool = False
    no_officer: bool = False
    due_from: date | None = None
    due_to: date | None = None
    assigned_from: date | None = None
    assigned_to: date | None = None
    completed_from: date | None = None
    completed_to: date | None = None
    updated_since: datetime | None = None
    waiting: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A list: who asks for what, at which moment, in which order; `of_kind` has the agencies of the kind asked for."""

    principal: Principal
    filters: Filters
    sort: Sort
    horizon: Horizon
    calendar: WorkCalendar
    of_kind: Collection[str] | None = None


# Which stages the tasks may have


def stages(asked: Asked) -> Mapping[Stage, Record]:
    """Return the stages that the tasks may have, each with what else must be true of them."""
    if SIGHT[asked.principal.role] is Sight.NONE or asked.of_kind == ():
        return {}
    found: Mapping[Stage, Record] = {each: {} for each in Stage}
    for narrower in _by_stage(asked):
        found = {each: {**found[each], **more} for each, more in narrower.items() if each in found}
    return found


def _by_stage(asked: Asked) -> Iterator[Mapping[Stage, Record]]:
    """Yield what each filter says, stage by stage. No two filters speak of the same field."""
    filters = asked.filters
    if filters.stage:
        yield {filters.stage: {}}
    if filters.timeliness:
        yield timeliness_filters(filters.timeliness, asked.horizon)
    if filters.finished_unreported:
        yield {Stage.IN_PROGRESS: {"report_due_at": {"$lt": asked.horizon.now}}}
    if filters.no_officer:
        yield {stage: {"officer": None} for stage in (Stage.RECEIVED, Stage.IN_PROGRESS)}
    if completed := _days(asked, filters.completed_from, filters.completed_to):
        yield {Stage.COMPLETED: {"completed_at": completed}}


def subset(asked: Asked) -> Subset | None:
    """Return the smallest subset that has all the tasks."""
    kept = stages(asked).keys()
    if kept <= OPEN:
        return Subset.OPEN
    if asked.filters.missed or asked.filters.timeliness is Timeliness.COMPLETED_LATE:
        return Subset.MISSED
    return Subset.RECALLED if kept == {Stage.RECALLED} else None


# What is true of all of them


def conditions(asked: Asked) -> list[Record]:
    """Return what must be true of the tasks whatever their stage."""
    filters = asked.filters
    sight = sight_filter(asked.principal)
    return [
        *([sight] if sight else []),
        *_agencies(filters),
        *([{"lead_agency": {"$in": sorted(asked.of_kind)}}] if asked.of_kind is not None else []),
        *({name: value} for name, value in _equal(filters).items() if value is not None),
        *([MISSED] if filters.missed else []),
        *_between(asked),
        *(unbounded(_begins(word)) for word in filters.words),
    ]


def unbounded(condition: Record) -> Record:
    """Return the same condition in a form that MongoDB checks on the records, and never bounds an index with."""
    return {"$nor": [{"$nor": [condition]}]}


def _equal(filters: Filters) -> Mapping[str, str | None]:
    return {
        "waiting": filters.waiting,
        "same.document": same_number_key(filters.document) if filters.document else None,
        "officer": filters.officer,
        "same.field": same_text_key(filters.field) if filters.field else None,
        "assigner": filters.assigner,
        **_marked(filters),
    }


def _marked(filters: Filters) -> Mapping[str, str | None]:
    return {
        "batch": filters.batch,
        "explanation.state": filters.explanation,
        "extension.state": filters.extension,
        "priority": filters.priority,
        "authority": filters.authority,
    }


def _agencies(filters: Filters) -> list[Record]:
    """Also name the agency under `agencies`, which has every relation of an agency to a task."""
    lead, coordinating = filters.lead_agency, filters.coordinating_agency
    return [
        *([{"agencies": lead, "lead_agency": lead}] if lead else []),
        *([{"agencies": coordinating, "coordinating_agencies": coordinating}] if coordinating else []),
    ]


def _between(asked: Asked) -> Iterator[Record]:
    """Yield the conditions on moments that every task has."""
    filters = asked.filters
    if due := _days(asked, filters.due_from, filters.due_to):
        yield {"due_order": due if filters.due_to else {**due, "$lt": NO_DUE}}
    if assigned := _days(asked, filters.assigned_from, filters.assigned_to):
        yield {"assigned_at": assigned}
    if filters.updated_since:
        yield {"updated_at": {"$gte": filters.updated_since}}


def _days(asked: Asked, first: date | None, last: date | None) -> dict[str, Any]:
    """Return the bounds of the moments from one local day to another, both included."""
    return {
        **({"$gte": asked.calendar.start_of_day(first)} if first else {}),
        **({"$lte": asked.calendar.end_of_day(last)} if last else {}),
    }


def _begins(word: str) -> Record:
    return {"words": {"$elemMatch": {"$gte": word, "$lt": word + _LAST}}}


# What narrows the list


class Narrowing(NamedTuple):
    """A condition by which the indexes of a field are bounded."""

    field: str
    condition: Record
    is_small: bool = False
    """Whether few tasks have any one value: those of a document or of a batch, what waits for somebody."""
    is_one_value: bool = True
    """Whether one value bounds the index, so that it holds the tasks in its order."""


def narrowings(asked: Asked) -> list[Narrowing]:
    """Return what narrows the list. What has the fewest tasks a value comes first, as far as this is known."""
    found = [*_of_fields(asked), *_of_marks(asked)]
    found.sort(key=lambda each: (not each.is_small, NARROWED_BY.index(each.field)))
    return [
        *found,
        *_of_kind(asked),
        *(Narrowing("words", _begins(word), is_one_value=False) for word in asked.filters.words),
    ]


def _of_fields(asked: Asked) -> Iterator[Narrowing]:
    filters = asked.filters
    values = {
        **_equal(filters),
        "lead_agency": filters.lead_agency,
        "coordinating_agencies": filters.coordinating_agency,
        **sight_filter(asked.principal),
    }
    for field in NARROWED_BY:
        if values.get(field) is not None:
            yield Narrowing(field, {field: values[field]}, field in _SMALL)


def _of_marks(asked: Asked) -> Iterator[Narrowing]:
    for field, value in _marked(asked.filters).items():
        if found := mark(field, value):
            yield Narrowing("marks", {"marks": found}, field in _SMALL)
    if subset(asked) is Subset.MISSED:
        yield Narrowing("marks", {"marks": MISSED_MARK})


def _of_kind(asked: Asked) -> Iterator[Narrowing]:
    if asked.of_kind:
        yield Narrowing("lead_agency", {"lead_agency": {"$in": sorted(asked.of_kind)}}, is_one_value=False)
