"""Sends requests to the operator's time stamp authority (RFC 3161)."""

from collections.abc import Callable

import httpx2

from hashsvc.audit import BadTimestampError

_TIMEOUT_S = 20
_MOST_BYTES = 100_000


def post_to(url: str) -> Callable[[bytes], bytes]:
    """
    Return a function that posts a time stamp request to the authority at a URL.

    A request contains a digest of the content, never the content itself.
    """

    def post(request: bytes) -> bytes:
        headers = {"Content-Type": "application/timestamp-query"}
        try:
            answer = httpx2.post(url, content=request, headers=headers, timeout=_TIMEOUT_S)
        except httpx2.HTTPError as error:
            raise BadTimestampError(
                "The time stamp authority cannot be reached; try again later."
            ) from error
        if not answer.is_success or len(answer.content) > _MOST_BYTES:
            raise BadTimestampError(
                "The time stamp authority gave no time stamp; check the URL in the settings."
            )
        return answer.content

    return post
