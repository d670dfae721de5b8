"""Makes the benchmark's web site and the bank's contents from photographs."""

import random
from dataclasses import dataclass

from PIL import Image, ImageOps

from hashsvc.matching import compare
from hashsvc.signals import PDQ, Signature, sign_image
from tests.helpers.photos import Photo, as_jpeg

_LONGEST_SIDE = 1280
# Sizes and JPEG qualities of the copies of an unrelated photograph, as sites make them.
_RENDITIONS = ((1.0, 90), (0.9, 85), (0.8, 80), (0.7, 85), (0.6, 90), (1.0, 70))
_SOI = b"\xff\xd8"


@dataclass(frozen=True, slots=True, repr=False)
class Web:
    """
    A web site of pages with photographs.

    Attributes:
        files: JPEG files; each image is one of them with a unique comment.

        pages: For each page, the numbers of its images' files.

        planted: Page and place on the page of each copy of a banked photograph.
    """

    files: list[bytes]
    pages: list[list[int]]
    planted: list[tuple[int, int]]

    def image(self, page: int, place: int) -> bytes:
        """Return an image's bytes, which are unique."""
        return b"".join(parts(self.files[self.pages[page][place]], f"{page}-{place}"))


def parts(file: bytes, name: str) -> tuple[bytes, bytes, memoryview]:
    """Return the parts of a JPEG file to which a name was added as a comment (marker COM)."""
    comment = name.encode()
    return _SOI, b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment, memoryview(file)[2:]


def make_web(
    photos: list[Photo], *, pages: int, images: int, planted: int, seed: int
) -> tuple[Web, list[Signature]]:
    """
    Return a site, and the signatures of the photographs in the bank.

    A quarter of the photographs are banked. Every planted copy must be found: copies are only
    mirrored, reduced and compressed.
    """
    rng = random.Random(seed)
    kept = _different(photos)
    mine, others = kept[::4], [each for number, each in enumerate(kept) if number % 4]
    files = [
        as_jpeg(_scaled(photo.image, scale), quality=quality)
        for photo, _ in others
        for scale, quality in _RENDITIONS
    ]
    unrelated = len(files)
    files += [as_jpeg(ImageOps.mirror(_scaled(each.image, 0.6)), quality=60) for each, _ in mine]
    shown = [[rng.randrange(unrelated) for _ in range(images)] for _ in range(pages)]
    places = [(page, rng.randrange(images)) for page in rng.sample(range(pages), planted)]
    for page, place in places:
        shown[page][place] = rng.randrange(unrelated, len(files))
    return Web(files, shown, places), [signature.whole() for _, signature in mine]


def _different(photos: list[Photo]) -> list[tuple[Photo, Signature]]:
    """Return the photographs without plain ones and repetitions."""
    kept: list[tuple[Photo, Signature]] = []
    for photo in photos:
        signature = sign_image(photo.data)
        if signature.quality >= PDQ.min_quality and all(
            compare(before.whole(), signature).tier is None for _, before in kept
        ):
            kept.append((photo, signature))
    return kept


def _scaled(image: Image.Image, scale: float) -> Image.Image:
    # Resize as benchmarks.hashing does for images of web pages.
    scale *= _LONGEST_SIDE / max(image.size)
    return image.resize((round(image.width * scale), round(image.height * scale)))
