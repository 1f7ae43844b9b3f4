"""The wire format of every event, held by files that are never edited: what was once sent must always be readable."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from shared.events.codec import UnreadableEventError, decode, encode
from shared.events.names import DATA_OF

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))


def golden(name: str) -> Any:
    return orjson.loads((GOLDEN / f"{name}.json").read_bytes())


def test_every_event_has_its_golden_file() -> None:
    assert set(NAMES) == set(DATA_OF)


@pytest.mark.parametrize("name", NAMES)
def test_a_decoded_event_is_encoded_as_it_was(name: str) -> None:
    written = golden(name)
    assert written["type"] == name
    assert _without_additions(orjson.loads(encode(decode(orjson.dumps(written)))), written) == written


@pytest.mark.parametrize("name", NAMES)
def test_members_a_later_writer_adds_are_ignored(name: str) -> None:
    extended = golden(name)
    for members in _objects(extended):
        members["added_later"] = {"deep": [1]}
    expected = golden(name)
    if "act" in expected["data"]:  # free-form: kept as it came
        expected["data"]["act"]["details"] = extended["data"]["act"]["details"]
    assert _without_additions(orjson.loads(encode(decode(orjson.dumps(extended)))), expected) == expected


@pytest.mark.parametrize("name", NAMES)
def test_optional_members_may_be_missing(name: str) -> None:
    decoded = decode(orjson.dumps(golden(name)))
    required = _required_members(decoded)
    bare = decode(orjson.dumps(required))
    assert _required_members(bare) == required


@pytest.mark.parametrize("name", NAMES)
def test_a_member_that_is_required_may_not_be_missing(name: str) -> None:
    written = golden(name)
    for member in ("id", "source", "subject", "time", "sequence", "data"):
        less = copy.deepcopy(written)
        del less[member]
        with pytest.raises(UnreadableEventError):
            decode(orjson.dumps(less))


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"null", b"[]", b'"task"', b"{}", b'{"type": 1}', b'{"type": []}', b'{"type": "task.v1"}']
)
def test_what_is_no_event_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableEventError):
        decode(body)


def _without_additions(encoded: Any, golden: Any) -> Any:
    """Leave out optional members that came after the golden file was written: they are empty in an old event."""
    if isinstance(encoded, list) and isinstance(golden, list):
        return [_without_additions(*pair) for pair in zip(encoded, golden, strict=True)]
    if not isinstance(encoded, dict) or not isinstance(golden, dict):
        return encoded
    assert not any(value for name, value in encoded.items() if name not in golden)
    return {name: _without_additions(value, golden[name]) for name, value in encoded.items() if name in golden}


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        for member in list(value.values()):
            yield from _objects(member)
        yield value
    elif isinstance(value, list):
        for member in value:
            yield from _objects(member)


def _required_members(model: BaseModel) -> dict[str, Any]:
    """Return only what the contract requires, and the two by which a reader knows an event."""
    written = model.model_dump(mode="json")
    kept = {
        name: _required(getattr(model, name), written[name])
        for name, field in type(model).model_fields.items()
        if field.is_required()
    }
    return kept | {name: written[name] for name in ("specversion", "type") if name in written}


def _required(value: Any, written: Any) -> Any:
    return _required_members(value) if isinstance(value, BaseModel) else written
