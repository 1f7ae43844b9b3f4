"""Versions and keys that a change is made under."""

from __future__ import annotations

import pytest

from shared.office.vocabulary import Role
from shared.web.conditions import etag, fingerprint
from shared.web.fields import Body, Maybe, Note
from tests.support.web import KEYS, Item, client_of, sample_app

LEADER = KEYS.headers_for("lan", Role.LEADER)


@pytest.mark.parametrize(
    ("sent", "versions"),
    [
        ([etag(7)], [7]),
        (['"2", "3"'], [2, 3]),
        (['"2" ,,"3",'], [2, 3]),
        (['"5"', '"6"'], [5, 6]),
        (["*"], None),
        ([" * "], None),
        (['W/"7"'], []),
        (['W/"6", "7"'], [7]),
        (['"07"'], []),
        (['"x"'], []),
        (['"a,b", "7"'], [7]),
        (['"-7"'], []),
        (['""'], []),
        (['"٧"'], []),
        (['"' + "9" * 16 + '"'], []),
        ([], None),
    ],
)
async def test_the_versions_that_a_change_is_for(sent: list[str], versions: list[int] | None) -> None:
    lines = [*((name.encode(), value.encode()) for name, value in LEADER.items())]
    lines += [(b"If-Match", line.encode()) for line in sent]
    async with client_of(sample_app()) as client:
        response = await client.patch("/v1/letters/a", headers=lines)
    assert (response.status_code, response.json()["versions"]) == (200, versions)


@pytest.mark.parametrize("sent", ["7", "", ",", '"7', "'7'", '"7" "8"', '"7"; "8"', '*, "7"', 'w/"7"', '"7"\t"8"'])
async def test_what_is_no_list_of_tags_is_refused(sent: str) -> None:
    async with client_of(sample_app()) as client:
        response = await client.patch("/v1/letters/a", headers=LEADER | {"If-Match": sent})
    assert response.status_code == 422
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == [("If-Match", "bad-format")]


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
