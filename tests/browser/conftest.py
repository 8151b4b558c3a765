"""A node as an operator starts it, and real Chromium with fake devices."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright

from tests.support.caller import Caller
from tests.support.chromium import CHROMIUM, FLAGS
from tests.support.node_process import NodeProcess

StartNode = Callable[..., Any]
Enter = Callable[..., Any]


@pytest.fixture
async def start_node(tmp_path: Path) -> AsyncIterator[StartNode]:
    async with AsyncExitStack() as stack:

        async def start(**settings: object) -> NodeProcess:
            return await stack.enter_async_context(NodeProcess.running(tmp_path, settings))

        yield start


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def enter(chromium: Browser) -> AsyncIterator[Enter]:
    """`await enter(node, name, room=…, codec=…, …)`: somebody opens the page and joins."""
    callers: list[Caller] = []

    async def enter(node: NodeProcess, name: str, **options: str) -> Caller:
        caller = await Caller.enter(chromium, node.url, name, options)
        callers.append(caller)
        return caller

    yield enter
    for caller in callers:
        assert caller.page_errors == [], caller.name
