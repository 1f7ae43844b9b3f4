"""What each problem is called and how the reader gets out of it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

from shared.office.labels import Label
from shared.office.refusal import Code


class ProblemKind(NamedTuple):
    """A problem's status, its name and the remedy."""

    status: HTTPStatus
    title: Label
    detail: Label


KINDS: Mapping[Code, ProblemKind] = MappingProxyType(
    {
        Code.NOT_AUTHENTICATED: ProblemKind(
            HTTPStatus.UNAUTHORIZED,
            Label("Chưa đăng nhập hoặc phiên làm việc đã hết hạn", "Not signed in, or the session has ended"),
            Label("Đề nghị đăng nhập lại rồi thực hiện tiếp.", "Sign in again and repeat the request."),
        ),
        Code.NOT_PERMITTED: ProblemKind(
            HTTPStatus.FORBIDDEN,
            Label("Không có thẩm quyền thực hiện", "Not permitted"),
            Label(
                "Tài khoản không được giao thẩm quyền thực hiện việc này. Đề nghị liên hệ quản trị hệ thống nếu cần.",
                "The account may not do this. Ask the administrator if it should.",
            ),
        ),
        Code.PASSWORD_CHANGE_REQUIRED: ProblemKind(
            HTTPStatus.FORBIDDEN,
            Label("Phải đổi mật khẩu dùng một lần", "The one-time password must be changed"),
            Label(
                "Mật khẩu đang dùng chỉ dùng được một lần. Đề nghị đổi mật khẩu, đăng nhập lại rồi thực hiện tiếp.",
                "The present password is for one use. Set one of your own, sign in again and repeat the request.",
            ),
        ),
        Code.NOT_FOUND: ProblemKind(
            HTTPStatus.NOT_FOUND,
            Label("Không tìm thấy nội dung yêu cầu", "Not found"),
            Label(
                "Nội dung không tồn tại hoặc không thuộc phạm vi được xem. Đề nghị kiểm tra lại đường dẫn.",
                "It does not exist, or is outside what the account may see. Check the address.",
            ),
        ),
        Code.METHOD_NOT_ALLOWED: ProblemKind(
            HTTPStatus.METHOD_NOT_ALLOWED,
            Label("Phương thức không được hỗ trợ", "Method not allowed"),
            Label(
                "Đề nghị dùng một trong các phương thức nêu tại tiêu đề Allow.",
                "Use one of the methods named in the Allow header.",
            ),
        ),
        Code.ALREADY_EXISTS: ProblemKind(
            HTTPStatus.CONFLICT,
            Label("Đã tồn tại", "Already exists"),
            Label(
                "Mã, tên hoặc nội dung này đã có trong hệ thống. Đề nghị dùng nội dung đã có hoặc chọn mã, tên khác.",
                "This code, name or item is taken. Use what exists, or choose another.",
            ),
        ),
        Code.WRONG_STAGE: ProblemKind(
            HTTPStatus.CONFLICT,
            Label("Không phù hợp với trạng thái của nhiệm vụ", "The task's stage does not allow this"),
            Label(
                "Ở trạng thái hiện tại, nhiệm vụ không cho phép thực hiện việc này. "
                "Đề nghị xem lại trạng thái và các việc được phép thực hiện.",
                "The task does not allow this now. Reload it and see its stage and allowed acts.",
            ),
        ),
        Code.EXTENSION_ALREADY_USED: ProblemKind(
            HTTPStatus.CONFLICT,
            Label("Nhiệm vụ đã được gia hạn 01 lần", "The task was extended once already"),
            Label(
                "Theo quy định, mỗi nhiệm vụ chỉ được gia hạn 01 lần. Đề nghị báo cáo kết quả hoặc giải trình.",
                "A task is extended once only. Report the result, or explain.",
            ),
        ),
        Code.EXTENSION_PENDING: ProblemKind(
            HTTPStatus.CONFLICT,
            Label("Đang có đề nghị gia hạn chờ quyết định", "A request for an extension is waiting"),
            Label(
                "Đề nghị gia hạn trước phải được quyết định rồi mới thực hiện được việc này.",
                "The pending request must be decided first.",
            ),
        ),
        Code.DEADLINE_PASSED: ProblemKind(
            HTTPStatus.CONFLICT,
            Label("Đã quá thời hạn thực hiện việc này", "The term for this has passed"),
            Label(
                "Việc này chỉ được thực hiện trước khi hết thời hạn. Đề nghị báo cáo kết quả hoặc giải trình; "
                "người giao nhiệm vụ có thể thu hồi và giao nhiệm vụ mới.",
                "Its term has ended. Report or explain; the assigner may recall the task and assign anew.",
            ),
        ),
        Code.NO_DEADLINE: ProblemKind(
            HTTPStatus.CONFLICT,
            Label("Nhiệm vụ không quy định thời hạn", "The task has no deadline"),
            Label(
                "Nhiệm vụ chưa được ấn định thời hạn nên không có thời hạn để gia hạn.",
                "No deadline was set, so there is none to extend.",
            ),
        ),
        Code.EXPLANATION_REQUIRED: ProblemKind(
            HTTPStatus.CONFLICT,
            Label("Nhiệm vụ quá hạn chưa được giải trình", "An explanation is due first"),
            Label(
                "Nhiệm vụ quá hạn chỉ được xác nhận hoàn thành sau khi cơ quan chủ trì giải trình. "
                "Đề nghị cơ quan chủ trì giải trình bằng văn bản.",
                "A missed task is closed only after the lead agency has explained. Submit the explanation first.",
            ),
        ),
        Code.TASK_FULL: ProblemKind(
            HTTPStatus.CONFLICT,
            Label("Nhiệm vụ đã đạt số lần cập nhật tối đa", "The task takes no more entries of this kind"),
            Label(
                "Đề nghị báo cáo kết quả, hoặc thu hồi và giao nhiệm vụ mới.",
                "Report the result, or recall the task and assign anew.",
            ),
        ),
        Code.VERSION_CONFLICT: ProblemKind(
            HTTPStatus.PRECONDITION_FAILED,
            Label("Nội dung đã được người khác thay đổi", "Changed by someone else meanwhile"),
            Label("Đề nghị tải lại nội dung mới nhất rồi thực hiện lại.", "Reload the newest version and try again."),
        ),
        Code.IDEMPOTENCY_MISMATCH: ProblemKind(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            Label("Khóa chống gửi trùng đã dùng cho nội dung khác", "The idempotency key belongs to another body"),
            Label(
                "Đề nghị dùng khóa Idempotency-Key mới cho nội dung mới.",
                "Use a new Idempotency-Key for a new body.",
            ),
        ),
        Code.NOTHING_TO_CHANGE: ProblemKind(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            Label("Không có nội dung thay đổi", "Nothing to change"),
            Label(
                "Nội dung gửi lên trùng với nội dung hiện có nên không có gì để đính chính. "
                "Đề nghị nhập nội dung khác tại các mục nêu tại errors.",
                "What was sent is what there is already. Change one of the fields named in errors, or leave it.",
            ),
        ),
        Code.VALIDATION: ProblemKind(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            Label("Nội dung gửi lên chưa hợp lệ", "The request is not valid"),
            Label("Đề nghị sửa các mục nêu tại errors rồi gửi lại.", "Mend the fields named in errors and send again."),
        ),
        Code.TOO_LARGE: ProblemKind(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            Label("Lô nhiệm vụ quá lớn", "The batch is too large"),
            Label(
                "Nội dung của văn bản và của từng mục được lưu riêng cho mỗi nhiệm vụ; một lô được lưu tối đa 50 MB. "
                "Đề nghị rút gọn nội dung, hoặc chia thành nhiều lô có ít cơ quan chủ trì hơn.",
                "The texts of the document and of each item are stored for every task; a batch may write 50 MB in all. "
                "Shorten the texts, or send several batches with fewer lead agencies each.",
            ),
        ),
        Code.PAYLOAD_TOO_LARGE: ProblemKind(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            Label("Nội dung gửi lên quá lớn", "The body is too large"),
            Label("Đề nghị rút gọn hoặc chia thành nhiều lần gửi.", "Shorten it, or send it in parts."),
        ),
        Code.UNSUPPORTED_MEDIA_TYPE: ProblemKind(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            Label("Định dạng nội dung không được hỗ trợ", "Unsupported media type"),
            Label(
                "Đề nghị gửi Content-Type: application/json; riêng đăng nhập là application/x-www-form-urlencoded.",
                "Send Content-Type: application/json; for the token, application/x-www-form-urlencoded.",
            ),
        ),
        Code.MALFORMED_REQUEST: ProblemKind(
            HTTPStatus.BAD_REQUEST,
            Label("Yêu cầu không đúng giao thức HTTP", "Not a valid HTTP request"),
            Label("Đề nghị kiểm tra phần mềm gửi yêu cầu.", "Check the program that sent it."),
        ),
        Code.REQUEST_TIMEOUT: ProblemKind(
            HTTPStatus.REQUEST_TIMEOUT,
            Label("Yêu cầu được gửi đến quá chậm", "The request arrived too slowly"),
            Label(
                "Yêu cầu chưa được gửi đến đầy đủ nên chưa được thực hiện. Đề nghị kiểm tra đường truyền rồi gửi lại.",
                "It did not arrive in full, and nothing was done. Check the connection and send it again.",
            ),
        ),
        Code.HEAD_TOO_LARGE: ProblemKind(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            Label("Phần đầu của yêu cầu quá lớn", "The head of the request is too large"),
            Label(
                "Đề nghị rút gọn địa chỉ và các tiêu đề của yêu cầu rồi gửi lại.",
                "Shorten the address and the headers, and send it again.",
            ),
        ),
        Code.RATE_LIMITED: ProblemKind(
            HTTPStatus.TOO_MANY_REQUESTS,
            Label("Gửi yêu cầu quá nhiều lần", "Too many requests"),
            Label("Đề nghị thử lại sau thời gian nêu tại tiêu đề Retry-After.", "Try again after Retry-After."),
        ),
        Code.UNAVAILABLE: ProblemKind(
            HTTPStatus.SERVICE_UNAVAILABLE,
            Label("Hệ thống tạm thời gián đoạn", "Temporarily unavailable"),
            Label(
                "Nội dung chưa được ghi nhận chắc chắn. Đề nghị thử lại sau ít giây.",
                "It is not certain that anything was stored. Try again in a few seconds.",
            ),
        ),
        Code.INTERNAL: ProblemKind(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            Label("Hệ thống gặp lỗi", "Internal error"),
            Label(
                "Lỗi đã được ghi lại. Đề nghị thử lại; nếu vẫn lỗi, báo quản trị hệ thống mã tại tiêu đề X-Request-ID.",
                "It was logged. Try again; if it persists, give the X-Request-ID to the administrator.",
            ),
        ),
    }
)
