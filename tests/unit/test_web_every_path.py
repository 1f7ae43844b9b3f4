"""What holds on every path of every service, before anybody asks a server."""

from __future__ import annotations

from typing import Any, Final

import httpx2
import pytest

from shared.office.vocabulary import Role
from tests.support.four_services import KEYS, Path, every_operation, every_path
from tests.support.web import client_of

LEADER: Final = KEYS.headers_for("lan", Role.LEADER)
JSON: Final = {"Content-Type": "application/json"}
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
PATHS: Final = list(every_path())
OPERATIONS: Final = list(every_operation())
METHODS: Final = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"}
NO_NUMBERS: Final = ("5_0", "+5", " 5", "5 ", "５", "5.0", "0x5", "1e1", "")


async def ask(path: Path, method: str, query: str = "", **request: Any) -> httpx2.Response:
    async with client_of(path.app) as client:
        headers = LEADER | request.pop("headers", {})
        return await client.request(method, f"{path.path}{query}", headers=headers, **request)


def faults(response: httpx2.Response) -> list[tuple[str, str]]:
    assert response.status_code == 422, response.text
    return [(error["field"], error["code"]) for error in response.json()["errors"]]


def parameters(path: Path, method: str, place: str = "query") -> dict[str, Any]:
    declared = path.operations[method].get("parameters", [])
    return {each["name"]: each["schema"] for each in declared if each["in"] == place}


def media_type(path: Path, method: str) -> str | None:
    content = path.operations[method].get("requestBody", {}).get("content", {})
    return next(iter(content), None)


def is_number(schema: dict[str, Any]) -> bool:
    return "integer" in {schema.get("type"), *(each.get("type") for each in schema.get("anyOf", ()))}


def test_the_walk_meets_what_it_should() -> None:
    assert {path.service for path in PATHS} == {"assignment", "deadline", "notification", "reporting"}
    assert sum(bool(parameters(path, method)) for path, method in OPERATIONS) >= 7
    assert sum(media_type(path, method) is not None for path, method in OPERATIONS) >= 20
    assert any(is_number(each) for path, method in OPERATIONS for each in parameters(path, method).values())


@pytest.mark.parametrize("path", PATHS, ids=str)
async def test_another_method_is_told_all_that_there_are(path: Path) -> None:
    there = path.methods | ({"HEAD"} if "GET" in path.methods else set())
    for method in METHODS - there:
        response = await ask(path, method)
        assert response.status_code == 405
        assert set(response.headers["allow"].split(", ")) == there
        assert (response.content == b"") == (method == "HEAD")


@pytest.mark.parametrize("path", [path for path in PATHS if "GET" in path.methods], ids=str)
async def test_head_is_answered_as_get_is_and_has_no_body(path: Path) -> None:
    got, headed = await ask(path, "GET", "?x=1"), await ask(path, "HEAD", "?x=1")
    varying = {"x-request-id"}
    assert headed.status_code == got.status_code == 422
    assert {*headed.headers.items()} - {("x-request-id", headed.headers["x-request-id"])} == {
        (name, value) for name, value in got.headers.items() if name not in varying
    }
    assert (bool(got.content), headed.content) == (True, b"")


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=str)
async def test_a_parameter_that_nobody_declared_is_refused(path: Path, method: str) -> None:
    body = {"content": b"{}", "headers": JSON} if media_type(path, method) == "application/json" else {}
    assert ("foo", "unknown-field") in faults(await ask(path, method, "?foo=1", **body))
    assert ("foo", "unknown-field") in faults(await ask(path, method, "?foo=", **body))
    assert ("_", "unknown-field") in faults(await ask(path, method, "?%3Cscript%3E=1", **body))


@pytest.mark.parametrize(
    ("path", "method"), [(path, method) for path, method in OPERATIONS if parameters(path, method)], ids=str
)
async def test_a_parameter_is_given_once(path: Path, method: str) -> None:
    for name in parameters(path, method):
        assert (name, "given-twice") in faults(await ask(path, method, f"?{name}=1&{name}=1"))


@pytest.mark.parametrize("number", NO_NUMBERS)
async def test_a_number_in_a_query_is_digits_alone(number: str) -> None:
    for path, method in OPERATIONS:
        for name, schema in parameters(path, method).items():
            if is_number(schema):
                async with client_of(path.app) as client:
                    answer = await client.request(method, path.path, params={name: number}, headers=LEADER)
                assert (name, "not-a-number") in faults(answer)


@pytest.mark.parametrize(
    ("path", "method"), [each for each in OPERATIONS if media_type(*each) == "application/json"], ids=str
)
async def test_a_member_is_given_once_at_any_depth(path: Path, method: str) -> None:
    for body in (b'{"a": 1, "a": 1}', b'{"b": [{"a": {}, "c": 0, "a": ":"}]}', b'{"a": 1, "\\u0061": "\\u003a"}'):
        assert faults(await ask(path, method, content=body, headers=JSON)) == [("a", "given-twice")]


@pytest.mark.parametrize(("path", "method"), [each for each in OPERATIONS if "form" in (media_type(*each) or "")])
async def test_a_field_of_a_form_is_given_once(path: Path, method: str) -> None:
    for field in ("grant_type", "username", "unknown"):
        answer = await ask(path, method, content=f"{field}=a&{field}=a".encode(), headers=FORM)
        assert faults(answer) == [(field, "given-twice")]


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=str)
async def test_browsers_and_caches_are_told_what_not_to_do(path: Path, method: str) -> None:
    """The answers are those without a token, and those that a wrong query gets."""
    async with client_of(path.app) as client:
        for answer in (await client.request(method, path.path + "?x=1"), await ask(path, method, "?x=1")):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [path for path in PATHS if path.template.startswith("/v1/")], ids=str)
async def test_without_a_token_a_path_does_not_tell_its_methods(path: Path) -> None:
    async with client_of(path.app) as client:
        answer = await client.options(path.path)
    is_public = path.template in {"/v1/auth/token", "/v1/auth/revoke"}
    assert (answer.status_code, "allow" in answer.headers) == ((405, True) if is_public else (401, False))
