"""Additions to `/openapi.json`: the schema of problems, and how to sign in."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from shared.web.problems import Problem

SECURITY: list[dict[str, list[str]]] = [{"oauth2": []}, {"bearer": []}]


def extend_openapi(app: FastAPI, token_url: str) -> None:
    """Extend `app.openapi()`; FastAPI caches the extended schema as it caches its own."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(original(), token_url)
        return original()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI documents this as the way to extend the schema


def _complete(schema: dict[str, Any], token_url: str) -> None:
    components = schema.setdefault("components", {})
    components["securitySchemes"] = _security_schemes(token_url)
    schemas = components.setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem


def _security_schemes(token_url: str) -> dict[str, Any]:
    flow = {"tokenUrl": token_url, "scopes": {}}
    return {
        "oauth2": {"type": "oauth2", "flows": {"password": flow, "clientCredentials": flow}},
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    }
