"""Scores the attacks, and draws a contact sheet of rebuilt pictures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from skimage.metrics import structural_similarity

from benchmarks.inversion.pictures import SIDE, Floats, standardised

# The package has no types.
_structural_similarity: Callable[..., float] = structural_similarity

_SHOWN = 12
_ZOOM = 3


@dataclass(frozen=True, slots=True)
class Score:
    """
    The score of one attack over all attacked pictures.

    Attributes:
        top_1: Share of rebuilt thumbnails whose nearest true thumbnail is that of their own
            photograph; None for patches.
    """

    attack: str
    n: int
    correlation_median: float
    correlation_p90: float
    ssim_median: float
    ssim_p90: float
    top_1: float | None


def score(attack: str, rebuilt: Floats, true: Floats, *, retrieve: bool = True) -> Score:
    """
    Compare rebuilt pictures with the true ones.

    Args:
        attack: Name of the attack.

        rebuilt: Rebuilt pictures, shape (n, 1024), in any brightness and contrast.

        true: True pictures, shape (n, 1024).

        retrieve: Whether to find the nearest true picture of each rebuilt one.
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


def print_scores(scores: Sequence[Score]) -> None:
    """Print the scores as a table."""
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
    """Return a contact sheet: true thumbnails above rebuilt ones, then the same for patches."""
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
