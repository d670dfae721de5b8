"""The work of the worker processes: sign photos, make and sign copies, judge pairs."""

import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.alterations import SINGLES, Alteration, Scene, random_chain
from benchmarks.robustness.figures import CopyOutcome, Hit, Pairs
from hashsvc.matching import Evidence, compare
from hashsvc.signals import (
    DHASH,
    PDQ,
    PHASH,
    ImageError,
    Profile,
    Signature,
    View,
    sign_image,
)
from tests.helpers.photos import in_colour

_BY_TITLE = {each.title: each for each in SINGLES}
# As in tests.helpers.photos: smaller images are not photographs, larger ones are rare on sites.
_MIN_SIDE = 200
_MAX_SIDE = 2048


@dataclass(frozen=True, slots=True)
class SourcePhoto:
    """
    A photograph in a file.

    Attributes:
        name: Its name for people, which also seeds the randomness of its copies.
    """

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Signed:
    """
    An image's signature.

    Attributes:
        name: The image's name, for people.

        shows: Names of all photos that are visible in the image.
    """

    name: str
    shows: frozenset[str]
    signature: Signature

    def content(self) -> "Signed":
        """Return what a bank would store of the image."""
        return Signed(self.name, self.shows, self.signature.whole())


@dataclass(frozen=True, slots=True)
class CopyTask:
    """
    A photo, and the copies to make of it.

    Attributes:
        others: Photos that may appear beside it.

        titles: Titles of the alterations, each to be made once.

        chains: Number of random chains.

        kept: Names of the copies whose signatures to return.
    """

    photo: SourcePhoto
    content: Signature
    others: tuple[SourcePhoto, ...]
    titles: tuple[str, ...]
    chains: int
    kept: frozenset[str]
    seed: int


@dataclass(frozen=True, slots=True)
class PairTask:
    """Contents and candidates; each content is judged against each candidate."""

    contents: tuple[Signed, ...]
    candidates: tuple[Signed, ...]


def rng_of(seed: int, *names: str) -> np.random.Generator:
    """Return a random generator that depends only on the seed and the names."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def chain_name(number: int) -> str:
    """Return the name of a photo's chain in a task."""
    return f"chain {number}"


def sign(photo: SourcePhoto) -> Signature | None:
    """Return a photo's signature in every view; None if it is not a photograph or too plain."""
    try:
        signature = sign_image(photo.path.read_bytes())
        large_enough = min(_read(photo).size) >= _MIN_SIDE
    except ImageError:
        return None
    return signature if large_enough and signature.quality >= PDQ.min_quality else None


def sign_plain(picture: tuple[str, Image.Image]) -> Signed:
    """Return the signature of a drawn picture."""
    name, image = picture
    return Signed(name, frozenset({name}), sign_image(_lossless(image)))


def copy(task: CopyTask) -> tuple[list[CopyOutcome], dict[str, Signed]]:
    """Return the outcome of each copy of a photo, and the signatures of the copies to keep."""
    image = _read(task.photo)
    others = tuple(_read(other) for other in task.others)
    outcomes: list[CopyOutcome] = []
    kept: dict[str, Signed] = {}
    for name, alteration in _alterations(task):
        scene = Scene(image, others, rng_of(task.seed, task.photo.name, name))
        candidate = sign_image(alteration(scene))
        outcomes.append(_outcome(alteration, task.content, candidate))
        if name in task.kept:
            shown = {task.photo.name, *(each.name for each in task.others[: alteration.shows])}
            title = f"{task.photo.name}: {alteration.title}"
            kept[name] = Signed(title, frozenset(shown), candidate)
    return outcomes, kept


def judge(task: PairTask) -> Pairs:
    """Return the number of pairs without a common photo, and the false matches among them."""
    pairs = sum(
        content.shows.isdisjoint(candidate.shows)
        for content in task.contents
        for candidate in task.candidates
    )
    hits = []
    for content, candidate, evidence in decide(task.contents, task.candidates):
        if content.shows.isdisjoint(candidate.shows):
            assert evidence.tier is not None
            hits.append(Hit(content.name, candidate.name, evidence.tier, evidence.why))
    return Pairs(pairs, tuple(hits))


def decide(
    contents: Sequence[Signed], candidates: Sequence[Signed]
) -> Iterator[tuple[Signed, Signed, Evidence]]:
    """Yield every pair of a content and a candidate that match."""
    # All pairs are decided here, so a faster search for many pairs belongs here.
    for content in contents:
        for candidate in candidates:
            evidence = compare(content.signature, candidate.signature)
            if evidence.tier is not None:
                yield content, candidate, evidence


def _alterations(task: CopyTask) -> Iterator[tuple[str, Alteration]]:
    for title in task.titles:
        yield title, _BY_TITLE[title]
    for number in range(task.chains):
        name = chain_name(number)
        yield name, random_chain(rng_of(task.seed, task.photo.name, name, "steps"))


def _outcome(alteration: Alteration, content: Signature, candidate: Signature) -> CopyOutcome:
    return CopyOutcome(
        title=alteration.title,
        pdq=_whole_distance(content, candidate, PDQ),
        phash=_whole_distance(content, candidate, PHASH),
        dhash=_whole_distance(content, candidate, DHASH),
        tier=compare(content, candidate).tier,
    )


def _whole_distance(content: Signature, candidate: Signature, profile: Profile) -> int:
    """Return the distance that other tools would see: between the whole, upright images."""
    mine, theirs = (
        next(
            viewed.signal
            for viewed in signature.signals
            if viewed.view is View.WHOLE and viewed.signal.algorithm == profile.name
        )
        for signature in (content, candidate)
    )
    return mine.distance(theirs)


def _read(photo: SourcePhoto) -> Image.Image:
    image = in_colour(photo.path.read_bytes())
    image.thumbnail((_MAX_SIDE, _MAX_SIDE))
    return image


def _lossless(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()
