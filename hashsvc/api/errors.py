"""
Turns every error into a response of one shape, `application/problem+json` (RFC 9457).

    ApiError
    ├── ImageSentError       the body is an image instead of signals
    ├── NotJsonError         the body is not a JSON object
    ├── TooManyObjectsError  the body has very many objects or lists for its size
    ├── BodyTooLargeError    the body is over the limit
    ├── SlowBodyError        the body did not arrive in time
    └── BusyError            too many calls without a key run now

No response repeats what the caller sent: that may contain a signal, a URL or a token.
"""

import math
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from hashsvc import access, audit, bank, matching, removal, sandbox, scanning, signals, store

_log = structlog.get_logger()

MOST_RULES = 20
"""The largest number of broken rules that an answer names. A body may break very many."""


class ApiError(Exception):
    """Base of every error raised by hashsvc.api."""


class ImageSentError(ApiError):
    """The body is an image; the service takes only signals."""


class NotJsonError(ApiError):
    """The body is not a JSON object."""


class TooManyObjectsError(ApiError):
    """The body's JSON has very many objects or lists for its size."""


class BodyTooLargeError(ApiError):
    """The body is over the limit."""


class SlowBodyError(ApiError):
    """The body did not arrive in time."""


class BusyError(ApiError):
    """
    Too many calls without a key run now.

    Attributes:
        retry_after_s: Seconds after which the caller may try again.
    """

    def __init__(self, message: str, *, retry_after_s: float = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BrokenRule(BaseModel):
    """A rule that the request breaks. The offending value is not repeated."""

    where: list[str | int] = Field(
        description="Path to the field, beginning with `body`, `path`, `query` or `header`.",
        examples=[["body", "contents", 0, "quality"]],
    )
    rule: str = Field(
        description="The rule that is broken.",
        examples=["Input should be less than or equal to 100"],
    )


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(
        description="The kind of error. It stays the same between versions.",
        examples=["urn:hashsvc:unknown-case"],
    )
    title: str = Field(description="The HTTP status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(
        description="What is wrong, in words for a person.", examples=["There is no such case."]
    )
    errors: list[BrokenRule] = Field(
        default=[],
        max_length=MOST_RULES,
        description=f"The first {MOST_RULES} rules that the request breaks. Only errors of type "
        "`urn:hashsvc:invalid` have this field.",
    )
    error_count: int = Field(
        default=0,
        description="Number of broken rules that were found. Only errors of type "
        "`urn:hashsvc:invalid` have this field.",
    )


STATUSES: dict[type[Exception], HTTPStatus] = {
    access.UnauthorisedError: HTTPStatus.UNAUTHORIZED,
    access.ForbiddenError: HTTPStatus.FORBIDDEN,
    ImageSentError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    NotJsonError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    TooManyObjectsError: HTTPStatus.UNPROCESSABLE_ENTITY,
    BodyTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    SlowBodyError: HTTPStatus.REQUEST_TIMEOUT,
    BusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    access.NameTakenError: HTTPStatus.CONFLICT,
    access.BadNameError: HTTPStatus.UNPROCESSABLE_ENTITY,
    access.TooManyCallsError: HTTPStatus.TOO_MANY_REQUESTS,
    access.ProbingError: HTTPStatus.TOO_MANY_REQUESTS,
    bank.MinorError: HTTPStatus.UNPROCESSABLE_ENTITY,
    bank.UnknownCaseError: HTTPStatus.NOT_FOUND,
    bank.UnknownContentError: HTTPStatus.NOT_FOUND,
    bank.ContentExistsError: HTTPStatus.CONFLICT,
    bank.NotSubmittableError: HTTPStatus.UNPROCESSABLE_ENTITY,
    bank.TooPlainError: HTTPStatus.UNPROCESSABLE_ENTITY,
    bank.CommonImageError: HTTPStatus.UNPROCESSABLE_ENTITY,
    bank.UnknownLabelError: HTTPStatus.NOT_FOUND,
    bank.UnknownPendingError: HTTPStatus.NOT_FOUND,
    bank.WrongPinError: HTTPStatus.NOT_FOUND,
    bank.TooManyGuessesError: HTTPStatus.TOO_MANY_REQUESTS,
    bank.UnknownExportError: HTTPStatus.NOT_FOUND,
    bank.NotApprovedError: HTTPStatus.CONFLICT,
    bank.UnknownResetError: HTTPStatus.NOT_FOUND,
    bank.SameKeyError: HTTPStatus.CONFLICT,
    sandbox.SandboxError: HTTPStatus.SERVICE_UNAVAILABLE,
    signals.SignalFormatError: HTTPStatus.UNPROCESSABLE_ENTITY,
    matching.UnknownMatchError: HTTPStatus.NOT_FOUND,
    matching.AlreadyReviewedError: HTTPStatus.CONFLICT,
    matching.NotQuarantinedError: HTTPStatus.NOT_FOUND,
    matching.UnknownSuppressionError: HTTPStatus.NOT_FOUND,
    scanning.UnknownScanError: HTTPStatus.NOT_FOUND,
    scanning.UnknownWatchError: HTTPStatus.NOT_FOUND,
    scanning.CancelledScanError: HTTPStatus.CONFLICT,
    scanning.OtherBatchError: HTTPStatus.UNPROCESSABLE_ENTITY,
    removal.UnknownRequestError: HTTPStatus.NOT_FOUND,
    removal.NotConfirmedError: HTTPStatus.CONFLICT,
    removal.NotPossibleError: HTTPStatus.CONFLICT,
    removal.BadNoticeError: HTTPStatus.UNPROCESSABLE_ENTITY,
    removal.NoConsentError: HTTPStatus.CONFLICT,
    removal.UnknownPlatformError: HTTPStatus.NOT_FOUND,
    removal.UnknownLawError: HTTPStatus.CONFLICT,
    removal.TemplateError: HTTPStatus.CONFLICT,
    removal.TypesettingError: HTTPStatus.INTERNAL_SERVER_ERROR,
    removal.DataFileError: HTTPStatus.UNPROCESSABLE_ENTITY,
    removal.SendingError: HTTPStatus.BAD_GATEWAY,
    removal.UnsureSendingError: HTTPStatus.BAD_GATEWAY,
    audit.BrokenChainError: HTTPStatus.CONFLICT,
    audit.BadSignatureError: HTTPStatus.CONFLICT,
    audit.MalformedError: HTTPStatus.CONFLICT,
    audit.BadProofError: HTTPStatus.CONFLICT,
    audit.BadTimestampError: HTTPStatus.BAD_GATEWAY,
    audit.NoTimestampsError: HTTPStatus.CONFLICT,
    store.UnknownRowError: HTTPStatus.NOT_FOUND,
    store.UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The HTTP status of each error that a route may raise."""


def install(app: FastAPI) -> None:
    """Make the app answer every error with a `Problem`."""
    for kind in STATUSES:
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def problem(
    status: HTTPStatus | int,
    name: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """Return a response of type `urn:hashsvc:<name>`."""
    code = HTTPStatus(status)
    body = {"type": f"urn:hashsvc:{name}", "title": code.phrase, "status": code, "detail": detail}
    return JSONResponse(
        body | more, status_code=code, headers=headers, media_type="application/problem+json"
    )


def answer(error: Exception) -> JSONResponse:
    """Return the response for an error that has a status in this module."""
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    name = _name(type(error).__name__.removesuffix("Error"))
    headers: dict[str, str] = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status is HTTPStatus.REQUEST_TIMEOUT:
        # More of this body may come, so nobody could tell where the next request begins.
        headers["Connection"] = "close"
    if status is HTTPStatus.TOO_MANY_REQUESTS or isinstance(error, BusyError):
        headers["Retry-After"] = str(math.ceil(getattr(error, "retry_after_s", 1)))
    return problem(status, name, str(error), headers=headers)


def unexpected(error: Exception) -> JSONResponse:
    """Return the response for an unexpected error, and log the error's class."""
    # The message may repeat what the caller sent: log only the class.
    _log.error("api.unexpected", error=type(error).__name__)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "unexpected",
        "The service failed unexpectedly. The operator can find the error in the log.",
    )


async def _known(_request: Request, error: Exception) -> JSONResponse:
    return answer(error)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    rules = [{"where": _place(each), "rule": _rule(each)} for each in found[:MOST_RULES]]
    return _rules_broken(rules, len(found))


def _rules_broken(rules: list[dict[str, Any]], count: int) -> JSONResponse:
    told = "The request breaks a rule of this call; see `errors`."
    if count > len(rules):
        told = (
            f"The request breaks rules of this call in {count} places; `errors` has the first "
            f"{len(rules)}."
        )
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", told, errors=rules, error_count=count
    )


def _place(error: dict[str, Any]) -> list[str | int]:
    where: Sequence[str | int] = error["loc"]
    # The caller chose the name of an unknown field: don't repeat it.
    return list(where[:-1] if error["type"] == "extra_forbidden" else where)


def _rule(error: dict[str, Any]) -> str:
    # Pydantic puts a prefix before the text of our own validators' ValueError.
    return str(error["msg"]).removeprefix("Value error, ")


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.BAD_REQUEST:
        # FastAPI answers 400 if JSON is not UTF-8, is nested too deeply or has too long a number.
        return _rules_broken([{"where": ["body"], "rule": "JSON decode error"}], 1)
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = _allowed(request) or headers["Allow"]
    return problem(status, _name(status.name), status.description, headers=headers)


def _allowed(request: Request) -> str:
    """Return all methods of a path. FastAPI names only those of the first matching route."""
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.path and compile_path(route.path)[0].match(request.scope["path"]):
            methods |= route.methods or set()
    # HEAD works wherever GET does.
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _name(name: str) -> str:
    """Return `UnknownCase` or `NOT_FOUND` as `unknown-case`, `not-found`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).replace("_", "-").lower()
