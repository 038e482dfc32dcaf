"""State that is not on record, for the networks: some runs are played again from the manifest's scenario and seed.

If they do not give the numbers on record, bit for bit, the code or the data are not those of the record, and the charts
that need them are left out.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from sim.charts.data import MAIN, CannotDraw, Floats, RunRecord
from sim.data import BLOCS
from sim.errors import InputError

if TYPE_CHECKING:
    from networkx import DiGraph, Graph

    from sim.engine import Engine

    Labs = DiGraph[str]
    Communities = Graph[str]

REPLAYED = 16
"""Runs played again; what is drawn is their mean."""


@lru_cache(maxsize=1)
def replay(record: RunRecord) -> "Engine":
    """Return an engine that has played the first runs on record up to the month of the titles.

    Raises CannotDraw where the scenario of the manifest cannot be played or gives other numbers than the record.
    """
    from sim.engine import Engine
    from sim.measures import columns
    from sim.measures import record as measured
    from sim.scenario import scenario_from_resolved

    names = columns(["token_share"])
    record.need(*names)
    try:
        scenario = scenario_from_resolved(record.arm(MAIN) or record.scenario)
        engine = Engine(scenario, record.results.runs[:REPLAYED], record.tables)
    except (InputError, KeyError) as error:
        raise CannotDraw(f"the scenario of the manifest cannot be played again ({error})") from None
    while engine.month < record.headline:
        engine.advance()
    place = int(np.flatnonzero(record.months == record.headline)[0])
    recorded = np.stack([record.values(name)[:REPLAYED, place] for name in names], axis=1)
    if not np.array_equal(measured(engine, ["token_share"]), recorded):
        raise CannotDraw("runs played again do not give the numbers on record; the code or the data have changed since")
    return engine


def learnable(engine: "Engine") -> Floats:
    """Return what each lab can learn from each other, ln units, mean over runs: (labs, labs), row learner.

    As in section 10 of the model: the lead of the other's methods, as they stood before the delay for undisclosed ones
    or now if it publishes its flagship, times the weight of the link.
    """
    from agents.places import STANCE_FLAGSHIP

    month, entry = engine.month, engine.block.labs.entry
    delay = np.rint(engine.block.par["knowledge.undisclosed_delay"][:, 0]).astype(np.int64)
    then = month - np.maximum(delay, 1)
    runs = np.arange(len(engine.lot))
    now, earlier = engine.positions[month], engine.positions[np.maximum(then, 0), runs]
    known = then[:, np.newaxis] >= np.maximum(entry, 0)[np.newaxis, :]
    hidden = np.where(known[:, np.newaxis, :], earlier[:, np.newaxis, :] - now[:, :, np.newaxis], 0.0)
    published = (engine.labs.stance == STANCE_FLAGSHIP) & (entry <= month)
    shown = np.where(published[:, np.newaxis, :], now[:, np.newaxis, :] - now[:, :, np.newaxis], 0.0)
    lead: Floats = (engine.links * np.maximum(np.maximum(hidden, shown), 0.0)).mean(axis=0)
    return lead


def lab_state(engine: "Engine") -> "Labs":
    """Return the lab network: an edge from teacher to learner, `weight` as in `learnable`; bloc and size (compute)."""
    from sim.networks import lab_graph

    world = engine.block.labs
    blocs = [BLOCS[place] for place in world.bloc]
    size = (engine.labs.compute * engine.entered).mean(axis=0)
    graph: Labs = lab_graph(list(world.names), blocs, learnable(engine), size)
    return graph


def community_state(record: RunRecord, engine: "Engine") -> "Communities":
    """Return the community network with region, segment, bloc, size (users, million) and share_CN (tokens) on nodes."""
    from sim.networks import community_graph

    table, model = record.tables.communities, engine.scenario.model.community_graph
    places = list(zip(table.text("region"), table.text("segment"), strict=True))
    names = [f"{region} {segment}" for region, segment in places]
    graph: Communities = community_graph(names, model.family, model.neighbours, model.rewiring, engine.scenario.seed)
    users = engine.communities.users.mean(axis=0)
    chinese = engine.block.labs.bloc == BLOCS.index("CN")
    share = engine.communities.share[:, :, chinese].sum(axis=2).mean(axis=0)
    for place, (name, (region, segment)) in enumerate(zip(names, places, strict=True)):
        bloc = region if region in BLOCS else "OTHER"
        graph.add_node(
            name, region=region, segment=segment, bloc=bloc, size=float(users[place]), share_CN=float(share[place])
        )
    return graph
