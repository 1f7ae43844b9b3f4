"""Pydantic's and FastAPI's findings as violations with codes of our own; what was sent is never repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from shared.web.field_texts import FIELD_TEXTS, InputCode
from shared.web.violation import Violation

_MOST = 100
_CODES: Mapping[str, InputCode] = MappingProxyType(
    {
        "missing": InputCode.MISSING,
        "extra_forbidden": InputCode.UNKNOWN_FIELD,
        "string_type": InputCode.NOT_A_TEXT,
        "string_sub_type": InputCode.NOT_A_TEXT,
        "string_unicode": InputCode.FORBIDDEN_CHARACTERS,
        "string_too_long": InputCode.TOO_LONG,
        "string_too_short": InputCode.TOO_SHORT,
        "string_pattern_mismatch": InputCode.BAD_FORMAT,
        "int_type": InputCode.NOT_A_NUMBER,
        "int_parsing": InputCode.NOT_A_NUMBER,
        "int_parsing_size": InputCode.NOT_A_NUMBER,
        "int_from_float": InputCode.NOT_A_NUMBER,
        "float_type": InputCode.NOT_A_NUMBER,
        "float_parsing": InputCode.NOT_A_NUMBER,
        "finite_number": InputCode.NOT_A_NUMBER,
        "bool_type": InputCode.NOT_A_BOOLEAN,
        "bool_parsing": InputCode.NOT_A_BOOLEAN,
        "list_type": InputCode.NOT_A_LIST,
        "tuple_type": InputCode.NOT_A_LIST,
        "set_type": InputCode.NOT_A_LIST,
        "frozen_set_type": InputCode.NOT_A_LIST,
        "dict_type": InputCode.NOT_AN_OBJECT,
        "mapping_type": InputCode.NOT_AN_OBJECT,
        "model_type": InputCode.NOT_AN_OBJECT,
        "model_attributes_type": InputCode.NOT_AN_OBJECT,
        "dataclass_type": InputCode.NOT_AN_OBJECT,
        "too_long": InputCode.TOO_MANY,
        "too_short": InputCode.TOO_FEW,
        "greater_than_equal": InputCode.TOO_SMALL,
        "less_than_equal": InputCode.TOO_LARGE,
        "enum": InputCode.NOT_ONE_OF,
        "literal_error": InputCode.NOT_ONE_OF,
        "date_type": InputCode.BAD_DATE,
        "date_parsing": InputCode.BAD_DATE,
        "date_from_datetime_parsing": InputCode.BAD_DATE,
        "date_from_datetime_inexact": InputCode.BAD_DATE,
        "datetime_type": InputCode.BAD_MOMENT,
        "datetime_parsing": InputCode.BAD_MOMENT,
        "datetime_from_date_parsing": InputCode.BAD_MOMENT,
        "datetime_object_invalid": InputCode.BAD_MOMENT,
        "timezone_aware": InputCode.BAD_MOMENT,
        "json_invalid": InputCode.BAD_JSON,
        "uuid_type": InputCode.BAD_FORMAT,
        "uuid_parsing": InputCode.BAD_FORMAT,
    }
)
_BOUNDS = ("max_length", "min_length", "expected", "ge", "le")


def violations_of(errors: Iterable[Mapping[str, Any]]) -> list[Violation]:
    """Translate at most a hundred findings."""
    return [_violation(error) for error, _ in zip(errors, range(_MOST), strict=False)]


def _violation(error: Mapping[str, Any]) -> Violation:
    context = error.get("ctx") or {}
    bounds = {name: context[name] for name in _BOUNDS if name in context}
    bounds["limit"] = context.get("ge", context.get("le"))
    return Violation(_field(error["loc"]), _code(error["type"], context), bounds)


def _code(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "string_too_short" and context.get("min_length") == 1:
        return InputCode.EMPTY
    if kind in FIELD_TEXTS:
        return kind
    return _CODES.get(kind, InputCode.INVALID)


def _field(location: Iterable[str | int]) -> str:
    """`("body", "items", 3, "title")` is `items.3.title`; of the body as a whole, `body`."""
    parts = [str(part)[:100] for part in location]
    return ".".join(parts[1:] or parts)
