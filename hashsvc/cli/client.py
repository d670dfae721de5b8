"""Speaks to a service over HTTP, for the commands that need one."""

from collections.abc import Mapping
from typing import Any, Self

import httpx2


class ServiceError(Exception):
    """The service refused, or could not be reached; the message is for the user."""


class Client:
    """
    A connection to one service with one key.

    Args:
        url: Where the service is, such as `http://127.0.0.1:8000`.

        key: The API key's token.
    """

    def __init__(self, url: str, key: str) -> None:
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

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """
        Send JSON to a path and return the answer's.

        Raises:
            ServiceError: If the service refuses or cannot be reached.
        """
        return self._call("POST", path, json=body)

    def _call(self, method: str, path: str, **how: Any) -> Any:
        try:
            answer = self._http.request(method, path, **how)
        except (httpx2.TransportError, httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise ServiceError("The service cannot be reached; is its URL right?") from error
        if answer.is_success:
            return answer.json()
        try:
            detail = answer.json()["detail"]
        except (ValueError, KeyError, TypeError):
            detail = f"It answered {answer.status_code}."
        raise ServiceError(f"The service refused: {detail}")
