"""Finds references to images in a page's attributes, styles and scripts."""

import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

IMAGE_ENDINGS = (
    ".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".avif", ".heic", ".heif", ".bmp", ".tif",
    ".tiff",
)  # fmt: skip
FILM_ENDINGS = (".mp4", ".m4v", ".webm", ".mov", ".mkv", ".ogv")
# Other files that style sheets refer to, and vector drawings, which contain no photograph.
_OTHER_ENDINGS = (".css", ".eot", ".ico", ".js", ".otf", ".svg", ".svgz", ".ttf", ".woff", ".woff2")

# An entry of a `srcset`: a URL and its width or density. A comma ends it, but URLs may have commas.
_CANDIDATE = re.compile(r"([^\s,](?:\S*[^\s,])?)(?:\s+(\d{1,6}(?:\.\d{1,6})?)([wx]))?[^,]*+(?:,|$)")
_CSS = re.compile(r"""url\(\s*+(?:"([^"]*+)"?|'([^']*+)'?|([^)"'\s]*+))""", re.IGNORECASE)
_IN_STYLE = re.compile(r"(?:^|;)\s*+(width|height)\s*+:\s*+([^;]{1,20})", re.IGNORECASE)
_PIXELS = re.compile(r"\s*+(\d{1,6})(?:\.\d*+)?\s*+(?:px)?\s*+", re.IGNORECASE)
# A string that starts like a URL and has no blank; scripts may escape slashes.
_STRING = re.compile(r"""["'`]((?:https?:)?(?:\\?/){1,2}[^"'`\s<>]*+)["'`]""", re.IGNORECASE)
_MOST_SET = 100_000
_MOST_IN_SCRIPT = 1000
_MOST_JSON = 1_000_000
_LD_KEYS = frozenset({"image", "thumbnail", "thumbnailurl", "contenturl", "primaryimageofpage"})


@dataclass(frozen=True, slots=True)
class SrcsetImage:
    """An entry of a `srcset`: `width` in pixels or `density` is 0 if not given."""

    url: str
    width: float
    density: float


def path_of(reference: str) -> str:
    """Return a reference without query and fragment, in lower case."""
    return reference.partition("?")[0].partition("#")[0].lower()


def is_image_file(reference: str) -> bool:
    """Return whether a reference has an image file's extension."""
    return path_of(reference).endswith(IMAGE_ENDINGS)


def is_film_file(reference: str) -> bool:
    """Return whether a reference has a film's extension."""
    return path_of(reference).endswith(FILM_ENDINGS)


def is_other_file(reference: str) -> bool:
    """Return whether a reference has the extension of a file without photographs."""
    return path_of(reference).endswith(_OTHER_ENDINGS)


def largest(srcset: str) -> SrcsetImage | None:
    """Return the entry of a `srcset` with the largest width or density; None if it has none."""
    best: SrcsetImage | None = None
    for url, number, unit in _CANDIDATE.findall(srcset[:_MOST_SET]):
        size = float(number or 1)
        each = SrcsetImage(url, size if unit == "w" else 0, size if unit != "w" else 0)
        if best is None or (each.width, each.density) > (best.width, best.density):
            best = each
    return best


def in_css(text: str) -> Iterator[str]:
    """Yield the references in a style sheet or a `style` attribute that may be images."""
    for found in _CSS.finditer(text):
        reference = (found[1] or found[2] or found[3] or "").strip()
        if reference and not is_other_file(reference):
            yield reference


def in_json(text: str) -> Iterator[str]:
    """Yield the images in a JSON-LD script, found by their schema.org property names."""
    if len(text) > _MOST_JSON:
        return
    try:
        # Skip a comment or CDATA marker before the JSON, which is common.
        begun = re.search(r"[\[{]", text)
        value, _ = json.JSONDecoder().raw_decode(text, begun.start() if begun else 0)
    except (ValueError, RecursionError):
        return
    waiting = [(value, False)]
    while waiting:
        part, is_image = waiting.pop()
        match part:
            case str() if is_image:
                yield part.strip()
            case list():
                waiting += [(each, is_image) for each in reversed(part)]
            case dict():
                waiting += [
                    (each, key.lower() in _LD_KEYS or (is_image and key.lower() in ("url", "@id")))
                    for key, each in reversed(part.items())
                ]


def in_script(text: str) -> Iterator[str]:
    """Yield the strings in a script that have an image file's extension."""
    found = 0
    for string in _STRING.finditer(text):
        reference = string[1].replace("\\/", "/").replace("\\u0026", "&").replace("\\u002F", "/")
        if is_image_file(reference):
            yield reference
            found += 1
            if found == _MOST_IN_SCRIPT:
                return


def side(value: str) -> float | None:
    """Return a length in pixels; None if it is missing or in other units."""
    read = _PIXELS.fullmatch(value[:20])
    return float(read[1]) if read else None


def sides_in_style(style: str) -> dict[str, str]:
    """Return the width and height that a `style` attribute sets, as written."""
    return {name.lower(): value.strip() for name, value in _IN_STYLE.findall(style[:2000])}


def inline_image(reference: str, *, max_bytes: int) -> bytes | None:
    """
    Return the bytes of an image's `data:` URL; None if the reference is anything else.

    For an image larger than `max_bytes`, the result is cut but longer than `max_bytes`.
    """
    head, comma, data = reference.partition(",")
    media_type, *options = head.removeprefix("data:").lower().split(";")
    if not comma or not media_type.strip().startswith("image/") or "svg" in media_type:
        return None
    # Four letters of base64 encode three bytes; percent-encoding takes more letters.
    data = data[: 4 * max_bytes + 4]
    if "base64" not in (each.strip() for each in options):
        return unquote(data, "latin-1").encode("latin-1", "replace")[: max_bytes + 1]
    letters = re.sub(r"[^A-Za-z0-9+/]", "", unquote(data).replace("-", "+").replace("_", "/"))
    if len(letters) % 4 == 1:  # A single letter left over is less than a byte.
        letters = letters[:-1]
    return binascii.a2b_base64(letters + "=" * (-len(letters) % 4))[: max_bytes + 1]
