"""Builds the OpenAPI 3.1 document from the table of routes and the models of bodies and answers.

Nothing is written twice: paths, scopes and statuses are the routes', descriptions the docstrings of
handlers and models, schemas pydantic's. ``openapi_words`` has what is left. Imported only when
somebody asks for the document.
"""

import inspect
import re
from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from sendook_lite import __version__
from sendook_lite.api import openapi_words as words
from sendook_lite.api.answers import ANSWERS, Error, WebhookBody
from sendook_lite.api.pages import ListQuery, Query
from sendook_lite.api.routes import Route
from sendook_lite.domain.events import EVENT_TYPES

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{model}"
_JSON_TYPE: Final = "application/json"
_PARAMETER: Final = re.compile(r"{(\w+)}")

_ERRORS: Final = {
    "400": "Something about the request is wrong; `errors` names each field.",
    "401": "No key, or an unknown one.",
    "403": "The key may not do this.",
    "404": "What was named does not exist for this key.",
    "409": "It contradicts the present state.",
    "413": "The body is too large.",
    "429": "Too many; `Retry-After` says when to come back.",
    "503": "The server cannot take it now; `Retry-After` says when to come back.",
}


def document(routes: Iterable[Route], server_url: str) -> Json:
    """Describe routes as an OpenAPI 3.1 document; ``server_url`` is where they are served."""
    routes = tuple(routes)
    bodies = {route.body for route in routes if route.body is not None}
    schemas = _schemas((*ANSWERS.values(), Error, WebhookBody), bodies)
    paths: dict[str, Json] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sendook Lite",
            "version": __version__,
            "description": words.INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": server_url}],
        "tags": [{"name": name, "description": text} for name, _, text in words.GROUPS],
        "paths": paths,
        "webhooks": {event: _webhook(event) for event in EVENT_TYPES},
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def group_of(route: Route) -> str:
    """Return the group that a route belongs to."""
    return next(name for name, start, _ in words.GROUPS if route.path.startswith(start))


def _schemas(answers: Iterable[type[BaseModel]], bodies: Iterable[type[BaseModel]]) -> Json:
    models = (*answers, *sorted(bodies, key=lambda model: model.__name__))
    _, made = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    return {name: _tidy(schema) for name, schema in made["$defs"].items()}


def _operation(route: Route) -> Json:
    operation: Json = {
        "operationId": _camel(route.handler.__name__),
        "tags": [group_of(route)],
        "summary": route.summary,
        "description": _description(route),
        "parameters": [*_path_parameters(route), *_query_parameters(route.query)],
        "responses": _responses(route),
    }
    if route.scope is not None:
        operation["security"] = [{"key": []}]
        if route.method == "POST":
            operation["parameters"].append(words.IDEMPOTENCY_KEY)
    if route.body is not None:
        name = route.body.__name__
        content: Json = {"schema": {"$ref": _REF.format(model=name)}}
        if name in words.BODIES:
            content["example"] = words.BODIES[name]
        operation["requestBody"] = {"required": True, "content": {_JSON_TYPE: content}}
    return operation


def _description(route: Route) -> str:
    """Return the handler's docstring without what it raises, and what a key needs."""
    text = inspect.getdoc(route.handler) or ""
    paragraphs = [text.partition("\n\nRaises:")[0]]
    if route.scope is not None:
        needs = f"Needs a key with the scope `{route.scope}`"
        if route.whole:
            needs += " that is not limited to some inboxes"
        paragraphs.append(needs + ".")
    return "\n\n".join(paragraphs)


def _path_parameters(route: Route) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": words.PATH_PARAMETERS.get(name, ""),
            "schema": {"type": "string"},
        }
        for name in _PARAMETER.findall(route.path)
    ]


def _query_parameters(query: type[Query] | None) -> list[Json]:
    if query is None:
        return []
    schema = query.model_json_schema(ref_template=_REF)
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": words.QUERY_PARAMETERS.get(name, ""),
            "schema": _without_null(_tidy(field)),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _responses(route: Route) -> Json:
    done: Json = {"description": "Done.", "content": _content(route.answer)}
    if route.query is not None and issubclass(route.query, ListQuery):
        done["headers"] = {"Link": words.LINK}
    responses: Json = {str(route.status): done}
    for status in _possible_errors(route):
        responses[status] = {
            "description": _ERRORS[status],
            "content": {_JSON_TYPE: {"schema": {"$ref": _REF.format(model="Error")}}},
        }
    responses["default"] = {
        "description": "Any other error.",
        "content": {_JSON_TYPE: {"schema": {"$ref": _REF.format(model="Error")}}},
    }
    return responses


def _possible_errors(route: Route) -> list[str]:
    """Return the statuses of the errors that a client of this route has to reckon with."""
    found = set()
    if route.scope is not None:
        found |= {"401", "403"}
    if route.body is not None or route.query is not None:
        found.add("400")
    if "{" in route.path:
        found.add("404")
    if route.method in {"POST", "PATCH"} and route.scope is not None:
        found |= {"400", "409", "413", "503"}
    return sorted(found)


def _content(answer: str) -> Json:
    """Return the content that the name of an answer stands for.

    Raises:
        KeyError: no model of ``answers`` has that name.
    """
    if "/" in answer:  # a media type: bytes, or a stream
        return {answer: {"schema": {"type": "string"}}}
    name = answer.strip("[]")
    schema: Json = {"$ref": _REF.format(model=ANSWERS[name].__name__)}
    if answer.startswith("["):
        schema = {"type": "array", "items": schema}
    return {_JSON_TYPE: {"schema": schema}}


def _webhook(event: str) -> Json:
    return {
        "post": {
            "summary": event,
            "requestBody": {
                "content": {_JSON_TYPE: {"schema": {"$ref": _REF.format(model="WebhookBody")}}}
            },
            "responses": {"2XX": {"description": "Received. Anything else is sent again."}},
        }
    }


def _tidy(schema: Any) -> Any:
    """Drop what pydantic writes for itself: titles, and null where it stands for "absent".

    That an answer may hold nothing else is for the tests only: a client should expect more.
    """
    if isinstance(schema, list):
        return [_tidy(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {}
    for name, value in schema.items():
        titled = name == "title" and isinstance(value, str)
        closed = name == "additionalProperties" and value is False
        if not (titled or closed or (name == "default" and value is None)):
            tidy[name] = _tidy(value)
    if "description" in tidy and isinstance(tidy["description"], str):
        tidy["description"] = inspect.cleandoc(tidy["description"].replace("``", "`"))
    return tidy


def _without_null(schema: Json) -> Json:
    """Return the schema of a parameter that may be left out; there is no null in a query."""
    kinds = schema.get("anyOf", ())
    given = [kind for kind in kinds if kind != {"type": "null"}]
    if len(given) == 1:
        rest = {name: value for name, value in schema.items() if name != "anyOf"}
        return {**rest, **given[0]}
    return schema


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.title() for word in tail)
