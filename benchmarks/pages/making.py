"""What all page styles share: names of pictures, spellings of URLs, quoting, the document."""

import base64
import hashlib
import html
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from benchmarks.pages.pictures import picture

HOST = "@HOST@"
"""Stands for the server's host and port until a document is served."""

IMAGE_HOST = "@IMAGES@"
"""Stands for the second name of the server, under which half of the pages have their pictures."""

PICTURE = re.compile(r"[0-9a-f]{10}")
"""The part that the URLs of all sizes of one picture share, and that no other picture's URL has."""

_CHARSETS = ("utf-8", "windows-1251", "shift_jis", "gbk", "")
_WORDS = {
    "utf-8": ("été", "foto’s", "beelden", "Größe", "zdjęcie"),
    "windows-1251": ("картинка", "ветка", "сообщение", "галерея"),
    "shift_jis": ("画像", "掲示板", "写真", "返信"),
    "gbk": ("图片", "论坛", "附件", "主题"),
    "": ("picture", "thread", "reply", "gallery"),
}
_PICTURE_URL = re.compile(rf"{HOST}(?P<path>[^\s\"'<>),]*[0-9a-f]{{10}})")
_BARE = re.compile(r"[^\s\"'=<>`]+")
_NEVER_CLOSED = frozenset({"img", "source", "input", "meta", "link", "embed", "image"})


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is served, with `HOST` and `IMAGE_HOST` in place of hosts."""

    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class MadePage:
    """
    A page and the documents that belong to it.

    Attributes:
        name: Its style and number.

        style: Name of its style.

        path: The path at which it is served.

        shown_at: Path of the document that a browser ends up at.

        documents: All its documents by path: the page, its frames, its style sheets.

        behind: Paths of the documents to which its thumbnails lead.
    """

    name: str
    style: str
    path: str
    shown_at: str
    documents: dict[str, Document]
    behind: frozenset[str]

    @property
    def is_kept_aside(self) -> bool:
        """Whether the page belongs to the third on which nobody tunes the scanner."""
        return hashlib.sha256(self.name.encode()).digest()[0] % 3 == 0

    @property
    def has_image_host(self) -> bool:
        """Whether it has pictures on the second host."""
        return any(IMAGE_HOST.encode() in each.body for each in self.documents.values())


@dataclass(slots=True)
class Maker:
    """
    Makes one page of a style, in a variant that its number chooses.

    Attributes:
        number: Which variant of the style to make.

        rng: Makes the choices that depend on the seed. The number alone decides the others.
    """

    style: str
    number: int
    seed: int
    rng: random.Random = field(init=False)
    count: int = field(init=False)
    _documents: dict[str, Document] = field(init=False, default_factory=dict)
    _behind: set[str] = field(init=False, default_factory=set)
    _shown_at: str = field(init=False, default="")
    _can_be_relative: bool = field(init=False, default=True)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.style} {self.number} {self.seed}")
        self.count = self.rng.choice((1, 2, 3, 5, 8, 12))

    @property
    def name(self) -> str:
        """The page's name."""
        return f"{self.style}-{self.number}"

    @property
    def path(self) -> str:
        """Where the page is."""
        return f"/{self.style}/{self.number}/page.html"

    @property
    def charset(self) -> str:
        """The page's character set; empty if it declares none."""
        return _CHARSETS[self.number % len(_CHARSETS)]

    @property
    def has_image_host(self) -> bool:
        """Whether the page's pictures are on another host than the page, as on most sites."""
        return random.Random(f"{self.name} {self.seed} hosts").random() < 0.5

    @property
    def has_base(self) -> bool:
        """Whether a <base> changes what relative URLs mean."""
        return self.number % 3 == 2

    def picture(self, pattern: str = "/images/{}.jpg") -> str:
        """Return the path of a picture that no other page has."""
        return pattern.format(self.token())

    def token(self) -> str:
        """Return a name for a new picture."""
        return f"{self.rng.getrandbits(40):010x}"

    def ref(self, path: str) -> str:
        """Return a path as the page spells its URLs."""
        spelling = ("absolute", "root", "relative", "protocol")[(self.number + 1) % 4]
        is_elsewhere = self.has_image_host and PICTURE.search(path) is not None
        if spelling == "absolute":
            return self.absolute(path)
        if spelling == "protocol" or is_elsewhere:
            return f"//{HOST}{path}"
        return self.relative(path) if spelling == "relative" else path

    def absolute(self, path: str) -> str:
        """Return a path as a whole URL."""
        return f"http://{HOST}{path}"

    def relative(self, path: str) -> str:
        """Return a path relative to the page or to its <base>."""
        if not self._can_be_relative:
            return path
        depth = 3 if self.has_base else 2
        return "../" * depth + path.removeprefix("/")

    def quoted(self, path: str) -> str:
        """Return the whole URL of a path as the value of a query's parameter."""
        return f"http%3A%2F%2F{HOST}{quote(path, safe='')}"

    def tag(self, name: str, content: str | None = None, /, **attributes: str) -> str:
        """Return an element; underscores in attribute names stand for dashes."""
        written = "".join(
            f" {key.rstrip('_').replace('_', '-')}={self.quote(value)}"
            for key, value in attributes.items()
        )
        if name in _NEVER_CLOSED and content is None:
            return f"<{name}{written} />" if self.number % 2 else f"<{name}{written}>"
        return f"<{name}{written}>{content or ''}</{name}>"

    def quote(self, value: str) -> str:
        """Return an attribute's value in the page's kind of quotes."""
        kind = self.number % 4
        if kind == 3 and _BARE.fullmatch(value) and not value.endswith("/"):
            return html.escape(value)
        escaped = html.escape(value, quote=False)
        if kind == 1:
            return "'" + escaped.replace("'", "&#39;") + "'"
        return '"' + escaped.replace('"', "&quot;") + '"'

    def words(self, count: int = 3) -> str:
        """Return some words in the page's language."""
        return " ".join(self.rng.choices(_WORDS[self.charset], k=count))

    def inline(self) -> str:
        """Return the `data:` URL of a picture that no other page has."""
        return f"data:image/jpeg;base64,{base64.b64encode(picture(self.picture())).decode()}"

    def each(self, make: Callable[[], str], count: int | None = None) -> str:
        """Return what a function makes for each of the page's pictures, or `count` times."""
        return "\n".join(make() for _ in range(self.count if count is None else count))

    def add(self, end: str, media_type: str, text: str, *, behind: bool = False) -> str:
        """Add a document of this page and return its path."""
        path = f"/{self.style}/{self.number}/{end}"
        if self.has_image_host:
            text = _PICTURE_URL.sub(self._on_image_host, text)
        charset = self.charset if media_type == "text/html" else "utf-8"
        header = f"{media_type}; charset=utf-8" if charset == "utf-8" else media_type
        # Browsers read a page that declares no character set as Windows-1252.
        body = text.encode(charset or "windows-1252", "xmlcharrefreplace")
        self._documents[path] = Document(header, body)
        if behind:
            self._behind.add(path)
        return path

    def _on_image_host(self, url: re.Match[str]) -> str:
        is_document = url["path"].startswith(f"/{self.style}/")
        return url[0] if is_document else IMAGE_HOST + url["path"]

    def show(self, body: str, head: str = "", *, bare: bool = False) -> None:
        """Make the page from the content of its <body>."""
        self.add("page.html", "text/html", self.document(body, head, bare=bare))
        self._shown_at = self._shown_at or self.path

    def lead_to(self, path: str) -> None:
        """Note that a browser ends up at another document."""
        self._shown_at = path

    def document(self, body: str, head: str = "", *, bare: bool = False) -> str:
        """Return a document around a body, which is nested as deep as the page's number says."""
        depth = 0 if bare else (0, 2, 6, 40)[self.number % 4]
        declared = f'<meta charset="{self.charset}">' if self.charset else ""
        base = f'<base href="/{self.style}/{self.number}/files/">' if self.has_base else ""
        return (
            f"<!DOCTYPE html>\n<html><head>{declared}<title>{self.words(2)}</title>{base}\n{head}\n"
            f"</head><body>{'<div>' * depth}\n{body}\n{'</div>' * depth}</body></html>\n"
        )

    def page(self) -> MadePage:
        """Return the page that was made."""
        return MadePage(
            self.name,
            self.style,
            self.path,
            self._shown_at,
            self._documents,
            frozenset(self._behind),
        )

    def without_relative(self) -> None:
        """Stop spelling URLs relative to the page, because a style sheet or frame resolves them."""
        self._can_be_relative = False


Style = Callable[[Maker], None]


def widths(ref: str, sizes: Sequence[int]) -> str:
    """Return a `srcset` that contains the reference once for each width, in place of `{w}`."""
    return ", ".join(f"{ref.replace('{w}', str(size))} {size}w" for size in sizes)
