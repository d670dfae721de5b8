"""Makes the picture that is served at each path."""

import base64
import hashlib
import io
import re
from functools import cache

import numpy as np
from PIL import Image

_SMALL = re.compile(r"icon|avatar|spacer")


@cache
def picture(path: str) -> bytes:
    """Return the JPEG of a path, which is unlike those of other paths."""
    digest = hashlib.sha256(path.encode()).digest()
    size = (40, 40) if _SMALL.search(path) else (160, 120) if "thumb" in path else (400, 300)
    shades = np.frombuffer(digest[:27], np.uint8).reshape(3, 3, 3)
    file = io.BytesIO()
    Image.fromarray(shades).resize(size, Image.Resampling.BILINEAR).save(file, "JPEG", quality=60)
    return file.getvalue()


def drawing(path: str) -> bytes:
    """Return the SVG of a path, which holds the path's picture."""
    data = base64.b64encode(picture(path)).decode()
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300">'
        f'<image width="400" height="300" href="data:image/jpeg;base64,{data}"/></svg>'
    ).encode()


def digest_key(body: bytes) -> str:
    """Return the name of an image that has no URL of its own, given its bytes."""
    return hash_key(hashlib.sha256(body).digest())


def hash_key(sha256: bytes) -> str:
    """Return the name of an image that has no URL of its own, given the digest of its bytes."""
    return f"inline {sha256.hex()[:16]}"
