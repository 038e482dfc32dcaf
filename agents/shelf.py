"""Models on offer: two slot groups a lab (closed, open), two vintages each (latest, previous)."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from agents.places import CLOSED, LATEST, OPEN, PREVIOUS
from sim.arrays import Array, Flags


@dataclass
class Shelf:
    """All models on offer, (runs, labs, 2 openness, 2 vintage)."""

    exists: Annotated[Flags, "yes/no", "whether there is a model in this place"]
    capability: Annotated[Array, "ECI", "capability as released"]
    ln_effective: Annotated[Array, "ln", "ln E at release, without release noise"]
    ln_run: Annotated[Array, "ln H100e-months", "training compute at release"]
    know_how: Annotated[Array, "ln", "own and borrowed know-how at release"]
    small: Annotated[Array, "0/1", "whether it is a small model"]
    price: Annotated[Array, "USD/Mtok", "price per million tokens"]
    since: Annotated[Array, "month", "month of release"]

    FIELDS = ("exists", "capability", "ln_effective", "ln_run", "know_how", "small", "price", "since")

    def put(self, where: Flags, openness: int, model: "Model") -> None:
        """Release `model` (fields (runs, labs)) into a slot group where `where` (runs, labs): latest becomes previous.

        The price of the one it replaces is kept; without one it is nan until `pricing.reprice` sets it.
        """
        for name in self.FIELDS:
            field = getattr(self, name)
            before = field[:, :, openness, LATEST].copy()
            field[:, :, openness, PREVIOUS] = np.where(where, before, field[:, :, openness, PREVIOUS])
            if name == "exists":
                field[:, :, openness, LATEST] = before | where
            elif name != "price":
                field[:, :, openness, LATEST] = np.where(where, getattr(model, name), before)

    def withdraw(self, where: Flags, openness: int) -> None:
        """Take a lab's models of one openness off offer where `where` (runs, labs)."""
        self.exists[:, :, openness] &= ~where[:, :, np.newaxis]
        self.price[:, :, openness] = np.where(where[:, :, np.newaxis], np.nan, self.price[:, :, openness])

    def best(self) -> Array:
        """Return each lab's best released capability, -inf where it has none; (runs, labs)."""
        level = np.where(self.exists, self.capability, -np.inf)
        best: Array = np.maximum(_newest_best(level[:, :, CLOSED]), _newest_best(level[:, :, OPEN]))
        return best

    def best_open(self) -> Array:
        """Return each lab's best open model, -inf where it has none; (runs, labs)."""
        return _newest_best(np.where(self.exists[:, :, OPEN], self.capability[:, :, OPEN], -np.inf))


def _newest_best(level: Array) -> Array:
    """The better of the two vintages, (runs, labs)."""
    better: Array = np.maximum(level[..., LATEST], level[..., PREVIOUS])
    return better


@dataclass(frozen=True)
class Model:
    """A model about to be released; fields as in `Shelf`, (runs, labs) or (runs, 1)."""

    capability: Array
    ln_effective: Array
    ln_run: Array
    know_how: Array
    small: Array
    since: Array


def empty_shelf(runs: int, labs: int) -> Shelf:
    """Return a shelf without models. Places without a model hold harmless numbers (price nan, the rest 0)."""
    shape = (runs, labs, 2, 2)
    zeros = np.zeros(shape)
    return Shelf(
        exists=np.zeros(shape, dtype=bool), capability=zeros.copy(), ln_effective=zeros.copy(), ln_run=zeros.copy(),
        know_how=zeros.copy(), small=zeros.copy(), price=np.full(shape, np.nan), since=zeros.copy(),
    )  # fmt: skip


def best_of_others(level: Array) -> Array:
    """Return for each lab the largest `level` (runs, labs) of any other lab; -inf where there is none."""
    if level.shape[1] == 1:
        return np.full_like(level, -np.inf)
    place = level.argmax(axis=1)[:, np.newaxis]
    top = np.take_along_axis(level, place, axis=1)
    rest = level.copy()
    np.put_along_axis(rest, place, -np.inf, axis=1)
    second = rest.max(axis=1, keepdims=True)
    mine = np.arange(level.shape[1])[np.newaxis, :] == place
    return np.where(mine, second, top)
