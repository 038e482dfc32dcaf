"""How a stylised fact is stated from monthly measures: the words that a formula in `targets.csv` is written in.

A formula is a word and its arguments, all between spaces: `change legal_share_stock 2023-12 2025-12`. Months are
written YYYY-MM. A series is a column of the record (`gap_months.CN`), a sum of columns (`a+b`), a running total since
the first month of either (`stock:a+b`), or a ratio of two of these (`stock:a+b/stock:c`).
"""

import inspect
from collections.abc import Callable

import numpy as np

from sim.arrays import Array
from sim.monthly import Monthly, NotMeasured, ratio
from sim.operators import OPERATORS

FINEST = 0.5
"""Distance between capability levels at which a lag is measured, ECI."""
LEVELS = np.arange(90.0, 200.0, FINEST)


def state(record: Monthly, formula: str) -> Array:
    """Return what a formula states of every run, (runs,); NaN where a run does not have it.

    Raises NotMeasured where its columns or months are not on record, ValueError for a formula that is none.
    """
    word, *arguments = formula.split()
    if word not in FORMULAS:
        raise ValueError(f"'{word}' is no word of a formula; there are {', '.join(FORMULAS)}")
    try:
        inspect.signature(FORMULAS[word]).bind(record, *arguments)
    except TypeError as error:
        raise ValueError(f"'{formula}' has the wrong arguments: {error}") from None
    return FORMULAS[word](record, *arguments)


def columns_of(formula: str) -> list[str]:
    """Return the columns that a formula reads."""
    word, *arguments = formula.split()
    if word == "price_fall":
        return [_price(level) for level in arguments[2:]]
    found: list[str] = []
    for text in arguments:
        if text in OPERATORS:
            found += OPERATORS[text].columns
        elif not text[0].isdigit():
            found += [name for side in text.split("/") for name in side.removeprefix("stock:").split("+")]
    return found


def none(record: Monthly) -> Array:
    """No run states it. Raises NotMeasured."""
    raise NotMeasured("no measure states the fact")


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
    factor: Array = ratio(at(record, series, last), at(record, series, first)) ** (1.0 / years)
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
    whole = np.nansum(ratio(amounts, shares), axis=1)
    return np.where(amounts.sum(axis=1) > 0.0, ratio(amounts.sum(axis=1), whole), 0.0)


def lag(record: Monthly, follower: str, leader: str, tie: str, first: str, last: str) -> Array:
    """Months from the leader's first reaching a level to the follower's, mean over the levels reached in some months.

    Both series are running maxima. The follower has a level as soon as it is at most `tie` points below it. Levels that
    the leader had before the record are left out; those it has not reached by `last` count as reached a month later.
    """
    start, end = record.place(first), record.place(last)
    ahead = _first_reached(record.series(leader)[:, : end + 1])
    behind = _first_reached(record.series(follower)[:, : end + 1] + float(tie))
    counted = (behind >= start) & (behind <= end) & (ahead > 0)
    return ratio(((behind - ahead) * counted).sum(axis=1).astype(np.float64), counted.sum(axis=1).astype(np.float64))


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
        fall = ratio(price[runs, start], price[runs, np.minimum(start + span, end - 1)])
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


FORMULAS: dict[str, Callable[..., Array]] = {
    "at": at, "mean": mean, "highest": highest, "change": change, "shift": shift, "growth": growth, "rise": rise,
    "speed_up": speed_up, "pooled": pooled, "lag": lag, "price_fall": price_fall, "none": none,
}  # fmt: skip
