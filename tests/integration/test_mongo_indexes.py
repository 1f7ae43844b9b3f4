"""Indexes are declared in code and made at the start, whatever an earlier version of the code had made."""

from dataclasses import replace

import pytest
from pymongo.errors import OperationFailure

from shared.mongo import Index, ascending, connect, ensure_indexes, find_by_index
from tests.support.servers import Database


async def test_an_index_whose_options_change_is_made_beside_the_old(database: Database) -> None:
    before = Index("tasks", ascending("officer", "assigned_at"), partial={"officer": {"$type": "string"}})
    after = Index("tasks", ascending("officer", "assigned_at"), partial={"officer": {"$gt": ""}})
    client = connect(database.uri, "test")
    try:
        await ensure_indexes(client[database.name], [before])
        await ensure_indexes(client[database.name], [after])
        found = await client[database.name]["tasks"].index_information()
    finally:
        client.close()
    filters = [index["partialFilterExpression"] for index in found.values() if "partialFilterExpression" in index]
    assert filters == [{"officer": {"$type": "string"}}, {"officer": {"$gt": ""}}]


async def test_an_index_that_exists_under_another_name_is_not_made_again(database: Database) -> None:
    index = Index("tasks", ascending("officer", "assigned_at"), partial={"officer": {"$gt": ""}})
    another = Index("tasks", ascending("updated_at"))
    client = connect(database.uri, "test")
    try:
        await ensure_indexes(client[database.name], [replace(index, name="of-an-earlier-version")])
        await ensure_indexes(client[database.name], [index, another])
        found = await client[database.name]["tasks"].index_information()
    finally:
        client.close()
    assert set(found) == {"_id_", "of-an-earlier-version", "updated_at_1"}


async def test_making_them_again_changes_nothing(database: Database) -> None:
    index = Index("tasks", ascending("replaces"), unique=True, partial={"replaces": {"$gt": ""}})
    client = connect(database.uri, "test")
    try:
        await ensure_indexes(client[database.name], [index])
        once = await client[database.name]["tasks"].index_information()
        await ensure_indexes(client[database.name], [index])
        assert await client[database.name]["tasks"].index_information() == once
    finally:
        client.close()


async def test_what_an_index_is_made_for_is_found_before_it_is_there(database: Database) -> None:
    index = Index("tasks", ascending("officer"))
    client = connect(database.uri, "test")
    try:
        tasks = client[database.name]["tasks"]
        await tasks.insert_many([{"_id": number, "officer": "an"} for number in range(5)])
        wanted = {"officer": "an"}, index.full_name, [("_id", 1)], 3
        before = await find_by_index(tasks, *wanted)
        await ensure_indexes(client[database.name], [index])
        assert before == await find_by_index(tasks, *wanted)
        assert [record["_id"] for record in before] == [0, 1, 2]
        with pytest.raises(OperationFailure):
            await find_by_index(tasks, {"officer": {"$no_such": 1}}, *wanted[1:])
    finally:
        client.close()
