"""Months: numbering, rounding of binding dates, dates that do not exist."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.calendar import binding_month, ending_month, last_day, month_index, month_label, parse_date


def test_the_first_month_is_zero() -> None:
    assert month_index("2022-01") == 0
    assert month_index("2022-01-15") == 0
    assert month_index("2021-12-31") == -1
    assert month_label(0) == "2022-01"
    assert month_label(-1) == "2021-12"
    assert month_index("2027-12") == 71


@given(st.integers(-1200, 1200))
def test_label_and_index_undo_each_other(month: int) -> None:
    assert month_index(month_label(month)) == month


@pytest.mark.parametrize(
    ("text", "month"),
    [("2022-10-01", 9), ("2022-10-07", 9), ("2022-10-15", 9), ("2022-10-16", 10), ("2022-12-31", 12), ("2022-10", 9)],
)
def test_a_change_binds_in_its_month_until_the_fifteenth(text: str, month: int) -> None:
    assert binding_month(text) == month


@pytest.mark.parametrize(
    ("text", "month"),
    [("2025-12-31", 48), ("2025-12", 48), ("2025-12-15", 48), ("2025-12-14", 47), ("2024-02", 26)],
)
def test_an_end_frees_the_month_in_which_the_day_after_binds(text: str, month: int) -> None:
    assert ending_month(text) == month


@given(st.dates(datetime.date(2021, 1, 1), datetime.date(2032, 12, 31)))
def test_an_end_hands_over_without_gap_or_overlap(day: datetime.date) -> None:
    following = day + datetime.timedelta(days=1)
    assert ending_month(day.isoformat()) == binding_month(following.isoformat())


def test_the_last_day_of_a_month() -> None:
    assert last_day("2024-02") == datetime.date(2024, 2, 29)
    assert last_day("2025-12") == datetime.date(2025, 12, 31)
    assert last_day("2025-12-03") == datetime.date(2025, 12, 3)


@pytest.mark.parametrize("text", ["2025-02-30", "2025-13", "2025-00-01", "0000-01"])
def test_dates_that_do_not_exist_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        parse_date(text)


@pytest.mark.parametrize(
    "text", ["2025", "2025-1", "25-01-01", "2025-01-1", "2025/01/01", "", "2025-01-01T00:00", "٢٠٢٥-01"]
)
def test_text_that_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="YYYY-MM"):
        parse_date(text)
