"""Charts of what compute does: frontier and gap, stock and inflow of compute, and the chain from scarcity to share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.charts.data import COUNTERFACTUAL, Estimate, Points, RunRecord
from sim.charts.panels import draw_counterfactual, draw_fan, draw_marks, draw_points, draw_zero, month_axis
from sim.charts.policies import policy_marks
from sim.charts.sheet import MARGIN_RIGHT, Drawn, EndLabel, Sheet, label_ends, open_sheet, panel_heading
from sim.charts.style import BLOC_HUE, HUE, display, log_axis, percent_axis
from sim.charts.text import (
    compact_band,
    counterfactual_title,
    heading,
    how_to_read,
    number,
    number_band,
    otherwise,
    percent,
    percent_band,
    signed,
    unit_of,
    versus,
    when,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHANNELS = {"legal": "Legal sales", "domestic": "Domestic chips", "smuggled": "Smuggled", "cloud": "Rented abroad"}
STOCKS = ("world", "US", "CN", "EU", "OTHER")
FRONTIERS = ("open", "US", "CN", "EU")
LEAST_FLOW = 100.0
"""H100e a month below which a flow is not drawn on the logarithmic axis."""
LOG_ROOM = 2e4
"""A logarithmic axis shows at most this ratio from top to bottom."""
ABSENT = 1.0
"""A capability below this is that of a bloc that has no model yet."""
RING = 6.6
"""Size in points of the markers of open models, around those of the bloc whose model is the open one."""


@dataclass(frozen=True)
class Link:
    """A link of the chain: its name, the column that shows it, the factor from the column to the axis."""

    name: str
    column: str
    factor: float = 1.0

    @property
    def measure(self) -> str:
        """The measure of the column."""
        return self.column.split(".")[0]


CHAIN = (
    Link("Scarcity premium", "scarcity_premium.CN"),
    Link("Staff on efficiency", "research_effort_share.CN", 100.0),
    Link("Efficiency", "algorithmic_efficiency.CN"),
    Link("Frontier", "frontier_capability.CN"),
    Link("Share abroad", "token_share_abroad.CN", 100.0),
)


def frontier(record: RunRecord) -> Drawn:
    """Best released capability by bloc and of open models, and how many months China and open models trail."""
    record.need("frontier_capability.US", "frontier_capability.CN", "gap_months.CN", "gap_months.open")
    entities = [entity for entity in FRONTIERS if _exists(record, entity)]
    title = _gap_title(record)
    levels: dict[str, list[Points]] = {entity: record.observed("frontier_capability", entity) for entity in entities}
    gaps: dict[str, list[Points]] = {e: record.observed("gap_months", e) for e in ("open", "CN") if e in entities}
    reading = how_to_read(record, "Best model released so far, and months since the US frontier stood where it stands")
    words = heading(record, title, reading, [*levels.values(), *gaps.values()])
    sheet = open_sheet(9.0, 3.5, 1, 2, words, right=0.62, wspace=0.34, width_ratios=[1.25, 1])
    panels = (("frontier_capability", "Frontier", levels), ("gap_months", "Behind the US by", gaps))
    for place, (measure, name, observed) in enumerate(panels):
        ax = sheet.figure.add_subplot(sheet.grid[0, place])
        _lines(record, ax, measure, list(observed), ("US", "CN"))
        for entity, points in observed.items():
            draw_points(points, ax, HUE[entity], size=RING if entity == "open" else 4.0)
        draw_marks(policy_marks(record), month_axis(record, ax, short=True))
        panel_heading(ax, name, unit_of(measure))
        label_ends(ax, _names(record, measure, list(observed)))
    draw_zero(ax)
    alt = f"Two line charts: capability of the best released models, and the lag behind the US in months. {title}."
    return Drawn(sheet.figure, title, alt)


def _exists(record: RunRecord, entity: str) -> bool:
    """Whether a bloc (or open models) has a model by the end of the run, in the median."""
    column = f"frontier_capability.{entity}"
    return record.has(column) and bool(record.fan(column).median[-1] > ABSENT)


def _gap_title(record: RunRecord) -> str:
    def trailing(median: float) -> str:
        return f"trail by {number(median)}" if not median < 0 else f"lead by {number(-median)}"

    end = f"open models {trailing(record.now('gap_months.open').median)}"
    if not _exists(record, "CN"):
        return f"In {when(record)}, {end} months against the US frontier; there is no Chinese model"
    gap = record.now("gap_months.CN")
    ahead = gap.median < 0
    size = number_band(gap.scaled(-1) if ahead else gap, record.bands[0], 1, "months")
    title = f"Chinese models {'lead' if ahead else 'trail'} the US frontier by {size} in {when(record)}, {end}"
    if record.has_counterfactual:
        title += versus(record, f"Chinese models {trailing(record.now('gap_months.CN', COUNTERFACTUAL).median)}")
    return title


def compute(record: RunRecord) -> Drawn:
    """Compute owned by bloc and China's share of it above; China's inflow by channel below, all on one log scale."""
    stocks = [entity for entity in STOCKS if record.has(f"compute_owned.{entity}")]
    record.need("compute_owned.CN", "compute_share.CN", *(f"compute_inflow.{channel}" for channel in CHANNELS))
    title = (
        f"China owns {percent_band(record.now('compute_share.CN'), record.bands[0])} of the world's AI compute in "
        f"{when(record)}, {compact_band(record.now('compute_owned.CN'), record.bands[0], unit_of('compute_owned'))}"
    )
    if record.has_counterfactual:
        title += versus(record, percent(record.now("compute_share.CN", COUNTERFACTUAL).median))
    drawn = {"compute_owned": stocks, "compute_share": ["CN"], "compute_inflow": list(CHANNELS)}
    observed = [record.observed(measure, entity) for measure, entities in drawn.items() for entity in entities]
    reading = how_to_read(
        record,
        "Compute in H100-equivalents (H100e), log scales except for the share; lower row: inflow to China by channel",
    )
    words = heading(record, title, reading, observed)
    sheet = open_sheet(9.0, 4.8, 2, 12, words, right=0.3, wspace=0.9, hspace=0.5)
    _stock_panels(record, sheet, stocks)
    _channel_panels(record, sheet)
    alt = f"Six charts of compute: stock by bloc, China's share, and China's inflow by four channels. {title}."
    return Drawn(sheet.figure, title, alt)


def chain(record: RunRecord) -> Drawn:
    """Five aligned panels from the scarcity premium to the share abroad, with the paired difference of each beside."""
    record.need(*(link.column for link in CHAIN))
    paired = record.has_counterfactual
    title = _chain_title(record)
    reading = _open_signs(record) if paired else "Chinese labs, from scarce compute to market share"
    observed = {link.column: record.observed(*link.column.split(".")) for link in CHAIN}
    words = heading(record, title, how_to_read(record, reading), observed.values())
    columns = 2 if paired else 1
    sheet = open_sheet(9.0, 7.6, len(CHAIN), columns, words, right=MARGIN_RIGHT, wspace=0.2, hspace=0.5)
    for row, link in enumerate(CHAIN):
        unit = unit_of(link.measure)
        ax = sheet.figure.add_subplot(sheet.grid[row, 0])
        draw_fan(record.fan(link.column).scaled(link.factor), ax, BLOC_HUE["CN"])
        if paired:
            draw_counterfactual(record.fan(link.column, COUNTERFACTUAL).scaled(link.factor), ax, BLOC_HUE["CN"])
        draw_points(observed[link.column], ax, BLOC_HUE["CN"], link.factor)
        _chain_axis(record, ax, row, f"{row + 1}  {link.name}", unit)
        if paired:
            ax = sheet.figure.add_subplot(sheet.grid[row, 1])
            draw_zero(draw_fan(record.difference_fan(link.column).scaled(link.factor), ax, BLOC_HUE["CN"]))
            points = "percentage points" if unit.startswith("%") else unit
            _chain_axis(record, ax, row, "Difference made", f"{points}, run by run")
    alt = (
        f"Five rows of line charts for Chinese labs: {', '.join(link.name.lower() for link in CHAIN)}"
        f"{f', each with its difference from: {counterfactual_title(record)}' if paired else ''}. {title}."
    )
    return Drawn(sheet.figure, title, alt)


def _effect(record: RunRecord, link: Link) -> Estimate:
    return record.difference_fan(link.column).scaled(link.factor).at(record.headline)


def _chain_title(record: RunRecord) -> str:
    if not record.has_counterfactual:
        return f"From scarce compute to market share: Chinese labs to {when(record)}"
    parts = []
    for link in CHAIN:
        change, unit = _effect(record, link).median, unit_of(link.measure)
        if unit.startswith("ln"):
            words = f"{signed(100 * math.expm1(change), 0)}%" if math.isfinite(change) else "n/a"
        else:
            words = f"{signed(change)} {'points' if unit.startswith('%') else unit}"
        parts.append(f"{link.name.lower()} {words}")
    return f"Compared with the world {otherwise(record)}, Chinese labs in {when(record)}: {', '.join(parts)}"


def _open_signs(record: RunRecord) -> str:
    doubtful = [link.name.lower() for link in CHAIN if _effect(record, link).includes_zero]
    reach = f"the {record.bands[0]:.0%} band of the difference includes zero"
    return f"In {when(record)} {reach} for {', '.join(doubtful) if doubtful else 'none of the five'}"


def _chain_axis(record: RunRecord, ax: "Axes", row: int, name: str, unit: str) -> None:
    from matplotlib.ticker import MaxNLocator

    draw_marks(policy_marks(record), month_axis(record, ax), numbered=row == 0)
    ax.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    ax.tick_params(labelbottom=row == len(CHAIN) - 1)
    panel_heading(ax, name, unit)


def _stock_panels(record: RunRecord, sheet: Sheet, stocks: Sequence[str]) -> None:
    ax = sheet.figure.add_subplot(sheet.grid[0, :7])
    _lines(record, ax, "compute_owned", stocks, ("CN", "world"))
    for entity in stocks:
        draw_points(record.observed("compute_owned", entity), ax, HUE[entity])
    _log_from(ax, 1.0)
    draw_marks(policy_marks(record), month_axis(record, ax, short=True))
    panel_heading(ax, "Compute owned", unit_of("compute_owned"))
    label_ends(ax, _names(record, "compute_owned", stocks))
    ax = sheet.figure.add_subplot(sheet.grid[0, 9:])
    _lines(record, ax, "compute_share", ("CN",), ("CN",))
    draw_points(record.observed("compute_share", "CN"), ax, BLOC_HUE["CN"])
    draw_marks(policy_marks(record), month_axis(record, ax, short=True), numbered=False)
    percent_axis(ax)
    panel_heading(ax, "China's share", "%")


def _channel_panels(record: RunRecord, sheet: Sheet) -> None:
    axes: list[Axes] = []
    for place, (channel, name) in enumerate(CHANNELS.items()):
        ax = sheet.figure.add_subplot(sheet.grid[1, 3 * place : 3 * place + 3], sharey=axes[0] if axes else None)
        axes.append(ax)
        draw_fan(record.fan(f"compute_inflow.{channel}").floored(LEAST_FLOW), ax, BLOC_HUE["CN"])
        if record.has_counterfactual:
            other = record.fan(f"compute_inflow.{channel}", COUNTERFACTUAL)
            draw_counterfactual(other.floored(LEAST_FLOW), ax, BLOC_HUE["CN"])
        draw_points(record.observed("compute_inflow", channel), ax, BLOC_HUE["CN"])
        draw_marks(policy_marks(record), month_axis(record, ax, short=True), numbered=False)
        ax.tick_params(labelleft=place == 0)
        panel_heading(ax, name, unit_of("compute_inflow") if place == 0 else "")
    _log_from(axes[0], LEAST_FLOW)


def _lines(record: RunRecord, ax: "Axes", measure: str, entities: Sequence[str], banded: Sequence[str]) -> None:
    """Draw entities of a measure, with bands for `banded`, and China's counterfactual."""
    for entity in entities:
        fan = record.fan(f"{measure}.{entity}")
        fan = fan.floored(ABSENT) if measure == "frontier_capability" else fan
        if entity in banded:
            draw_fan(fan, ax, HUE[entity])
        else:
            ax.plot(fan.months, fan.median, color=HUE[entity], lw=1.4, zorder=3.8)
        if record.has_counterfactual and entity == "CN":
            draw_counterfactual(record.fan(f"{measure}.{entity}", COUNTERFACTUAL), ax, HUE[entity])


def _names(record: RunRecord, measure: str, entities: Sequence[str]) -> list[EndLabel]:
    return [
        EndLabel(float(record.fan(f"{measure}.{entity}").median[-1]), display(entity), HUE[entity])
        for entity in entities
    ]


def _log_from(ax: "Axes", least: float) -> None:
    log_axis(ax)
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, least, high / LOG_ROOM), high)
