"""How many tasks wait for an account, and how many it has a duty in: keys of indexes are counted, no task is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.assignment.tasks.rules.waiting import due_key, duty_of, key_of, kind_key, list_of
from services.assignment.tasks.store.list_indexes import A_TEXT, COLLECTION
from shared.mongo import Index, ascending
from shared.office.timeliness import timeliness_filters
from shared.office.vocabulary import Stage, Timeliness, WaitKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.mongo import Record
    from shared.office.access import Principal
    from shared.office.timeliness import Horizon

INDEXES: Final = (Index(COLLECTION, ascending("work", "due_order"), partial={"work": A_TEXT}),)
DUE: Final = (Timeliness.DUE_SOON, Timeliness.DUE_TODAY, Timeliness.OVERDUE)


def counts_of(caller: Principal, at: Horizon) -> Mapping[str, Record]:
    """Return what is counted: each name with the filter of its tasks, which is one range of one index."""
    due = due_key(duty_of(caller))
    return {
        **{kind: {"work": kind_key(key_of(caller), kind)} for kind in WaitKind},
        "total": {"waiting": list_of(caller, "me")},
        "others": {"waiting": list_of(caller, "others")},
        # The due moments are those of every stage in which a task is not reported.
        **{value: {"work": due, **timeliness_filters(value, at)[Stage.ASSIGNED]} for value in DUE},
    }


def counting(wanted: Mapping[str, Record]) -> list[Record]:
    """Return the one pipeline that counts the tasks of each filter."""
    (name, first), *others = wanted.items()
    rest = [{"$unionWith": {"coll": COLLECTION, "pipeline": _count(name, each)}} for name, each in others]
    return [*_count(name, first), *rest]


def _count(name: str, wanted: Record) -> list[Record]:
    return [{"$match": wanted}, {"$group": {"_id": name, "count": {"$sum": 1}}}]
