"""Speaks to a service over HTTP, for the commands that need one."""

import time
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Self

import httpx2

# The longest that a command waits when the service says that it comes too often.
_LONGEST_WAIT_S = 60


_UNREACHABLE = (httpx2.TransportError, httpx2.InvalidURL, httpx2.UnsupportedProtocol)


class ServiceError(Exception):
    """
    The service refused, or could not be reached; the message is for the user.

    Attributes:
        status: Of the answer; None where there was none.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """
    A connection to one service with one key.

    Args:
        url: Where the service is, such as `http://127.0.0.1:8000`.

        key: The API key's token.

        insecure: Whether key and signals may go to another machine where the network can read them.

    Raises:
        ServiceError: If they would, and may not.
    """

    def __init__(self, url: str, key: str, *, insecure: bool = False) -> None:
        if not insecure and _is_readable_on_the_way(url):
            raise ServiceError(
                "An http:// address of another machine would show key and signals to the network. "
                "Use https://, or allow it with --insecure or HASHSVC_INSECURE=1."
            )
        self._http = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.close()

    def get(self, path: str, **query: str | int) -> Any:
        """
        Return the JSON at a path.

        Raises:
            ServiceError: If the service refuses or cannot be reached.
        """
        return self._call("GET", path, params=query)

    def post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """
        Send JSON to a path and return the answer's.

        Raises:
            ServiceError: If the service refuses or cannot be reached.
        """
        return self._call("POST", path, json=body, headers=headers)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """
        Send JSON to a path in place of what is there, and return the answer's.

        Raises:
            ServiceError: If the service refuses or cannot be reached.
        """
        return self._call("PUT", path, json=body)

    def content(self, path: str, **query: str | int) -> bytes:
        """
        Return the document at a path.

        Raises:
            ServiceError: If the service refuses or cannot be reached.
        """
        return self._answer("GET", path, params=query).content

    def delete(self, path: str) -> None:
        """
        Delete what is at a path.

        Raises:
            ServiceError: If the service refuses or cannot be reached.
        """
        self._call("DELETE", path)

    def parts(self, path: str, **query: str | int) -> Iterator[str]:
        """
        Yield the text at a path as it comes; it may be long.

        Raises:
            ServiceError: If the service refuses or cannot be reached, or the text is cut off.
        """
        try:
            with self._http.stream("GET", path, params=query) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _refused(answer)
                yield from answer.iter_text()
        except _UNREACHABLE as error:
            raise _not_there() from error

    def _call(self, method: str, path: str, **how: Any) -> Any:
        answer = self._answer(method, path, **how)
        return answer.json() if answer.content else None

    def _answer(self, method: str, path: str, **how: Any) -> httpx2.Response:
        answer = self._send(method, path, **how)
        while (wait_s := _wait_asked_for(answer)) is not None:
            time.sleep(wait_s)
            answer = self._send(method, path, **how)
        if not answer.is_success:
            raise _refused(answer)
        return answer

    def _send(self, method: str, path: str, **how: Any) -> httpx2.Response:
        try:
            return self._http.request(method, path, **how)
        except _UNREACHABLE as error:
            raise _not_there() from error


def _refused(answer: httpx2.Response) -> ServiceError:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"It answered {answer.status_code}."
    return ServiceError(f"The service refused: {detail}", status=answer.status_code)


def _not_there() -> ServiceError:
    return ServiceError("The service cannot be reached; is its URL right?")


def _wait_asked_for(answer: httpx2.Response) -> int | None:
    """Return how many seconds to wait before the call is made again; None to leave it."""
    seconds = answer.headers.get("Retry-After", "")
    if answer.status_code != httpx2.codes.TOO_MANY_REQUESTS or not seconds.isdecimal():
        return None
    return int(seconds) if int(seconds) <= _LONGEST_WAIT_S else None


def _is_readable_on_the_way(url: str) -> bool:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        # Nothing goes anywhere; the first call says so.
        return False
    if parsed.scheme != "http" or parsed.host == "localhost":
        return False
    try:
        return not ip_address(parsed.host).is_loopback
    except ValueError:
        return True
