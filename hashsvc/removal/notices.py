"""Writes the notice of a removal request."""

from datetime import datetime

import jinja2

from hashsvc.settings import Settings

# Plain text: nothing is escaped, and a missing value is an error, never a gap in a legal notice.
_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("hashsvc.removal"),
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # noqa: S701
    keep_trailing_newline=True,
)


def write_notice(
    settings: Settings,
    *,
    platform: str,
    page_url: str,
    image_url: str,
    reference: str,
    found_at: datetime,
    now: datetime,
) -> str:
    """
    Return the text of a notice with the elements of Article 16(2) of the Digital Services Act.

    It names the organisation, never the person shown, and holds no case number and no image.
    """
    return _TEMPLATES.get_template("notice.en.txt").render(
        platform=platform,
        organisation=settings.organisation,
        organisation_email=settings.organisation_email,
        date=now.date().isoformat(),
        reference=reference,
        page_url=page_url,
        image_url=image_url,
        found_on=found_at.date().isoformat(),
    )
