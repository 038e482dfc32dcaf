"""How a stylised fact is stated from monthly measures: the words that a formula in `facts.csv` is written in.

A formula is a word and its arguments, all between spaces: `change legal_share_stock 2023-12 2025-12`. Months are
written YYYY-MM. A series is a column of the record (`gap_months.CN`), a sum of columns (`a+b`), a running total since
the first month of either (`stock:a+b`), or a ratio of two of these (`stock:a+b/stock:c`).
"""

import inspect
from collections.abc import Callable, Sequence

import numpy as np

from sim.arrays import Array
from sim.calendar import month_index, month_label

FINEST = 0.5
"""Distance between capability levels at which a lag is measured, ECI."""
LEVELS = np.arange(90.0, 200.0, FINEST)


class NotMeasured(LookupError):
    """A column or a month that is not on record; the text says which."""


class Monthly:
    """Monthly measures of some runs; `values` (runs, months, columns)."""

    def __init__(self, columns: Sequence[str], values: Array, months: Sequence[int] | np.ndarray) -> None:
        """`columns` name the last axis; `months` are month numbers, 2022-01 = 0."""
        self._place = {name: place for place, name in enumerate(columns)}
        self._values = values
        self._months = {int(month): place for place, month in enumerate(months)}

    def state(self, formula: str) -> Array:
        """Return what a formula states, (runs,); NaN where a run does not have it.

        Raises NotMeasured where its columns or months are not on record, ValueError for a formula that is none.
        """
        word, *arguments = formula.split()
        if word not in FORMULAS:
            raise ValueError(f"'{word}' is no word of a formula; there are {', '.join(FORMULAS)}")
        try:
            inspect.signature(FORMULAS[word]).bind(self, *arguments)
        except TypeError as error:
            raise ValueError(f"'{formula}' has the wrong arguments: {error}") from None
        return FORMULAS[word](self, *arguments)

    def series(self, text: str) -> Array:
        """Return a series, (runs, months)."""
        above, _, below = text.partition("/")
        values = self._sum(above)
        return _ratio(values, self._sum(below)) if below else values

    def place(self, month: str) -> int:
        """Return the place of a month on record."""
        number = month_index(month)
        if number not in self._months:
            raise NotMeasured(f"{month_label(number)} is not on record")
        return self._months[number]

    def part(self, text: str, first: str, last: str) -> Array:
        """Return a series from one month to another, both included."""
        return self.series(text)[:, self.place(first) : self.place(last) + 1]

    def _sum(self, text: str) -> Array:
        names = text.removeprefix("stock:").split("+")
        missing = [name for name in names if name not in self._place]
        if missing:
            raise NotMeasured(f"{', '.join(missing)} is not on record")
        total: Array = np.sum([self._values[:, :, self._place[name]] for name in names], axis=0)
        return np.cumsum(total, axis=1) if text.startswith("stock:") else total


def columns_of(formula: str) -> list[str]:
    """Return the columns that a formula reads."""
    word, *arguments = formula.split()
    if word == "price_fall":
        return [_price(level) for level in arguments[2:]]
    series = [text for text in arguments if not text[0].isdigit()]
    return [name for text in series for side in text.split("/") for name in side.removeprefix("stock:").split("+")]


def at(record: Monthly, series: str, month: str) -> Array:
    """The value in a month."""
    return record.series(series)[:, record.place(month)]


def mean(record: Monthly, series: str, first: str, last: str) -> Array:
    """The mean over months."""
    average: Array = record.part(series, first, last).mean(axis=1)
    return average


def highest(record: Monthly, series: str, first: str, last: str) -> Array:
    """The largest value of some months."""
    largest: Array = record.part(series, first, last).max(axis=1)
    return largest


def change(record: Monthly, series: str, first: str, last: str) -> Array:
    """The last value less the first."""
    return at(record, series, last) - at(record, series, first)


def shift(record: Monthly, series: str, first: str, last: str, then: str, until: str) -> Array:
    """The mean over later months less the mean over earlier ones."""
    return mean(record, series, then, until) - mean(record, series, first, last)


def growth(record: Monthly, series: str, first: str, last: str) -> Array:
    """The factor by which it grows in a year."""
    years = (record.place(last) - record.place(first)) / 12.0
    factor: Array = _ratio(at(record, series, last), at(record, series, first)) ** (1.0 / years)
    return factor


def rise(record: Monthly, series: str, first: str, last: str) -> Array:
    """The points by which it rises in a year."""
    return change(record, series, first, last) * 12.0 / (record.place(last) - record.place(first))


def speed_up(record: Monthly, series: str, first: str, middle: str, last: str) -> Array:
    """The yearly rise after a month less that before it."""
    return rise(record, series, middle, last) - rise(record, series, first, middle)


def pooled(record: Monthly, amount: str, share: str, first: str, last: str) -> Array:
    """The share of some months together, from the amounts and their monthly shares of a whole."""
    amounts, shares = record.part(amount, first, last), record.part(share, first, last)
    whole = np.nansum(_ratio(amounts, shares), axis=1)
    return np.where(amounts.sum(axis=1) > 0.0, _ratio(amounts.sum(axis=1), whole), 0.0)


def lag(record: Monthly, follower: str, leader: str, tie: str, first: str, last: str) -> Array:
    """Months from the leader's first reaching a level to the follower's, mean over the levels reached in some months.

    Both series are running maxima. The follower has a level as soon as it is at most `tie` points below it. Levels that
    the leader had before the record are left out; those it has not reached by `last` count as reached a month later.
    """
    start, end = record.place(first), record.place(last)
    ahead = _first_reached(record.series(leader)[:, : end + 1])
    behind = _first_reached(record.series(follower)[:, : end + 1] + float(tie))
    counted = (behind >= start) & (behind <= end) & (ahead > 0)
    return _ratio(((behind - ahead) * counted).sum(axis=1).astype(np.float64), counted.sum(axis=1).astype(np.float64))


def price_fall(record: Monthly, months: str, last: str, *levels: str) -> Array:
    """The factor by which the lowest price at a capability level falls in the months after it is first reached.

    The median over those of the `levels` that were reached early enough before `last`.
    """
    end, span = record.place(last) + 1, int(months)
    falls = []
    for level in levels:
        price = record.series(_price(level))[:, :end]
        reached = np.isfinite(price)
        start = reached.argmax(axis=1)
        known = reached.any(axis=1) & (start + span < end)
        runs = np.arange(len(price))
        fall = _ratio(price[runs, start], price[runs, np.minimum(start + span, end - 1)])
        falls.append(np.where(known, fall, np.nan))
    return _median(np.stack(falls, axis=1))


def _median(values: Array) -> Array:
    """Median over the second axis of what is there, NaN where nothing is."""
    found = [row[np.isfinite(row)] for row in values]
    return np.array([np.median(row) if len(row) else np.nan for row in found])


def _first_reached(frontier: Array) -> np.ndarray:
    """Place of the first month at or above each of LEVELS, (runs, levels); the number of months where it is none."""
    places: np.ndarray = (frontier[:, :, np.newaxis] < LEVELS).sum(axis=1)
    return places


def _price(level: str) -> str:
    return f"price_fixed_capability.{level}"


def _ratio(above: Array, below: Array) -> Array:
    """Return above / below, NaN where that is not defined."""
    good = np.isfinite(above) & np.isfinite(below) & (below != 0.0)
    return np.where(good, np.where(good, above, 0.0) / np.where(good, below, 1.0), np.nan)


FORMULAS: dict[str, Callable[..., Array]] = {
    "at": at, "mean": mean, "highest": highest, "change": change, "shift": shift, "growth": growth, "rise": rise,
    "speed_up": speed_up, "pooled": pooled, "lag": lag, "price_fall": price_fall,
}  # fmt: skip
