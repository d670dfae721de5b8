"""Belgium's time zone, and the day on which a moment falls there."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Brussels")


def day_of(moment: datetime) -> date:
    """Return the day in Belgium on which a moment falls."""
    return moment.astimezone(ZONE).date()
