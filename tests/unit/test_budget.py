"""The time of a request: what is cancelled when it is over, and when it is not counted."""

from __future__ import annotations

import asyncio

import pytest

from shared.budget import Budget, current_budget, ends_at

AT_ONCE = 0.001


async def test_work_is_cancelled_when_the_time_is_over() -> None:
    budget = Budget(AT_ONCE)
    with pytest.raises(TimeoutError):
        async with budget:
            await asyncio.Event().wait()
    assert budget.is_over


async def test_a_timeout_of_something_else_is_not_the_budget() -> None:
    budget = Budget(60)
    with pytest.raises(TimeoutError):
        async with budget:
            raise TimeoutError
    assert not budget.is_over


async def test_work_that_its_caller_cancels_is_cancelled_not_late() -> None:
    began = asyncio.Event()

    async def work() -> None:
        async with Budget(60):
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_time_does_not_count_while_it_is_paused_or_after_the_answer_has_begun() -> None:
    async with Budget(60):
        budget = current_budget()
        assert budget
        with budget.paused():
            assert ends_at() == float("inf")
        assert ends_at() < float("inf")
        budget.stop()
        assert ends_at() == float("inf")


async def test_after_a_pause_the_whole_time_is_there_again() -> None:
    loop = asyncio.get_running_loop()
    async with Budget(60):
        budget = current_budget()
        assert budget
        with budget.paused():
            assert ends_at() == float("inf")
        assert ends_at() >= loop.time() + 59


async def test_work_in_the_background_has_no_budget() -> None:
    assert current_budget() is None
    assert ends_at() == float("inf")


async def test_a_task_of_a_request_has_the_budget_of_the_request() -> None:
    async def seen() -> Budget | None:
        return current_budget()

    async with Budget(60):
        assert await asyncio.create_task(seen()) is current_budget() is not None


async def test_an_answer_may_begin_after_the_budget_was_left() -> None:
    budget = Budget(60)
    async with budget:
        pass
    budget.stop()
