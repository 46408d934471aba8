"""Runs an example as its reader would: a process of its own, told by the environment."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tests.e2e.server import KEY, Server, free_port, wait_until

EXAMPLES = Path(__file__).parents[2] / "examples"
NODE_MODULES = Path(__file__).parents[2] / ".cache" / "node" / "node_modules"


class Program:
    """One example, listening on a port of its own in a directory of its own."""

    def __init__(self, name: str, directory: Path, server: Server, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = directory / f"{Path(name).stem}.out"
        self._source = EXAMPLES / name
        self._directory = directory
        self._environment = {
            "PATH": os.environ["PATH"],
            "SENDOOK_URL": server.url,
            "SENDOOK_API_KEY": KEY,
            "PORT": str(self.port),
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self._directory,
                env=self._environment,
                stdout=output,
                stderr=output,
            )
        wait_until(self._answers)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(30)

    def _command(self) -> list[str]:
        if self._source.suffix != ".mjs":
            return [sys.executable, str(self._source)]
        # Node looks for modules beside the file, wherever it is started.
        (self._directory / "node_modules").symlink_to(NODE_MODULES)
        copy = self._directory / self._source.name
        copy.write_bytes(self._source.read_bytes())
        return ["node", str(copy)]

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.output.read_text()
        try:
            with urlopen(f"{self.url}/hook", timeout=5):
                return True
        except HTTPError as error:
            with error:
                return True  # it takes POST only
        except URLError:
            return False

    def printed(self) -> str:
        return self.output.read_text()

    def page(self) -> str:
        with urlopen(self.url, timeout=10) as answer:
            return str(answer.read().decode())
