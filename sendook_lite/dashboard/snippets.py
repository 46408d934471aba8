"""Requests as code that works when it is pasted: curl, Python and Node, without any library."""

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any, Final

_PARAMETER: Final = re.compile(r"{(\w+)}")
_STREAM: Final = "text/event-stream"
_JSON: Final = "application/json"
_TEXT: Final = "text/plain"


@dataclass(frozen=True, slots=True)
class Call:
    """A request: where to, with what, and of which media type its answer is."""

    server: str
    path: str
    method: str
    body: dict[str, Any] | None
    keyed: bool
    answer: str


def snippets(call: Call) -> dict[str, str]:
    """Return a request in each language, by the language's name.

    The key is taken from the environment, and so are ids, under the names they have in the path.
    """
    return {"curl": _curl(call), "Python": _python(call), "Node": _node(call)}


def _curl(call: Call) -> str:
    lines = ["curl" + (" -N" if call.answer == _STREAM else "")]
    if call.method != "GET":
        lines[0] += f" -X {call.method}"
    lines[0] += f' "{call.server}{_PARAMETER.sub(lambda found: f"${found[1].upper()}", call.path)}"'
    if call.keyed:
        lines.append('-H "Authorization: Bearer $SENDOOK_API_KEY"')
    if call.body is not None:
        lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(json.dumps(call.body))}"]
    return " \\\n  ".join(lines)


def _python(call: Call) -> str:
    url = f'"{call.server}{call.path}"'
    if _PARAMETER.search(call.path):
        url = f"f{url}"
    lines = ["import json, os, urllib.request", ""]
    lines += [f'{name} = os.environ["{name.upper()}"]' for name in _PARAMETER.findall(call.path)]
    arguments = [f"    {url},", f'    method="{call.method}",']
    headers = []
    if call.keyed:
        headers.append('"Authorization": f"Bearer {os.environ[\'SENDOOK_API_KEY\']}"')
    if call.body is not None:
        headers.append('"Content-Type": "application/json"')
        arguments.append(f"    data=json.dumps({call.body!r}).encode(),")
    if headers:
        arguments.append(f"    headers={{{', '.join(headers)}}},")
    lines += ["request = urllib.request.Request(", *arguments, ")"]
    lines.append("with urllib.request.urlopen(request) as answer:")
    lines += {
        _STREAM: ["    for line in answer:", "        print(line.decode(), end='')"],
        _JSON: ["    print(json.load(answer))"],
        _TEXT: ["    print(answer.read().decode())"],
    }.get(call.answer, ["    content = answer.read()"])
    return "\n".join(lines)


def _node(call: Call) -> str:
    url = _PARAMETER.sub(lambda found: f"${{process.env.{found[1].upper()}}}", call.path)
    options = [f'  method: "{call.method}",']
    headers = []
    if call.keyed:
        headers.append("Authorization: `Bearer ${process.env.SENDOOK_API_KEY}`")
    if call.body is not None:
        headers.append('"Content-Type": "application/json"')
    if headers:
        options.append(f"  headers: {{ {', '.join(headers)} }},")
    if call.body is not None:
        options.append(f"  body: JSON.stringify({json.dumps(call.body)}),")
    lines = [f"const answer = await fetch(`{call.server}{url}`, {{", *options, "});"]
    lines.append(
        {
            _STREAM: "for await (const chunk of answer.body) process.stdout.write(chunk);",
            _JSON: "console.log(await answer.json());",
            _TEXT: "console.log(await answer.text());",
        }.get(call.answer, "const content = Buffer.from(await answer.arrayBuffer());")
    )
    return "\n".join(lines)
