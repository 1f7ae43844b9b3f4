"""The collections of reporting, `versions` and `names`: every query, index and write. This file is what others import.

`versions.py` and `names.py` hold a collection each; `counters.py` is the table of what is counted; `pipeline.py` makes
the aggregation that answers a question; `sameness.py` brings versions of an earlier time up to date.
"""

from services.reporting.store.counters import ALL_COUNTERS, COUNTERS
from services.reporting.store.names import Named, Names
from services.reporting.store.sameness import INDEXES as SAMENESS_INDEXES
from services.reporting.store.sameness import fill_same
from services.reporting.store.versions import INDEXES as VERSION_INDEXES
from services.reporting.store.versions import VERSIONS, Versions

INDEXES = (*VERSION_INDEXES, *SAMENESS_INDEXES)

__all__ = ["ALL_COUNTERS", "COUNTERS", "INDEXES", "VERSIONS", "Named", "Names", "Versions", "fill_same"]
