"""The record of a run on disk: a folder that holds the numbers, what made them, and a hash of both.

A folder is written under a temporary name and takes its own name once it is whole. The name ends in a hash of all that
determines the numbers, so a second run of the same thing finds the first.
"""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.calendar import month_label
from sim.compare import DIFFERENCE_HEADER, SUMMARY_HEADER, count_warning, difference_rows, summary_rows
from sim.disk import disk_errors, runs_elsewhere, write_csv, write_whole
from sim.ensemble import Block, Pace, RunError, Simulate, describe_failures, run_blocks, simulate_block
from sim.plan import Plan, code_digest, commit, folder_name, machine, versions
from sim.results import (
    DIFFERENCES,
    FIGURES,
    FORMAT,
    MANIFEST,
    SERIES,
    SUMMARY,
    TABLES,
    OutputError,
    Results,
    check_tables,
    file_digest,
    read_manifest,
)

if TYPE_CHECKING:
    from sim.engine import Record

Draw = Callable[[Path], Sequence[Path]]


@dataclass(frozen=True)
class Order:
    """How a plan is carried out: below which folder, with how many processes, whether again, and with which charts."""

    out: Path
    pace: Pace = field(default_factory=Pace)
    force: bool = False
    draw: Draw | None = None
    command: str = ""


@dataclass(frozen=True)
class Outcome:
    """A folder with results; `found` says that nothing was computed, `failure` and `chart_error` what went wrong."""

    folder: Path
    found: bool
    manifest: Mapping[str, Any]
    failure: str = ""
    chart_error: str = ""


def carry_out(plan: Plan, order: Order, simulate: Simulate = simulate_block) -> Outcome:
    """Compute a plan and write its folder, or find it done.

    Runs that fail leave the others standing, in a folder whose name ends in `-incomplete`. Raises OutputError where the
    folder cannot be written or is damaged, RunError where no run succeeded; then nothing new is left behind.
    """
    folder = order.out / folder_name(plan)
    with disk_errors(order.out):
        if folder.exists() and not order.force:
            return _found(folder, order.draw)
        started = time.monotonic()
        with _temporary(folder) as place:
            written = _write_series(plan, order.pace, place, simulate)
            manifest = _manifest(plan, order, written, folder.name)
            _write_summaries(plan, place, manifest)
            manifest["tables"] = {name: file_digest(place / name) for name in TABLES}
            manifest["seconds"] = round(time.monotonic() - started, 3)
            write_manifest(place, manifest)
            chart_error = _add_charts(place, manifest, order.draw)
            if chart_error:
                shutil.rmtree(place / FIGURES, ignore_errors=True)
            if written.failed:
                folder = folder.with_name(f"{folder.name}-incomplete")
            _take_name(place, folder)
    return Outcome(folder, False, manifest, describe_failures(written.failed), chart_error)


def redraw(folder: Path, draw: Draw) -> list[Path]:
    """Draw the charts of a folder from its tables and note them in its manifest; old figures of no chart are removed.

    Raises OutputError where the folder is not whole or cannot be written.
    """
    manifest = read_manifest(folder)
    with disk_errors(folder):
        error = _add_charts(folder, manifest, draw)
    if error:
        raise OutputError(f"the charts could not be drawn: {error}")
    return [folder / name for name in manifest["figures"]]


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest of a folder, whole or not at all. Raises OSError."""
    write_whole(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n")


class SeriesWriter:
    """Writes series.parquet block by block and hashes the numbers themselves, whatever the size of the blocks.

    Used in a `with` block. `kept`: the month numbers to write, None for every month. `digest` is the hash so far.
    """

    def __init__(self, path: Path, kept: Sequence[int] | None = None) -> None:
        """Open nothing yet: the columns are known with the first block."""
        self._path, self._kept = path, kept
        self._sha = hashlib.sha256()
        self._writer: Any = None

    def __enter__(self) -> "SeriesWriter":
        """Return the writer."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Finish the file. After an error in the block, what fails here is not reported on top of it."""
        if self._writer is not None:
            with contextlib.suppress(OSError) if kind else contextlib.nullcontext():
                self._writer.close()

    @property
    def digest(self) -> str:
        """The hash of all numbers so far, as 64 hexadecimal digits."""
        return self._sha.hexdigest()

    def add(self, arm: str, record: "Record") -> None:
        """Append the runs of a record as one row group. Raises OSError; ValueError for other columns than before."""
        import pyarrow

        kept = np.isin(record.months, self._kept) if self._kept is not None else np.full(len(record.months), True)
        values = record.values[:, kept]
        runs, months, width = values.shape
        labels = [month_label(int(month)) for month in record.months[kept]]
        keys = [
            pyarrow.array([arm] * (runs * months), pyarrow.string()),
            pyarrow.array(np.repeat(record.rows, months), pyarrow.int32()),
            pyarrow.array(labels * runs, pyarrow.string()),
        ]
        columns = np.ascontiguousarray(values.reshape(runs * months, width).T)
        self._write(pyarrow.table([*keys, *columns], names=["arm", "run", "month", *record.columns]))
        for run, numbers in zip(record.rows, values, strict=True):
            plain = np.where(np.isnan(numbers), np.nan, numbers)  # one bit pattern for every NaN
            self._sha.update(f"{arm}/{run}/{labels}".encode() + np.ascontiguousarray(plain).tobytes())

    def _write(self, table: Any) -> None:
        from pyarrow import parquet

        if self._writer is None:
            self._sha.update(json.dumps(table.schema.names).encode())
            keys = list(table.schema.names[:3])
            self._writer = parquet.ParquetWriter(self._path, table.schema, compression="zstd", use_dictionary=keys)
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))


@dataclass(frozen=True)
class _Written:
    """What computing and writing the tables gave."""

    failed: list[Block]
    values_digest: str
    columns: list[str]
    runs: int


def _write_series(plan: Plan, pace: Pace, place: Path, simulate: Simulate) -> _Written:
    """Write series.parquet block by block. Raises RunError when every block fails."""
    outputs = plan.base.outputs
    measures = None if outputs.measures == "all" else list(outputs.measures)
    blocks = run_blocks(plan.arms, range(plan.base.runs), measures, pace, simulate)
    failed, columns, failed_runs = [], [], set()
    with SeriesWriter(place / SERIES, None if outputs.monthly else plan.at) as writer, contextlib.closing(blocks):
        for block in blocks:
            if block.record is None:
                failed.append(block)
                failed_runs.update(block.rows.tolist())
            else:
                columns = block.record.columns
                writer.add(block.arm, block.record)
    if len(failed_runs) == plan.base.runs:
        raise RunError(describe_failures(failed))
    return _Written(failed, writer.digest, columns, plan.base.runs - len(failed_runs))


def _write_summaries(plan: Plan, place: Path, manifest: Mapping[str, Any]) -> None:
    """Write summary.csv and differences.csv from series.parquet."""
    results = Results(place, manifest)
    write_csv(place / SUMMARY, SUMMARY_HEADER, summary_rows(results))
    write_csv(place / DIFFERENCES, DIFFERENCE_HEADER, difference_rows(results, plan.pairs, plan.at))


def _manifest(plan: Plan, order: Order, written: _Written, name: str) -> dict[str, Any]:
    base = plan.base
    arms = {arm: scenario.resolved() for arm, scenario in plan.arms.items()}
    failed = [{"arm": b.arm, "runs": [int(b.rows[0]), int(b.rows[-1])], "error": b.error} for b in written.failed]
    return {
        "format": FORMAT,
        "kind": plan.kind,
        "status": "incomplete" if failed else "done",
        "failed": failed,
        "name": plan.name,
        "hash": name.rpartition("-")[2],
        "title": base.title,
        "seed": base.seed,
        "runs": base.runs,
        "scenario": base.resolved(),
        "arms": arms,
        "pairs": [list(pair) for pair in plan.pairs],
        "months": [month_label(month) for month in range(base.start, base.end + 1)],
        "at": [month_label(month) for month in plan.at],
        "measures": written.columns,
        "warnings": [warning] if (warning := count_warning(written.runs)) else [],
        "versions": versions(),
        "commit": commit(),
        "command": order.command,
        "platform": machine(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "digests": {"code": code_digest(), "values": written.values_digest},
        "figures": [],
    }


def _found(folder: Path, draw: Draw | None) -> Outcome:
    manifest = read_manifest(folder)
    check_tables(folder, manifest)
    figures = manifest.get("figures", [])
    whole = bool(figures) and all((folder / name).is_file() for name in figures)
    chart_error = "" if whole else _add_charts(folder, manifest, draw)
    return Outcome(folder, True, manifest, "", chart_error)


def _add_charts(folder: Path, manifest: dict[str, Any], draw: Draw | None) -> str:
    """Draw the charts and note them in the manifest; return what went wrong. The tables stand whatever happens here."""
    if draw is None:
        return ""
    try:
        paths = draw(folder)
    except Exception as error:  # whatever went wrong in drawing, the numbers are worth keeping
        return f"{type(error).__name__}: {error}"
    old = manifest.get("figures") or []
    manifest["figures"] = sorted(path.relative_to(folder).as_posix() for path in paths)
    write_manifest(folder, manifest)
    _remove_figures(folder, set(old) - set(manifest["figures"]))
    return ""


def _remove_figures(folder: Path, names: Iterable[str]) -> None:
    """Remove figures that an earlier manifest named; a name that leads out of their folder is left alone."""
    figures = (folder / FIGURES).resolve()
    for name in names:
        path = (folder / name).resolve()
        if path.is_relative_to(figures) and path.is_file():
            path.unlink()


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """Make a folder beside `folder` under a temporary name, and remove what is left of it at the end."""
    place = folder.with_name(f".{folder.name}.{platform.node()}.{os.getpid()}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    place.mkdir()
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what processes of this machine that were killed left beside `folder` under its temporary names."""
    start = f".{folder.name}.{platform.node()}."
    for place in sorted(folder.parent.iterdir()):
        number = place.name.removeprefix(start)
        if place.name.startswith(start) and number.isdecimal() and not runs_elsewhere(int(number)):
            shutil.rmtree(place, ignore_errors=True)


def _take_name(place: Path, folder: Path) -> None:
    """Rename a whole folder to its own name; one that is there already makes way first."""
    old = place.with_name(f"{place.name}.old")
    if folder.exists():
        folder.rename(old)
    try:
        place.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
