"""The CloudEvents 1.0 envelope, JSON in structured mode."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer

CONTENT_TYPE = "application/cloudevents+json"


def rfc3339(moment: AwareDatetime) -> str:
    """Write a moment in UTC with whole milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


Moment = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]


class Frozen(BaseModel):
    """A message on the wire. It is immutable; members that a later version added are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Data = TypeVar("Data", bound=Frozen)


class Event(Frozen, Generic[Data]):
    """One event.

    `sequence` is the task's version. The specification makes it a string; it is compared as a number.
    """

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: Moment
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: str
    correlationid: str | None = None
    causationid: str | None = None
    data: Data
