"""
Writes the yearly report: the statistics as a PDF document in English.

The report says what was counted and how, and names the law data. It has the digest of the JSON
statistics, which list the steps behind each figure. It includes reasons for refusals only on
request.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from hashsvc.removal.errors import UnknownLawError
from hashsvc.removal.law.deadlines import TIMELY
from hashsvc.removal.law.legal import Language, Law
from hashsvc.removal.notices.paragraphs import Paragraph, ParagraphKind
from hashsvc.removal.notices.pdf import HEIGHT_MM, WIDTH_MM, Picture, Table, write_pdf
from hashsvc.removal.statistics.channels import suggest_channel
from hashsvc.removal.statistics.compute import Figure, Statistics, StatisticsGroup
from hashsvc.removal.statistics.csv_json import statistics_json
from hashsvc.removal.statistics.drawing import Drawing, to_svg
from hashsvc.removal.statistics.figures import DEFINITIONS
from hashsvc.removal.statistics.observations import CLOCKS
from hashsvc.removal.statistics.plots import channel_plot, removal_plot

_LONGEST_PLATFORM = 40
# The largest height of a picture, which leaves room for its heading on the page.
_PICTURE_MM = HEIGHT_MM - 20
_TWO_DAYS_H = 48


def write_report(
    found: Statistics, *, title: str, organisation: str, law: Law, reasons: bool = False
) -> bytes:
    """
    Return the report. The same statistics give the same bytes.

    Args:
        law: The law data, for the labels of the clocks.

        reasons: Whether to include the platforms' reasons for refusals. Identifying text in them
            is masked, except names of people, so a person has to read them before publication.
    """
    digest = hashlib.sha256(statistics_json(found).encode()).hexdigest()
    report = _Report()
    report.part(ParagraphKind.TITLE, title)
    _begin(report, found, organisation)
    _platforms(report, found)
    _channels(report, found)
    _clocks(report, found, law)
    _refusals(report, found, with_reasons=reasons)
    _precision(report, found)
    _definitions(report, found, digest)
    return write_pdf(
        report.parts,
        title=title,
        language=Language.EN,
        foot=f"{title}  {digest[:16]}",
        author=organisation,
        on=found.now.astimezone(UTC).date(),
    )


class _Report:
    """Collects the parts of the report."""

    def __init__(self) -> None:
        self.parts: list[Paragraph | Table | Picture] = []
        self._sections = 0

    def part(self, role: ParagraphKind, *lines: str) -> None:
        self.parts.append(Paragraph(role, lines))

    def section(self, title: str) -> None:
        self._sections += 1
        self.part(ParagraphKind.HEADING, f"{self._sections}. {title}")

    def text(self, *lines: str) -> None:
        self.part(ParagraphKind.PARAGRAPH, *lines)

    def table(
        self, header: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]
    ) -> None:
        self.parts.append(Table([header, *rows], widths))

    def picture(self, drawing: Drawing) -> None:
        width = min(WIDTH_MM, _PICTURE_MM / drawing.height * drawing.width)
        self.parts.append(Picture(to_svg(drawing), width, drawing.title))


def _begin(report: _Report, found: Statistics, organisation: str) -> None:
    every = found.all
    last = found.until - timedelta(microseconds=1)
    report.text(
        f"{organisation} sent {_number(every, 'requests')} requests to "
        f"{len(found.by('platform'))} platforms, hosts and search engines from "
        f"{_day(found.since)} to {_day(last)}, and checked until {_day(found.now)} whether the "
        "images were gone. A request asks one addressee to remove one image at one address."
    )
    report.text(
        f"Images proven gone by two re-checks: {_of(every.figures['gone'])}. "
        f"Median time to removal: {_time(every.figures['remove-median']) or 'none'}. 90th "
        f"percentile: {_time(every.figures['remove-p90']) or 'none'}. "
        f"Requests never answered: {_of(every.figures['unanswered'])}. "
        "Requests for which the platform demanded the person's identity: "
        f"{_of(every.figures['identity-asked'])}. "
        f"Images that came back after they were gone: {_of(every.figures['reappeared'])}."
    )


def _platforms(report: _Report, found: Statistics) -> None:
    report.section("How long images stayed up")
    if every := found.by("platform"):
        report.picture(removal_plot(found))
    groups = [*every, found.all]
    header = ("", "sent", "gone", "median", "90th perc.", "still up", "cannot be seen", "came back")
    rows = (
        (
            _name(each),
            _number(each, "requests"),
            _of(each.figures["gone"]),
            _time(each.figures["remove-median"]),
            _time(each.figures["remove-p90"]),
            _number(each, "up", "unproven"),
            _number(each, "unreachable"),
            _of(each.figures["reappeared"]),
        )
        for each in groups
    )
    report.table(header, rows, (34, 10, 24, 18, 18, 12, 14, 24))
    report.section("What platforms answered")
    header = (
        "",
        "answered",
        "median",
        "never",
        "refused",
        "in part",
        "identity",
        "said gone, was up",
    )
    rows = (
        (
            _name(each),
            _of(each.figures["acknowledged"]),
            _time(each.figures["acknowledge-median"]),
            _number(each, "unanswered"),
            _number(each, "refused"),
            _number(each, "partial"),
            _number(each, "identity-asked"),
            _of(each.figures["said-removed"]),
        )
        for each in groups
    )
    report.table(header, rows, (34, 24, 18, 11, 13, 12, 14, 24))


def _channels(report: _Report, found: Statistics) -> None:
    report.section("Which channel works best")
    if found.by("way"):
        report.picture(channel_plot(found))
    sentences = [
        f"{group.platform}: {best.why}"
        for group in found.by("platform")
        if (best := suggest_channel(found.groups, group.platform or ""))
    ]
    for each in sentences:
        report.text(each)
    if not sentences:
        report.text("No platform had enough requests through two channels to compare them.")


def _clocks(report: _Report, found: Statistics, law: Law) -> None:
    report.section("How long images stayed up after a clock ended")
    for clock in CLOCKS:
        try:
            deadline, _ = law.deadline(clock, found.since.date())
        except UnknownLawError:
            continue
        label = deadline.label.of(Language.EN)
        if clock == TIMELY and found.timely_hours is not None:
            label += f": {found.timely_hours} hours"
        report.part(ParagraphKind.LINES, f"{clock}: {label}")
    rows = [
        (
            _name(each),
            clock,
            _of(each.figures[f"beyond-{clock}"]),
            f"{each.figures[f'hours-beyond-{clock}'].value or 0:,.0f}",
        )
        for each in (*found.by("platform"), found.all)
        for clock in CLOCKS
        if each.figures[f"beyond-{clock}"].n
    ]
    if rows:
        header = ("", "clock", "up after its end", "total hours after its end")
        report.table(header, rows, (60, 30, 35, 40))


def _refusals(report: _Report, found: Statistics, *, with_reasons: bool) -> None:
    if not with_reasons:
        return
    report.section("Reasons given for refusals")
    rows = [
        (each.reason or "none given", _name(group), str(each.requests))
        for group in found.by("platform")
        for each in group.refusals
    ]
    if rows:
        report.table(("the platform's words", "platform", "requests"), rows, (110, 40, 20))
    else:
        report.text("No platform refused a request.")


def _precision(report: _Report, found: Statistics) -> None:
    if not found.precision:
        return
    report.section("How often analysts confirmed a suspected re-upload")
    rows = (
        (
            each.tier,
            f"{each.confirmed} of {_percent_of(each.share, each.confirmed)}",
            _interval(each.share),
        )
        for each in found.precision
    )
    header = ("tier of the match", "confirmed by an analyst", "95 % interval")
    report.table(header, rows, (50, 60, 50))


def _definitions(report: _Report, found: Statistics, digest: str) -> None:
    report.section("Definitions, and how to compute the figures again")
    report.text(
        "Some shares and times are Kaplan–Meier estimates, as the definitions say. In them, an "
        "image that is still up is neither left out nor counted as removed: it counts until it "
        'was last seen. "Not reached" means that fewer than half (or nine in ten) images are gone. '
        "Figures from few requests are uncertain, so each share states its number of requests."
    )
    for each in DEFINITIONS:
        report.part(
            ParagraphKind.LINES,
            f"{each.label} ({each.name}; n counts {each.n_counts}): {each.text}",
        )
    report.text(
        "The JSON statistics list the steps behind each figure, and the numbers of their entries "
        "in the audit log. The SHA-256 of the JSON statistics is:"
    )
    report.part(ParagraphKind.LINES, digest)
    report.text("Law data:")
    report.part(
        ParagraphKind.LINES,
        *(f"{each.jurisdiction} {each.version} {each.sha256}" for each in found.law),
    )


def _name(group: StatisticsGroup) -> str:
    if group.platform is None:
        return "all"
    name = group.platform
    return name if len(name) <= _LONGEST_PLATFORM else f"{name[: _LONGEST_PLATFORM - 1]}…"


def _number(group: StatisticsGroup, *names: str) -> str:
    return f"{sum(group.figures[each].value or 0 for each in names):.0f}"


def _of(figure: Figure) -> str:
    return f"{figure.value or 0:.0f} of {_percent_of(figure, figure.value or 0)}"


def _percent_of(figure: Figure, part: float) -> str:
    return f"{figure.n} ({part / figure.n * 100:.0f} %)" if figure.n else "0"


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{figure.low * 100:.0f} % to {figure.high * 100:.0f} %"


def _time(figure: Figure) -> str:
    hours = figure.value
    if hours is None:
        return "not reached" if figure.n else ""
    return f"{hours:.1f} h" if hours < _TWO_DAYS_H else f"{hours / 24:.1f} days"


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()
