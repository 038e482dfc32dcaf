"""The command `regret`: which policy loses least, whatever the world turns out to be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.commands.discover import Showing, carry_out
from sim.errors import InputError, Problem, nearest_name


@dataclass(frozen=True)
class RegretWish:
    """Who chooses, by which objectives (those of the side unless given), at which month, with which weights."""

    side: str
    objectives: tuple[str, ...]
    at: str | None
    weights: str | None


def regret(folders: Sequence[Path], wish: RegretWish, showing: Showing) -> bool:
    """Compare the policies of a sweep over its draws, or of several sweeps; return whether all went well.

    Raises InputError for what cannot be read or asked of these sweeps, OutputError for a folder that is no sweep or is
    damaged.
    """
    from sim.analysis.objectives import SIDES, objectives_of, weights_of
    from sim.analysis.regret_study import folder_of, study, write
    from sim.analysis.regret_words import statement
    from sim.experiments.sweep_results import Sweep
    from sim.results import check_tables

    if wish.side not in SIDES:
        raise InputError(Problem(f"there is no side {wish.side}", path="--side", nearest=nearest_name(wish.side, SIDES),
                                 remedy=f"Give one of {', '.join(SIDES)}, or your own with --objective"))  # fmt: skip
    sweeps = [Sweep(folder) for folder in folders]
    for sweep in sweeps:
        check_tables(sweep.folder, sweep.manifest)
    objectives = [objectives_of(sweep, wish.side, wish.objectives, wish.at) for sweep in sweeps]
    if any(other != objectives[0] for other in objectives[1:]):
        raise InputError(Problem("the sweeps do not state the same months", path="--at",
                                 remedy="Name a month that all hold; run them over the same months"))  # fmt: skip
    side = "own objectives" if wish.objectives else wish.side
    weights = weights_of(wish.weights, len(objectives[0]))

    def make() -> Mapping[str, Any]:
        found = study(sweeps, side, objectives[0], weights)
        return write(sweeps, found, statement(found))

    return carry_out(folder_of(sweeps, side, objectives[0], weights), make, "comparing policies", showing)
