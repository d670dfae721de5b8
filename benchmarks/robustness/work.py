"""What the worker processes do: sign photos, make and sign their copies, judge pairs."""

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
    Limits,
    Profile,
    Signature,
    View,
    sign_image,
)
from hashsvc.signals.decode import decode

_BY_TITLE = {each.title: each for each in SINGLES}
# As in tests.helpers.photos: smaller is no photograph, larger is rarely served.
_MIN_SIDE = 200
_MAX_SIDE = 2048


@dataclass(frozen=True, slots=True)
class SourcePhoto:
    """
    A photograph in a file.

    Attributes:
        name: For a person to read; it seeds what is random about its copies.
    """

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Signed:
    """
    An image's signature.

    Attributes:
        name: For a person to read.

        shows: Names of all photos that can be seen in it.
    """

    name: str
    shows: frozenset[str]
    signature: Signature

    def content(self) -> "Signed":
        """Return what a bank would keep of it."""
        return Signed(self.name, self.shows, self.signature.whole())


@dataclass(frozen=True, slots=True)
class CopyTask:
    """
    A photo, and which copies to make of it.

    Attributes:
        others: Photos that may be seen beside it.

        titles: Of the alterations, each to be done once.

        chains: How many random chains.

        kept: Names of the copies whose signatures are wanted afterwards.
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
    """Contents and candidates, to be judged each against each."""

    contents: tuple[Signed, ...]
    candidates: tuple[Signed, ...]


def rng_of(seed: int, *names: str) -> np.random.Generator:
    """Return a generator that depends on the seed and these names alone."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def chain_name(number: int) -> str:
    """Return how a photo's chain of this number is called in a task."""
    return f"chain {number}"


def sign(photo: SourcePhoto) -> Signature | None:
    """Return a photo's signature, of every view; None if it is no photograph or too plain."""
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
    """Return how each copy of a photo fared, and the signatures of those that are kept."""
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
    """Return how many pairs show no photo in common, and which of them match all the same."""
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
    """Yield every pair that matches, of each content with each candidate."""
    # The one place where pairs are decided; a faster search of many in many belongs here.
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
    """Return the distance that others' tools would see: of the whole images, upright."""
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
    image = next(decode(photo.path.read_bytes(), Limits(), scaled=False))
    image.thumbnail((_MAX_SIDE, _MAX_SIDE))
    return image


def _lossless(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()
