"""Charts of price, of who publishes weights when, and of shares as each market measures them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.charts.data import COUNTERFACTUAL, MAIN, Fan, Floats, Points, RunRecord
from sim.charts.panels import (
    draw_counterfactual,
    draw_fan,
    draw_marks,
    draw_points,
    draw_releases,
    draw_strip,
    month_axis,
)
from sim.charts.policies import policy_marks
from sim.charts.sheet import Drawn, EndLabel, label_ends, open_sheet, panel_heading
from sim.charts.style import BLOC_HUE, HUE, INK, display, lab_strokes, log_axis, percent_axis
from sim.charts.text import (
    compact_band,
    heading,
    how_to_read,
    number,
    percent,
    phrase_of,
    title_of,
    unit_of,
    versus,
    when,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OPENNESS = ("closed", "open")
LEVEL_SHADES = ("#A3B899", "#7FA273", "#5A8A58", "#386F47", "#0B4F3A")
YEAR = 12
MARKETS = {
    "enterprise_share": ("Enterprises, US", ("OpenAI", "Anthropic", "GoogleDeepMind", "CN")),
    "consumer_share": ("Consumers abroad", ("OpenAI", "GoogleDeepMind", "DeepSeek")),
    "developer_token_share": ("Developers abroad", ("open", "CN")),
    "hub_share": ("Open weights, US v China", ("CN", "US")),
}
MOST_RUNS = 0.5


def price(record: RunRecord) -> Drawn:
    """Price of open and closed tokens, and the price of a fixed capability, on logarithmic scales."""
    prefix = "price_fixed_capability."
    levels = sorted((c.removeprefix(prefix) for c in record.columns if c.startswith(prefix)), key=float)
    record.need("token_price.open", "token_price.closed", *([] if levels else [f"{prefix}*"]))
    opened, closed = (compact_band(record.now(f"token_price.{side}"), record.bands[0]) for side in ("open", "closed"))
    title = f"A million tokens cost ${opened} from open and ${closed} from closed models in {when(record)}"
    rates = [rate for level in levels if (rate := yearly_fall(record.fan(f"{prefix}{level}"))) is not None]
    if rates:
        title += f"; a fixed capability gets {number(float(np.median(rates)), 0)} times cheaper in a year"
    reading = how_to_read(
        record,
        "Log scales; right: the cheapest model that reaches a capability, once half of the runs have one, with the "
        "inner band alone",
    )
    observed = [record.observed("token_price", side) for side in OPENNESS]
    observed += [record.observed("price_fixed_capability", level) for level in levels]
    sheet = open_sheet(9.0, 3.6, 1, 2, heading(record, title, reading, observed), right=0.3, wspace=0.4)
    ax = sheet.figure.add_subplot(sheet.grid[0, 0])
    for side in OPENNESS:
        _priced(record, ax, f"token_price.{side}", HUE[side])
    ends = [EndLabel(_last(record.fan(f"token_price.{side}")), side.capitalize(), HUE[side]) for side in OPENNESS]
    _price_axis(record, ax, "Average price paid", ends)
    ax = sheet.figure.add_subplot(sheet.grid[0, 1])
    shades = dict(zip(reversed(levels), reversed(LEVEL_SHADES), strict=False))
    for level, shade in shades.items():
        _priced(record, ax, f"{prefix}{level}", shade, narrow=True)
    _price_axis(record, ax, "Price at a fixed ECI", ())
    for level in shades:
        _label_start(ax, record.fan(f"{prefix}{level}"), level)
    return Drawn(sheet.figure, title, f"Two line charts of prices per million tokens on log scales. {title}.")


def who_is_open(record: RunRecord) -> Drawn:
    """A strip for each lab: the share of runs in which its flagship is open, by month, with observed releases."""
    blocs = dict(zip(record.tables.labs.text("lab"), record.tables.labs.text("bloc"), strict=True))
    record.need(*(f"release_open.{lab}" for lab in blocs))
    rows = sorted(blocs, key=lambda lab: list(BLOC_HUE).index(blocs[lab]))
    roles = (MAIN, COUNTERFACTUAL) if record.has_counterfactual else (MAIN,)
    shares = {role: np.array([_open_share(record, lab, role) for lab in rows]) for role in roles}
    title = _title_open(record, {lab: blocs[lab] for lab in rows}, shares)
    observed = {lab: record.observed("release_open", lab) for lab in rows}
    reading = (
        f"Full colour: the flagship's weights are open in all {record.runs} runs; white: in none; thin line: before "
        "the lab's entry. Circles: observed releases, black if the flagship's weights are open, half black if only a "
        "smaller model's, white if closed"
    )
    words = heading(record, title, reading)
    markets = dict.fromkeys(points.market for some in observed.values() for points in some)
    words = type(words)(words.title, words.subtitle, [*(f"Observed: {market}." for market in markets), *words.notes])
    sheet = open_sheet(9.0, 0.235 * len(rows), 1, len(roles), words, left=1.45, right=0.25, wspace=0.07)
    for column, role in enumerate(roles):
        ax = sheet.figure.add_subplot(sheet.grid[0, column])
        _strip(record, ax, shares[role], {lab: blocs[lab] for lab in rows}, named=column == 0)
        draw_marks(policy_marks(record) if role == MAIN else (), ax, lines=False)
        if role == MAIN:
            draw_releases(list(observed.values()), ax)
        panel_heading(ax, title_of(record, role))
    now = shares[MAIN][:, _place(record)]
    named = [display(lab) for lab, share in zip(rows, now, strict=True) if share >= MOST_RUNS]
    alt = f"A strip for each of {len(rows)} labs by month. {title}. Open in most runs: {', '.join(named) or 'none'}."
    return Drawn(sheet.figure, title, alt)


def as_measured(record: RunRecord) -> Drawn:
    """Shares as surveys and platforms measure them: the model seen through each, with what was observed."""
    blocs = dict(zip(record.tables.labs.text("lab"), record.tables.labs.text("bloc"), strict=True))
    shown = {m: [e for e in names if record.has(f"{m}.{e}")] for m, (_, names) in MARKETS.items()}
    record.need(*(f"{m}.{names[0]}" for m, (_, names) in MARKETS.items()))
    observed = {f"{m}.{e}": record.observed(m, e) for m, names in shown.items() for e in names}
    inside, total = inside_band(record, observed)
    title = f"{inside} of {total} observed shares lie within the {record.bands[0]:.0%} band of the runs"
    chinese = [
        f"{percent(record.now(f'{measure}.CN').median)} of {words}"
        for measure, words in (
            ("developer_token_share", "developers' tokens abroad"),
            ("enterprise_share", "US enterprises' spending"),
        )
        if "CN" in shown[measure]
    ]
    title += f"; Chinese models have {' and '.join(chinese)} in {when(record)}" if chinese else ""
    reading = how_to_read(record, "One model of choice seen as four markets measure it", dashed=False, outer_only=True)
    words = heading(record, title, reading, observed.values(), shares=True)
    sheet = open_sheet(9.0, 5.2, 2, 2, words, right=1.5, wspace=0.72, hspace=0.42)
    strokes = lab_strokes({lab: bloc for lab, bloc in blocs.items() if any(lab in names for names in shown.values())})
    for place, (measure, names) in enumerate(shown.items()):
        ax = sheet.figure.add_subplot(sheet.grid[place // 2, place % 2])
        ends = []
        for name in names:
            colour, dash = strokes.get(name, (HUE.get(name, INK), (0, ())))
            fan = record.fan(f"{measure}.{name}")
            draw_fan(Fan(fan.months, fan.median, fan.bands[:1]), ax, colour, dash)
            draw_points(observed[f"{measure}.{name}"], ax, colour)
            ends.append(EndLabel(fan.median[-1], f"{display(name)} {percent(fan.median[-1])}", colour))
        draw_marks(policy_marks(record), month_axis(record, ax, short=True), numbered=place < 2)
        percent_axis(ax, min(1.0, max(ax.get_ylim()[1], 0.05)))
        panel_heading(ax, MARKETS[measure][0], unit_of(measure))
        label_ends(ax, ends)
    phrases = "; ".join(phrase_of(measure) for measure in shown)
    return Drawn(sheet.figure, title, f"Four line charts with observed points ({phrases}). {title}.")


def yearly_fall(fan: Fan) -> float | None:
    """Return by what factor the median falls in the year from its first month; None where it covers less."""
    known = np.flatnonzero(np.isfinite(fan.median))
    if len(known) <= YEAR:
        return None
    return float(fan.median[known[0]] / fan.median[known[0] + YEAR])


def inside_band(record: RunRecord, observed: Mapping[str, Sequence[Points]]) -> tuple[int, int]:
    """Return how many observed points lie within the widest band in their month, of how many within the run."""
    inside = total = 0
    for column, markets in observed.items():
        fan = record.fan(column)
        for points in markets:
            for month, value in zip(points.months, points.values, strict=True):
                estimate = fan.at(int(month))
                total += bool(np.isfinite(estimate.median))
                inside += bool(estimate.low <= value <= estimate.high)
    return inside, total


def _priced(record: RunRecord, ax: "Axes", column: str, colour: str, narrow: bool = False) -> None:
    fan = record.fan(column)
    draw_fan(Fan(fan.months, fan.median, fan.bands[-1:]) if narrow else fan, ax, colour)
    if record.has_counterfactual:
        draw_counterfactual(record.fan(column, COUNTERFACTUAL), ax, colour)
    draw_points(record.observed(*column.split(".")), ax, colour)


def _price_axis(record: RunRecord, ax: "Axes", name: str, ends: Sequence[EndLabel]) -> None:
    log_axis(ax, "$")
    draw_marks(policy_marks(record), month_axis(record, ax, short=True))
    panel_heading(ax, name, unit_of("token_price"))
    label_ends(ax, ends)


def _label_start(ax: "Axes", fan: Fan, text: str) -> None:
    """Write what a line is above its first point; all of them may end at one price."""
    known = np.flatnonzero(np.isfinite(fan.median))
    if len(known):
        start = (float(fan.months[known[0]]), float(fan.median[known[0]]))
        ax.annotate(text, start, (-2, 3), textcoords="offset points", ha="center", va="bottom", fontsize=8.0, color=INK)


def _last(fan: Fan) -> float:
    known = fan.median[np.isfinite(fan.median)]
    return float(known[-1]) if len(known) else float("nan")


def _place(record: RunRecord) -> int:
    return int(np.flatnonzero(record.months == record.headline)[0])


def _open_share(record: RunRecord, lab: str, role: str) -> Floats:
    share: Floats = (record.values(f"release_open.{lab}", role) >= 1).mean(axis=0)
    return share


def _title_open(record: RunRecord, blocs: Mapping[str, str], shares: Mapping[str, Floats]) -> str:
    def count(role: str, bloc: str) -> int:
        now = shares[role][:, _place(record)]
        return sum(1 for mine, share in zip(blocs.values(), now, strict=True) if mine == bloc and share >= MOST_RUNS)

    labs = {bloc: list(blocs.values()).count(bloc) for bloc in ("CN", "US")}
    title = (
        f"In {when(record)}, {count(MAIN, 'CN')} of {labs['CN']} Chinese labs and {count(MAIN, 'US')} of {labs['US']} "
        "US labs publish their flagship's weights in most runs"
    )
    return title + (
        versus(record, f"{count(COUNTERFACTUAL, 'CN')} and {count(COUNTERFACTUAL, 'US')}")
        if record.has_counterfactual
        else ""
    )


def _strip(record: RunRecord, ax: "Axes", shares: Floats, blocs: Mapping[str, str], named: bool) -> None:
    entry = dict(zip(record.tables.labs.text("lab"), record.tables.labs.months("entry"), strict=True))
    month_axis(record, ax, short=True)
    draw_strip(
        shares, record.months, ax, [BLOC_HUE[bloc] for bloc in blocs.values()], np.array([entry[lab] for lab in blocs])
    )
    ax.set_yticks(range(len(blocs)), [display(lab) if named else "" for lab in blocs])
    for tick, bloc in zip(ax.get_yticklabels(), blocs.values(), strict=True):
        tick.set_color(BLOC_HUE[bloc])
