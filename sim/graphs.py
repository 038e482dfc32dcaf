"""The two networks of a block as it stands: NetworkX graphs on demand, for charts and for `sim.world`.

The links are those of docs/model.md, section 18. A graph is of one run, or of the mean over the runs of the block.
"""

import networkx as nx
import numpy as np

from sim.arrays import Array
from sim.data import BLOCS
from sim.engine import Engine
from sim.networks import community_graph, lab_graph


def lab_network_of(engine: Engine, run: int | None = None) -> "nx.DiGraph[str]":
    """Return who learns from whom this month: an edge from teacher to learner with its `weight`.

    Weights are those in force: similarity of fields times the weight between blocs, collaboration rules included. Nodes
    are the labs that have entered, with `bloc`, `size` (compute in use, H100e) and `capability` (best model on offer,
    ECI; 0 without one). `run`: place in the block, None for the mean. Raises RuntimeError before the first month.
    """
    _played(engine)
    labs = engine.block.labs
    compute = _seen(engine.labs.compute, run) * engine.entered
    level = engine.shelf.best()
    best = _seen(np.where(np.isfinite(level), level, 0.0), run)
    blocs = [BLOCS[place] for place in labs.bloc]
    graph: nx.DiGraph[str] = lab_graph(labs.names, blocs, _seen(engine.links, run), compute)
    for place, name in enumerate(labs.names):
        if name in graph:
            graph.nodes[name]["capability"] = float(best[place])
    return graph


def community_network_of(engine: Engine, run: int | None = None) -> "nx.Graph[str]":
    """Return who looks to whom among communities: the scenario's seeded graph, nodes `REGION SEGMENT`.

    Nodes carry `region`, `segment`, `home` (bloc of the region), `size` (users, million), `spend` (M$ a month), the
    shares of tokens `share_US`, `share_CN`, `share_EU`, `share_OTHER` by origin, `lab` (with the largest share) and
    `bloc` (of that lab). `run`: place in the block, None for the mean. Raises RuntimeError before the first month.
    """
    _played(engine)
    table, model = engine.block.tables.communities, engine.scenario.model.community_graph
    labs, world, state = engine.block.labs, engine.block.communities, engine.communities
    names = community_names(engine)
    graph: nx.Graph[str] = community_graph(names, model.family, model.neighbours, model.rewiring, engine.scenario.seed)
    users, spend, share = _seen(state.users, run), _seen(state.spend, run), _seen(state.share, run)
    leader = share.argmax(axis=1)
    for place, (name, region, segment) in enumerate(
        zip(names, table.text("region"), table.text("segment"), strict=True)
    ):
        by_origin = {f"share_{bloc}": float(share[place, labs.bloc == i].sum()) for i, bloc in enumerate(BLOCS)}
        graph.add_node(
            name, region=region, segment=segment, home=BLOCS[world.home[place]], size=float(users[place]),
            spend=float(spend[place]), lab=labs.names[leader[place]], bloc=BLOCS[labs.bloc[leader[place]]],
            **by_origin,
        )  # fmt: skip
    return graph


def community_names(engine: Engine) -> list[str]:
    """Return the names of the communities, `REGION SEGMENT`, in the order of the arrays."""
    table = engine.block.tables.communities
    return [f"{region} {segment}" for region, segment in zip(table.text("region"), table.text("segment"), strict=True)]


def _seen(values: Array, run: int | None) -> Array:
    chosen: Array = values.mean(axis=0) if run is None else values[run]
    return chosen


def _played(engine: Engine) -> None:
    if engine.month < 0:
        raise RuntimeError("no month has been played yet; the networks are those of a month")


__all__ = ["community_names", "community_network_of", "lab_network_of"]
