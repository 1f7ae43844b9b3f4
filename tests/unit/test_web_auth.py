"""A token is believed only when assignment signed it for us, and only until it ends."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from shared.office.access import Permission, Principal, require_permission
from shared.office.refusal import Code, Refusal
from shared.office.vocabulary import Role
from shared.web.auth import Verifier, public_key_set
from tests.support.tokens import TestKeys

KEYS = TestKeys()
NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
CLAIMS: dict[str, object] = {
    "iss": "dondoc", "aud": "dondoc", "sub": "lan", "role": "head", "agency": "STC", "scopes": [],
    "iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 600, "jti": "1",
}  # fmt: skip


def verifier(now: datetime = NOW) -> Verifier:
    return Verifier(KEYS.public_keys, lambda: now)


def refuses(token: str) -> None:
    with pytest.raises(Refusal) as caught:
        verifier().verify(token)
    assert caught.value.code is Code.NOT_AUTHENTICATED


def unsigned(header: dict[str, object]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, CLAIMS))
    return ".".join(parts) + "."


def test_a_good_token_names_the_caller() -> None:
    assert verifier().verify(KEYS.sign(CLAIMS)) == Principal("lan", Role.HEAD, "STC")
    token = KEYS.token_for("pm", Role.SERVICE, "STC", ["tasks:read"], issued_at=NOW)
    assert verifier().verify(token) == Principal("pm", Role.SERVICE, "STC", frozenset({"tasks:read"}))


def test_a_verified_token_still_ends() -> None:
    moment = [NOW]
    kept = Verifier(KEYS.public_keys, lambda: moment[0])
    token = KEYS.sign(CLAIMS)
    kept.verify(token)
    moment[0] = NOW + timedelta(seconds=629)
    kept.verify(token)
    moment[0] = NOW + timedelta(seconds=630)
    with pytest.raises(Refusal):
        kept.verify(token)


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_clock_may_be_half_a_minute_behind_that_of_assignment(claim: str) -> None:
    ahead = int(NOW.timestamp())
    assert verifier().verify(KEYS.sign(CLAIMS | {claim: ahead + 29})).username == "lan"
    refuses(KEYS.sign(CLAIMS | {claim: ahead + 31}))


def test_a_clock_may_be_half_a_minute_ahead_of_that_of_assignment() -> None:
    token = KEYS.sign(CLAIMS)
    assert verifier(NOW + timedelta(seconds=629)).verify(token).username == "lan"
    with pytest.raises(Refusal):
        verifier(NOW + timedelta(seconds=630)).verify(token)


def a_crowd(people: int) -> list[str]:
    return [KEYS.token_for(f"u{number}", Role.HEAD, "STC", issued_at=NOW) for number in range(people)]


def test_more_tokens_than_are_kept_leave_those_in_use_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    signatures = []
    decode = jwt.decode

    def counted(token: str, *others: Any, **options: Any) -> jwt.Token:
        signatures.append(token)
        return decode(token, *others, **options)

    monkeypatch.setattr(jwt, "decode", counted)
    kept = Verifier(KEYS.public_keys, lambda: NOW, most_kept=3)
    regular, *crowd = a_crowd(10)
    for token in crowd:
        assert kept.verify(regular).username == "u0"
        kept.verify(token)
    assert signatures == [regular, *crowd]
    kept.verify(crowd[-1])
    assert len(signatures) == 10
    kept.verify(crowd[0])
    assert signatures[10:] == [crowd[0]]


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(NOW.timestamp()) - 30},
        {"exp": "tomorrow"},
        {"iss": "elsewhere"},
        {"aud": "others"},
        {"role": "king"},
        {"sub": ""},
        {"sub": 7},
        {"scopes": "tasks:read"},
        {"iat": int(NOW.timestamp()) + 3_600},
    ],
)
def test_a_token_that_says_something_wrong_is_refused(claims: dict[str, object]) -> None:
    refuses(KEYS.sign(CLAIMS | claims))


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "role", "exp"])
def test_a_token_that_leaves_something_out_is_refused(claim: str) -> None:
    refuses(KEYS.sign({name: value for name, value in CLAIMS.items() if name != claim}))


def test_a_token_of_another_key_is_refused() -> None:
    refuses(TestKeys().sign(CLAIMS))
    refuses(TestKeys("other").sign(CLAIMS))


def test_a_token_without_a_key_id_is_refused() -> None:
    refuses(jwt.encode({"alg": "Ed25519"}, CLAIMS, KEYS.private, algorithms=["Ed25519"]))


def test_a_token_signed_with_none_or_with_the_public_key_is_refused() -> None:
    for algorithm in ("none", "None", "HS256", "EdDSA"):
        refuses(unsigned({"alg": algorithm, "typ": "JWT", "kid": "test-key"}))
    confused = OctKey.import_key(KEYS.public_keys)
    refuses(jwt.encode({"alg": "HS256", "kid": "test-key"}, CLAIMS, confused))


def test_a_changed_token_is_refused() -> None:
    header, payload, signature = KEYS.sign(CLAIMS).split(".")
    forged = base64.urlsafe_b64encode(json.dumps(CLAIMS | {"role": "leader"}).encode()).decode().rstrip("=")
    refuses(f"{header}.{forged}.{signature}")
    refuses(f"{header}.{payload}.")


@pytest.mark.parametrize(
    "text", ["x", "...", "a.b.c", "é.é.é", "." * 50, "x" * 100_000, "W10.W10.W10", "bnVsbA.bnVsbA.x"]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    refuses(text)


def test_public_keys_are_public_and_named() -> None:
    private = json.dumps({"keys": [json.loads(KEYS.signing_key)]})
    for wrong in ("", "{}", "[]", "null", '{"keys": []}', '{"keys": [{}]}', private):
        with pytest.raises(ValueError, match="key"):
            public_key_set(wrong)


def test_a_permission_is_asked_of_role_and_scope() -> None:
    require_permission(Principal("lan", Role.LEADER), Permission.ASSIGN)
    for caller in (Principal("hoa", Role.HEAD, "STC"), Principal("pm", Role.SERVICE, "STC")):
        with pytest.raises(Refusal):
            require_permission(caller, Permission.ASSIGN)
