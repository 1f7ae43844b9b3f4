"""The arithmetic of `make bench`."""

from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.bench.findings import Aim, Finding, table
from tests.bench.rounds import Comparison, Round, compare, figures_of, percentile


@pytest.mark.parametrize(("share", "expected"), [(1, 1), (50, 50), (51, 51), (99, 99), (99.5, 100), (100, 100), (0, 1)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    assert percentile([*range(100, 0, -1)], share) == expected


def test_of_one_value_every_percentile_is_that_value() -> None:
    assert [percentile([7.0], share) for share in (1, 50, 99)] == [7.0, 7.0, 7.0]


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


def test_the_ratio_is_the_median_of_those_of_neighbouring_rounds() -> None:
    ours = [Round(100, 1), Round(100, 2), Round(90, 1)]
    bare = [Round(50, 1), Round(100, 1), Round(100, 1)]

    compared = Comparison(ours, bare)

    assert compared.ratios == [2.0, 0.5, 0.9]
    assert compared.ratio == 0.9


async def test_rounds_are_run_in_turn_and_the_first_of_each_counts_for_nothing() -> None:
    run: list[str] = []

    def rounds_of(name: str) -> Callable[[], Awaitable[Round]]:
        numbers: Iterator[int] = iter(range(1, 9))

        async def attempt() -> Round:
            run.append(name)
            return Round(next(numbers), 1)

        return attempt

    compared = await compare(rounds_of("A"), rounds_of("B"), rounds=2)

    assert run == ["A", "B", "A", "B", "A", "B"]
    assert [one.count for one in compared.ours] == [2, 3]


def test_latencies_of_all_rounds_make_one_percentile() -> None:
    figures = figures_of([Round(2, 1, (0.010, 0.020)), Round(2, 1, (0.030, 0.040))])

    assert figures == {"per_second": 2.0, "p50_ms": 20.0, "p99_ms": 40.0}


@pytest.mark.parametrize(
    ("aim", "value", "verdict"),
    [(Aim(0.8), 0.8, "met"), (Aim(0.8), 0.79, "missed"), (Aim(20, at_most=True), 20.1, "missed"), (None, 1, "")],
)
def test_an_aim_is_met_or_missed(aim: Aim | None, value: float, verdict: str) -> None:
    assert Finding("relay", value, "×", aim).verdict == verdict


def test_the_table_has_a_line_for_each_finding_in_columns() -> None:
    lines = table([Finding("relay", 0.91, "×", Aim(0.8)), Finding("memory", 101.23, "MB", remark="at rest")])

    assert [line.split() for line in lines.splitlines()[1:]] == [
        ["relay", "0.91", "×", "≥", "0.8", "met"],
        ["memory", "101.2", "MB", "at", "rest"],
    ]
