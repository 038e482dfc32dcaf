"""Charts of market shares: by lab, by bloc, open v closed, tokens v revenue, home v abroad."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.charts.data import COUNTERFACTUAL, MAIN, Fan, Points, RunRecord, fan_of
from sim.charts.panels import draw_counterfactual, draw_fan, draw_marks, draw_points, draw_zero, month_axis
from sim.charts.policies import policy_marks
from sim.charts.sheet import Drawn, EndLabel, Sheet, label_ends, open_sheet, panel_heading
from sim.charts.style import ADJECTIVE, BLOC_HUE, HUE, SOFT, display, lighter, percent_axis
from sim.charts.text import (
    heading,
    how_to_read,
    percent,
    percent_band,
    phrase_of,
    signed_band,
    title_of,
    unit_of,
    versus,
    when,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLOCS = tuple(BLOC_HUE)
PANELS_BY_LAB = 12
COLUMNS_BY_LAB = 4
POINTS = 100.0
ABROAD_TINT = 0.45


def by_lab(record: RunRecord) -> Drawn:
    """Small multiples of each lab's share of the world's tokens, the larger labs first, a scale for each row."""
    blocs = dict(zip(record.tables.labs.text("lab"), record.tables.labs.text("bloc"), strict=True))
    record.need(*(f"token_share.{lab}" for lab in blocs))
    size = {lab: float(np.nanmax(record.fan(f"token_share.{lab}").median)) for lab in blocs}
    ranked = sorted(blocs, key=lambda lab: -size[lab])
    shown, rest = ranked[: PANELS_BY_LAB - 1], ranked[PANELS_BY_LAB - 1 :]
    panels = {display(lab): [lab] for lab in shown} | ({f"{len(rest)} smaller labs": rest} if rest else {})
    title = _title_by_lab(record, blocs)
    observed = {lab: record.observed("token_share", lab) for lab in shown}
    reading = how_to_read(
        record,
        f"{phrase_of('token_share')} by lab, %; each row has its own scale; hues are those of "
        "the blocs (US blue, China vermilion, EU green, other grey)",
    )
    rows = -(-len(panels) // COLUMNS_BY_LAB)
    sheet = open_sheet(
        9.0,
        1.75 * rows - 0.35,
        rows,
        COLUMNS_BY_LAB,
        heading(record, title, reading, observed.values(), shares=True),
        right=0.2,
        wspace=0.16,
        hspace=0.4,
    )
    for row in range(rows):
        axes: list[Axes] = []
        here = list(panels.items())[row * COLUMNS_BY_LAB : (row + 1) * COLUMNS_BY_LAB]
        for column, (name, labs) in enumerate(here):
            ax = sheet.figure.add_subplot(sheet.grid[row, column], sharey=axes[0] if axes else None)
            axes.append(ax)
            colour = BLOC_HUE[blocs[labs[0]]] if len(labs) == 1 else SOFT
            _lab_panel(record, ax, labs, colour, observed.get(labs[0], []), numbered=row == 0)
            panel_heading(ax, name, "%" if column == 0 else "", colour)
            ax.tick_params(labelleft=column == 0, labelbottom=row == rows - 1)
        tops = [np.nanmax(_sum_of_shares(record, labs, MAIN).bands[0][2]) for _, labs in here]
        percent_axis(axes[0], 1.06 * float(max(tops)))
    return Drawn(sheet.figure, title, f"{len(panels)} small line charts of market share by lab. {title}.")


def _title_by_lab(record: RunRecord, blocs: Mapping[str, str]) -> str:
    now = {lab: record.now(f"token_share.{lab}") for lab in blocs}
    first = max(blocs, key=lambda lab: now[lab].median)
    band = record.bands[0]
    title = f"{display(first)} serves {percent_band(now[first], band)} of the world's tokens in {when(record)}"
    chinese = [lab for lab in blocs if blocs[lab] == "CN" and lab != first and now[lab].high > 0]
    if not chinese:
        return title
    second = max(chinese, key=lambda lab: now[lab].median)
    title += f", {display(second)} {percent_band(now[second], band)}"
    if record.has_counterfactual:
        title += versus(record, percent(record.now(f"token_share.{second}", COUNTERFACTUAL).median))
    return title


def _lab_panel(
    record: RunRecord, ax: "Axes", labs: Sequence[str], colour: str, observed: Sequence[Points], numbered: bool
) -> None:
    draw_fan(_sum_of_shares(record, labs, MAIN), ax, colour)
    if record.has_counterfactual:
        draw_counterfactual(_sum_of_shares(record, labs, COUNTERFACTUAL), ax, colour)
    draw_points(observed, ax, colour)
    draw_marks(policy_marks(record), month_axis(record, ax, short=True), numbered)


def by_bloc(record: RunRecord) -> Drawn:
    """Shares of the world's tokens by bloc, the scenario beside its counterfactual on one scale."""
    record.need(*(f"token_share.{bloc}" for bloc in BLOCS))
    band = record.bands[0]
    title = (
        f"Chinese labs serve {percent_band(record.now('token_share.CN'), band)} of the world's tokens in {when(record)}"
    )
    roles = (MAIN, COUNTERFACTUAL) if record.has_counterfactual else (MAIN,)
    if record.has_counterfactual:
        title += versus(record, percent(record.now("token_share.CN", COUNTERFACTUAL).median))
    observed = {bloc: record.observed("token_share", bloc) for bloc in BLOCS}
    reading = how_to_read(record, f"{phrase_of('token_share')} by bloc of the lab", dashed=False)
    sheet = open_sheet(
        9.0,
        3.3,
        1,
        len(roles),
        heading(record, title, reading, observed.values(), shares=True),
        right=0.98,
        wspace=0.42,
    )
    axes: list[Axes] = []
    for place, role in enumerate(roles):
        ax = sheet.figure.add_subplot(sheet.grid[0, place], sharey=axes[0] if axes else None)
        axes.append(ax)
        fans = {bloc: record.fan(f"token_share.{bloc}", role) for bloc in BLOCS}
        for bloc, fan in fans.items():
            draw_fan(fan, ax, BLOC_HUE[bloc])
            draw_points(observed[bloc] if role == MAIN else [], ax, BLOC_HUE[bloc])
        draw_marks(policy_marks(record) if role == MAIN else (), month_axis(record, ax, short=len(roles) > 1))
        percent_axis(ax, 1.0)
        panel_heading(ax, title_of(record, role), unit_of("token_share") if place == 0 else "")
        label_ends(
            ax,
            [
                EndLabel(fan.median[-1], f"{display(bloc)} {percent(fan.median[-1])}", BLOC_HUE[bloc])
                for bloc, fan in fans.items()
            ],
        )
    end = record.fan("token_share.CN").at(int(record.months[-1]))
    alt = (
        f"Line charts of token shares of four blocs. {title}. At the end of the run the Chinese share is "
        f"{percent_band(end, band)}."
    )
    return Drawn(sheet.figure, title, alt)


def open_closed(record: RunRecord) -> Drawn:
    """The share of open-weight models in tokens and in revenue, side by side on one scale; the rest is closed."""
    columns = ("token_share.open", "revenue_share.open")
    record.need(*columns)
    tokens, money = (percent_band(record.now(column), record.bands[0]) for column in columns)
    title = f"Open models serve {tokens} of tokens and earn {money} of revenue in {when(record)}"
    title += _otherwise(record, columns)
    reading = "Share of open-weight models in the world's tokens and spending; closed models have the rest"
    alt = f"Two line charts of the share of open-weight models, in tokens and in revenue. {title}."
    return Drawn(_twin_panels(record, columns, ("Tokens", "Revenue"), HUE["open"], title, reading).figure, title, alt)


def tokens_revenue(record: RunRecord) -> Drawn:
    """Chinese models abroad in tokens and in revenue, each with its paired difference from the counterfactual."""
    columns = ("token_share_abroad.CN", "revenue_share_abroad.CN")
    record.need(*columns)
    tokens, money = (record.now(column) for column in columns)
    title = (
        f"Chinese models take {percent_band(tokens, record.bands[0])} of tokens used abroad by {when(record)} but "
        f"{percent(money.median)} of revenue"
    ) + _otherwise(record, columns)
    reading = "Share of Chinese models in use outside China"
    alt = f"Line charts of the share of Chinese models abroad, in tokens and in revenue. {title}."
    if record.has_counterfactual:
        effect = record.difference_fan(columns[0]).at(record.headline).scaled(POINTS)
        size = signed_band(effect, record.bands[0], 1, "points")
        reading += f"; difference in tokens run by run: {size}"
        alt += f" Run by run the difference in tokens is {size}."
    names = ("Tokens abroad", "Revenue abroad")
    return Drawn(_twin_panels(record, columns, names, BLOC_HUE["CN"], title, reading).figure, title, alt)


def home_abroad(record: RunRecord) -> Drawn:
    """Each bloc's share at home and abroad, on one scale; in the world and abroad where home was not recorded."""
    blocs = [bloc for bloc in ("US", "CN", "EU") if record.has(f"token_share_abroad.{bloc}")]
    home, word = ("token_share_home", "home") if record.has("token_share_home.CN") else ("token_share", "world")
    columns = (f"{home}.CN", "token_share_abroad.CN")
    record.need(*columns, *(f"{home}.{bloc}" for bloc in blocs))
    where = {"home": "at home", "world": "in the world"}[word]
    title = (
        f"Chinese models serve {percent(record.now(columns[0]).median)} of tokens {where} and "
        f"{percent_band(record.now(columns[1]), record.bands[0])} abroad in {when(record)}"
    )
    title += _otherwise(record, columns)
    observed = {bloc: record.observed("token_share_abroad", bloc) for bloc in blocs}
    reading = how_to_read(
        record, f"Share of each bloc's models in tokens used {where} (dark) and outside the bloc (pale)"
    )
    sheet = open_sheet(
        9.0, 3.1, 1, len(blocs), heading(record, title, reading, observed.values(), shares=True), right=0.95, wspace=0.5
    )
    axes: list[Axes] = []
    for place, bloc in enumerate(blocs):
        ax = sheet.figure.add_subplot(sheet.grid[0, place], sharey=axes[0] if axes else None)
        axes.append(ax)
        ends = []
        for measure, label, tint in ((home, word, 0.0), ("token_share_abroad", "abroad", ABROAD_TINT)):
            colour, fan = lighter(BLOC_HUE[bloc], tint), record.fan(f"{measure}.{bloc}")
            draw_fan(fan, ax, colour)
            if record.has_counterfactual:
                draw_counterfactual(record.fan(f"{measure}.{bloc}", COUNTERFACTUAL), ax, colour)
            ends.append(EndLabel(fan.median[-1], f"{label} {percent(fan.median[-1])}", BLOC_HUE[bloc]))
        draw_points(observed[bloc], ax, BLOC_HUE[bloc])
        draw_marks(policy_marks(record), month_axis(record, ax, short=True))
        percent_axis(ax, 1.0)
        ax.tick_params(labelleft=place == 0)
        panel_heading(ax, f"{ADJECTIVE[bloc]} models", "% of tokens" if place == 0 else "", BLOC_HUE[bloc])
        label_ends(ax, ends)
    alt = f"Line charts of token shares {where} and abroad for {', '.join(display(bloc) for bloc in blocs)}. {title}."
    return Drawn(sheet.figure, title, alt)


def _otherwise(record: RunRecord, columns: Sequence[str]) -> str:
    """Return '; without chip controls 12% and 3%': the counterfactual's medians of some shares."""
    if not record.has_counterfactual:
        return ""
    return versus(record, " and ".join(percent(record.now(column, COUNTERFACTUAL).median) for column in columns))


def _twin_panels(
    record: RunRecord, columns: Sequence[str], names: Sequence[str], colour: str, title: str, reading: str
) -> Sheet:
    """Two shares on one scale, with their paired differences in a lower row where there are any."""
    paired = record.has_counterfactual
    observed = {column: record.observed(*column.split(".")) for column in columns}
    words = heading(record, title, how_to_read(record, reading), observed.values(), shares=True)
    sheet = open_sheet(
        9.0,
        4.5 if paired else 3.1,
        2 if paired else 1,
        2,
        words,
        right=0.72,
        wspace=0.3,
        hspace=0.42,
        height_ratios=[2.6, 1.25] if paired else [1],
    )
    upper: list[Axes] = []
    lower: list[Axes] = []
    for place, (column, name) in enumerate(zip(columns, names, strict=True)):
        ax = sheet.figure.add_subplot(sheet.grid[0, place], sharey=upper[0] if upper else None)
        upper.append(ax)
        _level_panel(record, ax, column, colour, observed[column])
        panel_heading(ax, name, unit_of(column.split(".")[0]))
        if paired:
            ax = sheet.figure.add_subplot(sheet.grid[1, place], sharey=lower[0] if lower else None)
            lower.append(ax)
            draw_zero(draw_fan(record.difference_fan(column).scaled(POINTS), ax, colour))
            draw_marks(policy_marks(record), month_axis(record, ax, short=True), numbered=False)
            panel_heading(ax, "Difference made", "percentage points, run by run")
    percent_axis(upper[0])
    for ax, column in zip(upper, columns, strict=True):
        label_ends(ax, _ends(record, column, colour))
    return sheet


def _level_panel(record: RunRecord, ax: "Axes", column: str, colour: str, observed: Sequence[Points]) -> None:
    draw_fan(record.fan(column), ax, colour)
    if record.has_counterfactual:
        draw_counterfactual(record.fan(column, COUNTERFACTUAL), ax, colour)
    draw_points(observed, ax, colour)
    draw_marks(policy_marks(record), month_axis(record, ax, short=True))


def _ends(record: RunRecord, column: str, colour: str) -> list[EndLabel]:
    last = record.fan(column).median[-1]
    ends = [EndLabel(last, percent(last), colour)]
    if record.has_counterfactual:
        other = record.fan(column, COUNTERFACTUAL).median[-1]
        ends.append(EndLabel(other, f"({percent(other)})", lighter(colour, 0.25)))
    return ends


def _sum_of_shares(record: RunRecord, labs: Sequence[str], role: str) -> Fan:
    total = np.add.reduce([record.values(f"token_share.{lab}", role) for lab in labs])
    return fan_of(record.months, total, record.bands)
