"""From a scenario and data tables to the inputs of one run of the twin."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sim.data import Table, Tables
from sim.networks import community_graph, peer_weights
from sim.policies import lever_paths
from sim.scenario import Scenario
from sim.tape import Tape
from tests.twin.inputs import NEVER, Row, Step, TwinInputs
from tests.twin.review import normal

EVENT = "reasoning_method"
LAB_LUCK = ("adopt", "stance", "quality", "release")
STATE_LUCK = ("politics", "perception", "decision")


def cut_tables(tables: Tables, labs: Sequence[str], communities: Sequence[int]) -> Tables:
    """The same tables with only these labs (by name) and communities (by row)."""
    lab_rows = [row for row in tables.labs.rows if row["lab"] in labs]
    community_rows = [tables.communities.rows[k] for k in communities]
    return replace(tables, labs=Table("labs", lab_rows), communities=Table("communities", community_rows))


def similarities(tape: Tape, labs: int, least: float) -> list[list[float]]:
    """Similarity of research fields between labs, `least` to 1."""
    places = [float(u) for u in tape.uniform("similarity", 0, [0], labs)[0]]
    far = math.exp(-0.5)
    return [[least + (1.0 - least) * (math.exp(-0.5 * abs(u - v)) - far) / (1.0 - far) for v in places] for u in places]


def drawn(scenario: Scenario, tape: Tape, run: int) -> dict[str, float]:
    """Every number of the world in a run: the inverse distribution function at its own look-up."""
    found = {}
    events = {f"events.{name}.gain_eci": event.gain for name, event in scenario.events.items()}
    for name, dist in {**scenario.world, **events}.items():
        place = 0.5 if dist.is_fixed else float(tape.uniform(f"world/{name}", 0, [run])[0, 0])
        found[name] = float(dist.quantile(np.array([place]))[0])
    return found


def lab_rows(scenario: Scenario, tables: Tables, params: dict[str, float], tape: Tape, run: int) -> list[Row]:
    """Rows of labs.csv with what the scenario sets and what a prior world adds."""
    rows: list[Row] = []
    for row in tables.labs.rows:
        name, new = str(row["lab"]), dict(row)
        for column in row:
            if f"labs.{name}.{column}" in params:
                value = params[f"labs.{name}.{column}"]
                new[column] = str(int(min(value, NEVER))) if column == "entry" else value
        if scenario.base != "central":
            _spread(new, name, params, tape, run)
        rows.append(new)
    return rows


def _spread(row: dict[str, str | float], name: str, params: dict[str, float], tape: Tape, run: int) -> None:
    def luck(what: str) -> float:
        return normal(float(tape.uniform(f"world/labs.{name}.{what}", 0, [run])[0, 0]))

    if f"labs.{name}.lab_effect" not in params:
        row["lab_effect"] = float(row["lab_effect"]) + params["labs.effect_sd"] * luck("lab_effect")
    columns = ("compute_start", "compute_2023", "compute_2024", "compute_2025")
    if row["grade"] != "measured" and not any(f"labs.{name}.{column}" in params for column in columns[1:]):
        factor = math.exp(params["labs.compute_sd"] * luck("compute"))
        for column in columns:
            row[column] = float(row[column]) * factor


def twin_inputs(scenario: Scenario, tables: Tables, run: int) -> TwinInputs:
    """The inputs of one run."""
    tape, months = Tape(scenario.seed), scenario.end + 1
    slots = dict.fromkeys(LAB_LUCK, len(tables.labs.rows)) | dict.fromkeys(STATE_LUCK, len(tables.governments.rows))
    params = drawn(scenario, tape, run)
    paths = lever_paths(scenario, tables.levers.rows, months)
    values = {key: [float(x) for x in path] for key, path in paths.value.items()}
    steps = {
        (g, lever): [
            Step(period.announced, period.first) for period in periods if 0 < period.first < months
        ]
        for (g, lever), periods in paths.periods.items()
    }  # fmt: skip
    event, model, graph = scenario.events.get(EVENT), scenario.model, scenario.model.community_graph
    names = [f"{row['region']} {row['segment']}" for row in tables.communities.rows]
    network = community_graph(names, graph.family, graph.neighbours, graph.rewiring, scenario.seed)
    return TwinInputs(
        months=months,
        look=lambda name, month, place: float(tape.uniform(name, month, [run], slots[name])[0, place]),
        params=params,
        labs=lab_rows(scenario, tables, params, tape, run),
        blocs=tables.blocs.rows,
        communities=tables.communities.rows,
        access=tables.access.rows,
        chips=tables.chips.rows,
        world_supply=tables.world_supply.rows,
        paths=tables.paths.rows,
        governments=tables.governments.rows,
        levers=values,
        steps=steps,
        against=paths.against,
        dials=paths.dials,
        channels={name: float(on) for name, on in model.channels.model_dump().items()},
        similarity=similarities(tape, len(tables.labs.rows), params["knowledge.least_similarity"]),
        peers=peer_weights(network).toarray().tolist(),
        endogenous=model.governments == "endogenous",
        bertrand=model.pricing == "bertrand",
        quota=model.rationing == "quota",
        event_month=event.month if event else NEVER,
        event_lab=event.lab if event else "",
        event_gain=params.get(f"events.{EVENT}.gain_eci", 0.0),
    )
