"""Answers with a task: its version is the `ETag`; a new task has a `Location`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fastapi import Response

from shared.web.conditions import etag

if TYPE_CHECKING:
    from pydantic import BaseModel

    from services.assignment.tasks.views import TaskView


def task_answer(view: TaskView, *, new: bool = False) -> Response:
    headers = {"ETag": etag(view.version)}
    if new:
        headers["Location"] = f"/v1/tasks/{view.id}"
    return as_json(view, 201 if new else 200, headers)


def as_json(body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a model that is valid already; FastAPI would validate it once more."""
    return Response(body.model_dump_json(), status_code=status, headers=headers, media_type="application/json")
