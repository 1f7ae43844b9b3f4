"""Bad input gets its answer and changes nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from shared.clock import true_now
from shared.office.vocabulary import Role
from shared.web.auth import AUDIENCE, ISSUER
from tests.support.assignment import (
    BODIES,
    DEADLINE,
    DOERS,
    DUE_AT,
    TaskService,
    code_of,
    fields_of,
    task_body,
)
from tests.support.directory import KEYS, PASSWORD
from tests.support.tokens import TestKeys

INVALID: Final = (422, "validation")
JSON_TYPE: Final = {"Content-Type": "application/json"}
SURROGATE: Final = b'"\\ud800"'


@pytest.fixture
async def task(service: TaskService) -> str:
    """A task at work: received, handed to an officer, with a request that waits."""
    task = await service.assigned()
    await service.acts(task, "receipt", "delegation", "extension")
    return task


async def send(service: TaskService, path: str, content: bytes, by: str = "leader", **headers: str) -> httpx2.Response:
    """Post bytes as they are."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await service.http.post(path, content=content, headers=service.as_(by) | JSON_TYPE | named)


async def count(service: TaskService) -> tuple[int, int]:
    return (
        await service.database["tasks"].count_documents({}),
        await service.database["batches"].count_documents({}),
    )


# An agency, an account or a moment that will not do, in a task that is given


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"lead_agency": "nobody"}, ("lead_agency", "unknown-agency")),
        ({"coordinating_agencies": ["coordinating", "nobody"]}, ("coordinating_agencies", "unknown-agency")),
        ({"monitor": "nobody"}, ("monitor", "unknown-agency")),
        ({"coordinating_agencies": ["lead"]}, ("coordinating_agencies", "duplicate-agency")),
        ({"coordinating_agencies": ["office", "office"]}, ("coordinating_agencies", "duplicate-agency")),
        ({"monitor": "lead"}, ("monitor", "duplicate-agency")),
        ({"monitor": "coordinating"}, ("monitor", "duplicate-agency")),
        ({"deadline": "2026-10-02"}, ("deadline", "in-the-past")),
        ({"deadline": None, "due_at": "2026-10-05T08:59:59.999+07:00"}, ("due_at", "in-the-past")),
        ({"deadline": "2036-10-06"}, ("deadline", "too-far")),
        ({"deadline": "2100-12-31"}, ("deadline", "too-far")),
        ({"deadline": None, "due_at": "2036-10-06T00:00:00+07:00"}, ("due_at", "too-far")),
        ({"due_at": "2026-10-16T10:00:00+07:00"}, ("due_at", "one-of-two")),
        ({"deadline": "16/10/2026"}, ("deadline", "bad-date")),
        ({"deadline": "2026-02-30"}, ("deadline", "bad-date")),
        ({"deadline": "9999-12-31"}, ("deadline", "bad-date")),
        ({"deadline": None, "due_at": "2026-10-16T10:00:00"}, ("due_at", "bad-moment")),
        ({"assigner": "other-leader"}, ("assigner", "not-allowed")),
        ({"replaces": "nobody"}, ("replaces", "unknown-task")),
        ({"title": ""}, ("title", "empty")),
        ({"title": "   \t "}, ("title", "empty")),
        ({"title": "x" * 1_001}, ("title", "too-long")),
        ({"description": "x" * 10_001}, ("description", "too-long")),
        ({"title": "Hai\ndòng"}, ("title", "forbidden-characters")),
        ({"title": "a\u0000b"}, ("title", "forbidden-characters")),
        ({"title": "a\u202eb"}, ("title", "forbidden-characters")),
        ({"description": "a\u0008b"}, ("description", "forbidden-characters")),
        ({"title": 40}, ("title", "not-a-text")),
        ({"title": True}, ("title", "not-a-text")),
        ({"lead_agency": ["lead"]}, ("lead_agency", "not-a-text")),
        ({"coordinating_agencies": "coordinating"}, ("coordinating_agencies", "not-a-list")),
        ({"coordinating_agencies": [1] * 201}, ("coordinating_agencies", "too-many")),
        ({"document": "12/QĐ"}, ("document", "not-an-object")),
        ({"document": {"summary": "Không số"}}, ("document.number", "missing")),
        ({"priority": "highest"}, ("priority", "not-one-of")),
        ({"authority": "king"}, ("authority", "not-one-of")),
        ({"stage": "completed"}, ("stage", "unknown-field")),
        ({"entered_by": "other-leader"}, ("entered_by", "unknown-field")),
        ({"title": {"$gt": ""}}, ("title", "not-a-text")),
        ({"$where": "1"}, ("_", "unknown-field")),
    ],
)
async def test_a_task_that_will_not_do_is_not_given(
    service: TaskService, changes: dict[str, Any], problem: tuple[str, str]
) -> None:
    before = await count(service)
    answer = await service.post("/v1/tasks", task_body(**changes))
    assert (code_of(answer), fields_of(answer)) == (INVALID, [problem])
    assert await count(service) == before


@pytest.mark.parametrize(
    ("assigner", "problem"),
    [(None, "missing"), ("nobody", "unknown-account"), ("lead-head", "not-a-leader"), ("coordinator", "not-a-leader")],
)
async def test_a_coordinator_names_the_leader_who_assigns(
    service: TaskService, assigner: str | None, problem: str
) -> None:
    answer = await service.post("/v1/tasks", task_body(assigner=assigner), "coordinator")
    assert (code_of(answer), fields_of(answer)) == (INVALID, [("assigner", problem)])


async def test_a_disabled_leader_is_assigned_for_no_more(service: TaskService) -> None:
    await service.post(
        "/v1/accounts",
        {"username": "former", "display_name": "Nguyên lãnh đạo", "role": "leader", "password": PASSWORD},
        "administrator",
    )
    await service.http.patch("/v1/accounts/former", json={"disabled": True}, headers=service.as_("administrator"))
    answer = await service.post("/v1/tasks", task_body(assigner="former"), "coordinator")
    assert (code_of(answer), fields_of(answer)) == (INVALID, [("assigner", "disabled-account")])
    assert code_of(await service.post("/v1/tasks", task_body(), "former")) == (401, "not-authenticated")


@pytest.mark.parametrize(
    "by",
    ["administrator", "auditor", "lead-head", "lead-clerk", "officer", "lead-program", "reading-program"],
)
async def test_only_leaders_and_coordinators_give_tasks(service: TaskService, by: str) -> None:
    before = await count(service)
    batch = {"items": [{"title": "Việc", "lead_agencies": ["lead"]}]}
    assert code_of(await service.post("/v1/tasks", task_body(), by)) == (403, "not-permitted")
    assert code_of(await service.post("/v1/task-batches", batch, by)) == (403, "not-permitted")
    assert await count(service) == before


# Acts: each line changes nothing at all


@pytest.mark.parametrize(
    ("act", "by", "changes", "answer"),
    [
        ("reassignment", None, {"lead_agency": "nobody"}, (422, "validation")),
        ("delegation", None, {"officer": "nobody"}, (422, "validation")),
        ("delegation", None, {"officer": "stranger-officer"}, (422, "validation")),
        ("deadline", None, {"deadline": "2026-10-01"}, (409, "wrong-stage")),
        ("extension", None, {"new_deadline": "2026-11-20"}, (409, "extension-pending")),
        ("extension/decision", None, {"new_deadline": DEADLINE}, (422, "validation")),
        ("extension/decision", None, {"new_due_at": f"{DUE_AT}+07:00"}, (422, "validation")),
        ("extension/decision", "other-leader", {}, (403, "not-permitted")),
        ("extension/decision", "lead-head", {}, (403, "not-permitted")),
        ("extension/decision", None, {"approved": False}, (422, "validation")),
        ("extension/decision", None, {"approved": False, "reason": "  "}, (422, "validation")),
        (
            "extension/decision",
            None,
            {"approved": False, "reason": "Chưa", "new_deadline": "2026-11-20"},
            (422, "validation"),
        ),
        ("extension/decision", None, {"approved": "true"}, (422, "validation")),
        ("extension/decision", None, {"approved": 1}, (422, "validation")),
        ("receipt", None, {}, (409, "wrong-stage")),
        ("report/decision", None, {}, (409, "wrong-stage")),
        ("report", "lead-clerk", {}, (403, "not-permitted")),
        ("report", "stranger-head", {}, (404, "not-found")),
        ("progress", None, {"percent": "40"}, (422, "validation")),
        ("progress", None, {"percent": True}, (422, "validation")),
        ("progress", None, {"percent": 40.0}, (422, "validation")),
        ("progress", None, {"percent": 101}, (422, "validation")),
        ("progress", None, {"percent": -1}, (422, "validation")),
        ("progress", None, {"percent": 10**30}, (422, "validation")),
        ("progress", None, {"percent": None}, (422, "validation")),
        ("progress", None, {"note": "x" * 2_001}, (422, "validation")),
        ("report", None, {"finished_on": "hôm qua"}, (422, "validation")),
        ("report", None, {"document": {"number": "1", "summary": "x"}}, (422, "validation")),
        ("explanation", None, {"cause": "laziness"}, (422, "validation")),
        ("urging", None, {"message": "a\u0007"}, (422, "validation")),
        ("recall", None, {"reason": ""}, (422, "validation")),
    ],
)
async def test_an_act_that_will_not_do_changes_nothing(
    service: TaskService, task: str, act: str, by: str | None, changes: dict[str, Any], answer: tuple[int, str]
) -> None:
    before = await service.stored_task(task)
    assert code_of(await service.try_act(task, act, by, BODIES[act] | changes)) == answer
    assert await service.stored_task(task) == before


async def test_a_deadline_set_in_the_past_is_refused(service: TaskService) -> None:
    task = await service.assigned(deadline=None)
    for term, field in (({"deadline": "2026-10-02"}, "deadline"), ({"due_at": "2026-10-05T08:00:00+07:00"}, "due_at")):
        answer = await service.try_act(task, "deadline", body={"reason": "Muộn", **term})
        assert (code_of(answer), fields_of(answer)) == (INVALID, [(field, "in-the-past")])
    neither = await service.try_act(task, "deadline", body={"reason": "Quên"})
    assert (code_of(neither), fields_of(neither)) == (INVALID, [("deadline", "missing")])
    assert (await service.read(task))["version"] == 1


async def test_a_deadline_more_than_ten_years_ahead_is_refused_on_every_path(service: TaskService) -> None:
    without, asked = await service.assigned(deadline=None), await service.assigned()
    await service.acts(asked, "receipt")
    day, at = "2036-10-06", "2036-10-06T00:00:00+07:00"
    for term, field in (({"deadline": day}, "deadline"), ({"due_at": at}, "due_at")):
        answer = await service.try_act(without, "deadline", body={"reason": "Xa", **term})
        assert (code_of(answer), fields_of(answer)) == (INVALID, [(field, "too-far")])
    for term, field in (({"new_deadline": day}, "new_deadline"), ({"new_due_at": at}, "new_due_at")):
        answer = await service.try_act(asked, "extension", body={"reason": "Xa", **term})
        assert (code_of(answer), fields_of(answer)) == (INVALID, [(field, "too-far")])
    await service.act(asked, "extension")
    for term, field in (({"new_deadline": day}, "new_deadline"), ({"new_due_at": at}, "new_due_at")):
        answer = await service.try_act(asked, "extension/decision", body={"approved": True, "reason": "Xa", **term})
        assert (code_of(answer), fields_of(answer)) == (INVALID, [(field, "too-far")])
    last = {"approved": True, "reason": "Xa", "new_due_at": "2036-10-05T23:59:59+07:00"}
    assert (await service.act(asked, "extension/decision", body=last))["deadline"] == "2036-10-05"
    assert (await service.act(without, "deadline", body={"reason": "Xa", "deadline": "2036-10-05"}))["due_at"]


async def test_a_second_extension_is_refused(service: TaskService, task: str) -> None:
    await service.act(task, "extension/decision")
    before = await service.stored_task(task)
    answer = await service.try_act(task, "extension", body={"new_deadline": "2026-12-04", "reason": "Nữa"})
    assert code_of(answer) == (409, "extension-already-used")
    assert await service.stored_task(task) == before


async def test_a_stale_condition_is_refused(service: TaskService, task: str) -> None:
    before = await service.stored_task(task)
    for stale in ('"3"', '"0"', '"5"', 'W/"4"', '"04"', '"x"', '"3", "5"'):
        answer = await service.try_act(task, "progress", If_Match=stale)
        assert code_of(answer) == (412, "version-conflict"), stale
    assert code_of(await service.try_act(task, "progress", If_Match="4")) == (422, "validation")
    assert await service.stored_task(task) == before
    for met in ('"3", "4"', "*"):
        assert code_of(await service.try_act(task, "progress", If_Match=met))[0] == 200


# What no body may be


def broken_bodies() -> Mapping[str, bytes]:
    plain = json.dumps(task_body())
    return {
        "no JSON": b"title=x",
        "half of it": plain[:-1].encode(),
        "nothing": b"",
        "a list": b"[]",
        "a text": b'"x"',
        "null": b"null",
        "invalid UTF-8": plain.replace("lead", "\udcff").encode("utf-8", "surrogateescape"),
        "a byte order mark": b"\xef\xbb\xbf" + plain.encode(),
        "UTF-16": plain.encode("utf-16"),
        "a lone surrogate": b'{"title": ' + SURROGATE + b', "lead_agency": "lead"}',
        "a lone surrogate in a name": b"{" + SURROGATE + b': 1, "title": "x", "lead_agency": "lead"}',
        "NaN": b'{"title": NaN, "lead_agency": "lead"}',
        "Infinity": b'{"title": Infinity, "lead_agency": "lead"}',
        "1e400": b'{"title": 1e400, "lead_agency": "lead"}',
        "5,000 digits": b'{"title": ' + b"9" * 5_000 + b', "lead_agency": "lead"}',
        "deep lists": b'{"title": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        "deep objects": b'{"a":' * 150_000 + b"1" + b"}" * 150_000,
        "only the opening": b"[" * 200_000,
    }


@pytest.mark.parametrize("name", broken_bodies())
@pytest.mark.parametrize("path", ["/v1/tasks", "/v1/task-batches"])
async def test_a_body_that_is_no_strict_json_is_refused(service: TaskService, path: str, name: str) -> None:
    before = await count(service)
    answer = await send(service, path, broken_bodies()[name])
    assert code_of(answer) == INVALID
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 2_000
    assert await count(service) == before


@pytest.mark.parametrize("name", sorted(set(broken_bodies()) - {"nothing"}))
async def test_no_act_takes_a_broken_body(service: TaskService, task: str, name: str) -> None:
    before = await service.stored_task(task)
    for act in ("receipt", "progress", "extension/decision"):
        answer = await send(service, f"/v1/tasks/{task}/{act}", broken_bodies()[name], DOERS[act])
        assert code_of(answer) == INVALID, act
    assert await service.stored_task(task) == before


@pytest.mark.parametrize("percent", [b"NaN", b"-Infinity", b"1e400", b"1e2", b"4e1", b"[40]", b'{"$gt": 0}'])
async def test_no_number_is_taken_that_is_none(service: TaskService, task: str, percent: bytes) -> None:
    before = await service.stored_task(task)
    answer = await send(service, f"/v1/tasks/{task}/progress", b'{"percent": ' + percent + b"}", "officer")
    assert code_of(answer) == INVALID
    assert await service.stored_task(task) == before


def fields_of_acts() -> list[tuple[str, str]]:
    optional = {
        "receipt": ["note"],
        "correction": ["title", "description", "product", "field", "document", "coordinating_agencies", "monitor"],
        "deadline": ["due_at"],
        "progress": ["note"],
        "extension": ["new_due_at"],
        "extension/decision": ["reason", "new_deadline", "new_due_at"],
        "report": ["finished_on", "document"],
        "report/decision": ["reason"],
        "explanation": ["expected_finish", "document"],
        "explanation/decision": ["reason", "directive"],
    }
    return [(act, field) for act in BODIES for field in [*BODIES[act], *optional.get(act, [])]]


@pytest.mark.parametrize(("act", "field"), fields_of_acts())
async def test_an_operator_of_the_database_is_no_value(service: TaskService, task: str, act: str, field: str) -> None:
    before = await service.stored_task(task)
    for operator in ({"$gt": ""}, {"$ne": None}, {"$where": "sleep(1)"}, {"$set": {"stage": "completed"}}):
        answer = await service.try_act(task, act, body={**BODIES[act], field: operator})
        assert code_of(answer) == INVALID
    assert await service.stored_task(task) == before


@pytest.mark.parametrize("act", BODIES)
async def test_an_unknown_field_is_refused_in_every_act(service: TaskService, task: str, act: str) -> None:
    before = await service.stored_task(task)
    for unknown in ("percentage", "$set", "stage", "version", "_id", "__class__"):
        answer = await service.try_act(task, act, body={**BODIES[act], unknown: "x"})
        named = "_" if unknown == "$set" else unknown
        assert (code_of(answer), fields_of(answer)) == (INVALID, [(named, "unknown-field")])
    assert await service.stored_task(task) == before


@pytest.mark.parametrize(
    "path", ['{"$gt": ""}', "%7B%22$gt%22:%22%22%7D", "%00", "%ff", "..%2f..", "x" * 2_000, "None", "0"]
)
async def test_an_id_that_is_none_names_no_task(service: TaskService, path: str) -> None:
    assert code_of(await service.get(f"/v1/tasks/{path}")) == (404, "not-found")
    assert (await service.try_act(path, "recall")).status_code == 404


# Sizes and types


async def test_five_megabytes_of_text_are_too_large_for_a_task(service: TaskService, task: str) -> None:
    before = await service.stored_task(task)
    huge = "x" * 5_000_000
    for answer in (
        await service.post("/v1/tasks", task_body(title=huge)),
        await service.try_act(task, "recall", body={"reason": huge}),
        await service.post("/v1/task-batches", {"items": [{"title": huge, "lead_agencies": ["lead"]}]}),
    ):
        assert code_of(answer) == (413, "payload-too-large")
        assert len(answer.content) < 2_000
    assert await service.stored_task(task) == before


async def test_a_batch_may_be_large_but_its_texts_may_not(service: TaskService) -> None:
    batch = {"items": [{"title": "x" * 4_900_000, "lead_agencies": ["lead"]}]}
    answer = await service.post("/v1/task-batches", batch)
    assert (code_of(answer), fields_of(answer)) == (INVALID, [("items.0.title", "too-long")])
    assert len(answer.content) < 2_000


async def test_a_batch_wrong_in_a_million_places_is_told_of_the_first(service: TaskService) -> None:
    before = await count(service)
    heap = {"titel": "b", "lead_agencies": [5] * 200}
    answer = await service.post("/v1/task-batches", {"items": [heap] * 5_000})
    assert (code_of(answer), fields_of(answer)) == (INVALID, [("items", "too-many-tasks")])
    answer = await service.post("/v1/task-batches", {"items": [{**heap, "lead_agencies": [5]}] * 5_000})
    problems = [("title", "missing"), ("lead_agencies.0", "not-a-text"), ("titel", "unknown-field")]
    assert (code_of(answer), fields_of(answer)) == (INVALID, [(f"items.0.{field}", code) for field, code in problems])
    assert await count(service) == before


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
async def test_another_media_type_is_refused(service: TaskService, task: str, content_type: str) -> None:
    for path in ("/v1/tasks", f"/v1/tasks/{task}/recall", "/v1/task-batches"):
        answer = await send(service, path, b"{}", Content_Type=content_type)
        assert code_of(answer) == (415, "unsupported-media-type")


# Tokens


def claims(**changes: Any) -> dict[str, Any]:
    now = int(true_now().timestamp())
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "leader",
        "role": "leader",
        "agency": None,
        "scopes": [],
        "iat": now,
        "exp": now + 600,
        "jti": "1",
        **changes,
    }


def unsigned(header: dict[str, str], signature: str = "") -> str:
    parts = (json.dumps(part).encode() for part in (header, claims()))
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), signature])


def bad_tokens() -> Mapping[str, str]:
    good = KEYS.sign(claims())
    head, _, signature = good.split(".")
    of_a_public_key = OctKey.import_key(KEYS.public_keys)
    return {
        "none": "Bearer",
        "no bearer": f"Basic {good}",
        "rubbish": "Bearer rubbish",
        "expired": f"Bearer {KEYS.token_for('leader', Role.LEADER, issued_at=true_now() - timedelta(hours=1))}",
        "signed by another": f"Bearer {TestKeys().sign(claims())}",
        "changed afterwards": f"Bearer {head}.{unsigned({}).split('.')[1]}.{signature}",
        "signed with none": f"Bearer {unsigned({'alg': 'none', 'typ': 'JWT'})}",
        "signed with none and a key id": f"Bearer {unsigned({'alg': 'none', 'kid': 'test-key'}, signature)}",
        "signed with the public key as a secret": "Bearer "
        + jwt.encode({"alg": "HS256", "kid": "test-key"}, claims(), of_a_public_key, algorithms=["HS256"]),
        "for others": f"Bearer {KEYS.sign(claims(aud='elsewhere'))}",
        "by others": f"Bearer {KEYS.sign(claims(iss='elsewhere'))}",
        "of a role that is none": f"Bearer {KEYS.sign(claims(role='king'))}",
        "of nobody": f"Bearer {KEYS.sign(claims(sub='nobody'))}",
        "without an end": "Bearer " + KEYS.sign({k: v for k, v in claims().items() if k != "exp"}),
    }


@pytest.mark.parametrize("name", bad_tokens())
async def test_a_bad_token_opens_nothing(service: TaskService, task: str, name: str) -> None:
    before = await service.stored_task(task)
    headers = {"Authorization": bad_tokens()[name]}
    for answer in (
        await service.http.get("/v1/tasks", headers=headers),
        await service.http.get(f"/v1/tasks/{task}", headers=headers),
        await service.http.post("/v1/tasks", json=task_body(), headers=headers),
        await service.http.post(f"/v1/tasks/{task}/recall", json=BODIES["recall"], headers=headers),
    ):
        assert code_of(answer) == (401, "not-authenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert await service.stored_task(task) == before


async def test_the_role_held_now_counts_and_not_the_one_in_the_token(service: TaskService, task: str) -> None:
    forged_up = KEYS.token_for("lead-clerk", Role.LEADER)
    answer = await service.http.post(
        f"/v1/tasks/{task}/recall", json=BODIES["recall"], headers={"Authorization": f"Bearer {forged_up}"}
    )
    assert code_of(answer) == (403, "not-permitted")


# The order of the checks


async def test_the_checks_come_in_their_order(service: TaskService, task: str) -> None:
    unseen = f"/v1/tasks/{task}/receipt"
    nobody = await service.http.post(unseen, content=b"x" * 2_000_000, headers={"Content-Type": "text/plain"})
    assert code_of(nobody) == (401, "not-authenticated")
    large = await send(service, unseen, b"x" * 2_000_000, "stranger-head", Content_Type="text/plain")
    assert code_of(large) == (413, "payload-too-large")
    typed = await send(service, unseen, b"{}", "stranger-head", Content_Type="text/plain")
    assert code_of(typed) == (415, "unsupported-media-type")
    judged = await service.try_act(task, "receipt", "stranger-head", {"note": 1})
    assert code_of(judged) == INVALID
    absent = await service.try_act(task, "receipt", "stranger-head", If_Match='"1"')
    assert code_of(absent) == (404, "not-found")
    forbidden = await service.try_act(task, "receipt", "coordinating-head", If_Match='"1"')
    assert code_of(forbidden) == (403, "not-permitted")
    await service.act(task, "progress", "lead-head", Idempotency_Key="once")
    other_body = await service.try_act(
        task, "progress", "lead-head", {"percent": 41}, Idempotency_Key="once", If_Match='"1"'
    )
    assert code_of(other_body) == (422, "idempotency-mismatch")
    known = await service.try_act(task, "progress", "lead-head", Idempotency_Key="once", If_Match='"1"')
    assert known.status_code == 200
    stale = await service.try_act(task, "receipt", If_Match='"1"')
    assert code_of(stale) == (412, "version-conflict")
    await service.act(task, "report", "lead-head")
    staged = await service.try_act(task, "delegation", body={"officer": "nobody", "instruction": "Làm"})
    assert code_of(staged) == (409, "wrong-stage")


async def test_the_stage_is_judged_before_the_rules_and_the_rules_before_the_moment(service: TaskService) -> None:
    task = await service.assigned()
    await service.acts(task, "receipt", "extension", "extension/decision")
    early = {"new_deadline": "2026-10-06", "reason": "Thêm"}
    assert code_of(await service.try_act(task, "extension", body=early)) == (409, "extension-already-used")
    await service.act(task, "report")
    assert code_of(await service.try_act(task, "extension", body=early)) == (409, "wrong-stage")


# How it is said


async def test_problems_are_said_in_vietnamese_unless_english_is_asked_for(service: TaskService, task: str) -> None:
    vietnamese, english = "Không phù hợp với trạng thái của nhiệm vụ", "The task's stage does not allow this"
    assert (await service.try_act(task, "receipt")).json()["title"] == vietnamese
    titles = {"vi": vietnamese, "en": english, "en-GB, vi;q=0.5": english, "fr": vietnamese}
    for asked, title in titles.items():
        assert (await service.try_act(task, "receipt", Accept_Language=asked)).json()["title"] == title


async def test_a_problem_has_all_its_members_and_repeats_nothing_of_the_input(service: TaskService) -> None:
    answer = await service.post("/v1/tasks", task_body(title=["bí mật của tôi"], lead_agency="không ai biết"))
    problem = answer.json()
    assert problem["type"] == "urn:dondoc:problem:validation"
    assert problem["status"] == answer.status_code == 422
    assert set(problem) == {"type", "title", "status", "detail", "code", "errors"}
    assert [error["field"] for error in problem["errors"]] == ["title", "lead_agency"]
    assert "bí mật" not in answer.text
    assert "không ai biết" not in answer.text


async def test_texts_are_kept_normalised(service: TaskService) -> None:
    given = await service.assign(
        title="  Báo cáo tie\u0302\u0301n đo\u0323\u0302  ", description="Dòng một\r\n\tDòng hai", product="", field=" "
    )
    assert given["title"] == "Báo cáo tiến độ"
    assert given["description"] == "Dòng một\n\tDòng hai"
    assert (given["product"], given["field"]) == (None, None)
