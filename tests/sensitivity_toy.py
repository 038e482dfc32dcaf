"""A known function in the place of the model, for studies of sensitivity without runs."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.analysis.sensitivity_lots import Question, question_of
from sim.analysis.sensitivity_stages import Sizes
from sim.analysis.sensitivity_study import Order, carry_out
from sim.lots import Lot
from sim.scenario import Scenario, load_scenario
from sim.tape import Tape

Floats = NDArray[np.float64]
STRONG, WEAK, SHARED, IDLE, THIRD = (
    "chip_market.diverted_share", "knowledge.spillover", "demand.world_spend", "research.slack", "release.noise",
)  # fmt: skip
WORLD = [
    "world.base=central", "end=2023-06", "outputs.at=[]",
    "world.events.reasoning_method={date: 2024-09, lab: OpenAI, gain_eci: 5}",
    *(f"world.{name}={{min: 0.1, max: 0.2}}" for name in (STRONG, WEAK, IDLE, THIRD)),
    f"world.{SHARED}={{min: 4000, max: 9000}}",
]  # fmt: skip
LEVEL_ONLY, EFFECTIVE, GONE, FLAT = (
    "token_share.CN", "frontier_capability.CN", "price_fixed_capability.116", "hhi.labs",
)  # fmt: skip
SMALL = Sizes(trajectories=10, samples=64, top=2, draws=12, chances=5)


def scenario(*sets: str) -> Scenario:
    return load_scenario("deepseek_shock", [*WORLD, *sets])


def question(*outcomes: str, of: str = "both", base: Scenario | None = None) -> Question:
    return question_of(base or scenario(), outcomes or (EFFECTIVE,), ("2023-06",), of)


@dataclass(frozen=True)
class Toy:
    """Answers to a lot from a formula; `broken` rows have failed."""

    lot: Lot
    broken: Callable[[Lot], NDArray[np.bool_]]

    @property
    def failed(self) -> NDArray[np.bool_]:
        return self.broken(self.lot)

    def level(self, name: str) -> Floats:
        """The place of a parameter, from the design or from the tape."""
        if name in self.lot.names:
            return self.lot.places[:, self.lot.names.index(name)]
        return Tape(self.lot.first.seed).uniform(f"world/{name}", 0, self.lot.draw)[:, 0]

    def read(self, columns: Sequence[str]) -> Mapping[str, Floats]:
        controlled = np.array([case.dials["export_controls.strictness"] > 0 for case in self.lot.cases])[self.lot.case]
        quota = np.array([case.model.rationing == "quota" for case in self.lot.cases])[self.lot.case]
        luck = Tape(1).uniform("toy", 0, self.lot.chance)[:, 0]
        effect = 3.0 * self.level(STRONG) - self.level(WEAK) + 0.5 * self.level(THIRD) + luck + 2.0 * quota
        values = {
            EFFECTIVE: 100.0 * self.level(SHARED) + controlled * effect,
            LEVEL_ONLY: self.level(SHARED),
            GONE: np.where(self.level(STRONG) > 0.8, np.nan, luck),
            FLAT: np.full(len(self.lot), 0.25),
        }
        return {
            column: np.where(self.failed, np.nan, values[column.partition("@")[0]]) for column in columns
        }  # fmt: skip


def none(lot: Lot) -> NDArray[np.bool_]:
    return np.zeros(len(lot), dtype=bool)


def toy(folder: Path, lot: Lot) -> Toy:
    return Toy(lot, none)


def rows_of(folder: Path, table: str, **wanted: str) -> list[dict[str, str]]:
    with (folder / table).open(encoding="utf-8", newline="") as stream:
        return [row for row in csv.DictReader(stream) if all(row[key] == value for key, value in wanted.items())]


def study(
    tmp_path: Path, asked: Question, sizes: Sizes = SMALL, broken: Callable[[Lot], NDArray[np.bool_]] = none
) -> Path:
    return carry_out(asked, sizes, Order(tmp_path, lambda folder, lot: Toy(lot, broken))).folder
