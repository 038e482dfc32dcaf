"""Monthly measures of some runs, read by name: columns, sums and ratios of them, running totals, and operators."""

from collections.abc import Sequence

import numpy as np

from sim.arrays import Array
from sim.calendar import month_index, month_label


class NotMeasured(LookupError):
    """A column or a month that is not on record; the text says which."""


class Monthly:
    """Monthly measures of some runs; `values` (runs, months, columns)."""

    def __init__(self, columns: Sequence[str], values: Array, months: Sequence[int] | np.ndarray) -> None:
        """`columns` name the last axis; `months` are month numbers, 2022-01 = 0."""
        self._place = {name: place for place, name in enumerate(columns)}
        self._values = values
        self._months = {int(month): place for place, month in enumerate(months)}

    @property
    def months(self) -> list[int]:
        """Month numbers on record, 2022-01 = 0."""
        return list(self._months)

    @property
    def runs(self) -> int:
        """Number of runs."""
        return int(self._values.shape[0])

    def series(self, text: str) -> Array:
        """Return a series, (runs, months): a column, `a+b`, `stock:a+b` (running total), a ratio, or an operator."""
        from sim.operators import OPERATORS, observe  # late: operators read records

        if text in OPERATORS and text not in self._place:
            return observe(self, text)
        above, _, below = text.partition("/")
        values = self._sum(above)
        return ratio(values, self._sum(below)) if below else values

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


def ratio(above: Array, below: Array) -> Array:
    """Return above / below, NaN where that is not defined."""
    good = np.isfinite(above) & np.isfinite(below) & (below != 0.0)
    return np.where(good, np.where(good, above, 0.0) / np.where(good, below, 1.0), np.nan)
