"""Ten platforms and the CDN of one of them, and how each behaves after a notice."""

from dataclasses import dataclass
from enum import StrEnum

from benchmarks.world.internet import Shown
from hashsvc.removal import Platform


class ActKind(StrEnum):
    """Kinds of acts, in their order within one hour."""

    SHOWS = "shows"
    """The platform changes how it shows the copy, to the `Shown` value in `what`."""

    UPLOADS = "uploads"
    """Somebody uploads the image again at a new URL, as `what` says: "cropped" or "same"."""

    ANSWERS = "answers"
    SEND_AGAIN = "send-again"
    COMPLAIN = "complain"
    REFER = "refer"
    SEEK_ORDER = "seek-order"
    SERVE_ORDER = "serve-order"
    ASK_NEXT = "ask-next"
    SEE = "see"
    """An analyst looks at the page and records what they saw."""


@dataclass(frozen=True, slots=True)
class Act:
    """
    Something that happens a number of hours after a notice was sent.

    Attributes:
        hours: Hours after the notice.

        kind: What happens.

        what: Detail of the act, depending on its kind.

        only: The image on the notice that the act concerns, counted from 0; None means all.
    """

    hours: int
    kind: ActKind
    what: str = ""
    only: int | None = None


@dataclass(frozen=True, slots=True)
class Behaviour:
    """
    A platform and how it behaves.

    Attributes:
        photos: Numbers of the case's photos that are on it.

        dismissed: Photos on it whose matches the analyst dismisses.

        is_withdrawn: Whether the photo of the withdrawn case is on it too.

        stays_draft: Whether the notice about the withdrawn case is never approved.

        channel: Type of its channel; None if the registry has no entry for the platform.

        script: What happens after the first notice.

        script_again: What happens after a notice about an image that has reappeared.

        images_on: The platform that serves its images, if it is another one.

        later: The platforms to ask next.
    """

    name: str
    photos: tuple[int, ...] = ()
    dismissed: tuple[int, ...] = ()
    is_withdrawn: bool = False
    stays_draft: bool = False
    channel: str | None = "form"
    basis: str = "dsa-notice"
    kind: str = "hosting"
    language: str = "en"
    script: tuple[Act, ...] = ()
    script_again: tuple[Act, ...] = ()
    images_on: str | None = None
    later: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Where notices to it are sent."""
        mail = self.channel == "email"
        return f"notices@{self.name}.example" if mail else f"https://{self.name}.example/notices"

    @property
    def document(self) -> str:
        """The kind of notice that it gets."""
        if self.kind == "cdn":
            return "host"
        return "take-it-down" if self.basis == "take-it-down" else "dsa-notice"

    @property
    def is_watched(self) -> bool:
        """Whether a watch scans its front page repeatedly."""
        return any(each.kind is ActKind.UPLOADS for each in self.script)

    def entry(self, host: str) -> Platform | None:
        """Return its entry for the registry; None if it has none."""
        if self.channel is None:
            return None
        channel = {
            "type": self.channel,
            "address": self.address,
            "languages": [self.language],
            "basis": self.basis,
            "verified": True,
        }
        return Platform.model_validate(
            {
                "id": self.name,
                "name": self.name.capitalize(),
                "domains": [host],
                "kind": self.kind,
                "country": "BE",
                "channels": [channel],
                "checked": "2026-06-01",
                "source": [f"https://{self.name}.example/"],
            }
        )


_A, _S = ActKind.ANSWERS, ActKind.SHOWS

PLATFORMS = (
    Behaviour(
        "fast",
        (0, 1),
        dismissed=(2,),
        is_withdrawn=True,
        stays_draft=True,
        channel="email",
        script=(Act(1, _A, "receipted"), Act(4, _S, Shown.REMOVED), Act(6, _A, "removed")),
    ),
    Behaviour(
        "slow",
        (0, 1),
        script=(
            Act(40, _A, "identity-asked"),
            Act(44, ActKind.SEND_AGAIN),
            Act(200, _S, Shown.REMOVED),
            Act(202, _A, "removed"),
        ),
    ),
    Behaviour(
        "refuses",
        (0, 2),
        channel="email",
        language="nl",
        script=(
            Act(2, _A, "receipted"),
            Act(20, _A, "refused"),
            Act(30, ActKind.COMPLAIN),
            Act(72, _A, "refused"),
            Act(100, ActKind.SEEK_ORDER),
            Act(120, ActKind.SERVE_ORDER),
            Act(139, _S, Shown.REMOVED),
            Act(141, _A, "complied"),
        ),
    ),
    Behaviour(
        "ignores",
        (1,),
        is_withdrawn=True,
        channel="email",
        script=(Act(100, ActKind.REFER), Act(110, ActKind.ASK_NEXT)),
        later=("google-search", "bing"),
    ),
    Behaviour(
        "returns",
        (2,),
        basis="take-it-down",
        script=(
            Act(1, _A, "receipted"),
            Act(5, _S, Shown.REMOVED),
            Act(7, _A, "removed"),
            Act(130, ActKind.UPLOADS, "cropped"),
        ),
        script_again=(Act(9, _S, Shown.REMOVED), Act(11, _A, "removed")),
    ),
    Behaviour(
        "members",
        (0, 1),
        script=(
            Act(3, _A, "receipted"),
            Act(10, _S, Shown.WALL),
            Act(30, _A, "partial"),
            Act(60, ActKind.SEE, "image-gone", only=0),
            Act(62, ActKind.SEE, "image-gone", only=0),
        ),
    ),
    Behaviour(
        "soft",
        (2,),
        basis="own-rules",
        language="fr",
        script=(Act(11, _S, Shown.SOFT_404), Act(12, _A, "removed")),
    ),
    Behaviour(
        "moves",
        (0, 2),
        channel=None,
        script=(
            Act(30, _S, Shown.MOVED),
            Act(31, _A, "removed"),
            Act(55, _A, "refused"),
            Act(150, _S, Shown.REMOVED),
            Act(200, ActKind.UPLOADS, "same"),
        ),
    ),
    Behaviour(
        "replaces",
        (1,),
        is_withdrawn=True,
        channel="email",
        language="de",
        script=(
            Act(4, _A, "receipted"),
            Act(15, _S, Shown.PLACEHOLDER),
            Act(16, _A, "removed"),
            Act(270, _S, Shown.UP),
        ),
        script_again=(Act(10, _S, Shown.PLACEHOLDER),),
    ),
    Behaviour(
        "edge",
        (0,),
        images_on="cache",
        script=(
            Act(8, _S, Shown.PAGE_OFF),
            Act(9, _A, "removed"),
            Act(50, ActKind.ASK_NEXT),
        ),
        later=("cache", "google-search"),
    ),
    Behaviour(
        "cache",
        channel="email",
        basis="abuse",
        kind="cdn",
        script=(Act(2, _A, "receipted"), Act(30, _S, Shown.REMOVED)),
    ),
)
"""The platforms on the small internet."""

ENGINES = (
    Behaviour("google-search", script=(Act(70, ActKind.ASK_NEXT),), later=("bing",)),
    Behaviour("bing", basis="own-rules"),
)
"""Search engines outside the small internet. They are asked as the shipped registry says, and never
answer."""

BY_NAME = {each.name: each for each in (*PLATFORMS, *ENGINES)}
