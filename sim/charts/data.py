"""What the charts read: the record of a run (`manifest.json`, `series.parquet`) and the observed points.

Nothing here runs the model, so a chart can be drawn again from the files at any time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.calendar import month_index
from sim.data import Tables, load_tables
from sim.held import HeldResults
from sim.results import OutputError, Results

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAIN, COUNTERFACTUAL = "main", "counterfactual"
"""The two roles in a chart: the world shown, and the one it is held against."""
DEFAULT_BANDS = (0.5, 0.9)


class CannotDraw(LookupError):
    """A chart cannot be drawn from this record; the text says why."""


@dataclass(frozen=True)
class Estimate:
    """Median and outer band of something over the runs."""

    median: float
    low: float
    high: float

    def scaled(self, factor: float) -> "Estimate":
        """Return the estimate in another unit; a negative factor swaps the ends of the band."""
        low, high = sorted((self.low * factor, self.high * factor))
        return Estimate(self.median * factor, low, high)

    @property
    def includes_zero(self) -> bool:
        """Whether the band reaches zero from both sides."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True)
class Fan:
    """Median and central bands by month. `bands` runs from the widest to the narrowest: (share, low, high)."""

    months: Ints
    median: Floats
    bands: tuple[tuple[float, Floats, Floats], ...]

    def scaled(self, factor: float) -> "Fan":
        """Return the fan in another unit; `factor` is positive."""
        bands = tuple((band, low * factor, high * factor) for band, low, high in self.bands)
        return Fan(self.months, self.median * factor, bands)

    def floored(self, least: float) -> "Fan":
        """Return the fan for a logarithmic axis: lines below `least` are left out, bands are cut there."""
        bands = tuple(
            (band, np.where(high < least, np.nan, np.maximum(low, least)), np.where(high < least, np.nan, high))
            for band, low, high in self.bands
        )
        return Fan(self.months, np.where(self.median < least, np.nan, self.median), bands)

    def at(self, month: int) -> Estimate:
        """Return median and widest band in one month; NaN for a month that the fan does not have."""
        where = np.flatnonzero(self.months == month)
        if len(where) == 0:
            return Estimate(np.nan, np.nan, np.nan)
        _, low, high = self.bands[0]
        return Estimate(float(self.median[where[0]]), float(low[where[0]]), float(high[where[0]]))


@dataclass(frozen=True)
class Points:
    """Observed values of one measure and entity on one market; `low` and `high` are NaN where no range is known.

    `yearly` says that the values are means over the twelve months around their month; `shape` is the place of the
    market among those of the measure, so that a market has one marker.
    """

    market: str
    months: Ints
    values: Floats
    low: Floats
    high: Floats
    unit: str
    yearly: bool
    shape: int = 0


@dataclass(eq=False)
class RunRecord:
    """A run folder as the charts see it: one world, perhaps held against another. Arrays are shaped (runs, months).

    `arms` gives the arm of the file for each role (`MAIN`, and `COUNTERFACTUAL` if there is one); `months` are those
    that both arms have; `data` is the folder of the data tables, None for the packaged one.
    """

    results: Results | HeldResults
    arms: Mapping[str, str]
    months: Ints
    data: Path | None = None
    _cache: dict[str, dict[str, Floats]] = field(default_factory=dict, repr=False)

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest of the folder."""
        return self.results.manifest

    @property
    def runs(self) -> int:
        """Number of runs that are complete in every arm."""
        return len(self.results.runs)

    @cached_property
    def columns(self) -> frozenset[str]:
        """The measures on record, as in `token_share.CN`."""
        return frozenset(self.results.columns)

    @property
    def has_counterfactual(self) -> bool:
        """Whether a paired counterfactual was run."""
        return COUNTERFACTUAL in self.arms

    @cached_property
    def tables(self) -> Tables:
        """The data tables, for observed points, entry dates and policy dates."""
        return load_tables(self.data)

    @cached_property
    def scenario(self) -> Mapping[str, Any]:
        """The resolved scenario of the world shown; empty where the manifest has none."""
        return self.arm(MAIN) or _mapping(self.manifest.get("scenario"))

    def arm(self, role: str) -> Mapping[str, Any]:
        """Return the resolved scenario of a role; empty where the manifest has none."""
        return _mapping(_mapping(self.manifest.get("arms")).get(self.arms.get(role, "")))

    @cached_property
    def outputs(self) -> Mapping[str, Any]:
        """The block `outputs` of the scenario."""
        return _mapping(self.scenario.get("outputs"))

    @cached_property
    def bands(self) -> tuple[float, ...]:
        """The central bands to draw, widest first."""
        return tuple(sorted({float(band) for band in self.outputs.get("bands") or DEFAULT_BANDS}, reverse=True))

    @cached_property
    def record_end(self) -> int:
        """The last month for which the tables hold observed input; later months are the scenario's."""
        return int(self.tables.world_supply.months("month").max())

    @cached_property
    def headline(self) -> int:
        """The month that titles speak of: the first of `outputs.at`, else the end of the record, within the run."""
        asked = [month_index(str(text)) for text in self.outputs.get("at") or []]
        inside = [month for month in asked if self.months[0] <= month <= self.months[-1]]
        return inside[0] if inside else int(min(max(self.record_end, self.months[0]), self.months[-1]))

    def has(self, *columns: str) -> bool:
        """Whether all of these columns were recorded."""
        return all(column in self.columns for column in columns)

    def need(self, *columns: str) -> None:
        """Raise CannotDraw, naming every column of these that was not recorded."""
        missing = [column for column in columns if column not in self.columns]
        if missing:
            raise CannotDraw(f"the run has no measure {', '.join(missing)}")

    def values(self, column: str, role: str = MAIN) -> Floats:
        """Return a column of an arm, shape (runs, months). Raises CannotDraw."""
        self.need(column)
        if column not in self._cache:
            read = self.results.read([column])[column]
            self._cache[column] = {role: read[arm][:, : len(self.months)] for role, arm in self.arms.items()}
        return self._cache[column][role]

    def fan(self, column: str, role: str = MAIN) -> Fan:
        """Return median and bands of a column by month."""
        return fan_of(self.months, self.values(column, role), self.bands)

    def now(self, column: str, role: str = MAIN) -> Estimate:
        """Return median and widest band of a column in the month that titles speak of."""
        return self.fan(column, role).at(self.headline)

    def difference(self, column: str) -> Floats:
        """Return main minus counterfactual, run by run (they share draws and chance), shape (runs, months)."""
        return self.values(column, MAIN) - self.values(column, COUNTERFACTUAL)

    def difference_fan(self, column: str) -> Fan:
        """Return median and bands of the paired difference by month."""
        return fan_of(self.months, self.difference(column), self.bands)

    def observed(self, measure: str, entity: str = "") -> list[Points]:
        """Return the observed points of a measure and entity, one `Points` for each market."""
        if self.outputs.get("observed") is False:
            return []
        all_rows = [row for row in self.tables.observed.rows if row["measure"] == measure]
        shapes = list(dict.fromkeys(str(row["market"]) for row in all_rows))
        rows = [row for row in all_rows if row["entity"] == entity]
        markets = dict.fromkeys(str(row["market"]) for row in rows)
        return [
            _points(market, [row for row in rows if row["market"] == market], shapes.index(market))
            for market in markets
        ]


def pairs_of(manifest: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return what there is to draw in a folder: (arm, arm it is held against) for each pair, or one arm alone."""
    pairs = [tuple(str(arm) for arm in pair) for pair in manifest.get("pairs") or []]
    return pairs or [(next(iter(_mapping(manifest.get("arms"))), MAIN),)]


def open_record(folder: Path, arms: Sequence[str], data: Path | None = None) -> RunRecord:
    """Open a run folder; `arms` names the arm to show and, if there is a second, the arm it is held against.

    Raises OutputError where the folder is not whole or has no such arm.
    """
    return record_of(Results(folder), arms, data)


def record_of(results: Results | HeldResults, arms: Sequence[str], data: Path | None = None) -> RunRecord:
    """Return what the charts read of results on disk or in memory; `arms` as in `open_record`. Raises OutputError."""
    absent = [arm for arm in arms if arm not in results.arms]
    if absent:
        raise OutputError(f"{results.folder} has no arm {', '.join(absent)}; it has {', '.join(results.arms)}")
    months = [results.months(arm) for arm in arms]
    shared = months[0][: min(len(some) for some in months)]
    return RunRecord(results, dict(zip((MAIN, COUNTERFACTUAL), arms, strict=False)), shared, data)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def fan_of(months: Ints, values: Floats, bands: Sequence[float]) -> Fan:
    """Return median and central `bands` over the runs of `values` (runs, months).

    NaN means "not reached" and counts as larger than every number: a quantile that falls on it is NaN. So a median is
    drawn only where half of the runs have a value, and no run is left out on the way.
    """
    ordered = np.sort(values, axis=0)  # NaN last

    def quantile(level: float) -> Floats:
        place = level * (len(ordered) - 1)
        below, above = ordered[int(np.floor(place))], ordered[int(np.ceil(place))]
        mixed: Floats = below + (above - below) * (place - np.floor(place))
        return mixed

    widths = sorted(set(bands), reverse=True)
    return Fan(months, quantile(0.5), tuple((w, quantile((1 - w) / 2), quantile((1 + w) / 2)) for w in widths))


def _points(market: str, rows: Sequence[Mapping[str, str | float]], shape: int) -> Points:
    ordered = sorted(rows, key=lambda row: str(row["month"]))

    def numbers(column: str) -> Floats:
        return np.array([np.nan if row[column] == "" else float(row[column]) for row in ordered], dtype=np.float64)

    months = np.array([month_index(str(row["month"])) for row in ordered], dtype=np.int64)
    yearly = all("of the year" in f"{row['market']} {row['note']}" for row in ordered)
    return Points(
        market, months, numbers("value"), numbers("low"), numbers("high"), str(ordered[0]["unit"]), yearly, shape
    )
