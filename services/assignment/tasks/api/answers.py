"""How a task goes out: with its version as `ETag`, and its place when it is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Response

from shared.web.conditions import etag

if TYPE_CHECKING:
    from services.assignment.tasks.api.views import TaskView


def task_answer(view: TaskView, *, new: bool = False) -> Response:
    headers = {"ETag": etag(view.version)}
    if new:
        headers["Location"] = f"/v1/tasks/{view.id}"
    return Response(
        view.model_dump_json(), status_code=201 if new else 200, headers=headers, media_type="application/json"
    )
