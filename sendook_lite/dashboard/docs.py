"""The API reference, made from the OpenAPI document, and the guide beside it."""

import asyncio
import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import orjson

from sendook_lite.dashboard.snippets import Call, snippets
from sendook_lite.dashboard.view import Page, View

VERIFIERS: Final = Path(__file__).parent / "verifiers"
LANGUAGES: Final = {
    "Python": "python.txt",
    "Node": "node.txt",
    "Go": "go.txt",
    "PHP": "php.txt",
    "Ruby": "ruby.txt",
}
_ORDER: Final = ("get", "post", "patch", "delete")


async def show(view: View) -> Page:
    """Show the reference; it needs no key, for it holds none."""
    document = await asyncio.to_thread(view.context.describe_api)
    return Page("docs.html", prepare(document))


@lru_cache(maxsize=1)
def prepare(document: bytes) -> dict[str, Any]:
    """Return what the template is filled with, made from an OpenAPI document."""
    api = orjson.loads(document)
    server = api["servers"][0]["url"]
    groups = {tag["name"]: {**tag, "operations": []} for tag in api["tags"]}
    for path, methods in api["paths"].items():
        for method in _ORDER:
            if method in methods:
                operation = methods[method]
                groups[operation["tags"][0]]["operations"].append(
                    _operation(server, path, method, operation)
                )
    return {
        "api": api,
        "groups": [group for group in groups.values() if group["operations"]],
        "schemas": api["components"]["schemas"],
        "server": server,
        "events": list(api["webhooks"]),
        "type_of": type_of,
        "verifiers": {
            language: (VERIFIERS / name).read_text("utf-8").strip()
            for language, name in LANGUAGES.items()
        },
    }


def _operation(server: str, path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    status, answer = next(iter(operation["responses"].items()))
    shape = next(iter(answer["content"].items()))
    return {
        **operation,
        "path": path,
        "method": method.upper(),
        "status": status,
        "answer": type_of(shape[1]["schema"]) if shape[0] == "application/json" else shape[0],
        "body": _name(content.get("schema", {})),
        "snippets": snippets(
            Call(
                server=server,
                path=path,
                method=method.upper(),
                body=content.get("example"),
                keyed="security" in operation,
                answer=shape[0],
            )
        ),
        "errors": [code for code in operation["responses"] if code.startswith(("4", "5"))],
    }


def type_of(schema: dict[str, Any]) -> str:
    """Write a schema in a few words."""
    if "$ref" in schema:
        return _name(schema)
    if "anyOf" in schema:
        return " or ".join(type_of(each) for each in schema["anyOf"])
    if "enum" in schema and len(schema["enum"]) <= 4:  # noqa: PLR2004 - more do not fit on a line
        return " | ".join(json.dumps(value) for value in schema["enum"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"[{type_of(schema.get('items', {}))}]"
    return str(schema.get("format", kind))


def _name(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]
