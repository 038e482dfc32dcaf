"""Dates as whole months: 2022-01 is month 0.

Dates in files are text, `YYYY-MM` or `YYYY-MM-DD`. A change dated in the first half of a month (day 1 to 15) binds in
that month, one dated later binds in the next.
"""

import datetime
import re

BASE_YEAR = 2022
LAST_DAY_OF_FIRST_HALF = 15

_DATE = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?", re.ASCII)


def parse_date(text: str) -> datetime.date:
    """Return the date that `text` names; `YYYY-MM` is the first day of the month.

    Raises ValueError with a readable sentence when the text is no date or names a day that does not exist.
    """
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a date; write YYYY-MM or YYYY-MM-DD")
    year, month, day = int(match[1]), int(match[2]), int(match[3] or 1)
    try:
        return datetime.date(year, month, day)
    except ValueError:
        raise ValueError(f"the date {text} does not exist") from None


def month_of(date: datetime.date) -> int:
    """Return the month number of a date, counted from 2022-01; earlier months are negative."""
    return (date.year - BASE_YEAR) * 12 + date.month - 1


def month_index(text: str) -> int:
    """Return the number of the month that `text` (`YYYY-MM` or `YYYY-MM-DD`) lies in. Raises ValueError."""
    return month_of(parse_date(text))


def month_label(month: int) -> str:
    """Return `YYYY-MM` of a month number."""
    year, zero_based = divmod(month, 12)
    return f"{BASE_YEAR + year:04d}-{zero_based + 1:02d}"


def binding_month(text: str) -> int:
    """Return the first month in which a change dated `text` is in force. Raises ValueError."""
    return _binding(parse_date(text))


def ending_month(text: str) -> int:
    """Return the first month in which something that holds until `text` is no longer in force. Raises ValueError.

    `text` is the last day on which it holds (`YYYY-MM`: the last day of that month), so this is the binding month of
    the day after, and a rule that ends on one day hands over without a gap to one that starts on the next.
    """
    date = parse_date(text)
    if len(text.strip()) == len("YYYY-MM"):
        return month_of(date) + 1
    return _binding(date + datetime.timedelta(days=1))


def last_day(text: str) -> datetime.date:
    """Return the last day that an end date covers: the date itself, or the end of the month for `YYYY-MM`."""
    date = parse_date(text)
    if len(text.strip()) == len("YYYY-MM"):
        return (date + datetime.timedelta(days=31)).replace(day=1) - datetime.timedelta(days=1)
    return date


def _binding(date: datetime.date) -> int:
    return month_of(date) + (date.day > LAST_DAY_OF_FIRST_HALF)
