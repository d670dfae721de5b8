"""A stored time is read as the same moment in UTC, and text sorts in the order of time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Dialect, make_url

from hashsvc.store.tables import UtcTime

SQLITE, POSTGRESQL = (
    make_url(each).get_dialect()() for each in ("sqlite://", "postgresql+psycopg://")
)
TIMES = st.datetimes(
    # Stay a day away from either end, because of the conversion to UTC.
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone.
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.integers(-1439, 1439).map(lambda each: timezone(timedelta(minutes=each))),
)


def text_of(moment: datetime) -> str:
    text = UtcTime().process_bind_param(moment, SQLITE)
    assert isinstance(text, str)
    return text


@given(TIMES)
def test_a_stored_time_can_be_read_again(moment: datetime) -> None:
    back = UtcTime().process_result_value(text_of(moment), SQLITE)
    assert back == moment
    assert back.tzinfo is UTC


@given(TIMES, TIMES)
def test_text_sorts_by_time(first: datetime, second: datetime) -> None:
    assert (text_of(first) < text_of(second)) == (first < second)
    assert len(text_of(first)) == len(text_of(second))


@given(TIMES)
def test_other_databases_get_a_time_in_utc(moment: datetime) -> None:
    bound = UtcTime().process_bind_param(moment, POSTGRESQL)
    assert bound == moment
    back = UtcTime().process_result_value(bound, POSTGRESQL)
    assert back is not None
    assert back.tzinfo is UTC


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL], ids=lambda each: each.name)
def test_none_stays_none_and_a_time_without_zone_is_refused(dialect: Dialect) -> None:
    assert UtcTime().process_bind_param(None, dialect) is None
    assert UtcTime().process_result_value(None, dialect) is None
    with pytest.raises(AssertionError, match="aware"):
        UtcTime().process_bind_param(datetime(2026, 1, 1), dialect)  # noqa: DTZ001
