"""Scenario discovery: under which conditions a case of interest comes about (Bryant and Lempert 2010).

PRIM peels a box of conditions (Friedman and Fisher 1999), CART grows a tree of them (Breiman and others 1984); both are
those of the EMA workbench (Kwakkel 2017). What is said of a box is checked on draws that it was not fitted to.
"""

import contextlib
import importlib
import math
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis.boxes import Box, Cases, Score, clustering, pruned, quasi_p, rounded, score, screened
from sim.errors import InputError, Problem
from sim.tape import Tape

FEWEST_CASES, FEWEST_DRAWS = 20, 10
"""Cases of interest (and of the others), and draws in which they lie, below which no box is looked for."""
FOLDS, REPEATS = 5, 2
"""Each of `REPEATS` times the draws are dealt into `FOLDS`; each is left out once and the box of the others tested."""
FEW = (1, 2, 4)
"""How many of the best dimensions are peeled alone."""
TOLERANCE = 0.05
"""Boxes whose density is this close to the highest are held equal, and the simplest of them is taken."""


@dataclass(frozen=True)
class Rule:
    """How a box is found: see `choose` and `find`.

    `coverage`: share of the cases of interest that it has to cover; `keep`: dimensions that are looked at; `level`:
    largest quasi-p-value of a limit; `alpha`: share that a peel takes; `mass`: smallest share of the runs in a box.
    """

    coverage: float = 0.5
    keep: int = 15
    level: float = 0.05
    alpha: float = 0.05
    mass: float = 0.05


@dataclass(frozen=True)
class Found:
    """A box found by `find`: its limits, their quasi-p-values, its score where it was fitted, and where it came from.

    `trajectory`: every box on the way, widest first; `chosen`: the place of the one that the box was made from;
    `effect`: the design effect (see `sim.analysis.boxes.clustering`).
    """

    box: Box
    quasi_p: dict[tuple[str, int], float]
    score: Score
    trajectory: tuple[Box, ...]
    chosen: int
    effect: float


@dataclass(frozen=True)
class HoldOut:
    """What boxes fitted to some draws do on the others: pooled over folds, and averaged over repeats.

    `error` is the standard error of the density over draws; `limited` counts the fits in which a dimension has a limit,
    of `fits`.
    """

    coverage: float
    density: float
    error: float
    base_rate: float
    limited: Counter[str]
    fits: int

    @property
    def holds(self) -> bool:
        """Whether the density is above the base rate by more than two standard errors."""
        return bool(self.density - self.base_rate > 2.0 * self.error)


def too_few(cases: Cases) -> str | None:
    """Return in words why no box can be found in these cases, or None."""
    kinds = (("of interest", cases.hit), ("not of interest", ~cases.hit))
    for kind, chosen in kinds:
        count, draws = int(chosen.sum()), len(np.unique(cases.draw[chosen]))
        if count == 0:
            return f"None of the {len(cases)} runs is {kind}"
        if count < FEWEST_CASES or draws < FEWEST_DRAWS:
            have = f"Only {count} of the {len(cases)} runs, in {draws} draws, {'is' if count == 1 else 'are'} {kind}"
            return f"{have}; a box needs {FEWEST_CASES} in {FEWEST_DRAWS} draws"
    return None


def find(cases: Cases, rule: Rule) -> Found:
    """Return the box that PRIM finds by a `rule` that is fixed beforehand.

    PRIM peels the dimensions that pass the screening, the few best of them alone, and once more those that earn their
    place (fewer dimensions, fewer ways to fit noise; after Kwakkel 2019). From each trajectory a box is taken
    (`choose`), its limits rounded, and those that do not earn their place taken away (`boxes.pruned`). Of these boxes
    the best is returned, again by `choose`. The same cases give the same box. Raises InputError where the
    packages of the extra `analysis` are missing.
    """
    effect = clustering(cases)
    names = screened(cases, rule.keep)
    if not names:
        return Found(Box({}), {}, score(Box({}), cases), (Box({}),), 0, effect)
    tried: dict[tuple[str, ...], Found] = {}
    for few in (*FEW, len(names)):
        wanted = tuple(names[:few])
        while wanted not in tried:
            tried[wanted] = _peeled(cases, wanted, rule, effect)
            wanted = tuple(name for name in wanted if name in tried[wanted].box.limits) or wanted
    found = list(tried.values())
    return found[choose([each.box for each in found], [each.score for each in found], rule.coverage)]


def _peeled(cases: Cases, names: Sequence[str], rule: Rule, effect: float) -> Found:
    """The box from one trajectory over some of the dimensions."""
    seen = cases.dimensions(names)
    trajectory = peel(seen, rule)
    chosen = choose(trajectory, [score(box, seen) for box in trajectory], rule.coverage)
    box, values = pruned(rounded(trajectory[chosen], seen), seen, rule.level, effect)
    return Found(box, values, score(box, cases), tuple(trajectory), chosen, effect)


def choose(trajectory: Sequence[Box], scores: Sequence[Score], coverage: float) -> int:
    """Return the place of the box to take from a peeling trajectory.

    Of the boxes that cover at least `coverage` of the cases of interest, those whose density is within `TOLERANCE` of
    the highest; of these the one with the fewest restricted dimensions, and of those the densest.
    """
    allowed = [place for place, found in enumerate(scores) if found.coverage >= coverage and found.inside] or [0]
    best = max(scores[place].density for place in allowed)
    near = [place for place in allowed if scores[place].density >= best - TOLERANCE]
    return min(near, key=lambda place: (len(trajectory[place]), -scores[place].density, place))


def peel(cases: Cases, rule: Rule) -> list[Box]:
    """Return the boxes of PRIM's peeling and pasting trajectory, the first without limits.

    Raises InputError where the EMA workbench is not installed.
    """
    import pandas as pd

    prim = workbench("prim")
    # The package has a meaning of its own for some names of columns.
    table = pd.DataFrame(cases.x, columns=[f"x{place}" for place in range(len(cases.names))])
    with quiet():
        fitted = prim.Prim(table, cases.hit, threshold=0.0, peel_alpha=rule.alpha, mass_min=rule.mass)
        found = fitted.find_box()
        tables = [limits[table.columns].to_numpy(dtype=np.float64) for limits in found.box_lims]
    return [_box(cases, limits) for limits in tables]


def hold_out(cases: Cases, rule: Rule, seed: int) -> HoldOut:
    """Return how boxes do on draws that they were not fitted to.

    The whole of `find`, screening and choice included, is repeated on the other draws; runs of a draw stay together.
    Folds are dealt by the tape of `seed`. Folds too poor in cases to find a box in count as an empty box.
    """
    tested = []
    limited: Counter[str] = Counter()
    for repeat in range(REPEATS):
        fold = deal(cases.draw, seed, repeat)
        inside = np.zeros(len(cases), dtype=np.bool_)
        for number in range(FOLDS):
            learn = cases.rows(fold != number)
            if 0 < learn.hits < len(learn):
                box = find(learn, rule).box
                limited.update(list(box.limits))
                inside |= (fold == number) & box.holds(cases)
        tested.append(inside)
    coverage = float(np.mean([(inside & cases.hit).sum() / cases.hits for inside in tested]))
    density, error = _pooled_density(cases, np.array(tested))
    return HoldOut(coverage, density, error, cases.base_rate, limited, FOLDS * REPEATS)


def deal(draws: NDArray[np.int64], seed: int, repeat: int) -> NDArray[np.int64]:
    """Return the fold of each run, 0 to `FOLDS` - 1, shape (runs,): draws shuffled by the tape and dealt in turn."""
    numbers, place = np.unique(draws, return_inverse=True)
    luck = Tape(seed).uniform("discovery/folds", repeat, numbers)[:, 0]
    turn = np.empty(len(numbers), dtype=np.int64)
    turn[np.argsort(luck, kind="stable")] = np.arange(len(numbers)) % FOLDS
    return turn[place]


def _pooled_density(cases: Cases, tested: NDArray[np.bool_]) -> tuple[float, float]:
    """Density in boxes tested on runs (repeats, runs), and its standard error as a ratio of sums over draws."""
    held = tested.sum(axis=0).astype(np.float64)
    if held.sum() == 0.0:
        return math.nan, math.nan
    density = float((held * cases.hit).sum() / held.sum())
    _, place = np.unique(cases.draw, return_inverse=True)
    residual = np.bincount(place, weights=held * (cases.hit - density))
    return density, float(math.sqrt((residual**2).sum()) / held.sum())


def _box(cases: Cases, limits: NDArray[np.float64]) -> Box:
    """A box from limits (2, dimensions); a limit at the end of the data is none."""
    ends = np.array([cases.x.min(axis=0), cases.x.max(axis=0)])
    open_side = limits == ends
    open_ended = np.where(open_side, np.array([[-math.inf], [math.inf]]), limits)
    return Box(
        {
            name: (float(open_ended[0, place]), float(open_ended[1, place]))
            for place, name in enumerate(cases.names)
            if not open_side[:, place].all()
        }
    )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Let the EMA workbench run without its known warnings, and round small numbers to zero as it expects."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.filterwarnings("ignore", message="ipyparallel not installed")
        warnings.filterwarnings("ignore", message="altair based interactive inspection")
        warnings.filterwarnings("ignore", message="The inplace keyword", module="ema_workbench")
        yield


def workbench(part: str) -> Any:
    """Return a module of `ema_workbench.analysis`. Raises InputError where it is not installed."""
    with quiet():
        try:
            return importlib.import_module(f"ema_workbench.analysis.{part}")
        except ModuleNotFoundError as error:
            needed = Problem(
                f"scenario discovery needs the package {error.name}", remedy="pip install darkhorse[analysis]"
            )
            raise InputError(needed) from None


__all__ = ["Found", "HoldOut", "Rule", "choose", "find", "hold_out", "peel", "quasi_p", "too_few"]
