"""What every service's HTTP has beside its own routes."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import REGISTRY

from shared.app import is_sane_id
from shared.office.vocabulary import Role
from tests.support.web import KEYS, client_of, sample_app

LEADER = KEYS.headers_for("lan", Role.LEADER)


def requests_counted(method: str, route: str, status: int) -> float:
    labels = {"service": "sample", "method": method, "route": route, "status": str(status)}
    return REGISTRY.get_sample_value("dondoc_http_requests_total", labels) or 0.0


@pytest.mark.parametrize(
    ("method", "path", "label", "route"),
    [
        ("GET", "/v1/letters", "GET", "/v1/letters"),
        ("GET", "/v1/letters/abc", "GET", "/v1/letters/{letter_id}"),
        ("POST", "/v1/letters/abc/failure", "POST", "/v1/letters/{letter_id}/failure"),
        ("DELETE", "/v1/letters/abc", "DELETE", "/v1/letters/{letter_id}"),
        ("BREW", "/v1/letters/abc", "other", "/v1/letters/{letter_id}"),
        ("GET", "/no/such/path", "GET", "unmatched"),
    ],
)
async def test_requests_are_counted_by_the_whole_template(method: str, path: str, label: str, route: str) -> None:
    async with client_of(sample_app()) as client:
        status = (await client.request(method, path, headers=LEADER)).status_code
        before = requests_counted(label, route, status)
        await client.request(method, path, headers=LEADER)
        assert requests_counted(label, route, status) == before + 1
        assert f'route="{route}"' in (await client.get("/metrics")).text


@pytest.mark.parametrize(
    "sent", ["01JDFX3Q6N8Z5V4C2B1A0WERTY", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a1"]
)
async def test_a_sane_correlation_id_is_kept(sent: str) -> None:
    async with client_of(sample_app()) as client:
        response = await client.get("/health/live", headers={"X-Request-ID": sent})
    assert response.headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", " ", "a b", "x" * 129, "é", "a\nb", "-a", '"}'])
def test_an_id_that_could_break_a_line_is_replaced(sent: str) -> None:
    assert not is_sane_id(sent)


async def test_live_answers_and_ready_names_what_is_missing() -> None:
    async def up() -> bool:
        return True

    async def down() -> bool:
        return False

    expected = {
        (up, up): (200, "ready", "up", "up"),
        (up, down): (200, "degraded", "up", "down"),
        (down, up): (503, "unavailable", "down", "up"),
    }
    for (mongodb, rabbitmq), (status, state, *parts) in expected.items():
        async with client_of(sample_app(mongodb, rabbitmq)) as client:
            assert (await client.get("/health/live")).json() == {"status": "live"}
            ready = await client.get("/health/ready")
            assert ready.status_code == status == (await client.head("/health/ready")).status_code
            assert ready.json() == {"status": state, "parts": dict(zip(("mongodb", "rabbitmq"), parts, strict=True))}


async def test_the_metrics_say_which_parts_answer() -> None:
    async def down() -> bool:
        return False

    async with client_of(sample_app(rabbitmq=down)) as client:
        metrics = (await client.get("/metrics")).text
    assert 'dondoc_part_up{part="mongodb",service="sample"} 1.0' in metrics
    assert 'dondoc_part_up{part="rabbitmq",service="sample"} 0.0' in metrics


async def test_a_part_that_hangs_is_down() -> None:
    async with client_of(sample_app(asyncio.Event().wait)) as client:
        assert (await client.get("/health/ready")).json()["parts"]["mongodb"] == "down"


async def test_the_docs_load_nothing_from_outside() -> None:
    async with client_of(sample_app()) as client:
        page = (await client.get("/docs")).text
        assert "https://" not in page.replace("https://sample", "")
        assert (await client.get("/static-offline-docs/swagger-ui-bundle.js")).status_code == 200
        assert (await client.get("/redoc")).status_code == 404
        assert (await client.get("/asyncapi")).json() == {"asyncapi": "3.0.0"}


async def test_the_schema_documents_problems_and_signing_in() -> None:
    async with client_of(sample_app()) as client:
        schema = (await client.get("/openapi.json")).json()
    write = schema["paths"]["/v1/letters"]["post"]
    assert write["security"] == [{"oauth2": []}, {"bearer": []}]
    assert {"401", "403", "413", "415", "422", "500", "503"} <= set(write["responses"])
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert write["responses"]["422"]["content"] == problem
    assert "idempotency-mismatch" in write["responses"]["422"]["description"]
    assert "validation" in write["responses"]["422"]["description"]
    assert "413" not in schema["paths"]["/v1/letters"]["get"]["responses"]
    assert "security" not in schema["paths"]["/v1/doors"]["post"]
    assert schema["components"]["securitySchemes"]["oauth2"]["flows"]["password"]["tokenUrl"] == "/v1/auth/token"
    assert "HTTPValidationError" not in schema["components"]["schemas"]
    assert "idempotency-mismatch" in schema["components"]["schemas"]["Code"]["enum"]
