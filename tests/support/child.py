"""A foreign peer in a process of its own, that ends when its standard input does."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
END_S = 10.0


class Child:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    @asynccontextmanager
    async def running(cls, *command: str, environ: Mapping[str, str] | None = None) -> AsyncIterator["Child"]:
        """Its output is shown when the test fails."""
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=environ, stdin=asyncio.subprocess.PIPE
        )
        child = cls(process)
        try:
            yield child
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def end(self) -> int:
        """Asks it to end, and returns its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return await asyncio.wait_for(self.process.wait(), END_S)
