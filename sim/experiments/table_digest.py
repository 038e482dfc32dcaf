"""One hash of the numbers in a folder's tables, whatever the size of their row groups and the way they were packed."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sim.results import SERIES, OutputError, read_manifest, readable

NUMBERS = ("runs.parquet", SERIES)


def folder_digest(folder: Path) -> str:
    """Return the hash of the numbers of a folder of results. Raises OutputError."""
    manifest = read_manifest(folder)
    return table_digest(folder, [name for name in NUMBERS if name in manifest["tables"]])


def table_digest(folder: Path, tables: Sequence[str]) -> str:
    """Return the hash (64 hexadecimal digits) of names and values of every column of the Parquet tables named."""
    digest = hashlib.sha256()
    found = [name for name in tables if name in NUMBERS]
    if not found:
        raise OutputError(f"{folder} has no table of runs")
    for name in found:
        for column, hashed in _columns(folder / name).items():
            digest.update(f"{name} {column} {hashed}\n".encode())
    return digest.hexdigest()


def _columns(path: Path) -> dict[str, str]:
    from pyarrow import parquet

    with readable(path):
        file = parquet.ParquetFile(path)
        digests = {name: hashlib.sha256() for name in file.schema_arrow.names}
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            for name, digest in digests.items():
                values = table.column(name).to_numpy()
                if values.dtype == object:
                    digest.update("\n".join("" if value is None else str(value) for value in values).encode() + b"\n")
                else:
                    plain = np.where(np.isnan(values), np.nan, values) if values.dtype.kind == "f" else values
                    digest.update(np.ascontiguousarray(plain.astype(values.dtype)).tobytes())
    return {name: digest.hexdigest() for name, digest in digests.items()}
