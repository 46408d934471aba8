"""Answers that ``Client.request`` does not give: those with headers, and those without an end.

A friend of the client: where it connects, what it says of itself and how it explains a refusal are
the same here, which is why its private parts are used.
"""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sendook_lite.cli.client import Answer, Client
from sendook_lite.cli.connection import describe_refusal
from sendook_lite.cli.failure import TRY_AGAIN, Failed

_OK = 200


def ask(client: Client, path: str) -> Answer:
    """GET a JSON document with its headers.

    Raises:
        Failed: the server said no, with its own words; or it could not be asked.
    """
    return client._accept(client.ask("GET", path))  # noqa: SLF001 - a friend, see above


@contextmanager
def open_answer(
    client: Client, path: str, headers: Mapping[str, str], seconds: float
) -> Iterator[http.client.HTTPResponse]:
    """GET a path and lend the answer; each read of it waits at most so many seconds.

    Raises:
        Failed: the server said no, with its own words; or it could not be asked.
    """
    try:
        response = _get(client, path, headers, seconds)
    except OSError as error:
        raise Failed(describe_refusal(client.place, error), TRY_AGAIN) from error
    except http.client.HTTPException as error:
        raise Failed(f"{client.place} does not speak HTTP as expected", TRY_AGAIN) from error
    with response:
        if response.status != _OK:
            _refuse(client, response)
        yield response


def _refuse(client: Client, response: http.client.HTTPResponse) -> None:
    """Tell what the server said instead of what was asked for.

    Raises:
        Failed: always.
    """
    try:
        document = json.loads(response.read())
    except (ValueError, OSError, http.client.HTTPException):
        document = None
    client._accept(Answer(response.status, response.headers, document))  # noqa: SLF001 - as above
    raise Failed(f"{client.place} answered {response.status}: is it a Sendook Lite?")


def _get(
    client: Client, path: str, headers: Mapping[str, str], seconds: float
) -> http.client.HTTPResponse:
    connection = client._connection  # noqa: SLF001 - as above
    own = client._headers  # noqa: SLF001 - as above
    prefix = client._prefix  # noqa: SLF001 - as above
    connection.request("GET", prefix + path, headers={**own, "Accept": "*/*", **headers})
    if connection.sock is not None:
        connection.sock.settimeout(seconds)
    return connection.getresponse()
