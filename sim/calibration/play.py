"""Runs the model at the points of a calibration and states the targets of each run; a finished wave is kept on disk."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.arrays import Array, Whole
from sim.calibration.fitted import Targets
from sim.calibration.unknowns import Unknowns
from sim.data import load_tables
from sim.disk import write_whole
from sim.engine import Engine
from sim.ensemble import DEFAULT_BLOCK, RunError
from sim.executors import executor
from sim.lots import Lot
from sim.monthly import Monthly
from sim.operators import OPERATORS, measures_for

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Piece:
    lot: Lot
    targets: Targets
    columns: tuple[str, ...]
    measures: list[str]


@dataclass(frozen=True)
class Player:
    """How runs are computed: `jobs` processes; `folder` keeps finished waves; `progress` is told of runs.

    `columns`: series whose last month is kept beside the targets, as they are.
    """

    unknowns: Unknowns
    targets: Targets
    jobs: int
    folder: Path | None = None
    columns: tuple[str, ...] = ()
    progress: Progress | None = None

    def play(self, scores: Array, chances: Whole, name: str) -> tuple[Array, Array]:
        """Return the targets (runs, targets) and the columns (runs, columns) of runs at `scores`, (runs, names).

        A wave of that name with the same points is read from the folder. Raises RunError where runs fail.
        """
        key = self._key(scores, chances)
        kept = None if self.folder is None else self.folder / f"{name}-{key}.npz"
        if kept is not None and kept.is_file():
            with np.load(kept) as stored:
                return stored["stated"], stored["last"]
        stated, last = self._compute(scores, chances)
        if kept is not None:
            content = io.BytesIO()
            np.savez_compressed(content, stated=stated, last=last)
            write_whole(kept, content.getvalue())
        return stated, last

    def _key(self, scores: Array, chances: Whole) -> str:
        digest = hashlib.sha256(np.ascontiguousarray(scores).tobytes() + chances.tobytes())
        digest.update("".join(self.targets.names).encode())
        return digest.hexdigest()[:12]

    def _compute(self, scores: Array, chances: Whole) -> tuple[Array, Array]:
        measures = set(self.targets.measures())
        measures |= {column.partition(".")[0] for column in self.columns if column not in OPERATORS}
        measures |= set(measures_for([column for column in self.columns if column in OPERATORS]))
        wanted = sorted(measures)
        lot = self.unknowns.lot(scores, chances)
        size = DEFAULT_BLOCK
        starts = range(0, len(lot), size)
        parts = [np.arange(start, min(start + size, len(lot)), dtype=np.int64) for start in starts]
        pieces = (_Piece(lot.take(part), self.targets, self.columns, wanted) for part in parts)
        found: dict[int, tuple[Array, Array]] = {}
        done = 0
        with executor("processes" if self.jobs > 1 and len(parts) > 1 else "here", self.jobs) as workers:
            for finished in workers.run(_state, enumerate(pieces)):
                if finished.value is None:
                    raise RunError(f"runs of the calibration failed: {finished.error}")
                found[finished.index] = finished.value
                done += len(parts[finished.index])
                if self.progress is not None:
                    self.progress(done, len(lot))
        ordered = [found[number] for number in range(len(parts))]
        return np.concatenate([part[0] for part in ordered]), np.concatenate([part[1] for part in ordered])


def _state(piece: _Piece) -> tuple[Array, Array]:
    record = Engine(piece.lot, None, load_tables()).run(piece.measures)
    monthly = Monthly(record.columns, record.values, record.months)
    last = [monthly.series(column)[:, -1] for column in piece.columns]
    width = np.stack(last, axis=1) if last else np.empty((len(piece.lot), 0))
    return piece.targets.state(monthly), width
