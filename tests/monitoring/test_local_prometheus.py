"""The Prometheus of a local stack can be looked at in a browser."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import pytest

from deploy.local.prometheus import ensure_prometheus, running_prometheus

_LOADED = re.compile(r"(?:src|<link [^>]*href)=\"([^\"]+)\"")


@pytest.mark.parametrize("page", ["alerts", "graph"])
async def test_a_page_answers_and_so_does_all_that_it_loads(tmp_path: Path, page: str) -> None:
    programs = await asyncio.to_thread(ensure_prometheus)
    async with running_prometheus(programs, tmp_path, {}) as prometheus:
        url = urljoin(prometheus.alerts_page, page)
        answer = (await prometheus.http.get(url)).raise_for_status()
        loaded = [urljoin(url, found) for found in _LOADED.findall(answer.text)]
        assert loaded
        answers = [await prometheus.http.get(each) for each in loaded]
    assert [each.url for each in answers if each.status_code != httpx2.codes.OK] == []
