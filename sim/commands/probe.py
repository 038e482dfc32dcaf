"""How long runs will take: a few months of a few of them, timed."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.lots import Lot

PROBED_RUNS, PROBED_MONTHS = 96, 8


def seconds_for(lot: "Lot", runs: int) -> float:
    """Return the estimated seconds of one process for `runs` runs like those of a lot."""
    from sim.engine import Engine

    rows = next(iter(lot.blocks(min(PROBED_RUNS, len(lot)))))
    engine = Engine(lot.take(rows))
    months = min(PROBED_MONTHS, lot.first.months)
    engine.advance()
    started = time.perf_counter()
    for _ in range(months - 1):
        engine.advance()
    month = (time.perf_counter() - started) / max(1, months - 1)
    return -(-runs // len(rows)) * month * lot.first.months


def duration(seconds: float) -> str:
    """Return a time in words: 40 s, 12 min, 2.5 h."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
