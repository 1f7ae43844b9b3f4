"""Who works in the demo province, and how they sign in. The people are invented."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from deploy.demo import agencies
from shared.office.vocabulary import Role, Scope

PASSWORD: Final = "dongthap-demo"  # noqa: S105 - every person of the demo has this one, which is easy to type
SERVICE_SCOPES: Final = (Scope.TASKS_READ, Scope.TASKS_ACT)

CHAIR: Final = "chutich"
VICE_ECONOMY: Final = "phochutich1"
VICE_BUILDING: Final = "phochutich2"
VICE_SOCIETY: Final = "phochutich3"
COORDINATORS: Final = {CHAIR: "theodoi1", VICE_ECONOMY: "theodoi1", VICE_BUILDING: "theodoi2", VICE_SOCIETY: "theodoi3"}
"""The coordinator who follows the tasks of each leader."""


@dataclass(frozen=True, slots=True)
class Person:
    """An account, of a person or of a program. It has no agency if the role needs none."""

    username: str
    display_name: str
    role: Role
    position: str
    agency: str | None = None


@dataclass(frozen=True, slots=True)
class Staff:
    """The people of an agency who work with tasks. Their usernames end with `handle`."""

    agency: str
    handle: str
    title: str
    head: str
    clerk: str
    officers: tuple[tuple[str, str], ...]
    """The name and unit of each."""

    def username(self, role: Role, number: int = 1) -> str:
        """Return the username for a role in the agency; `number` says which officer."""
        return f"{_OFFICE_OF[role]}{number if number > 1 else ''}.{self.handle}"

    def people(self) -> Iterator[Person]:
        yield Person(self.username(Role.HEAD), self.head, Role.HEAD, self.title, self.agency)
        yield Person(self.username(Role.CLERK), self.clerk, Role.CLERK, "Văn thư", self.agency)
        for number, (name, unit) in enumerate(self.officers, start=1):
            username = self.username(Role.OFFICER, number)
            yield Person(username, name, Role.OFFICER, f"Chuyên viên {unit}", self.agency)


_OFFICE_OF: Final = {
    Role.HEAD: "thutruong",
    Role.CLERK: "vanthu",
    Role.OFFICER: "chuyenvien",
    Role.SERVICE: "phanmem",
}

_STAFFS: Final = (
    Staff(
        agencies.FINANCE,
        "stc",
        "Giám đốc Sở Tài chính",
        "Nguyễn Hoàng Khôi",
        "Lê Thị Bích Trâm",
        (("Phan Minh Nhựt", "Phòng Quản lý ngân sách"), ("Đỗ Thị Ngọc Hân", "Phòng Đầu tư")),
    ),
    Staff(
        agencies.BUILDING,
        "sxd",
        "Giám đốc Sở Xây dựng",
        "Trần Quốc Bửu",
        "Huỳnh Thị Mỹ Duyên",
        (("Võ Thành Lộc", "Phòng Quản lý hạ tầng giao thông"), ("Ngô Kim Thoa", "Phòng Quy hoạch, kiến trúc")),
    ),
    Staff(
        agencies.FARMING,
        "snnmt",
        "Giám đốc Sở Nông nghiệp và Môi trường",
        "Lê Văn Út Hiền",
        "Nguyễn Thị Kiều Oanh",
        (("Trương Hoài Phong", "Phòng Trồng trọt"), ("Mai Thị Cẩm Tú", "Phòng Quản lý đất đai")),
    ),
    Staff(
        agencies.HOME_AFFAIRS,
        "snv",
        "Giám đốc Sở Nội vụ",
        "Phạm Thị Diễm Lệ",
        "Cao Thị Hồng Gấm",
        (("Lâm Chí Thiện", "Phòng Cải cách hành chính"),),
    ),
    Staff(
        agencies.EDUCATION,
        "sgddt",
        "Giám đốc Sở Giáo dục và Đào tạo",
        "Đặng Thị Thu Vân",
        "Bùi Ngọc Lan Chi",
        (("Hồ Tấn Đạt", "Phòng Kế hoạch, tài chính"),),
    ),
    Staff(
        agencies.HEALTH,
        "syt",
        "Giám đốc Sở Y tế",
        "Bùi Thế Hiển",
        "Trần Thị Yến Nhi",
        (("Nguyễn Lê Bảo Ngọc", "Phòng Nghiệp vụ y"),),
    ),
    Staff(
        agencies.TRADE,
        "sct",
        "Giám đốc Sở Công Thương",
        "Huỳnh Công Danh",
        "Đinh Thị Thanh Thúy",
        (("Lý Gia Hòa", "Phòng Quản lý thương mại"),),
    ),
    Staff(
        agencies.SCIENCE,
        "skhcn",
        "Giám đốc Sở Khoa học và Công nghệ",
        "Võ Nhật Quang",
        "Phan Thị Tuyết Nga",
        (("Châu Hữu Tín", "Phòng Chuyển đổi số"),),
    ),
    Staff(
        agencies.JUSTICE,
        "stp",
        "Giám đốc Sở Tư pháp",
        "Lưu Thị Minh Châu",
        "Nguyễn Thị Ái Vy",
        (("Tạ Đình Phúc", "Phòng Xây dựng và kiểm tra văn bản"),),
    ),
    Staff(
        agencies.CULTURE,
        "svhttdl",
        "Giám đốc Sở Văn hóa, Thể thao và Du lịch",
        "Dương Ngọc Sen",
        "Lê Thị Cúc Phương",
        (("Quách Thanh Tùng", "Phòng Quản lý du lịch"),),
    ),
    Staff(
        agencies.INSPECTORATE,
        "ttt",
        "Chánh Thanh tra tỉnh",
        "Trịnh Văn Nghĩa",
        "Võ Thị Kim Chi",
        (("Đoàn Quốc Việt", "Phòng Tiếp dân, xử lý đơn"),),
    ),
    Staff(
        agencies.ECONOMIC_ZONES,
        "bqlkkt",
        "Trưởng ban Ban Quản lý Khu kinh tế tỉnh",
        "Hà Minh Triết",
        "Nguyễn Thị Phương Uyên",
        (("Thái Hoàng Long", "Phòng Quản lý đầu tư"),),
    ),
    Staff(
        agencies.MY_THO,
        "mytho",
        "Chủ tịch Ủy ban nhân dân phường Mỹ Tho",
        "Ngô Thanh Phương",
        "Trần Thị Lệ Quyên",
        (("Lê Hữu Nhân", "Phòng Kinh tế, hạ tầng và đô thị"),),
    ),
    Staff(
        agencies.GO_CONG,
        "gocong",
        "Chủ tịch Ủy ban nhân dân phường Gò Công",
        "Phạm Trọng Nghĩa",
        "Đào Thị Hồng Loan",
        (("Nguyễn Phúc Hậu", "Phòng Văn hóa, xã hội"),),
    ),
    Staff(
        agencies.CAI_BE,
        "caibe",
        "Chủ tịch Ủy ban nhân dân xã Cái Bè",
        "Huỳnh Văn Tâm",
        "Lê Thị Ngọc Điệp",
        (("Trần Duy Khang", "Phòng Kinh tế"),),
    ),
    Staff(
        agencies.TAN_PHU_DONG,
        "tanphudong",
        "Chủ tịch Ủy ban nhân dân xã Tân Phú Đông",
        "Đỗ Văn Bé Năm",
        "Phan Thị Út Mười",
        (("Cao Minh Thuận", "Phòng Kinh tế"),),
    ),
    Staff(
        agencies.CAO_LANH,
        "caolanh",
        "Chủ tịch Ủy ban nhân dân phường Cao Lãnh",
        "Nguyễn Thị Thanh Trúc",
        "Võ Thị Diệu Hiền",
        (("Bùi Quang Vinh", "Phòng Kinh tế, hạ tầng và đô thị"),),
    ),
    Staff(
        agencies.SA_DEC,
        "sadec",
        "Chủ tịch Ủy ban nhân dân phường Sa Đéc",
        "Trần Ngọc Hoa",
        "Lâm Thị Mộng Tuyền",
        (("Hồ Quốc Thịnh", "Phòng Kinh tế, hạ tầng và đô thị"),),
    ),
    Staff(
        agencies.HONG_NGU,
        "hongngu",
        "Chủ tịch Ủy ban nhân dân phường Hồng Ngự",
        "Lê Phước Tài",
        "Nguyễn Thị Cẩm Giang",
        (("Đặng Thành Công", "Phòng Văn hóa, xã hội"),),
    ),
    Staff(
        agencies.THAP_MUOI,
        "thapmuoi",
        "Chủ tịch Ủy ban nhân dân xã Tháp Mười",
        "Võ Văn Sáu",
        "Trương Thị Bé Ba",
        (("Nguyễn Đình Khoa", "Phòng Kinh tế"),),
    ),
)
STAFF: Final = {staff.agency: staff for staff in _STAFFS}
"""By the code of the agency. `make run` shows the head of the first one as its example of a head."""

FINANCE_PROGRAM: Final = STAFF[agencies.FINANCE].username(Role.SERVICE)

PEOPLE: Final = (
    Person(CHAIR, "Phạm Thành Nhơn", Role.LEADER, "Chủ tịch Ủy ban nhân dân tỉnh"),
    Person(VICE_ECONOMY, "Nguyễn Thị Hoài Thu", Role.LEADER, "Phó Chủ tịch Ủy ban nhân dân tỉnh (kinh tế)"),
    Person(VICE_BUILDING, "Trần Trí Dũng", Role.LEADER, "Phó Chủ tịch Ủy ban nhân dân tỉnh (xây dựng, môi trường)"),
    Person(VICE_SOCIETY, "Lê Minh Thảo", Role.LEADER, "Phó Chủ tịch Ủy ban nhân dân tỉnh (văn hóa, xã hội)"),
    Person("theodoi1", "Đinh Xuân Mai", Role.COORDINATOR, "Chuyên viên Phòng Tổng hợp", agencies.OFFICE),
    Person("theodoi2", "Ngô Hữu Phát", Role.COORDINATOR, "Chuyên viên Phòng Kinh tế", agencies.OFFICE),
    Person("theodoi3", "Vũ Thị Hạnh Dung", Role.COORDINATOR, "Chuyên viên Phòng Văn hóa, xã hội", agencies.OFFICE),
    *(person for staff in _STAFFS for person in staff.people()),
    Person("chanhvanphong", "Hồ Phước Lâm", Role.HEAD, "Chánh Văn phòng Ủy ban nhân dân tỉnh", agencies.OFFICE),
    Person("giamsat", "Châu Thị Bạch Tuyết", Role.AUDITOR, "Chuyên viên giám sát, Hội đồng nhân dân tỉnh"),
    Person(
        FINANCE_PROGRAM,
        "Phần mềm quản lý văn bản và điều hành Sở Tài chính",
        Role.SERVICE,
        "Phần mềm của Sở Tài chính",
        agencies.FINANCE,
    ),
)
