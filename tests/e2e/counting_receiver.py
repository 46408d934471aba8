"""A receiver that is never the bottleneck: answers 200 at once and counts.

Run as a program, with a port if it is to be a certain one: prints its port, then, for every line on
standard input, one line of JSON with how many requests came and how many event ids were different.
"""

import asyncio
import json
import sys
from typing import ClassVar

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Receiver(asyncio.Protocol):
    """Finds requests by their content-length and event ids by their header."""

    requests = 0
    event_ids: ClassVar[set[bytes]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            length = int(head.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
            if len(self.buffer) < end + 4 + length:
                return
            Receiver.requests += 1
            Receiver.event_ids.add(head.split(b"webhook-id: ", 1)[1].split(b"\r\n", 1)[0])
            self.buffer = self.buffer[end + 4 + length :]
            self.transport.write(ANSWER)


async def main() -> None:
    loop = asyncio.get_running_loop()
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = await loop.create_server(Receiver, "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        counted = {"requests": Receiver.requests, "events": len(Receiver.event_ids)}
        print(json.dumps(counted), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
