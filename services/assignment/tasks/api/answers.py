"""Answers with a task: its version is the `ETag`; a new task has a `Location`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Response

from shared.web.answers import as_json
from shared.web.conditions import etag

if TYPE_CHECKING:
    from services.assignment.tasks.views import TaskView


def task_answer(view: TaskView, *, new: bool = False) -> Response:
    headers = {"ETag": etag(view.version)}
    if new:
        headers["Location"] = f"/v1/tasks/{view.id}"
    return as_json(view, 201 if new else 200, headers)
