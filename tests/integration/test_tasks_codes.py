"""Codes of agencies are one whatever their case: where they are made, named and asked for."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from services.assignment.app import prepare
from services.assignment.directory.store import DirectoryStore
from shared.mongo import connect
from tests.support.assignment import TaskService, code_of, fields_of
from tests.support.servers import Database


@pytest.mark.parametrize("code", ["lead", "Lead", "LEAD"])
async def test_a_code_is_taken_in_any_case(service: TaskService, code: str) -> None:
    answer = await service.post("/v1/agencies", {"code": code, "name": "N", "kind": "unit"}, "administrator")
    assert code_of(answer) == (409, "already-exists")


async def test_an_agency_is_found_in_any_case_and_kept_as_first_written(service: TaskService) -> None:
    body = {"code": "Chi-Cuc", "name": "N", "kind": "unit", "parent": "LEAD"}
    created = await service.post("/v1/agencies", body, "administrator")
    assert (created.json()["code"], created.json()["parent"]) == ("Chi-Cuc", "lead")
    assert (await service.get("/v1/agencies/CHI-CUC")).json() == created.json()
    below = await service.get("/v1/agencies", parent="Lead")
    assert [agency["code"] for agency in below.json()["items"]] == ["Chi-Cuc"]
    headers = service.as_("administrator")
    for change, version in (({"parent": "Lead"}, 1), ({}, 1), ({"name": "N2"}, 2)):
        changed = await service.http.patch("/v1/agencies/chi-cuc", json=change, headers=headers)
        assert (changed.json()["code"], changed.json()["version"]) == ("Chi-Cuc", version)
    circle = await service.http.patch("/v1/agencies/LEAD", json={"parent": "CHI-cuc"}, headers=headers)
    assert fields_of(circle) == [("parent", "circle")]


async def test_an_account_is_of_the_agency_as_it_is_written(service: TaskService) -> None:
    account = {"username": "chi", "display_name": "Chi", "role": "service", "agency": "LEAD"}
    created = await service.post("/v1/accounts", account, "administrator")
    assert created.json()["agency"] == "lead"
    listed = await service.get("/v1/accounts", "lead-head", agency="Lead", role="service")
    assert "chi" in [account["username"] for account in listed.json()["items"]]
    headers = service.as_("administrator")
    changed = await service.http.patch("/v1/accounts/CHI", json={"agency": "Lead"}, headers=headers)
    assert (changed.json()["agency"], changed.json()["version"]) == ("lead", 1)


async def test_a_task_names_agencies_in_any_case(service: TaskService) -> None:
    task = await service.assign(lead_agency="LEAD", coordinating_agencies=["Coordinating"], monitor="MONITOR")
    places = (task["lead_agency"], task["coordinating_agencies"], task["monitor"])
    assert places == ("lead", ["coordinating"], "monitor")
    same = await service.try_act(task["id"], "reassignment", body={"lead_agency": "Lead", "reason": "Nhầm"})
    assert fields_of(same) == [("lead_agency", "same-agency")]
    change = {"coordinating_agencies": ["OFFICE"], "monitor": "Coordinating", "reason": "Nhầm"}
    corrected = await service.act(task["id"], "correction", body=change)
    assert (corrected["coordinating_agencies"], corrected["monitor"]) == (["office"], "coordinating")
    moved = await service.act(task["id"], "reassignment", body={"lead_agency": "Stranger", "reason": "Nhầm"})
    assert moved["lead_agency"] == "stranger"
    for query in ({"lead_agency": "STRANGER"}, {"coordinating_agency": "Office"}):
        found = await service.get("/v1/tasks", **query)
        assert task["id"] in [item["id"] for item in found.json()["items"]]


async def test_one_agency_named_twice_is_one(service: TaskService) -> None:
    for wrong in ({"coordinating_agencies": ["Lead"]}, {"coordinating_agencies": ["office", "Office"]}):
        answer = await service.post("/v1/tasks", {"title": "T", "lead_agency": "lead"} | wrong)
        assert fields_of(answer) == [("coordinating_agencies", "duplicate-agency")]


async def test_a_batch_names_agencies_in_any_case(service: TaskService) -> None:
    body: dict[str, Any] = {"items": [{"title": "T", "lead_agencies": ["LEAD", "Stranger"], "monitor": "OFFICE"}]}
    made = await service.post("/v1/task-batches", body)
    assert [task["lead_agency"] for task in made.json()["items"]] == ["lead", "stranger"]
    body["items"][0]["lead_agencies"] = ["lead", "LEAD"]
    assert fields_of(await service.post("/v1/task-batches", body)) == [("items.0.lead_agencies", "duplicate-agency")]


async def test_a_disabled_assigner_is_told_apart_from_an_unknown_one(service: TaskService) -> None:
    headers = service.as_("administrator")
    await service.http.patch("/v1/accounts/other-leader", json={"disabled": True}, headers=headers)
    try:
        for assigner, code in (("Other-Leader", "disabled-account"), ("nobody", "unknown-account")):
            body = {"title": "T", "lead_agency": "lead", "assigner": assigner}
            assert fields_of(await service.post("/v1/tasks", body, "coordinator")) == [("assigner", code)]
    finally:
        await service.http.patch("/v1/accounts/other-leader", json={"disabled": False}, headers=headers)


async def test_the_codes_of_an_earlier_version_are_found(database: Database) -> None:
    plain = {"name": "N", "kind": "unit", "short_name": None, "parent": None, "version": 1}
    with closing(connect(database.uri, "tests")) as client:
        agencies, store = client[database.name]["agencies"], DirectoryStore(client[database.name])
        await agencies.insert_many([{"_id": code, **plain} for code in ("STC", "Stc", "SỞ-NV", "SXD")])
        await prepare(client[database.name])
        await prepare(client[database.name])
        found = {code: await store.agency(code) for code in ("STC", "Stc", "sTC", "sở-nv", "sxd", "none")}
        codes = await store.codes(["Stc", "sTC", "sở-nv", "none"])
    assert {code: agency and agency.code for code, agency in found.items()} == {
        "STC": "STC",
        "Stc": "Stc",
        "sTC": "STC",
        "sở-nv": "SỞ-NV",
        "sxd": "SXD",
        "none": None,
    }
    assert [codes.written(code) for code in ("Stc", "sTC", "sở-nv", "none")] == ["Stc", "STC", "SỞ-NV", "none"]
