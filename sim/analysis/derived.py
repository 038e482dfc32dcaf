"""Folders of results that are made from a sweep and lie inside its folder: found again by a hash, written whole."""

import contextlib
import csv
import hashlib
import json
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sim.disk import csv_text as csv_text
from sim.disk import disk_errors, temporary_beside, write_whole
from sim.plan import code_digest, commit, versions
from sim.results import FORMAT, MANIFEST, OutputError, check_tables, file_digest, read_manifest

Writer = Callable[[Path], None]


def digest_of(*parts: object) -> str:
    """Return ten hexadecimal digits for values that can be written as JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:10]


def identity(manifest: Mapping[str, Any]) -> list[Any]:
    """Return what tells the numbers of a sweep from those of any other: its hash and that of its values."""
    return [manifest.get("hash"), manifest.get("digests", {}).get("values")]


def found(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a folder that is there and as it was written, else None."""
    with contextlib.suppress(OutputError):
        manifest = read_manifest(folder)
        check_tables(folder, manifest)
        return manifest
    return None


def write(folder: Path, manifest: Mapping[str, Any], tables: Mapping[str, str | Writer]) -> dict[str, Any]:
    """Write a folder under a temporary name, rename it, and return its manifest with the hashes of the tables.

    A table is its text, or a function that writes the file. What stood there before is replaced. Raises OutputError
    where the disk refuses.
    """
    place = temporary_beside(folder)
    with disk_errors(folder.parent):
        try:
            place.mkdir()
            for name, content in tables.items():
                if isinstance(content, str):
                    write_whole(place / name, content.encode())
                else:
                    content(place / name)
            whole = {**manifest, "tables": {name: file_digest(place / name) for name in tables}, "figures": []}
            write_whole(place / MANIFEST, json.dumps(whole, indent=1, ensure_ascii=False).encode() + b"\n")
            shutil.rmtree(folder, ignore_errors=True)
            place.rename(folder)
        finally:
            shutil.rmtree(place, ignore_errors=True)
    return whole


def about(kind: str, folder: Path, sources: Sequence[tuple[Path, Mapping[str, Any]]]) -> dict[str, Any]:
    """Return what the manifest of every such folder holds; `sources` are the sweeps with their manifests."""
    first = sources[0][1]
    return {
        "format": FORMAT,
        "kind": kind,
        "status": "done",
        "name": folder.name.rpartition("-")[0],
        "hash": folder.name.rpartition("-")[2],
        "title": str(first.get("title") or first.get("name") or ""),
        "seed": int(first.get("seed", 0)),
        "sweeps": [
            {"folder": place.name, "hash": had.get("hash"), "status": had.get("status")} for place, had in sources
        ],
        "versions": versions(),
        "commit": commit(),
        "command": shlex.join(["darkhorse", *sys.argv[1:]]),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "digests": {"code": code_digest("experiments", "analysis")},
    }


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table. Raises OutputError where it cannot be read."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))
    except OSError as error:
        raise OutputError(f"{path} cannot be read ({error.strerror}); give a whole folder") from None
