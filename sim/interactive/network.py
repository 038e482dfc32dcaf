"""The map of the labs in one month: who can learn from whom, how large they are, and who publishes its models."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.calendar import month_label
from sim.charts.networks import TEACHERS, circle
from sim.charts.style import BLOC_HUE, compact, display
from sim.charts.text import CAVEAT, percent
from sim.interactive.lines import short
from sim.interactive.picture import Picture
from sim.interactive.theme import inline, layered, line_hue, text_hue, themed

if TYPE_CHECKING:
    from sim.data import Tables
    from sim.scenario import Scenario

RUNS = 8
"""Runs that are played for a map; what is drawn is their mean."""
SIZES = {"compute": "compute in use", "tokens": "share of tokens"}
"""What the area of a node can stand for."""
SHAPES = {"open": "circle", "closed": "square"}
LARGEST, LEAST = 1500.0, 40.0
"""Areas of nodes, square pixels."""
WIDEST, THINNEST = 5.0, 0.7
STEPS, FINE = 14, 200
"""Straight pieces of a curved link, and the places along it at which its ends are looked for."""
HEAD = 6.0
"""Pixels between the arrow and the node."""
FAR = 1.4
"""Distance of two nodes, in radii of the circle, from which their link bends in full."""
BEND = 0.55
"""How far links bend to the middle: 0 not at all, 1 through it."""
REACH = 1.28
"""Half the width of the map, in radii of its circle."""


@dataclass(frozen=True)
class Node:
    """A lab in a month: bloc, compute in use (H100e), share of the world's tokens, and the share of runs in which its
    flagship's weights are open; `x` and `y` on the unit circle, by bloc."""

    lab: str
    bloc: str
    compute: float
    tokens: float
    openness: float
    x: float
    y: float


@dataclass(frozen=True)
class Tie:
    """What a learner can learn from a teacher this month: lead in methods (ln units) times the weight of the link."""

    teacher: str
    learner: str
    weight: float


@dataclass(frozen=True)
class LabNetwork:
    """The labs of a month and all ties between them, the mean over some runs."""

    month: int
    runs: int
    nodes: tuple[Node, ...]
    ties: tuple[Tie, ...]


def network_at(
    scenario: "Scenario", month: int, runs: Sequence[int] = range(RUNS), tables: "Tables | None" = None
) -> LabNetwork:
    """Play some runs of a scenario up to a month and return the lab network there.

    `month`: number from 2022-01 = 0, within the scenario; about 0.1 s for each year of eight runs. Raises ValueError
    where the month is outside the scenario.
    """
    from sim.charts.replay import lab_state
    from sim.data import load_tables
    from sim.engine import Engine

    tables = tables or load_tables()
    engine = Engine(scenario, np.asarray(runs, dtype=np.int64), tables)
    if not 0 <= month < engine.block.months:
        raise ValueError(f"{month_label(month)} is outside the scenario")
    while engine.month < month:
        engine.advance()
    return _network(engine, lab_state(engine))


def _network(engine: Any, graph: Any) -> LabNetwork:
    from sim.measures import record

    names = list(engine.block.labs.names)
    tokens = record(engine, ["token_share"])[:, : len(names)].mean(axis=0)
    opened = (record(engine, ["release_open"]) >= 1).mean(axis=0)
    groups = {bloc: [lab for lab in graph if graph.nodes[lab]["bloc"] == bloc] for bloc in BLOC_HUE}
    places = circle({bloc: labs for bloc, labs in groups.items() if labs})
    nodes = tuple(
        Node(lab, str(graph.nodes[lab]["bloc"]), float(graph.nodes[lab]["size"]), float(tokens[names.index(lab)]),
             float(opened[names.index(lab)]), *places[lab])
        for lab in places
    )  # fmt: skip
    ties = [Tie(str(one), str(other), float(data["weight"])) for one, other, data in graph.edges(data=True)]
    ordered = sorted((tie for tie in ties if tie.weight > 0), key=lambda tie: (tie.learner, -tie.weight, tie.teacher))
    return LabNetwork(int(engine.month), len(engine.lot), nodes, tuple(ordered))


def lab_map(network: LabNetwork, size: str = "compute", width: int = 640, height: int = 520) -> Picture:
    """Return the map of a lab network; links are those from the strongest teachers of each lab.

    `size`: what node areas stand for, a key of `SIZES`. `width` and `height` in pixels. Clicking a lab shows its links
    alone. Raises ValueError for another `size`.
    """
    if size not in SIZES:
        raise ValueError(f"node areas can stand for {' or '.join(SIZES)}, not {size!r}")
    ties = drawn_ties(network)
    title = _title(network)
    reading = (
        f"Links: the {TEACHERS} labs from which each lab can learn most, in the hue of the teacher, arrow at the "
        f"learner; width: how much (ln units); area: {SIZES[size]}; circle: weights of the flagship open in most of "
        f"{network.runs} runs, square: closed."
    )
    return Picture(
        title, _alt(network, ties, title), themed(_map(network, ties, size, width, height)), _table(network, ties),
        reading, ("Click a lab to see its links alone.", f"Mean of {network.runs} runs | {CAVEAT}"), fills=False,
    )  # fmt: skip


def drawn_ties(network: LabNetwork) -> list[Tie]:
    """Return the strongest ties of each learner, at most `TEACHERS`, the strongest first."""
    learners = [node.lab for node in network.nodes]
    return [tie for lab in learners for tie in [tie for tie in network.ties if tie.learner == lab][:TEACHERS]]


def _map(network: LabNetwork, ties: Sequence[Tie], size: str, width: int, height: int) -> dict[str, Any]:
    import altair as alt

    focus = alt.selection_point(name="focus_labs", fields=["lab"], on="click", clear="dblclick")
    radius = {node.lab: math.sqrt(_area(network, node, size) / math.pi) for node in network.nodes}
    layers = [*_links(network, ties, radius, (width, height)), *_nodes(network, size, focus, radius, (width, height))]
    return layered(layers, width=width, height=height)


def _xy(field: str, other: str, pixels: tuple[int, int]) -> dict[str, Any]:
    import altair as alt

    low, high = -REACH, REACH
    tall = pixels[1] / pixels[0]
    return {
        "x": alt.X(f"{field}:Q", scale=alt.Scale(domain=[low, high], nice=False), axis=None),
        "y": alt.Y(f"{other}:Q", scale=alt.Scale(domain=[low * tall, high * tall], nice=False), axis=None),
    }


def _hue() -> Any:
    import altair as alt

    blocs = list(BLOC_HUE)
    scale = alt.Scale(domain=blocs, range=[line_hue(BLOC_HUE[bloc]) for bloc in blocs])
    return alt.Color("bloc:N", scale=scale, legend=None)


def _seen() -> Any:
    """Links of the labs clicked; all of them where none is."""
    import altair as alt

    test = "!length(data('focus_labs_store')) || indexof(focus_labs.lab, datum.teacher) >= 0"
    test += " || indexof(focus_labs.lab, datum.learner) >= 0"
    return alt.when(test).then(alt.value(0.75)).otherwise(alt.value(0.05))


def _links(network: LabNetwork, ties: Sequence[Tie], radius: Mapping[str, float], pixels: tuple[int, int]) -> list[Any]:
    import altair as alt

    if not ties:
        return []
    by_lab = {node.lab: node for node in network.nodes}
    heaviest = max(tie.weight for tie in ties)
    unit = 2 * REACH / pixels[0]
    curves, heads = [], []
    for number, tie in enumerate(ties):
        told: dict[str, Any] = {"teacher": tie.teacher, "learner": tie.learner, "bloc": by_lab[tie.teacher].bloc}
        told |= {"width": short(THINNEST + (WIDEST - THINNEST) * tie.weight / heaviest)}
        points = _curve(by_lab[tie.teacher], by_lab[tie.learner], radius, unit)
        curves += [{**told, "tie": number, "step": step, "x": x, "y": y} for step, (x, y) in enumerate(points)]
        (before_x, before_y), (x, y) = points[-3], points[-1]
        angle = math.degrees(math.atan2(x - before_x, y - before_y))
        heads.append({**told, "x": x, "y": y, "angle": short(angle), "weight": short(tie.weight)})
    scale = alt.Scale(domain=[0, WIDEST], range=[0, WIDEST])
    lines = alt.Chart(inline(curves)).mark_line(strokeCap="round", tooltip=None)
    arrows = alt.Chart(inline(heads)).mark_point(shape="triangle", filled=True, tooltip=None)
    return [
        lines.encode(
            **_xy("x", "y", pixels), color=_hue(), detail="tie:N", order="step:Q", opacity=_seen(),
            strokeWidth=alt.StrokeWidth("width:Q", scale=scale, legend=None),
        ),
        arrows.encode(
            **_xy("x", "y", pixels), color=_hue(), opacity=_seen(),
            angle=alt.Angle("angle:Q", scale=alt.Scale(domain=[0, 360], range=[0, 360])),
            size=alt.value(70),
            tooltip=[alt.Tooltip("teacher:N", title="From"), alt.Tooltip("learner:N", title="To"),
                     alt.Tooltip("weight:Q", title="To learn, ln units", format=".2f")],
        ),
    ]  # fmt: skip


def _curve(start: Node, end: Node, radius: Mapping[str, float], unit: float) -> list[tuple[float, float]]:
    """Points of a link from the rim of one node to just before that of the other, bent to the middle of the map."""
    bend = BEND * min(1.0, math.hypot(end.x - start.x, end.y - start.y) / FAR)
    middle = ((1 - bend) * (start.x + end.x) / 2, (1 - bend) * (start.y + end.y) / 2)

    def at(t: float) -> tuple[float, float]:
        x, y = (
            (1 - t) ** 2 * a + 2 * t * (1 - t) * m + t**2 * b
            for a, m, b in ((start.x, middle[0], end.x), (start.y, middle[1], end.y))
        )
        return x, y

    places = [step / FINE for step in range(FINE + 1)]
    leaves = [t for t in places if math.dist(at(t), (start.x, start.y)) > (radius[start.lab] + 1) * unit]
    kept = [t for t in leaves if math.dist(at(t), (end.x, end.y)) > (radius[end.lab] + HEAD) * unit]
    first, last = (kept[0], kept[-1]) if kept else (0.0, 1.0)
    points = [at(first + (last - first) * step / STEPS) for step in range(STEPS + 1)]
    return [(round(x, 4), round(y, 4)) for x, y in points]


def _area(network: LabNetwork, node: Node, size: str) -> float:
    largest = max(float(getattr(each, size)) for each in network.nodes) or 1.0
    return LEAST + (LARGEST - LEAST) * float(getattr(node, size)) / largest


def _nodes(
    network: LabNetwork, size: str, focus: Any, radius: Mapping[str, float], pixels: tuple[int, int]
) -> list[Any]:
    import altair as alt

    rows = [
        {
            "lab": node.lab, "name": display(node.lab), "bloc": node.bloc, "x": short(node.x), "y": short(node.y),
            "where": display(node.bloc), "compute": f"{compact(node.compute)} H100e", "tokens": percent(node.tokens),
            "weights": "open" if node.openness >= 0.5 else "closed", "area": short(_area(network, node, size)),
        }
        for node in network.nodes
    ]  # fmt: skip
    shape = alt.Shape("weights:N", scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES.values())), legend=None)
    tips = [alt.Tooltip(f"{field}:N", title=title) for field, title in {
        "name": "Lab", "where": "Bloc", "compute": "Compute in use", "tokens": "World's tokens", "weights": "Flagship",
    }.items()]  # fmt: skip
    base = alt.Chart(inline(rows))
    marks = base.mark_point(filled=True, opacity=1, stroke="white", strokeWidth=1, cursor="pointer").encode(
        **_xy("x", "y", pixels), color=_hue(), shape=shape, tooltip=tips,
        size=alt.Size("area:Q", scale=alt.Scale(domain=[0, LARGEST], range=[0, LARGEST]), legend=None),
    )  # fmt: skip
    return [*(_name(node, radius, pixels) for node in network.nodes), marks.add_params(focus).properties(name="labs")]


def _name(node: Node, radius: Mapping[str, float], pixels: tuple[int, int]) -> Any:
    """The name of a lab, outside the circle."""
    import altair as alt

    away = radius[node.lab] + 6
    upright = abs(node.x) < 0.12
    row = {"x": short(node.x), "y": short(node.y), "lab": node.lab}
    words = alt.Chart(inline([row])).mark_text(
        text=display(node.lab), align="center" if upright else "left" if node.x > 0 else "right",
        baseline="middle" if abs(node.y) < 0.8 else "bottom" if node.y > 0 else "top",
        dx=round(away * node.x, 1), dy=round(-away * node.y, 1), fontSize=11.5, color=text_hue(BLOC_HUE[node.bloc]),
        cursor="pointer",
    )  # fmt: skip
    # A mark without a tooltip of its own does not feel the pointer, and the names are there to be clicked.
    return words.encode(**_xy("x", "y", pixels), tooltip=alt.Tooltip("lab:N", title="Lab"))


def _best(network: LabNetwork) -> dict[str, str]:
    """The strongest teacher of each lab that has one."""
    found: dict[str, str] = {}
    for tie in network.ties:
        found.setdefault(tie.learner, tie.teacher)
    return found


def _title(network: LabNetwork) -> str:
    blocs = {node.lab: node.bloc for node in network.nodes}
    best = {learner: teacher for learner, teacher in _best(network).items() if blocs[learner] == "CN"}
    when = month_label(network.month)
    if not best:
        return f"In {when}, no Chinese lab has anything to learn from another"
    abroad = sum(1 for teacher in best.values() if blocs[teacher] != "CN")
    teachers = sorted(best.values())
    most = max(teachers, key=teachers.count)
    count = sum(1 for bloc in blocs.values() if bloc == "CN")
    return (
        f"In {when}, {abroad} of {count} Chinese labs have most to learn from a lab abroad; the most frequent teacher "
        f"is {display(most)} ({teachers.count(most)})"
    )


def _alt(network: LabNetwork, ties: Sequence[Tie], title: str) -> str:
    best = {tie.learner: tie for tie in reversed(ties)}
    pairs = [f"{display(lab)} from {display(tie.teacher)} ({tie.weight:.2f})" for lab, tie in sorted(best.items())]
    largest = max(network.nodes, key=lambda node: node.compute)
    return (
        f"A network of {len(network.nodes)} labs on a circle by bloc. {title}. Most compute in use: "
        f"{display(largest.lab)}, {compact(largest.compute)} H100e. Most to learn, ln units: "
        f"{'; '.join(pairs) or 'nobody'}."
    )


def _table(network: LabNetwork, ties: Sequence[Tie]) -> Any:
    import pandas

    drawn = {(tie.teacher, tie.learner) for tie in ties}
    when = month_label(network.month)
    labs = [
        {"month": when, "entity": node.lab, "bloc": node.bloc, "compute_h100e": node.compute,
         "token_share": node.tokens, "share_of_runs_open": node.openness}
        for node in network.nodes
    ]  # fmt: skip
    links = [
        {"month": when, "entity": tie.learner, "teacher": tie.teacher, "weight_ln": tie.weight,
         "drawn": (tie.teacher, tie.learner) in drawn}
        for tie in network.ties
    ]  # fmt: skip
    return pandas.DataFrame([*labs, *links])
