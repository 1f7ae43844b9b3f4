"""The texts for what is wrong with a field; they say how to correct it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shared.office.labels import Label, Language
from shared.office.refusal import FieldCode

FIELD_TEXTS: Mapping[str, Label] = MappingProxyType(
    {
        FieldCode.MISSING: Label("Thiếu mục bắt buộc. Đề nghị bổ sung.", "Required; add it."),
        FieldCode.UNKNOWN_FIELD: Label("Mục không có trong quy định. Đề nghị bỏ mục này.", "Unknown; leave it out."),
        FieldCode.WRONG_TYPE: Label("Sai kiểu dữ liệu. Đề nghị nhập đúng kiểu.", "Of the wrong type."),
        FieldCode.NOT_A_TEXT: Label("Phải là chuỗi văn bản.", "Must be a text."),
        FieldCode.NOT_A_NUMBER: Label("Phải là số, không để trong dấu nháy.", "Must be a number, without quotes."),
        FieldCode.NOT_A_BOOLEAN: Label("Phải là true hoặc false.", "Must be true or false."),
        FieldCode.NOT_A_LIST: Label("Phải là danh sách.", "Must be a list."),
        FieldCode.NOT_AN_OBJECT: Label("Phải là một đối tượng JSON.", "Must be a JSON object."),
        FieldCode.EMPTY: Label("Không được để trống. Đề nghị nhập nội dung.", "Must not be empty."),
        FieldCode.TOO_LONG: Label(
            "Dài quá quy định. Đề nghị rút gọn còn tối đa {max_length} ký tự.", "At most {max_length} characters."
        ),
        FieldCode.TOO_SHORT: Label("Phải có ít nhất {min_length} ký tự.", "At least {min_length} characters."),
        FieldCode.TOO_MANY: Label("Tối đa {max_length} mục. Đề nghị chia nhỏ.", "At most {max_length} entries."),
        FieldCode.TOO_FEW: Label("Phải có ít nhất {min_length} mục.", "At least {min_length} entries."),
        FieldCode.TOO_SMALL: Label("Phải từ {limit} trở lên.", "Must be {limit} or more."),
        FieldCode.TOO_LARGE: Label("Không được vượt quá {limit}.", "Must be {limit} or less."),
        FieldCode.NOT_ONE_OF: Label("Phải là một trong các giá trị: {expected}.", "Must be one of: {expected}."),
        FieldCode.BAD_FORMAT: Label("Không đúng định dạng quy định.", "Not in the expected form."),
        FieldCode.BAD_DATE: Label(
            "Ngày không hợp lệ. Đề nghị nhập theo dạng YYYY-MM-DD, từ năm 2000 đến năm 2100.",
            "Not a date; write YYYY-MM-DD, from 2000 to 2100.",
        ),
        FieldCode.BAD_MOMENT: Label(
            "Thời điểm không hợp lệ. Đề nghị nhập ngày, giờ kèm múi giờ, ví dụ 2026-11-24T15:30:00+07:00.",
            "Not a moment; write date, time and offset, such as 2026-11-24T15:30:00+07:00.",
        ),
        FieldCode.FORBIDDEN_CHARACTERS: Label(
            "Có ký tự điều khiển hoặc ký tự không hợp lệ. Đề nghị xóa các ký tự đó.",
            "Contains control or invalid characters; remove them.",
        ),
        FieldCode.BAD_JSON: Label(
            "Nội dung không phải JSON hợp lệ theo bảng mã UTF-8. Đề nghị kiểm tra lại.", "Not valid JSON in UTF-8."
        ),
        FieldCode.ONE_OF_TWO: Label(
            "Chỉ được ấn định theo ngày hoặc theo thời điểm. Đề nghị bỏ một trong hai mục.",
            "Give a day or a moment, not both.",
        ),
        FieldCode.IDS_OR_UNTIL: Label(
            "Chỉ nêu danh sách thông báo (ids) hoặc thời điểm (until). Đề nghị giữ một trong hai mục.",
            "Name either `ids` or `until`: one of them, and only one.",
        ),
        FieldCode.NOTHING_TO_CHANGE: Label(
            "Chưa có nội dung cần đính chính. Đề nghị nhập ít nhất một nội dung.", "Name at least one thing to change."
        ),
        FieldCode.TOO_MANY_TASKS: Label(
            "Một lần giao không quá 5.000 nhiệm vụ (mỗi cơ quan chủ trì một nhiệm vụ). Đề nghị chia thành nhiều lần.",
            "At most 5,000 tasks in a batch, one for each lead agency; divide it.",
        ),
        FieldCode.BAD_CURSOR: Label(
            "Con trỏ trang không hợp lệ hoặc thuộc danh sách khác. Đề nghị tải lại từ trang đầu.",
            "Broken, or of another list; start from the first page.",
        ),
        FieldCode.GIVEN_TWICE: Label(
            "Mục này được nêu nhiều lần. Đề nghị chỉ nêu một lần.", "Given more than once; give it once."
        ),
        FieldCode.INVALID: Label("Giá trị không hợp lệ. Đề nghị kiểm tra lại.", "Not valid."),
        FieldCode.UNKNOWN_AGENCY: Label("Không có cơ quan nào mang mã này.", "No agency has this code."),
        FieldCode.UNKNOWN_ACCOUNT: Label("Không có tài khoản nào mang tên này.", "No account has this name."),
        FieldCode.DISABLED_ACCOUNT: Label(
            "Tài khoản này đã bị khóa. Đề nghị chọn tài khoản đang hoạt động.",
            "This account is disabled; choose one that is not.",
        ),
        FieldCode.UNKNOWN_TASK: Label("Không có nhiệm vụ nào mang mã này.", "No task has this id."),
        FieldCode.NOT_A_LEADER: Label(
            "Người giao nhiệm vụ phải là lãnh đạo Ủy ban nhân dân tỉnh.", "The assigner must be a leader."
        ),
        FieldCode.NOT_AN_OFFICER: Label(
            "Phải là chuyên viên thực hiện đang hoạt động của cơ quan chủ trì. Đề nghị chọn người khác.",
            "Must be an active officer of the lead agency; choose somebody else.",
        ),
        FieldCode.SAME_AGENCY: Label(
            "Nhiệm vụ đang do cơ quan này chủ trì; chỉ giao lại khi cơ quan đã từ chối tiếp nhận. "
            "Đề nghị chọn cơ quan khác.",
            "The task is with this agency already; only one that refused it can get it again. Choose another.",
        ),
        FieldCode.DUPLICATE_AGENCY: Label(
            "Cơ quan được nêu nhiều lần; "
            "cơ quan chủ trì, cơ quan phối hợp và cơ quan theo dõi phải là các cơ quan khác nhau.",
            "The agency is named twice; lead, coordinating and monitoring agencies must differ.",
        ),
        FieldCode.IN_THE_PAST: Label(
            "Thời hạn đã qua. Đề nghị chọn thời điểm sau hiện tại.", "Already past; choose a later moment."
        ),
        FieldCode.TOO_FAR: Label(
            "Thời hạn quá xa, tối đa 10 năm kể từ hôm nay. Đề nghị chọn ngày không sau {latest}.",
            "Too far ahead: at most 10 years from today. Choose a day not after {latest}.",
        ),
        FieldCode.NOT_LATER: Label("Phải sau thời hạn hiện tại của nhiệm vụ.", "Must be later than the present term."),
        FieldCode.TOO_EARLY: Label(
            "Ngày quá sớm. Đề nghị chọn ngày không trước {earliest}.", "Too early; choose a day not before {earliest}."
        ),
        FieldCode.TOO_LATE: Label(
            "Ngày quá muộn. Đề nghị chọn ngày không sau {latest}.", "Too late; choose a day not after {latest}."
        ),
        FieldCode.UNCHANGED: Label("Trùng với nội dung hiện có của nhiệm vụ.", "The same as it is now."),
        FieldCode.NOT_RECALLED: Label(
            "Nhiệm vụ được thay thế phải là nhiệm vụ đã thu hồi.", "The replaced task must have been recalled."
        ),
        FieldCode.CIRCLE: Label(
            "Cơ quan cấp trên không thể là chính cơ quan này hoặc cơ quan trực thuộc của nó.",
            "The parent must be neither the agency itself nor one below it.",
        ),
        FieldCode.LAST_ADMINISTRATOR: Label(
            "Đây là quản trị hệ thống duy nhất đang hoạt động. Đề nghị giao quyền quản trị cho tài khoản khác trước.",
            "This is the last active administrator; make another one first.",
        ),
        FieldCode.WRONG_PASSWORD: Label("Mật khẩu hiện tại không đúng.", "The present password is wrong."),
        FieldCode.SAME_PASSWORD: Label(
            "Mật khẩu mới trùng với mật khẩu hiện tại. Đề nghị đặt mật khẩu khác.",
            "The same as the present password; choose another one.",
        ),
        FieldCode.COMMON_PASSWORD: Label(
            "Mật khẩu này nhiều người dùng nên dễ bị đoán. Đề nghị đặt mật khẩu khác, ví dụ một câu riêng của mình.",
            "Many people use this password; choose another one, such as a sentence of your own.",
        ),
        FieldCode.EASY_PASSWORD: Label(
            "Mật khẩu dễ đoán (từ thông dụng, dãy số, ký tự lặp lại). Đề nghị đặt dài hơn, thêm từ không liên quan.",
            "Easy to guess (common words, digits alone, repetitions); make it longer or add unrelated words.",
        ),
        FieldCode.CONTAINS_USERNAME: Label(
            "Mật khẩu có chứa tên đăng nhập. Đề nghị đặt mật khẩu không có tên đăng nhập.",
            "Contains the username; leave it out.",
        ),
        FieldCode.NOT_ALLOWED: Label(
            "Không được nhập mục này trong trường hợp này. Đề nghị bỏ mục này.", "Not allowed here; leave it out."
        ),
    }
)


def field_text(code: str, language: Language, values: Mapping[str, object]) -> str:
    """Return the text of a code; `values` are the bounds that the text names, never what was sent."""
    words = FIELD_TEXTS.get(code, FIELD_TEXTS[FieldCode.INVALID])
    return words.text(language).format_map(values)
