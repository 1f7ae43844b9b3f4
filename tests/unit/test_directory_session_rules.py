"""When a session is alive, what is kept of where it began, and who its client is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.assignment.directory.clients import FirstPartyClient
from services.assignment.directory.rules.account import Account
from services.assignment.directory.rules.session import Session, plain
from services.assignment.directory.tokens import TokenIssuer
from shared.office.vocabulary import Role
from shared.web.auth import Verifier
from tests.support.tokens import TestKeys

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
OWNER = Account("lan", "Lan", Role.LEADER, tokens_from=3)
SESSION = Session("s", "lan", 3, NOW, NOW, NOW + timedelta(hours=12))
SECRET = "a-secret-of-the-web-pages-alone"


def test_a_session_is_alive_until_its_time_its_generation_or_its_owner_has_ended() -> None:
    assert SESSION.is_alive(OWNER, NOW + timedelta(hours=12, milliseconds=-1))
    assert not SESSION.is_alive(OWNER, NOW + timedelta(hours=12))
    assert not SESSION.is_alive(OWNER.without_tokens(), NOW)
    assert not SESSION.is_alive(replace(OWNER, tokens_from=2), NOW)
    assert not SESSION.is_alive(replace(OWNER, disabled=True), NOW)
    assert not SESSION.is_alive(None, NOW)


def test_disabling_ends_tokens_and_nothing_else_of_an_account_does() -> None:
    disabled = OWNER.changed({"disabled": True})
    assert disabled.tokens_from == 4
    assert disabled.changed({"disabled": True}).tokens_from == 4
    assert disabled.changed({"disabled": False}).tokens_from == 4
    assert OWNER.changed({"role": Role.AUDITOR, "disabled": False}).tokens_from == 3


def test_a_token_has_the_generation_and_the_session_it_is_of() -> None:
    keys = TestKeys()
    issuer = TokenIssuer(keys.signing_key, timedelta(minutes=10), lambda: NOW)
    verifier = Verifier(keys.public_keys, lambda: NOW)
    plain_token, of_session = issuer.issue(OWNER), issuer.issue(OWNER, SESSION)
    assert verifier.verified(plain_token.text)[2:] == (3, None)
    assert verifier.verified(of_session.text)[2:] == (3, "s")
    assert (plain_token.expires_in, of_session.expires_in) == (600, 600)
    ending = replace(SESSION, ends_at=NOW + timedelta(seconds=42.5))
    assert issuer.issue(OWNER, ending).expires_in == 42


def test_a_token_of_an_earlier_version_is_of_the_first_generation_and_of_no_session() -> None:
    keys = TestKeys()
    token = keys.sign(
        {"iss": "dondoc", "aud": "dondoc", "sub": "lan", "role": "leader", "iat": 1, "exp": 2**33, "jti": "1"}
    )
    assert Verifier(keys.public_keys, lambda: NOW).verified(token)[2:] == (0, None)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Mozilla/5.0 (X11)", "Mozilla/5.0 (X11)"),
        ("a\x00\x1b[31m\r\nb\x7f\xe9", "a[31mb"),
        ("x" * 300, "x" * 200),
        ("  ", None),
        ("", None),
    ],
)
def test_what_a_browser_says_of_itself_is_kept_plain_and_short(sent: str, kept: str | None) -> None:
    assert plain(sent, 200) == kept


def test_the_client_is_proven_by_its_name_and_its_secret() -> None:
    client = FirstPartyClient(SECRET)
    assert client.is_proven("web", SECRET)
    assert not client.is_proven("web", SECRET + "x")
    assert not client.is_proven("Web", SECRET)
    assert not client.is_proven("web", "")


def test_without_a_secret_there_is_no_client() -> None:
    for stored in (None, ""):
        for sent in ("", "None", SECRET):
            assert not FirstPartyClient(stored).is_proven("web", sent)
