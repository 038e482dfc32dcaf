"""A tree of conditions (CART; Breiman, Friedman, Olshen and Stone 1984): which splits tell cases of interest apart.

The tree is that of the EMA workbench on scikit-learn, with its ties broken by the seed, and kept small: at most
`MOST_LEAVES` leaves, each with at least `LEAST_MASS` of the runs.
"""

import importlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.analysis.boxes import Box, Cases, screened
from sim.analysis.discovery import FOLDS, REPEATS, Rule, deal, quiet, workbench

MOST_LEAVES, LEAST_MASS, LEAST_GAIN = 6, 0.05, 0.02
"""`LEAST_GAIN`: share of the impurity (Gini) of all runs that a split must take away; less is most often noise."""


@dataclass(frozen=True)
class Node:
    """A node: the runs in it, the cases of interest among them, and how it splits.

    `parent` is -1 at the root. Runs whose `dimension` is at most `threshold` go to the node `below`, the others to
    `above`; in a leaf these are "", NaN and -1. `box`: the conditions on the way from the root.
    """

    number: int
    parent: int
    dimension: str
    threshold: float
    below: int
    above: int
    runs: int
    hits: int
    box: Box

    @property
    def is_leaf(self) -> bool:
        """Whether the node does not split."""
        return self.below < 0

    @property
    def share(self) -> float:
        """Share of the runs in the node that are of interest."""
        return self.hits / self.runs


def grow(cases: Cases, rule: Rule, seed: int) -> list[Node]:
    """Return the nodes of the tree, the root first, every parent before its children.

    Only the dimensions that pass the screening of `boxes.screened` are looked at. Raises InputError where the
    packages of the extra `analysis` are missing.
    """
    seen = cases.dimensions(screened(cases, rule.keep))
    grown = _fitted(seen, seed).tree_
    nodes: list[Node] = []

    def visit(place: int, parent: int, box: Box) -> int:
        number, inside = len(nodes), box.holds(seen)
        split = int(grown.children_left[place]) >= 0
        name = seen.names[int(grown.feature[place])] if split else ""
        threshold = float(grown.threshold[place]) if split else math.nan
        runs, hits = int(inside.sum()), int((inside & seen.hit).sum())
        nodes.append(Node(number, parent, name, threshold, -1, -1, runs, hits, box))
        if split:
            low, high = _halves(box, name, threshold)
            below = visit(int(grown.children_left[place]), number, low)
            above = visit(int(grown.children_right[place]), number, high)
            nodes[number] = Node(number, parent, name, threshold, below, above, runs, hits, box)
        return number

    visit(0, -1, Box({}))
    return nodes


def _halves(box: Box, name: str, threshold: float) -> tuple[Box, Box]:
    low, high = box.limits.get(name, (-math.inf, math.inf))
    above = float(np.nextafter(threshold, math.inf))
    return Box({**box.limits, name: (low, threshold)}), Box({**box.limits, name: (above, high)})


def skill(cases: Cases, rule: Rule, seed: int) -> float:
    """Return how well trees do on draws that they were not grown on: 1 - Brier score / that of the base rate.

    1 is perfect and 0 no better than giving every run the share of the draws that were learned from; below 0 is worse.
    """
    errors, plain = 0.0, 0.0
    for repeat in range(REPEATS):
        fold = deal(cases.draw, seed, repeat)
        for number in range(FOLDS):
            learn, test = cases.rows(fold != number), cases.rows(fold == number)
            if not len(test) or not len(learn):
                continue
            told = np.full(len(test), learn.base_rate)
            plain += float(((test.hit - told) ** 2).sum())
            for leaf in _leaves(learn, rule, seed):
                told[leaf.box.holds(test)] = leaf.share
            errors += float(((test.hit - told) ** 2).sum())
    return 1.0 - errors / plain if plain > 0.0 else math.nan


def _leaves(learn: Cases, rule: Rule, seed: int) -> Iterator[Node]:
    if 0 < learn.hits < len(learn):
        yield from (node for node in grow(learn, rule, seed) if node.is_leaf)


def _fitted(cases: Cases, seed: int) -> Any:
    """A fitted classifier of scikit-learn, set up by the workbench's CART."""
    import pandas as pd

    names = [f"x{place}" for place in range(len(cases.names))]
    with quiet():
        cart = workbench("cart").CART(pd.DataFrame(cases.x, columns=names), cases.hit, LEAST_MASS)
        # The workbench grows its tree with chance that no seed reaches.
        cart.clf = importlib.import_module("sklearn.tree").DecisionTreeClassifier(
            min_samples_leaf=max(1, int(LEAST_MASS * len(cases))),
            max_leaf_nodes=MOST_LEAVES,
            min_impurity_decrease=LEAST_GAIN * 2.0 * cases.base_rate * (1.0 - cases.base_rate),
            random_state=seed % 2**32,
        )
        cart.clf.fit(cases.x, cases.hit)
    return cart.clf


def drawn(nodes: Sequence[Node], name_of: dict[str, str]) -> str:
    """Return the tree as text, a line for each node, children indented under their parent."""
    lines: list[str] = []

    def write(number: int, depth: int, condition: str) -> None:
        node = nodes[number]
        lines.append(f"{'  ' * depth}{condition}: {node.share:.0%} of {node.runs} runs")
        if not node.is_leaf:
            name = name_of.get(node.dimension, node.dimension)
            write(node.below, depth + 1, f"{name} <= {node.threshold:.4g}")
            write(node.above, depth + 1, f"{name} > {node.threshold:.4g}")

    write(0, 0, "all runs")
    return "\n".join(lines) + "\n"


__all__ = ["LEAST_MASS", "MOST_LEAVES", "Node", "drawn", "grow", "skill"]
