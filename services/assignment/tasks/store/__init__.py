"""The collections of tasks, `tasks` and `batches`: every query, index and write. This file is what others import.

`tasks.py` and `batches.py` hold a store each; `records.py` is the form in which MongoDB keeps a task, and events carry
it; `lists.py` reads what people ask for, by the conditions of `filters.py`, the queries of `queries.py` and the indexes
of `list_indexes.py`; `work.py` says what is counted; `derived.py` brings records of earlier versions up to date;
`audit.py` reads everything for `check` and `resend`.
"""

from services.assignment.tasks.store.audit import known_among, past_events, stored_batches, stored_tasks, task_ids
from services.assignment.tasks.store.batches import INDEXES as BATCH_INDEXES
from services.assignment.tasks.store.batches import BatchStore, bytes_written
from services.assignment.tasks.store.derived import INDEXES as DERIVED_INDEXES
from services.assignment.tasks.store.derived import fill_derived, keep_derived
from services.assignment.tasks.store.filters import Asked, Filters
from services.assignment.tasks.store.list_indexes import COLLECTION as TASKS
from services.assignment.tasks.store.list_indexes import INDEXES as LIST_INDEXES
from services.assignment.tasks.store.list_indexes import Sort
from services.assignment.tasks.store.lists import TaskLists
from services.assignment.tasks.store.queries import list_query, uncertain
from services.assignment.tasks.store.records import (
    RequestKey,
    inner_model,
    state_of,
    to_entry,
    to_fields,
    to_wire_entry,
    unlike,
)
from services.assignment.tasks.store.tasks import INDEXES as TASK_INDEXES
from services.assignment.tasks.store.tasks import AlreadyReplacedError, LoadedTask, TaskStore
from services.assignment.tasks.store.work import INDEXES as WORK_INDEXES
from services.assignment.tasks.store.work import counts_of

INDEXES = (*TASK_INDEXES, *LIST_INDEXES, *WORK_INDEXES, *BATCH_INDEXES, *DERIVED_INDEXES)

__all__ = [
    "INDEXES",
    "TASKS",
    "AlreadyReplacedError",
    "Asked",
    "BatchStore",
    "Derivation",
    "Filters",
    "LoadedTask",
    "RequestKey",
    "Sort",
    "TaskLists",
    "TaskStore",
    "bytes_written",
    "counts_of",
    "fill_derived",
    "inner_model",
    "keep_derived",
    "known_among",
    "list_query",
    "past_events",
    "state_of",
    "stored_batches",
    "stored_tasks",
    "task_ids",
    "to_entry",
    "to_fields",
    "to_wire_entry",
    "uncertain",
    "unlike",
]
