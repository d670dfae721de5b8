"""
Sets text in any script with typst, in fonts that come with Python packages.

A document looks the same on every machine, because no font of the operating system is used. What no
font can show is written as a code.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Literal

import typst
from fontTools.ttLib import TTFont

from hashsvc.removal.errors import TypesettingError

MAIN_FONT = "DejaVu Sans"
"""Everything that this font has letters for is written in it."""

_NOTO = (
    "Arabic", "Hebrew", "Armenian", "Georgian", "Ethiopic", "Devanagari", "Bengali", "Gurmukhi",
    "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai", "Lao",
    "Khmer", "Myanmar",
)  # fmt: skip
# The file of each font, as `package/…`, in the order in which fonts are tried. All fonts of the
# collection have the same letters; they differ in the forms of Chinese characters.
_CJK_FILE = "noto_cjk_sans_otc/NotoSansCJK-Regular.ttc"
_FILES = {
    MAIN_FONT: "ziafont/fonts/DejaVuSans.ttf",
    "Noto Sans": "manimgx_fonts/NotoSans[wght].ttf",
    **{f"Noto Sans {each}": f"manimgx_fonts/NotoSans{each}[wght].ttf" for each in _NOTO},
    "Noto Emoji": "manimgx_fonts/NotoEmoji[wght].ttf",
    "Noto Sans CJK SC": _CJK_FILE,
    "STIX Two Math": "ziamath/fonts/STIXTwoMath-Regular.ttf",
    "Noto Sans Symbols": "manimgx_fonts/NotoSansSymbols[wght].ttf",
}
_KANA = re.compile(r"[\u3041-\u30ff]")
_HANGUL = re.compile(r"[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]")

# Control, format, surrogate and private characters; line and paragraph separators. Some fonts have
# a glyph for them, but a reader cannot tell what it stands for.
_WITHOUT_FORM = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# The two joiners, and the variation selectors. They choose the form of the letters beside them, and
# need no glyph.
_JOINERS = frozenset("\u200c\u200d")
_FORM_ONLY = _JOINERS.union(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_SKIN_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))


def typeset(
    form: bytes,
    inputs: Mapping[str, str],
    kind: Literal["pdf", "png"],
    *,
    at: datetime | None = None,
    pixels_per_point: int = 1,
) -> bytes:
    """
    Return what typst makes of a form and its inputs. The same arguments give the same bytes.

    Args:
        form: Our own typst source. It reads all text from the inputs, so that no text is markup.

        at: The time of creation in a PDF; aware.

        pixels_per_point: The size of a PNG.

    Raises:
        TypesettingError: If typst fails. It may work with other inputs.
    """
    try:
        content: bytes = typst.compile(
            form,
            format=kind,
            font_paths=_fonts(),
            ignore_system_fonts=True,
            sys_inputs=dict(inputs),
            timestamp=at,
            ppi=72 * pixels_per_point,
        )
    except BaseException as error:
        # A panic in Rust is no Exception, and has no name to import.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise TypesettingError("The typesetter failed.") from error
        raise
    return content


def font_file(font: str) -> Path:
    """
    Return the file of a font.

    Raises:
        ModuleNotFoundError: If the font's package is not installed.
    """
    package, _, rest = _FILES[font].partition("/")
    spec = find_spec(package)  # Unlike an import, this runs none of the package's code.
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"The font {font} needs the package {package}.", name=package)
    return Path(spec.submodule_search_locations[0]) / rest


def drawable(text: str) -> str:
    """
    Return a text in which every character can be shown.

    A character that no font has, or that has no form of its own, is written as its code:
    `[U+E000]`. Such characters are private or unassigned, control characters, and format
    characters that change the writing direction or are invisible. The two joiners and the variation
    selectors stay, because scripts and emoji are spelt with them.
    """
    characters = set(text) - _FORM_ONLY
    if _has(MAIN_FONT, characters) and text.isprintable():
        return text
    unknown = {each for each in characters if unicodedata.category(each) in _WITHOUT_FORM}
    lacking = characters - unknown
    lacking = {each for each in lacking if not any(_has(font, {each}) for font in _FILES)}
    return _in_codes(text, unknown | lacking)


def in_codes(text: str) -> str:
    """Return a text in which all but plain Latin, Greek and Cyrillic text is written as codes."""
    return _in_codes(text, {each for each in set(text) if not _plain(each)})


def in_fonts(text: str) -> list[tuple[str, str]]:
    """
    Return a drawable text in parts, each with the font to set it in.

    A word has one font if one has all its letters, because letters of two fonts do not join. Else a
    letter and its marks have one font, if there is one.
    """
    cjk = "Noto Sans CJK " + (
        "JP" if _KANA.search(text) else "KR" if _HANGUL.search(text) else "SC"
    )
    chosen: list[tuple[str, str]] = []
    for word in _words(text):
        for each in (word,) if _font_of(word) else _split(word):
            font = _font_of(each) or MAIN_FONT  # Joiners and selectors alone have no font.
            chosen.append((cjk if font == "Noto Sans CJK SC" else font, each))
    return [
        (font, "".join(part for _, part in parts))
        for font, parts in groupby(chosen, key=lambda each: each[0])
    ]


def begins_letter(text: str, at: int) -> bool:
    """Return whether a character is not a mark, joiner or selector of the one before it."""
    after = text[at]
    if unicodedata.category(after)[0] == "M" or after in _FORM_ONLY or after in _SKIN_TONES:
        return False
    return at == 0 or text[at - 1] not in _JOINERS


def _plain(character: str) -> bool:
    european = character < "\u0530" or "\u2010" <= character <= "\u20bf"
    return european and unicodedata.category(character)[0] not in "CM"


def _in_codes(text: str, characters: Iterable[str]) -> str:
    return text.translate({ord(each): f"[U+{ord(each):04X}]" for each in characters})


def _words(text: str) -> list[str]:
    """Return the words of a text, and what is between them letter by letter."""
    words: list[str] = []
    inside = False
    for at, character in enumerate(text):
        is_word = unicodedata.category(character)[0] in "LN"
        if words and (not begins_letter(text, at) or (inside and is_word)):
            words[-1] += character
        else:
            words.append(character)
            inside = is_word
    return words


def _split(word: str) -> list[str]:
    """Return the letters of a word with their marks; without them where no font has both."""
    letters: list[str] = []
    for at, character in enumerate(word):
        joined = letters[-1] + character if letters and not begins_letter(word, at) else ""
        if joined and _font_of(joined):
            letters[-1] = joined
        else:
            letters.append(character)
    return letters


@lru_cache(maxsize=2_000)
def _font_of(text: str) -> str | None:
    """Return the first font that has all of a text, or None."""
    characters = set(text) - _FORM_ONLY
    if not characters:
        return None
    return next((font for font in _FILES if _has(font, characters)), None)


def _has(font: str, characters: set[str]) -> bool:
    return characters <= _letters(font)


@lru_cache(maxsize=64)
def _letters(font: str) -> frozenset[str]:
    with TTFont(font_file(font), fontNumber=0, lazy=True) as opened:
        return frozenset(map(chr, opened.getBestCmap()))


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=sorted({str(font_file(each).parent) for each in _FILES}),
    )
