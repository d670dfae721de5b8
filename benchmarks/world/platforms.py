"""Ten platforms, two of them with others behind them, and what each does once a notice is there."""

from dataclasses import dataclass
from enum import StrEnum

from benchmarks.world.internet import Shown
from hashsvc.removal import Platform


class Does(StrEnum):
    """What may happen, in the order in which it does within the same hour."""

    SHOWS = "shows"
    """The platform shows the copy in another way."""

    UPLOADS = "uploads"
    """The image is put up again, at another address of the platform; "cropped" or "same"."""

    ANSWERS = "answers"
    SEND_AGAIN = "send-again"
    COMPLAIN = "complain"
    REFER = "refer"
    SEEK_ORDER = "seek-order"
    SERVE_ORDER = "serve-order"
    ASK_NEXT = "ask-next"
    SEE = "see"
    """An analyst looks and says what they saw."""


@dataclass(frozen=True, slots=True)
class Act:
    """
    Something that happens so many hours after a notice went out.

    Attributes:
        only: Of the images on the notice it is about this one, counted from 0; None: all.
    """

    hours: int
    does: Does
    what: str = ""
    only: int | None = None


@dataclass(frozen=True, slots=True)
class Behaviour:
    """
    A platform.

    Attributes:
        photos: Which of the case's photos are on it.

        dismissed: Photos of which an analyst says that the copy there is none.

        is_withdrawn: Whether the photo of the case that is withdrawn is on it, too; `stays_draft`
            says that no notice about it is approved.

        channel: Type of its channel; None for a platform that nobody has entered.

        script: What happens after the first notice; `again` after one about an image that is back.

        images_on: Who serves its images, if somebody else does.

        later: Who is asked next.
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
    again: tuple[Act, ...] = ()
    images_on: str | None = None
    later: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Where its notices go."""
        mail = self.channel == "email"
        return f"notices@{self.name}.example" if mail else f"https://{self.name}.example/notices"

    @property
    def document(self) -> str:
        """Which notice it gets."""
        if self.kind == "cdn":
            return "host"
        return "take-it-down" if self.basis == "take-it-down" else "dsa-notice"

    @property
    def is_watched(self) -> bool:
        """Whether its front page is scanned again and again."""
        return any(each.does is Does.UPLOADS for each in self.script)

    def entry(self, host: str) -> Platform | None:
        """Return its entry for the registry; None if nobody makes one."""
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


_A, _S = Does.ANSWERS, Does.SHOWS

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
            Act(44, Does.SEND_AGAIN),
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
            Act(30, Does.COMPLAIN),
            Act(72, _A, "refused"),
            Act(100, Does.SEEK_ORDER),
            Act(120, Does.SERVE_ORDER),
            Act(139, _S, Shown.REMOVED),
            Act(141, _A, "complied"),
        ),
    ),
    Behaviour(
        "ignores",
        (1,),
        is_withdrawn=True,
        channel="email",
        script=(Act(100, Does.REFER), Act(110, Does.ASK_NEXT)),
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
            Act(130, Does.UPLOADS, "cropped"),
        ),
        again=(Act(9, _S, Shown.REMOVED), Act(11, _A, "removed")),
    ),
    Behaviour(
        "members",
        (0, 1),
        script=(
            Act(3, _A, "receipted"),
            Act(10, _S, Shown.WALL),
            Act(30, _A, "partial"),
            Act(60, Does.SEE, "image-gone", only=0),
            Act(62, Does.SEE, "image-gone", only=0),
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
            Act(200, Does.UPLOADS, "same"),
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
        again=(Act(10, _S, Shown.PLACEHOLDER),),
    ),
    Behaviour(
        "edge",
        (0,),
        images_on="cache",
        script=(
            Act(8, _S, Shown.PAGE_OFF),
            Act(9, _A, "removed"),
            Act(50, Does.ASK_NEXT),
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
"""Those of the internet."""

ENGINES = (
    Behaviour("google-search", script=(Act(70, Does.ASK_NEXT),), later=("bing",)),
    Behaviour("bing", basis="own-rules"),
)
"""Those that nobody visits here: they are asked as the shipped registry says, and never answer."""

BY_NAME = {each.name: each for each in (*PLATFORMS, *ENGINES)}
