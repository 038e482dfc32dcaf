"""The parts of a chart over months: ground, fans, lines, policy dates, observed points, labels and tooltips."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.calendar import month_label
from sim.charts.data import RunRecord
from sim.charts.policies import policy_marks
from sim.charts.sheet import spread, text_width
from sim.charts.style import INK, PAPER, SOFT
from sim.charts.sweep_text import capital
from sim.charts.text import otherwise
from sim.interactive.lines import Line, observed_rows, rows_of
from sim.interactive.theme import RULE, ZONE, inline, layered, text_hue
from sim.interactive.words import said

LABEL_SIZE = 11
LINE, GAP = 15, 10
"""Pixels from one line of a heading to the next, and between its parts."""
LABEL_GAP = 14
"""Pixels between the middles of two labels."""
MARKERS = ("circle", "diamond", "square", "triangle-up", "triangle-down")
FEW_DECADES, MOST_TICKS = 1.7, 5
"""Powers of ten below which an axis has ticks at twos and fives too, and the most ticks it has."""
OUTER, INNER = 0.13, 0.26
"""Opacity of the widest band and of those inside it."""
HEADROOM = 1.04
CLOSE = 9.0
"""Pixels between policy dates below which the number of the later one is moved."""
LEAST_ZONE = 0.12
"""Share of the months from which the zone after the record has room for its name."""


@dataclass(frozen=True)
class Axis:
    """A vertical axis: lowest and highest value, Vega's number format, what stands above it, and whether it is log.

    `say` is the format of tooltips; `suffix` follows each number there, `mark` those of the axis.
    """

    low: float
    high: float
    format: str
    title: str
    log: bool = False
    say: str = ".3~s"
    suffix: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Frame:
    """What a chart of lines needs: the record for months and policy dates, its axis, height (pixels) and own name.

    `focus`: names of the lines that have their bands at first, empty for all; `hushed`: whether lines out of focus
    lose their counterfactual as well as their bands. `numbered`: whether policy dates carry their numbers.
    `labelled`: whether lines are named at their ends. `width`: pixels, or "container".
    """

    record: RunRecord
    axis: Axis
    height: int
    name: str = "chart"
    focus: Sequence[str] = ()
    hushed: bool = False
    numbered: bool = True
    labelled: bool = True
    interactive: bool = True
    width: int | str = "container"
    short_years: bool = False


@dataclass(frozen=True)
class EndText:
    """Words at the end of a line or band: whose they are, the words, their height in units of the axis, and colour."""

    name: str
    text: str
    value: float
    colour: str


def axis_over(lines: Sequence[Line], **words: Any) -> Axis:
    """Return an axis that holds all of some lines, from zero or through it; `words` are the other fields of `Axis`."""
    known = [end for line in lines for end in line.ends if math.isfinite(end)] or [0.0, 1.0]
    low, high = min(0.0, *known), max(0.0, *known)
    room = (HEADROOM - 1) * ((high - low) or 1.0)
    return Axis(low - room if low < 0 else 0.0, high + room if high > 0 else 0.0, **words)


def line_chart(frame: Frame, lines: Sequence[Line]) -> dict[str, Any]:
    """Return the specification of a chart of lines, without theme or title."""
    import altair as alt

    base = alt.Chart().encode(x=month_x(frame), color=_hues(lines))
    focus = _focus(frame)
    layers = [*ground(frame), *_bands(base, frame, lines, focus), *_zero(frame)]
    layers += _medians(base, frame, lines, focus)
    layers += _observed(frame, lines)
    layers += _labels(frame, lines) if frame.labelled else []
    layers += _hover(base, frame, lines, focus)
    return layered(layers, rows_of(lines), width=frame.width, height=frame.height)


def month_x(frame: Frame) -> Any:
    """Return the horizontal encoding: month numbers, the years named at their January."""
    import altair as alt

    first, last = int(frame.record.months[0]), int(frame.record.months[-1])
    step = 12 if last - first < 96 else 24
    years = list(range(-(-first // 12) * 12, last + 1, step))
    text = (
        "'\u2019' + format(22 + datum.value / 12, '02d')"
        if frame.short_years
        else "format(2022 + datum.value / 12, 'd')"
    )
    axis = alt.Axis(values=years, labelExpr=text, title=None, grid=False, labelFlush=False)
    return alt.X("m:Q", scale=alt.Scale(domain=[first - 0.5, last + 0.5], nice=False, zero=False), axis=axis)


def value_y(frame: Frame, field: str) -> Any:
    """Return the vertical encoding of a field."""
    import altair as alt

    axis = frame.axis
    scale = alt.Scale(domain=[axis.low, axis.high], nice=False, zero=False, type="log" if axis.log else "linear")
    text = f"format(datum.value, '{axis.format}') + '{axis.mark}'"
    ticks: dict[str, Any] = {"tickCount": 5 if frame.height >= 200 else 3}
    if axis.log:
        ticks = {"values": log_ticks(axis.low, axis.high)}
    words = alt.Axis(labelExpr=f"datum.value == 0 ? '0' : {text}", title=axis.title or None, **ticks)
    if axis.format.endswith("%"):
        words = alt.Axis(format=axis.format, title=axis.title or None, **ticks)
    return alt.Y(f"{field}:Q", scale=scale, axis=words)


def log_ticks(low: float, high: float) -> list[float]:
    """Return round numbers on a logarithmic axis: powers of ten, with twos and fives where it spans few of them."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    decades = math.log10(high / low)
    factors = (1, 2, 5) if decades < FEW_DECADES else (1,)
    step = max(1, math.ceil(decades / MOST_TICKS))
    found = [float(f"{factor}e{power}") for power in powers if power % step == 0 for factor in factors]
    return [tick for tick in found if low <= tick <= high]


def fixed(channel: str, value: Any, **condition: Any) -> Any:
    """Return an encoding that is one value, as in `fixed("X", 0)`; given so, Altair need not find out what it is."""
    import altair as alt

    kind: Any = getattr(alt, f"{channel}Value")
    return kind(value, **condition)


def heading_layers(title: str, parts: Sequence[tuple[str, str]], raised: int) -> list[Any]:
    """Return the heading of a panel as text `raised` pixels above its plot: panels of a row then stand level.

    `parts`: words below the title with their colours, one after the other.
    """
    import altair as alt

    base = alt.Chart(inline([{}]))
    left: dict[str, Any] = {"align": "left", "baseline": "bottom", "tooltip": None}
    bold = base.mark_text(**left, fontSize=12, fontWeight="bold", color=INK, text=title)
    layers = [bold.encode(x=fixed("X", 0), y=fixed("Y", -raised - (LINE if parts else 0)))]
    at = 0.0
    for text, colour in parts:
        plain = base.mark_text(**left, fontSize=LABEL_SIZE, color=colour, text=text)
        layers.append(plain.encode(x=fixed("X", round(at, 1)), y=fixed("Y", -raised)))
        at += text_width(text, LABEL_SIZE) + GAP
    return layers


def ground(frame: Frame) -> list[Any]:
    """Return the shaded months after the record and the policy dates with their numbers and words."""
    import altair as alt

    record, layers = frame.record, []
    first, last = int(record.months[0]), int(record.months[-1])
    if first <= record.record_end < last:
        zone = alt.Chart(inline([{"m": record.record_end + 0.5, "to": last + 0.5, "after": "after the record"}]))
        layers.append(zone.mark_rect(color=ZONE, tooltip=None).encode(x=month_x(frame), x2=alt.X2("to:Q")))
        if frame.numbered and frame.height >= 200 and last - record.record_end > LEAST_ZONE * (last - first):
            words = zone.mark_text(align="right", color=SOFT, fontSize=10, fontStyle="italic", baseline="bottom")
            layers.append(words.encode(x=alt.X("to:Q"), y=fixed("Y", -14), text=alt.Text("after:N")))
    return layers + _dates(frame)


def _dates(frame: Frame) -> list[Any]:
    import altair as alt

    pixels = 600.0 if frame.width == "container" else float(frame.width)
    span, nudge, before = len(frame.record.months), 0, -math.inf
    rows: list[dict[str, Any]] = []
    for mark in policy_marks(frame.record):
        nudge = nudge + 8 if (mark.month - before) / span * pixels < CLOSE else 0
        before = float(mark.month)
        row = {"m": mark.month, "number": str(mark.number), "policy": mark.words, "dx": nudge}
        rows.append({**row, "month": month_label(mark.month)})
    if not rows:
        return []
    tips = [alt.Tooltip("month:N", title="Policy date"), alt.Tooltip("policy:N", title="Change")]
    base = alt.Chart(inline(rows)).encode(x=month_x(frame))
    thin = base.mark_rule(color=RULE, strokeWidth=0.7, strokeDash=[1, 2], opacity=0.75, tooltip=None)
    if not frame.numbered:
        return [thin]
    numbers = [
        base.transform_filter(f"datum.dx == {nudge}")
        .mark_text(color=SOFT, fontSize=9.5, baseline="bottom", dx=nudge)
        .encode(y=fixed("Y", -2), text=alt.Text("number:N"), tooltip=tips)
        for nudge in sorted({row["dx"] for row in rows})
    ]
    return [thin, *numbers]


def _hues(lines: Sequence[Line]) -> Any:
    import altair as alt

    names, hues = [line.name for line in lines], [line.colour for line in lines]
    return alt.Color("entity:N", scale=alt.Scale(domain=names, range=hues), legend=None)


def _focus(frame: Frame) -> Any:
    """The lines in focus: those clicked last; a double click brings all of them."""
    import altair as alt

    if not frame.interactive:
        return None
    chosen = [{"entity": name} for name in frame.focus]
    return alt.selection_point(
        name=f"focus_{frame.name}", fields=["entity"], on="click", clear="dblclick", value=chosen or alt.Undefined
    )


def _when(frame: Frame, focus: Any, inside: float, outside: float) -> Any:

    if focus is None:
        return fixed("Opacity", inside)
    return fixed("Opacity", outside, condition={"param": focus.name, "value": inside})


def _bands(base: Any, frame: Frame, lines: Sequence[Line], focus: Any) -> list[Any]:
    import altair as alt

    layers = []
    for number in range(len(lines[0].fan.bands)):
        strength = OUTER if number == 0 else INNER
        area = base.mark_area(clip=True, tooltip=None)
        layers.append(
            area.encode(
                y=value_y(frame, f"low{number}"),
                y2=alt.Y2(f"high{number}:Q"),
                opacity=_when(frame, focus, strength, 0.0),
            )
        )
    return layers if any(np.isfinite(line.fan.bands[0][1]).any() for line in lines) else []


def _zero(frame: Frame) -> list[Any]:
    import altair as alt

    if frame.axis.low >= 0:
        return []
    rule = alt.Chart(inline([{"zero": 0}])).mark_rule(color=INK, strokeWidth=1, tooltip=None)
    return [rule.encode(y=value_y(frame, "zero"))]


def _medians(base: Any, frame: Frame, lines: Sequence[Line], focus: Any) -> list[Any]:

    width: Any = fixed("StrokeWidth", 2.2)
    if focus is not None:
        width = fixed("StrokeWidth", 1.5, condition={"param": focus.name, "value": 2.6})
    found = [
        base.mark_line(clip=True, strokeCap="round", tooltip=None).encode(y=value_y(frame, "median"), strokeWidth=width)
    ]
    if any(line.other is not None for line in lines):
        dashed = base.mark_line(clip=True, strokeDash=[5, 3.5], strokeWidth=1.5, tooltip=None)
        shown = _when(frame, focus, 1.0, 0.0 if frame.hushed else 1.0)
        found.insert(0, dashed.encode(y=value_y(frame, "cf"), opacity=shown))
    return found


def _observed(frame: Frame, lines: Sequence[Line]) -> list[Any]:
    import altair as alt

    first, last = int(frame.record.months[0]), int(frame.record.months[-1])
    rows = observed_rows(lines, first, last)
    if not rows:
        return []
    base = alt.Chart(inline(rows)).encode(x=month_x(frame), color=_hues(lines))
    ranged = [row for row in rows if row["low"] is not None and row["high"] is not None]
    layers = []
    if ranged:
        known = alt.Chart(inline(ranged)).encode(x=month_x(frame), color=_hues(lines))
        layers.append(
            known.mark_rule(strokeWidth=1.1, tooltip=None).encode(y=value_y(frame, "low"), y2=alt.Y2("high:Q"))
        )
    tips = [
        alt.Tooltip("month:N", title="Month"), alt.Tooltip("market:N", title="Observed"),
        alt.Tooltip("entity:N", title="Of"), alt.Tooltip("observed:Q", title="Value", format=frame.axis.say),
    ]  # fmt: skip
    shapes = sorted({row["shape"] for row in rows})
    marks = alt.Scale(domain=shapes, range=[MARKERS[shape % len(MARKERS)] for shape in shapes])
    points = base.mark_point(filled=True, fill=PAPER, strokeWidth=1.5, size=42, opacity=1)
    coded = points.encode(
        y=value_y(frame, "observed"),
        stroke=_hues(lines),
        shape=alt.Shape("shape:N", scale=marks, legend=None),
        tooltip=tips,
    )
    return [*layers, coded]


def _label_text(frame: Frame, line: Line) -> str:
    return f"{line.name} {said(line.last, frame.axis.say, frame.axis.suffix)}"


def _labels(frame: Frame, lines: Sequence[Line]) -> list[Any]:
    ends = [EndText(line.name, _label_text(frame, line), line.last, line.colour) for line in lines]
    return end_labels(frame, ends)


def end_labels(frame: Frame, ends: Sequence[EndText]) -> list[Any]:
    """Return words right of the plot at the heights of what they name, moved apart where they would touch."""
    known = sorted((end for end in ends if math.isfinite(end.value)), key=lambda end: end.value)
    heights = _apart([_height_of(frame.axis, end.value) for end in known], LABEL_GAP / frame.height)
    # One mark for each label: its height is in pixels, which a field cannot be without a scale of its own.
    return [_label(frame, end, height) for end, height in zip(known, heights, strict=True)]


def _label(frame: Frame, end: EndText, height: float) -> Any:
    import altair as alt

    row = {"m": int(frame.record.months[-1]) + 0.5, "entity": end.name, "text": end.text}
    words = alt.Chart(inline([row])).mark_text(
        align="left", baseline="middle", dx=7, fontSize=LABEL_SIZE, cursor="pointer"
    )
    # A mark without a tooltip of its own does not feel the pointer, and the names are there to be clicked.
    return words.encode(
        tooltip=alt.Tooltip("entity:N", title="Last median, of"),
        x=month_x(frame),
        y=fixed("Y", round(frame.height * (1 - height), 1)),
        text=alt.Text("text:N"),
        color=fixed("Color", text_hue(end.colour)),
    )


def _apart(places: Sequence[float], gap: float) -> list[float]:
    """Places (ascending, 0 to 1) moved apart by `gap`, none below the foot of the plot and none above its top."""
    moved = spread(places, gap)
    for place in range(len(moved)):
        moved[place] = max(moved[place], place * gap)
    for place in range(len(moved)):
        moved[-1 - place] = min(moved[-1 - place], 1 - place * gap)
    return moved


def _height_of(axis: Axis, value: float) -> float:
    """Place of a value on the axis, 0 at its foot and 1 at its top."""
    if axis.log:
        return math.log(max(value, axis.low) / axis.low) / math.log(axis.high / axis.low)
    return (value - axis.low) / ((axis.high - axis.low) or 1.0)


def _hover(base: Any, frame: Frame, lines: Sequence[Line], focus: Any) -> list[Any]:
    """A point on the nearest line under the pointer, with its numbers."""
    import altair as alt

    if not frame.interactive:
        return []
    near = alt.selection_point(
        name=f"hover_{frame.name}", nearest=True, on="pointerover", clear="pointerout", empty=False,
        fields=["m", "entity"],
    )  # fmt: skip
    shown = fixed("Opacity", 0, condition={"param": near.name, "value": 1, "empty": False})
    points = base.transform_filter("isValid(datum.median)")
    marks = points.mark_point(filled=True, size=70, cursor="pointer").encode(
        y=value_y(frame, "median"), opacity=shown, tooltip=alt.TooltipValue(alt.expr(_tooltip(frame, lines)))
    )
    return [marks.add_params(near, focus).properties(name=f"points_{frame.name}")]


def _tooltip(frame: Frame, lines: Sequence[Line]) -> str:
    """An expression for the numbers of a point. Under `nearest` the pointer feels a cell whose datum is the mark."""
    axis, single = frame.axis, frame.record.runs == 1
    datum = "(datum.datum ? datum.datum : datum)"

    def written(field: str) -> str:
        return f"(isValid({datum}.{field}) ? format({datum}.{field}, '{axis.say}') : 'n/a')"

    parts = {"title": f"{datum}.entity + ', ' + {datum}.month"}
    parts["The run" if single else "Median"] = f"{written('median')} + '{axis.suffix}'"
    for number in () if single else reversed(range(len(lines[0].fan.bands))):
        band = f"{written(f'low{number}')} + ' to ' + {written(f'high{number}')} + '{axis.suffix}'"
        parts[f"{lines[0].fan.bands[number][0]:.0%} of runs"] = band
    if any(line.other is not None for line in lines):
        parts[_other_name(frame.record)] = f"{written('cf')} + '{axis.suffix}'"
    return "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in parts.items()) + "}"


def _other_name(record: RunRecord) -> str:
    phrase = otherwise(record)
    return "Counterfactual" if phrase == "in the counterfactual" else capital(phrase)
