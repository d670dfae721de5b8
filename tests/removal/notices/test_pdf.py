"""A PDF shows every text that a notice may contain, in the right order, and never a box."""

import hashlib
import os
import subprocess
import sys
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from hashsvc.removal.errors import BadNoticeError
from hashsvc.removal.law.legal import Language
from hashsvc.removal.notices import pdf, typesetting
from hashsvc.removal.notices.fields import Explanation
from hashsvc.removal.notices.paragraphs import Paragraph, ParagraphKind
from hashsvc.removal.notices.pdf import Table, write_pdf
from hashsvc.removal.notices.typesetting import MAIN_FONT, drawable, font_file, in_fonts
from tests.removal.pdfs import fonts_of, glyphs_of, left_of, right_edge, text_of
from tests.removal.scripts import REFUSALS

ROOT = Path(__file__).parents[3]
A4_WIDTH_PT, MARGIN_PT = 595, 62
# PDFium gives the letters of these in the order in which they stand on the page.
REORDERED = {"Arabic", "Persian", "Urdu", "Bengali", "Oriya", "Lao", "Khmer"}


def written(*lines: str, kind: ParagraphKind = ParagraphKind.PARAGRAPH) -> bytes:
    """Return a PDF with these lines below its title."""
    return document(Paragraph(ParagraphKind.TITLE, ("T",)), Paragraph(kind, lines))


def document(*parts: Paragraph | Table) -> bytes:
    day = date(2026, 6, 1)
    return write_pdf(parts, title="T", language=Language.EN, foot="f", author="A Body", on=day)


def composed(text: str) -> str:
    """Return a text without white space, with each accent in one character with its letter."""
    return unicodedata.normalize("NFC", "".join(text.split()))


def boxes(content: bytes) -> int:
    return sum(glyph == 0 for _, glyph in glyphs_of(content))


@pytest.mark.parametrize("script", REFUSALS)
def test_a_refusal_in_any_script_is_shown_whole(script: str) -> None:
    content = written(REFUSALS[script])
    assert boxes(content) == 0
    shown, said = composed(text_of(content)), composed(REFUSALS[script])
    assert set(said) <= set(shown)
    assert said in shown or script in REORDERED


def test_a_letter_that_no_font_has_would_be_a_box(monkeypatch: pytest.MonkeyPatch) -> None:
    """`boxes` counts them: without `drawable`, an unassigned letter is one."""
    monkeypatch.setattr(pdf, "drawable", str)
    assert boxes(written("\u0378")) == 1


def test_arabic_letters_join() -> None:
    """Between other letters, a letter has another form than alone."""
    alone = {each for each in glyphs_of(written("ب")) if each in glyphs_of(written("ب ب"))}
    joined = [each for each in glyphs_of(written("ببب")) if each not in glyphs_of(written("T"))]
    assert len(set(joined)) == 3
    assert len(alone) < len(glyphs_of(written("ببب")))


def test_the_order_of_words_is_that_of_most_letters() -> None:
    hebrew = written("אבגדה ABC וזחטי 123 כלמנס XYZ עפצקר")
    assert left_of(hebrew, "ABC") > left_of(hebrew, "123") > left_of(hebrew, "XYZ")
    english = written("מרכז ABC sent requests to 123 platforms, hosts and מרכז XYZ engines")
    assert left_of(english, "ABC") < left_of(english, "123") < left_of(english, "XYZ")


def test_numbers_and_brackets_keep_their_place_in_a_right_to_left_text() -> None:
    """What follows the number is on its left, although the number itself is written rightwards."""
    content = written("ABC: וזחטי (12) כלמנס, 34 עפצקר which is more Latin than Hebrew, XYZ")
    assert left_of(content, "ABC") < left_of(content, "34") < left_of(content, "12")
    assert left_of(content, "12") < left_of(content, "XYZ")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("private \ue000", "private [U+E000]"),
        ("unassigned \u0378", "unassigned [U+0378]"),
        ("no font \U00013000", "no font [U+13000]"),
        ("bell \a", "bell [U+0007]"),
        ("left \u202e right", "left [U+202E] right"),
        ("isolate \u2067", "isolate [U+2067]"),
        ("zero\u200bwidth", "zero[U+200B]width"),
        ("byte order \ufeff", "byte order [U+FEFF]"),
        ("soft\u00adhyphen", "soft[U+00AD]hyphen"),
        ("line\u2028end", "line[U+2028]end"),
        ("\U0010ffff", "[U+10FFFF]"),
    ],
)
def test_what_no_font_can_show_is_written_as_its_code(text: str, shown: str) -> None:
    assert drawable(text) == shown
    content = written(text)
    assert boxes(content) == 0
    assert "".join(shown.split()) in text_of(content)


@pytest.mark.parametrize(
    "text", ["", "a {nb} b", "می\u200cکند", "👩\u200d💻", "❤\ufe0f", "e\u0301"]
)
def test_what_a_text_is_spelt_with_stays(text: str) -> None:
    assert drawable(text) == text


def test_no_text_is_markup() -> None:
    text = (
        r'#panic("x") *a* _b_ $c$ \ <d> @e [f] // g /* h = i - j + k {nb} #{1+1} "l" `m` ~ n --- o'
    )
    assert "".join(text.split()) in text_of(written(text))


def accepted(text: str) -> bool:
    try:
        Explanation(text)
    except BadNoticeError:
        return False
    return True


LETTERS = st.sampled_from(sorted({letter for each in REFUSALS.values() for letter in each}))
TEXTS = (st.text(max_size=80) | st.text(LETTERS, max_size=300)).filter(accepted)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_every_text_that_a_notice_may_contain_has_a_pdf(texts: list[str]) -> None:
    content = written(*texts)
    assert boxes(content) == 0
    assert written(*texts) == content


def test_another_process_writes_the_same_bytes() -> None:
    code = (
        "import hashlib; from tests.removal.notices.test_pdf import REFUSALS, written;"
        "print(hashlib.sha256(written(*REFUSALS.values())).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == hashlib.sha256(written(*REFUSALS.values())).hexdigest()


def test_an_ordinary_document_has_one_font_and_only_its_letters() -> None:
    content = written("The criminal law cited is that in force on the day.")
    assert fonts_of(content) == {"DejaVuSans"}
    assert len(content) < font_file(MAIN_FONT).stat().st_size / 20
    assert fonts_of(written("규정")) == {"DejaVuSans", "NotoSansCJKkr-Regular"}
    assert fonts_of(written("規定です")) == {"DejaVuSans", "NotoSansCJKjp-Regular"}
    assert fonts_of(written("规定")) == {"DejaVuSans", "NotoSansCJKsc-Regular"}


@pytest.mark.parametrize(
    "letter", [*"Wx字ก" "بक👍!(—。「ーぁ각ᄀ", "e\u0301", "\u093f"]
)  # fmt: skip
@pytest.mark.parametrize("kind", ParagraphKind)
def test_a_word_longer_than_a_line_stays_on_the_page(kind: ParagraphKind, letter: str) -> None:
    content = written(letter * 300, kind=kind)
    assert right_edge(content) <= A4_WIDTH_PT - MARGIN_PT + 1
    assert "\u200b" not in text_of(content)
    assert set(composed(letter)) <= set(composed(text_of(content)))


def test_a_long_word_in_a_table_stays_in_its_cell() -> None:
    alone = document(Table([["a", ""], ["W" * 200, ""]], (20, 140)))
    assert text_of(alone).count("W") == 200
    beside = document(Table([["a", "b"], ["W" * 200, "second"]], (20, 140)))
    assert right_edge(alone) < left_of(beside, "second")


def test_a_text_at_which_the_typesetter_fails_is_written_in_codes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compile_really = typst.compile

    def fail_at_arabic(*how: Any, **more: Any) -> Any:
        if "\\u0628" in more["sys_inputs"]["paper"]:
            raise RuntimeError("a fault")
        return compile_really(*how, **more)

    monkeypatch.setattr(typst, "compile", fail_at_arabic)
    text = text_of(written("Motif « déjà vu » : ب日 Ωж"))
    assert "Motif«déjàvu»:[U+0628][U+65E5]Ωж" in text


@pytest.mark.parametrize("mark", ["\u093f", "\u0301", "क्", "\u0e34", "\u17d2", "🏻"])
def test_a_thousand_marks_on_one_letter_are_shown(mark: str) -> None:
    """The shaper fails at 256 vowel signs in one syllable."""
    content = written("क" + mark * 1000)
    assert "[U+" not in text_of(content)
    assert len(glyphs_of(content)) > 1000
    assert boxes(content) == 0


@pytest.mark.parametrize(
    ("letter", "mark"),
    [
        ("क", "\u0301"),
        ("ב", "\u0902"),
        ("字", "\u0e34"),
        ("a", "🏻"),
        ("한", "\u20e3"),
        ("ب", "\u0305"),
    ],
)
def test_a_letter_with_a_mark_of_another_font_is_not_lost(letter: str, mark: str) -> None:
    """typst alone loses a letter if a font has its mark but not the letter."""
    alone, marked = glyphs_of(written(letter)), glyphs_of(written(letter + mark))
    assert len(marked) > len(alone)
    assert 0 not in {glyph for _, glyph in marked}


def test_a_missing_package_of_fonts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typesetting, "find_spec", lambda _name: None)
    with pytest.raises(
        ModuleNotFoundError, match="DejaVu Sans needs the package ziafont"
    ) as caught:
        font_file(MAIN_FONT)
    assert caught.value.name == "ziafont"


@pytest.mark.parametrize(
    "text", ["می\u200cخواهم", "यह सामग्री", "ab字👩\u200d💻c", "\u200d", "e\u0301\ufe0f"]
)
def test_the_parts_of_a_text_in_its_fonts_are_the_text(text: str) -> None:
    assert "".join(part for _, part in in_fonts(text)) == text


def test_a_word_has_one_font() -> None:
    """DejaVu Sans lacks one letter of this word, and letters of two fonts do not join."""
    word = "ٹھیک\u06af\u08a0ہے"
    assert in_fonts(f"{word} ok") == [("Noto Sans Arabic", word), (MAIN_FONT, " ok")]
