"""Translates validation errors of Pydantic and FastAPI into violations; they never repeat what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from shared.office.refusal import FieldCode, Violation
from shared.web.field_texts import FIELD_TEXTS

_MOST = 100
_CODES: Mapping[str, FieldCode] = MappingProxyType(
    {
        "missing": FieldCode.MISSING,
        "extra_forbidden": FieldCode.UNKNOWN_FIELD,
        "string_type": FieldCode.NOT_A_TEXT,
        "string_sub_type": FieldCode.NOT_A_TEXT,
        "string_unicode": FieldCode.FORBIDDEN_CHARACTERS,
        "string_too_long": FieldCode.TOO_LONG,
        "string_too_short": FieldCode.TOO_SHORT,
        "string_pattern_mismatch": FieldCode.BAD_FORMAT,
        "int_type": FieldCode.NOT_A_NUMBER,
        "int_parsing": FieldCode.NOT_A_NUMBER,
        "int_parsing_size": FieldCode.NOT_A_NUMBER,
        "int_from_float": FieldCode.NOT_A_NUMBER,
        "float_type": FieldCode.NOT_A_NUMBER,
        "float_parsing": FieldCode.NOT_A_NUMBER,
        "finite_number": FieldCode.NOT_A_NUMBER,
        "bool_type": FieldCode.NOT_A_BOOLEAN,
        "bool_parsing": FieldCode.NOT_A_BOOLEAN,
        "list_type": FieldCode.NOT_A_LIST,
        "tuple_type": FieldCode.NOT_A_LIST,
        "set_type": FieldCode.NOT_A_LIST,
        "frozen_set_type": FieldCode.NOT_A_LIST,
        "dict_type": FieldCode.NOT_AN_OBJECT,
        "mapping_type": FieldCode.NOT_AN_OBJECT,
        "model_type": FieldCode.NOT_AN_OBJECT,
        "model_attributes_type": FieldCode.NOT_AN_OBJECT,
        "dataclass_type": FieldCode.NOT_AN_OBJECT,
        "too_long": FieldCode.TOO_MANY,
        "too_short": FieldCode.TOO_FEW,
        "greater_than_equal": FieldCode.TOO_SMALL,
        "less_than_equal": FieldCode.TOO_LARGE,
        "enum": FieldCode.NOT_ONE_OF,
        "literal_error": FieldCode.NOT_ONE_OF,
        "date_type": FieldCode.BAD_DATE,
        "date_parsing": FieldCode.BAD_DATE,
        "date_from_datetime_parsing": FieldCode.BAD_DATE,
        "date_from_datetime_inexact": FieldCode.BAD_DATE,
        "datetime_type": FieldCode.BAD_MOMENT,
        "datetime_parsing": FieldCode.BAD_MOMENT,
        "datetime_from_date_parsing": FieldCode.BAD_MOMENT,
        "datetime_object_invalid": FieldCode.BAD_MOMENT,
        "timezone_aware": FieldCode.BAD_MOMENT,
        "json_invalid": FieldCode.BAD_JSON,
        "uuid_type": FieldCode.BAD_FORMAT,
        "uuid_parsing": FieldCode.BAD_FORMAT,
    }
)
_BOUNDS = ("max_length", "min_length", "expected", "ge", "le")


def violations_of(errors: Iterable[Mapping[str, Any]]) -> list[Violation]:
    """Translate the first hundred errors."""
    return [_violation(error) for error, _ in zip(errors, range(_MOST), strict=False)]


def _violation(error: Mapping[str, Any]) -> Violation:
    context = error.get("ctx") or {}
    bounds = {name: context[name] for name in _BOUNDS if name in context}
    bounds["limit"] = context.get("ge", context.get("le"))
    return Violation(_field(error["loc"]), _code(error["type"], context), bounds)


def _code(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "string_too_short" and context.get("min_length") == 1:
        return FieldCode.EMPTY
    if kind in FIELD_TEXTS:
        return kind
    return _CODES.get(kind, FieldCode.INVALID)


def _field(location: Iterable[str | int]) -> str:
    """Return the path of a field: `items.3.title` of `("body", "items", 3, "title")`, and `body` of the whole body."""
    parts = [str(part)[:100] for part in location]
    return ".".join(parts[1:] or parts)
