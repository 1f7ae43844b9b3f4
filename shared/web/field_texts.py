"""What is wrong with a field, in words that say how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from shared.office.labels import Language
from shared.office.refusal import FieldCode
from shared.web.language import Words


class InputCode(StrEnum):
    """What is wrong with a field by itself, whatever the office's state."""

    MISSING = "missing"
    UNKNOWN_FIELD = "unknown-field"
    WRONG_TYPE = "wrong-type"
    NOT_A_TEXT = "not-a-text"
    NOT_A_NUMBER = "not-a-number"
    NOT_A_BOOLEAN = "not-a-boolean"
    NOT_A_LIST = "not-a-list"
    NOT_AN_OBJECT = "not-an-object"
    EMPTY = "empty"
    TOO_LONG = "too-long"
    TOO_SHORT = "too-short"
    TOO_MANY = "too-many"
    TOO_FEW = "too-few"
    TOO_SMALL = "too-small"
    TOO_LARGE = "too-large"
    NOT_ONE_OF = "not-one-of"
    BAD_FORMAT = "bad-format"
    BAD_DATE = "bad-date"
    BAD_MOMENT = "bad-moment"
    FORBIDDEN_CHARACTERS = "forbidden-characters"
    BAD_JSON = "bad-json"
    BAD_CURSOR = "bad-cursor"
    ONE_OF_TWO = "one-of-two"
    NOTHING_TO_CHANGE = "nothing-to-change"
    TOO_MANY_TASKS = "too-many-tasks"
    INVALID = "invalid"


FIELD_TEXTS: Mapping[str, Words] = MappingProxyType(
    {
        InputCode.MISSING: Words("Thiếu mục bắt buộc. Đề nghị bổ sung.", "Required; add it."),
        InputCode.UNKNOWN_FIELD: Words("Mục không có trong quy định. Đề nghị bỏ mục này.", "Unknown; leave it out."),
        InputCode.WRONG_TYPE: Words("Sai kiểu dữ liệu. Đề nghị nhập đúng kiểu.", "Of the wrong type."),
        InputCode.NOT_A_TEXT: Words("Phải là chuỗi văn bản.", "Must be a text."),
        InputCode.NOT_A_NUMBER: Words("Phải là số, không để trong dấu nháy.", "Must be a number, without quotes."),
        InputCode.NOT_A_BOOLEAN: Words("Phải là true hoặc false.", "Must be true or false."),
        InputCode.NOT_A_LIST: Words("Phải là danh sách.", "Must be a list."),
        InputCode.NOT_AN_OBJECT: Words("Phải là một đối tượng JSON.", "Must be a JSON object."),
        InputCode.EMPTY: Words("Không được để trống. Đề nghị nhập nội dung.", "Must not be empty."),
        InputCode.TOO_LONG: Words(
            "Dài quá quy định. Đề nghị rút gọn còn tối đa {max_length} ký tự.", "At most {max_length} characters."
        ),
        InputCode.TOO_SHORT: Words("Phải có ít nhất {min_length} ký tự.", "At least {min_length} characters."),
        InputCode.TOO_MANY: Words("Tối đa {max_length} mục. Đề nghị chia nhỏ.", "At most {max_length} entries."),
        InputCode.TOO_FEW: Words("Phải có ít nhất {min_length} mục.", "At least {min_length} entries."),
        InputCode.TOO_SMALL: Words("Phải từ {limit} trở lên.", "Must be {limit} or more."),
        InputCode.TOO_LARGE: Words("Không được vượt quá {limit}.", "Must be {limit} or less."),
        InputCode.NOT_ONE_OF: Words("Phải là một trong các giá trị: {expected}.", "Must be one of: {expected}."),
        InputCode.BAD_FORMAT: Words("Không đúng định dạng quy định.", "Not in the expected form."),
        InputCode.BAD_DATE: Words(
            "Ngày không hợp lệ. Đề nghị nhập theo dạng YYYY-MM-DD, từ năm 2000 đến năm 2100.",
            "Not a date; write YYYY-MM-DD, from 2000 to 2100.",
        ),
        InputCode.BAD_MOMENT: Words(
            "Thời điểm không hợp lệ. Đề nghị nhập ngày, giờ kèm múi giờ, ví dụ 2026-11-24T15:30:00+07:00.",
            "Not a moment; write date, time and offset, such as 2026-11-24T15:30:00+07:00.",
        ),
        InputCode.FORBIDDEN_CHARACTERS: Words(
            "Có ký tự điều khiển hoặc ký tự không hợp lệ. Đề nghị xóa các ký tự đó.",
            "Contains control or invalid characters; remove them.",
        ),
        InputCode.BAD_JSON: Words(
            "Nội dung không phải JSON hợp lệ theo bảng mã UTF-8. Đề nghị kiểm tra lại.", "Not valid JSON in UTF-8."
        ),
        InputCode.ONE_OF_TWO: Words(
            "Chỉ được ấn định theo ngày hoặc theo thời điểm. Đề nghị bỏ một trong hai mục.",
            "Give a day or a moment, not both.",
        ),
        InputCode.NOTHING_TO_CHANGE: Words(
            "Chưa có nội dung cần đính chính. Đề nghị nhập ít nhất một nội dung.", "Name at least one thing to change."
        ),
        InputCode.TOO_MANY_TASKS: Words(
            "Một lần giao không quá 5.000 nhiệm vụ (mỗi cơ quan chủ trì một nhiệm vụ). Đề nghị chia thành nhiều lần.",
            "At most 5,000 tasks in a batch, one for each lead agency; divide it.",
        ),
        InputCode.BAD_CURSOR: Words(
            "Con trỏ trang không hợp lệ hoặc thuộc danh sách khác. Đề nghị tải lại từ trang đầu.",
            "Broken, or of another list; start from the first page.",
        ),
        InputCode.INVALID: Words("Giá trị không hợp lệ. Đề nghị kiểm tra lại.", "Not valid."),
        FieldCode.UNKNOWN_AGENCY: Words("Không có cơ quan nào mang mã này.", "No agency has this code."),
        FieldCode.UNKNOWN_ACCOUNT: Words("Không có tài khoản nào mang tên này.", "No account has this name."),
        FieldCode.UNKNOWN_TASK: Words("Không có nhiệm vụ nào mang mã này.", "No task has this id."),
        FieldCode.NOT_A_LEADER: Words(
            "Người giao nhiệm vụ phải là lãnh đạo Ủy ban nhân dân tỉnh.", "The assigner must be a leader."
        ),
        FieldCode.NOT_AN_OFFICER: Words("Phải là chuyên viên thực hiện.", "Must be an officer."),
        FieldCode.OTHER_AGENCY: Words(
            "Không thuộc cơ quan chủ trì. Đề nghị chọn người của cơ quan chủ trì.", "Not of the lead agency."
        ),
        FieldCode.SAME_AGENCY: Words(
            "Cơ quan chủ trì, cơ quan phối hợp và cơ quan theo dõi phải là các cơ quan khác nhau.",
            "Lead, coordinating and monitoring agencies must differ.",
        ),
        FieldCode.DUPLICATE_AGENCY: Words("Cơ quan được nêu nhiều lần.", "The agency is named twice."),
        FieldCode.IN_THE_PAST: Words(
            "Thời hạn đã qua. Đề nghị chọn thời điểm sau hiện tại.", "Already past; choose a later moment."
        ),
        FieldCode.NOT_LATER: Words("Phải sau thời hạn hiện tại của nhiệm vụ.", "Must be later than the present term."),
        FieldCode.NOT_RECALLED: Words(
            "Nhiệm vụ được thay thế phải là nhiệm vụ đã thu hồi.", "The replaced task must have been recalled."
        ),
        FieldCode.CIRCLE: Words(
            "Cơ quan cấp trên không thể là chính cơ quan này hoặc cơ quan trực thuộc của nó.",
            "The parent must be neither the agency itself nor one below it.",
        ),
        FieldCode.LAST_ADMINISTRATOR: Words(
            "Đây là quản trị hệ thống duy nhất đang hoạt động. Đề nghị giao quyền quản trị cho tài khoản khác trước.",
            "This is the last active administrator; make another one first.",
        ),
        FieldCode.WRONG_PASSWORD: Words("Mật khẩu hiện tại không đúng.", "The present password is wrong."),
        FieldCode.NOT_ALLOWED: Words(
            "Không được nhập mục này trong trường hợp này. Đề nghị bỏ mục này.", "Not allowed here; leave it out."
        ),
    }
)


def field_text(code: str, language: Language, values: Mapping[str, object]) -> str:
    """Say what is wrong; `values` are the bounds that the text names, never what was sent."""
    words = FIELD_TEXTS.get(code, FIELD_TEXTS[InputCode.INVALID])
    return words.in_(language).format_map(values)
