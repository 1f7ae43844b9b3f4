"""Routes of the same framework, driver and settings, without rules, permissions or events: the yardstick.

    python -m tests.bench.bare.routes PORT

Each route sends MongoDB one statement that does what a service's route does, on records of the same size.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any
from uuid import uuid4

import uvicorn
from bson import decode
from fastapi import Body, FastAPI
from pydantic import BaseModel
from pymongo import ReturnDocument

from services.assignment.tasks.api.bodies import AssignBody
from services.reporting.rules.question import GroupBy, Question
from services.reporting.store import VERSIONS
from services.reporting.store.pipeline import pipeline
from shared.clock import true_now
from shared.mongo import connect
from shared.office.policy import Policy
from shared.office.vocabulary import Stage
from shared.office.workdays import WorkCalendar
from tests.bench.bare import PROGRESSED

_WITHOUT_LOGS = {"history": 0, "outbox": 0}
_PAGE = 50


class Made(BaseModel):
    id: str


def build(mongodb_uri: str, assignment: str, reporting: str, document: dict[str, Any]) -> FastAPI:
    """Make the routes over the services' own databases. `document` is the record of one task."""
    app = FastAPI()
    client = connect(mongodb_uri, "bare")
    inserted, progressed = client[assignment]["bare_inserted"], client[assignment][PROGRESSED]
    tasks, versions = client[assignment]["tasks"], client[reporting][VERSIONS]
    calendar = WorkCalendar(Policy())

    @app.post("/tasks", status_code=201)
    async def assign(body: AssignBody) -> Made:
        made = {**document, "_id": str(uuid4()), "title": body.title}
        await inserted.insert_one(made)
        return Made(id=made["_id"])

    @app.post("/tasks/{task_id}/progress")
    async def progress(task_id: str, percent: Annotated[int, Body(embed=True, ge=0, le=100)]) -> dict[str, Any]:
        now = true_now()
        made = {"progress": {"percent": percent, "note": None, "at": now}, "updated_at": now}
        found: dict[str, Any] = await progressed.find_one_and_update(
            {"_id": task_id},
            {"$set": made, "$inc": {"version": 1}},
            projection=_WITHOUT_LOGS,
            return_document=ReturnDocument.AFTER,
        )
        return found

    @app.get("/tasks")
    async def page() -> list[dict[str, Any]]:
        found = (
            tasks.find({"stage": {"$in": [*Stage]}}, _WITHOUT_LOGS)
            .sort([("assigned_at", -1), ("_id", -1)])
            .limit(_PAGE)
        )
        return await found.to_list(_PAGE)

    @app.get("/summary")
    async def summary() -> list[dict[str, Any]]:
        return await versions.aggregate(pipeline(Question(GroupBy.AGENCY), true_now(), calendar)).to_list(None)

    return app


def main() -> None:
    environment = os.environ
    app = build(
        environment["BARE_MONGODB_URI"],
        environment["BARE_ASSIGNMENT"],
        environment["BARE_REPORTING"],
        decode(bytes.fromhex(environment["BARE_DOCUMENT"])),
    )
    # As `shared.app.serve` has it.
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()
