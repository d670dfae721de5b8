"""Alterations of geometry: crops, rotations, mirroring and distortions."""

import itertools
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from benchmarks.alterations.base import Family, Scene
from benchmarks.alterations.drawing import Paint, pick, spot

CROPS = Family("crop")
TURNS = Family("turn")
BENDS = Family("bend")

_GROUNDS: tuple[Paint, ...] = ("black", "white", (120, 120, 120))
_BICUBIC = Image.Resampling.BICUBIC
Corners = list[tuple[float, float]]


@CROPS.kind({f"{each} % cut off": each / 100 for each in (60, 70, 80)}, counted=False)
@CROPS.kind({f"{each} % cut off": each / 100 for each in (1, 5, 10, 20, 30, 50)})
def cropped(scene: Scene, removed: float) -> Image.Image:
    """Cut off a share of the area, at a random place, leaving a random shape."""
    width, height = scene.image.size
    kept = 1 - removed
    # Limit the shape so that neither side is longer than the image's.
    most = min(0.25, -math.log(kept) / 2)
    shape = math.exp(float(scene.rng.uniform(-most, most)))
    size = (round(width * math.sqrt(kept) * shape), round(height * math.sqrt(kept) / shape))
    left, top = spot(scene.rng, (width, height), size)
    return scene.image.crop((left, top, left + size[0], top + size[1]))


@CROPS.kind({f"{each} % cut off": each / 100 for each in (10, 25, 45)})
def one_side_cut_off(scene: Scene, removed: float) -> Image.Image:
    """Cut off one side, as people do to leave out a head, a neighbour or the floor."""
    width, height = scene.image.size
    across, down = round(width * removed), round(height * removed)
    boxes = (
        (across, 0, width, height),
        (0, 0, width - across, height),
        (0, down, width, height),
        (0, 0, width, height - down),
    )
    return scene.image.crop(pick(scene.rng, boxes))


@CROPS.kind({"": None})
def cropped_to_square(scene: Scene, _strength: None) -> Image.Image:
    side = min(scene.image.size)
    return ImageOps.fit(scene.image, (side, side))


@TURNS.kind({f"{each}°": each for each in (1, 2, 5, 10, 30, 45)})
def rotated_corners_filled(scene: Scene, degrees: int) -> Image.Image:
    angle = degrees * pick(scene.rng, (-1, 1))
    fill = pick(scene.rng, _GROUNDS)
    return scene.image.rotate(angle, _BICUBIC, expand=True, fillcolor=fill)


# These are not counted, because less than half the area of an ordinary photo is left.
@TURNS.kind({"30°": 30, "45°": 45}, counted=False)
@TURNS.kind({f"{each}°": each for each in (1, 2, 5, 10)})
def rotated_and_cropped(scene: Scene, degrees: int) -> Image.Image:
    turned = scene.image.rotate(degrees * pick(scene.rng, (-1, 1)), _BICUBIC, expand=True)
    width, height = _inner_size(*scene.image.size, math.radians(degrees))
    left, top = (turned.width - width) // 2, (turned.height - height) // 2
    return turned.crop((left, top, left + width, top + height))


@TURNS.kind(
    {
        "90°": Image.Transpose.ROTATE_90,
        "180°": Image.Transpose.ROTATE_180,
        "270°": Image.Transpose.ROTATE_270,
    }
)
def quarter_turns(scene: Scene, method: Image.Transpose) -> Image.Image:
    return scene.image.transpose(method)


@TURNS.kind({"": None})
def mirrored(scene: Scene, _strength: None) -> Image.Image:
    return ImageOps.mirror(scene.image)


@TURNS.kind({"": None})
def upside_down_mirrored(scene: Scene, _strength: None) -> Image.Image:
    return ImageOps.flip(scene.image)


@BENDS.kind({"4:3": 4 / 3, "16:9": 16 / 9, "1:1": 1.0})
def stretched_to_shape(scene: Scene, shape: float) -> Image.Image:
    width, height = scene.image.size
    ratio = shape if width >= height else 1 / shape
    side = math.sqrt(width * height)
    size = (round(side * math.sqrt(ratio)), round(side / math.sqrt(ratio)))
    return scene.image.resize(size, _BICUBIC)


@BENDS.kind({"−25 %": 0.75, "−10 %": 0.9, "+10 %": 1.1, "+25 %": 1.25})
def stretched_in_width(scene: Scene, factor: float) -> Image.Image:
    return scene.image.resize((round(scene.image.width * factor), scene.image.height), _BICUBIC)


@BENDS.kind({f"{each}°": each for each in (3, 8, 15)})
def sheared(scene: Scene, degrees: int) -> Image.Image:
    width, height = scene.image.size
    slope = math.tan(math.radians(degrees))
    shift = slope * height
    left, right = pick(scene.rng, ((0.0, shift), (shift, 0.0)))
    corners = [
        (left, 0.0),
        (left + width, 0.0),
        (right + width, float(height)),
        (right, float(height)),
    ]
    size = (round(width + shift), height)
    fill = pick(scene.rng, ("black", "white"))
    return warped(scene.image, corners, Image.new("RGB", size, fill))


@BENDS.kind({f"corners moved up to {each} %": each / 100 for each in (4, 10, 20)})
def perspective(scene: Scene, share: float) -> Image.Image:
    """Show the photo at an angle, on a plain ground."""
    page = Image.new("RGB", scene.image.size, pick(scene.rng, _GROUNDS))
    return warped(scene.image, moved_corners(scene.rng, page.size, share), page)


@BENDS.kind({f"corners moved up to {each} %": each / 100 for each in (4, 10, 20)})
def perspective_and_cropped(scene: Scene, share: float) -> Image.Image:
    """Stretch four points within the photo to its corners, as document apps do."""
    width, height = scene.image.size
    inner = moved_corners(scene.rng, scene.image.size, share / 2)
    outer: Corners = [(0, 0), (width, 0), (width, height), (0, height)]
    return scene.image.transform(
        scene.image.size, Image.Transform.PERSPECTIVE, _coefficients(outer, inner), _BICUBIC
    )


@BENDS.kind({"barrel, light": 0.06, "barrel, heavy": 0.16, "pincushion": -0.1})
def lens(scene: Scene, bend: float) -> Image.Image:
    """Move each point along its radius, taking no pixels from outside the photo."""
    width, height = scene.image.size
    across = np.linspace(0, width, 25)
    down = np.linspace(0, height, 17)
    scale = 1 / (1 + max(bend, 0) * 2)

    def source(x: float, y: float) -> tuple[float, float]:
        u, v = 2 * x / width - 1, 2 * y / height - 1
        factor = scale * (1 + bend * (u * u + v * v))
        return (u * factor + 1) * width / 2, (v * factor + 1) * height / 2

    mesh = []
    for left, right in itertools.pairwise(across):
        for top, bottom in itertools.pairwise(down):
            quad = (
                *source(left, top),
                *source(left, bottom),
                *source(right, bottom),
                *source(right, top),
            )
            mesh.append(((round(left), round(top), round(right), round(bottom)), quad))
    return scene.image.transform(scene.image.size, Image.Transform.MESH, mesh, _BICUBIC)


def moved_corners(rng: np.random.Generator, size: tuple[int, int], share: float) -> Corners:
    """Return a box's corners, clockwise from the top left, each moved inwards at random."""
    width, height = size
    moves = rng.uniform(0, share, (4, 2)) * size
    return [
        (moves[0, 0], moves[0, 1]),
        (width - moves[1, 0], moves[1, 1]),
        (width - moves[2, 0], height - moves[2, 1]),
        (moves[3, 0], height - moves[3, 1]),
    ]


def warped(image: Image.Image, corners: Corners, page: Image.Image) -> Image.Image:
    """Return the page with the image on it; the image's corners, clockwise, lie at `corners`."""
    width, height = image.size
    own: Corners = [(0, 0), (width, 0), (width, height), (0, height)]
    method, data = Image.Transform.PERSPECTIVE, _coefficients(corners, own)
    laid = image.transform(page.size, method, data, _BICUBIC)
    mask = Image.new("L", image.size, 255).transform(page.size, method, data, _BICUBIC)
    return Image.composite(laid, page, mask)


def _coefficients(places: Corners, sources: Corners) -> list[float]:
    """Return the eight coefficients of the perspective that maps places to their sources."""
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(places, sources, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    targets: NDArray[np.float64] = np.array(sources, dtype=np.float64).ravel()
    solved: list[float] = np.linalg.solve(np.array(rows, dtype=np.float64), targets).tolist()
    return solved


def _inner_size(width: int, height: int, angle: float) -> tuple[int, int]:
    """Return the size of the largest upright rectangle in a rectangle turned by less than 90°."""
    sine, cosine = math.sin(angle), math.cos(angle)
    short, long = sorted((width, height))
    if short <= 2 * sine * cosine * long or abs(sine - cosine) < 1e-9:
        half = short / 2
        inner = (half / sine, half / cosine)
        return (int(inner[0]), int(inner[1])) if width >= height else (int(inner[1]), int(inner[0]))
    double = cosine * cosine - sine * sine
    return (
        int((width * cosine - height * sine) / double),
        int((height * cosine - width * sine) / double),
    )
