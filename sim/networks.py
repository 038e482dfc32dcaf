"""The two networks: who learns from whom among labs, and which communities look to each other (docs/model.md, 18)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
from scipy import sparse

from sim.arrays import Array
from sim.tape import Tape

if TYPE_CHECKING:
    Graph = nx.Graph[str]
    Directed = nx.DiGraph[str]
else:
    Graph = Directed = Any


def lab_nearness(tape: Tape, labs: int) -> Array:
    """Return how near the research fields of labs are, 0 (farthest apart) to 1, (labs, labs), the same in every run."""
    place = tape.uniform("similarity", 0, [0], labs)[0]
    near = np.exp(-0.5 * np.abs(place[:, np.newaxis] - place[np.newaxis, :]))
    farthest = np.exp(-0.5)
    nearness: Array = (near - farthest) / (1.0 - farthest)
    return nearness


def community_graph(communities: Sequence[str], family: str, neighbours: int, rewiring: float, seed: int) -> Graph:
    """Return the seeded network of communities; nodes are their names, in the order of the table.

    `family`: watts_strogatz, barabasi_albert or erdos_renyi, each with about `neighbours` links a node.
    """
    size = len(communities)
    near = min(neighbours, size - 1)
    chance = seed % 2**32
    if family == "watts_strogatz":
        graph = nx.watts_strogatz_graph(size, near, rewiring, seed=chance)
    elif family == "barabasi_albert":
        graph = nx.barabasi_albert_graph(size, max(1, near // 2), seed=chance)
    else:
        graph = nx.gnp_random_graph(size, near / (size - 1), seed=chance)
    names: dict[Any, str] = dict(enumerate(communities))
    named: Graph = nx.relabel_nodes(graph, names)
    return named


def peer_weights(graph: Graph) -> sparse.csr_array:
    """Return the row-normalised adjacency of the community network; a community without links has a row of zeros."""
    adjacency = sparse.csr_array(nx.to_scipy_sparse_array(graph, format="csr").astype(np.float64))
    degree = np.asarray(adjacency.sum(axis=1)).ravel()
    scale = sparse.diags_array(1.0 / np.maximum(degree, 1.0))
    return sparse.csr_array(scale.dot(adjacency))


def lab_graph(names: Sequence[str], blocs: Sequence[str], weights: Array, size: Array) -> Directed:
    """Return the lab network of a month: an edge from teacher to learner with its weight; nodes carry bloc and size.

    `weights` (labs, labs): row learner, column teacher. `size` (labs,): what node areas stand for; labs with size 0
    (not yet there) are left out.
    """
    graph: Directed = nx.DiGraph()
    present = [i for i in range(len(names)) if size[i] > 0.0]
    for i in present:
        graph.add_node(names[i], bloc=blocs[i], size=float(size[i]))
    for i in present:
        for j in present:
            if i != j and weights[i, j] > 0.0:
                graph.add_edge(names[j], names[i], weight=float(weights[i, j]))
    return graph
