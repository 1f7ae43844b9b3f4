"""The documents that assign the tasks of the demo."""

from typing import Final

from deploy.demo.scenario import Paper

PROGRAMME: Final = Paper("512/QĐ-UBND-HC", -65, "Ban hành Chương trình công tác trọng tâm của Ủy ban nhân dân tỉnh")
PUBLIC_INVESTMENT: Final = Paper(
    "09/CT-UBND", -64, "Về đẩy mạnh giải ngân vốn đầu tư công, tháo gỡ khó khăn cho các dự án trọng điểm"
)
DIGITAL: Final = Paper(
    "318/KH-UBND", -64, "Thực hiện Nghị quyết số 57-NQ/TW về phát triển khoa học, công nghệ và chuyển đổi số"
)
TWO_TIERS: Final = Paper(
    "1046/UBND-NC", -49, "Về việc bảo đảm hoạt động của chính quyền địa phương 02 cấp được thông suốt"
)
MEKONG: Final = Paper("327/KH-UBND", -49, "Phát triển bền vững đồng bằng sông Cửu Long thích ứng với biến đổi khí hậu")
SCHOOLS_AND_HEALTH: Final = Paper(
    "214/TB-VPUBND", -48, "Kết luận của Phó Chủ tịch Ủy ban nhân dân tỉnh tại cuộc họp về giáo dục và y tế"
)
ROADS: Final = Paper("241/TB-VPUBND", -36, "Kết luận cuộc họp rà soát tiến độ các dự án giao thông trọng điểm")
REFORM: Final = Paper("655/QĐ-UBND-HC", -36, "Ban hành Kế hoạch cải cách hành chính nhà nước của tỉnh")
TOURISM: Final = Paper("351/KH-UBND", -23, "Phát triển du lịch gắn với nông nghiệp, nông thôn")
MARKETS: Final = Paper("1287/UBND-KT", -22, "Về việc bình ổn thị trường, bảo đảm cung cầu hàng hóa thiết yếu")
PETITIONS: Final = Paper("12/CT-UBND", -13, "Về tăng cường tiếp công dân, giải quyết khiếu nại, tố cáo từ cơ sở")
SESSION: Final = Paper("1402/UBND-TH", -12, "Về việc chuẩn bị nội dung trình kỳ họp Hội đồng nhân dân tỉnh")
TELEGRAM: Final = Paper("07/CĐ-CT", -1, "Về chủ động ứng phó sạt lở bờ sông, triều cường")
FOLLOW_UP: Final = Paper("298/TB-VPUBND", -8, "Kết luận phiên họp thường kỳ của Ủy ban nhân dân tỉnh")
