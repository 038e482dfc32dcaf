"""The world as a Mesa model: the engine's months as steps, its labs, governments and communities as agents.

The numbers are the engine's; the agents are windows on one run of the block, the run on show. So Mesa's tools for
looking (AgentSet, DataCollector) work on a single run and on any run of an ensemble.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import mesa
import numpy as np

from agents.windows import DeveloperCommunity, Government, Lab
from sim.arrays import Array
from sim.calendar import month_label
from sim.data import Tables
from sim.engine import Engine
from sim.errors import nearest_name
from sim.graphs import community_network_of, lab_network_of
from sim.measures import columns, record
from sim.scenario import Scenario, load_scenario

if TYPE_CHECKING:
    import networkx as nx


class World(mesa.Model):
    """A scenario, month by month; one step is one month, and `running` turns false after the last.

    `engine` holds all runs as arrays; `shown` is the place of the run on show, which agents and measures speak of. A
    run has the same numbers here as in any ensemble of the scenario. Mesa's own chance (`rng`) only orders agents.
    """

    def __init__(
        self,
        scenario: str | Path | Scenario = "deepseek_shock",
        runs: int = 1,
        show: int | None = None,
        *,
        first: int = 0,
        sets: Sequence[str] = (),
        tables: Tables | None = None,
        rng: int | None = None,
    ) -> None:
        """`scenario`: a preset, a file, or one that is loaded; `sets`: `path=value` texts laid over a preset or file.

        The block holds the runs `first` to `first + runs - 1`; `show` is the number of the one on show. `rng` defaults
        to the scenario's seed. Raises InputError for a scenario with faults, ValueError for a run that is not held.
        """
        setting = scenario if isinstance(scenario, Scenario) else load_scenario(scenario, sets)
        if isinstance(scenario, Scenario) and sets:
            raise ValueError("sets are laid over a preset or a file, not over a scenario that is loaded")
        if runs < 1 or first < 0:
            raise ValueError(f"a world needs at least one run and no negative run number, not {runs} from {first}")
        super().__init__(rng=setting.seed if rng is None else rng)
        self.setting = setting
        self.engine = Engine(setting, np.arange(first, first + runs), tables)
        self._measured: tuple[int, Array] | None = None
        self.show(first if show is None else show)
        block = self.engine.block
        for kind, count in (
            (Lab, len(block.labs.names)),
            (Government, len(block.governments.names)),
            (DeveloperCommunity, len(block.communities.home)),
        ):
            for place in range(count):
                kind(self, place)

    def step(self) -> None:
        """Play one month in every run. Raises RuntimeError after the last month."""
        if self.engine.month >= self.setting.end:
            raise RuntimeError(f"the scenario ends in {month_label(self.setting.end)}")
        self.engine.advance()
        self.running = self.engine.month < self.setting.end

    def show(self, run: int) -> None:
        """Put the run of this number on show. Raises ValueError for a run that is not held."""
        held = self.engine.lot.chance
        if run not in held:
            raise ValueError(f"run {run} is not held; the world has runs {held[0]} to {held[-1]}")
        self.shown = int(run - held[0])

    @property
    def month(self) -> int:
        """Number of the last month played, 2022-01 = 0; -1 before the first."""
        return self.engine.month

    @property
    def date(self) -> str:
        """The last month played as YYYY-MM; empty before the first."""
        return month_label(self.month) if self.month >= 0 else ""

    def measures(self) -> dict[str, float]:
        """Return every measure of the run on show this month, by column (`token_share.DeepSeek`).

        Raises RuntimeError before the first month.
        """
        if self.month < 0:
            raise RuntimeError("no month has been played yet; measures are those of a month")
        if self._measured is None or self._measured[0] != self.month:
            self._measured = (self.month, record(self.engine))
        return dict(zip(columns(), self._measured[1][self.shown].tolist(), strict=True))

    def measure(self, column: str) -> float:
        """Return one measure of the run on show this month. Raises KeyError for an unknown one, and as `measures`."""
        values = self.measures()
        if column not in values:
            known = nearest_name(column, values)
            raise KeyError(f"there is no measure '{column}'" + (f"; did you mean {known}?" if known else ""))
        return values[column]

    def lab_network(self) -> "nx.DiGraph[str]":
        """Return who learns from whom in the run on show (`sim.graphs.lab_network_of`)."""
        return lab_network_of(self.engine, self.shown)

    def community_network(self) -> "nx.Graph[str]":
        """Return who looks to whom among communities in the run on show (`sim.graphs.community_network_of`)."""
        return community_network_of(self.engine, self.shown)


__all__ = ["DeveloperCommunity", "Government", "Lab", "World"]
