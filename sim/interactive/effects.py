"""What a sweep found: paired effects along a lever, with their intervals, and over two levers as a heat map."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sim.charts.data import CannotDraw
from sim.charts.heatmap import Plane, plane_of
from sim.charts.sheet import spread
from sim.charts.style import INK, PAPER
from sim.charts.sweep import LINES, Panels, hue_of, lines_along, main_group
from sim.charts.sweep_data import EFFECT, Curve, Group, SweepRecord
from sim.charts.sweep_text import Outcome, change, lever_words, listed, outcome_of, value_words
from sim.charts.sweep_words import effect_words, finding, multiplicity, strongest, sweep_notes
from sim.charts.text import percent
from sim.interactive.layers import INNER, LABEL_GAP, LABEL_SIZE, OUTER
from sim.interactive.lines import short
from sim.interactive.outcome import THOUSAND
from sim.interactive.picture import Picture
from sim.interactive.theme import contrast, inline, layered, line_hue, text_hue, themed

if TYPE_CHECKING:
    from sim.experiments.axes import Axis

BELOW, NONE, ABOVE = "#7A4306", "#F5F5F5", "#01665E"
"""Ends and middle of the heat map: neither end is the colour of a bloc, and no reader confuses them."""
BLACK = "#000000"
"""Of numbers in cells: ink is too pale on middling ones."""
MOST_PRINTED = 9
CELL_HEIGHT = 44
DOT: dict[str, Any] = {"filled": True, "size": 60, "opacity": 1, "strokeWidth": 1.8}


def sweep_pictures(record: SweepRecord) -> Iterator[tuple[str, Picture]]:
    """Yield what a sweep has to show on each of its outcomes, by name: `heat_COLUMN`, then `effect_LEVER_COLUMN`."""
    if record.sampled:
        return
    for outcome in record.outcomes:
        if len(record.axes) > 1:
            yield f"heat_{outcome.column}", heat(record, outcome.column)
        for axis in levers(record):
            yield f"effect_{axis.label}_{outcome.column}", effects(record, outcome.column, axis.label)


def levers(record: SweepRecord) -> "list[Axis]":
    """Return the axes along which there are effects to draw: numbers that vary; none where the points are a sample."""
    if record.sampled:
        return []
    return [axis for axis in record.axes if record.numeric(axis) and lines_along(record, axis).groups]


def effects(record: SweepRecord, column: str = "", lever: str = "", height: int = 260) -> Picture:
    """Return the mean paired effect on an outcome along a lever, with its 95% interval and 90% of the runs.

    `column`: an outcome of the sweep, the first by default; `lever`: label of an axis, the first by default. `height`:
    of the plot, pixels. Raises CannotDraw where there is no such outcome or lever.
    """
    outcome, axis = _outcome(record, column), _lever(record, lever)
    panels = lines_along(record, axis)
    main = main_group(record, panels)
    curve = record.effect(main.points, outcome)
    what = lever_words(axis.label) + (f" with {panels.by} {main.label}" if panels.several else "")
    title = finding(record, outcome, curve, what, axis)
    reading = (
        f"{outcome.name}: difference from the baseline in {record.headline}, {outcome.step}, run by run, over "
        f"{_lever_title(panels)}. Line: mean; {'' if panels.several else 'inner '}band: its 95% interval"
        + (f" with {panels.by} {main.label}" if panels.several else "; outer band: 90% of the runs")
        + "; hollow points: the interval includes zero."
    )
    best = strongest(curve)
    said = [effect_words(outcome, curve, place) for place in best] or [effect_words(outcome, curve, -1)]
    alt = f"Line chart of the effect on {outcome.subject} over {lever_words(axis.label)}. {title}. {'; '.join(said)}."
    groups = [(group, record.effect(group.points, outcome)) for group in panels.groups]
    return Picture(
        title, alt, themed(_curves(record, panels, outcome, groups, main, height)),
        _joined([_table(record, outcome, curve) for _, curve in groups]), reading,
        tuple(sweep_notes(record, [multiplicity(curve)])),
    )  # fmt: skip


def heat(record: SweepRecord, column: str = "", width: int = 620) -> Picture:
    """Return the mean paired effect on an outcome over two levers, a cell for each pair of values.

    `column`: an outcome of the sweep, the first by default; `width`: of the cells, pixels. Further levers, and policies
    other than the scenario's, are held at home. Raises CannotDraw where fewer than two levers vary.
    """
    if record.sampled:
        raise CannotDraw("the points are a sample, not a grid")
    if len(record.axes) < 2:
        raise CannotDraw("fewer than two axes vary")
    outcome, plane = _outcome(record, column), plane_of(record)
    rows = [record.along(plane.x, **{plane.y.path: value}) for value in plane.rows]
    curve = record.effect([point for row in rows for point in row], outcome)
    names = listed([lever_words(axis.label) for axis in (plane.x, plane.y)])
    title = finding(record, outcome, curve, names)
    best = strongest(curve)
    said = f" {'; '.join(effect_words(outcome, curve, place) for place in best)}." if best else ""
    reading = (
        f"{outcome.name}: mean difference from the baseline in {record.headline}, {outcome.step}, run by run. Teal: "
        "higher; brown: lower; in brackets: the 95% interval includes zero."
    )
    return Picture(
        title, f"Heat map of the effect on {outcome.subject} over {names}. {title}.{said}",
        themed(_cells(plane, outcome, curve, width)), _table(record, outcome, curve), reading,
        tuple(sweep_notes(record, [multiplicity(curve)])), fills=False,
    )  # fmt: skip


def _outcome(record: SweepRecord, column: str) -> Outcome:
    if not record.outcomes:
        raise CannotDraw(f"no outcome is defined in {record.headline}")
    if column and column not in record.sweep.outcomes:
        raise CannotDraw(f"the sweep has no outcome {column}; it has {', '.join(record.sweep.outcomes)}")
    return outcome_of(column) if column else record.outcomes[0]


def _lever(record: SweepRecord, lever: str) -> "Axis":
    found = levers(record)
    if not found:
        raise CannotDraw("the points are a sample" if record.sampled else "no axis has a range of numbers")
    named = [axis for axis in found if lever in ("", axis.label, axis.path)]
    if not named:
        raise CannotDraw(f"the sweep has no lever {lever}; it has {', '.join(axis.label for axis in found)}")
    return named[0]


def _lever_title(panels: Panels) -> str:
    extras = [text for text in (panels.axis.unit, panels.scale.note) if text]
    return lever_words(panels.axis.label) + (f" ({', '.join(extras)})" if extras else "")


def _curves(
    record: SweepRecord,
    panels: Panels,
    outcome: Outcome,
    groups: Sequence[tuple[Group, Curve]],
    main: Group,
    height: int,
) -> dict[str, Any]:
    import altair as alt

    hues, ends = _hues(panels, outcome), _ends(panels, groups)
    rows = [row for group, curve in groups for row in _rows(panels, group, curve, outcome)]
    colour = alt.Color("line:N", scale=alt.Scale(domain=list(hues), range=list(hues.values())), legend=None)
    base = alt.Chart().encode(x=_lever_x(panels), color=colour)

    def y(field: str) -> Any:
        return _effect_y(outcome, field, ends)

    inner = base.transform_filter(f"datum.line == {json.dumps(main.label)}") if panels.several else base
    tips = _tips(
        value=lever_words(panels.axis.label), mean_said="Mean effect", interval="95% interval", runs="90% of runs",
        positive="Runs above zero",
    )  # fmt: skip
    rim = alt.Stroke("line:N", scale=alt.Scale(domain=list(hues), range=list(hues.values())), legend=None)
    points = base.encode(y=y("mean"), stroke=rim, tooltip=tips)
    layers = [
        *([] if panels.several else [base.mark_area(opacity=OUTER, tooltip=None).encode(y=y("p05"), y2="p95:Q")]),
        inner.mark_area(opacity=INNER, tooltip=None).encode(y=y("low"), y2="high:Q"),
        alt.Chart(inline([{"zero": 0}])).mark_rule(color=INK, tooltip=None).encode(y=y("zero")),
        base.mark_line(strokeWidth=2, tooltip=None).encode(y=y("mean")),
        points.transform_filter("datum.clear").mark_point(**DOT),
        points.transform_filter("!datum.clear").mark_point(**DOT, fill=PAPER),
        *(_names(panels, groups, hues, ends, height) if panels.several else []),
    ]
    return layered(layers, rows, width="container", height=height)


def _tips(**titles: str) -> list[Any]:
    import altair as alt

    return [alt.Tooltip(f"{field}:N", title=title) for field, title in titles.items()]


def _lever_x(panels: Panels) -> Any:
    import altair as alt

    scale = panels.scale
    places = [scale.at(value) for value in scale.values]
    words = {f"{place:.6g}": value_words(value) for place, value in zip(places, scale.values, strict=True)}
    text = f"({json.dumps(words)})[format(datum.value, '.6~g')] || format(datum.value, '~r')"
    kind: Literal["log", "linear"] = "log" if scale.kind == "log" else "linear"
    return alt.X(
        "x:Q",
        scale=alt.Scale(domain=list(scale.ends), nice=False, zero=False, type=kind),
        axis=alt.Axis(values=places, labelExpr=text, title=_lever_title(panels), labelOverlap=True),
    )


def _effect_y(outcome: Outcome, field: str, ends: tuple[float, float]) -> Any:
    import altair as alt

    large = max(abs(end) for end in ends) >= THOUSAND
    text = f"datum.value == 0 ? '0' : format(datum.value, '{'+~s' if large else '+~f'}')"
    scale = alt.Scale(domain=list(ends), nice=False, zero=False)
    return alt.Y(f"{field}:Q", scale=scale, axis=alt.Axis(title=outcome.step, labelExpr=text, tickCount=5))


def _hues(panels: Panels, outcome: Outcome) -> dict[str, str]:
    if not panels.several:
        return {panels.groups[0].label: line_hue(hue_of(outcome))}
    return {group.label: line_hue(LINES[place % len(LINES)]) for place, group in enumerate(panels.groups)}


def _ends(panels: Panels, groups: Sequence[tuple[Group, Curve]]) -> tuple[float, float]:
    fields = ("mean", "ci95_low", "ci95_high", *(() if panels.several else ("p05", "p95")))
    known = np.concatenate([curve[field] for _, curve in groups for field in fields])
    known = np.append(known[np.isfinite(known)], 0.0)
    room = 0.05 * (float(known.max() - known.min()) or 2.0)
    return float(known.min()) - room, float(known.max()) + room


def _rows(panels: Panels, group: Group, curve: Curve, outcome: Outcome) -> list[dict[str, Any]]:
    def between(low: float, high: float) -> str:
        return f"{change(low)} to {change(high)}" if math.isfinite(low) and math.isfinite(high) else "n/a"

    rows = []
    for place, point in enumerate(group.points):
        value = point.values[panels.axis.path]
        number = {name: float(curve[name][place]) for name in EFFECT}
        rows.append(
            {
                "line": group.label, "x": short(panels.scale.at(value)), "value": value_words(value),
                "mean": short(number["mean"]), "low": short(number["ci95_low"]), "high": short(number["ci95_high"]),
                "p05": short(number["p05"]), "p95": short(number["p95"]), "clear": bool(curve.clear[place]),
                "mean_said": f"{change(number['mean'])} {outcome.step}",
                "interval": between(number["ci95_low"], number["ci95_high"]),
                "runs": between(number["p05"], number["p95"]),
                "positive": percent(number["share_positive"]),
            }
        )  # fmt: skip
    return rows


def _names(
    panels: Panels,
    groups: Sequence[tuple[Group, Curve]],
    hues: dict[str, str],
    ends: tuple[float, float],
    height: int,
) -> list[Any]:
    """The names of several lines, at their ends."""
    import altair as alt

    low, high = ends
    known = [(float(curve["mean"][np.isfinite(curve["mean"])][-1]), group.label) for group, curve in groups
             if np.isfinite(curve["mean"]).any()]  # fmt: skip
    known.sort()
    places = spread([(value - low) / (high - low) for value, _ in known], LABEL_GAP / height)
    base = alt.Chart(inline([{}]))
    return [
        base.mark_text(align="left", dx=7, fontSize=LABEL_SIZE, color=text_hue(hues[label]), tooltip=None,
                       text=f"{panels.by} {label}" if place == len(known) - 1 else label)
        .encode(x=alt.value("width"), y=alt.value(round(height * (1 - at), 1)))
        for place, ((_, label), at) in enumerate(zip(known, places, strict=True))
    ]  # fmt: skip


def _cells(plane: Plane, outcome: Outcome, curve: Curve, width: int) -> dict[str, Any]:
    import altair as alt

    top = float(np.nanmax(np.abs(np.append(curve["mean"], 0.0)))) or 1.0
    rows = []
    for place, point in enumerate(curve.points):
        mean, low, high = (float(curve[name][place]) for name in ("mean", "ci95_low", "ci95_high"))
        said = change(mean)
        rows.append(
            {
                "x": value_words(point.values[plane.x.path]), "y": value_words(point.values[plane.y.path]),
                "mean": short(mean), "dark": _is_dark(mean / top),
                "said": said if curve.clear[place] or not curve.has_intervals or said == "n/a" else f"({said})",
                "effect": f"{said} {outcome.step}", "interval": f"{change(low)} to {change(high)}",
            }
        )  # fmt: skip
    x = alt.X("x:N", sort=None, axis=_cell_axis(plane.x, flat=True))
    y = alt.Y("y:N", sort=[value_words(value) for value in reversed(plane.rows)], axis=_cell_axis(plane.y))
    scale = alt.Scale(domain=[-top, 0, top], range=[BELOW, NONE, ABOVE], type="linear")
    tips = _tips(
        x=lever_words(plane.x.label), y=lever_words(plane.y.label), effect="Mean effect", interval="95% interval"
    )
    base = alt.Chart(inline(rows)).encode(x=x, y=y)
    legend = alt.Legend(title=outcome.step, gradientLength=120, format="+~r", tickCount=3)
    boxes = base.mark_rect(stroke=PAPER, strokeWidth=1.5).encode(
        color=alt.Color("mean:Q", scale=scale, legend=legend), tooltip=tips
    )
    numbers = base.mark_text(fontSize=LABEL_SIZE, tooltip=None).encode(
        text="said:N", color=alt.when("datum.dark").then(alt.value(PAPER)).otherwise(alt.value(BLACK))
    )
    printed = max(len(plane.columns), len(plane.rows)) <= MOST_PRINTED
    height = CELL_HEIGHT * len(plane.rows) if printed else CELL_HEIGHT * MOST_PRINTED
    return layered([boxes, *([numbers] if printed else [])], width=width, height=height)


def cell_hue(size: float) -> str:
    """Return the colour of a cell; `size` is its effect over the largest one, -1 to 1 (NaN as 0)."""
    end, share = (ABOVE if size > 0 else BELOW), min(abs(size), 1.0) if math.isfinite(size) else 0.0
    parts = [(int(NONE[i : i + 2], 16), int(end[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(none + (full - none) * share):02X}" for none, full in parts)


def _is_dark(size: float) -> bool:
    return contrast(PAPER, cell_hue(size)) > contrast(BLACK, cell_hue(size))


def _cell_axis(axis: "Axis", flat: bool = False) -> Any:
    import altair as alt

    title = lever_words(axis.label) + (f" ({axis.unit})" if axis.unit else "")
    words: dict[str, Any] = {"title": title, "domain": False, "ticks": False, "grid": False}
    return alt.Axis(**words, labelAngle=0, titleAnchor="start") if flat else alt.Axis(**words)


def _table(record: SweepRecord, outcome: Outcome, curve: Curve) -> Any:
    import pandas

    return pandas.DataFrame(
        [
            {
                "month": record.headline, "entity": outcome.column, "world": point.policy, "unit": outcome.step,
                **{axis.label: point.values[axis.path] for axis in record.axes},
                **{name: float(curve[name][place]) for name in EFFECT},
            }
            for place, point in enumerate(curve.points)
        ]
    )  # fmt: skip


def _joined(tables: Sequence[Any]) -> Any:
    import pandas

    return pandas.concat(tables, ignore_index=True)
