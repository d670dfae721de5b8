"""The HTTP client of the commands that speak to a service."""

import time
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Self

import httpx2

# A command waits as long as the Retry-After of a 429 asks, if that is at most this long.
_LONGEST_WAIT_S = 60


_UNREACHABLE = (httpx2.TransportError, httpx2.InvalidURL, httpx2.UnsupportedProtocol)


class ServiceError(Exception):
    """
    The service refused a call or could not be reached. The message is for the user.

    Attributes:
        status: Status code of the answer; None if there was no answer.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """
    A connection to one service with one key.

    Args:
        url: URL of the service, such as `http://127.0.0.1:8000`.

        key: The API key's token.

        insecure: Whether the key and signals may go to another machine without TLS.

    Raises:
        ServiceError: If the URL begins with http:// and names another machine, and `insecure` is
            false.
    """

    def __init__(self, url: str, key: str, *, insecure: bool = False) -> None:
        if not insecure and _is_readable_in_transit(url):
            raise ServiceError(
                "The URL names another machine with http://: the network could read your key and "
                "signals. Use https://, or allow http:// with --insecure or HASHSVC_INSECURE=1."
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
        Send JSON to a path and return the JSON of the answer.

        Raises:
            ServiceError: If the service refuses or cannot be reached.
        """
        return self._call("POST", path, json=body, headers=headers)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """
        Replace the JSON at a path and return the JSON of the answer.

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

    def parts(self, path: str, **query: str | int) -> Iterator[bytes]:
        """
        Yield the document at a path in parts, as it arrives.

        Raises:
            ServiceError: If the service refuses or cannot be reached, or the document is cut off.
        """
        try:
            with self._http.stream("GET", path, params=query) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _refused(answer)
                yield from answer.iter_bytes()
        except _UNREACHABLE as error:
            raise _unreachable() from error

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
            raise _unreachable() from error


def _refused(answer: httpx2.Response) -> ServiceError:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"It answered with status {answer.status_code}."
    return ServiceError(f"The service refused: {detail}", status=answer.status_code)


def _unreachable() -> ServiceError:
    return ServiceError("The service cannot be reached. Is its URL right?")


def _wait_asked_for(answer: httpx2.Response) -> int | None:
    """Return the seconds to wait before a second call; None if the answer is final."""
    seconds = answer.headers.get("Retry-After", "")
    if answer.status_code != httpx2.codes.TOO_MANY_REQUESTS or not seconds.isdecimal():
        return None
    return int(seconds) if int(seconds) <= _LONGEST_WAIT_S else None


def _is_readable_in_transit(url: str) -> bool:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        # If the text is not a URL, the first call fails and sends nothing.
        return False
    if parsed.scheme != "http" or parsed.host == "localhost":
        return False
    try:
        return not ip_address(parsed.host).is_loopback
    except ValueError:
        return True
