"""Defines every figure of the statistics: its name, label, unit, and exactly what it counts."""

from dataclasses import dataclass
from enum import StrEnum

from hashsvc.removal.law.deadlines import ORDER, TIMELY, US_REQUEST


class Unit(StrEnum):
    """The unit of a figure."""

    COUNT = "count"
    SHARE = "share"
    """From 0 to 1."""

    HOURS = "hours"


@dataclass(frozen=True, slots=True)
class Definition:
    """
    The definition of a figure.

    Attributes:
        n_counts: What the figure's `n` counts.

        text: What the value is.
    """

    name: str
    label: str
    unit: Unit
    n_counts: str
    text: str


_REQUESTS = "requests"
_GONE = "requests whose image is gone"

DEFINITIONS: tuple[Definition, ...] = (
    Definition(
        "requests",
        "Requests sent",
        Unit.COUNT,
        _REQUESTS,
        "Requests first sent within the period. Drafts are not counted.",
    ),
    Definition(
        "gone",
        "Gone",
        Unit.COUNT,
        _REQUESTS,
        "The image was proven gone: two re-checks, a set time apart, did not find it. The "
        "platform's word does not count. An image that came back later counts here and as "
        "reappeared.",
    ),
    Definition(
        "gone-share",
        "Share gone",
        Unit.SHARE,
        _REQUESTS,
        "The number gone, divided by the number of requests.",
    ),
    Definition(
        "gone-within-7-days",
        "Gone within 7 days",
        Unit.SHARE,
        _REQUESTS,
        "Kaplan–Meier estimate of the share gone within 168 hours of the first sending.",
    ),
    Definition(
        "gone-within-30-days",
        "Gone within 30 days",
        Unit.SHARE,
        _REQUESTS,
        "Kaplan–Meier estimate of the share gone within 720 hours of the first sending.",
    ),
    Definition(
        "remove-median",
        "Median time to removal",
        Unit.HOURS,
        _REQUESTS,
        "The time within which half of the images were gone (Kaplan–Meier), from the first sending "
        "to the first of the re-checks that proved the image gone. An image that is still up "
        "counts until it was last seen.",
    ),
    Definition(
        "remove-p90",
        "90th percentile of time to removal",
        Unit.HOURS,
        _REQUESTS,
        "The time within which nine in ten images were gone, counted in the same way.",
    ),
    Definition(
        "replaced",
        "Gone, another image in its place",
        Unit.COUNT,
        _GONE,
        "The first of the re-checks that proved the image gone found another image at the image's "
        "own address.",
    ),
    Definition(
        "up",
        "Still up",
        Unit.COUNT,
        _REQUESTS,
        "The last re-check saw the image, or there was no re-check yet.",
    ),
    Definition(
        "unproven",
        "Not found, not yet proven gone",
        Unit.COUNT,
        _REQUESTS,
        "The last re-check did not find the image, and no second one has confirmed that yet.",
    ),
    Definition(
        "unreachable",
        "Cannot be seen",
        Unit.COUNT,
        _REQUESTS,
        "The last re-check could not tell whether the image is there: a login wall, a block by "
        "country, an error. This does not count as gone.",
    ),
    Definition(
        "withdrawn",
        "Withdrawn",
        Unit.COUNT,
        _REQUESTS,
        "The case was withdrawn before the image was proven gone.",
    ),
    Definition(
        "acknowledged",
        "Answered at all",
        Unit.COUNT,
        _REQUESTS,
        "The platform confirmed receipt or stated a decision.",
    ),
    Definition(
        "acknowledge-median",
        "Median time to the first answer",
        Unit.HOURS,
        _REQUESTS,
        "The time within which half of the requests were answered (Kaplan–Meier), from the first "
        "sending to the first receipt or decision. A request without an answer counts until the "
        "image was proven gone, the case was withdrawn, or the statistics were made.",
    ),
    Definition(
        "acknowledge-p90",
        "90th percentile of time to the first answer",
        Unit.HOURS,
        _REQUESTS,
        "The time within which nine in ten requests were answered, counted in the same way.",
    ),
    Definition(
        "unanswered",
        "Never answered",
        Unit.COUNT,
        _REQUESTS,
        "The platform has sent neither a receipt nor a decision, whether or not the image is gone.",
    ),
    Definition(
        "silent",
        "Recorded as silent",
        Unit.COUNT,
        _REQUESTS,
        "The platform did not answer within the organisation's own limit, and this was recorded.",
    ),
    Definition("refused", "Refused", Unit.COUNT, _REQUESTS, "The platform refused at least once."),
    Definition(
        "partial",
        "Removed in part",
        Unit.COUNT,
        _REQUESTS,
        "The platform acted on a part of the request at least once.",
    ),
    Definition(
        "identity-asked",
        "Identity demanded",
        Unit.COUNT,
        _REQUESTS,
        "The platform asked for the identity of the person shown at least once.",
    ),
    Definition(
        "said-removed",
        "Said to be removed, but still there",
        Unit.COUNT,
        "requests whose image the platform said it had removed",
        "A re-check saw the image after the platform had said that it removed the image.",
    ),
    Definition(
        "reappeared",
        "Came back",
        Unit.COUNT,
        _GONE,
        "A new request was raised because the image was seen again, at the same URL or at another "
        "URL of the same platform.",
    ),
    Definition(
        "reappeared-share",
        "Share that came back",
        Unit.SHARE,
        _GONE,
        "The number that came back, divided by the number gone.",
    ),
    Definition(
        "reappear-median",
        "Median time until it came back",
        Unit.HOURS,
        "requests whose image came back",
        "For the images that came back: the median time from the re-check that completed the "
        "proof to the first step of the new request. With an even number of images, this is the "
        "lower of the two middle times.",
    ),
    *(
        definition
        for clock in (TIMELY, US_REQUEST, ORDER)
        for definition in (
            Definition(
                f"beyond-{clock}",
                f"Up beyond the clock {clock}",
                Unit.COUNT,
                "requests with this clock whose image is gone, or was up when the clock ended",
                "The image was up after the clock's end. The law data has the clock's duration.",
            ),
            Definition(
                f"hours-beyond-{clock}",
                "Total hours up beyond that clock",
                Unit.HOURS,
                "requests whose image was up beyond this clock",
                "The hours from the clock's end until the image was gone or last known to be up.",
            ),
        )
    ),
)

BY_NAME = {each.name: each for each in DEFINITIONS}
