"""A body so large that to judge it would hold everybody else up."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar, get_args

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, GetCoreSchemaHandler, ValidationError
from pydantic_core import core_schema

Model = TypeVar("Model", bound=BaseModel)


class UnvalidatedBody(Generic[Model]):
    """A body as it came: `body: Annotated[UnvalidatedBody[BatchBody], Body()]`, documented as the model it will be."""

    def __init__(self, model: type[Model], value: Any) -> None:
        self._model = model
        self._value = value

    async def validated(self) -> Model:
        """Return the body, judged in a thread; others are served meanwhile.

        Raises:
            RequestValidationError: as FastAPI would have raised.

        """
        try:
            return await asyncio.to_thread(self._model.model_validate, self._value)
        except ValidationError as error:
            faults = error.errors(include_url=False)
            raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in faults]) from None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Wrap the judgement of the model, which documents it, and leave it for later."""
        (model,) = get_args(source)
        return core_schema.no_info_wrap_validator_function(
            lambda value, _judge: cls(model, value), handler.generate_schema(model)
        )
