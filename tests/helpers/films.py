"""Makes short films for tests."""

import io
from collections.abc import Mapping
from fractions import Fraction

import av
import numpy as np
from PIL import Image

SIZE = (320, 240)
"""Width and height of a film in pixels, unless a test asks for another size."""


def film(
    *pictures: Image.Image,
    form: str = "mp4",
    codec: str = "mpeg4",
    each: int = 10,
    size: tuple[int, int] = SIZE,
    options: Mapping[str, str] | None = None,
) -> bytes:
    """Return a film that shows each picture for `each` frames, at ten frames a second."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = size
        stream.options = dict(options or {})
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.bit_rate = 4_000_000
        stream.time_base = Fraction(1, 10)
        for picture in pictures:
            for _ in range(each):
                frame = av.VideoFrame.from_ndarray(
                    np.asarray(picture.convert("RGB").resize(size)), format="rgb24"
                )
                for packet in stream.encode(frame):
                    container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return file.getvalue()
