"""The order of checks, and what no request can do: leave without a problem that says what to mend."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.office.vocabulary import Role
from tests.support.web import KEYS, client_of, sample_app

JSON = {"Content-Type": "application/json"}
LEADER = KEYS.headers_for("lan", Role.LEADER)
HEAD = KEYS.headers_for("hoa", Role.HEAD, "STC")


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(sample_app()) as made:
        yield made


def problem(response: httpx2.Response, status: int, code: str) -> list[tuple[str, str]]:
    """Hold the shape of a problem and return what is wrong with which field."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["type"] == f"urn:dondoc:problem:{code}"
    assert (body["status"], body["code"]) == (status, code)
    assert body["title"]
    assert body["detail"]
    assert all(error["message"] for error in body["errors"])
    return [(error["field"], error["code"]) for error in body["errors"]]


async def chunked(total: int) -> AsyncIterator[bytes]:
    for _ in range(total // 100_000):
        yield b" " * 100_000


async def test_without_a_token_nothing_of_the_body_is_looked_at(client: httpx2.AsyncClient) -> None:
    response = await client.post("/v1/letters", content=b"\xff{", headers={"Content-Type": "text/plain"})
    assert problem(response, 401, "not-authenticated") == []
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_size_comes_before_type(client: httpx2.AsyncClient) -> None:
    response = await client.post("/v1/letters", content=b"x" * 1_000_001, headers=LEADER)
    problem(response, 413, "payload-too-large")


async def test_a_body_in_chunks_is_measured_as_it_comes(client: httpx2.AsyncClient) -> None:
    response = await client.post("/v1/letters", content=chunked(6_000_000), headers=LEADER | JSON)
    problem(response, 413, "payload-too-large")


async def test_a_route_may_take_larger_bodies(client: httpx2.AsyncClient) -> None:
    body = {"title": "Lớn", "items": [{"title": "x" * 900} for _ in range(4_000)]}
    assert (await client.post("/v1/letters/large", json=body, headers=LEADER)).json() == 4_000
    response = await client.post("/v1/letters/large", content=b" " * 5_000_001, headers=LEADER | JSON)
    problem(response, 413, "payload-too-large")


@pytest.mark.parametrize("sent", ["text/plain", "application/x-www-form-urlencoded", "", "json", "application/xml"])
async def test_what_is_not_declared_json_is_no_json(client: httpx2.AsyncClient, sent: str) -> None:
    response = await client.post("/v1/letters", content=b"{", headers=LEADER | {"Content-Type": sent})
    problem(response, 415, "unsupported-media-type")


async def test_a_compressed_body_is_of_another_type(client: httpx2.AsyncClient) -> None:
    response = await client.post("/v1/letters", content=b"x", headers=LEADER | JSON | {"Content-Encoding": "gzip"})
    problem(response, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "sent", ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"]
)
async def test_json_may_be_declared_in_its_usual_ways(client: httpx2.AsyncClient, sent: str) -> None:
    response = await client.post("/v1/letters", content=b'{"title": "T"}', headers=LEADER | {"Content-Type": sent})
    assert response.status_code == 201


async def test_a_bad_body_is_answered_before_a_missing_permission(client: httpx2.AsyncClient) -> None:
    assert problem(await client.post("/v1/letters", json={}, headers=HEAD), 422, "validation") == [("title", "missing")]
    problem(await client.post("/v1/letters", json={"title": "T"}, headers=HEAD), 403, "not-permitted")


NOT_JSON = {
    "broken": b"{",
    "no value": b"   ",
    "two values": b"{} {}",
    "invalid UTF-8": b'{"title": "\xff"}',
    "UTF-16": '{"title": "x"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"title": "x"}',
    "lone surrogate": rb'{"title": "\ud800"}',
    "lone surrogate in a name": rb'{"\udc00": 1}',
    "surrogate in UTF-8": b'{"title": "\xed\xa0\x80"}',
    "NaN": b'{"title": NaN}',
    "Infinity": b'{"percent": -Infinity}',
    "1e400": b'{"percent": 1e400}',
    "5,000 digits": b'{"percent": ' + b"9" * 5_000 + b"}",
    "deep lists": b"[" * 200_000 + b"]" * 200_000,
    "deep objects": b'{"a":' * 100_000,
    "a control character": b'{"title": "\x00"}',
}


@pytest.mark.parametrize("name", NOT_JSON)
async def test_json_has_no_loopholes(client: httpx2.AsyncClient, name: str) -> None:
    response = await client.post("/v1/letters", content=NOT_JSON[name], headers=LEADER | JSON)
    assert problem(response, 422, "validation") == [("body", "bad-json")]


WRONG = {
    "no body": (b"", [("body", "missing")]),
    "null": (b"null", [("body", "not-an-object")]),
    "a list": (b"[]", [("body", "not-an-object")]),
    "a text": (b'"x"', [("body", "not-an-object")]),
    "a number": (b"18446744073709551616", [("body", "not-an-object")]),
    "nothing in it": (b"{}", [("title", "missing")]),
    "an operator for a text": (b'{"title": {"$gt": ""}}', [("title", "not-a-text")]),
    "an operator beside": (b'{"title": "T", "$where": "1"}', [("_", "unknown-field")]),
    "a heap of unknown fields": (json.dumps({f"k{n}": n for n in range(100)}).encode(), [("body", "unknown-field")]),
    "a number for a text": (b'{"title": 1}', [("title", "not-a-text")]),
    "a blank title": (b'{"title": " \\u200b "}', [("title", "empty")]),
    "a long title": (json.dumps({"title": "x" * 1_001}).encode(), [("title", "too-long")]),
    "a control character": (b'{"title": "a\\u0007b"}', [("title", "forbidden-characters")]),
    "marks piled on a letter": (
        json.dumps({"title": "a" + "\u0301\u0316" * 20}).encode(),
        [("title", "forbidden-characters")],
    ),
    "marks piled high": (json.dumps({"title": "a" + "\u0301\u0316" * 40_000}).encode(), [("title", "too-long")]),
    "a line break in a title": (b'{"title": "a\\nb"}', [("title", "forbidden-characters")]),
    "a text for a number": (b'{"title": "T", "percent": "40"}', [("percent", "not-a-number")]),
    "true for a number": (b'{"title": "T", "percent": true}', [("percent", "not-a-number")]),
    "a fraction": (b'{"title": "T", "percent": 40.0}', [("percent", "not-a-number")]),
    "beyond 64 bits": (b'{"title": "T", "percent": 18446744073709551616}', [("percent", "not-a-number")]),
    "64 bits": (b'{"title": "T", "percent": 18446744073709551615}', [("percent", "too-large")]),
    "101 percent": (b'{"title": "T", "percent": 101}', [("percent", "too-large")]),
    "an unknown word": (b'{"title": "T", "priority": "slow"}', [("priority", "not-one-of")]),
    "a day that is none": (b'{"title": "T", "deadline": "2026-02-30"}', [("deadline", "bad-date")]),
    "a moment without offset": (b'{"title": "T", "due_at": "2026-01-01T00:00:00"}', [("due_at", "bad-moment")]),
    "an object for a list": (b'{"title": "T", "agencies": {}}', [("agencies", "not-a-list")]),
    "a text for a list": (b'{"title": "T", "agencies": "ABC"}', [("agencies", "not-a-list")]),
    "too many": (b'{"title": "T", "agencies": ["a", "b", "c", "d"]}', [("agencies", "too-many")]),
    "a code with spaces": (b'{"title": "T", "agencies": ["a b"]}', [("agencies.0", "bad-format")]),
    "deep in a list": (b'{"title": "T", "items": [{"title": "a"}, {}]}', [("items.1.title", "missing")]),
}


@pytest.mark.parametrize("name", WRONG)
async def test_each_field_is_told_what_is_wrong_with_it(client: httpx2.AsyncClient, name: str) -> None:
    body, expected = WRONG[name]
    response = await client.post("/v1/letters", content=body, headers=LEADER | JSON)
    assert problem(response, 422, "validation") == expected


async def test_an_answer_never_repeats_the_input(client: httpx2.AsyncClient) -> None:
    secret = "mat-khau-rat-dai"
    body = {"title": {secret: secret}, "priority": secret, "deadline": secret, "agencies": [secret + " "]}
    response = await client.post("/v1/letters", json=body, headers=LEADER)
    problem(response, 422, "validation")
    assert secret not in response.text
    long = await client.post("/v1/letters", json={"title": "y" * 900_000}, headers=LEADER)
    assert len(long.content) < 1_000


async def test_a_thousand_mistakes_are_named_a_hundred_at_most(client: httpx2.AsyncClient) -> None:
    body = {"title": "T", "items": [{}] * 1_000}
    response = await client.post("/v1/letters", json=body, headers=LEADER)
    assert len(problem(response, 422, "validation")) == 100


async def test_a_body_that_may_be_absent_is_not_asked_for(client: httpx2.AsyncClient) -> None:
    assert (await client.patch("/v1/letters/a", headers=LEADER)).json()["title"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=", "limit=99999999999999999999"])
async def test_a_page_holds_between_1_and_200(client: httpx2.AsyncClient, query: str) -> None:
    errors = problem(await client.get(f"/v1/letters?{query}", headers=LEADER), 422, "validation")
    assert [field for field, _ in errors] == ["limit"]


@pytest.mark.parametrize(
    "query", ["agency=%00", "agency=%ED%A0%80", "agency=%ff", "agency=[$ne]", "due_from=%00", "agency=" + "x" * 9_000]
)
async def test_a_query_of_strange_characters_is_refused(client: httpx2.AsyncClient, query: str) -> None:
    problem(await client.get(f"/v1/letters?{query}", headers=LEADER), 422, "validation")


async def test_a_plus_sign_nobody_encoded_is_understood(client: httpx2.AsyncClient) -> None:
    response = await client.get("/v1/letters?updated_since=2026-01-01T07:00:00.5%2B07:00", headers=LEADER)
    again = await client.get("/v1/letters?updated_since=2026-01-01T07:00:00.5+07:00", headers=LEADER)
    assert response.json()["updated_since"] == again.json()["updated_since"] == "2026-01-01T00:00:00.500000+00:00"


@pytest.mark.parametrize("path", ["%00", "%ff%fe", "%ED%A0%80", "x" * 5_000, "%2e%2e", "a%0Ab", "💧"])
async def test_a_path_of_strange_characters_does_no_harm(client: httpx2.AsyncClient, path: str) -> None:
    response = await client.get(f"/v1/letters/{path}", headers=LEADER)
    assert response.status_code in {200, 404}, response.text


async def test_unknown_paths_and_methods_are_problems_too(client: httpx2.AsyncClient) -> None:
    problem(await client.get("/v1/nothing"), 404, "not-found")
    problem(await client.get("/v1/letters/", headers=LEADER), 404, "not-found")
    for method in ("DELETE", "OPTIONS", "PUT", "BREW"):
        problem(await client.request(method, "/v1/letters"), 401, "not-authenticated")
        response = await client.request(method, "/v1/letters", headers=LEADER)
        problem(response, 405, "method-not-allowed")
        assert response.headers["allow"] == "GET, HEAD, POST"


async def test_a_form_is_taken_where_a_form_is_asked_for(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/v1/doors", data={"name": "Lan"})).json() == {"name": "Lan"}
    problem(await client.post("/v1/doors", json={"name": "Lan"}), 415, "unsupported-media-type")
    assert problem(await client.post("/v1/doors", data={"x": "1"}), 422, "validation") == [("name", "missing")]
    twice = await client.post("/v1/doors", data={"name": ["Lan", "Hoa"]})
    assert problem(twice, 422, "validation") == [("name", "given-twice")]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    many = await client.post("/v1/doors", content=b"a=1&" * 2_000, headers=form)
    problem(many, 422, "validation")
    problem(await client.post("/v1/doors", content=b"name=" + b"x" * 1_000_000, headers=form), 413, "payload-too-large")


async def test_refusals_of_the_office_are_answered_with_the_remedy(client: httpx2.AsyncClient) -> None:
    response = await client.post("/v1/letters/a/refusal", headers=LEADER)
    assert problem(response, 409, "extension-already-used") == []
    assert response.json()["title"] == "Nhiệm vụ đã được gia hạn 01 lần"
    assert "Đề nghị báo cáo kết quả hoặc giải trình." in response.json()["detail"]
    field = await client.post("/v1/letters/field/refusal", headers=LEADER)
    assert problem(field, 422, "validation") == [("items.3.lead", "unknown-agency")]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", "vi"),
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("vi,en;q=0.8", "vi"),
        ("fr", "vi"),
        ("en;q=0.3,vi;q=0.9", "vi"),
        ("en;q=x", "vi"),
        ("*", "vi"),
        (";;,,q=", "vi"),
    ],
)
async def test_problems_speak_vietnamese_unless_english_is_preferred(
    client: httpx2.AsyncClient, asked: str, expected: str
) -> None:
    response = await client.get("/v1/letters", headers={"Accept-Language": asked})
    assert response.headers["content-language"] == expected
    assert response.json()["title"].isascii() == (expected == "en")


async def test_a_failure_tells_nothing_of_the_house(client: httpx2.AsyncClient) -> None:
    response = await client.post("/v1/letters/a/failure", headers=LEADER)
    problem(response, 500, "internal-error")
    assert "secret" not in response.text
    assert response.headers["x-request-id"]


async def test_a_database_that_is_away_asks_for_patience(client: httpx2.AsyncClient) -> None:
    response = await client.post("/v1/letters/away/failure", headers=LEADER)
    problem(response, 503, "unavailable")
    assert int(response.headers["retry-after"]) > 0


_JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["title", "text", "percent", "due_at", "deadline", "agencies", "items"]) | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(
    deadline=None, derandomize=True, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(max_size=200) | _JSON_VALUES.map(lambda value: json.dumps(value).encode()))
async def test_no_body_at_all_breaks_a_service(client: httpx2.AsyncClient, body: bytes) -> None:
    response = await client.post("/v1/letters", content=body, headers=LEADER | JSON)
    assert response.status_code in {201, 422}, response.text
    if response.status_code == 422:
        problem(response, 422, "validation")
