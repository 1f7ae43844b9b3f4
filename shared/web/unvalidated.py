"""A body that is validated in a thread, because it is so large that its validation would delay other requests."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar, get_args

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError
from pydantic_core import core_schema

Model = TypeVar("Model", bound=BaseModel)


class UnvalidatedBody(Generic[Model]):
    """A body that is not validated yet: `body: Annotated[UnvalidatedBody[BatchBody], Body()]`.

    The OpenAPI schema shows the model.
    """

    def __init__(self, model: type[Model], value: Any) -> None:
        self._model = model
        self._value = value

    async def validated(self) -> Model:
        """Return the validated body; a thread validates it, so that other requests are served meanwhile.

        Raises:
            RequestValidationError: the body is wrong; FastAPI would have raised the same.

        """
        try:
            return await asyncio.to_thread(self._model.model_validate, self._value)
        except ValidationError as error:
            faults = error.errors(include_url=False)
            raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in faults]) from None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Wrap the schema of the model without calling its validation, so that FastAPI documents the model."""
        (model,) = get_args(source)
        return core_schema.no_info_wrap_validator_function(
            lambda value, _validate: cls(model, value), handler.generate_schema(model)
        )
