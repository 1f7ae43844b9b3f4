"""What an answer tells browsers and caches, and which names it repeats."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.office.vocabulary import Role
from shared.web.plain_names import plain_path
from tests.support.web import KEYS, client_of, sample_app

LEADER = KEYS.headers_for("lan", Role.LEADER)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("items.3.title", "items.3.title"),
        ("If-Match", "If-Match"),
        ("<script>alert(1)</script>", "_"),
        ("document.<script>", "document._"),
        ("a\n", "_"),
        ("", "_"),
        ("tên", "_"),
        ("document." + "x" * 51, "document." + "x" * 51),
        ("document." + "x" * 52, "document._"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "_"),
        ("x" * 1_000_000, "_"),
        (".".join("abc" for _ in range(30)), ".".join(["abc"] * 14) + "._"),
    ],
)
def test_a_path_is_repeated_if_it_is_plain(path: str, shown: str) -> None:
    assert plain_path(path) == shown


@settings(derandomize=True)
@given(st.text() | st.text(st.sampled_from("ab.-_<"), max_size=200))
def test_whatever_is_sent_what_is_shown_is_plain(path: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", plain_path(path))


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "x" * 61, "a b", "a\u202eb", "đ", '"'])
async def test_the_name_of_an_unknown_field_is_repeated_only_if_it_is_plain(name: str) -> None:
    bodies = ({"title": "T", name: 1}, {"title": "T", "items": [{"title": "T", name: 1}]})
    async with client_of(sample_app()) as client:
        answers = [await client.post("/v1/letters", json=body, headers=LEADER) for body in bodies]
        answers.append(await client.get("/v1/letters", params={name: "1"}, headers=LEADER))
    assert [answer.json()["errors"][0]["field"] for answer in answers] == ["_", "items.0._", "_"]


async def test_what_everybody_may_read_may_be_kept_and_shows_nothing_in_a_browser() -> None:
    async with client_of(sample_app()) as client:
        for path in ("/health/live", "/metrics", "/asyncapi", "/openapi.json", "/static-offline-docs/swagger-ui.css"):
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
            assert "cache-control" not in headers


async def test_what_a_person_reads_is_never_kept() -> None:
    async with client_of(sample_app()) as client:
        for path in ("/v1/letters", "/v1/letters/a", "/v1/nothing"):
            assert (await client.get(path, headers=LEADER)).headers["cache-control"] == "no-store"


async def test_the_docs_allow_only_themselves_and_no_frame() -> None:
    async with client_of(sample_app()) as client:
        page = await client.get("/docs")
    policy = dict(part.strip().partition(" ")[::2] for part in page.headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["frame-ancestors"], policy["connect-src"]) == ("'none'", "'none'", "'self'")
    assert re.fullmatch(r"'self' 'sha256-[A-Za-z0-9+/]{43}='", policy["script-src"])
    assert page.text.count("<script>") == 1
