"""Role by role: who reads the directory and who changes it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from tests.support.directory import BUILDING, FINANCE, PASSWORD, AssignmentService, running_assignment

EVERYBODY = {"quan.tri", "chu.tich", "chuyen.vien", "kiem.tra", "giam.doc", "van.thu", "can.bo", "phan.mem"}
OF_FINANCE = ["can.bo", "giam.doc", "phan.mem", "van.thu"]
ALL = sorted(EVERYBODY | {"giam.doc.xd"})

MAY_LIST_ACCOUNTS = {
    "quan.tri": ALL,
    "chu.tich": ALL,
    "chuyen.vien": ALL,
    "kiem.tra": ALL,
    "giam.doc": OF_FINANCE,
    "van.thu": OF_FINANCE,
    "phan.mem": OF_FINANCE,
    "giam.doc.xd": ["giam.doc.xd"],
}
NOT_ADMINISTRATORS = sorted(EVERYBODY - {"quan.tri"})


@pytest.fixture(scope="module")
async def service(servers: Servers) -> AsyncIterator[AssignmentService]:
    async with running_assignment(servers) as running:
        yield running


@pytest.mark.parametrize("who", sorted(EVERYBODY))
async def test_everybody_reads_agencies(service: AssignmentService, who: str) -> None:
    listed = await service.get("/v1/agencies", who)
    assert listed.status_code == 200
    assert [agency["code"] for agency in listed.json()["items"]] == [FINANCE, BUILDING, "van-phong"]
    assert (await service.get(f"/v1/agencies/{FINANCE}", who)).json() == {
        "code": FINANCE,
        "name": f"Cơ quan {FINANCE}",
        "kind": "department",
        "short_name": None,
        "parent": None,
        "version": 1,
    }


@pytest.mark.parametrize(("who", "expected"), MAY_LIST_ACCOUNTS.items())
async def test_each_role_sees_its_accounts(service: AssignmentService, who: str, expected: list[str]) -> None:
    listed = await service.get("/v1/accounts", who)
    assert [account["username"] for account in listed.json()["items"]] == expected


async def test_an_officer_reads_no_accounts(service: AssignmentService) -> None:
    for path in ("/v1/accounts", "/v1/accounts/giam.doc", "/v1/accounts/can.bo"):
        answer = await service.get(path, "can.bo")
        assert (answer.status_code, answer.json()["code"]) == (403, "not-permitted")


async def test_an_account_of_another_agency_is_absent(service: AssignmentService) -> None:
    unseen = await service.get("/v1/accounts/giam.doc.xd", "giam.doc")
    missing = await service.get("/v1/accounts/nobody", "giam.doc")
    assert unseen.status_code == missing.status_code == 404
    assert unseen.json() == missing.json()
    filtered = await service.get("/v1/accounts", "giam.doc", params={"agency": BUILDING})
    assert filtered.json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("who", NOT_ADMINISTRATORS)
async def test_only_the_administrator_changes_the_directory(service: AssignmentService, who: str) -> None:
    account = {"username": "moi", "display_name": "M", "role": "leader", "password": PASSWORD}
    answers = [
        await service.post("/v1/agencies", {"code": "moi", "name": "M", "kind": "unit"}, who),
        await service.patch(f"/v1/agencies/{FINANCE}", {"name": "M"}, who),
        await service.post("/v1/accounts", account, who),
        await service.patch(f"/v1/accounts/{who}", {"role": "administrator"}, who),
        await service.post("/v1/accounts/phan.mem/secret", None, who),
        await service.post(f"/v1/accounts/{who}/password", {}, who),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "not-permitted")}


async def test_a_wrong_body_is_answered_before_who_may(service: AssignmentService) -> None:
    answer = await service.post("/v1/agencies", {"code": "moi"}, "can.bo")
    assert answer.status_code == 422
    answer = await service.post("/v1/accounts", {"username": "m", "display_name": "M", "role": "head"}, "can.bo")
    assert answer.status_code == 422


async def test_what_is_unseen_is_answered_before_who_may(service: AssignmentService) -> None:
    assert (await service.patch("/v1/accounts/giam.doc.xd", {"position": "x"}, "giam.doc")).status_code == 404
    assert (await service.post("/v1/accounts/giam.doc.xd/secret", None, "giam.doc")).status_code == 404
    assert (await service.patch("/v1/agencies/nowhere", {"name": "x"}, "giam.doc")).status_code == 404


async def test_accounts_are_filtered_by_agency_and_role(service: AssignmentService) -> None:
    for query, expected in (
        ({"agency": FINANCE}, OF_FINANCE),
        ({"role": "head"}, ["giam.doc", "giam.doc.xd"]),
        ({"agency": BUILDING, "role": "head"}, ["giam.doc.xd"]),
        ({"agency": BUILDING, "role": "clerk"}, []),
    ):
        listed = await service.get("/v1/accounts", "chu.tich", params=query)
        assert [account["username"] for account in listed.json()["items"]] == expected
    assert (await service.get("/v1/accounts", "chu.tich", params={"role": "king"})).status_code == 422


async def test_pages_hold_every_account_once(service: AssignmentService) -> None:
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await service.get("/v1/accounts", "chu.tich", params={"limit": "4"} | cursor)).json()
        seen += [account["username"] for account in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == ALL


async def test_a_cursor_of_another_list_is_refused(service: AssignmentService) -> None:
    cursor = (await service.get("/v1/accounts", "chu.tich", params={"limit": 1})).json()["next_cursor"]
    for path in ("/v1/agencies", "/v1/accounts?role=head"):
        answer = await service.get(f"{path}{'&' if '?' in path else '?'}cursor={cursor}", "chu.tich")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")
    assert (await service.get("/v1/accounts", "chu.tich", params={"limit": 201})).status_code == 422


@pytest.mark.parametrize("who", sorted(EVERYBODY))
async def test_everybody_reads_their_own_account(service: AssignmentService, who: str) -> None:
    answer = await service.get("/v1/me", who)
    assert (answer.status_code, answer.json()["username"]) == (200, who)
    assert not {"password", "secret", "outbox"} & set(answer.json())
