"""The main chart: market shares by month, by bloc, by lab, or of open and closed models."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sim.calendar import month_label
from sim.charts.data import COUNTERFACTUAL, MAIN, CannotDraw, Estimate, Fan, Points, RunRecord, fan_of
from sim.charts.policies import key_line, policy_marks
from sim.charts.style import ADJECTIVE, BLOC_HUE, HUE, SOFT, display
from sim.charts.text import (
    counterfactual_title,
    how_to_read,
    in_sentence,
    observed_note,
    percent,
    percent_band,
    source_line,
    versus,
    when,
)
from sim.interactive.layers import Axis, Frame, axis_over, line_chart
from sim.interactive.lines import CHANGE, MAIN_WORLD, Line, table_of
from sim.interactive.outcome import change_axis
from sim.interactive.picture import Picture
from sim.interactive.theme import lab_hues, line_hue, themed
from sim.interactive.views import View, columns_of, drawn_values, label, market_words, why_not
from sim.interactive.words import change_band, other_world

if TYPE_CHECKING:
    from sim.charts.data import Floats

MOST_LABS = 8
REST = "other labs"
AGGREGATE = "Fringe"
"""Labs of the tables that stand for many small ones."""
POINTS = 100.0
VERB = {"tokens": "serve", "revenue": "earn"}


def shares(record: RunRecord, view: View, height: int = 360) -> Picture:
    """Return the trajectories of market shares: fans over the runs, the counterfactual, policy dates, observed points.

    `height`: of the plot, pixels. Raises CannotDraw where `why_not` speaks against the view.
    """
    if problem := why_not(view, record):
        raise CannotDraw(problem.rstrip("."))
    groups = groups_of(record, view)
    lines = [_line(record, view, groups, key) for key in groups]
    focus = _subjects(record, view, groups)
    title = _title(record, view, groups, focus)
    hushed = view.by == "lab"
    wide = view.shown == "level" and not hushed
    frame = Frame(
        record,
        _axis(view, lines),
        height,
        name="shares",
        focus=() if wide else [line.name for line in lines if line.key in focus],
        hushed=hushed,
    )
    return Picture(
        title,
        _alt(record, view, lines, title),
        themed(line_chart(frame, lines)),
        table_of(lines, "percentage points" if view.shown == "difference" else "share"),
        how_to_read(record, _drawn(record, view), dashed=view.shown == "level"),
        _notes(record, view, lines, wide),
    )


def groups_of(record: RunRecord, view: View) -> dict[str, list[str]]:
    """Return the entities that each line sums, by its key: one each, and the smaller labs together.

    The larger labs are those with the highest median in the second half of the run; aggregates of labs are never one.
    Smaller labs are summed only in the world: shares abroad and at home have each bloc's own market below the line.
    """
    entities = list(columns_of(view))
    if view.by != "lab":
        return {entity: [entity] for entity in entities}
    level = View(view.by, view.unit, view.market)
    single = [lab for lab in entities if not lab.startswith(AGGREGATE)]
    size = {lab: _peak(_fan(record, level, [lab], MAIN)) for lab in single}
    shown = sorted(single, key=lambda lab: -size[lab])[:MOST_LABS]
    rest = [lab for lab in entities if lab not in shown]
    groups = {lab: [lab] for lab in shown}
    return groups | {REST: rest} if rest and view.market == "world" else groups


def _peak(fan: Fan) -> float:
    late = fan.median[len(fan.median) // 2 :]
    known = late[np.isfinite(late)]
    return float(known.max()) if len(known) else 0.0


def _fan(record: RunRecord, view: View, entities: list[str], role: str) -> Fan:
    values: Floats = drawn_values(record, view, entities, role)
    fan = fan_of(record.months, values, record.bands)
    return fan.scaled(POINTS) if view.shown == "difference" else fan


def _line(record: RunRecord, view: View, groups: Mapping[str, list[str]], key: str) -> Line:
    level = view.shown == "level"
    paired = level and record.has_counterfactual
    return Line(
        key,
        f"{len(groups[key])} other labs" if key == REST else display(key),
        _hue(record, view, key),
        _fan(record, view, groups[key], MAIN),
        _fan(record, view, groups[key], COUNTERFACTUAL) if paired else None,
        _observed(record, view, key) if level else (),
        MAIN_WORLD if level else CHANGE,
    )


def _hue(record: RunRecord, view: View, key: str) -> str:
    if key == REST:
        return SOFT
    if view.by != "lab":
        return line_hue({**HUE, **BLOC_HUE}[key])
    blocs = dict(zip(record.tables.labs.text("lab"), record.tables.labs.text("bloc"), strict=True))
    return lab_hues(blocs.items())[key]


def _observed(record: RunRecord, view: View, key: str) -> list[Points]:
    column = columns_of(view).get(key, "")
    measure, _, entity = column.partition(".")
    return record.observed(measure, entity) if column and entity == key else []


def _axis(view: View, lines: list[Line]) -> Axis:
    if view.shown == "difference":
        return change_axis(lines, "percentage points")
    found = axis_over(lines, format=".0%", title=f"% of {market_words(view)}", say=".1%")
    return Axis(0.0, min(found.high, 1.0), found.format, found.title, say=found.say)


def _subjects(record: RunRecord, view: View, groups: Mapping[str, list[str]]) -> list[str]:
    """The lines that the title speaks of: China, open models, or the largest lab and the largest Chinese one."""
    if view.by != "lab":
        return ["CN" if view.by == "bloc" else "open"]
    blocs = dict(zip(record.tables.labs.text("lab"), record.tables.labs.text("bloc"), strict=True))
    level = View(view.by, view.unit, view.market)
    labs = [lab for lab in groups if lab != REST]
    now = {lab: _fan(record, level, [lab], MAIN).at(record.headline).median for lab in labs}
    ranked = sorted(labs, key=lambda lab: -now[lab] if now[lab] == now[lab] else 1.0)
    chinese = [lab for lab in ranked if blocs[lab] == "CN"]
    return list(dict.fromkeys([ranked[0], *chinese[:1]]))


def _title(record: RunRecord, view: View, groups: Mapping[str, list[str]], focus: list[str]) -> str:
    band = record.bands[0]
    now = {key: _fan(record, view, groups[key], MAIN).at(record.headline) for key in focus}
    if view.shown == "difference":
        sizes = [change_band(now[key], band, 1, "points") for key in focus]
        others = [f", that of {_whose(view, key)} by {size}" for key, size in zip(focus[1:], sizes[1:], strict=True)]
        change = f"share of {_market(view, focus)} changes by {sizes[0]}{''.join(others)} in {when(record)}"
        return f"Compared with {other_world(record)}, {_owner(view, focus[0])} {change}"
    title = _level_words(view, now, band) + f" in {when(record)}"
    if record.has_counterfactual:
        last = focus[-1]
        other = _fan(record, view, groups[last], COUNTERFACTUAL).at(record.headline)
        title += versus(
            record, f"{display(last)} {percent(other.median)}" if view.by == "lab" else percent(other.median)
        )
    return title


def _level_words(view: View, now: Mapping[str, Estimate], band: float) -> str:
    focus = list(now)
    verb = VERB[view.unit] + ("s" if view.by == "lab" else "")
    text = f"{_whose(view, focus[0])} {verb} {percent_band(now[focus[0]], band)} of {_market(view, focus)}"
    return text + "".join(f", {_whose(view, key)} {percent_band(now[key], band)}" for key in focus[1:])


def _whose(view: View, key: str) -> str:
    if view.by == "lab":
        return display(key)
    return "Open models" if view.by == "openness" else f"{ADJECTIVE[key]} models"


def _owner(view: View, key: str) -> str:
    """Whose share it is, inside a sentence."""
    if view.by == "openness":
        return "open models'"
    return f"{_whose(view, key)}'s" if view.by == "lab" else f"{_whose(view, key)}'"


def _market(view: View, focus: list[str]) -> str:
    """What the shares are shares of; where one bloc is meant, the side of its border."""
    if view.by != "bloc" or view.market == "world":
        return market_words(view)
    place = "outside" if view.market == "abroad" else "in"
    what = "tokens used" if view.unit == "tokens" else "spending"
    return f"{what} {place} {display(focus[0])}"


def _drawn(record: RunRecord, view: View) -> str:
    against = (
        f", run by run, against: {in_sentence(counterfactual_title(record))}" if view.shown == "difference" else ""
    )
    return label(view) + against


def _alt(record: RunRecord, view: View, lines: list[Line], title: str) -> str:
    first, last = int(record.months[0]), int(record.months[-1])
    parts = []
    for line in lines:
        start, end = line.fan.at(first), line.fan.at(last)
        if view.shown == "difference":
            parts.append(f"{line.name} {change_band(end, record.bands[0], 1, 'points')}")
        else:
            parts.append(f"{line.name} from {percent(start.median)} to {percent_band(end, record.bands[0])}")
    return (
        f"Line chart: {label(view)}, {month_label(first)} to {month_label(last)}. {title}. "
        f"In {month_label(last)}: {'; '.join(parts)}."
    )


def _notes(record: RunRecord, view: View, lines: list[Line], wide: bool) -> tuple[str, ...]:
    notes = observed_note(record, [line.observed for line in lines], shares=True)
    if not wide:
        named = "and counterfactual " if view.by == "lab" and view.shown == "level" else ""
        notes.insert(0, f"Click a line or its name for its bands {named}(with Shift: one more).")
    if view.market != "world" and view.by != "openness":
        notes.append("Each share is of the market outside (or inside) the bloc of the lab, so shares do not add up.")
    return tuple(note for note in [*notes, key_line(policy_marks(record)), source_line(record)] if note)
