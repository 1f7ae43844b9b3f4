"""To log must never fail, whatever is logged."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from shared.logs import configure


@pytest.fixture
def as_in_a_service() -> Iterator[None]:
    root, before = logging.getLogger(), logging.getLogger().handlers
    level, plain = root.level, structlog.get_config()
    configure("deadline")
    yield
    root.handlers = before
    root.setLevel(level)
    structlog.configure(**plain)


@pytest.mark.parametrize(
    "value",
    ["Đôn đốc", "\ud800", 10**40, {1: "một"}, {(1, 2): "cặp"}, object(), b"\xff", float("nan")],
    ids=["text", "surrogate", "number", "key", "odd key", "object", "bytes", "nan"],
)
@pytest.mark.usefixtures("as_in_a_service")
def test_whatever_is_logged_is_one_line_of_json(value: Any, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    structlog.get_logger().warning("said", value=value)
    (line,) = capfdbinary.readouterr().out.splitlines()
    assert json.loads(line)["event"] == "said"
