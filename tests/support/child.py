"""A foreign peer in a process of its own, that ends when its standard input does."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
END_S = 10.0


class Child:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    @asynccontextmanager
    async def running(cls, *command: str, environ: Mapping[str, str] | None = None) -> AsyncIterator["Child"]:
        """What it writes to stderr is shown when the test fails."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=environ, stdin=pipe, stdout=pipe
        )
        child = cls(process)
        try:
            yield child
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def says(self, condition: Callable[[dict[str, Any]], bool], within_s: float) -> dict[str, Any]:
        """The first line of JSON it writes that fulfils the condition."""
        assert self.process.stdout is not None
        said = "nothing"
        try:
            async with asyncio.timeout(within_s):
                async for line in self.process.stdout:
                    said = line.decode()
                    message: dict[str, Any] = json.loads(said)
                    if condition(message):
                        return message
        except TimeoutError:
            pass
        raise AssertionError(f"within {within_s} s it said {said}")

    async def end(self) -> int:
        """Asks it to end, and returns its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return await asyncio.wait_for(self.process.wait(), END_S)
