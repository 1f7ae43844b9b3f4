"""What the address of a request carries: its path and its query."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

import pytest

from shared.office.vocabulary import Role
from tests.support.web import KEYS, client_of, sample_app

LEADER = KEYS.headers_for("lan", Role.LEADER)


@pytest.mark.parametrize(
    "sent",
    [
        "SỞ-NV",
        unicodedata.normalize("NFD", "SỞ-NV"),
        " SỞ-NV ",
        "\u00a0SỞ-NV\u3000",
        "SỞ\u200b-\u00adNV",
        "\ufeffSỞ-NV",
    ],
)
async def test_a_value_in_a_path_and_in_a_query_is_normalised_as_in_a_body(sent: str) -> None:
    async with client_of(sample_app()) as client:
        read = await client.get(f"/v1/letters/{quote(sent)}", headers=LEADER)
        listed = await client.get("/v1/letters", params={"agency": sent}, headers=LEADER)
    assert (read.json()["id"], listed.json()["agency"]) == ("SỞ-NV", "SỞ-NV")


async def test_a_plain_value_is_trimmed() -> None:
    async with client_of(sample_app()) as client:
        assert (await client.get("/v1/letters/%20a%20", headers=LEADER)).json() == {"id": "a"}


async def test_a_pile_of_marks_in_a_path_is_just_a_name_that_nothing_has() -> None:
    pile = "a" + "\u0301\u0316" * 200
    async with client_of(sample_app()) as client:
        assert (await client.get(f"/v1/letters/{quote(pile)}", headers=LEADER)).json() == {"id": pile}


async def test_every_wrong_parameter_is_named_up_to_a_hundred() -> None:
    async with client_of(sample_app()) as client:
        answer = await client.get("/v1/letters?limit=5&limit=5&lmit=5&agency=a", headers=LEADER)
        many = await client.get("/v1/letters?" + "&".join(f"k{n}=1" for n in range(1_000)), headers=LEADER)
    found = [(error["field"], error["code"]) for error in answer.json()["errors"]]
    assert found == [("lmit", "unknown-field"), ("limit", "given-twice")]
    assert len(many.json()["errors"]) == 100
