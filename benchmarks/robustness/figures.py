"""The figures of a run, computed from the outcomes of single copies and pairs."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.alterations import SINGLES, Alteration
from hashsvc.matching import Tier
from hashsvc.signals import DHASH, PDQ, PHASH

_SURE = (Tier.CERTAIN, Tier.LIKELY)
_CHAIN_ARROW = " → "
# Further false matches are counted, but not listed.
_MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class CopyOutcome:
    """
    The outcome for one copy.

    Attributes:
        title: Title of the alteration; for a chain, it names the steps.

        pdq: Distance between the whole images in bits; likewise `phash` and `dhash`.

        tier: Tier of the evidence; None if the copy was not found.
    """

    title: str
    pdq: int
    phash: int
    dhash: int
    tier: Tier | None


@dataclass(frozen=True, slots=True)
class RobustnessRow:
    """
    The shares of copies found, for one alteration.

    Attributes:
        n: Number of copies.

        pdq: Share found by PDQ of the whole image alone; likewise `phash` and `dhash`.

        certain: Share found at this tier.

        certain_or_likely: Share found at these tiers, which is reported as the recall.

        any_tier: Share found at any tier, including `possible`, which analysts see last.
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
    """A false match: two images that show no photo in common."""

    content: str
    candidate: str
    tier: Tier
    why: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """The number of pairs of different photos that were judged, and their false matches."""

    pairs: int
    hits: tuple[Hit, ...]

    @classmethod
    def total(cls, parts: Iterable["Pairs"]) -> "Pairs":
        """Return the sum of several results."""
        listed = list(parts)
        hits = tuple(hit for part in listed for hit in part.hits)
        return cls(sum(part.pairs for part in listed), hits)

    @property
    def sure(self) -> int:
        """Number of false matches at `certain` or `likely`."""
        return sum(hit.tier in _SURE for hit in self.hits)


@dataclass(frozen=True, slots=True)
class Figures:
    """
    All figures of a run.

    Attributes:
        rows: Rows of the alterations whose copies should be found.

        separate: Rows of the other alterations.

        chains: One row for all random chains; None if there were none.

        chains_by_kind: By the name of a kind, the recall of the chains that contain it.

        different: False matches of contents with altered copies of other photos.

        screenshots: False matches between screenshots of different photos in one interface.

        plain: False matches of plain, blank and text-only pictures, among each other and with
            photos.
    """

    rows: tuple[RobustnessRow, ...]
    separate: tuple[RobustnessRow, ...]
    chains: RobustnessRow | None
    chains_by_kind: dict[str, float]
    different: Pairs
    screenshots: Pairs
    plain: Pairs

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values, with sums computed from the rows."""
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
    """Return a row for each single alteration that was made, in the catalogue's order."""
    by_title = _grouped((each.title, each) for each in outcomes)
    return tuple(
        _row(each, by_title[each.title])
        for each in SINGLES
        if each.title in by_title and each.counted is counted
    )


def chains_of(outcomes: Sequence[CopyOutcome]) -> tuple[RobustnessRow | None, dict[str, float]]:
    """Return one row for all chains, and the recall of chains by the kinds they contain."""
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
