"""The agencies of Đồng Tháp after the reform of 2025.

The communes and wards are administrative units of Vietnam after the 2025 reform, from an MIT-licensed dataset. Their
agencies have the official codes.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.office.vocabulary import AgencyKind


@dataclass(frozen=True, slots=True)
class Agency:
    code: str
    name: str
    kind: AgencyKind
    short_name: str
    parent: str | None = None


OFFICE: Final = "VPUBND"
FINANCE: Final = "STC"
BUILDING: Final = "SXD"
FARMING: Final = "SNNMT"
HOME_AFFAIRS: Final = "SNV"
EDUCATION: Final = "SGDDT"
HEALTH: Final = "SYT"
TRADE: Final = "SCT"
SCIENCE: Final = "SKHCN"
JUSTICE: Final = "STP"
CULTURE: Final = "SVHTTDL"
FAITHS: Final = "SDTTG"
INSPECTORATE: Final = "TTT"
ECONOMIC_ZONES: Final = "BQLKKT"
MY_THO: Final = "28261"
GO_CONG: Final = "28306"
CAI_BE: Final = "28360"
TAN_PHU_DONG: Final = "28696"
CAO_LANH: Final = "29869"
SA_DEC: Final = "29905"
HONG_NGU: Final = "29955"
THAP_MUOI: Final = "30037"

_DEPARTMENTS: Final = (
    Agency(FINANCE, "Sở Tài chính", AgencyKind.DEPARTMENT, "Sở TC"),
    Agency(BUILDING, "Sở Xây dựng", AgencyKind.DEPARTMENT, "Sở XD"),
    Agency(FARMING, "Sở Nông nghiệp và Môi trường", AgencyKind.DEPARTMENT, "Sở NN&MT"),
    Agency(HOME_AFFAIRS, "Sở Nội vụ", AgencyKind.DEPARTMENT, "Sở NV"),
    Agency(EDUCATION, "Sở Giáo dục và Đào tạo", AgencyKind.DEPARTMENT, "Sở GD&ĐT"),
    Agency(HEALTH, "Sở Y tế", AgencyKind.DEPARTMENT, "Sở YT"),
    Agency(TRADE, "Sở Công Thương", AgencyKind.DEPARTMENT, "Sở CT"),
    Agency(SCIENCE, "Sở Khoa học và Công nghệ", AgencyKind.DEPARTMENT, "Sở KH&CN"),
    Agency(JUSTICE, "Sở Tư pháp", AgencyKind.DEPARTMENT, "Sở TP"),
    Agency(CULTURE, "Sở Văn hóa, Thể thao và Du lịch", AgencyKind.DEPARTMENT, "Sở VHTT&DL"),
    Agency(FAITHS, "Sở Dân tộc và Tôn giáo", AgencyKind.DEPARTMENT, "Sở DT&TG"),
    Agency(INSPECTORATE, "Thanh tra tỉnh", AgencyKind.DEPARTMENT, "Thanh tra"),
    Agency(ECONOMIC_ZONES, "Ban Quản lý Khu kinh tế tỉnh", AgencyKind.DEPARTMENT, "BQL KKT"),
)
_OTHERS: Final = (
    Agency(OFFICE, "Văn phòng Ủy ban nhân dân tỉnh", AgencyKind.OFFICE, "VP UBND tỉnh"),
    Agency("TTPVHCC", "Trung tâm Phục vụ hành chính công tỉnh", AgencyKind.UNIT, "TT PVHCC", OFFICE),
    Agency("BQLDA", "Ban Quản lý dự án đầu tư xây dựng tỉnh", AgencyKind.UNIT, "BQLDA ĐTXD"),
    Agency("CCTL", "Chi cục Thủy lợi", AgencyKind.UNIT, "CC Thủy lợi", FARMING),
    Agency("CDC", "Trung tâm Kiểm soát bệnh tật tỉnh", AgencyKind.UNIT, "TT KSBT", HEALTH),
    Agency("CAT", "Công an tỉnh", AgencyKind.OTHER, "Công an"),
    Agency("BCHQS", "Bộ Chỉ huy Quân sự tỉnh", AgencyKind.OTHER, "BCH Quân sự"),
    Agency("THUE", "Thuế tỉnh Đồng Tháp", AgencyKind.OTHER, "Thuế tỉnh"),
    Agency("BHXH", "Bảo hiểm xã hội tỉnh Đồng Tháp", AgencyKind.OTHER, "BHXH tỉnh"),
)


def _communes() -> Iterator[Agency]:
    with Path(__file__).with_name("communes.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            place = row["name"][:1].lower() + row["name"][1:]
            yield Agency(row["code"], f"Ủy ban nhân dân {place}", AgencyKind.COMMUNE, f"UBND {place}")


AGENCIES: Final = (*_OTHERS, *_DEPARTMENTS, *_communes())
"""All agencies. An agency that belongs to another comes after it."""
NAMES: Final = {agency.code: agency.name for agency in AGENCIES}
