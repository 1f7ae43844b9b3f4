"""What notifications say."""

from __future__ import annotations

import string
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.notification.rules.routing import RECIPIENTS, Recipient
from services.notification.templates.book import READS_AS, Note, Reader
from services.notification.templates.material import material_of
from services.notification.templates.phrases import Phrases, quoted
from services.notification.templates.writing import BOOKS, write
from shared.events.envelope import Event
from shared.events.task import Explanation, Report
from shared.office.labels import Language
from shared.office.vocabulary import (
    Authority,
    Cause,
    DueKind,
    ExplanationState,
    Priority,
    ReportState,
    RequestState,
)
from tests.support.notification_events import (
    AGENCIES,
    ASSIGNED_AT,
    CALENDAR,
    account_told,
    asked,
    moment_told,
    task_told,
    told_of,
)

LATER = CALENDAR.start_of_day(date(2026, 12, 15), 9)
TASK = 'nhiệm vụ "Rà soát quỹ đất công" (Quyết định số 123/QĐ-UBND-HC)'
NO_DEADLINE: dict[str, Any] = {"deadline": None, "due_at": None, "due_kind": DueKind.NONE}


def note(event: Event[Any], recipient: Recipient, language: Language = Language.VIETNAMESE) -> Note:
    return write(material_of(event, AGENCIES, event.time), [recipient], CALENDAR)[recipient][language]


def text(event: Event[Any], recipient: Recipient = Recipient.HEAD_OF_LEAD) -> str:
    return note(event, recipient).text


def places(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def every_note() -> Iterator[tuple[Language, str, Reader, Note]]:
    for language, book in BOOKS.items():
        for kind, notes in book.notes.items():
            for reader, written in notes.items():
                yield language, kind, reader, written


@pytest.mark.parametrize("language", Language)
def test_there_is_a_text_for_everyone_who_is_told_and_for_nobody_else(language: Language) -> None:
    told = {(kind, READS_AS[recipient]) for kind, recipients in RECIPIENTS.items() for recipient in recipients}
    written = {(kind, reader) for which, kind, reader, _ in every_note() if which is language}
    assert written == told


@pytest.mark.parametrize(("language", "kind", "reader", "written"), list(every_note()))
def test_every_text_is_complete_and_calm(language: Language, kind: str, reader: Reader, written: Note) -> None:
    recipient = next(recipient for recipient, reads_as in READS_AS.items() if reads_as is reader)
    filled = note(told_of(kind), recipient, language)
    whole = filled.title + filled.text
    assert not set("{}!") & set(whole)
    assert "  " not in whole
    assert " ," not in whole
    assert filled.text.endswith(".")
    assert filled.text.replace("No. ", "").count(". ") == 1
    assert "Rà soát quỹ đất công" in filled.text


def test_every_phrase_is_used_and_every_place_is_filled_in_both_languages() -> None:
    facts = material_of(task_told("assigned"), AGENCIES, LATER)
    for language, book in BOOKS.items():
        phrases = Phrases(language, book, CALENDAR)
        known = phrases.of(facts).keys() | phrases.of_reader(Recipient.ASSIGNER).keys()
        used = {
            place for which, _, _, written in every_note() if which is language for place in places("".join(written))
        }
        assert used == known


def test_both_books_have_the_same_fragments_with_the_same_places() -> None:
    vietnamese, english = BOOKS[Language.VIETNAMESE], BOOKS[Language.ENGLISH]
    assert {name: places(fragment) for name, fragment in vietnamese.fragments.items()} == {
        name: places(fragment) for name, fragment in english.fragments.items()
    }
    assert set(vietnamese.givers) == set(english.givers) == {None, *Authority}


def test_a_new_task_tells_the_lead_what_and_until_when() -> None:
    assert note(task_told("assigned"), Recipient.CLERK_OF_LEAD) == (
        "Nhiệm vụ mới được giao",
        (
            f"Ủy ban nhân dân tỉnh giao Sở Tài chính chủ trì thực hiện {TASK}, thời hạn hoàn thành 10/12/2026. "
            "Đề nghị cơ quan tiếp nhận chậm nhất ngày 02/12/2026 và tổ chức thực hiện."
        ),
    )


def test_different_readers_are_expected_different_things() -> None:
    event = task_told("assigned")
    assert "chủ động phối hợp" in text(event, Recipient.HEADS_OF_COORDINATING)
    assert "theo dõi, đôn đốc" in text(event, Recipient.HEAD_OF_MONITOR)


def test_an_extension_asked_for_awaits_the_leader() -> None:
    event = task_told(
        "extension_requested",
        "gd-tai-chinh",
        extension=asked(RequestState.PENDING),
        details={"reason": "Chờ ý kiến Bộ Tài chính"},
    )
    assert note(event, Recipient.ASSIGNER) == (
        "Sở Tài chính xin gia hạn nhiệm vụ",
        (
            f"Sở Tài chính xin gia hạn {TASK} từ 10/12/2026 đến 25/12/2026, "
            'lý do: "Chờ ý kiến Bộ Tài chính". Đề nghị Lãnh đạo xem xét, quyết định.'
        ),
    )
    assert text(event, Recipient.ENTERED_BY).endswith("Đề nghị tham mưu Lãnh đạo xem xét, quyết định.")


def test_an_extension_granted_names_the_new_deadline() -> None:
    extended: dict[str, Any] = {"deadline": "2026-12-25", "due_at": CALENDAR.end_of_day(date(2026, 12, 25))}
    event = task_told("extension_approved", extension=asked(RequestState.APPROVED, decided_at=LATER), **extended)
    assert text(event).startswith(f"Ủy ban nhân dân tỉnh đồng ý gia hạn {TASK} đến 25/12/2026. ")


def test_an_extension_refused_names_what_was_asked_and_what_holds() -> None:
    event = task_told(
        "extension_refused",
        extension=asked(RequestState.REFUSED, decided_at=LATER),
        details={"reason": "Nhiệm vụ cấp bách"},
    )
    assert text(event) == (
        f'Ủy ban nhân dân tỉnh không đồng ý gia hạn {TASK} đến 25/12/2026, lý do: "Nhiệm vụ cấp bách". '
        "Đề nghị cơ quan thực hiện theo thời hạn đã giao (10/12/2026)."
    )


def test_an_overdue_task_says_by_how_many_working_days() -> None:
    explanation = Explanation(state=ExplanationState.REQUIRED, due_at=CALENDAR.end_of_day(date(2026, 12, 18)))
    late = task_told("explanation_required", "system", at=LATER, explanation=explanation)
    assert text(late) == (
        'Nhiệm vụ "Rà soát quỹ đất công" (Quyết định số 123/QĐ-UBND-HC) đã quá hạn 03 ngày làm việc '
        "(thời hạn 10/12/2026). Đề nghị cơ quan giải trình bằng văn bản chậm nhất ngày 18/12/2026."
    )
    at_once = task_told("explanation_required", "system", at=CALENDAR.end_of_day(date(2026, 12, 10)))
    assert "đã quá hạn (thời hạn 10/12/2026)" in text(at_once)


def test_an_explanation_names_its_cause() -> None:
    explanation = Explanation(state=ExplanationState.SUBMITTED, cause=Cause.NATURAL_DISASTER)
    event = task_told("explanation_submitted", "gd-tai-chinh", explanation=explanation)
    assert ", nguyên nhân: thiên tai. " in text(event, Recipient.ASSIGNER)


@pytest.mark.parametrize(
    ("day", "outcome"), [(10, "hoàn thành đúng hạn"), (11, "hoàn thành trễ hạn"), (None, "đã hoàn thành")]
)
def test_completion_says_whether_it_was_on_time(day: int | None, outcome: str) -> None:
    submitted_at = CALENDAR.end_of_day(date(2026, 12, day or 10))
    report = Report(state=ReportState.ACCEPTED, submitted_at=submitted_at)
    changes: dict[str, Any] = {"report": report} | ({} if day else NO_DEADLINE)
    assert f"{TASK} {outcome}. " in text(task_told("completed", **changes))


def test_a_reassignment_names_both_agencies() -> None:
    event = task_told("reassigned", details={"from_agency": "so-y-te", "reason": "Đúng thẩm quyền"})
    assert f'chuyển {TASK} từ Sở Y tế sang Sở Tài chính chủ trì thực hiện, lý do: "Đúng thẩm quyền". ' in text(
        event, Recipient.FORMER_HEAD
    )


def test_a_task_handed_back_is_not_handed_over() -> None:
    event = task_told("reassigned", details={"from_agency": "so-tai-chinh"})
    assert f"giao lại {TASK} cho Sở Tài chính" in text(event)


def test_urging_names_the_monitor_that_urged_and_its_words() -> None:
    event = task_told("urged", "chanh-thanh-tra", details={"message": "Báo cáo\ntrước thứ Sáu"})
    assert text(event).startswith("Thanh tra tỉnh đôn đốc thực hiện")
    assert ', nội dung đôn đốc: "Báo cáo trước thứ Sáu". ' in text(event)


def test_a_coordinator_acts_in_the_name_of_the_leader() -> None:
    event = task_told("urged", "dieu-phoi", authority=Authority.CHAIR)
    assert text(event).startswith("Chủ tịch Ủy ban nhân dân tỉnh đôn đốc")


def test_an_urgent_task_says_so_in_its_title() -> None:
    assert note(task_told("assigned", priority=Priority.EXPRESS), Recipient.HEAD_OF_LEAD).title == (
        "Nhiệm vụ mới được giao (hỏa tốc)"
    )


def test_a_task_without_a_deadline_says_so() -> None:
    assert ", không quy định thời hạn. " in text(task_told("assigned", **NO_DEADLINE))
    assert ', thời hạn: "hằng quý". ' in text(task_told("assigned", deadline_text="hằng quý", **NO_DEADLINE))


def test_a_term_that_ends_at_a_moment_is_written_with_its_hour() -> None:
    due: dict[str, Any] = {"due_at": datetime(2026, 12, 10, 8, 30, tzinfo=UTC), "due_kind": DueKind.MOMENT}
    assert ", thời hạn hoàn thành 15 giờ 30 phút ngày 10/12/2026. " in text(task_told("assigned", **due))


def test_a_deadline_is_written_as_given_and_a_reminder_names_the_day_it_rolled_to() -> None:
    saturday: dict[str, Any] = {"deadline": "2026-12-12", "due_at": CALENDAR.due_moment(date(2026, 12, 12))}
    assert "thời hạn hoàn thành 12/12/2026" in text(task_told("assigned", **saturday))
    wednesday = CALENDAR.start_of_day(date(2026, 12, 9), 7)
    reminder = moment_told("due_soon", rung=3, at=wednesday, **saturday)
    assert "đến hạn ngày 14/12/2026, còn 03 ngày làm việc. " in text(reminder)


@pytest.mark.parametrize(
    ("told_on", "left"),
    [(7, ", còn 03 ngày làm việc. "), (9, ", còn 01 ngày làm việc. "), (10, "đến hạn ngày 10/12/2026. ")],
)
def test_a_reminder_that_comes_late_counts_the_days_from_when_it_is_told(told_on: int, left: str) -> None:
    event = moment_told("due_soon", rung=3, at=CALENDAR.start_of_day(date(2026, 12, 7), 7))
    told_at = CALENDAR.start_of_day(date(2026, 12, told_on), 10)
    written = write(material_of(event, AGENCIES, told_at), [Recipient.HEAD_OF_LEAD], CALENDAR)
    assert left in written[Recipient.HEAD_OF_LEAD][Language.VIETNAMESE].text


def test_what_a_user_wrote_is_never_read_as_a_place() -> None:
    event = task_told("recalled", title="{giver} {0} {task.__class__}", details={"reason": "{reason} %s {{"})
    assert 'nhiệm vụ "{giver} {0} {task.__class__}"' in text(event)
    assert 'lý do: "{reason} %s {{"' in text(event)


@pytest.mark.parametrize("reason", [None, "", "   ", 7, {"$gt": ""}])
def test_a_reason_that_is_none_leaves_no_trace(reason: object) -> None:
    assert "lý do" not in text(task_told("recalled", details={"reason": reason}))


def test_a_long_text_is_cut_at_a_word() -> None:
    cut = quoted("từ " * 200)
    assert len(cut) <= 301
    assert cut.endswith("từ…")
    assert len(quoted("x" * 1000)) == 301


def test_a_task_without_a_document_has_no_parentheses() -> None:
    assert 'nhiệm vụ "Rà soát quỹ đất công", thời hạn' in text(task_told("assigned", document=None))


def test_english_is_offered() -> None:
    assert note(task_told("assigned", priority=Priority.URGENT), Recipient.HEAD_OF_LEAD, Language.ENGLISH) == (
        "New task assigned (urgent)",
        (
            'The provincial People\'s Committee assigned the task "Rà soát quỹ đất công" '
            "(Decision No. 123/QĐ-UBND-HC) to Sở Tài chính as the lead agency, due 10/12/2026. "
            "Please receive it by 02/12/2026 and carry it out."
        ),
    )


def test_a_change_of_the_directory_says_nothing() -> None:
    with pytest.raises(TypeError):
        material_of(account_told("chu-tich"), AGENCIES, LATER)


def test_the_time_of_an_entry_is_that_of_the_act() -> None:
    assert material_of(task_told("assigned"), AGENCIES, LATER).at == ASSIGNED_AT


def test_a_quoted_sentence_does_not_double_the_full_stop() -> None:
    assert quoted("Đề nghị khẩn trương.") == "Đề nghị khẩn trương"
    assert quoted("Còn nữa...") == "Còn nữa..."
