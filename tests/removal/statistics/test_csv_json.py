"""CSV, JSON, plots and the report show the same figures, and no person or URL."""

import csv
import io
import json
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import jsonschema_rs
import pytest
from openpyxl import load_workbook
from PIL import Image
from pypdf import PdfReader

from hashsvc.removal.law.legal import load_law
from hashsvc.removal.states import State
from hashsvc.removal.statistics.compute import Review, Statistics, statistics
from hashsvc.removal.statistics.csv_json import (
    ranges,
    refusals_csv,
    refusals_workbook,
    statistics_csv,
    statistics_json,
    statistics_workbook,
)
from hashsvc.removal.statistics.drawing import Drawing, Stroke, Words, to_png, to_svg
from hashsvc.removal.statistics.figures import BY_NAME
from hashsvc.removal.statistics.plots import MOST_CURVES, channel_plot, removal_plot
from hashsvc.removal.statistics.yearly_report import write_report
from tests.removal.pdfs import glyphs_of, text_of
from tests.removal.scripts import REFUSALS
from tests.removal.timelines import CASE, STILL, Timelines, after

S = State
LAW = load_law()
SCHEMA = json.loads((files("hashsvc.removal") / "data" / "statistics.schema.json").read_text())
DOCS = Path(__file__).parents[3] / "docs" / "statistics.md"


@pytest.fixture(scope="module")
def found() -> Statistics:
    made = Timelines()
    facts = json.dumps({"page": {"url": "https://canary.example/facts"}})
    for hours in range(1, 9):
        made.gone(hours, facts=facts)
        made.up(300, basis="own-rules", channel=None, facts=facts)
    for number in range(MOST_CURVES):
        made.gone(20, platform=f"site-{number}", facts=facts)
    made.add(
        (0, S.SENT), (2, S.REFUSED, "=1+1 see https://canary.example/x"), (9, S.REFUSED, STILL)
    )
    made.add((0, S.SENT), (5, S.ORDER_SOUGHT), (6, S.ORDER_SERVED), (90, S.ORDER_SERVED, STILL))
    reviews = [Review("likely", number < 3, f"match-{number}", number) for number in range(4)]
    return statistics(
        made.views, since=after(-1), until=after(1), now=after(500), law=LAW, reviews=reviews
    )


def report_text(found: Statistics, **more: bool) -> str:
    content = write_report(found, title="A year", organisation="A Body", law=LAW, **more)
    reader = PdfReader(io.BytesIO(content), strict=True)
    text = "\n".join(page.extract_text() for page in reader.pages)
    # A paragraph may go on after the foot of a page.
    return re.sub(r"A year [0-9a-f]{16}\s+\d/\d", "", text)


def workbook_text(content: bytes) -> str:
    (sheet,) = load_workbook(io.BytesIO(content))
    return "\n".join(str(each) for row in sheet.iter_rows(values_only=True) for each in row)


OUTPUTS: dict[str, Callable[[Statistics], str]] = {
    "csv": statistics_csv,
    "refusals": refusals_csv,
    "workbook": lambda found: workbook_text(statistics_workbook(found)),
    "refusals as a workbook": lambda found: workbook_text(refusals_workbook(found)),
    "json": statistics_json,
    "removal": lambda found: to_svg(removal_plot(found)),
    "channels": lambda found: to_svg(channel_plot(found)),
    "report": lambda found: report_text(found, reasons=True),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_no_output_contains_a_url_a_case_or_a_person(found: Statistics, name: str) -> None:
    text = OUTPUTS[name](found)
    assert "a-site" in text
    for private in ("canary", str(CASE), "a" * 32, "m" * 32, "notices@"):
        assert private not in text
    urls = set(re.findall(r"https?://[^\s\"<]+", text))
    assert urls <= {"http://www.w3.org/2000/svg"}


def test_the_json_follows_its_schema(found: Statistics) -> None:
    jsonschema_rs.validator_for(SCHEMA, validate_formats=True).validate(
        json.loads(statistics_json(found))
    )
    empty = statistics([], since=after(0), until=after(1), now=after(2), law=LAW)
    jsonschema_rs.validator_for(SCHEMA).validate(json.loads(statistics_json(empty)))


def test_the_json_has_every_figure_of_every_group(found: Statistics) -> None:
    content = json.loads(statistics_json(found))
    assert [each["figure"] for each in content["definitions"]] == list(BY_NAME)
    for shown, group in zip(content["groups"], found.groups, strict=True):
        assert shown["platform"] == group.platform
        for name, figure in group.figures.items():
            values = shown["figures"][name]
            assert (values["value"], values["n"]) == (figure.value, figure.n)
            assert tuple(values["audit"]) == figure.audit
            assert tuple(values["events"]) == figure.events
    (suggestion,) = content["suggestions"]
    assert (suggestion["platform"], suggestion["channel"]) == ("a-site", "form")


def numbers(text: str) -> list[int]:
    parts = [each.split("-") for each in text.split()]
    return [number for each in parts for number in range(int(each[0]), int(each[-1]) + 1)]


def test_the_csv_has_a_row_for_each_figure_of_each_group(found: Statistics) -> None:
    rows = list(csv.DictReader(io.StringIO(statistics_csv(found))))
    assert len(rows) == len(found.groups) * len(BY_NAME) + 1
    for group in found.groups:
        key = (group.by, group.platform or "", group.channel or "", group.basis or "")
        own = [
            each
            for each in rows
            if (each["by"], each["platform"], each["channel"], each["basis"]) == key
        ]
        for row in own:
            figure = group.figures[row["figure"]]
            assert row["value"] == ("" if figure.value is None else str(figure.value))
            assert (int(row["n"]), row["of"]) == (figure.n, BY_NAME[row["figure"]].n_counts)
            assert tuple(numbers(row["events"])) == figure.events
            assert tuple(numbers(row["audit entries"])) == figure.audit


def test_no_cell_is_a_formula(found: Statistics) -> None:
    cells = [cell for row in csv.reader(io.StringIO(refusals_csv(found))) for cell in row]
    assert "'=1+1 see […]" in cells
    (sheet,) = load_workbook(io.BytesIO(refusals_workbook(found)))
    kinds = {each.data_type for row in sheet for each in row if each.value == "=1+1 see […]"}
    assert kinds == {"s"}


@pytest.mark.parametrize(
    ("workbook", "table"),
    [(statistics_workbook, statistics_csv), (refusals_workbook, refusals_csv)],
    ids=["statistics", "refusals"],
)
def test_a_workbook_has_the_cells_of_the_csv(
    found: Statistics,
    workbook: Callable[[Statistics], bytes],
    table: Callable[[Statistics], str],
) -> None:
    (sheet,) = load_workbook(io.BytesIO(workbook(found)))
    expected = list(csv.reader(io.StringIO(table(found))))
    for row, other in zip(sheet.iter_rows(values_only=True), expected, strict=True):
        for value, text in zip(row, other, strict=True):
            if isinstance(value, float):
                assert value == pytest.approx(float(text), rel=1e-14)
            elif isinstance(value, int):
                assert value == float(text)
            else:
                assert (value or "") == text.removeprefix("'")
    kinds = {type(each) for row in sheet.iter_rows(min_row=2, values_only=True) for each in row}
    assert int in kinds
    assert (float in kinds) is (workbook is statistics_workbook)


@pytest.mark.parametrize(
    ("given", "expected"),
    [((), ""), ((5,), "5"), ((1, 2, 3, 7, 9, 10), "1-3 7 9-10"), ((1, 3), "1 3")],
)
def test_consecutive_numbers_become_a_range(given: tuple[int, ...], expected: str) -> None:
    assert ranges(given) == expected


def words(drawing: Drawing) -> list[str]:
    return [each.text for each in drawing.marks if isinstance(each, Words)]


def test_each_platform_has_a_curve_with_its_number_of_requests(found: Statistics) -> None:
    drawing = removal_plot(found)
    named = [each for each in words(drawing) if "n = " in each]
    assert len(named) == MOST_CURVES
    assert "a-site (n = 18)" in named
    assert any("Not drawn: 1 platforms" in each for each in words(drawing))
    dashes = {each.dash for each in drawing.marks if isinstance(each, Stroke) and each.width == 1.6}
    assert len(dashes) == MOST_CURVES


def test_the_curve_ends_at_the_share_gone(found: Statistics) -> None:
    """The platform with the longest curve has 8 of 18 images gone."""
    drawing = removal_plot(found)
    levels = {each.text: each.at[1] for each in drawing.marks if isinstance(each, Words)}
    bottom, top = levels["0 %"], levels["100 %"]
    curves = [each for each in drawing.marks if isinstance(each, Stroke) and each.width == 1.6]
    longest = max(curves, key=lambda each: len(each.points))
    (platform,) = [each for each in found.by("platform") if each.platform == "a-site"]
    gone = 1 - platform.removal.steps[-1].left
    assert longest.points[-1][1] == pytest.approx(bottom - gone * (bottom - top))


@pytest.mark.parametrize("plot", [removal_plot, channel_plot])
def test_nothing_is_drawn_outside_the_drawing(
    found: Statistics, plot: Callable[..., Drawing]
) -> None:
    empty = statistics([], since=after(0), until=after(1), now=after(2), law=LAW)
    for each_statistics in (found, empty):
        drawing = plot(each_statistics)
        points = [
            point
            for each in drawing.marks
            for point in (each.points if isinstance(each, Stroke) else (each.at,))
        ]
        assert all(0 <= x <= drawing.width and 0 <= y <= drawing.height for x, y in points)


@pytest.mark.parametrize("plot", [removal_plot, channel_plot])
def test_svg_has_plain_elements_and_png_has_the_size_and_colours(
    found: Statistics, plot: Callable[..., Drawing]
) -> None:
    drawing = plot(found)
    root = ElementTree.fromstring(to_svg(drawing))  # noqa: S314 - written by our own code
    tags = {each.tag.rpartition("}")[2] for each in root.iter()}
    assert tags <= {"svg", "title", "rect", "polyline", "circle", "text"}
    with Image.open(io.BytesIO(to_png(drawing))) as image:
        assert image.size == (round(drawing.width * 2), round(drawing.height * 2))
        assert len(image.convert("L").getcolors() or ()) > 10


def test_names_in_svg_are_escaped() -> None:
    drawing = Drawing(10, 10, "<a>", (Words((1, 1), "<script>&"),))
    text = to_svg(drawing)
    assert "<script>" not in text
    assert "&lt;script&gt;&amp;" in text


def test_a_dashed_line_has_gaps_of_the_given_length() -> None:
    stroke = Stroke(((0, 5), (90, 5)), 2, (0, 0, 0), (10, 20))
    content = to_png(Drawing(100, 10, "", (stroke,)))
    with Image.open(io.BytesIO(content)) as image:
        grey = image.convert("L").tobytes()
        row = [grey[10 * image.width + 2 * x] < 128 for x in range(100)]
    assert [row[x] for x in (5, 15, 25, 35, 45, 65, 75)] == [1, 0, 0, 1, 0, 1, 0]


def test_the_report_states_the_figures(found: Statistics) -> None:
    text = " ".join(report_text(found).split())
    assert "A Body sent 24 requests to 7 platforms" in text
    assert "Images proven gone by two re-checks: 14 of 24 (58 %)" in text
    assert "8 of 18 (44 %)" in text
    assert "form / dsa-notice: " in text
    assert "likely 3 of 4 (75 %) 30 % to 95 %" in text
    for law in found.law:
        assert law.sha256 in text
    # A line may end after a hyphen.
    squeezed = "".join(text.split())
    for definition in BY_NAME.values():
        assert "".join(definition.text.split()) in squeezed


def test_the_report_includes_reasons_only_on_request(found: Statistics) -> None:
    assert "=1+1 see" not in report_text(found)
    assert "=1+1 see" in report_text(found, reasons=True)


def test_the_report_has_names_and_reasons_in_any_script() -> None:
    made = Timelines()
    for reason in REFUSALS.values():
        made.add((0, S.SENT), (2, S.REFUSED, reason), (9, S.REFUSED, STILL))
    found = statistics(made.views, since=after(-1), until=after(1), now=after(50), law=LAW)
    name = "Body \ue000 機関"
    content = write_report(found, title="A year", organisation=name, law=LAW, reasons=True)
    assert 0 not in {glyph for _, glyph in glyphs_of(content)}
    text = text_of(content)
    assert "[U+E000]機関sent" in text
    for each in ("Japanese", "Thai", "Devanagari", "Hebrew", "emoji"):
        assert "".join(REFUSALS[each].split()) in text


def test_the_same_statistics_give_the_same_report(found: Statistics) -> None:
    first, second = (
        write_report(found, title="A year", organisation="A Body", law=LAW) for _ in range(2)
    )
    assert first == second
    assert re.fullmatch(rb"%PDF-1\..*%%EOF\s*", first, re.S)


def test_a_report_without_requests_is_written_too() -> None:
    empty = statistics([], since=after(0), until=after(1), now=after(2), law=LAW)
    assert "A Body sent 0 requests to 0 platforms" in " ".join(report_text(empty).split())


def test_the_documentation_defines_every_figure() -> None:
    """docs/statistics.md uses the same words as the outputs."""
    text = " ".join(DOCS.read_text().split())
    for each in BY_NAME.values():
        assert f"`{each.name}`" in text
        assert each.text in text, each.name
