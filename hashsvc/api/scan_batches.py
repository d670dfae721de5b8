"""Reads batches of reported URLs from request bodies: JSON, plain lines, CSV or JSON lines."""

from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from hashsvc.access.callers import Caller
from hashsvc.api.schemas.scans import ScanIn
from hashsvc.scanning import BatchFormat, BatchLine, read_lines
from hashsvc.store.scans import Repeatable

PATH = "/v1/scans"
"""The only path whose body may be text instead of JSON."""

MEDIA_TYPES = frozenset(BatchFormat)

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A key of your choice, new for each batch. A batch that is sent again with the "
        "same key within a day is not scanned again and gets the same answer.",
    ),
]

_TEXTS = {
    BatchFormat.LINES: ("One URL per line.", "https://example.org/page\n"),
    BatchFormat.CSV: (
        "One URL per row, in the column named `url` or else in the first column.",
        "url,note\nhttps://example.org/page,\n",
    ),
    BatchFormat.JSON_LINES: (
        "One JSON object per line, with a field `url`.",
        '{"url": "https://example.org/page"}\n',
    ),
}


def documented() -> dict[str, Any]:
    """Return the OpenAPI description of the request body."""
    content: dict[str, Any] = {"application/json": {"schema": ScanIn.model_json_schema()}}
    for form, (description, example) in _TEXTS.items():
        schema = {
            "type": "string",
            "minLength": 1,
            "description": description,
            "examples": [example],
        }
        content[form] = {"schema": schema}
    return {"requestBody": {"required": True, "content": content}}


async def _body_of(request: Request) -> tuple[str, bytes]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type, await request.body()


BodyDep = Annotated[tuple[str, bytes], Depends(_body_of)]


def lines_of(media_type: str, body: bytes) -> list[BatchLine]:
    """
    Return the lines of a batch.

    Raises:
        RequestValidationError: If the JSON does not follow the schema, or the body has no lines.
    """
    if media_type in MEDIA_TYPES:
        lines = read_lines(body, BatchFormat(media_type))
        if not lines:
            raise RequestValidationError(
                [{"loc": ("body",), "msg": "A batch has at least one line.", "type": "too_short"}]
            )
        return lines
    try:
        urls = ScanIn.model_validate_json(body or b"null").urls
    except ValidationError as error:
        raise RequestValidationError(
            [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_input=False)]
        ) from error
    return [BatchLine(number, url) for number, url in enumerate(urls, start=1)]


def repeatable(key: str | None, caller: Caller, media_type: str, body: bytes) -> Repeatable | None:
    """Return what the store needs to recognise a repeated batch; None without Idempotency-Key."""
    if key is None:
        return None
    # The store keeps only digests of the name and the batch.
    return Repeatable(name=f"{caller.key_id} {key}", batch=f"{media_type} {body.hex()}")
