"""Passwords, secrets and tokens."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from services.assignment.directory.api.bodies import NewPassword
from services.assignment.directory.passwords import AT_ONCE, Passwords, hash_secret, new_secret, secret_matches
from services.assignment.directory.rules.account import Account
from services.assignment.directory.tokens import TokenIssuer, read_signing_key
from shared.clock import true_now
from shared.office.access import Principal
from shared.office.refusal import Refusal
from shared.office.vocabulary import Role, Scope
from shared.web.auth import Verifier
from shared.web.normalisation import TooManyMarksError
from tests.support.tokens import TestKeys

PROGRAM = Account("phan.mem", "Phần mềm", Role.SERVICE, "stc", scopes=frozenset({Scope.TASKS_READ, Scope.TASKS_ACT}))


def cheap() -> Passwords:
    return Passwords(memory_kib=8, passes=1)


async def test_a_password_matches_its_own_hash_alone() -> None:
    passwords = cheap()
    stored = await passwords.hash("mật khẩu dài")
    assert stored.startswith("$argon2id$")
    assert "mật" not in stored
    assert await passwords.matches(stored, "mật khẩu dài")
    assert not await passwords.matches(stored, "Mật khẩu dài")
    assert not await passwords.matches(None, "mật khẩu dài")


async def test_a_password_is_the_same_however_the_keyboard_composes_it() -> None:
    passwords = cheap()
    assert await passwords.matches(await passwords.hash("m\u00e2\u0323t kh\u1ea9u"), "m\u1eadt khẩu")


async def test_a_password_nobody_could_have_set_matches_nothing() -> None:
    passwords = cheap()
    stored = await passwords.hash("mật khẩu dài")
    assert not await passwords.matches(stored, "mật khẩu dài" + "\u0301\u0316" * 4_000)
    assert not await passwords.matches(None, "a" + "\u0301\u0316" * 4_000)


async def test_a_pile_of_marks_is_no_password() -> None:
    pile = "mật khẩu" + "\u0301\u0316" * 16
    with pytest.raises(ValidationError, match="forbidden characters"):
        TypeAdapter(NewPassword).validate_python(pile)
    with pytest.raises(TooManyMarksError):
        await cheap().hash(pile)


async def test_whoever_leaves_makes_no_room_for_another_hash() -> None:
    """A thread cannot be stopped: if its place were free again, those who come and leave would fill the memory."""
    running: list[int] = []
    most = 0
    go_on = threading.Event()

    class Watched(Passwords):
        def _verifies(self, stored: str, password: bytes) -> bool:  # noqa: ARG002
            nonlocal most
            running.append(1)
            most = max(most, len(running))
            go_on.wait(20)
            running.pop()
            return False

    passwords = Watched(memory_kib=8, passes=1)
    for _ in range(10):
        leaving = asyncio.create_task(passwords.matches(None, "x"))
        for _ in range(10):
            await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
    staying = asyncio.create_task(passwords.matches(None, "x"))
    await asyncio.sleep(0)
    go_on.set()
    assert not await staying
    assert 1 <= most <= AT_ONCE


async def test_a_hash_made_at_another_cost_is_outdated() -> None:
    stored = await cheap().hash("mật khẩu dài")
    assert not cheap().is_outdated(stored)
    assert Passwords(memory_kib=16, passes=1).is_outdated(stored)


def test_secrets_are_long_and_never_the_same() -> None:
    first, second = new_secret(), new_secret()
    assert first != second
    assert len(first) == 43
    assert secret_matches(hash_secret(first), first)
    assert not secret_matches(hash_secret(first), second)
    assert not secret_matches(None, first)
    assert not secret_matches(None, "")


def test_a_token_says_who_holds_it_for_ten_minutes_and_the_leeway() -> None:
    keys, issued_at = TestKeys(), true_now()
    token = TokenIssuer(keys.signing_key, timedelta(minutes=10), lambda: issued_at).issue(PROGRAM).text
    in_time = Verifier(keys.public_keys, lambda: issued_at + timedelta(seconds=628))
    too_late = Verifier(keys.public_keys, lambda: issued_at + timedelta(seconds=630))
    expected = Principal("phan.mem", Role.SERVICE, "stc", frozenset({"tasks:read", "tasks:act"}))
    assert in_time.verify(token) == expected
    with pytest.raises(Refusal):
        too_late.verify(token)


def test_a_public_key_signs_nothing() -> None:
    with pytest.raises(ValueError, match="private"):
        read_signing_key(TestKeys().public_keys.removeprefix('{"keys": [').removesuffix("]}"))
