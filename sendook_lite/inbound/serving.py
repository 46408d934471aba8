"""Serves a protocol on a listening socket, whatever its family."""

import asyncio
import socket
from collections.abc import Callable


async def serve(factory: Callable[[], asyncio.BaseProtocol], sock: socket.socket) -> asyncio.Server:
    """Accept connections on a socket that listens; closing the server closes the socket."""
    loop = asyncio.get_running_loop()
    if sock.family == socket.AF_UNIX:
        return await loop.create_unix_server(factory, sock=sock)
    return await loop.create_server(factory, sock=sock)
