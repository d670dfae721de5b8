"""The attacks, which learn from the attacker's pictures to rebuild pictures from codes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from benchmarks.inversion.pictures import (
    PIXELS,
    SIDE,
    Codes,
    Floats,
    LearntPatches,
    Pictures,
    posed,
    signs,
    standardised,
)
from hashsvc.signals import PDQ, REGION, View
from index import nearest

_LOW = 16
"""Number of frequencies along each axis whose signs are in a code."""

_RIDGES = np.logspace(0, 5, 11)
_VALIDATED_SHARE = 5
_WORDS = 128
_ROUNDS = 12
_SAMPLED_CODES = 20_000
_COMPONENTS = 16
_QUANTILES = (0.1, 0.5, 0.9)


class Ridge:
    """
    Ridge regression, whose penalty is chosen on a fifth of the photographs.

    Args:
        features: Shape (n, features).

        targets: Shape (n, pixels).

        groups: The photograph of each row; no photograph is used for both learning and validation.
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
        """Return the predicted targets for new features."""
        targets: Floats = self._scaled(features) @ self._slopes + self._targets_mean
        return targets

    def _scaled(self, features: Floats) -> Floats:
        scaled: Floats = (features - self._features_mean) / self._features_spread
        return scaled


def _decomposed(given: Floats, wanted: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the axes, sizes and products from which the slopes for any penalty follow."""
    left, sizes, right = np.linalg.svd(given, full_matrices=False)
    return right.T, sizes[:, None], sizes[:, None] * (left.T @ wanted)


class Inverse:
    """
    The inverse cosine transform of a code's signs, with the mean size of each frequency.

    Args:
        signs: Signs to learn from, shape (n, 256), row by row from the lowest frequency.

        pictures: The pictures that the signs were made from, shape (n, 1024).

        first: The lowest frequency that has a sign.
    """

    def __init__(self, signs: Floats, pictures: Floats, *, first: int) -> None:
        self._band = slice(first, first + _LOW)
        waves = dctn(pictures.reshape(-1, SIDE, SIDE), axes=(1, 2), norm="ortho")
        band = waves[:, self._band, self._band].reshape(len(signs), -1)
        # The mean of coefficient times sign is the size with the smallest squared error.
        self._sizes: Floats = (band * signs).mean(axis=0)

    def __call__(self, signs: Floats) -> Floats:
        """Return the rebuilt pictures for new signs."""
        waves = np.zeros((len(signs), SIDE, SIDE))
        waves[:, self._band, self._band] = (signs * self._sizes).reshape(-1, _LOW, _LOW)
        pictures: Floats = idctn(waves, axes=(1, 2), norm="ortho")
        return pictures.reshape(-1, PIXELS)


def smoothed(pictures: Floats) -> Floats:
    """Return pictures without the frequencies that are too high to be in the codes."""
    waves = dctn(pictures.reshape(-1, SIDE, SIDE), axes=(1, 2), norm="ortho")
    waves[:, _LOW + 1 :] = 0
    waves[:, :, _LOW + 1 :] = 0
    low: Floats = idctn(waves, axes=(1, 2), norm="ortho").reshape(-1, PIXELS)
    return low


def pdq_signs(whole: Floats) -> Floats:
    """Return PDQ's signs from the lowest frequency up; its code begins with the highest."""
    return whole[:, : PDQ.bits][:, ::-1]


def in_all_poses(pictures: Pictures) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return PDQ signs, thumbnails and groups of the pictures in all eight poses."""
    low = np.arange(_LOW) % 2 == 0
    squares = pdq_signs(pictures.whole).reshape(-1, _LOW, _LOW)
    signed, seen = [], []
    for view in View:
        if view in {View.TRIMMED, View.PART}:
            continue
        # Mirroring changes the sign of odd frequencies; the first frequency is odd.
        turned = squares * np.where(low, -1, 1) if view.startswith(View.MIRROR) else squares
        for _ in range({"90": 1, "180": 2, "270": 3}.get(view.partition("rot")[2], 0)):
            turned = (turned * np.where(low, -1, 1)).transpose(0, 2, 1)
        signed.append(turned.reshape(-1, PDQ.bits))
        seen.append(posed(pictures.thumbnails, view))
    return np.concatenate(signed), np.concatenate(seen), np.tile(pictures.groups, len(seen))


class Pooled:
    """
    Features of a set of codes that do not depend on their order.

    The features are the count, the mean bits, quantiles of principal components, and a histogram
    over clusters.

    Args:
        sets: The attacker's sets of codes, which give the components and clusters.
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
        # For an image without regions, use the mean bits of the attacker's codes.
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
    """Return which learnt set shares the most regions, and which has the least mean distance."""
    shared, distance = np.zeros(len(others)), np.full(len(others), float(REGION.bits))
    for number, theirs in enumerate(others):
        if len(mine) and len(theirs):
            distances = nearest(mine, theirs)
            shared[number] = np.count_nonzero(distances <= REGION.threshold)
            distance[number] = distances.mean()
    # Ties are broken by the smaller distance.
    return int(np.lexsort((distance, -shared))[0]), int(distance.argmin())


def rebuilt_wholes(
    learnt: Pictures, attacked: Pictures, rng: np.random.Generator
) -> dict[str, Floats]:
    """Return the pictures that each attack rebuilds, shape (n, 1024), by the attack's name."""
    n = len(attacked.whole)
    attacked_pdq = pdq_signs(attacked.whole)
    posed_signs, posed_thumbnails, posed_groups = in_all_poses(learnt)
    by_pdq = (attacked_pdq @ posed_signs.T).argmax(axis=1)
    # Region patches are turned, so their codes say little about the pose: learn from the regions of
    # upright pictures only.
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
    learnt: Sequence[LearntPatches], attacked: LearntPatches, rng: np.random.Generator
) -> dict[str, Floats]:
    """Return the patches that each attack rebuilds, shape (n, 1024), by the attack's name."""
    groups = np.repeat(np.arange(len(learnt)), [len(each.codes) for each in learnt])
    pixels = standardised(np.concatenate([each.pixels for each in learnt]))
    signed = signs(np.concatenate([each.codes for each in learnt]))
    return {
        "mean patch (no code)": np.tile(pixels.mean(axis=0), (len(attacked.codes), 1)),
        "reg1 patch inverse transform": Inverse(signed, pixels, first=0)(signs(attacked.codes)),
        "reg1 patch ridge": Ridge(signed, pixels, groups, rng)(signs(attacked.codes)),
    }
