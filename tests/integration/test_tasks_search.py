"""Tasks are found by their words as they are now; also those that an earlier version stored."""

from __future__ import annotations

from typing import Any, Final

from services.assignment.tasks.store import fill_derived
from services.assignment.tasks.store.records import DERIVED
from tests.support.assignment import TaskService, code_of

TITLE: Final = "Rà soát quỹ đất ở Đại Lộc"


async def found(service: TaskService, by: str = "leader", **query: Any) -> list[str]:
    answer = await service.get("/v1/tasks", by, limit=200, **query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


SEARCHES: Final = ("quy dat", "ĐẤT", "dai loc", "Ðại", "bang thong", "77/QĐ", "77/qd-ubnd", "ke hoach rà")


async def test_a_task_is_found_by_title_product_number_and_summary(service: TaskService) -> None:
    document = {"number": "77/QĐ-UBND", "summary": "Kế hoạch 2026"}
    task = await service.assigned(title=TITLE, product="Bảng thống kê", document=document)
    await service.assigned(title="Việc khác", description=TITLE)
    for q in SEARCHES:
        assert await found(service, q=q) == await found(service, "lead-head", q=q) == [task], q
        assert await found(service, "stranger-head", q=q) == []


async def test_a_corrected_task_is_found_by_its_new_words(service: TaskService) -> None:
    task = await service.assigned(title="Trồng cây xanh")
    await service.act(task, "correction", body={"reason": "Ghi nhầm", "title": "Kiểm kê rừng", "priority": "express"})
    assert await found(service, q="kiem ke rung") == [task]
    assert await found(service, q="cay xanh") == []
    assert await found(service, priority="express") == [task]


async def test_a_batch_is_found_by_its_id_and_by_its_document(service: TaskService) -> None:
    items = [{"title": f"Nội dung {number}", "lead_agencies": ["lead"]} for number in range(3)]
    body = {"assigner": "leader", "document": {"number": "88/KL-TW"}, "items": items}
    answer = await service.post("/v1/task-batches", body)
    given = {item["id"] for item in answer.json()["items"]}
    batch = (await service.read(next(iter(given))))["batch"]
    assert set(await found(service, q="88/kl noi")) == set(await found(service, batch=batch)) == given
    assert await found(service, batch=batch, q="dung 2") == await found(service, q="88/kl 2")


async def test_the_kind_is_the_one_that_the_lead_agency_has_now(service: TaskService) -> None:
    task = await service.assigned(lead_agency="stranger")
    await service.assigned()
    change = {"kind": "commune"}
    answer = await service.http.patch("/v1/agencies/stranger", json=change, headers=service.as_("administrator"))
    assert answer.status_code == 200
    assert await found(service, kind="commune") == [task]
    assert await found(service, "stranger-head", kind="commune") == [task]
    await service.act(task, "reassignment", body={"lead_agency": "lead", "reason": "Đúng chức năng"})
    assert await found(service, kind="commune") == []


async def test_a_cursor_of_one_search_is_refused_by_another(service: TaskService) -> None:
    for _ in range(2):
        await service.assigned(title="Đắp đê")
    cursor = (await service.get("/v1/tasks", q="de", limit=1)).json()["next_cursor"]
    assert (await service.get("/v1/tasks", q="ĐÊ", limit=1, cursor=cursor)).status_code == 200
    assert code_of(await service.get("/v1/tasks", q="dap", cursor=cursor)) == (422, "validation")


async def test_what_an_earlier_version_stored_is_found_after_the_upgrade(service: TaskService) -> None:
    given = [await service.assigned(title="Nạo vét kênh", priority="urgent") for _ in range(3)]
    tasks = service.database["tasks"]
    before = [await service.stored_task(task) for task in given]
    await tasks.update_many({"_id": {"$in": given}}, {"$unset": {"words": True, "marks": True, "derived": True}})
    assert await found(service, q="vet kenh") == await found(service, q="vet", priority="urgent") == []
    assert await fill_derived(service.database) == len(given)
    assert [await service.stored_task(task) for task in given] == before
    assert await found(service, q="vet kenh") == await found(service, q="vet", priority="urgent") == given[::-1]
    assert await fill_derived(service.database) == 0


async def test_records_to_be_upgraded_are_found_by_the_index(service: TaskService) -> None:
    await service.assigned()
    found = await service.database["tasks"].find({"derived": {"$not": {"$gte": DERIVED}}}).explain()
    assert max(found["executionStats"][each] for each in ("totalKeysExamined", "totalDocsExamined")) <= 1


async def test_a_record_that_cannot_be_read_stops_no_other_one(service: TaskService) -> None:
    broken, good = await service.assigned(title="Hỏng"), await service.assigned(title="Nạo vét mương")
    tasks = service.database["tasks"]
    await tasks.update_many({"_id": {"$in": [broken, good]}}, {"$unset": {"words": True, "derived": True}})
    await tasks.update_one({"_id": broken}, {"$set": {"stage": "nothing"}})
    assert await fill_derived(service.database) == 1
    assert await found(service, q="nao vet muong") == [good]
