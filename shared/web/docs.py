"""`/openapi.json`, and `/docs`, which shows it. The page loads nothing from outside and cannot be framed."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import fastapi_offline
from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from shared.web.route import StrictRoute

_FILES: Final = "/static-offline-docs"
_INLINE: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def add_docs(app: FastAPI, token_url: str) -> None:
    """Add the two pages, and the files that they need."""
    app.mount(_FILES, StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static"))
    router = APIRouter(include_in_schema=False, route_class=StrictRoute)

    @router.get("/openapi.json")
    async def schema() -> JSONResponse:
        return JSONResponse(app.openapi())

    @router.get("/docs")
    async def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url=f"{_FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{_FILES}/swagger-ui.css",
            swagger_favicon_url=f"{_FILES}/favicon.png",
        )
        page.headers["Content-Security-Policy"] = _policy(bytes(page.body), token_url)
        return page

    app.include_router(router)


def _policy(page: bytes, token_url: str) -> str:
    """Allow what the page is made of: files of this service, its own script, and signing in."""
    hashes = (base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _INLINE.findall(page))
    scripts = " ".join(f"'sha256-{digest}'" for digest in hashes)
    address = urlsplit(token_url)
    sign_in = f" {address.scheme}://{address.netloc}" if address.netloc else ""
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self'{sign_in}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
