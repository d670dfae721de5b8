"""What was measured, and what follows from it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.alterations import SINGLES, Alteration
from hashsvc.matching import Tier
from hashsvc.signals import DHASH, PDQ, PHASH

_SURE = (Tier.CERTAIN, Tier.LIKELY)
_CHAIN_ARROW = " → "
# More wrong matches than this are counted, but not listed.
_MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class CopyOutcome:
    """
    How one copy fared.

    Attributes:
        title: Of the alteration; of a chain, it names the steps.

        pdq: Distance of the whole images in bits, as are `phash` and `dhash`.

        tier: Of the evidence; None when the copy was not found.
    """

    title: str
    pdq: int
    phash: int
    dhash: int
    tier: Tier | None


@dataclass(frozen=True, slots=True)
class RobustnessRow:
    """
    The shares of copies that were found, of one alteration.

    Attributes:
        n: How many copies there were.

        pdq: Found by PDQ of the whole image alone; likewise `phash` and `dhash`.

        certain: Found at this tier.

        certain_or_likely: What the recall of this system is said to be.

        any_tier: With `possible`, which an analyst sees last.
    """

    family: str
    name: str
    strength: str
    n: int
    pdq: float
    phash: float
    dhash: float
    certain: float
    certain_or_likely: float
    any_tier: float


@dataclass(frozen=True, slots=True)
class Hit:
    """Two images that show no photo in common, and match all the same."""

    content: str
    candidate: str
    tier: Tier
    why: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """How many pairs of different photos were judged, and the wrong matches among them."""

    pairs: int
    hits: tuple[Hit, ...]

    @classmethod
    def total(cls, parts: Iterable["Pairs"]) -> "Pairs":
        """Return the sum of several."""
        listed = list(parts)
        hits = tuple(hit for part in listed for hit in part.hits)
        return cls(sum(part.pairs for part in listed), hits)

    @property
    def sure(self) -> int:
        """How many wrong matches are at `certain` or `likely`."""
        return sum(hit.tier in _SURE for hit in self.hits)


@dataclass(frozen=True, slots=True)
class Figures:
    """
    Everything that the benchmark found out.

    Attributes:
        rows: Of the alterations that count.

        separate: Of those that a copy need not survive.

        chains: Of all random chains together; None if there were none.

        chains_by_kind: Recall of the chains in which a kind takes part, by its name.

        different: Contents against altered copies of other photos.

        screenshots: Screenshots of different photos in the same interface.

        plain: Plain, blank and text-only pictures, among themselves and against photos.
    """

    rows: tuple[RobustnessRow, ...]
    separate: tuple[RobustnessRow, ...]
    chains: RobustnessRow | None
    chains_by_kind: dict[str, float]
    different: Pairs
    screenshots: Pairs
    plain: Pairs

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values; the sums follow from the rows."""
        worst = min(self.rows, key=lambda row: row.certain_or_likely, default=None)
        columns = ("pdq", "phash", "dhash", "certain", "certain_or_likely", "any_tier")
        means = {each: _mean([getattr(row, each) for row in self.rows]) for each in columns}
        return {
            "mean_recall": means["certain_or_likely"],
            "chains_recall": self.chains.certain_or_likely if self.chains else None,
            "worst": worst
            and {
                "name": worst.name,
                "strength": worst.strength,
                "recall": worst.certain_or_likely,
            },
            "means": means,
            "false_positives": self.different.sure,
            "false_positives_possible": len(self.different.hits) - self.different.sure,
            "pairs": self.different.pairs,
            "screenshot_false_positives": self.screenshots.sure,
            "screenshot_false_positives_possible": len(self.screenshots.hits)
            - self.screenshots.sure,
            "screenshot_pairs": self.screenshots.pairs,
            "plain_false_positives": self.plain.sure,
            "plain_false_positives_possible": len(self.plain.hits) - self.plain.sure,
            "plain_pairs": self.plain.pairs,
            "rows": [asdict(row) for row in self.rows],
            "separate": [asdict(row) for row in self.separate],
            "chains": self.chains and asdict(self.chains),
            "chains_by_kind": self.chains_by_kind,
            "wrong_matches": [asdict(hit) for hit in self._wrong()[:_MOST_LISTED]],
        }

    def _wrong(self) -> list[Hit]:
        hits = (*self.different.hits, *self.screenshots.hits, *self.plain.hits)
        return sorted(hits, key=lambda hit: (list(Tier).index(hit.tier), hit.content))


def rows_of(outcomes: Sequence[CopyOutcome], *, counted: bool) -> tuple[RobustnessRow, ...]:
    """Return a row for each single alteration that was done, in the catalogue's order."""
    by_title = _grouped((each.title, each) for each in outcomes)
    return tuple(
        _row(each, by_title[each.title])
        for each in SINGLES
        if each.title in by_title and each.counted is counted
    )


def chains_of(outcomes: Sequence[CopyOutcome]) -> tuple[RobustnessRow | None, dict[str, float]]:
    """Return the row of all chains together, and their recall by the kinds that take part."""
    chains = [each for each in outcomes if _CHAIN_ARROW in each.title]
    if not chains:
        return None, {}
    names = {each.title: each.name for each in SINGLES}
    steps = _grouped(
        (names[step], each)
        for each in chains
        for step in each.title.partition(", ")[2].split(_CHAIN_ARROW)
    )
    recalls = {name: _share(each.tier in _SURE for each in steps[name]) for name in sorted(steps)}
    length = chains[0].title.count(_CHAIN_ARROW) + 1
    return _figures("chain", f"chains of {length}", "", chains), recalls


def _row(alteration: Alteration, outcomes: Sequence[CopyOutcome]) -> RobustnessRow:
    return _figures(alteration.family, alteration.name, alteration.strength, outcomes)


def _figures(
    family: str, name: str, strength: str, outcomes: Sequence[CopyOutcome]
) -> RobustnessRow:
    return RobustnessRow(
        family=family,
        name=name,
        strength=strength,
        n=len(outcomes),
        pdq=_share(each.pdq <= PDQ.threshold for each in outcomes),
        phash=_share(each.phash <= PHASH.threshold for each in outcomes),
        dhash=_share(each.dhash <= DHASH.threshold for each in outcomes),
        certain=_share(each.tier is Tier.CERTAIN for each in outcomes),
        certain_or_likely=_share(each.tier in _SURE for each in outcomes),
        any_tier=_share(each.tier is not None for each in outcomes),
    )


def _grouped(items: Iterable[tuple[str, CopyOutcome]]) -> dict[str, list[CopyOutcome]]:
    groups: dict[str, list[CopyOutcome]] = {}
    for name, item in items:
        groups.setdefault(name, []).append(item)
    return groups


def _share(found: Iterable[bool]) -> float:
    return _mean([float(each) for each in found])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
