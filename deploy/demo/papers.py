"""The documents that give the tasks of the demo."""

from typing import Final

from deploy.demo.scenario import Paper

PROGRAMME: Final = Paper(
    "512/QĐ-UBND-HC", -65, "Quyết định ban hành Chương trình công tác trọng tâm của Ủy ban nhân dân tỉnh"
)
PUBLIC_INVESTMENT: Final = Paper(
    "09/CT-UBND", -64, "Chỉ thị về đẩy mạnh giải ngân vốn đầu tư công, tháo gỡ khó khăn cho các dự án trọng điểm"
)
DIGITAL: Final = Paper(
    "318/KH-UBND", -64, "Kế hoạch thực hiện Nghị quyết số 57-NQ/TW về phát triển khoa học, công nghệ và chuyển đổi số"
)
TWO_TIERS: Final = Paper(
    "1046/UBND-NC", -49, "Công văn về việc bảo đảm hoạt động của chính quyền địa phương 02 cấp được thông suốt"
)
MEKONG: Final = Paper(
    "327/KH-UBND", -49, "Kế hoạch phát triển bền vững đồng bằng sông Cửu Long thích ứng với biến đổi khí hậu"
)
SCHOOLS_AND_HEALTH: Final = Paper(
    "214/TB-VPUBND", -48, "Thông báo kết luận của Phó Chủ tịch Ủy ban nhân dân tỉnh tại cuộc họp về giáo dục và y tế"
)
ROADS: Final = Paper(
    "241/TB-VPUBND", -36, "Thông báo kết luận cuộc họp rà soát tiến độ các dự án giao thông trọng điểm"
)
REFORM: Final = Paper("655/QĐ-UBND-HC", -36, "Quyết định ban hành Kế hoạch cải cách hành chính nhà nước của tỉnh")
TOURISM: Final = Paper("351/KH-UBND", -23, "Kế hoạch phát triển du lịch gắn với nông nghiệp, nông thôn")
MARKETS: Final = Paper(
    "1287/UBND-KT", -22, "Công văn về việc bình ổn thị trường, bảo đảm cung cầu hàng hóa dịp cuối năm và Tết"
)
PETITIONS: Final = Paper(
    "12/CT-UBND", -13, "Chỉ thị về tăng cường tiếp công dân, giải quyết khiếu nại, tố cáo từ cơ sở"
)
SESSION: Final = Paper("1402/UBND-TH", -12, "Công văn về việc chuẩn bị nội dung trình kỳ họp Hội đồng nhân dân tỉnh")
TELEGRAM: Final = Paper(
    "07/CĐ-CT", -1, "Công điện của Chủ tịch Ủy ban nhân dân tỉnh về ứng phó sạt lở bờ sông, triều cường"
)
FOLLOW_UP: Final = Paper("298/TB-VPUBND", -8, "Thông báo kết luận phiên họp thường kỳ của Ủy ban nhân dân tỉnh")
