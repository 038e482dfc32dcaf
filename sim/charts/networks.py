"""Charts of the two networks in the month that the titles speak of: who can learn from whom, who looks to whom."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.charts.data import RunRecord
from sim.charts.replay import community_state, lab_state, replay
from sim.charts.sheet import Drawn, open_sheet
from sim.charts.style import BLOC_HUE, FAINT, INK, PAPER, SOFT, display, lighter
from sim.charts.text import heading, percent, when

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.charts.replay import Communities, Labs

TEACHERS = 2
"""Arrows drawn to each lab, the strongest."""
LARGEST_NODE, LEAST_NODE = 900.0, 30.0
"""Areas of nodes in square points."""
GAP_BETWEEN_GROUPS = 1.0
"""Width of the gap between groups on the circle, in places."""
SEGMENT_MARKS = {
    "enterprise_regulated": ("s", "Regulated enterprises"),
    "enterprise_other": ("D", "Other enterprises"),
    "startup_dev": ("^", "Startups, developers"),
    "hobby_research": ("P", "Hobby, research"),
    "consumer_app": ("o", "Consumers"),
}
REGION_NAMES = {
    "US": "US", "CN": "China", "EU": "Europe", "JPKR": "Japan,\nKorea", "IN": "India", "GULF": "Gulf",
    "ROW_S": "Rest of\nthe world", "RU_BY": "Russia,\nBelarus",
}  # fmt: skip
FULL_SHARE = 0.5
"""Share of Chinese models at which a community has the full colour."""
NOTICEABLE = 0.2


def labs(record: RunRecord) -> Drawn:
    """The lab network: arrows to each lab from those it can learn most from, nodes as large as their compute."""
    engine = replay(record)
    graph = lab_state(engine)
    reading = (
        f"Arrows: the {TEACHERS} labs from which each lab can learn most (lead in methods, in ln units, times the "
        f"weight of the link; mean of {len(engine.lot)} runs), in the hue of the teacher; width: how much; area "
        "of nodes: compute in use"
    )
    title = _title_labs(graph, when(record))
    sheet = open_sheet(9.0, 5.0, 1, 1, heading(record, title, reading, key=False), left=0.4, right=0.4)
    draw_lab_graph(graph, sheet.figure.add_subplot(sheet.grid[0, 0]))
    best = {learner: teacher for learner in graph if (teacher := best_teacher(graph, learner)) is not None}
    pairs = ", ".join(f"{display(learner)} from {display(teacher)}" for learner, teacher in best.items())
    return Drawn(sheet.figure, title, f"A network of {len(graph)} labs on a circle. {title}. Most to learn: {pairs}.")


def communities(record: RunRecord) -> Drawn:
    """The community network: links between peers, nodes as large as their users, coloured by use of Chinese models."""
    engine = replay(record)
    graph = community_state(record, engine)
    share = {name: float(graph.nodes[name]["share_CN"]) for name in graph}
    abroad = [name for name in graph if graph.nodes[name]["region"] != "CN"]
    many = [name for name in abroad if share[name] >= NOTICEABLE]
    top = max(abroad, key=lambda name: share[name])
    title = (
        f"In {when(record)}, Chinese models have over {NOTICEABLE:.0%} of tokens in {len(many)} of {len(abroad)} "
        f"communities outside China; most in {_community_name(graph, top)}: {percent(share[top])}"
    )
    reading = (
        f"Links: who looks to whom (the scenario's seeded graph); area of nodes: users; colour: tokens of Chinese "
        f"models, white 0 to full {FULL_SHARE:.0%} and more (mean of {len(engine.lot)} runs)"
    )
    words = heading(record, title, reading, key=False)
    sheet = open_sheet(9.0, 5.0, 1, 2, words, left=0.4, right=0.2, width_ratios=[3.6, 1])
    draw_community_graph(graph, sheet.figure.add_subplot(sheet.grid[0, 0]))
    draw_community_key(sheet.figure.add_subplot(sheet.grid[0, 1]))
    alt = f"A network of {len(graph)} communities on a circle, grouped by region. {title}."
    return Drawn(sheet.figure, title, alt)


def best_teacher(graph: "Labs", learner: str) -> str | None:
    """Return the lab from which `learner` can learn most, None where it leads."""
    ranked = teachers_of(graph, learner)
    return ranked[0][0] if ranked else None


def teachers_of(graph: "Labs", learner: str) -> list[tuple[str, float]]:
    """Return the labs that `learner` can learn from and how much, the strongest first."""
    found = [(str(teacher), float(graph.edges[teacher, learner]["weight"])) for teacher in graph.predecessors(learner)]
    return sorted(found, key=lambda pair: -pair[1])


def circle(groups: Mapping[str, Sequence[str]]) -> dict[str, tuple[float, float]]:
    """Return angles as (x, y) on the unit circle, clockwise from the top, a gap between groups."""
    total = sum(len(members) for members in groups.values()) + GAP_BETWEEN_GROUPS * len(groups)
    places, at = {}, 0.5 * GAP_BETWEEN_GROUPS
    for members in groups.values():
        for member in members:
            angle = 2 * math.pi * (at + 0.5) / total
            places[member] = (math.sin(angle), math.cos(angle))
            at += 1
        at += GAP_BETWEEN_GROUPS
    return places


def draw_lab_graph(graph: "Labs", ax: "Axes") -> "Axes":
    """Draw labs on a circle by bloc, with arrows from the strongest teachers; `size` and `bloc` are on the nodes."""
    from matplotlib.patches import FancyArrowPatch

    groups = {bloc: [lab for lab in graph if graph.nodes[lab]["bloc"] == bloc] for bloc in BLOC_HUE}
    places = circle({bloc: members for bloc, members in groups.items() if members})
    area = _areas({lab: float(graph.nodes[lab]["size"]) for lab in graph})
    heaviest = max((weight for lab in graph for _, weight in teachers_of(graph, lab)), default=1.0)
    for learner in graph:
        for teacher, weight in teachers_of(graph, learner)[:TEACHERS]:
            ax.add_patch(
                FancyArrowPatch(
                    places[teacher],
                    places[learner],
                    connectionstyle="arc3,rad=0.16",
                    zorder=2,
                    alpha=0.6,
                    arrowstyle="-|>,head_length=3.4,head_width=1.7",
                    lw=0.5 + 2.6 * weight / heaviest,
                    color=BLOC_HUE[graph.nodes[teacher]["bloc"]],
                    shrinkA=math.sqrt(area[teacher]) / 2 + 1,
                    shrinkB=math.sqrt(area[learner]) / 2 + 2,
                )
            )
    for lab, (x, y) in places.items():
        colour = BLOC_HUE[graph.nodes[lab]["bloc"]]
        ax.scatter([x], [y], s=area[lab], color=colour, edgecolor=PAPER, lw=0.8, zorder=4)
        _label_outside(ax, display(lab), (x, y), math.sqrt(area[lab]) / 2 + 6, colour)
    return _bare(ax)


def draw_community_graph(graph: "Communities", ax: "Axes") -> "Axes":
    """Draw communities on a circle by region: links bent inwards, shape by segment, colour by use of Chinese models."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    regions = dict.fromkeys(str(graph.nodes[name]["region"]) for name in graph)
    groups = {region: [name for name in graph if graph.nodes[name]["region"] == region] for region in regions}
    places = circle(groups)
    area = _areas({name: float(graph.nodes[name]["size"]) for name in graph})
    for one, other in graph.edges():
        (x, y), (u, v) = places[one], places[other]
        bend = (0.32 * (x + u), 0.32 * (y + v))
        ax.add_patch(
            PathPatch(
                Path([(x, y), bend, (u, v)], [Path.MOVETO, Path.CURVE3, Path.CURVE3]),
                fill=False,
                color="#B5B5B5",
                lw=0.6,
                alpha=0.8,
                zorder=1,
            )
        )
    for name, (x, y) in places.items():
        node = graph.nodes[name]
        mark = SEGMENT_MARKS.get(str(node["segment"]), ("o", ""))[0]
        ax.scatter(
            [x], [y], s=area[name], marker=mark, color=_tint(float(node["share_CN"])), edgecolor=SOFT, lw=0.7, zorder=4
        )
    for region, members in groups.items():
        x, y = (sum(places[name][axis] for name in members) / len(members) for axis in (0, 1))
        length = math.hypot(x, y)
        _label_outside(ax, REGION_NAMES.get(region, region), (x / length, y / length), 26, INK)
    return _bare(ax)


def draw_community_key(ax: "Axes") -> "Axes":
    """Draw the key to shapes and colours of the community network."""
    for row, (mark, name) in enumerate(SEGMENT_MARKS.values()):
        y = 0.78 - 0.07 * row
        ax.scatter([0.04], [y], s=38, marker=mark, color=PAPER, edgecolor=SOFT, lw=0.9)
        ax.text(0.13, y, name, va="center", fontsize=8.2, color=INK)
    steps = np.linspace(0, FULL_SHARE, 6)
    for place, share in enumerate(steps):
        ax.add_patch(_square((0.0 + 0.13 * place, 0.26), 0.13, 0.045, _tint(float(share))))
        if place in (0, len(steps) - 1):
            ax.text(0.065 + 0.13 * place, 0.235, f"{share:.0%}", ha="center", va="top", fontsize=7.8, color=SOFT)
    ax.text(0.0, 0.33, "Tokens of Chinese models", fontsize=8.2, color=INK)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.axis("off")
    return ax


def _square(corner: tuple[float, float], width: float, height: float, colour: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, width, height, facecolor=colour, edgecolor=FAINT, lw=0.5)


def _tint(share: float) -> str:
    return lighter(BLOC_HUE["CN"], 1 - min(max(share / FULL_SHARE, 0.0), 1.0))


def _areas(sizes: Mapping[str, float]) -> dict[str, float]:
    largest = max(sizes.values(), default=1.0)
    return {name: LEAST_NODE + (LARGEST_NODE - LEAST_NODE) * size / largest for name, size in sizes.items()}


def _label_outside(ax: "Axes", text: str, place: tuple[float, float], away: float, colour: str) -> None:
    x, y = place
    side = "center" if abs(x) < 0.12 else "left" if x > 0 else "right"
    up = "center" if abs(y) < 0.8 else "bottom" if y > 0 else "top"
    ax.annotate(
        text,
        place,
        (away * x, away * y),
        textcoords="offset points",
        ha=side,
        va=up,
        fontsize=8.6,
        color=colour,
        annotation_clip=False,
    )


def _bare(ax: "Axes") -> "Axes":
    ax.set_xlim(-1.3, 1.3)
    ax.set_ylim(-1.12, 1.12)
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def _title_labs(graph: "Labs", month: str) -> str:
    bloc = {lab: str(graph.nodes[lab]["bloc"]) for lab in graph}
    best = {lab: best_teacher(graph, lab) for lab in graph if bloc[lab] == "CN"}
    teachers = [teacher for teacher in best.values() if teacher is not None]
    abroad = [teacher for teacher in teachers if bloc[teacher] != "CN"]
    if not teachers:
        return f"In {month}, no Chinese lab has anything to learn from another"
    most, times = Counter(teachers).most_common(1)[0]
    return (
        f"In {month}, {len(abroad)} of {len(best)} Chinese labs have most to learn from a lab abroad; the most "
        f"frequent teacher is {display(most)} ({times})"
    )


def _community_name(graph: "Communities", name: str) -> str:
    node = graph.nodes[name]
    segment = SEGMENT_MARKS[str(node["segment"])][1].lower()
    return f"{REGION_NAMES.get(str(node['region']), str(node['region'])).replace(chr(10), ' ')} ({segment})"
