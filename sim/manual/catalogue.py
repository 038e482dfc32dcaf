"""The pages of measures and of charts, from their catalogues."""

import importlib
import inspect
from collections.abc import Mapping

from sim.charts.drawing import CHARTS, EXPERIMENT_CHARTS
from sim.manual.markdown import code, page, table
from sim.measures import BLOCS, CATALOGUE, LABS, LEVELS, OPENNESS, columns

ABOUT_MEASURES = (
    "What a run reports, month by month. A column of a table is `measure.entity`, or the measure alone where it has no "
    "entity, as in `token_share.DeepSeek` or `market_spend`. `darkhorse explain NAME` prints one of them. The "
    "formulas name states of [the model](../model.md); observed counterparts are in [targets](../targets.md)."
)
GROUPS = {
    "market": "Market",
    "capability": "Capability and openness",
    "efficiency": "Research and efficiency",
    "compute": "Compute",
}
SETS = {
    (*LABS, *BLOCS, *OPENNESS): "labs, blocs, open, closed",
    (*LABS, *BLOCS): "labs, blocs",
    LABS: "labs",
    BLOCS: "blocs",
    LEVELS: "levels in ECI: " + ", ".join(LEVELS),
}
"""Entities that many measures share, in words."""
KINDS = {
    "sweep": "sweep",
    "sensitivity": "sensitivity",
    "discovery": "discover",
    "backcast": "backcast",
    "memo": "memo",
    "calibration": "calibrate",
    "regret": "regret",
}
"""The command behind each kind of folder."""
ABOUT_CHARTS = (
    "What each command draws into `figures/`, as PNG and SVG, with a text file that says in words what is to be seen. "
    "Names are those of `outputs: {charts: [...]}` in a scenario. A chart that needs what was not recorded is left out "
    "with a message. `darkhorse chart DIR` draws them again."
)


def measure_page() -> str:
    """Return the page of measures, by group."""
    labs = ", ".join(code(lab) for lab in LABS)
    body = [
        f"{len(CATALOGUE)} measures in {len(columns())} columns.", "", f"Labs: {labs}.", "",
        f"Blocs: {', '.join(code(bloc) for bloc in BLOCS)}.", "",
    ]  # fmt: skip
    for group, title in GROUPS.items():
        rows = [
            (code(row.name), row.phrase, row.formula, row.unit, _entities(row.entities))
            for row in CATALOGUE.values() if row.group == group
        ]  # fmt: skip
        body += [f"## {title}", "", *table(("measure", "what it is", "formula", "unit", "entities"), rows), ""]
    return page("Measures", ABOUT_MEASURES, body)


def _entities(entities: tuple[str, ...]) -> str:
    return SETS.get(entities) or ", ".join(code(entity) for entity in entities) or "none"


def chart_page() -> str:
    """Return the page of charts, by the command that draws them."""
    body = ["## darkhorse run, darkhorse compare", "", *_charts(CHARTS), ""]
    for kind, charts in EXPERIMENT_CHARTS.items():
        body += [f"## darkhorse {KINDS[kind]}", "", *_charts(charts.charts), ""]
    return page("Charts", ABOUT_CHARTS, body)


def _charts(charts: Mapping[str, str]) -> list[str]:
    return table(("figure", "what it shows"), ((code(name), first_line(path)) for name, path in charts.items()))


def first_line(path: str) -> str:
    """Return the first paragraph of what a function says of itself, less what it raises; `path` is module.name."""
    module, _, name = path.rpartition(".")
    words = inspect.getdoc(getattr(importlib.import_module(module), name)) or ""
    return ". ".join(sentence for sentence in words.split("\n\n")[0].split(". ") if not sentence.startswith("Raises"))
