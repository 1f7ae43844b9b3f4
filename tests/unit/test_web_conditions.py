"""Versions and keys that a change is made under."""

from __future__ import annotations

import pytest

from shared.office.vocabulary import Role
from shared.web.conditions import STALE, etag, fingerprint
from shared.web.fields import Body, Maybe, Note
from tests.support.web import KEYS, Item, client_of, sample_app

LEADER = KEYS.headers_for("lan", Role.LEADER)


@pytest.mark.parametrize(
    ("sent", "version"),
    [
        (etag(7), 7),
        ('W/"7"', 7),
        ("*", None),
        ("7", STALE),
        ('"x"', STALE),
        ("", STALE),
        ('"6", "7"', STALE),
        ('"-7"', STALE),
    ],
)
async def test_what_names_no_version_is_stale(sent: str, version: int | None) -> None:
    async with client_of(sample_app()) as client:
        response = await client.patch("/v1/letters/a", headers=LEADER | {"If-Match": sent})
    assert response.json()["version"] == version


async def test_a_key_of_idempotency_is_1_to_255_visible_characters() -> None:
    async with client_of(sample_app()) as client:
        for key, status in (("a", 201), ("!" * 255, 201), ("!" * 256, 422), ("a b", 422), ("", 422), ("\t", 422)):
            headers = LEADER | {"Idempotency-Key": key}
            response = await client.post("/v1/letters", json={"title": "T"}, headers=headers)
            assert response.status_code == status, key
        assert response.json()["errors"][0]["field"] == "Idempotency-Key"


def test_a_fingerprint_tells_bodies_apart_by_what_they_mean() -> None:
    one = fingerprint("report", Item.model_validate({"title": " T ", "note": ""}))
    assert one == fingerprint("report", Item(title="T")) == fingerprint("report", {"title": "T"})
    assert one != fingerprint("report", Item(title="t"))
    assert one != fingerprint("recall", Item(title="T"))


class TodaysBody(Body):
    reason: Note


class TomorrowsBody(TodaysBody):
    """The same body after an upgrade that added optional fields."""

    remark: Maybe[Note] = None
    copies: tuple[str, ...] = ()
    urgent: bool = False


def test_a_retry_is_the_same_body_after_an_optional_field_was_added() -> None:
    before = fingerprint("recall", TodaysBody(reason="Trùng"))
    assert (
        fingerprint("recall", TomorrowsBody.model_validate({"reason": "Trùng", "remark": "", "copies": []})) == before
    )
    assert fingerprint("recall", TomorrowsBody(reason="Trùng", urgent=True)) != before
