"""The collections of tasks, `tasks` and `batches`: every query, index and write. This file is what others import.

`tasks.py` and `batches.py` hold a store each; `records.py` is the form in which MongoDB keeps a task, and events carry
it; `queries.py` has the filters of the list; `audit.py` reads everything for `check`.
"""

from services.assignment.tasks.store.audit import known_among, stored_batches, stored_tasks
from services.assignment.tasks.store.batches import INDEXES as BATCH_INDEXES
from services.assignment.tasks.store.batches import BatchStore, bytes_written
from services.assignment.tasks.store.queries import Filters, Sort, conditions
from services.assignment.tasks.store.records import RequestKey, state_of, to_entry, to_fields, to_wire_entry
from services.assignment.tasks.store.tasks import COLLECTION as TASKS
from services.assignment.tasks.store.tasks import INDEXES as TASK_INDEXES
from services.assignment.tasks.store.tasks import AlreadyReplacedError, LoadedTask, TaskStore, order_field

INDEXES = (*TASK_INDEXES, *BATCH_INDEXES)

__all__ = [
    "INDEXES",
    "TASKS",
    "AlreadyReplacedError",
    "BatchStore",
    "Filters",
    "LoadedTask",
    "RequestKey",
    "Sort",
    "TaskStore",
    "bytes_written",
    "conditions",
    "known_among",
    "order_field",
    "state_of",
    "stored_batches",
    "stored_tasks",
    "to_entry",
    "to_fields",
    "to_wire_entry",
]
