"""Packs candidates' signatures for storage, frame by frame, and unpacks them."""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hashsvc.signals import PDQ, PROFILES, Profile, SignalGroup, Signature, View
from hashsvc.store import packing
from hashsvc.store.candidates import Sighted
from hashsvc.store.packing import pack_groups, unpack

# The frame's quality, and the number of bytes of codes that follow.
_FRAME = struct.Struct(">BI")


class CandidateImage(Protocol):
    """An image for which a scan has computed signatures."""

    @property
    def page_url(self) -> str: ...
    @property
    def image_url(self) -> str: ...
    @property
    def sha256(self) -> bytes: ...
    @property
    def frames(self) -> tuple[Signature, ...]: ...
    @property
    def facts(self) -> Mapping[str, object]: ...


def sighted(image: CandidateImage) -> Sighted | None:
    """Return what the service keeps of an image; None if every frame is too plain to match."""
    frames = [each for each in image.frames if each.quality >= PDQ.min_quality]
    if not frames:
        return None
    return Sighted(
        page_url=image.page_url,
        image_url=image.image_url,
        image_sha256=image.sha256,
        facts=json.dumps(dict(image.facts)),
        whole=_packed(frames, many=False),
        regions=_packed(frames, many=True),
    )


def frames_of(seen: Sighted) -> tuple[Signature, ...]:
    """Return the signatures of a kept candidate, one for each frame."""
    pairs = zip(frames_in(seen.whole), frames_in(seen.regions), strict=True)
    return tuple(
        Signature.from_groups(
            quality,
            (
                SignalGroup(each.algorithm, View(each.view), each.packed)
                for each in (*whole, *regions)
            ),
        )
        for (quality, whole), (_, regions) in pairs
    )


def frames_in(packed: bytes) -> Iterator[tuple[int, list[packing.CodeGroup]]]:
    """Yield the quality and the codes of each frame."""
    at = 0
    while at < len(packed):
        quality, size = _FRAME.unpack_from(packed, at)
        at += _FRAME.size
        yield quality, list(unpack(packed[at : at + size]))
        at += size


def codes_in(
    packed: Sequence[bytes], profiles: Sequence[Profile]
) -> dict[str, tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """
    Return two arrays for each algorithm: from which item of `packed` each code is, and the codes.

    Nearly all candidates have signals of the same views, so their packed bytes have the same
    layout. Each layout is read once, and the codes of all candidates with this layout are taken
    together.
    """
    found: dict[str, list[tuple[NDArray[np.int64], NDArray[np.uint8]]]] = {
        each.name: [] for each in profiles
    }
    by_length: dict[int, list[int]] = {}
    for place, each in enumerate(packed):
        by_length.setdefault(len(each), []).append(place)
    for length, places in by_length.items():
        owners = np.array(places, np.int64)
        rows = np.frombuffer(b"".join(packed[each] for each in places), np.uint8)
        rows = rows.reshape(-1, length)
        while len(rows):
            spans = list(_spans(rows[0].tobytes()))
            is_head = np.ones(length, np.bool_)
            for _, start, end in spans:
                is_head[start:end] = False
            alike = (rows[:, is_head] == rows[0, is_head]).all(axis=1)
            for profile in profiles:
                mine = [np.arange(a, b) for name, a, b in spans if name == profile.name]
                codes = rows[alike][:, np.concatenate([np.empty(0, np.int64), *mine])]
                codes = codes.reshape(-1, profile.bits // 8)
                each_has = len(codes) // int(alike.sum())
                found[profile.name].append((np.repeat(owners[alike], each_has), codes))
            owners, rows = owners[~alike], rows[~alike]
    return {
        profile.name: (
            np.concatenate([np.empty(0, np.int64), *(owners for owners, _ in found[profile.name])]),
            np.concatenate(
                [
                    np.empty((0, profile.bits // 8), np.uint8),
                    *(codes for _, codes in found[profile.name]),
                ]
            ),
        )
        for profile in profiles
    }


def _spans(packed: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield where each group's codes begin and end, and their algorithm."""
    at = 0
    for _, groups in frames_in(packed):
        at += _FRAME.size
        for group in groups:
            at += len(pack_groups([group])) - len(group.packed)
            yield group.algorithm, at, at + len(group.packed)
            at += len(group.packed)


def _packed(frames: Sequence[Signature], *, many: bool) -> bytes:
    parts = []
    for frame in frames:
        codes = pack_groups(
            packing.CodeGroup(each.algorithm, each.view, each.size, each.codes)
            for each in frame.groups
            if PROFILES[each.algorithm].many_per_image is many
        )
        parts += [_FRAME.pack(frame.quality, len(codes)), codes]
    return b"".join(parts)
