"""Where China's compute comes from: the inflow by channel, stacked, beside the counterfactual's."""

import math
from typing import Any

import numpy as np

from sim.calendar import month_label
from sim.charts.compute import CHANNELS
from sim.charts.data import COUNTERFACTUAL, MAIN, Floats, RunRecord
from sim.charts.policies import key_line, policy_marks
from sim.charts.style import PAPER, compact
from sim.charts.text import percent, source_line, title_of, unit_of, versus, when
from sim.interactive.layers import HEADROOM, Axis, EndText, Frame, end_labels, ground, heading_layers, month_x, value_y
from sim.interactive.lines import MAIN_WORLD, OTHER_WORLD, quantile_columns, short
from sim.interactive.picture import Picture
from sim.interactive.theme import CHANNEL_HUE, inline, layered, themed

MEASURE = "compute_inflow"
WORLDS = {MAIN: MAIN_WORLD, COUNTERFACTUAL: OTHER_WORLD}
LABEL_ROOM = 150
"""Pixels right of each panel for the names of its channels."""
WORTH_A_NAME = 0.005
"""Share of the last inflow from which a channel is named."""


def channels(record: RunRecord, width: int = 860, height: int = 240) -> Picture:
    """Return China's inflow of compute by channel, H100e a month, mean over the runs (means add up, medians do not).

    The scenario and its counterfactual stand side by side on one scale. `width`: of all, `height`: of the plots, in
    pixels. Raises CannotDraw where the channels are not on record.
    """
    columns = {channel: f"{MEASURE}.{channel}" for channel in CHANNELS}
    record.need(*columns.values())
    means = {
        role: {c: record.values(column, role).mean(axis=0) for c, column in columns.items()} for role in record.arms
    }
    title = _title(record, means)
    reading = (
        f"China's inflow of compute by channel, {unit_of(MEASURE)}, mean of {record.runs} runs"
        if record.runs > 1
        else f"China's inflow of compute by channel, {unit_of(MEASURE)}, the one run"
    )
    shaded = "; shaded: after the record" if record.months[-1] > record.record_end else ""
    return Picture(
        title,
        _alt(record, means, title),
        themed(_panels(record, means, width, height)),
        _table(record, columns, means),
        f"{reading}{shaded}.",
        tuple(note for note in (key_line(policy_marks(record)), source_line(record)) if note),
        fills=False,
    )


def _panels(record: RunRecord, means: dict[str, dict[str, Floats]], width: int, height: int) -> dict[str, Any]:
    top = max(float(np.add.reduce(list(by.values())).max()) for by in means.values()) or 1.0
    panel = width // len(means) - LABEL_ROOM - (50 if len(means) == 1 else 20)
    charts = []
    for role, by_channel in means.items():
        axis = Axis(0.0, top * HEADROOM, "~s", unit_of(MEASURE) if role == MAIN else "", say=".3~s")
        frame = Frame(record, axis, height, name=role, numbered=role == MAIN, width=panel, short_years=True)
        heading = heading_layers(title_of(record, role), (), raised=32)
        layers = [*heading, *ground(frame), *_areas(frame, by_channel), *end_labels(frame, _names(by_channel))]
        charts.append(layered(layers, width=panel, height=height))
    return {"hconcat": charts, "spacing": 10} if len(charts) > 1 else charts[0]


def _areas(frame: Frame, by_channel: dict[str, Floats]) -> list[Any]:
    import altair as alt

    # Ends of the areas are added up here, so that chart and table cannot differ.
    rows, foot = [], 0.0 * by_channel[next(iter(CHANNELS))]
    total: Floats = np.add.reduce(list(by_channel.values()))
    for channel, name in CHANNELS.items():
        head = foot + by_channel[channel]
        for place, month in enumerate(frame.record.months):
            rows.append(
                {
                    "m": int(month), "month": month_label(int(month)), "entity": name, "low": short(float(foot[place])),
                    "high": short(float(head[place])), "flow": short(float(by_channel[channel][place])),
                    "share": short(float(by_channel[channel][place] / total[place])) if total[place] > 0 else None,
                }
            )  # fmt: skip
        foot = head
    scale = alt.Scale(domain=list(CHANNELS.values()), range=[CHANNEL_HUE[channel] for channel in CHANNELS])
    tips = [
        alt.Tooltip("month:N", title="Month"), alt.Tooltip("entity:N", title="Channel"),
        alt.Tooltip("flow:Q", title="H100e a month", format=".3~s"),
        alt.Tooltip("share:Q", title="Share", format=".0%"),
    ]  # fmt: skip
    base = alt.Chart(inline(rows)).encode(x=month_x(frame), y=value_y(frame, "low"), y2="high:Q")
    area = base.mark_area(stroke=PAPER, strokeWidth=0.8, opacity=0.92, tooltip=None)
    bars = base.mark_bar(opacity=0, width={"band": 1}, tooltip=True).encode(tooltip=tips)
    return [area.encode(color=alt.Color("entity:N", scale=scale, legend=None)), bars]


def _names(by_channel: dict[str, Floats]) -> list[EndText]:
    """The channels that count in the last month, at the middles of their areas."""
    ends, foot = [], 0.0
    total = sum(float(flow[-1]) for flow in by_channel.values())
    for channel, name in CHANNELS.items():
        flow = float(by_channel[channel][-1])
        if total > 0 and flow / total >= WORTH_A_NAME:
            ends.append(EndText(name, f"{name} {percent(flow / total)}", foot + flow / 2, CHANNEL_HUE[channel]))
        foot += flow
    return ends


def _now(record: RunRecord, by_channel: dict[str, Floats]) -> tuple[float, dict[str, float]]:
    """The inflow in the month of the titles, and the share of each channel in it."""
    place = record.months.tolist().index(record.headline)
    flows = {channel: float(flow[place]) for channel, flow in by_channel.items()}
    total = sum(flows.values())
    return total, {channel: flow / total if total > 0 else math.nan for channel, flow in flows.items()}


def _title(record: RunRecord, means: dict[str, dict[str, Floats]]) -> str:
    total, parts = _now(record, means[MAIN])
    ranked = sorted(parts, key=lambda channel: -parts[channel])[:2]
    named = " and ".join(f"{percent(parts[channel])} {CHANNELS[channel].lower()}" for channel in ranked)
    title = f"China gains {compact(total)} H100e in {when(record)}, {named}"
    if COUNTERFACTUAL not in means:
        return title
    other, shares = _now(record, means[COUNTERFACTUAL])
    most = max(shares, key=lambda channel: shares[channel])
    return title + versus(record, f"{compact(other)}, {percent(shares[most])} {CHANNELS[most].lower()}")


def _alt(record: RunRecord, means: dict[str, dict[str, Floats]], title: str) -> str:
    first, last = (month_label(int(record.months[place])) for place in (0, -1))
    ends = [
        f"{CHANNELS[channel].lower()} {compact(float(flow[0]))} to {compact(float(flow[-1]))}"
        for channel, flow in means[MAIN].items()
    ]
    sides = "Two stacked area charts" if len(means) > 1 else "Stacked area chart"
    return f"{sides} of China's inflow of compute. {title}. From {first} to {last}, H100e a month: {'; '.join(ends)}."


def _table(record: RunRecord, columns: dict[str, str], means: dict[str, dict[str, Floats]]) -> Any:
    import pandas

    parts = [
        pandas.DataFrame(
            {
                **quantile_columns(record.fan(column, role), channel, WORLDS[role], unit_of(MEASURE)),
                "mean": flow[channel],
            }
        )
        for role, flow in means.items()
        for channel, column in columns.items()
    ]
    return pandas.concat(parts, ignore_index=True)
