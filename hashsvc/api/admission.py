"""Decides whether a call may be made, by its headers alone, before its body is read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import anyio
import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from hashsvc.api.auth import ADMITTED, Check, services_of
from hashsvc.api.connections import connection_of
from hashsvc.api.errors import STATUSES, answer
from hashsvc.api.refusals import refuse
from hashsvc.api.request_bodies import check_media_type
from hashsvc.api.routes.body_limits import MOST_BYTES, NO_BODY, SMALL, URLS

_DOOR = "hashsvc.door"
# These threads check keys. Routes run in 40 others, which calls with wrong keys cannot take.
_THREADS = 8
_REFUSALS = tuple(STATUSES)


@dataclass(frozen=True, slots=True)
class Door:
    """
    What a route needs of a request before its body is read.

    Attributes:
        checks: The route's checks, in the order in which they run.

        most_bytes: Largest body, in bytes; None for the limit in the settings.
    """

    checks: tuple[Check, ...]
    most_bytes: int | None


# The door of paths without a route, and of the documentation's files.
_OPEN_DOOR = Door((), NO_BODY)


class Admission:
    """ASGI middleware that runs a route's checks before anything reads the body of the call."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._doors: list[tuple[re.Pattern[str], frozenset[str], Door]] | None = None
        self._threads = anyio.CapacityLimiter(_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = connection_of(scope)
        if connection:
            connection.begin_request()
        try:
            try:
                await self._admit(Request(scope))
            except _REFUSALS as error:
                await refuse(answer(error), scope, receive, send)
                return
            if connection and is_admitted(scope):
                connection.begin_work(with_key=True)
            await self._app(scope, receive, send)
        finally:
            if connection:
                connection.end_request()

    async def _admit(self, request: Request) -> None:
        # Check this first: tell somebody who sends an image so, even without a key.
        check_media_type(request.headers)
        scope = request.scope
        scope[_DOOR] = door = self._door_of(scope)
        passed = scope[ADMITTED] = {}
        services = services_of(request)
        for check in door.checks:
            # The check of a key reads the database, so run it in a thread.
            passed[check] = (
                await anyio.to_thread.run_sync(
                    check.admit, request, services, limiter=self._threads
                )
                if check.needs_key
                else check.admit(request, services)
            )

    def _door_of(self, scope: Scope) -> Door:
        if self._doors is None:
            self._doors = list(_doors_of(scope["app"]))
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        for pattern, methods, door in self._doors:
            if scope["method"] in methods and pattern.match(path):
                return door
        return _OPEN_DOOR


def is_admitted(scope: Scope) -> bool:
    """Return whether the request has a key that may make its call."""
    return any(caller is not None for caller in scope.get(ADMITTED, {}).values())


def most_bytes_of(scope: Scope) -> int:
    """Return the size of the largest body that the route of an admitted request takes."""
    setting: int = services_of(Request(scope)).settings.max_body_bytes
    door: Door = scope[_DOOR]
    return setting if door.most_bytes is None else min(setting, door.most_bytes)


def _doors_of(app: FastAPI) -> Iterator[tuple[re.Pattern[str], frozenset[str], Door]]:
    for route in iter_route_contexts(app.routes):
        if not isinstance(route.original_route, APIRoute) or route.path is None:
            continue
        checks = tuple(dict.fromkeys(_checks_of(route.dependant)))
        for method in route.methods or ():
            usual = SMALL if route.body_field is not None else NO_BODY
            most = MOST_BYTES.get((method, route.path), usual)
            door = Door(checks, None if (method, route.path) == URLS else most)
            yield compile_path(route.path)[0], frozenset({method}), door


def _checks_of(dependant: Dependant) -> Iterator[Check]:
    if isinstance(dependant.call, Check):
        yield dependant.call
    for each in dependant.dependencies:
        yield from _checks_of(each)
