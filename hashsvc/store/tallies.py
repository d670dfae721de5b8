"""Tallies: how many images there were at a URL, and what became of them."""

from dataclasses import asdict, dataclass, fields

from sqlalchemy import Connection, func, select

from hashsvc.store.ids import ScanId
from hashsvc.store.tables import scan_item

# The largest number that a column can hold.
_LARGEST = 2**31 - 1


@dataclass(slots=True)
class Tally:
    """
    What became of the images at a URL, in numbers. A visit to the URL counts as it goes on.

    Attributes:
        images: Images that were examined.

        images_failed: Images that could not be fetched or read.

        icons_left_out: Images that were left out because they are icons.

        images_over_limit: Images and films that were left out because the page has too many.

        frames_not_followed: Frames that were not read, or only in part.

        parts_not_read: Linked pages and style sheets that were not read, or only in part, and other
            pages that were read only in part.

        pictures_left_out: Frames of animations and sections of long images that were not examined,
            because the image has too many.
    """

    images: int = 0
    images_failed: int = 0
    icons_left_out: int = 0
    images_over_limit: int = 0
    frames_not_followed: int = 0
    parts_not_read: int = 0
    pictures_left_out: int = 0

    @property
    def images_seen(self) -> int:
        """Number of all images, whatever became of them."""
        return self.images + self.images_failed + self.icons_left_out + self.images_over_limit

    def columns(self) -> dict[str, int]:
        """Return the values of an item's columns."""
        return {name: min(number, _LARGEST) for name, number in asdict(self).items()}


def total(connection: Connection, scan_id: ScanId) -> tuple[int, Tally]:
    """Return how many items of a scan have a tally, and the sum of these tallies."""
    sums = [func.coalesce(func.sum(scan_item.c[each.name]), 0) for each in fields(Tally)]
    query = select(func.count(), *sums).where(
        # Items that an older version looked at have only the first two numbers.
        scan_item.c.scan_id == scan_id,
        scan_item.c.parts_not_read.is_not(None),
    )
    items, *numbers = connection.execute(query).one()
    return items, Tally(*map(int, numbers))
