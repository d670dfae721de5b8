"""What tests send to the API, and what they get back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from hashsvc.api import Services
from hashsvc.signals import Signature, sign_image
from hashsvc.store.ids import random_id

Call = Callable[..., httpx2.Response]
"""Calls the service with the key of a role, or none. Takes role, method, path and options."""


@dataclass(frozen=True)
class OpenCase:
    """A case with one content."""

    number: str
    pin: str
    content: str
    photo: bytes
    signature: Signature


def body_of(signature: Signature) -> dict[str, Any]:
    """Return a signature as a request body."""
    signals = [{"signal": str(each.signal), "view": each.view} for each in signature.signals]
    return {"quality": signature.quality, "signals": signals}


def content_of(photo: bytes) -> dict[str, Any]:
    """Return a photo's content with a new id, as in a request body."""
    return {"content": random_id()} | body_of(sign_image(photo).whole())


def work_off(services: Services) -> None:
    """Scan all items that are due."""
    while services.scanner.work_once():
        continue
