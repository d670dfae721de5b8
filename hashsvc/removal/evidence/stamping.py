"""Asks the operator's time stamping authority (RFC 3161)."""

from collections.abc import Callable

import httpx2

from hashsvc.audit import BadTimestampError

_TIMEOUT_S = 20
_MOST_BYTES = 100_000


def post_to(url: str) -> Callable[[bytes], bytes]:
    """
    Return what hands a request to the authority at a URL, which the operator has set.

    The authority is told a digest, and nothing else of what is stamped.
    """

    def post(request: bytes) -> bytes:
        headers = {"Content-Type": "application/timestamp-query"}
        try:
            answer = httpx2.post(url, content=request, headers=headers, timeout=_TIMEOUT_S)
        except httpx2.HTTPError as error:
            raise BadTimestampError("The time stamping authority cannot be reached.") from error
        if not answer.is_success or len(answer.content) > _MOST_BYTES:
            raise BadTimestampError("The time stamping authority gave no time stamp.")
        return answer.content

    return post
