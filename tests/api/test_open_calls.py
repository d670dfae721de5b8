"""Only some calls without a key run at once; calls with a key and health checks always run."""

import json
from functools import partial
from typing import Any

import anyio
import pytest

from hashsvc.api.auth import ADMITTED
from hashsvc.api.open_calls import OpenCalls


class Service:
    """A service whose calls run until `finish` is set, and answer in two parts."""

    def __init__(self, most: int) -> None:
        self.running = 0
        self.statuses: list[int] = []
        self.problems: list[dict[str, Any]] = []
        self.finish = anyio.Event()
        self.read_on = anyio.Event()
        self._middleware = OpenCalls(self._app, most, longest_wait_s=0.2)

    async def call(self, path: str = "/v1/holder/state", *, key: bool = False) -> None:
        """Make a call."""
        scope = {"type": "http", "path": path, ADMITTED: {"check": object()} if key else {}}
        await self._middleware(scope, None, self._send)  # type: ignore[arg-type]

    async def _app(self, _scope: Any, _receive: Any, send: Any) -> None:
        self.running += 1
        await self.finish.wait()
        await send({"type": "http.response.start", "status": 200})
        await self.read_on.wait()
        await send({"type": "http.response.body", "body": b""})

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.statuses.append(message["status"])
        elif message["body"]:
            self.problems.append(json.loads(message["body"]))


@pytest.mark.parametrize("most", [1, 3])
def test_further_calls_without_a_key_are_told_to_come_back(most: int) -> None:
    async def attack() -> None:
        service = Service(most)
        async with anyio.create_task_group() as group:
            for _ in range(most + 4):
                group.start_soon(service.call)
            while len(service.statuses) < 4:
                await anyio.sleep(0.01)
            assert (service.running, service.statuses) == (most, [503] * 4)
            assert {each["type"] for each in service.problems} == {"urn:hashsvc:busy"}
            for path, key in (("/v1/matches", True), ("/health", False), ("/ready", False)):
                group.start_soon(partial(service.call, path, key=key))
            while service.running < most + 3:
                await anyio.sleep(0.01)
            service.finish.set()
            service.read_on.set()
        assert service.statuses[4:] == [200] * (most + 3)

    anyio.run(attack)


def test_a_slow_reader_keeps_no_room() -> None:
    async def attack() -> None:
        service = Service(1)
        service.finish.set()
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(service.call)
            while len(service.statuses) < 3:
                await anyio.sleep(0.01)
            service.read_on.set()
        assert service.statuses == [200] * 3

    anyio.run(attack)


def test_a_failed_call_leaves_its_room() -> None:
    async def fail(*_: Any) -> None:
        raise ZeroDivisionError

    async def attack() -> None:
        service = OpenCalls(fail, most=1, longest_wait_s=0.2)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await service({"type": "http", "path": "/"}, None, None)  # type: ignore[arg-type]

    anyio.run(attack)
