"""Reads what a caller sent into a model, and says in plain words what is wrong with it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sendook_lite.domain.errors import FieldError, Invalid

M = TypeVar("M", bound=BaseModel)

MAX_ERRORS: Final = 20

_PHRASES: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "missing": lambda _: "is required",
    "string_type": lambda _: "must be a string",
    "list_type": lambda _: "must be a list",
    "dict_type": lambda _: "must be an object",
    "float_type": lambda _: "must be a number",
    "int_type": lambda _: "must be a whole number",
    "literal_error": lambda context: f"must be {context['expected']}",
    "string_too_long": lambda context: f"must have at most {context['max_length']} characters",
    "string_too_short": lambda _: "must not be empty",
    "too_long": lambda context: f"must have at most {context['max_length']} items",
    "too_short": lambda _: "must not be empty",
    "greater_than": lambda context: f"must be greater than {context['gt']:g}",
    "greater_than_equal": lambda context: f"must be at least {context['ge']:g}",
    "less_than_equal": lambda context: f"must be at most {context['le']:g}",
    "value_error": lambda context: str(context["error"]),
}


def validate(model: type[M], fields: Mapping[str, Any], location: str) -> M:
    """Read fields into a model; ``location`` is body or query.

    Raises:
        Invalid: one error per field that is not what it should be; its message is the first.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        found = error.errors(include_url=False)[:MAX_ERRORS]
    errors = tuple(_field_error(each, location) for each in found)
    raise Invalid(f"{errors[0].path} {errors[0].message}", errors)


def _field_error(detail: ErrorDetails, location: str) -> FieldError:
    path = ".".join(str(step) for step in detail["loc"])
    phrase = _PHRASES.get(detail["type"])
    message = phrase(detail.get("ctx", {})) if phrase else "is not valid"
    # pydantic gives the whole object as the input of a field that is missing.
    value = None if detail["type"] == "missing" else detail["input"]
    return FieldError(path, message, value, location)
