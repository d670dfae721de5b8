"""The figures of the statistics: what each is called, its unit, and what exactly it counts."""

from dataclasses import dataclass
from enum import StrEnum

from hashsvc.removal.law.deadlines import ORDER, TIMELY, US_REQUEST


class Unit(StrEnum):
    """What a figure is in."""

    COUNT = "count"
    SHARE = "share"
    """From 0 to 1."""

    HOURS = "hours"


@dataclass(frozen=True, slots=True)
class Meaning:
    """
    What a figure is.

    Attributes:
        of: What its `n` counts.
    """

    name: str
    label: str
    unit: Unit
    of: str
    text: str


_REQUESTS = "requests"
_GONE = "requests whose image is gone"

MEANINGS: tuple[Meaning, ...] = (
    Meaning(
        "requests",
        "Requests sent",
        Unit.COUNT,
        _REQUESTS,
        "Requests first sent within the period. A draft is none.",
    ),
    Meaning(
        "gone",
        "Gone",
        Unit.COUNT,
        _REQUESTS,
        "The image was proven gone: two re-checks, a set time apart, did not find it. What the "
        "platform says does not count. One that came back later counts here and as reappeared.",
    ),
    Meaning("gone-share", "Share gone", Unit.SHARE, _REQUESTS, "Gone, divided by requests."),
    Meaning(
        "gone-within-7-days",
        "Gone within 7 days",
        Unit.SHARE,
        _REQUESTS,
        "Kaplan–Meier share gone within 168 hours of the first sending.",
    ),
    Meaning(
        "gone-within-30-days",
        "Gone within 30 days",
        Unit.SHARE,
        _REQUESTS,
        "Kaplan–Meier share gone within 720 hours of the first sending.",
    ),
    Meaning(
        "remove-median",
        "Median time to removal",
        Unit.HOURS,
        _REQUESTS,
        "The first time by which half were gone (Kaplan–Meier), from the first sending to the "
        "first of the re-checks that proved the image gone. An image that is still up counts for "
        "as long as it was seen.",
    ),
    Meaning(
        "remove-p90",
        "90th percentile of it",
        Unit.HOURS,
        _REQUESTS,
        "The first time by which nine in ten were gone, counted alike.",
    ),
    Meaning(
        "replaced",
        "Gone, another image in its place",
        Unit.COUNT,
        _GONE,
        "Of those gone: the first of the re-checks that proved it saw another image at the "
        "image's own address.",
    ),
    Meaning(
        "up",
        "Still up",
        Unit.COUNT,
        _REQUESTS,
        "The last re-check saw the image, or none has been made yet.",
    ),
    Meaning(
        "unproven",
        "Not found, not yet proven gone",
        Unit.COUNT,
        _REQUESTS,
        "The last re-check did not find the image; a second one has not confirmed that.",
    ),
    Meaning(
        "unreachable",
        "Cannot be seen",
        Unit.COUNT,
        _REQUESTS,
        "The last re-check could not tell: a login wall, a block by country, an error. Not "
        "counted as gone.",
    ),
    Meaning(
        "withdrawn",
        "Withdrawn",
        Unit.COUNT,
        _REQUESTS,
        "The case was withdrawn before the image was proven gone.",
    ),
    Meaning(
        "acknowledged",
        "Answered at all",
        Unit.COUNT,
        _REQUESTS,
        "The platform confirmed receipt, or decided.",
    ),
    Meaning(
        "acknowledge-median",
        "Median time to the first answer",
        Unit.HOURS,
        _REQUESTS,
        "The first time by which half were answered (Kaplan–Meier), from the first sending to "
        "the first receipt or decision. One without an answer counts until the image was proven "
        "gone, the case withdrawn, or the statistics made.",
    ),
    Meaning(
        "acknowledge-p90",
        "90th percentile of it",
        Unit.HOURS,
        _REQUESTS,
        "The first time by which nine in ten were answered, counted alike.",
    ),
    Meaning(
        "unanswered",
        "Never answered",
        Unit.COUNT,
        _REQUESTS,
        "Neither receipt nor decision so far, whatever became of the image.",
    ),
    Meaning(
        "silent",
        "Recorded as silent",
        Unit.COUNT,
        _REQUESTS,
        "No answer within the organisation's own limit, and recorded as such.",
    ),
    Meaning("refused", "Refused", Unit.COUNT, _REQUESTS, "Refused at least once."),
    Meaning("partial", "Removed in part", Unit.COUNT, _REQUESTS, "Granted in part at least once."),
    Meaning(
        "identity-asked",
        "Identity demanded",
        Unit.COUNT,
        _REQUESTS,
        "The platform wanted to know who the person shown is, at least once.",
    ),
    Meaning(
        "said-removed",
        "Said to be removed, and still there",
        Unit.COUNT,
        "requests of which the platform said that it removed the image",
        "A re-check saw the image after the platform had said that it was removed.",
    ),
    Meaning(
        "reappeared",
        "Came back",
        Unit.COUNT,
        _GONE,
        "A new request was raised because the image was seen again, at the same URL or another "
        "of the same platform.",
    ),
    Meaning(
        "reappeared-share", "Share that came back", Unit.SHARE, _GONE, "Came back, divided by gone."
    ),
    Meaning(
        "reappear-median",
        "Median time until it came back",
        Unit.HOURS,
        "requests whose image came back",
        "Of those that came back: the middle time from the re-check by which the image was "
        "proven gone to the first step of the new request; with an even number the lower of the "
        "two.",
    ),
    *(
        meaning
        for clock in (TIMELY, US_REQUEST, ORDER)
        for meaning in (
            Meaning(
                f"beyond-{clock}",
                f"Up beyond the clock {clock}",
                Unit.COUNT,
                "requests with this clock whose image went, or was up when the clock ended",
                "The image was up after the clock's end. The law data says how long it runs.",
            ),
            Meaning(
                f"hours-beyond-{clock}",
                "Hours up beyond it, in sum",
                Unit.HOURS,
                "requests up beyond it",
                "From the clock's end to the image's going, or to when it was last known of.",
            ),
        )
    ),
)

BY_NAME = {each.name: each for each in MEANINGS}
