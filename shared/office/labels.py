"""The office's words for what the code names, and how the office writes dates, numbers and documents.

Vietnamese is first. A label stands alone (in a table, on a button); `inside` gives it as part of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum
from typing import Final

from shared.office.vocabulary import (
    AgencyKind,
    Authority,
    Cause,
    DueKind,
    ExplanationState,
    ExtensionState,
    Priority,
    ReportState,
    RequestState,
    Role,
    Scope,
    Stage,
    Timeliness,
    WaitKind,
)


class Language(StrEnum):
    VIETNAMESE = "vi"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Label:
    vi: str
    en: str

    def text(self, language: Language = Language.VIETNAMESE) -> str:
        """Return the label as it stands alone."""
        return self.vi if language is Language.VIETNAMESE else self.en

    def inside(self, language: Language = Language.VIETNAMESE) -> str:
        """Return the label as it stands inside a sentence."""
        text = self.text(language)
        return text[:1].lower() + text[1:]


ROLES: Final[Mapping[Role, Label]] = {
    Role.ADMINISTRATOR: Label("Quản trị hệ thống", "System administrator"),
    Role.LEADER: Label("Lãnh đạo Ủy ban nhân dân tỉnh", "Leader of the provincial People's Committee"),
    Role.COORDINATOR: Label(
        "Chuyên viên theo dõi, đôn đốc (Văn phòng Ủy ban nhân dân tỉnh)",
        "Coordinator (Office of the provincial People's Committee)",
    ),
    Role.HEAD: Label("Thủ trưởng cơ quan", "Head of agency"),
    Role.CLERK: Label("Văn thư", "Records clerk"),
    Role.OFFICER: Label("Chuyên viên thực hiện", "Officer in charge"),
    Role.AUDITOR: Label("Kiểm tra, giám sát (chỉ xem)", "Auditor (read only)"),
    Role.SERVICE: Label("Phần mềm của cơ quan", "Program of an agency"),
}
SCOPES: Final[Mapping[Scope, Label]] = {
    Scope.TASKS_READ: Label("Xem nhiệm vụ", "Read tasks"),
    Scope.TASKS_ACT: Label("Xử lý nhiệm vụ", "Act on tasks"),
}
AGENCY_KINDS: Final[Mapping[AgencyKind, Label]] = {
    AgencyKind.OFFICE: Label("Văn phòng", "Office"),
    AgencyKind.DEPARTMENT: Label("Sở, ban, ngành", "Department"),
    AgencyKind.COMMUNE: Label("Xã, phường", "Commune or ward"),
    AgencyKind.UNIT: Label("Đơn vị trực thuộc", "Subordinate unit"),
    AgencyKind.OTHER: Label("Khác", "Other"),
}
AUTHORITIES: Final[Mapping[Authority, Label]] = {
    Authority.COMMITTEE: Label("Ủy ban nhân dân tỉnh", "Provincial People's Committee"),
    Authority.CHAIR: Label("Chủ tịch", "Chair"),
    Authority.VICE_CHAIR: Label("Phó Chủ tịch", "Vice Chair"),
}
PRIORITIES: Final[Mapping[Priority, Label]] = {
    Priority.NORMAL: Label("Thường", "Normal"),
    Priority.URGENT: Label("Khẩn", "Urgent"),
    Priority.VERY_URGENT: Label("Thượng khẩn", "Very urgent"),
    Priority.EXPRESS: Label("Hỏa tốc", "Express"),
}
STAGES: Final[Mapping[Stage, Label]] = {
    Stage.ASSIGNED: Label("Chờ tiếp nhận", "Awaiting receipt"),
    Stage.RECEIVED: Label("Đã tiếp nhận", "Received"),
    Stage.IN_PROGRESS: Label("Đang thực hiện", "In progress"),
    Stage.REPORTED: Label("Đã báo cáo, chờ xác nhận", "Reported, awaiting acceptance"),
    Stage.COMPLETED: Label("Đã hoàn thành", "Completed"),
    Stage.REFUSED: Label("Từ chối tiếp nhận", "Refused"),
    Stage.RECALLED: Label("Đã thu hồi", "Recalled"),
}
TIMELINESS: Final[Mapping[Timeliness, Label]] = {
    Timeliness.NO_DEADLINE: Label("Không quy định thời hạn", "No deadline"),
    Timeliness.ON_TRACK: Label("Trong hạn", "On track"),
    Timeliness.DUE_SOON: Label("Sắp đến hạn", "Due soon"),
    Timeliness.DUE_TODAY: Label("Đến hạn hôm nay", "Due today"),
    Timeliness.OVERDUE: Label("Quá hạn", "Overdue"),
    Timeliness.COMPLETED_ON_TIME: Label("Hoàn thành đúng hạn", "Completed on time"),
    Timeliness.COMPLETED_LATE: Label("Hoàn thành trễ hạn", "Completed late"),
    Timeliness.RECALLED: Label("Đã thu hồi", "Recalled"),
}
DUE_KINDS: Final[Mapping[DueKind, Label]] = {
    DueKind.DATE: Label("Theo ngày", "By date"),
    DueKind.MOMENT: Label("Theo giờ", "By hour"),
    DueKind.NONE: Label("Không quy định thời hạn", "No deadline"),
}
EXTENSION_STATES: Final[Mapping[ExtensionState, Label]] = {
    ExtensionState.NONE: Label("Chưa xin gia hạn", "No extension asked for"),
    ExtensionState.PENDING: Label("Đang xin gia hạn", "Extension asked for"),
    ExtensionState.USED: Label("Đã gia hạn (01 lần)", "Extended (once)"),
}
REQUEST_STATES: Final[Mapping[RequestState, Label]] = {
    RequestState.PENDING: Label("Chờ quyết định", "Awaiting decision"),
    RequestState.APPROVED: Label("Được đồng ý", "Approved"),
    RequestState.REFUSED: Label("Không được đồng ý", "Refused"),
    RequestState.LAPSED: Label("Hết hiệu lực", "Lapsed"),
}
REPORT_STATES: Final[Mapping[ReportState, Label]] = {
    ReportState.NONE: Label("Chưa báo cáo", "Not reported"),
    ReportState.SUBMITTED: Label("Đã báo cáo, chờ xác nhận", "Submitted, awaiting acceptance"),
    ReportState.RETURNED: Label("Bị trả lại", "Returned"),
    ReportState.ACCEPTED: Label("Được xác nhận hoàn thành", "Accepted"),
}
EXPLANATION_STATES: Final[Mapping[ExplanationState, Label]] = {
    ExplanationState.NONE: Label("Không phải giải trình", "No explanation due"),
    ExplanationState.REQUIRED: Label("Phải giải trình", "Explanation due"),
    ExplanationState.SUBMITTED: Label("Đã giải trình, chờ xem xét", "Submitted, awaiting a ruling"),
    ExplanationState.ACCEPTED: Label("Được chấp nhận", "Accepted"),
    ExplanationState.REFUSED: Label("Không được chấp nhận, phải giải trình lại", "Refused, due again"),
}
OBJECTIVE: Final = Label("Khách quan", "Objective")
SUBJECTIVE: Final = Label("Chủ quan", "Subjective")
CAUSE_KINDS: Final[Mapping[Cause, Label]] = {
    Cause.NATURAL_DISASTER: OBJECTIVE,
    Cause.EPIDEMIC: OBJECTIVE,
    Cause.LEGAL_CHANGE: OBJECTIVE,
    Cause.DEPENDENCY_ON_OTHER_AGENCY: OBJECTIVE,
    Cause.SLOW_DECISION: OBJECTIVE,
    Cause.RESOURCES: OBJECTIVE,
    Cause.SCOPE_CHANGED: OBJECTIVE,
    Cause.PLANNING: SUBJECTIVE,
    Cause.WORKLOAD: SUBJECTIVE,
    Cause.NEGLIGENCE: SUBJECTIVE,
    Cause.OTHER: SUBJECTIVE,
}
CAUSES: Final[Mapping[Cause, Label]] = {
    Cause.NATURAL_DISASTER: Label("Thiên tai", "Natural disaster"),
    Cause.EPIDEMIC: Label("Dịch bệnh", "Epidemic"),
    Cause.LEGAL_CHANGE: Label("Thay đổi quy định pháp luật", "Change of law"),
    Cause.DEPENDENCY_ON_OTHER_AGENCY: Label("Phụ thuộc cơ quan khác", "Dependency on another agency"),
    Cause.SLOW_DECISION: Label("Chậm có ý kiến của cấp trên", "Slow decision by superiors"),
    Cause.RESOURCES: Label("Thiếu nguồn lực, kinh phí", "Lack of resources or funds"),
    Cause.SCOPE_CHANGED: Label("Thay đổi nội dung, phạm vi nhiệm vụ", "Change of the task's content or scope"),
    Cause.PLANNING: Label("Chưa chủ động xây dựng kế hoạch", "Lack of planning"),
    Cause.WORKLOAD: Label("Quá tải công việc", "Workload"),
    Cause.NEGLIGENCE: Label("Thiếu trách nhiệm, chậm trễ", "Negligence"),
    Cause.OTHER: Label("Nguyên nhân khác", "Other cause"),
}
WAIT_KINDS: Final[Mapping[WaitKind, Label]] = {
    WaitKind.RECEIVE: Label("Chờ tiếp nhận", "To be received"),
    WaitKind.DELEGATE: Label("Chờ phân công thực hiện", "To be delegated"),
    WaitKind.PROGRESS: Label("Chờ cập nhật tiến độ", "Progress to be reported"),
    WaitKind.REPORT: Label("Chờ báo cáo kết quả", "Result to be reported"),
    WaitKind.EXPLAIN: Label("Chờ giải trình", "Explanation due"),
    WaitKind.REASSIGN: Label("Chờ giao lại", "To be reassigned"),
    WaitKind.DECIDE_EXTENSION: Label("Chờ quyết định gia hạn", "Extension to be decided"),
    WaitKind.DECIDE_REPORT: Label("Chờ xác nhận báo cáo", "Report to be decided"),
    WaitKind.DECIDE_EXPLANATION: Label("Chờ xem xét giải trình", "Explanation to be decided"),
}

# What may be done with a task: keyed by the path of the act, as `allowed_acts` names it.
ACTS: Final[Mapping[str, Label]] = {
    "receipt": Label("Tiếp nhận", "Receive"),
    "refusal": Label("Từ chối tiếp nhận", "Refuse"),
    "reassignment": Label("Chuyển cơ quan chủ trì", "Reassign"),
    "correction": Label("Đính chính", "Correct"),
    "deadline": Label("Ấn định thời hạn", "Set the deadline"),
    "delegation": Label("Phân công thực hiện", "Delegate"),
    "progress": Label("Cập nhật tiến độ", "Update progress"),
    "contribution": Label("Ý kiến phối hợp", "Contribute"),
    "extension": Label("Xin gia hạn", "Ask for an extension"),
    "extension/decision": Label("Quyết định gia hạn", "Decide on the extension"),
    "report": Label("Báo cáo kết quả", "Report"),
    "report/decision": Label("Xác nhận hoàn thành hoặc trả lại báo cáo", "Decide on the report"),
    "explanation": Label("Giải trình", "Explain"),
    "explanation/decision": Label("Xem xét giải trình", "Decide on the explanation"),
    "recall": Label("Thu hồi nhiệm vụ", "Recall"),
    "urging": Label("Đôn đốc", "Urge"),
}
# What happened: keyed by the name of the fact, which is the `act` of a history entry and part of its event's name.
FACTS: Final[Mapping[str, Label]] = {
    "assigned": Label("Giao nhiệm vụ", "Assigned"),
    "received": Label("Tiếp nhận", "Received"),
    "refused": Label("Từ chối tiếp nhận", "Refused"),
    "reassigned": Label("Chuyển cơ quan chủ trì", "Reassigned"),
    "corrected": Label("Đính chính", "Corrected"),
    "deadline_set": Label("Ấn định thời hạn", "Deadline set"),
    "delegated": Label("Phân công thực hiện", "Delegated"),
    "officer_left": Label("Chuyên viên thôi thực hiện, cần phân công lại", "Officer left, to be delegated anew"),
    "progressed": Label("Cập nhật tiến độ", "Progress updated"),
    "contributed": Label("Ý kiến phối hợp", "Contributed"),
    "extension_requested": Label("Xin gia hạn", "Extension asked for"),
    "extension_approved": Label("Đồng ý gia hạn", "Extension approved"),
    "extension_refused": Label("Không đồng ý gia hạn", "Extension refused"),
    "reported": Label("Báo cáo kết quả", "Reported"),
    "report_returned": Label("Trả lại báo cáo", "Report returned"),
    "completed": Label("Xác nhận hoàn thành", "Accepted as completed"),
    "recalled": Label("Thu hồi nhiệm vụ", "Recalled"),
    "urged": Label("Đôn đốc", "Urged"),
    "explanation_required": Label("Quá hạn, phải giải trình", "Overdue, explanation due"),
    "explanation_withdrawn": Label("Không còn phải giải trình", "Explanation no longer due"),
    "explanation_submitted": Label("Giải trình", "Explanation submitted"),
    "explanation_accepted": Label("Chấp nhận giải trình", "Explanation accepted"),
    "explanation_refused": Label("Không chấp nhận giải trình", "Explanation refused"),
}
# What a task is made of: keyed by the field that holds it.
TASK_FIELDS: Final[Mapping[str, Label]] = {
    "title": Label("Tên nhiệm vụ", "Title"),
    "description": Label("Nội dung chi tiết", "Description"),
    "lead_agency": Label("Cơ quan chủ trì", "Lead agency"),
    "coordinating_agencies": Label("Cơ quan phối hợp", "Coordinating agencies"),
    "monitor": Label("Cơ quan theo dõi", "Monitoring agency"),
    "assigner": Label("Người giao nhiệm vụ", "Assigner"),
    "document": Label("Văn bản giao", "Assigning document"),
    "number": Label("Số ký hiệu", "Number"),
    "summary": Label("Trích yếu", "Summary"),
    "product": Label("Sản phẩm", "Product"),
    "field": Label("Lĩnh vực", "Field"),
    "priority": Label("Độ khẩn", "Priority"),
    "directive": Label("Ý kiến chỉ đạo tháo gỡ", "Directive"),
}
# The columns of the synthesis form, in its order.
COLUMNS: Final[Mapping[str, Label]] = {
    "position": Label("TT", "No."),
    "name": Label("Cơ quan, đơn vị", "Agency"),
    "total": Label("Tổng số nhiệm vụ", "Tasks"),
    "completed": Label("Đã hoàn thành", "Completed"),
    "completed_on_time": Label("Đúng hạn", "On time"),
    "completed_late": Label("Trễ hạn", "Late"),
    "open": Label("Đang thực hiện", "In progress"),
    "on_track": Label("Trong hạn", "On track"),
    "due_soon": Label("Sắp đến hạn", "Due soon"),
    "overdue": Label("Quá hạn", "Overdue"),
    "no_deadline": Label("Không thời hạn", "No deadline"),
    "recalled": Label("Thu hồi", "Recalled"),
    "extensions": Label("Gia hạn", "Extensions"),
    "explanations": Label("Giải trình", "Explanations"),
    "completion_rate": Label("Tỷ lệ hoàn thành (%)", "Completion rate (%)"),
    "note": Label("Ghi chú", "Note"),
}

# Kinds of document by the abbreviation in their number; a number without one is that of an official letter.
_DOCUMENT_KINDS: Final[Mapping[str, Label]] = {
    "QĐ": Label("Quyết định", "Decision"),
    "NQ": Label("Nghị quyết", "Resolution"),
    "NĐ": Label("Nghị định", "Decree"),
    "TT": Label("Thông tư", "Circular"),
    "CT": Label("Chỉ thị", "Directive"),
    "KH": Label("Kế hoạch", "Plan"),
    "KL": Label("Kết luận", "Conclusion"),
    "TB": Label("Thông báo", "Notice"),
    "CĐ": Label("Công điện", "Telegram"),
    "CTr": Label("Chương trình", "Programme"),
    "ĐA": Label("Đề án", "Project"),
    "BC": Label("Báo cáo", "Report"),
    "TTr": Label("Tờ trình", "Submission"),
}
_ANY_DOCUMENT: Final = Label("Văn bản", "Document")
_TEN: Final = 10
_SWAPPED: Final = str.maketrans(",.", ".,")
_NUMBER: Final = re.compile(r"\d[\w.]*/(?:\d{4}/)?(?P<kind>\w+)")


def document_text(number: str, language: Language = Language.VIETNAMESE) -> str:
    """Name a document by its number: `123/QĐ-UBND-HC` is `Quyết định số 123/QĐ-UBND-HC`.

    A number that is already written with words stays as it is.
    """
    if not number[:1].isdigit():
        return number
    found = _NUMBER.match(number)
    kind = _DOCUMENT_KINDS.get(found["kind"], _ANY_DOCUMENT) if found else _ANY_DOCUMENT
    return f"{kind.text(language)} {Label('số', 'No.').text(language)} {number}"


def day_text(day: date) -> str:
    """Write `24/11/2026`."""
    return f"{day.day:02}/{day.month:02}/{day.year:04}"


def moment_text(moment: datetime, zone: tzinfo, language: Language = Language.VIETNAMESE) -> str:
    """Write a moment for a text: `15 giờ 30 phút ngày 24/11/2026`, in the office's time zone."""
    local = moment.astimezone(zone)
    if language is Language.VIETNAMESE:
        return f"{local.hour:02} giờ {local.minute:02} phút ngày {day_text(local)}"
    return f"{local.hour:02}:{local.minute:02} on {day_text(local)}"


def moment_cell(moment: datetime, zone: tzinfo) -> str:
    """Write a moment for a table: `24/11/2026 15:30`, in the office's time zone."""
    local = moment.astimezone(zone)
    return f"{day_text(local)} {local.hour:02}:{local.minute:02}"


def number_text(value: float, decimals: int = 2, language: Language = Language.VIETNAMESE) -> str:
    """Write `1.234,5`: at most so many decimals, without closing zeros."""
    text = f"{value:,.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if decimals else text
    return text if language is Language.ENGLISH else text.translate(_SWAPPED)


def percent_text(ratio: float, language: Language = Language.VIETNAMESE) -> str:
    """Write a ratio: 0.9862 is `98,62%`."""
    return f"{number_text(ratio * 100, language=language)}%"


def count_text(count: int, language: Language = Language.VIETNAMESE) -> str:
    """Write a count for a text: in Vietnamese `03`, as an office writes numbers below ten, and `1.234`."""
    return f"{count:02}" if language is Language.VIETNAMESE and count < _TEN else number_text(count, 0, language)


def working_days_text(days: int, language: Language = Language.VIETNAMESE) -> str:
    """Write a count of working days: `03 ngày làm việc`, numbers below ten with a zero before them."""
    if language is Language.VIETNAMESE:
        return f"{days:02} ngày làm việc"
    return f"{days} working day" if days == 1 else f"{days} working days"
