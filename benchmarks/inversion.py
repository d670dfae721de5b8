"""
What a thief of the stored codes can rebuild of the images they were made from.

    python -m benchmarks.inversion --photos DIR [--photos DIR2] [--seed N] [--json OUT] [--plot OUT]

The first folder's photographs are the attacker's own, to learn from; those of the second are
attacked (with one folder, a third of it is kept for that). Attacked are the `pdq1` signal, the set
of `reg1` signals, and all signals of a content together. Each attack rebuilds a grey thumbnail of
32 × 32 pixels, which is compared with the true one: Pearson correlation, structural similarity
(SSIM), and whether the true photograph is the nearest of all attacked ones. Patches of single
region codes are rebuilt as well.

These attacks are linear and learn from few photographs: what they rebuild is the least that an
attacker gets, not the most.
"""

import argparse
import json
import platform
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.fft import dctn, idctn
from skimage.metrics import structural_similarity

from benchmarks.photos import Photo, load_photos
from hashsvc.signals import DHASH, PDQ, PHASH, REGION, View, regions, sign_image
from hashsvc.signals.blobs import find_blobs, halvings
from hashsvc.signals.image_hashes import image_hash
from hashsvc.signals.pdq import luma_of, pdq
from index import nearest

# The package has no types.
_structural_similarity: Callable[..., float] = structural_similarity

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]

SIDE = 32
_PIXELS = SIDE * SIDE
_LOW = 16
"""Frequencies that a code has signs of, along each axis."""

_CROPS = 4
_CROP_SIDES = (0.75, 0.95)
_ATTACKED_SHARE = 1 / 3
_LEAST = 5

_RIDGES = np.logspace(0, 5, 11)
_VALIDATED_SHARE = 5
_WORDS = 128
_ROUNDS = 12
_SAMPLED_CODES = 20_000
_COMPONENTS = 16
_QUANTILES = (0.1, 0.5, 0.9)

_SHOWN = 12
_ZOOM = 3


@dataclass(frozen=True, slots=True, repr=False)
class Pictures:
    """
    What the attacker has of n pictures.

    Attributes:
        groups: Number of the photograph that each was made from, shape (n,).

        thumbnails: True ones, zero mean and unit variance, shape (n, 1024).

        whole: Signs of all signals of the whole image, PDQ first, shape (n, 384).

        regions: Region codes of each, of shape (codes, 32).
    """

    groups: NDArray[np.int64]
    thumbnails: Floats
    whole: Floats
    regions: list[Codes]


@dataclass(frozen=True, slots=True, repr=False)
class Patches:
    """Region codes of n patches, and the patches' pixels, shape (n, 1024)."""

    codes: Codes
    pixels: Floats


@dataclass(frozen=True, slots=True)
class Score:
    """
    How near an attack comes, over all attacked pictures.

    Attributes:
        top_1: Share of rebuilt thumbnails that are nearest to their own photograph's; None for
            patches.
    """

    attack: str
    n: int
    correlation_median: float
    correlation_p90: float
    ssim_median: float
    ssim_p90: float
    top_1: float | None


# --- Pictures and their signals


def thumbnail(image: Image.Image) -> Floats:
    """Return an image as grey 32 × 32 pixels, of zero mean and unit variance, shape (1024,)."""
    small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    pixels: Floats = standardised(np.asarray(small, dtype=np.float64).reshape(1, _PIXELS))[0]
    return pixels


def standardised(pictures: Floats) -> Floats:
    """Return pictures, shape (n, 1024), each with zero mean and unit variance; plain ones as 0."""
    centred = pictures - pictures.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    scaled: Floats = centred / np.where(spread > 1e-9, spread, 1)
    return scaled


def posed(thumbnails: Floats, view: View) -> Floats:
    """Return thumbnails, shape (n, 1024), in one of PDQ's eight poses."""
    squares = thumbnails.reshape(-1, SIDE, SIDE)
    if view.startswith(View.MIRROR):
        squares = squares[:, :, ::-1]
    for turn, quarters in (("rot90", 1), ("rot180", 2), ("rot270", 3)):
        if view.endswith(turn):
            squares = np.rot90(squares, quarters, axes=(1, 2))
    turned: Floats = squares.reshape(-1, _PIXELS)
    return turned


def signs(codes: Codes) -> Floats:
    """Return codes, shape (n, bytes), as −1 and 1, shape (n, bits)."""
    signed: Floats = np.unpackbits(codes, axis=1).astype(np.float64) * 2 - 1
    return signed


def stored(photos: Sequence[Photo]) -> Pictures:
    """Return what the bank keeps of photographs, as it would make it from their files."""
    whole, regional = [], []
    for photo in photos:
        kept = [viewed.signal for viewed in sign_image(photo.data).whole().signals]
        code = {each.algorithm: each.code for each in kept}
        whole.append(b"".join(code[profile.name] for profile in (PDQ, PHASH, DHASH)))
        regional.append(_stacked([each.code for each in kept if each.algorithm == REGION.name]))
    return Pictures(
        groups=np.arange(len(photos)),
        thumbnails=np.stack([thumbnail(photo.image) for photo in photos]),
        whole=signs(_stacked(whole)),
        regions=regional,
    )


def learnt_from(photos: Sequence[Photo], rng: np.random.Generator) -> Pictures:
    """Return the attacker's pictures: each photograph, crops of it, and all those mirrored."""
    groups, thumbnails, whole, regional = [], [], [], []
    for number, photo in enumerate(photos):
        for image in _varied(photo.image, rng):
            pixels = np.asarray(image)
            others = [image_hash(image, profile).code for profile in (PHASH, DHASH)]
            groups.append(number)
            thumbnails.append(thumbnail(image))
            whole.append(b"".join([pdq(pixels)[0][View.WHOLE], *others]))
            regional.append(regions.region_codes(luma_of(pixels)).kept)
    return Pictures(np.array(groups), np.stack(thumbnails), signs(_stacked(whole)), regional)


def _varied(image: Image.Image, rng: np.random.Generator) -> list[Image.Image]:
    varied = [image]
    for share in rng.uniform(*_CROP_SIDES, _CROPS):
        width, height = (int(side * share) for side in image.size)
        left, top = (int(rng.integers(0, image.size[0] - width + 1)),
                     int(rng.integers(0, image.size[1] - height + 1)))  # fmt: skip
        varied.append(image.crop((left, top, left + width, top + height)))
    flip = Image.Transpose.FLIP_LEFT_RIGHT
    return [*varied, *(each.transpose(flip) for each in varied)]


def _stacked(codes: Sequence[bytes]) -> Codes:
    return np.frombuffer(b"".join(codes), np.uint8).reshape(len(codes), -1 if codes else 32)


def patches_of(image: Image.Image) -> Patches:
    """Return the patches that the kept region codes of an image were made from."""
    luma = luma_of(np.asarray(image))
    # What the service drops as soon as a code is made is taken from its inner functions.
    pictures = halvings(luma, regions._LONGEST)
    blobs = find_blobs(
        pictures,
        longest=regions._SEARCHED,
        contrast=regions._CONTRAST,
        most=regions._MOST_BLOBS,
        directions=regions._MOST_DIRECTIONS,
    )
    inside = regions._inside(blobs, pictures[0].shape)
    rows, turns = np.nonzero(~np.isnan(blobs.angles) & inside[:, None])
    codes = regions._codes(regions._all_waves(pictures, blobs, rows, turns)[0])
    place = {code.tobytes(): number for number, code in enumerate(codes)}
    kept = regions.region_codes(luma).kept
    pixels = np.empty((len(kept), _PIXELS))
    for number, code in enumerate(kept):
        at = place[code.tobytes()]
        spacing = blobs.sigmas[rows[at]] * (regions._SIDE_IN_SIGMAS / SIDE)
        level = min(max(int(np.log2(spacing) + 0.3), 0), len(pictures) - 1)
        patch = np.empty((SIDE, SIDE), dtype=np.float32)
        centre = (blobs.centres[rows[at]] + 0.5) / 2.0**level - 0.5
        angle = blobs.angles[rows[at], turns[at]]
        regions._take(pictures[level], centre, spacing / 2.0**level, angle, patch)
        pixels[number] = patch.ravel()
    return Patches(kept, pixels)


# --- Attacks


class Ridge:
    """
    Linear regression with a penalty, which is chosen on a fifth of the photographs.

    Args:
        features: Shape (n, features).

        targets: Shape (n, pixels).

        groups: The photograph of each; none is learnt from and validated on at once.
    """

    def __init__(
        self, features: Floats, targets: Floats, groups: NDArray[np.int64], rng: np.random.Generator
    ) -> None:
        chosen = rng.permutation(np.unique(groups))
        aside = np.isin(groups, chosen[: max(1, len(chosen) // _VALIDATED_SHARE)])
        self._features_mean = features.mean(axis=0)
        spread = features.std(axis=0)
        self._features_spread = np.where(spread > 1e-9, spread, 1)
        self._targets_mean = targets.mean(axis=0)
        given, wanted = self._scaled(features), targets - self._targets_mean
        axes, sizes, products = _decomposed(given[~aside], wanted[~aside])
        shown = given[aside] @ axes
        errors = [
            float(np.mean((shown @ (products / (sizes**2 + each)) - wanted[aside]) ** 2))
            for each in _RIDGES
        ]
        self.penalty = float(_RIDGES[int(np.argmin(errors))])
        axes, sizes, products = _decomposed(given, wanted)
        self._slopes: Floats = axes @ (products / (sizes**2 + self.penalty))

    def __call__(self, features: Floats) -> Floats:
        """Return the targets for new features."""
        targets: Floats = self._scaled(features) @ self._slopes + self._targets_mean
        return targets

    def _scaled(self, features: Floats) -> Floats:
        scaled: Floats = (features - self._features_mean) / self._features_spread
        return scaled


def _decomposed(given: Floats, wanted: Floats) -> tuple[Floats, Floats, Floats]:
    """Return axes, sizes and products of which the slopes for any penalty are made."""
    left, sizes, right = np.linalg.svd(given, full_matrices=False)
    return right.T, sizes[:, None], sizes[:, None] * (left.T @ wanted)


class Inverse:
    """
    The inverse cosine transform of a code's signs, with the usual size of each frequency.

    Args:
        signs: Shape (n, 256), row by row from the lowest frequency.

        pictures: What they were made from, shape (n, 1024).

        first: The lowest frequency that has a sign.
    """

    def __init__(self, signs: Floats, pictures: Floats, *, first: int) -> None:
        self._band = slice(first, first + _LOW)
        waves = dctn(pictures.reshape(-1, SIDE, SIDE), axes=(1, 2), norm="ortho")
        band = waves[:, self._band, self._band].reshape(len(signs), -1)
        # Of all sizes, the mean of coefficient times sign leaves the smallest error.
        self._sizes: Floats = (band * signs).mean(axis=0)

    def __call__(self, signs: Floats) -> Floats:
        """Return the pictures for new signs."""
        waves = np.zeros((len(signs), SIDE, SIDE))
        waves[:, self._band, self._band] = (signs * self._sizes).reshape(-1, _LOW, _LOW)
        pictures: Floats = idctn(waves, axes=(1, 2), norm="ortho")
        return pictures.reshape(-1, _PIXELS)


def smoothed(pictures: Floats) -> Floats:
    """Return pictures without the frequencies above those that the codes tell of."""
    waves = dctn(pictures.reshape(-1, SIDE, SIDE), axes=(1, 2), norm="ortho")
    waves[:, _LOW + 1 :] = 0
    waves[:, :, _LOW + 1 :] = 0
    low: Floats = idctn(waves, axes=(1, 2), norm="ortho").reshape(-1, _PIXELS)
    return low


def pdq_signs(whole: Floats) -> Floats:
    """Return PDQ's signs row by row from the lowest frequency; its code begins with the highest."""
    return whole[:, : PDQ.bits][:, ::-1]


def in_all_poses(pictures: Pictures) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return the PDQ signs, the thumbnails and the groups of pictures in PDQ's eight poses."""
    low = np.arange(_LOW) % 2 == 0
    squares = pdq_signs(pictures.whole).reshape(-1, _LOW, _LOW)
    signed, seen = [], []
    for view in View:
        if view in {View.TRIMMED, View.PART}:
            continue
        # A mirrored cosine of an odd frequency, of which the first is one, changes its sign.
        turned = squares * np.where(low, -1, 1) if view.startswith(View.MIRROR) else squares
        for _ in range({"90": 1, "180": 2, "270": 3}.get(view.partition("rot")[2], 0)):
            turned = (turned * np.where(low, -1, 1)).transpose(0, 2, 1)
        signed.append(turned.reshape(-1, PDQ.bits))
        seen.append(posed(pictures.thumbnails, view))
    return np.concatenate(signed), np.concatenate(seen), np.tile(pictures.groups, len(seen))


class Pooled:
    """
    Features of a set of codes that do not depend on their order.

    The count, the mean bits, quantiles of principal components, and a histogram over clusters.

    Args:
        sets: The attacker's sets of codes, to find components and clusters in.
    """

    def __init__(self, sets: Sequence[Codes], rng: np.random.Generator) -> None:
        together = np.concatenate(sets)
        sample = signs(rng.permutation(together)[:_SAMPLED_CODES])
        self._middle = sample.mean(axis=0)
        axes = np.linalg.eigh(np.cov(sample, rowvar=False))[1]
        self._components = axes[:, -_COMPONENTS:]
        self._words = sample[rng.permutation(len(sample))[:_WORDS]]
        for _ in range(_ROUNDS):
            nearest_word = _nearest_word(sample, self._words)
            for word in np.unique(nearest_word):
                self._words[word] = sample[nearest_word == word].mean(axis=0)

    def __call__(self, sets: Sequence[Codes]) -> Floats:
        """Return the features of each set, shape (n, features)."""
        return np.stack([self._features(each) for each in sets])

    def _features(self, codes: Codes) -> Floats:
        # Of an image without regions, what is usual.
        signed = signs(codes) if len(codes) else self._middle[None]
        placed = (signed - self._middle) @ self._components
        words = np.bincount(_nearest_word(signed, self._words), minlength=len(self._words))
        parts = (
            [len(codes)],
            signed.mean(axis=0),
            np.quantile(placed, _QUANTILES, axis=0).ravel(),
            np.sqrt(words / len(signed)),
        )
        return np.concatenate(parts)


def _nearest_word(signed: Floats, words: Floats) -> NDArray[np.int64]:
    closeness = 2 * signed @ words.T - (words**2).sum(axis=1)
    words_of: NDArray[np.int64] = closeness.argmax(axis=1)
    return words_of


def _nearest_sets(mine: Codes, others: Sequence[Codes]) -> tuple[int, int]:
    """Return which other set shares most regions, and which has the smallest mean distance."""
    shared, distance = np.zeros(len(others)), np.full(len(others), float(REGION.bits))
    for number, theirs in enumerate(others):
        if len(mine) and len(theirs):
            distances = nearest(mine, theirs)
            shared[number] = np.count_nonzero(distances <= REGION.threshold)
            distance[number] = distances.mean()
    # Of those that share as many, the one with the smaller distance.
    return int(np.lexsort((distance, -shared))[0]), int(distance.argmin())


def rebuilt_wholes(
    learnt: Pictures, attacked: Pictures, rng: np.random.Generator
) -> dict[str, Floats]:
    """Return what each attack rebuilds of the attacked pictures, shape (n, 1024)."""
    n = len(attacked.whole)
    attacked_pdq = pdq_signs(attacked.whole)
    posed_signs, posed_thumbnails, posed_groups = in_all_poses(learnt)
    by_pdq = (attacked_pdq @ posed_signs.T).argmax(axis=1)
    # A code of turned region patches says little of the whole's pose, so these are learnt upright.
    by_regions = np.array([_nearest_sets(each, learnt.regions) for each in attacked.regions])
    pooled = Pooled(learnt.regions, rng)
    learnt_pooled, attacked_pooled = pooled(learnt.regions), pooled(attacked.regions)
    from_pdq = Ridge(posed_signs, posed_thumbnails, posed_groups, rng)
    from_regions = Ridge(learnt_pooled, learnt.thumbnails, learnt.groups, rng)
    everything = np.hstack([learnt.whole, learnt_pooled])
    from_all = Ridge(everything, learnt.thumbnails, learnt.groups, rng)
    from_whole = Ridge(learnt.whole, learnt.thumbnails, learnt.groups, rng)
    return {
        "mean thumbnail (no code)": np.tile(learnt.thumbnails.mean(axis=0), (n, 1)),
        "pdq1 nearest photo": posed_thumbnails[by_pdq],
        "pdq1 inverse transform": Inverse(posed_signs, posed_thumbnails, first=1)(attacked_pdq),
        "pdq1 ridge": smoothed(from_pdq(attacked_pdq)),
        "pdq1+phash1+dhash1 ridge": smoothed(from_whole(attacked.whole)),
        "reg1 most shared regions": learnt.thumbnails[by_regions[:, 0]],
        "reg1 smallest mean distance": learnt.thumbnails[by_regions[:, 1]],
        "reg1 ridge": from_regions(attacked_pooled),
        "all signals ridge": smoothed(from_all(np.hstack([attacked.whole, attacked_pooled]))),
    }


def rebuilt_patches(
    learnt: Sequence[Patches], attacked: Patches, rng: np.random.Generator
) -> dict[str, Floats]:
    """Return what each attack rebuilds of the attacked patches, shape (n, 1024)."""
    groups = np.repeat(np.arange(len(learnt)), [len(each.codes) for each in learnt])
    pixels = standardised(np.concatenate([each.pixels for each in learnt]))
    signed = signs(np.concatenate([each.codes for each in learnt]))
    return {
        "mean patch (no code)": np.tile(pixels.mean(axis=0), (len(attacked.codes), 1)),
        "reg1 patch inverse transform": Inverse(signed, pixels, first=0)(signs(attacked.codes)),
        "reg1 patch ridge": Ridge(signed, pixels, groups, rng)(signs(attacked.codes)),
    }


# --- Figures


def score(attack: str, rebuilt: Floats, true: Floats, *, retrieve: bool = True) -> Score:
    """
    Compare what was rebuilt with what is true.

    Args:
        rebuilt: Shape (n, 1024), in any brightness and contrast.

        true: Shape (n, 1024).

        retrieve: Whether to look for each rebuilt picture's nearest true one.
    """
    rebuilt, true = standardised(rebuilt), standardised(true)
    correlations = (rebuilt * true).mean(axis=1)
    ssims = [_ssim(*pair) for pair in zip(rebuilt, true, strict=True)]
    top_1 = None
    if retrieve:
        own = np.arange(len(true))
        top_1 = float(np.mean((rebuilt @ true.T).argmax(axis=1) == own))
    return Score(
        attack=attack,
        n=len(true),
        correlation_median=float(np.median(correlations)),
        correlation_p90=float(np.percentile(correlations, 90)),
        ssim_median=float(np.median(ssims)),
        ssim_p90=float(np.percentile(ssims, 90)),
        top_1=top_1,
    )


def _ssim(rebuilt: Floats, true: Floats) -> float:
    squares = (each.reshape(SIDE, SIDE) for each in (rebuilt, true))
    found: float = _structural_similarity(*squares, data_range=max(float(np.ptp(true)), 1e-9))
    return found


# --- Command line


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark and return its exit code."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.inversion", description=(__doc__ or "").strip().partition("\n")[0]
    )
    parser.add_argument("--photos", type=Path, action="append", required=True, help="a folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--plot", type=Path, help="write a contact sheet (PNG) here")
    options = parser.parse_args(arguments)
    if len(options.photos) > 2:
        parser.error("--photos is given once or twice.")
    if missing := [str(folder) for folder in options.photos if not folder.is_dir()]:
        parser.error(f"--photos names no folder: {', '.join(missing)}.")
    started = time.perf_counter()
    rng = np.random.default_rng(options.seed)
    mine, theirs = _split([load_photos(folder) for folder in options.photos], rng)
    if min(len(mine), len(theirs)) < _LEAST:
        parser.error(f"There are too few photos: {len(mine)} to learn from, {len(theirs)} others.")
    learnt, attacked = learnt_from(mine, rng), stored(theirs)
    learnt_patches = [patches_of(each.image) for each in mine]
    attacked_patches = [patches_of(each.image) for each in theirs]
    both = (learnt_patches, attacked_patches)
    if min(sum(len(each.codes) for each in some) for some in both) < _LEAST:
        parser.error("The photos have too few regions.")
    patches = Patches(
        np.concatenate([each.codes for each in attacked_patches]),
        np.concatenate([each.pixels for each in attacked_patches]),
    )
    wholes = rebuilt_wholes(learnt, attacked, rng)
    parts = rebuilt_patches(learnt_patches, patches, rng)
    scores = [score(name, each, attacked.thumbnails) for name, each in wholes.items()]
    scores += [score(name, each, patches.pixels, retrieve=False) for name, each in parts.items()]
    given = sys.argv[1:] if arguments is None else arguments
    about = {
        "machine": f"{platform.processor() or platform.machine()}, {platform.platform()}",
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("numpy", "scipy", "scikit-image", "pillow", "numba")},
        "command": shlex.join(["python", "-m", "benchmarks.inversion", *given]),
        "seed": options.seed,
        "learnt_from": f"{len(mine)} photos, {len(learnt.whole)} pictures",
        "attacked": len(theirs),
        "nearest_learnt_pdq_bits": _nearest_learnt(learnt, attacked),
        "region_codes_a_photo_median": float(np.median([len(each) for each in attacked.regions])),
        "seconds": round(time.perf_counter() - started, 1),
    }
    for name, value in about.items():
        print(f"{name:28} {value}")
    _print(scores)
    if options.json:
        figures = about | {"scores": [asdict(each) for each in scores]}
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.plot:
        draw_sheet(attacked.thumbnails, wholes, patches.pixels, parts, rng).save(options.plot)
    return 0


def _split(
    folders: Sequence[list[Photo]], rng: np.random.Generator
) -> tuple[list[Photo], list[Photo]]:
    if len(folders) == 2:
        return folders[0], folders[1]
    photos = [folders[0][number] for number in rng.permutation(len(folders[0]))]
    cut = round(len(photos) * _ATTACKED_SHARE)
    return photos[cut:], photos[:cut]


def _nearest_learnt(learnt: Pictures, attacked: Pictures) -> int:
    """Return the smallest PDQ distance: an attacked photo that was learnt from would show."""
    agreement = pdq_signs(attacked.whole) @ in_all_poses(learnt)[0].T
    return int((PDQ.bits - agreement.max()) / 2)


def _print(scores: Sequence[Score]) -> None:
    print(f"\n{'':32}{'n':>6}  {'correlation':>15}  {'SSIM':>15}  {'top-1':>6}")
    print(f"{'':38}  {'median':>7} {'p90':>7}  {'median':>7} {'p90':>7}")
    for each in scores:
        top_1 = "–" if each.top_1 is None else f"{each.top_1:.2f}"
        print(
            f"{each.attack:32}{each.n:6}  "
            f"{each.correlation_median:7.2f} {each.correlation_p90:7.2f}  "
            f"{each.ssim_median:7.2f} {each.ssim_p90:7.2f}  {top_1:>6}"
        )


def draw_sheet(
    thumbnails: Floats,
    wholes: Mapping[str, Floats],
    patches: Floats,
    parts: Mapping[str, Floats],
    rng: np.random.Generator,
) -> Image.Image:
    """Return a contact sheet: true thumbnails over rebuilt ones, then the same for patches."""
    rows: list[tuple[str, Floats]] = []
    for title, true, rebuilt in (("true", thumbnails, wholes), ("true patch", patches, parts)):
        shown = rng.permutation(len(true))[:_SHOWN]
        rows += [
            (name, standardised(each[shown])) for name, each in [(title, true), *rebuilt.items()]
        ]
    cell, label = SIDE * _ZOOM + 4, 180
    sheet = Image.new("L", (label + _SHOWN * cell, len(rows) * cell), 255)
    pen = ImageDraw.Draw(sheet)
    for down, (name, pictures) in enumerate(rows):
        pen.text((4, down * cell + cell // 2 - 6), name, fill=0)
        for across, picture in enumerate(pictures):
            grey = np.clip(128 + 55 * picture.reshape(SIDE, SIDE), 0, 255).astype(np.uint8)
            large = Image.fromarray(grey).resize((SIDE * _ZOOM,) * 2, Image.Resampling.BICUBIC)
            sheet.paste(large, (label + across * cell, down * cell))
    return sheet


if __name__ == "__main__":
    sys.exit(main())
