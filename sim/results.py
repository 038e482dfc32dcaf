"""The folder of a run as it is read back: its manifest, its numbers, and whether it is whole."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.calendar import month_index

FORMAT = 1
MANIFEST, SERIES, SUMMARY, DIFFERENCES = "manifest.json", "series.parquet", "summary.csv", "differences.csv"
FIGURES = "figures"
TABLES = (SERIES, SUMMARY, DIFFERENCES)
RUN_KINDS = ("run", "compare")
"""The kinds of folder that hold `TABLES`; a folder of another kind names its tables in its manifest."""
KEYS = ("arm", "run", "month")
COLUMNS_AT_ONCE = 16

Floats = NDArray[np.float64]
Months = NDArray[np.int64]


class OutputError(RuntimeError):
    """A folder that cannot be written, or is not whole; the text says which and what to do."""


class Results:
    """The numbers of a folder: every run that is complete in every arm. Columns are read when they are asked for.

    `arms`: names in order, the base or main arm first. `columns`: measures as in `token_share.CN`. `runs`: run numbers.
    """

    def __init__(self, folder: Path, manifest: Mapping[str, Any] | None = None) -> None:
        """Open a folder. Raises OutputError when it is not whole. `manifest`: as long as none is written yet."""
        import pyarrow.parquet as parquet

        self.folder = folder
        self.manifest = read_manifest(folder) if manifest is None else manifest
        with readable(folder / SERIES):
            index = parquet.read_table(folder / SERIES, columns=list(KEYS))
            names: list[str] = parquet.read_schema(folder / SERIES).names
        self.columns = [name for name in names if name not in KEYS]
        arm, run, month = (index.column(key).to_numpy(zero_copy_only=False) for key in KEYS)
        places = {name: np.flatnonzero(arm == name) for name in self.manifest["arms"]}
        self.arms = [name for name, place in places.items() if len(place)]
        self.runs = _in_all([run[places[name]] for name in self.arms])
        if len(self.runs) == 0:
            raise OutputError(f"{folder} has no run that is complete in every arm; run the scenario again")
        self._rows = {}
        self._months = {}
        for name in self.arms:
            rows = places[name][np.isin(run[places[name]], self.runs)].reshape(len(self.runs), -1)
            self._rows[name] = rows
            self._months[name] = np.array([month_index(text) for text in month[rows[0]]], dtype=np.int64)

    def months(self, arm: str) -> Months:
        """Return the month numbers of an arm. Raises KeyError."""
        return self._months[arm]

    def read(self, columns: Sequence[str]) -> dict[str, dict[str, Floats]]:
        """Return arrays of shape (runs, months) by column and arm. Raises OutputError where a column is missing."""
        import pyarrow.parquet as parquet

        missing = [column for column in columns if column not in self.columns]
        if missing:
            raise OutputError(f"{self.folder / SERIES} has no column {', '.join(missing)}")
        with readable(self.folder / SERIES):
            table = parquet.read_table(self.folder / SERIES, columns=list(columns))
        flat = {column: table.column(column).to_numpy() for column in columns}
        return {column: {arm: flat[column][rows] for arm, rows in self._rows.items()} for column in columns}

    def in_parts(self) -> Iterator[tuple[str, dict[str, Floats]]]:
        """Yield every column with its arrays by arm; only a few columns are held at a time."""
        for start in range(0, len(self.columns), COLUMNS_AT_ONCE):
            yield from self.read(self.columns[start : start + COLUMNS_AT_ONCE]).items()

    def one_run(self, arm: str, run: int) -> Floats:
        """Return all numbers of one run of an arm, shape (months, columns). Raises OutputError when it is not there."""
        import pyarrow.parquet as parquet

        with readable(self.folder / SERIES):
            table = parquet.read_table(self.folder / SERIES, filters=[("arm", "=", arm), ("run", "=", run)])
        if table.num_rows == 0:
            held = f"{self.runs[0]} to {self.runs[-1]}"
            raise OutputError(f"{self.folder} has no run {run} of '{arm}'; it holds runs {held}")
        return np.column_stack([table.column(column).to_numpy() for column in self.columns])


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder of results. Raises OutputError where it has none, or a table is missing."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = "does not exist" if not folder.exists() else f"has no readable {MANIFEST} ({error})"
        raise OutputError(f"{folder} {reason}; give a folder of results") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise OutputError(f"{folder / MANIFEST} is not a manifest of format {FORMAT}")
    missing = [name for name in tables_of(manifest) if not (folder / name).is_file()]
    if missing:
        raise OutputError(f"{folder} is not whole: {', '.join(missing)} is missing; run again with --force")
    return manifest


def tables_of(manifest: Mapping[str, Any]) -> list[str]:
    """Return the names of the tables that a folder with this manifest must hold."""
    if manifest.get("kind", RUN_KINDS[0]) in RUN_KINDS:
        return list(TABLES)
    return list(manifest.get("tables") or {})


def check_tables(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Compare every table with its hash in the manifest. Raises OutputError where one was changed or damaged."""
    changed = [name for name in tables_of(manifest) if file_digest(folder / name) != manifest["tables"].get(name)]
    if changed:
        raise OutputError(f"{folder}: {', '.join(changed)} is not as it was written; run again with --force")


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn errors in reading a table into an OutputError that names the file and says what to do."""
    from pyarrow import ArrowException

    try:
        yield
    except (OSError, ArrowException) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is damaged or cut off"
        remedy = "run the command that wrote the folder again, with --force"
        raise OutputError(f"{path} cannot be read: {reason}; {remedy}") from None


def _in_all(parts: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    shared = np.unique(parts[0]) if parts else np.empty(0, dtype=np.int64)
    for part in parts[1:]:
        shared = np.intersect1d(shared, part)
    return shared.astype(np.int64)
