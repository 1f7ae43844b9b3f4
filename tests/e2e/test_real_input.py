"""The tasks that a ministry was really given in January 2017, from its own spreadsheet, assigned and counted.

The spreadsheet is not in the repository; `DONDOC_REAL_INPUT` says where it is, when not beside it.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest
from python_calamine import CalamineWorkbook

from deploy.local.installation import PROJECT
from tests.conftest import RunStack
from tests.support.running_stack import ADMINISTRATOR, Caller, RunningStack, expect

SPREADSHEET: Final = Path(
    os.environ.get("DONDOC_REAL_INPUT", PROJECT.parent / "shared" / "data" / "ministry-tasks-2017.xlsx")
)
THE_DAY: Final = "2017-01-20T09:00:00"
AFTER_THE_DEADLINE: Final = "2017-04-03T09:00:00"
THE_ONE_DEADLINE: Final = "2017-03-31"

NOBODY: Final = frozenset({"các đơn vị", "các đơn vị liên quan"})
SAME: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Vụ GD ĐH": "Vụ GDĐH",
        "Học viện Quản lý GD": "HV Quản lý GD",
        "thanh tra Bộ": "Thanh tra Bộ",
        "Thanh tra": "Thanh tra Bộ",
    }
)
"""Agencies that the spreadsheet writes in more than one way."""

# Counted by hand in the spreadsheet.
TOTAL: Final = 27
BY_LEAD: Final[Mapping[str, int]] = MappingProxyType(
    {
        "Vụ GDĐH": 9,
        "Vụ KHTC": 3,
        "Cục NGCB": 3,
        "Vụ HSSV": 2,
        "Vụ Pháp chế": 1,
        "Văn phòng Bộ": 1,
        "Dự án Hỗ trợ đổi mới giáo dục phổ thông": 1,
        "Cục CSVC": 1,
        "Vụ GDTrH": 1,
        "Đề án NNQG 2020": 1,
        "Cục KTKĐ": 1,
        "Vụ TĐKT": 1,
        "Vụ GDTX": 1,
        "Vụ GDDT": 1,
    }
)
BY_DOCUMENT: Final[Mapping[str, int]] = MappingProxyType(
    {
        "Nghị quyết số 33/2016/QH14": 20,
        "Công văn số 303/VPCP-KGVX": 3,
        "260/QĐ-BGD ĐT": 2,
        "Nghị quyết số 33/2016/QH14; 260/QĐ-BGD ĐT": 1,
        "Nghị quyết số 33/2016/QH14 và Công văn số 303/VPCP-KGVX": 1,
    }
)
NAMED_AGENCIES: Final = 24
"""How many different agencies lead (14) or only coordinate (10)."""
OF_THE_DEADLINE: Final = "Đề án NNQG 2020"


@dataclass(frozen=True)
class Row:
    """A line of the spreadsheet."""

    title: str
    source: str
    issued_on: str
    agencies: tuple[str, ...]
    term: str
    product: str

    def item(self) -> dict[str, Any]:
        """Return the item of a batch: the first agency leads, all others coordinate."""
        lead, *others = self.agencies
        day = _day(self.term)
        term = {"deadline": day} if day else {"deadline_text": self.term}
        item = {"title": self.title, "product": self.product, **term}
        return {**item, "lead_agencies": [code_of(lead)], "coordinating_agencies": [code_of(name) for name in others]}


def read_rows() -> list[Row]:
    assert SPREADSHEET.is_file(), f"no spreadsheet at {SPREADSHEET}; DONDOC_REAL_INPUT says where it is"
    (sheet, *_) = CalamineWorkbook.from_path(str(SPREADSHEET)).sheet_names
    _, *lines = CalamineWorkbook.from_path(str(SPREADSHEET)).get_sheet_by_name(sheet).to_python()
    return [_row([str(cell).strip() for cell in line]) for line in lines]


def _row(cells: list[str]) -> Row:
    _number, title, source, issued_on, leads, others, term, product = cells
    issued = datetime.strptime(issued_on, "%d/%m/%Y").date().isoformat()  # noqa: DTZ007 - a day has no zone
    return Row(title, source, issued, tuple(dict.fromkeys(_agencies(f"{leads}, {others}"))), term, product)


def _agencies(text: str) -> list[str]:
    names = [name.strip() for name in re.split(r",| và (?=các đơn vị)", text)]
    return [SAME.get(name, name) for name in names if name and name not in NOBODY]


def _day(term: str) -> str | None:
    """Return the day where the term is one plain day; what else a ministry writes there stays as it is."""
    day, month, year = match.groups() if (match := re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})", term)) else (None,) * 3
    return f"{year}-{month}-{day}" if day else None


def code_of(agency: str) -> str:
    """Return the agency's name as a code, which has letters and digits of ASCII only."""
    plain = unicodedata.normalize("NFD", agency.replace("Đ", "D").replace("đ", "d"))
    return re.sub(r"[^A-Za-z0-9._-]", "", plain.replace(" ", "-"))


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return read_rows()


@pytest.fixture(scope="module")
async def ministry(run_stack: RunStack, rows: list[Row]) -> AsyncIterator[RunningStack]:
    """The four services on 20 January 2017, with the ministry's agencies, a leader and all the tasks."""
    async with run_stack(begins=THE_DAY, accounts=False) as stack:
        await _create_accounts(stack, rows)
        for source in dict.fromkeys(row.source for row in rows):
            await _assign(stack.as_("minister"), source, [row for row in rows if row.source == source])
        await stack.wait_until_idle()
        yield stack


async def _create_accounts(ministry: RunningStack, rows: list[Row]) -> None:
    administrator = ministry.as_(ADMINISTRATOR)
    for name in dict.fromkeys(name for row in rows for name in row.agencies):
        expect(201, await administrator.post("/v1/agencies", {"code": code_of(name), "name": name, "kind": "unit"}))
    minister = {"username": "minister", "display_name": "Bộ trưởng", "role": "leader"}
    password = ministry.services.password_of("minister")
    expect(201, await administrator.post("/v1/accounts", {**minister, "password": password}))


async def _assign(minister: Caller, source: str, of_source: list[Row]) -> None:
    document = {"number": source, "issued_on": of_source[0].issued_on}
    batch = {"document": document, "items": [row.item() for row in of_source]}
    given = expect(201, await minister.post("/v1/task-batches", batch))
    assert given["count"] == len(of_source) == BY_DOCUMENT[source]


def test_the_spreadsheet_is_the_one_that_was_counted(rows: list[Row]) -> None:
    assert len(rows) == TOTAL
    assert {row.issued_on for row in rows} == {"2017-01-20"}
    assert [row.agencies[0] for row in rows if row.item().get("deadline")] == [OF_THE_DEADLINE]
    assert len({name for row in rows for name in row.agencies}) == NAMED_AGENCIES


async def test_every_task_is_as_the_ministry_wrote_it(ministry: RunningStack, rows: list[Row]) -> None:
    listed = expect(200, await ministry.as_("minister").get("/v1/tasks", limit=200))["items"]
    tasks = [expect(200, await ministry.as_("minister").get(f"/v1/tasks/{item['id']}")) for item in listed]
    by_title = {task["title"]: task for task in tasks}
    assert len(tasks) == len(by_title) == TOTAL
    for row in rows:
        task = by_title[" ".join(unicodedata.normalize("NFC", row.title).split())]
        lead, *others = (code_of(name) for name in row.agencies)
        assert (task["lead_agency"], task["coordinating_agencies"]) == (lead, others)
        assert (task["document"]["number"], task["document"]["issued_on"]) == (row.source, "2017-01-20")
        dated = row.term == "31/03/2017"
        assert task["deadline"] == (THE_ONE_DEADLINE if dated else None)
        assert task["deadline_text"] == (None if dated else row.term or None)


async def test_the_summary_equals_the_numbers_counted_by_hand(ministry: RunningStack) -> None:
    by_agency = await ministry.as_("minister").summary(group_by="agency")
    assert {row["name"]: row["total"] for row in by_agency["items"]} == BY_LEAD
    assert {row["name"]: (row["no_deadline"], row["on_track"]) for row in by_agency["items"]} == {
        name: (0, 1) if name == OF_THE_DEADLINE else (total, 0) for name, total in BY_LEAD.items()
    }
    by_document = await ministry.as_("minister").summary(group_by="document")
    assert {row["key"]: row["total"] for row in by_document["items"]} == {
        f"{number} (2017-01-20)": total for number, total in BY_DOCUMENT.items()
    }
    for group_by in ("agency", "document", "assigner", "field", "month"):
        summary = await ministry.as_("minister").summary(group_by=group_by)
        assert is_as_counted(summary["total"], no_deadline=26, on_track=1, not_received=27), group_by
    by_month = await ministry.as_("minister").summary(group_by="month")
    assert [(row["key"], row["total"]) for row in by_month["items"]] == [("2017-01", TOTAL)]


async def test_in_april_the_one_deadline_is_missed_and_all_others_are_not(ministry: RunningStack) -> None:
    ministry.set_time(AFTER_THE_DEADLINE)
    await ministry.wait_until_idle()
    summary = await ministry.as_("minister").summary(group_by="agency")
    counts = {"no_deadline": 26, "overdue": 1, "not_received": 27, "missed": 1, "explanations_due": 1}
    assert is_as_counted(summary["total"], **counts, completion_rate=0.0, on_time_rate=0.0)
    assert [row["name"] for row in summary["items"] if row["overdue"]] == [OF_THE_DEADLINE]


def is_as_counted(row: Mapping[str, Any], **counts: float) -> bool:
    """Whether a row of all tasks counts this and nothing else."""
    found = {name: value for name, value in row.items() if name not in {"key", "name", "total"} and value is not None}
    assert {name: value for name, value in found.items() if value or name in counts} == counts
    return bool(row["total"] == TOTAL)
