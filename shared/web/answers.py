"""How a model becomes the body of an answer."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Response
from pydantic import BaseModel


def as_json(body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a model, written once, straight to JSON.

    A model that a route returns is validated again by FastAPI and written in two steps. Lists, summaries and whole
    tasks are large enough for that to matter; a small answer may be returned as it is.
    """
    return Response(body.model_dump_json(), status_code=status, headers=headers, media_type="application/json")
