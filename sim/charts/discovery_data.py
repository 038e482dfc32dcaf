"""What the charts of a discovery read: its folder, its limits, and the words around a figure."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.analysis.derived import read_csv
from sim.analysis.discovery_study import BOX
from sim.charts.data import CannotDraw
from sim.charts.sweep_text import outcome_of
from sim.charts.text import CAVEAT
from sim.results import read_manifest

HIT, MISS = "#D55E00", "#8C9AA6"
WORDS = {"<": "below", "<=": "at most", ">": "above", ">=": "at least"}
PLACES = {"mean": "on average", "min": "at its lowest", "max": "at its highest"}


@dataclass(frozen=True)
class Limit:
    """A row of box.csv: limits (infinite where open) and the range of the runs."""

    name: str
    label: str
    category: str
    unit: str
    phrase: str
    low: float
    high: float
    range_low: float
    range_high: float
    quasi_p: float
    fits: int

    @property
    def words(self) -> str:
        """The limits in few characters: '>= 0.92', '0.1 to 0.4', 'is quota'."""
        if self.category:
            return f"{'is' if math.isinf(self.high) else 'is not'} {self.category}"
        if math.isinf(self.low):
            return f"at most {self.high:g}"
        return f"at least {self.low:g}" if math.isinf(self.high) else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Record:
    """A folder of a discovery as it is drawn."""

    folder: Path
    manifest: dict[str, Any]
    limits: tuple[Limit, ...]

    @property
    def what(self) -> str:
        """The case of interest, short: 'China's token share abroad in 2025-12 is above its baseline'."""
        return " and ".join(_clause(clause) for clause in self.manifest["clauses"])


def record_of(folder: Path) -> Record:
    """Open a folder. Raises OutputError where it is not whole, CannotDraw where nothing was looked for."""
    manifest = read_manifest(folder)
    if manifest["reason"]:
        raise CannotDraw(f"{manifest['reason']}, so that no conditions were looked for")
    rows = read_csv(folder / BOX) if BOX in manifest["tables"] else []
    return Record(folder, manifest, tuple(_limit(row) for row in rows))


def how(record: Record) -> str:
    """Return the note on the runs and what was left out."""
    m = record.manifest
    left = {"at their own baseline": m["left_out"]["own_baseline"], "failed": m["left_out"]["failed"],
            "undefined": m["left_out"]["undefined"]}  # fmt: skip
    out = ", ".join(f"{count} {words}" for words, count in left.items() if count)
    seeds = "1 seed" if m["seeds"] == 1 else f"{m['seeds']} seeds"
    return (
        f"{m['runs']:,} runs: {m['draws']} draws, {m['points']} points, {seeds}"
        f"{f'; left out: {out}' if out else ''}. Coverage of at least {m['rule']['coverage']:.0%} was asked for."
    )


def source(record: Record) -> str:
    """Return what a reader needs to find the result again, and the caveat of every figure."""
    m = record.manifest
    return f"{m['sweeps'][0]['folder']} | seed {m['seed']} | {m['when']} | manifest {m['hash']} | {CAVEAT}"


def percent_ticks(axis: Any) -> None:
    """Write the ticks of an axis of shares in per cent."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g}"))


def _clause(clause: dict[str, Any]) -> str:
    shown = outcome_of(clause["outcome"])
    when = PLACES.get(clause["place"], f"in {clause['place']}")
    step = f"{shown.factor * abs(clause['number']):.3g} {shown.step}"
    if not clause["against_baseline"]:
        number = f"{shown.factor * clause['number']:.3g} {shown.unit}"
        return f"{shown.subject} {when} is {WORDS[clause['comparison']]} {number}"
    by = f" {'plus' if clause['number'] > 0 else 'minus'} {step}" if clause["number"] else ""
    return f"{shown.subject} {when} is {WORDS[clause['comparison']]} its baseline{by}"


def _limit(row: dict[str, str]) -> Limit:
    low = float(row["low"]) if row["low"] else -math.inf
    high = float(row["high"]) if row["high"] else math.inf
    return Limit(
        name=row["dimension"],
        low=low,
        high=high,
        range_low=float(row["range_low"]),
        range_high=float(row["range_high"]),
        quasi_p=float(row["quasi_p"]),
        fits=int(row["fits"]),
        **{key: row[key] for key in ("label", "category", "unit", "phrase")},
    )
