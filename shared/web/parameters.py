"""What the address of a request carries: the values in its path, and its query."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params

from shared.office.refusal import Code, FieldCode, Refusal, Violation
from shared.office.sameness import without_invisible
from shared.web.normalisation import TooManyMarksError, normalise

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from fastapi._compat import ModelField
    from starlette.requests import Request

_MOST = 100


def query_names(dependant: Dependant) -> frozenset[str]:
    """Return the names of the query parameters that a route declares, singly or by a model."""
    return frozenset(field.alias for field in get_flat_params(Dependant(query_params=list(_in_queries(dependant)))))


def _in_queries(dependant: Dependant) -> Iterator[ModelField]:
    yield from dependant.query_params
    for inner in dependant.dependencies:
        yield from _in_queries(inner)


def require_declared(request: Request, names: Collection[str]) -> None:
    """Refuse query parameters that are not among the names, and those given more than once.

    Raises:
        Refusal: validation, which names up to a hundred of them.

    """
    if not request.scope["query_string"]:
        return
    times = Counter(name for name, _ in request.query_params.multi_items())
    unknown = [Violation(name, FieldCode.UNKNOWN_FIELD) for name in times if name not in names]
    repeated = [Violation(name, FieldCode.GIVEN_TWICE) for name, count in times.items() if count > 1 and name in names]
    if violations := [*unknown, *repeated][:_MOST]:
        raise Refusal(Code.VALIDATION, *violations)


def normalise_path(request: Request) -> None:
    """Normalise and trim the values in the path, as bodies are: keyboards write `Ở` in more than one way."""
    values = request.path_params
    for name, value in values.items():
        values[name] = _normalised(value)


def _normalised(value: str) -> str:
    if value.isascii():
        return value.strip()
    try:
        return normalise(without_invisible(value)).strip()
    except TooManyMarksError:
        return value  # nothing has such a name
