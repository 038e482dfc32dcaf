"""Any outcome by month: its fan over the runs, the counterfactual, observed points; or the difference made."""

import math
from dataclasses import replace

import numpy as np

from sim.calendar import month_label
from sim.charts.data import COUNTERFACTUAL, MAIN, CannotDraw, Estimate, Fan, Points, RunRecord
from sim.charts.policies import key_line, policy_marks
from sim.charts.style import HUE, INK, display
from sim.charts.sweep_text import Outcome, capital, outcome_of
from sim.charts.text import (
    compact_band,
    counterfactual_title,
    how_to_read,
    in_sentence,
    number_band,
    observed_note,
    source_line,
    versus,
    when,
)
from sim.interactive.layers import HEADROOM, Axis, Frame, axis_over, line_chart
from sim.interactive.lines import CHANGE, MAIN_WORLD, Line, table_of
from sim.interactive.picture import Picture
from sim.interactive.theme import line_hue, themed
from sim.interactive.words import change_band, other_world, said

LOG_FROM, LOG_ROOM = 30.0, 1e4
"""Ratio of the largest to the smallest median from which an axis is logarithmic, and the largest it then shows."""
THOUSAND, HUGE = 1e3, 1e13
"""Numbers from which an axis writes 1k, and powers of ten."""
NO_LOG = ("%", "ln", "ECI", "months", "index")
"""Units that stay on a linear axis."""


def outcome(record: RunRecord, column: str, shown: str = "level", height: int = 260) -> Picture:
    """Return a chart of a column of the record by month.

    `shown`: "level", with the counterfactual where there is one, or "difference" (paired, run by run). `height`: of the
    plot, pixels. Raises CannotDraw where the column or the counterfactual is not on record, or nothing is defined.
    """
    record.need(column)
    if shown == "difference" and not record.has_counterfactual:
        raise CannotDraw("the run has no counterfactual")
    what = outcome_of(column)
    line = level_line(record, column) if shown == "level" else change_line(record, column)
    if not math.isfinite(line.last):
        raise CannotDraw(f"{column} is not defined in half of the runs in any month")
    axis = axis_of([line], what.unit) if shown == "level" else change_axis([line], what.step)
    frame = Frame(record, axis, height, name="outcome", width="container")
    drawn = (
        what.name if shown == "level" else f"{what.name}: difference from {in_sentence(counterfactual_title(record))}"
    )
    title = _title(record, what, shown)
    notes = [*observed_note(record, [line.observed]), key_line(policy_marks(record)), source_line(record)]
    return Picture(
        title,
        _alt(record, what, line, title, axis, drawn),
        themed(line_chart(frame, [cut(line, axis)])),
        table_of([line], what.unit if shown == "level" else what.step),
        how_to_read(record, f"{drawn} ({what.unit if shown == 'level' else what.step})", dashed=shown == "level"),
        tuple(note for note in notes if note),
    )


def hue_of(column: str) -> str:
    """Return the colour of the line of a column: that of its bloc or of open models, else ink."""
    return line_hue(HUE.get(column.partition(".")[2], INK))


def level_line(record: RunRecord, column: str) -> Line:
    """Return a column as a line, in the unit of its axis (shares in per cent)."""
    what = outcome_of(column)
    measure, _, entity = column.partition(".")
    other = record.fan(column, COUNTERFACTUAL).scaled(what.factor) if record.has_counterfactual else None
    observed = [_scaled(points, what.factor) for points in record.observed(measure, entity)]
    fan = record.fan(column, MAIN).scaled(what.factor)
    return Line(column, _name(entity) or what.name, hue_of(column), fan, other, observed, MAIN_WORLD)


def change_line(record: RunRecord, column: str) -> Line:
    """Return the paired difference of a column as a line, in the unit of its axis."""
    what = outcome_of(column)
    fan = record.difference_fan(column).scaled(what.factor)
    name = _name(column.partition(".")[2]) or what.name
    return Line(column, name, hue_of(column), fan, world=CHANGE)


def _name(entity: str) -> str:
    return f"ECI {entity}" if entity.isdigit() else display(entity)


def _scaled(points: Points, factor: float) -> Points:
    return replace(points, values=points.values * factor, low=points.low * factor, high=points.high * factor)


def axis_of(lines: list[Line], unit: str) -> Axis:
    """Return the axis of levels: logarithmic where medians span more than `LOG_FROM`, per cent for shares."""
    if unit.startswith("%"):
        return axis_over(lines, format="~r", title=unit, say=".3~r", suffix="%")
    medians = np.concatenate([_medians(line) for line in lines])
    top = float(medians.max(initial=0.0))
    tick, say = ("~s", ".3~s") if top >= THOUSAND else ("~r", ".3~r")
    tick, say = (".0e", ".2e") if top >= HUGE else (tick, say)
    positive = medians[medians > 0]
    spread = top / float(positive.min()) if len(positive) else 1.0
    if spread > LOG_FROM and not unit.startswith(NO_LOG) and (medians >= 0).all():
        highest = max(line.ends[1] for line in lines)
        observed = [float(value) for line in lines for points in line.observed for value in points.values]
        least = min([float(positive.min()), *(value for value in observed if value > 0)])
        low = max(least / 1.5, highest / LOG_ROOM)
        return Axis(low, highest * HEADROOM, tick, f"{unit} (log scale)", log=True, say=say)
    return replace(_around(lines), format=tick, title=unit, say=say)


def change_axis(lines: list[Line], step: str, mark: str = "") -> Axis:
    """Return the axis of differences, through zero."""
    ends = [abs(end) for line in lines for end in line.ends if math.isfinite(end)]
    large = max(ends, default=0.0) >= THOUSAND
    say = "+.3~s" if large else "+.1f" if max(ends, default=0.0) >= 1 else "+.2f"
    suffix = mark or (" points" if step.startswith("percentage") else "")
    return axis_over(lines, format="+~s" if large else "+~f", title=step, say=say, suffix=suffix, mark=mark)


def _around(lines: list[Line]) -> Axis:
    """An axis from zero, or, where the numbers stand far above it, around them."""
    found = axis_over(lines, format="", title="")
    ends = [end for line in lines for end in line.ends if math.isfinite(end)]
    low, high = min(ends), max(ends)
    if low > (high - low) > 0:
        room = (HEADROOM - 1) * (high - low)
        return replace(found, low=low - room, high=high + room)
    return found


def _medians(line: Line) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    parts = [line.fan.median, *([line.other.median] if line.other else [])]
    whole = np.concatenate(parts)
    return whole[np.isfinite(whole)]


def cut(line: Line, axis: Axis) -> Line:
    """Return a line as the axis can show it: on a logarithmic one, nothing below its foot."""
    if not axis.log:
        return line
    other: Fan | None = line.other.floored(axis.low) if line.other else None
    return replace(line, fan=line.fan.floored(axis.low), other=other)


def size_words(estimate: Estimate, band: float, unit: str) -> str:
    """Return a level with its band and unit in few digits: 1.2M (90%: 0.8M-2.1M) H100e, 4.2 months (90%: 1 to 9)."""
    if abs(estimate.median) >= HUGE:
        ends = f" ({band:.0%}: {estimate.low:.1e} to {estimate.high:.1e})" if estimate.low < estimate.high else ""
        return f"{estimate.median:.2e} {unit}{ends}"
    if max(abs(estimate.median), abs(estimate.high)) >= THOUSAND or unit.startswith("USD"):
        return compact_band(estimate, band, unit)
    return number_band(estimate, band, 1 if abs(estimate.median) >= 1 else 2, unit)


def _title(record: RunRecord, what: Outcome, shown: str) -> str:
    band = record.bands[0]
    if shown == "difference":
        change = record.difference_fan(what.column).at(record.headline).scaled(what.factor)
        size = change_words(change, band, what.step)
        return f"Compared with {other_world(record)}, {what.subject} changes by {size} in {when(record)}"
    now = record.now(what.column).scaled(what.factor)
    title = f"{capital(what.subject)} in {when(record)}: {size_words(now, band, what.unit)}"
    if record.has_counterfactual:
        other = record.now(what.column, COUNTERFACTUAL).scaled(what.factor).median
        title += versus(record, size_words(Estimate(other, other, other), band, "").strip())
    return title


def change_words(change: Estimate, band: float, step: str) -> str:
    """Return a difference with its band: -0.4 ECI (90%: -1.0 to +0.1), or with 1.2k for large ones."""
    if max(abs(change.low), abs(change.high), abs(change.median)) < THOUSAND:
        return change_band(change, band, 1 if abs(change.median) >= 1 else 2, step)
    low, middle, high = (said(value, "+.3~s") for value in (change.low, change.median, change.high))
    return f"{middle} {step}" + (f" ({band:.0%}: {low} to {high})" if change.low < change.high else "")


def _alt(record: RunRecord, what: Outcome, line: Line, title: str, axis: Axis, drawn: str) -> str:
    known = np.flatnonzero(np.isfinite(line.fan.median))
    first, last = (int(line.fan.months[known[place]]) for place in (0, -1))
    start, end = line.fan.at(first), line.fan.at(last)
    ends = (
        f"{said(start.median, axis.say, axis.suffix)} in {month_label(first)} to "
        f"{said(end.median, axis.say, axis.suffix)} in {month_label(last)}"
    )
    band = f"{record.bands[0]:.0%}: {said(end.low, axis.say)} to {said(end.high, axis.say, axis.suffix)}"
    return f"Line chart: {drawn}, from {ends} ({band}), {what.unit}. {title}."
