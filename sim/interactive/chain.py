"""The causal chain as small multiples: from chips that reach China to spending on its models abroad."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim.charts.data import COUNTERFACTUAL, MAIN, CannotDraw, Fan, Floats, RunRecord, fan_of
from sim.charts.policies import key_line, policy_marks
from sim.charts.style import BLOC_HUE, HUE, SOFT
from sim.charts.text import (
    compact_band,
    counterfactual_title,
    how_to_read,
    in_sentence,
    number,
    percent_band,
    signed,
    source_line,
    unit_of,
    when,
)
from sim.interactive.layers import Axis, Frame, heading_layers, line_chart
from sim.interactive.lines import CHANGE, Line, table_of
from sim.interactive.outcome import axis_of, change_axis, change_words, cut, size_words
from sim.interactive.picture import Picture
from sim.interactive.theme import layered, line_hue, text_hue, themed
from sim.interactive.words import other_world

PRICE = "price_fixed_capability"
BEFORE = 12
"""Months before that of the titles at which the capability must have been there."""
COLUMNS = 3
PANEL, GUTTER = 118, 66
"""Height of a panel, and what its axis and the space beside it take of the width, pixels."""
PERCENT = 100.0


@dataclass(frozen=True)
class Link:
    """A link of the chain: its name and, for each line in it, the columns that it sums.

    `change` says how the worlds are compared: "ratio" (per cent of the counterfactual), "log" (the same from a
    difference in ln units), "points" (percentage points) or "units".
    """

    key: str
    name: str
    lines: tuple[tuple[str, tuple[str, ...]], ...]
    change: str

    @property
    def columns(self) -> list[str]:
        """All columns of the link."""
        return [column for _, columns in self.lines for column in columns]

    @property
    def unit(self) -> str:
        """The unit of its levels."""
        return unit_of(self.columns[0].partition(".")[0])

    @property
    def step(self) -> str:
        """The unit of its differences."""
        return {"points": "percentage points", "units": self.unit}.get(self.change, "%")


LINKS = (
    Link("chips", "Chips reaching China", (("", ("compute_inflow.legal", "compute_inflow.smuggled")),), "ratio"),
    Link("compute", "Compute owned", (("", ("compute_owned.CN",)),), "ratio"),
    Link("shadow", "Shadow price of compute", (("", ("shadow_price.CN",)),), "log"),
    Link("staff", "Efficiency researchers", (("", ("efficiency_researchers.CN",)),), "ratio"),
    Link(
        "efficiency",
        "Algorithmic efficiency",
        (("own", ("effective_compute_own.CN",)), ("borrowed", ("effective_compute_borrowed.CN",))),
        "log",
    ),
    Link("frontier", "China's frontier", (("", ("frontier_capability.CN",)),), "units"),
    Link("price", "Price at fixed capability", (("", ()),), "ratio"),
    Link("tokens", "Tokens abroad", (("", ("token_share_abroad.CN",)),), "points"),
    Link("spending", "Spending abroad", (("", ("revenue_share_abroad.CN",)),), "points"),
)
"""The links in the order of cause; the price is at the level that `links_of` chooses."""
TOLD = ("chips", "compute", "staff", "frontier", "tokens")
"""Links that the title speaks of."""
MEASURES = tuple(dict.fromkeys([column.partition(".")[0] for link in LINKS for column in link.columns] + [PRICE]))
"""Measures that a run must record for the whole chain."""


def chain(record: RunRecord, shown: str = "", width: int = 860, columns: int = COLUMNS) -> Picture:
    """Return the chain, a panel for each link that the run recorded.

    `shown`: "difference" (paired effects, run by run) or "level" (with the counterfactual); by default the first where
    the run has a counterfactual. `width`: of all panels, pixels; `columns`: panels side by side. Raises CannotDraw
    where no link is on record, or differences are asked for without a counterfactual.
    """
    shown = shown or ("difference" if record.has_counterfactual else "level")
    if shown == "difference" and not record.has_counterfactual:
        raise CannotDraw("the run has no counterfactual")
    drawn = [(link, lines) for link in links_of(record) if (lines := _lines(record, link, shown))]
    if not drawn:
        raise CannotDraw("the run recorded no link of the chain")
    title = _title(record, [link for link, _ in drawn], shown)
    tables = [table_of(lines, link.step if shown == "difference" else link.unit) for link, lines in drawn]
    return Picture(
        title,
        _alt(record, drawn, shown, title),
        themed(_grid(record, drawn, shown, width, columns)),
        _joined(tables, [link for link, _ in drawn]),
        how_to_read(record, _reading(record, shown), dashed=shown == "level"),
        tuple(note for note in (key_line(policy_marks(record)), source_line(record)) if note),
        fills=False,
    )


def links_of(record: RunRecord) -> list[Link]:
    """Return the links that the run recorded, in order, each with all of its columns."""
    found = [replace(link, lines=(("", (price,)),)) if link.key == "price" and (price := _price(record)) else link
             for link in LINKS]  # fmt: skip
    return [_priced(link) for link in found if link.columns and record.has(*link.columns)]


def _priced(link: Link) -> Link:
    return replace(link, name=f"Price at ECI {link.columns[0].rpartition('.')[2]}") if link.key == "price" else link


def _price(record: RunRecord) -> str:
    """The hardest level of capability that half of the runs of each world had `BEFORE` the month of the titles."""
    levels = sorted((c for c in record.columns if c.startswith(f"{PRICE}.")), key=lambda c: float(c.rpartition(".")[2]))
    months = (record.headline - BEFORE, record.headline)
    reached = [
        column
        for column in levels
        if all(math.isfinite(record.fan(column, role).at(month).median) for role in record.arms for month in months)
    ]
    return reached[-1] if reached else ""


def _values(record: RunRecord, columns: tuple[str, ...], role: str) -> Floats:
    total: Floats = np.add.reduce([record.values(column, role) for column in columns])
    return total


def change_of(record: RunRecord, link: Link, columns: tuple[str, ...]) -> Floats:
    """Return main against counterfactual run by run, (runs, months), in the unit `link.step`.

    NaN where one of the worlds has no value, or the counterfactual is zero and a ratio is asked for.
    """
    main, other = (_values(record, columns, role) for role in (MAIN, COUNTERFACTUAL))
    if link.change == "ratio":
        safe = np.where(other > 0, other, np.nan)
        ratio: Floats = PERCENT * (main / safe - 1)
        return ratio
    change: Floats = main - other
    if link.change == "log":
        return PERCENT * np.expm1(change)
    return PERCENT * change if link.change == "points" else change


def _lines(record: RunRecord, link: Link, shown: str) -> list[Line]:
    factor = PERCENT if link.unit.startswith("%") else 1.0
    hues = (line_hue(BLOC_HUE["CN"]), line_hue(HUE["open"]))
    lines = []
    for (name, columns), hue in zip(link.lines, hues, strict=False):
        if shown == "difference":
            fan = fan_of(record.months, change_of(record, link, columns), record.bands)
            lines.append(Line(name or link.key, name or link.name, hue, fan, world=CHANGE))
            continue
        worlds: dict[str, Fan] = {
            role: fan_of(record.months, _values(record, columns, role), record.bands).scaled(factor)
            for role in record.arms
        }
        lines.append(Line(name or link.key, name or link.name, hue, worlds[MAIN], worlds.get(COUNTERFACTUAL)))
    return lines if any(math.isfinite(line.last) for line in lines) else []


def _grid(
    record: RunRecord, drawn: list[tuple[Link, list[Line]]], shown: str, width: int, columns: int
) -> dict[str, Any]:
    panel = (width - columns * GUTTER) // columns
    charts = [_panel(record, place, *each, shown, panel) for place, each in enumerate(drawn)]
    spacing = {"row": 26, "column": 26}
    return {"concat": charts, "columns": columns, "spacing": spacing, "resolve": {"scale": {"color": "independent"}}}


def _panel(record: RunRecord, place: int, link: Link, lines: list[Line], shown: str, width: int) -> dict[str, Any]:
    axis = _axis(link, lines, shown)
    frame = Frame(record, axis, PANEL, name=link.key, numbered=False, labelled=False, width=width, short_years=True)
    sizes = _sizes(record, link, lines, shown)
    inks = [text_hue(line.colour) for line in lines] if len(lines) > 1 else [SOFT]
    words = heading_layers(f"{place + 1}  {link.name}", list(zip(sizes, inks, strict=True)), raised=10)
    chart = line_chart(frame, [cut(line, axis) for line in lines])
    del chart["width"], chart["height"]
    return layered([*words, chart], width=width, height=PANEL)


def _axis(link: Link, lines: list[Line], shown: str) -> Axis:
    found = change_axis(lines, link.step) if shown == "difference" else axis_of(lines, link.unit)
    if shown == "difference" and link.step == "%":
        return replace(found, title="", mark="%", suffix="%")
    return replace(found, title="")


def _sizes(record: RunRecord, link: Link, lines: list[Line], shown: str) -> list[str]:
    """What a panel says below its name: the number of its line, or that of each of its lines after its name."""
    if len(lines) > 1:
        middles = [(line.name, line.fan.at(record.headline).median) for line in lines]
        if shown == "difference":
            return [f"{name} {signed(middle, 0)}%" for name, middle in middles]
        return [f"{name} {number(middle)} {link.unit}" for name, middle in middles]
    return [_size(record, link, lines[0], shown)]


def _size(record: RunRecord, link: Link, line: Line, shown: str) -> str:
    now, band = line.fan.at(record.headline), record.bands[0]
    if shown == "difference":
        return _percent_words(record, line) if link.step == "%" else change_words(now, band, _short(link))
    if link.unit.startswith("%"):
        return percent_band(now.scaled(1 / PERCENT), band)
    if link.unit.startswith("USD"):
        return f"${compact_band(now, band)} a million"
    return size_words(now, band, link.unit)


def _short(link: Link) -> str:
    return "points" if link.change == "points" else link.unit


def _percent_words(record: RunRecord, line: Line) -> str:
    now = line.fan.at(record.headline)
    ends = f"{signed(now.low, 0)} to {signed(now.high, 0)}%"
    return f"{signed(now.median, 0)}%" + (f" ({record.bands[0]:.0%}: {ends})" if now.low < now.high else "")


def _told(record: RunRecord, link: Link) -> str:
    now = fan_of(record.months, change_of(record, link, link.lines[0][1]), record.bands).at(record.headline)
    name = link.name[0].lower() + link.name[1:] if not link.name.startswith("China") else link.name
    if link.step == "%":
        return f"{name} {signed(now.median, 0)}%"
    return f"{name} {signed(now.median)} {_short(link)}"


def _title(record: RunRecord, links: list[Link], shown: str) -> str:
    if shown == "level":
        return f"From chips to market share: China's labs and models to {when(record)}"
    parts = [_told(record, link) for link in links if link.key in TOLD or len(links) <= len(TOLD)]
    return f"Compared with {other_world(record)}, in {when(record)}: {', '.join(parts)}"


def _reading(record: RunRecord, shown: str) -> str:
    if shown == "level":
        return "What leads from chips to market share, in order of cause"
    return f"What changes, in order of cause and run by run, against: {in_sentence(counterfactual_title(record))}"


def _alt(record: RunRecord, drawn: list[tuple[Link, list[Line]]], shown: str, title: str) -> str:
    parts = [f"{link.name}: {', '.join(_sizes(record, link, lines, shown))}" for link, lines in drawn]
    return f"{len(drawn)} small line charts along the chain of causes. {title}. In {when(record)}, {'; '.join(parts)}."


def _joined(tables: list[Any], links: list[Link]) -> Any:
    import pandas

    for table, link in zip(tables, links, strict=True):
        table.insert(1, "link", link.name)
    return pandas.concat(tables, ignore_index=True)
