"""What a new password must be, and the one-time passwords that the service makes."""

from __future__ import annotations

import asyncio
import math
import re

import pytest

from deploy.demo.people import PASSWORD as DEMO_PASSWORD
from deploy.local.credentials import Credentials
from services.assignment.directory import one_time, quality
from services.assignment.directory.one_time import new_one_time_password
from services.assignment.directory.quality import PasswordQuality
from services.assignment.directory.rules.password import COMMON
from shared.breaker import UnavailableError
from shared.office.refusal import Refusal
from tests.support.directory import PASSWORD

USERNAME = "nguyen.an"


async def judged(password: str, username: str = USERNAME, shortest: int = 10) -> str | None:
    """Return what is wrong with a password."""
    judge = PasswordQuality(shortest)
    try:
        judge.require_fit("password", password, username)
        await judge.require_hard_to_guess("password", password, username)
    except Refusal as refusal:
        [violation] = refusal.violations
        assert violation.field == "password"
        return violation.code
    return None


@pytest.mark.parametrize(
    ("password", "wrong"),
    [
        ("", "too-short"),
        ("        ", "too-short"),
        ("12345678", "too-short"),
        ("Kín đáo 9", "too-short"),
        ("password12", "common-password"),
        ("1234567890", "common-password"),
        ("Matkhau@123", "common-password"),
        ("Mật khẩu 2026", "common-password"),
        ("ANHYEUEM2026", "common-password"),
        ("anh yêu em nhiều lắm", "common-password"),
        ("Hanoi@2026", "common-password"),
        ("Đồng Tháp 2026!", "common-password"),
        ("Ubnd@123456", "common-password"),
        ("bachelorette", "common-password"),
        ("M@tkhau2026!", "common-password"),
        ("          ", "easy-password"),
        ("0912345678", "easy-password"),
        ("01/01/1990", "easy-password"),
        ("aaaaaaaaaaaa", "easy-password"),
        ("abcdefghijkl", "easy-password"),
        ("b3!x" * 32, "easy-password"),
        ("nguyen.an 7 bông", "contains-username"),
        ("Nguyễn-An đi chợ", "contains-username"),
        ("NGUYENAN-xa-nha", "contains-username"),
        ("Hanoi2026 gió heo may", None),
        ("bốn mùa sông nước", None),
        ("x" * 80, "easy-password"),
        (PASSWORD, None),
        (DEMO_PASSWORD, None),
    ],
)
async def test_a_password_is_judged(password: str, wrong: str | None) -> None:
    assert await judged(password) == wrong


async def test_a_short_username_may_stand_in_a_password_by_chance() -> None:
    assert await judged("quan trọng là dòng sông", username="an") is None
    assert await judged("dòng sông", username="dong.song", shortest=8) == "contains-username"
    assert await judged("ab", username="a.b", shortest=2) == "contains-username"


async def test_the_office_may_ask_for_longer_ones() -> None:
    assert await judged("bốn mùa sông nước", shortest=20) == "too-short"


async def test_the_passwords_of_a_local_stack_may_be_set() -> None:
    credentials = Credentials.new()
    assert [await judged(credentials.password_of(name), name) for name in ("quantri", "minister", "chair")] == [
        None
    ] * 3


async def test_few_wait_to_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "_MOST_WAITING", 2)
    judge = PasswordQuality()
    outcomes = await asyncio.gather(
        *(judge.require_hard_to_guess("password", PASSWORD, USERNAME) for _ in range(4)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), type(None), UnavailableError, UnavailableError]
    await judge.require_hard_to_guess("password", PASSWORD, USERNAME)


def test_the_common_words_are_folded_and_stand_once() -> None:
    assert len(COMMON) == len(set(COMMON)) >= 200
    assert all(word == word.lower() and word.isascii() for word in COMMON)


def test_a_one_time_password_can_be_read_out() -> None:
    made = {new_one_time_password() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(r"([a-z2-9]{4}-){3}[a-z2-9]{4}", password) for password in made)
    assert not set("01lio") & set(one_time._CHARACTERS)
    assert 16 * math.log2(len(one_time._CHARACTERS)) >= 64
