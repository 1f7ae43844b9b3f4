"""Terms and reminders: settings of the office, the same for every service."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """The office's policy.

    Terms are counted in working days; `remind_before` lists the working days before the due day on which a
    reminder goes out; `day_starts` is the local hour at which reminders of a day are due.
    """

    timezone: str = "Asia/Ho_Chi_Minh"
    rolls_over_days_off: bool = True
    receipt_term: int = 1
    report_term: int = 1
    explanation_term: int = 3
    due_soon_days: int = 3
    remind_before: tuple[int, ...] = (3, 1)
    day_starts: int = 7
