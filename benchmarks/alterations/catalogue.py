"""All alterations, by family."""

from benchmarks.alterations.collages import COLLAGES
from benchmarks.alterations.colours import COLOURS
from benchmarks.alterations.files import FILES
from benchmarks.alterations.frames import FRAMES
from benchmarks.alterations.geometry import BENDS, CROPS, TURNS
from benchmarks.alterations.overlays import OVERLAYS
from benchmarks.alterations.photographed import PHOTOGRAPHED
from benchmarks.alterations.screenshots import SCREENSHOTS
from benchmarks.alterations.surfaces import SURFACES

_FAMILIES = (
    FILES,
    COLOURS,
    SURFACES,
    OVERLAYS,
    FRAMES,
    CROPS,
    TURNS,
    BENDS,
    PHOTOGRAPHED,
    SCREENSHOTS,
    COLLAGES,
)

SINGLES = tuple(each for family in _FAMILIES for each in family.alterations)
COUNTED = tuple(each for each in SINGLES if each.counted)
INTERFACES = tuple(SCREENSHOTS.alterations)
