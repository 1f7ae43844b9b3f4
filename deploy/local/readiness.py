"""Whether a service can be used: it answers, and so does everything it needs."""

import httpx2


async def is_ready(url: str) -> bool:
    """Tell whether the service at `url` is ready with all its parts, including the broker."""
    async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:
        try:
            answer = await client.get("/health/ready")
        except httpx2.TransportError:
            return False
    return answer.status_code == httpx2.codes.OK and answer.json()["status"] == "ready"
