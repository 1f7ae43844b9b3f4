"""The field types of bodies and queries: strict and normalised."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StrictBool,
    StrictInt,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError, core_schema

from shared.clock import to_milliseconds
from shared.office.refusal import FieldCode
from shared.office.sameness import as_number, one_line, without_invisible
from shared.web.normalisation import TooManyMarksError, normalise

__all__ = ["StrictBool", "StrictInt"]

_YEARS = range(2000, 2101)
_MOST_UNKNOWN = 20
_LONGEST_LETTER = 4
"""How many characters NFC may compose to one: a letter and three marks."""
_LONGEST_TEXT = 10_000
_LONGEST_BLANK = _LONGEST_TEXT * _LONGEST_LETTER
"""A longer text is too long for every field, so nothing else of it is judged."""
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(17)
)
_BIDI_OVERRIDES = "\u202a-\u202e\u2066-\u2069"
_FORBIDDEN = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff{_BIDI_OVERRIDES}{_NONCHARACTERS}]")
_NOT_IN_A_LINE = re.compile("[\t\n\r\u2028\u2029]")
_DIGITS = re.compile(r"[0-9]+")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class Body(BaseModel):
    """A body or a query; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _require_few_unknown_fields(cls, data: Any) -> Any:
        """Refuse very many unknown fields with one error: one error for each of those in 1 MB would take a second."""
        if isinstance(data, dict) and len(data) > len(cls.model_fields) + _MOST_UNKNOWN:
            raise PydanticCustomError(FieldCode.UNKNOWN_FIELD, "unknown fields")
        return data


@dataclass(frozen=True, slots=True)
class Text:
    """A text of several lines: NFC, trimmed, not empty, without what cannot be seen.

    Control characters are refused, except line breaks and tabs.
    """

    max_length: int

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        text = core_schema.str_schema(strict=True, min_length=1, max_length=self.max_length)
        return core_schema.no_info_before_validator_function(self.clean, text)

    def clean(self, value: Any) -> Any:
        """Normalise a text; the next validator refuses a value that is not a text or is too long.

        The length is judged before anything else.
        """
        if not isinstance(value, str) or len(value) > self.max_length * _LONGEST_LETTER:
            return value
        if value.isascii() and value.isprintable():
            return value.strip()
        if _FORBIDDEN.search(_kinds(value)):
            raise PydanticCustomError(FieldCode.FORBIDDEN_CHARACTERS, "forbidden characters")
        text = normalised(without_invisible(value).replace("\r\n", "\n").replace("\r", "\n")).strip()
        return text if any(map(_is_visible, _kinds(text))) else ""


@dataclass(frozen=True, slots=True)
class Line(Text):
    """A text of one line, in which blanks of every kind are one space; `pattern` narrows it further (codes, names)."""

    pattern: str | None = None

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        text = core_schema.str_schema(strict=True, min_length=1, max_length=self.max_length, pattern=self.pattern)
        return core_schema.no_info_before_validator_function(self.clean, text)

    def clean(self, value: Any) -> Any:
        text = Text.clean(self, value)
        if not isinstance(text, str) or len(text) > self.max_length * _LONGEST_LETTER:
            return text
        line = one_line(text)
        if len(line) <= self.max_length and _NOT_IN_A_LINE.search(text):
            raise PydanticCustomError(FieldCode.FORBIDDEN_CHARACTERS, "forbidden characters")
        return line


@dataclass(frozen=True, slots=True)
class Number(Line):
    """The number of a document, with its dashes and its `Đ` as the office writes them."""

    def clean(self, value: Any) -> Any:
        line = Line.clean(self, value)
        return as_number(line) if isinstance(line, str) and len(line) <= self.max_length else line


def normalised(text: str) -> str:
    """Return the text in NFC; too many combining marks on a letter are refused as forbidden characters are."""
    try:
        return normalise(text)
    except TooManyMarksError:
        raise PydanticCustomError(FieldCode.FORBIDDEN_CHARACTERS, "forbidden characters") from None


def _kinds(text: str) -> str:
    """Return each character of a text once, for checks of the characters alone: 10,000 blanks are one kind."""
    return "".join(set(text))


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZ"


def is_blank(value: Any) -> bool:
    """Whether this is a text without visible characters and without forbidden ones, and no longer than a text may be.

    The length is judged first: to look at each of 990,000 blanks took 200 milliseconds.
    """
    if not isinstance(value, str) or len(value) > _LONGEST_BLANK:
        return False
    kinds = _kinds(value)
    return not any(map(_is_visible, kinds)) and not _FORBIDDEN.search(kinds)


def _blank_is_absent(value: Any) -> Any:
    return None if is_blank(value) else value


def require_at_most(most: int) -> BeforeValidator:
    """Refuse a list of more than `most` items before any item is validated.

    A list whose validation stops at the first wrong item would otherwise not be counted.
    """

    def count(value: Any) -> Any:
        if isinstance(value, list) and len(value) > most:
            raise PydanticKnownError(
                "too_long", {"field_type": "List", "max_length": most, "actual_length": len(value)}
            )
        return value

    return BeforeValidator(count)


def _to_day(value: Any) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = date.min
        if day.year in _YEARS:
            return day
    raise PydanticCustomError(FieldCode.BAD_DATE, "not a date")


def _to_moment(value: Any) -> datetime:
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError(FieldCode.BAD_MOMENT, "not a moment")
    day, time, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time}.{(fraction or '0')[:6]:0<6}{offset.upper()}")
    except ValueError:
        moment = datetime.min.replace(tzinfo=UTC)
    if moment.year not in _YEARS:
        raise PydanticCustomError(FieldCode.BAD_MOMENT, "not a moment")
    return to_milliseconds(moment)


def _to_query_number(value: Any) -> Any:
    """Refuse what Python also reads as a number: `5_0`, `+5`, ` 5`, `５`, `5.0`."""
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise PydanticKnownError("int_parsing")
    return value


def _to_query_moment(value: Any) -> datetime:
    """Accept ` 07:00` for `+07:00`: a plus sign that is not written as %2B arrives as a space."""
    return _to_moment(value.replace(" ", "+") if isinstance(value, str) else value)


Value = TypeVar("Value")
Maybe = Annotated[Value | None, BeforeValidator(_blank_is_absent)]
"""An optional field, `note: Maybe[Note] = None`: an empty text counts as absent."""

Title = Annotated[str, Line(1_000)]
LongText = Annotated[str, Text(_LONGEST_TEXT)]
Note = Annotated[str, Text(2_000)]
Name = Annotated[str, Line(300)]
DocumentNumber = Annotated[str, Number(100)]
FieldOfWork = Annotated[str, Line(200)]
AgencyCode = Annotated[str, Line(50, r"^\w[\w.-]*$")]
Username = Annotated[str, Line(100, r"^[A-Za-z0-9][A-Za-z0-9._@-]*$"), AfterValidator(str.lower)]
Identifier = Annotated[str, Line(100)]
DayField = Annotated[date, BeforeValidator(_to_day)]
MomentField = Annotated[datetime, BeforeValidator(_to_moment)]
QueryMoment = Annotated[datetime, BeforeValidator(_to_query_moment)]
QueryNumber = BeforeValidator(_to_query_number)
"""`Annotated[int, Query(ge=1), QueryNumber]`: a number in a query is written with digits alone."""
Percent = Annotated[StrictInt, Field(ge=0, le=100)]
