"""The office's words are complete, and dates and numbers are written as the office writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from shared.office import labels, vocabulary
from shared.office.labels import Label, Language

GOLDEN = Path(__file__).parent / "golden"
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
TABLES: dict[type[StrEnum], object] = {
    vocabulary.Role: labels.ROLES,
    vocabulary.Scope: labels.SCOPES,
    vocabulary.AgencyKind: labels.AGENCY_KINDS,
    vocabulary.Authority: labels.AUTHORITIES,
    vocabulary.Priority: labels.PRIORITIES,
    vocabulary.Stage: labels.STAGES,
    vocabulary.Timeliness: labels.TIMELINESS,
    vocabulary.DueKind: labels.DUE_KINDS,
    vocabulary.ExtensionState: labels.EXTENSION_STATES,
    vocabulary.RequestState: labels.REQUEST_STATES,
    vocabulary.ReportState: labels.REPORT_STATES,
    vocabulary.ExplanationState: labels.EXPLANATION_STATES,
    vocabulary.Cause: labels.CAUSES,
    vocabulary.WaitKind: labels.WAIT_KINDS,
}


def test_every_closed_set_of_words_has_a_table() -> None:
    declared = {
        kind
        for kind in vars(vocabulary).values()
        if isinstance(kind, type) and issubclass(kind, StrEnum) and kind is not StrEnum
    }
    assert set(TABLES) == declared


@pytest.mark.parametrize(("words", "table"), TABLES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_every_word_has_a_label_in_both_languages(words: type[StrEnum], table: dict[StrEnum, Label]) -> None:
    assert list(table) == list(words)
    assert all(label.vi.strip() and label.en.strip() for label in table.values())


def test_every_fact_of_the_contract_has_a_label() -> None:
    golden = {path.name.split(".")[1] for path in GOLDEN.glob("task.*.v1.json")}
    assert set(labels.FACTS) == golden


def test_seven_causes_are_objective() -> None:
    objective = [cause for cause, kind in labels.CAUSE_KINDS.items() if kind is labels.OBJECTIVE]
    assert objective == list(vocabulary.Cause)[:7]
    assert set(labels.CAUSE_KINDS) == set(vocabulary.Cause)


def test_a_label_inside_a_sentence_begins_small() -> None:
    label = labels.CAUSES[vocabulary.Cause.NATURAL_DISASTER]
    assert (label.text(), label.inside(), label.inside(Language.ENGLISH)) == (
        "Thiên tai",
        "thiên tai",
        "natural disaster",
    )


def test_a_day_is_written_day_first() -> None:
    assert labels.day_text(date(2026, 2, 3)) == "03/02/2026"


def test_a_moment_is_written_in_local_time() -> None:
    moment = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
    assert labels.moment_text(moment, HANOI) == "15 giờ 30 phút ngày 24/11/2026"
    assert labels.moment_text(moment, HANOI, Language.ENGLISH) == "15:30 on 24/11/2026"
    assert labels.moment_cell(moment, HANOI) == "24/11/2026 15:30"


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(1234.5, 2, "1.234,5"), (1234567, 2, "1.234.567"), (100, 0, "100"), (0, 2, "0"), (-0.25, 2, "-0,25")],
)
def test_a_number_has_a_point_for_thousands_and_a_comma_for_decimals(value: float, decimals: int, text: str) -> None:
    assert labels.number_text(value, decimals) == text


def test_a_number_in_english_is_the_other_way_round() -> None:
    assert labels.number_text(1234.5, language=Language.ENGLISH) == "1,234.5"


@pytest.mark.parametrize(("ratio", "text"), [(0.9862, "98,62%"), (1.0, "100%"), (0.0, "0%"), (0.5, "50%")])
def test_a_ratio_is_written_in_percent(ratio: float, text: str) -> None:
    assert labels.percent_text(ratio) == text


def test_working_days_are_counted_in_two_digits() -> None:
    assert labels.working_days_text(3) == "03 ngày làm việc"
    assert labels.working_days_text(12) == "12 ngày làm việc"
    assert labels.working_days_text(1, Language.ENGLISH) == "1 working day"
    assert labels.working_days_text(3, Language.ENGLISH) == "3 working days"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("123/QĐ-UBND-HC", "Quyết định số 123/QĐ-UBND-HC"),
        ("45/2026/NQ-HĐND", "Nghị quyết số 45/2026/NQ-HĐND"),
        ("07/CT-UBND", "Chỉ thị số 07/CT-UBND"),
        ("12729/VPCP-KGVX", "Văn bản số 12729/VPCP-KGVX"),
        ("2016", "Văn bản số 2016"),
        ("Công văn số 5/UBND", "Công văn số 5/UBND"),
        ("", ""),
    ],
)
def test_a_document_is_named_by_the_kind_in_its_number(number: str, text: str) -> None:
    assert labels.document_text(number) == text
