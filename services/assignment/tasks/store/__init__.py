"""The collections of tasks, `tasks` and `batches`: every query, index and write. This file is what others import.

`tasks.py` and `batches.py` hold a store each; `records.py` is the form in which MongoDB keeps a task, and events carry
it; `lists.py` reads what people ask for, by the conditions of `filters.py`, the queries of `queries.py` and the indexes
of `list_indexes.py`; `upgrade.py` fills in what older records lack; `audit.py` reads everything for `check`.
"""

from services.assignment.tasks.store.audit import known_among, stored_batches, stored_tasks
from services.assignment.tasks.store.batches import INDEXES as BATCH_INDEXES
from services.assignment.tasks.store.batches import BatchStore, bytes_written
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
)
from services.assignment.tasks.store.tasks import INDEXES as TASK_INDEXES
from services.assignment.tasks.store.tasks import AlreadyReplacedError, LoadedTask, TaskStore
from services.assignment.tasks.store.upgrade import Upgrade

INDEXES = (*TASK_INDEXES, *LIST_INDEXES, *BATCH_INDEXES)

__all__ = [
    "INDEXES",
    "TASKS",
    "AlreadyReplacedError",
    "Asked",
    "BatchStore",
    "Filters",
    "LoadedTask",
    "RequestKey",
    "Sort",
    "TaskLists",
    "TaskStore",
    "Upgrade",
    "bytes_written",
    "inner_model",
    "known_among",
    "list_query",
    "state_of",
    "stored_batches",
    "stored_tasks",
    "to_entry",
    "to_fields",
    "to_wire_entry",
    "uncertain",
]
