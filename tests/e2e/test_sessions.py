"""A session over all services and over two replicas of assignment, as processes."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import OKPKey

from shared.clock import true_now
from shared.web.auth import ALGORITHM, LEEWAY_SECONDS
from tests.support.running_stack import RunningStack
from tests.support.web_client import Web

ASKED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "assignment": "/v1/me",
        "deadline": "/v1/terms?from=2026-10-05&working_days=3",
        "notification": "/v1/inbox",
        "reporting": "/v1/summary",
    }
)
EVERYWHERE: Final = dict.fromkeys(ASKED, 200)
NOWHERE: Final = dict.fromkeys(ASKED, 401)


async def statuses(web: Web, token: str = "") -> dict[str, int]:
    return {service: (await web.get(path, service, token=token)).status_code for service, path in ASKED.items()}


def when_it_has_ended(stack: RunningStack, token: str) -> str:
    """Return the token as it will be when it has ended: assignment signed the same words that much earlier."""
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    earlier = claims["exp"] - int(true_now().timestamp()) + LEEWAY_SECONDS
    key = OKPKey.import_key(stack.services.credentials.signing_jwk)
    ended = claims | {"iat": claims["iat"] - earlier, "exp": claims["exp"] - earlier}
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, ended, key, algorithms=[ALGORITHM])


async def test_a_session_of_two_replicas_ends_at_both_at_once_and_elsewhere_with_its_token(
    stack: RunningStack,
) -> None:
    await stack.start("assignment-2")
    replicas = ("assignment", stack.services.url_of("assignment-2"))
    web = Web(stack, "head-stc")
    await web.sign_in()

    answers = await asyncio.gather(*(web.refresh(at) for at in replicas * 10))
    assert {answer.status_code for answer in answers} == {200}
    for answer in answers:
        assert [(await web.get("/v1/me", at, token=answer.json()["access_token"])).status_code for at in replicas] == [
            200,
            200,
        ]
    assert await statuses(web) == EVERYWHERE

    assert (await web.revoke(at=replicas[1])).status_code == 200
    assert [(await web.refresh(at)).json()["error"] for at in replicas] == ["invalid_grant", "invalid_grant"]
    assert [(await web.get("/v1/me", at)).status_code for at in replicas] == [401, 401]
    assert await statuses(web) == EVERYWHERE | {"assignment": 401}
    assert await statuses(web, when_it_has_ended(stack, web.access_token)) == NOWHERE
