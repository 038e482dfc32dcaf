"""What a run gives a notebook: tables for pandas, arrays for xarray, plots on your own axes, and a folder on disk."""

import html
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.calendar import month_index, month_label
from sim.charts.data import COUNTERFACTUAL, CannotDraw, RunRecord, pairs_of, record_of
from sim.charts.panels import draw_counterfactual, draw_fan, draw_points, month_axis
from sim.charts.style import BLOC_HUE, HUE, INK, display, house_style, percent_axis
from sim.charts.text import CAVEAT, phrase_of, unit_of
from sim.compare import DIFFERENCE_HEADER, SHARES, difference_in, quantiles
from sim.ensemble import Pace
from sim.errors import InputError, Problem, nearest_name
from sim.held import HeldResults
from sim.history import Order, carry_out
from sim.measures import CATALOGUE, LABS
from sim.results import Floats, OutputError, Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame
    from xarray import Dataset

    from sim.engine import Record
    from sim.ensemble import Rows
    from sim.interactive.picture import Picture
    from sim.interactive.views import View
    from sim.plan import Plan
    from sim.scenario import Scenario

Months = str | Sequence[str] | None
CHAIN, CHANNELS = "chain", "channels"


class Result:
    """Scenarios that were run together, with the same draws and chance.

    `arms`: their names, the base or main one first. `columns`: measures as in `token_share_abroad.CN`. `pairs`: (arm,
    against) of the paired differences. `months`: those that all arms have, YYYY-MM. `results`: the reader below.
    """

    def __init__(self, results: Results | HeldResults, plan: "Plan | None" = None) -> None:
        """Wrap results in memory or on disk; `plan` is what was computed, None for a folder that was opened."""
        self.results, self._plan = results, plan
        self.manifest = results.manifest
        self.arms, self.columns = list(results.arms), list(results.columns)
        self.pairs = [(str(arm), str(against)) for arm, against in results.manifest["pairs"]]
        numbers = set.intersection(*({int(month) for month in results.months(arm)} for arm in self.arms))
        self._months = sorted(numbers)
        self.months = [month_label(month) for month in self._months]

    @property
    def runs(self) -> int:
        """Number of runs of each arm."""
        return len(self.results.runs)

    @property
    def warnings(self) -> list[str]:
        """What to beware of, such as too few runs for an interval."""
        return list(self.manifest.get("warnings", []))

    def summary(self, at: Months = None, columns: Sequence[str] | None = None) -> "DataFrame":
        """Return quantiles over the runs by column, arm and month, as in summary.csv; all months unless given.

        Raises InputError for a month or a column that is not there.
        """
        from pandas import DataFrame

        return DataFrame(list(self._summary(self._asked(at, self._months), self._known(columns))))

    def differences(self, at: Months = None, columns: Sequence[str] | None = None) -> "DataFrame":
        """Return paired differences by column, pair and month, as in differences.csv; its months unless given.

        Empty where nothing is held against anything. Raises InputError for a month or a column that is not there.
        """
        from pandas import DataFrame

        stated = [month_index(text) for text in self.manifest["at"]]
        rows = list(self._differences(self._asked(at, stated), self._known(columns)))
        return DataFrame(rows, columns=list(DIFFERENCE_HEADER))

    def frame(self, column: str) -> "DataFrame":
        """Return a column run by run: a row for each arm, run and month (a date), in the unit of the measure."""
        from pandas import DataFrame, concat

        values = self._read([column])[column]
        parts = []
        for arm in self.arms:
            dates = self._dates(self.results.months(arm).tolist())
            runs, months = values[arm].shape
            keys = {"arm": arm, "run": np.repeat(self.results.runs, months), "month": np.tile(dates, runs)}
            parts.append(DataFrame({**keys, column: values[arm].ravel()}))
        return concat(parts, ignore_index=True)

    def dataset(self, columns: Sequence[str] | None = None) -> "Dataset":
        """Return columns (all unless given) as an xarray Dataset with dimensions arm, run and month, units in attrs.

        Months that not every arm has are left out. Raises InputError where xarray is missing or a column is not there.
        """
        try:
            import xarray
        except ModuleNotFoundError:
            raise InputError(_needs("datasets", "xarray", "export")) from None
        coords = {"arm": self.arms, "run": self.results.runs, "month": self._dates(self._months)}
        found = {}
        for column, by_arm in self._read(self._known(columns)).items():
            stacked = np.stack([by_arm[arm][:, self._shared(arm)] for arm in self.arms])
            found[column] = (("arm", "run", "month"), stacked, _about(column))
        facts = {key: self.manifest[key] for key in ("name", "title", "seed", "hash")}
        return xarray.Dataset(found, coords, {**facts, "note": CAVEAT})

    def record(self, arm: str | None = None) -> RunRecord:
        """Return what the charts read: an arm with the one it is held against. Raises InputError for no such arm."""
        pairs = pairs_of(self.manifest)
        if arm is None:
            return record_of(self.results, pairs[0])
        if arm not in self.arms:
            raise InputError(Problem(f"there is no arm '{arm}'", nearest=nearest_name(arm, self.arms)))
        return record_of(self.results, next((pair for pair in pairs if pair[0] == arm), (arm,)))

    def plot(self, column: str, ax: "Axes | None" = None, arm: str | None = None, colour: str = "") -> "Axes":
        """Draw median and bands of a column, the median of the counterfactual (dashed), and observed shares.

        On `ax`, or on axes of its own. Matplotlib's settings stay as they are. Returns the axes. `arm`: the first that
        is held against another unless given. Raises InputError for a column or arm that is not there.
        """
        record = self.record(arm)
        self._known([column])
        with house_style():
            if ax is None:
                from matplotlib import pyplot

                ax = pyplot.subplots(figsize=(7.0, 3.6), layout="constrained")[1]
            return _plotted(record, column, ax, colour or _hue(column))

    def picture(self, view: "View | str | None" = None, arm: str | None = None) -> "Picture":
        """Return an interactive chart: a View of market shares (by bloc unless given), 'chain' or 'channels'.

        Its `.chart` is Altair's, `.table` the numbers, `.title` a sentence. Raises InputError where Altair is missing
        or the view cannot be drawn from this record.
        """
        try:
            import altair  # noqa: F401
        except ModuleNotFoundError:
            raise InputError(_needs("pictures", "altair", "report")) from None
        try:
            return _picture(self.record(arm), view)
        except (CannotDraw, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(Problem(f"this view cannot be drawn: {error}")) from None

    def save(self, out: str | Path = "outputs") -> Path:
        """Write the folder that the command line writes for the same thing below `out`, and return it; no charts.

        A folder that is there already is left as it is. Raises OutputError where it cannot be written, InputError for
        results that were opened from a folder.
        """
        if self._plan is None or isinstance(self.results, Results):
            raise InputError(Problem(f"these results are on disk already, in {self.results.folder}"))
        order = Order(Path(out), Pace(jobs=1), command="sim.api")
        return carry_out(self._plan, order, _Kept(self._plan, self.results)).folder

    def __repr__(self) -> str:
        """Say what it is, in a few lines."""
        return "\n".join([str(self.manifest["title"]), *(f"  {key}: {text}" for key, text in self._facts())])

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in self._facts())
        return f"<table><caption>{html.escape(str(self.manifest['title']))}</caption><tbody>{rows}</tbody></table>"

    def _facts(self) -> list[tuple[str, str]]:
        facts = [
            ("scenarios", ", ".join(self.arms)),
            ("runs", f"{self.runs} of each, seed {self.manifest['seed']}"),
            ("months", f"{self.months[0]} to {self.months[-1]}"),
            ("columns", f"{len(self.columns)}, such as {', '.join(self.columns[:3])}"),
            ("differences", "; ".join(f"{arm} less {against}" for arm, against in self.pairs) or "none"),
        ]
        return [*facts, *(("warning", text) for text in self.warnings), ("note", CAVEAT)]

    def _summary(self, months: list[int], columns: list[str]) -> Iterator[dict[str, Any]]:
        for column, by_arm in self._read(columns).items():
            for arm, values in by_arm.items():
                levels = quantiles(values, tuple(SHARES.values()))
                defined = (~np.isnan(values)).sum(axis=0)
                places = {int(month): place for place, month in enumerate(self.results.months(arm))}
                for month in (month for month in months if month in places):
                    numbers = dict(zip(SHARES, levels[:, places[month]].tolist(), strict=True))
                    yield {**_keys(month, arm), **_names(column), **numbers, "runs": int(defined[places[month]])}

    def _differences(self, months: list[int], columns: list[str]) -> Iterator[dict[str, Any]]:
        for column, by_arm in self._read(columns).items():
            for arm, against in self.pairs:
                for month in months:
                    found = difference_in(self.results, by_arm, (arm, against), month)  # type: ignore[arg-type]
                    yield {**_keys(month, arm), "against": against, **_names(column), **asdict(found)}

    def _asked(self, at: Months, otherwise: list[int]) -> list[int]:
        """Month numbers of what was asked for. Raises InputError for what is no month of every arm."""
        if at is None:
            return otherwise
        texts = [at] if isinstance(at, str) else list(at)
        for text in texts:
            if text not in self.months:
                span = f"Give months from {self.months[0]} to {self.months[-1]}, as YYYY-MM"
                raise InputError(Problem(f"there is no month '{text}' in every arm", remedy=span))
        return [month_index(text) for text in texts]

    def _known(self, columns: Sequence[str] | None) -> list[str]:
        if columns is None:
            return self.columns
        if isinstance(columns, str):
            columns = [columns]
        for column in columns:
            if column not in self.columns:
                near = nearest_name(column, self.columns)
                raise InputError(Problem(f"there is no column '{column}' in these results", nearest=near))
        return list(columns)

    def _read(self, columns: Sequence[str]) -> dict[str, dict[str, Floats]]:
        return self.results.read(self._known(columns))

    def _shared(self, arm: str) -> Any:
        return np.isin(self.results.months(arm), self._months)

    def _dates(self, months: Sequence[int]) -> Any:
        from pandas import to_datetime

        return to_datetime([f"{month_label(month)}-01" for month in months])


class _Kept:
    """Hands out records that are in memory where an ensemble would compute them."""

    def __init__(self, plan: "Plan", results: HeldResults) -> None:
        self._arms = {id(scenario): arm for arm, scenario in plan.arms.items()}
        self._results = results

    def __call__(self, scenario: "Scenario", rows: "Rows", measures: "list[str] | None") -> "Record":
        """Return the record of some runs. Raises OutputError for a run that is not held."""
        record = self._results.record(self._arms[id(scenario)])
        if not np.isin(rows, record.rows).all():
            raise OutputError("these results do not hold every run of the plan")
        places = np.searchsorted(record.rows, rows)
        return replace(record, rows=record.rows[places], values=record.values[places])


def _plotted(record: RunRecord, column: str, ax: "Axes", colour: str) -> "Axes":
    measure, _, entity = column.partition(".")
    share = unit_of(measure).startswith("%")
    draw_fan(record.fan(column), ax, colour)
    ax.lines[-1].set_label(f"median of {record.runs} runs")
    if record.has_counterfactual:
        draw_counterfactual(record.fan(column, COUNTERFACTUAL), ax, colour)
        ax.lines[-1].set_label(f"median of {record.arms[COUNTERFACTUAL]}")
    if share:
        draw_points(record.observed(measure, entity), ax, colour)
        percent_axis(ax)
    month_axis(record, ax)
    phrase = phrase_of(measure)
    whose = f"{display(entity)}: " if entity else ""
    ax.set_title(f"{whose}{phrase}", loc="left", fontsize=9.5)
    ax.set_ylabel(unit_of(measure))
    ax.legend(frameon=False, fontsize=8, loc="best")
    return ax


def _picture(record: RunRecord, view: "View | str | None") -> "Picture":
    from sim.interactive.chain import chain
    from sim.interactive.compute import channels
    from sim.interactive.shares import shares
    from sim.interactive.views import View, why_not

    if isinstance(view, str):
        if view not in (CHAIN, CHANNELS):
            raise InputError(Problem(f"there is no picture '{view}'", remedy="Give a View, 'chain' or 'channels'"))
        return chain(record) if view == CHAIN else channels(record)
    chosen = view or View()
    if reason := why_not(chosen, record):
        raise InputError(Problem(reason))
    return shares(record, chosen)


def _hue(column: str) -> str:
    from sim.data import load_tables

    entity = column.partition(".")[2]
    if entity in LABS:
        labs = load_tables().labs
        return BLOC_HUE[dict(zip(labs.text("lab"), labs.text("bloc"), strict=True))[entity]]
    return HUE.get(entity, INK)


def _keys(month: int, arm: str) -> dict[str, Any]:
    return {"month": month_label(month), "arm": arm}


def _names(column: str) -> dict[str, str]:
    measure, _, entity = column.partition(".")
    return {"measure": measure, "entity": entity, "unit": CATALOGUE[measure].unit}


def _about(column: str) -> dict[str, str]:
    about = CATALOGUE[column.partition(".")[0]]
    return {"units": about.unit, "long_name": about.phrase, "formula": about.formula}


def _needs(what: str, package: str, extra: str) -> Problem:
    return Problem(f"{what} need the package {package}", remedy=f"Install it: pip install 'darkhorse[{extra}]'")
