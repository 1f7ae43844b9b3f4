"""Notifications in Vietnamese, as an office writes them. The places in braces are described in `phrases.py`."""

from typing import Final

from services.notification.templates.book import Book, Note, Reader
from shared.office.vocabulary import Authority

_NOTES: Final = {
    "task.assigned": {
        Reader.LEAD: Note(
            "Nhiệm vụ mới được giao{urgency}",
            "{giver} giao {lead} chủ trì thực hiện {task}, {term}. "
            "Đề nghị cơ quan tiếp nhận chậm nhất {receipt_due} và tổ chức thực hiện.",
        ),
        Reader.COORDINATING: Note(
            "Nhiệm vụ được giao phối hợp{urgency}",
            "{giver} giao {lead} chủ trì thực hiện {task}, {term}. "
            "Đề nghị cơ quan chủ động phối hợp với cơ quan chủ trì.",
        ),
        Reader.MONITOR: Note(
            "Nhiệm vụ được giao theo dõi{urgency}",
            "{giver} giao {lead} chủ trì thực hiện {task}, {term}. Đề nghị cơ quan theo dõi, đôn đốc việc thực hiện.",
        ),
    },
    "task.received": {
        Reader.LEAD: Note(
            "Văn thư đã tiếp nhận, trình nhiệm vụ{urgency}",
            "Văn thư {lead} đã tiếp nhận và trình {task}, {term}. "
            "Đề nghị Thủ trưởng cơ quan xem xét, phân công thực hiện.",
        ),
    },
    "task.refused": {
        Reader.DECIDER: Note(
            "{lead} từ chối tiếp nhận nhiệm vụ",
            "{lead} từ chối tiếp nhận {task}{reason}. "
            "Đề nghị {decider} xem xét, chuyển cơ quan chủ trì hoặc thu hồi nhiệm vụ.",
        ),
    },
    "task.reassigned": {
        Reader.LEAD: Note(
            "Nhiệm vụ được chuyển đến cơ quan{urgency}",
            "{giver} {handover} chủ trì thực hiện, {term}{reason}. "
            "Đề nghị cơ quan tiếp nhận chậm nhất {receipt_due} và tổ chức thực hiện.",
        ),
        Reader.FORMER_LEAD: Note(
            "Nhiệm vụ đã chuyển sang cơ quan khác",
            "{giver} {handover} chủ trì thực hiện{reason}. "
            "Đề nghị cơ quan bàn giao hồ sơ, tài liệu liên quan cho {lead}.",
        ),
        Reader.FORMER_OFFICER: Note(
            "Nhiệm vụ đã chuyển sang cơ quan khác",
            "{giver} {handover} chủ trì thực hiện{reason}. "
            "Đề nghị đồng chí dừng thực hiện và bàn giao hồ sơ, tài liệu liên quan.",
        ),
        Reader.COORDINATING: Note(
            "Thay đổi cơ quan chủ trì nhiệm vụ",
            "{giver} {handover} chủ trì thực hiện, {term}{reason}. Đề nghị cơ quan tiếp tục phối hợp với {lead}.",
        ),
        Reader.MONITOR: Note(
            "Thay đổi cơ quan chủ trì nhiệm vụ",
            "{giver} {handover} chủ trì thực hiện, {term}{reason}. "
            "Đề nghị cơ quan tiếp tục theo dõi, đôn đốc việc thực hiện.",
        ),
    },
    "task.corrected": {
        Reader.LEAD: Note(
            "Nhiệm vụ được đính chính",
            "{giver} đính chính {task}{reason}. Đề nghị cơ quan thực hiện theo nội dung đã đính chính.",
        ),
        Reader.COORDINATING: Note(
            "Cơ quan được bổ sung phối hợp thực hiện nhiệm vụ",
            "{giver} bổ sung cơ quan phối hợp với {lead} thực hiện {task}, {term}{reason}. "
            "Đề nghị cơ quan chủ động phối hợp với cơ quan chủ trì.",
        ),
        Reader.MONITOR: Note(
            "Cơ quan được giao theo dõi nhiệm vụ",
            "{giver} giao cơ quan theo dõi {task} do {lead} chủ trì thực hiện, {term}{reason}. "
            "Đề nghị cơ quan theo dõi, đôn đốc việc thực hiện.",
        ),
        Reader.TAKEN_OUT: Note(
            "Cơ quan thôi tham gia nhiệm vụ",
            "{giver} đính chính {task} do {lead} chủ trì thực hiện, "
            "theo đó cơ quan không còn phối hợp hoặc theo dõi nhiệm vụ này{reason}. "
            "Đề nghị cơ quan dừng việc phối hợp, theo dõi.",
        ),
    },
    "task.deadline_set": {
        Reader.LEAD: Note(
            "Nhiệm vụ được ấn định thời hạn",
            "{giver} ấn định thời hạn hoàn thành {task} là {due_on}{reason}. Đề nghị cơ quan hoàn thành đúng thời hạn.",
        ),
    },
    "task.delegated": {
        Reader.OFFICER: Note(
            "Nhiệm vụ được phân công{urgency}",
            "{lead} phân công đồng chí thực hiện {task}, {term}{instruction}. "
            "Đề nghị đồng chí thực hiện và cập nhật tiến độ.",
        ),
        Reader.FORMER_OFFICER: Note(
            "Nhiệm vụ đã chuyển người khác thực hiện",
            "{lead} chuyển {task} từ đồng chí sang {officer} thực hiện. "
            "Đề nghị đồng chí bàn giao hồ sơ, tài liệu liên quan.",
        ),
    },
    "task.officer_left": {
        Reader.LEAD: Note(
            "Chuyên viên thôi thực hiện nhiệm vụ, cần phân công lại",
            "Chuyên viên được phân công thực hiện {task} không còn là chuyên viên của {lead}. "
            "Đề nghị Thủ trưởng cơ quan phân công chuyên viên khác, {term}.",
        ),
    },
    "task.extension_requested": {
        Reader.DECIDER: Note(
            "{lead} xin gia hạn nhiệm vụ",
            "{lead} xin gia hạn {task} từ {due} đến {asked}{reason}. Đề nghị {decider} xem xét, quyết định.",
        ),
    },
    "task.extension_approved": {
        Reader.LEAD: Note(
            "Được đồng ý gia hạn nhiệm vụ",
            "{giver} đồng ý gia hạn {task} đến {due}{reason}. "
            "Đề nghị cơ quan hoàn thành đúng thời hạn này vì mỗi nhiệm vụ chỉ được gia hạn 01 lần.",
        ),
    },
    "task.extension_refused": {
        Reader.LEAD: Note(
            "Không được đồng ý gia hạn nhiệm vụ",
            "{giver} không đồng ý gia hạn {task} đến {asked}{reason}. "
            "Đề nghị cơ quan thực hiện theo thời hạn đã giao ({due}).",
        ),
    },
    "task.reported": {
        Reader.DECIDER: Note(
            "{lead} báo cáo kết quả nhiệm vụ",
            "{lead} đã báo cáo kết quả thực hiện {task}. "
            "Đề nghị {decider} xem xét, xác nhận hoàn thành hoặc trả lại báo cáo.",
        ),
    },
    "task.report_returned": {
        Reader.LEAD: Note(
            "Báo cáo kết quả bị trả lại",
            "{giver} trả lại báo cáo kết quả thực hiện {task}{reason}. "
            "Đề nghị cơ quan tiếp tục thực hiện và báo cáo lại, {term}.",
        ),
        Reader.OFFICER: Note(
            "Báo cáo kết quả bị trả lại",
            "{giver} trả lại báo cáo kết quả thực hiện {task}{reason}. "
            "Đề nghị đồng chí tiếp tục thực hiện và cập nhật tiến độ, {term}.",
        ),
    },
    "task.completed": {
        Reader.LEAD: Note(
            "Nhiệm vụ được xác nhận hoàn thành",
            "{giver} xác nhận {task} {outcome}. Cơ quan không phải báo cáo thêm về kết quả thực hiện.",
        ),
        Reader.OFFICER: Note(
            "Nhiệm vụ được xác nhận hoàn thành",
            "{giver} xác nhận {task} {outcome}. Đồng chí không phải cập nhật thêm tiến độ.",
        ),
        Reader.COORDINATING: Note(
            "Nhiệm vụ phối hợp đã hoàn thành",
            "{giver} xác nhận {task} do {lead} chủ trì {outcome}. Thông báo để cơ quan biết.",
        ),
        Reader.MONITOR: Note(
            "Nhiệm vụ theo dõi đã hoàn thành",
            "{giver} xác nhận {task} do {lead} chủ trì {outcome}. Thông báo để cơ quan kết thúc theo dõi.",
        ),
    },
    "task.recalled": {
        Reader.LEAD: Note(
            "Nhiệm vụ đã được thu hồi",
            "{giver} thu hồi {task}{reason}. Đề nghị cơ quan dừng thực hiện.",
        ),
        Reader.OFFICER: Note(
            "Nhiệm vụ đã được thu hồi",
            "{giver} thu hồi {task}{reason}. Đề nghị đồng chí dừng thực hiện.",
        ),
        Reader.COORDINATING: Note(
            "Nhiệm vụ phối hợp đã được thu hồi",
            "{giver} thu hồi {task} do {lead} chủ trì{reason}. Đề nghị cơ quan dừng phối hợp.",
        ),
        Reader.MONITOR: Note(
            "Nhiệm vụ theo dõi đã được thu hồi",
            "{giver} thu hồi {task} do {lead} chủ trì{reason}. Đề nghị cơ quan dừng theo dõi.",
        ),
    },
    "task.urged": {
        Reader.LEAD: Note(
            "{actor} đôn đốc thực hiện nhiệm vụ",
            "{actor} đôn đốc thực hiện {task}, {term}{message}. "
            "Đề nghị cơ quan khẩn trương thực hiện và báo cáo kết quả.",
        ),
        Reader.OFFICER: Note(
            "{actor} đôn đốc thực hiện nhiệm vụ",
            "{actor} đôn đốc thực hiện {task}, {term}{message}. "
            "Đề nghị đồng chí khẩn trương thực hiện và cập nhật tiến độ.",
        ),
    },
    "task.explanation_required": {
        Reader.LEAD: Note(
            "Nhiệm vụ quá hạn, phải giải trình",
            "{Task} {late}. Đề nghị cơ quan giải trình bằng văn bản chậm nhất {explanation_due}.",
        ),
        Reader.OFFICER: Note(
            "Nhiệm vụ quá hạn, phải giải trình",
            "{Task} {late}. "
            "Đề nghị đồng chí tham mưu Thủ trưởng cơ quan giải trình bằng văn bản chậm nhất {explanation_due}.",
        ),
        Reader.MONITOR: Note(
            "Nhiệm vụ được giao theo dõi đã quá hạn",
            "{Task} do {lead} chủ trì thực hiện {late}. Đề nghị cơ quan đôn đốc việc thực hiện, giải trình.",
        ),
    },
    "task.explanation_submitted": {
        Reader.DECIDER: Note(
            "{lead} giải trình nhiệm vụ quá hạn",
            "{lead} đã giải trình về việc quá hạn {task}{cause}. Đề nghị {decider} xem xét, cho ý kiến.",
        ),
    },
    "task.explanation_accepted": {
        Reader.LEAD: Note(
            "Giải trình được chấp nhận",
            "{giver} chấp nhận giải trình về {task}{directive}. Đề nghị cơ quan thực hiện đúng nội dung đã giải trình.",
        ),
    },
    "task.explanation_refused": {
        Reader.LEAD: Note(
            "Giải trình không được chấp nhận",
            "{giver} không chấp nhận giải trình về {task}{reason}{directive}. "
            "Đề nghị cơ quan giải trình lại bằng văn bản chậm nhất {explanation_due}.",
        ),
    },
    "deadline.due_soon": {
        Reader.LEAD: Note(
            "Nhiệm vụ sắp đến hạn",
            "{Task} đến hạn {due_on}{left}. Đề nghị cơ quan hoàn thành và báo cáo kết quả đúng thời hạn.",
        ),
        Reader.OFFICER: Note(
            "Nhiệm vụ sắp đến hạn",
            "{Task} đến hạn {due_on}{left}. Đề nghị đồng chí hoàn thành và cập nhật tiến độ đúng thời hạn.",
        ),
    },
    "deadline.due_today": {
        Reader.LEAD: Note(
            "Nhiệm vụ đến hạn hôm nay",
            "{Task} đến hạn hôm nay, {due_on}. Đề nghị cơ quan hoàn thành và báo cáo kết quả trong thời hạn.",
        ),
        Reader.OFFICER: Note(
            "Nhiệm vụ đến hạn hôm nay",
            "{Task} đến hạn hôm nay, {due_on}. Đề nghị đồng chí hoàn thành và cập nhật tiến độ trong thời hạn.",
        ),
    },
    "deadline.receipt_overdue": {
        Reader.LEAD: Note(
            "Nhiệm vụ quá thời hạn tiếp nhận",
            "{lead} chưa tiếp nhận {task} trong thời hạn quy định. "
            "Đề nghị cơ quan tiếp nhận ngay và tổ chức thực hiện.",
        ),
        Reader.DECIDER: Note(
            "{lead} chưa tiếp nhận nhiệm vụ",
            "{lead} chưa tiếp nhận {task} trong thời hạn quy định. "
            "Đề nghị {decider} đôn đốc hoặc chuyển cơ quan chủ trì.",
        ),
    },
    "deadline.report_missing": {
        Reader.LEAD: Note(
            "Nhiệm vụ đã thực hiện xong, chưa báo cáo",
            "{Task} đã đạt tiến độ 100% nhưng chưa có báo cáo kết quả. "
            "Đề nghị cơ quan báo cáo kết quả để được xác nhận hoàn thành.",
        ),
        Reader.OFFICER: Note(
            "Nhiệm vụ đã thực hiện xong, chưa báo cáo",
            "{Task} đã đạt tiến độ 100% nhưng chưa có báo cáo kết quả. "
            "Đề nghị đồng chí trình Thủ trưởng cơ quan báo cáo kết quả.",
        ),
    },
    "deadline.explanation_overdue": {
        Reader.LEAD: Note(
            "Quá thời hạn giải trình",
            "{lead} chưa giải trình về việc quá hạn {task} trong thời hạn quy định. "
            "Đề nghị cơ quan giải trình ngay bằng văn bản.",
        ),
        Reader.DECIDER: Note(
            "{lead} chưa giải trình nhiệm vụ quá hạn",
            "{lead} chưa giải trình về việc quá hạn {task} trong thời hạn quy định. "
            "Đề nghị {decider} xem xét, chỉ đạo.",
        ),
    },
}

_FRAGMENTS: Final = {
    "task": 'nhiệm vụ "{title}"{document}',
    "document": " ({document})",
    "urgency": " ({priority})",
    "on_day": "ngày {day}",
    "term": "thời hạn hoàn thành {due}",
    "term_in_words": 'thời hạn: "{words}"',
    "no_term": "không quy định thời hạn",
    "handed_over": "chuyển {task} từ {former} sang {lead}",
    "handed_back": "giao lại {task} cho {lead}",
    "handed": "chuyển {task} sang {lead}",
    "officer": "đồng chí {name}",
    "another_officer": "đồng chí khác",
    "reason": ', lý do: "{words}"',
    "message": ', nội dung đôn đốc: "{words}"',
    "instruction": ', ý kiến chỉ đạo: "{words}"',
    "directive": ', ý kiến chỉ đạo tháo gỡ: "{words}"',
    "cause": ", nguyên nhân: {cause}",
    "left": ", còn {days}",
    "late": "đã quá hạn (thời hạn {due})",
    "late_by": "đã quá hạn {days} (thời hạn {due})",
    "completed": "đã hoàn thành",
    "completed_on_time": "hoàn thành đúng hạn",
    "completed_late": "hoàn thành trễ hạn",
    "assigner": "Lãnh đạo",
    "entered_by": "tham mưu Lãnh đạo",
}

BOOK: Final = Book(
    notes=_NOTES,
    tasks_waiting=Note(
        "Có {count} nhiệm vụ đang chờ tiếp nhận",
        "Có {count} nhiệm vụ giao cơ quan chủ trì đang chờ tiếp nhận. Đề nghị cơ quan tiếp nhận và tổ chức thực hiện.",
    ),
    fragments=_FRAGMENTS,
    givers={
        None: "Lãnh đạo Ủy ban nhân dân tỉnh",
        Authority.COMMITTEE: "Ủy ban nhân dân tỉnh",
        Authority.CHAIR: "Chủ tịch Ủy ban nhân dân tỉnh",
        Authority.VICE_CHAIR: "Phó Chủ tịch Ủy ban nhân dân tỉnh",
    },
)
