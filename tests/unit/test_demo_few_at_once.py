"""Loading the demo quickly, without more at once than the services like."""

import asyncio

import pytest

from deploy.demo.few_at_once import few_at_once


async def test_results_come_in_the_order_of_the_things() -> None:
    async def doubled(number: int) -> int:
        await asyncio.sleep(0)
        return 2 * number

    assert await few_at_once(doubled, range(20)) == list(range(0, 40, 2))


async def test_never_more_than_a_few_are_under_way() -> None:
    under_way, most = 0, 0

    async def work(_thing: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1

    await few_at_once(work, range(50))
    assert most == 8


async def test_the_first_failure_is_what_is_told() -> None:
    async def work(number: int) -> None:
        await asyncio.sleep(0)
        if number:
            raise ValueError(number)

    with pytest.raises(ValueError, match=r"^1$"):
        await few_at_once(work, range(5))
