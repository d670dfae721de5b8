"""Alterations that put other pictures beside, over or around the photo."""

from PIL import Image, ImageOps

from benchmarks.alterations.base import Family, Scene
from benchmarks.alterations.drawing import Paint, bright, pick, rounded_mask, spot

COLLAGES = Family("collage")
_CELL = 600
_GAP = 12


@COLLAGES.kind({"whole photos": True, "cut to squares": False}, shows=1)
def half_side_by_side(scene: Scene, whole: bool) -> Image.Image:
    return _row(scene, whole=whole)


@COLLAGES.kind({"whole photos": True, "cut to squares": False}, shows=1)
def half_stacked(scene: Scene, whole: bool) -> Image.Image:
    turned = Scene(
        scene.image.transpose(Image.Transpose.TRANSPOSE),
        (scene.other.transpose(Image.Transpose.TRANSPOSE),),
        scene.rng,
    )
    return _row(turned, whole=whole).transpose(Image.Transpose.TRANSPOSE)


@COLLAGES.kind({"squares": 1.0, "landscape": 1.5}, shows=3)
def quarter(scene: Scene, shape: float) -> Image.Image:
    return _grid(scene, 2, (round(_CELL * shape), _CELL))


@COLLAGES.kind({"squares": 1.0}, shows=8, counted=False)
def ninth(scene: Scene, shape: float) -> Image.Image:
    return _grid(scene, 3, (round(_CELL * shape * 2 / 3), _CELL * 2 // 3))


@COLLAGES.kind({"25 % wide": 0.25, "40 % wide": 0.4}, shows=1)
def inset_over_it(scene: Scene, share: float) -> Image.Image:
    """Put a small picture in a corner of the photo, as in a reaction video."""
    page = scene.image.copy()
    _lay_inset(page, scene.other, share, scene)
    return page


# This is not counted, because the photo covers only a ninth of the area.
@COLLAGES.kind({"33 % wide": 0.33}, shows=1, counted=False)
@COLLAGES.kind({"70 % wide": 0.7, "50 % wide": 0.5}, shows=1)
def picture_in_picture(scene: Scene, share: float) -> Image.Image:
    """Put a small version of the photo over another photo."""
    size = (1280, 960) if scene.image.width >= scene.image.height else (960, 1280)
    page = ImageOps.fit(scene.other, size)
    _lay_inset(page, scene.image, share, scene)
    return page


def _row(scene: Scene, *, whole: bool) -> Image.Image:
    """Return two photos of equal height side by side, in random order, with or without a gap."""
    pair = [
        each.resize((max(1, round(each.width * _CELL / each.height)), _CELL))
        if whole
        else ImageOps.fit(each, (_CELL, _CELL))
        for each in (scene.image, scene.other)
    ]
    if scene.rng.random() < 0.5:
        pair.reverse()
    gap = pick(scene.rng, (0, _GAP))
    page = Image.new("RGB", (pair[0].width + gap + pair[1].width, _CELL), _ground(scene))
    page.paste(pair[0], (0, 0))
    page.paste(pair[1], (pair[0].width + gap, 0))
    return page


def _grid(scene: Scene, cells: int, size: tuple[int, int]) -> Image.Image:
    """Return a grid of photos cut to the same shape, with the scene's photo at a random place."""
    gap = pick(scene.rng, (0, _GAP))
    pictures = [scene.others[at % len(scene.others)] for at in range(cells * cells - 1)]
    pictures.insert(int(scene.rng.integers(cells * cells)), scene.image)
    width, height = (side * cells + gap * (cells - 1) for side in size)
    page = Image.new("RGB", (width, height), _ground(scene))
    for at, picture in enumerate(pictures):
        place = (at % cells * (size[0] + gap), at // cells * (size[1] + gap))
        page.paste(ImageOps.fit(picture, size), place)
    return page


def _lay_inset(page: Image.Image, picture: Image.Image, share: float, scene: Scene) -> None:
    side = round(share * max(page.size))
    small = ImageOps.contain(picture, (side, side))
    edge = max(2, side // 80)
    framed = ImageOps.expand(small, edge, pick(scene.rng, ("white", "black")))
    framed.thumbnail(page.size)
    left, top = spot(scene.rng, page.size, framed.size)
    page.paste(framed, (left, top), rounded_mask(framed.size, pick(scene.rng, (0, side // 16))))


def _ground(scene: Scene) -> Paint:
    grounds: tuple[Paint, ...] = ("white", "black", bright(scene.rng))
    return pick(scene.rng, grounds)
