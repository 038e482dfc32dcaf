"""A table on disk in numbered parts, each whole, each with a checksum in its name.

A part is the same whoever computes it, so two writers of one part write the same file.
"""

import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.disk import clear_unfinished, write_whole
from sim.results import OutputError

if TYPE_CHECKING:
    import pyarrow

FORMAT = 1
"""Version of the parts; a folder of another version is not continued."""
PLAN = "plan.json"
FOLDER = "parts"
MARK = "part"
NAME = re.compile(r"(\d{6})-([0-9a-f]{16})\.parquet")


class Parts:
    """The parts of one table below `place`; `plan` says what the table is, and is the same for all who work on it."""

    def __init__(self, place: Path, plan: Mapping[str, Any] | None = None) -> None:
        """Begin the table, or join those who did; the plan on disk holds if there is one. Without `plan`, only join.

        Raises OSError, and OutputError where the plan on disk is of another format or another table.
        """
        self.folder = place / FOLDER
        file = place / PLAN
        if plan is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not file.exists():
                write_whole(file, json.dumps({"format": FORMAT, **plan}, indent=1).encode() + b"\n")
        self.plan = read_plan(file)
        if plan is not None and self.plan["table"] != plan["table"]:
            raise OutputError(f"{place} holds the parts of another table; give another folder with --out")

    def found(self) -> dict[int, Path]:
        """Return the parts that are there and whole, by number; what is damaged, foreign or unfinished is removed."""
        clear_unfinished(self.folder)
        good: dict[int, Path] = {}
        for path in sorted(self.folder.iterdir()):
            match = NAME.fullmatch(path.name)
            if match is None:
                continue
            number = int(match[1])
            whole = hashlib.sha256(path.read_bytes()).hexdigest()[:16] == match[2]
            if whole and noted(path, MARK) == self._mark(number):
                good[number] = path
            else:
                path.unlink(missing_ok=True)
        return good

    def write(self, number: int, table: "pyarrow.Table") -> Path:
        """Write a part; what was there under its number is replaced. Raises OSError."""
        from pyarrow import parquet

        content = io.BytesIO()
        notes = {**(table.schema.metadata or {}), MARK: json.dumps(self._mark(number))}
        parquet.write_table(table.replace_schema_metadata(notes), content, compression="zstd")
        data = content.getvalue()
        path = self.folder / f"{number:06d}-{hashlib.sha256(data).hexdigest()[:16]}.parquet"
        write_whole(path, data)
        for other in self.folder.glob(f"{number:06d}-*.parquet"):
            if other != path:
                other.unlink(missing_ok=True)
        return path

    def _mark(self, number: int) -> list[str | int]:
        """What a part says of itself: which table, which part."""
        return [str(self.plan["table"]), number]


def read_plan(file: Path) -> dict[str, Any]:
    """Return a plan. Raises OutputError where it cannot be read or is of another format."""
    try:
        plan = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise OutputError(f"{file.parent} holds no parts of a table") from None
    except ValueError as error:
        raise OutputError(f"{file} cannot be read ({error}); delete its folder and run again") from None
    if not isinstance(plan, dict) or plan.get("format") != FORMAT:
        found = plan.get("format") if isinstance(plan, dict) else "no"
        message = f"{file.parent} was begun by another version (parts of format {found}, not {FORMAT})"
        raise OutputError(f"{message}; finish it with that version, or delete it and run again")
    return plan


def read_part(path: Path, columns: Sequence[str] | None = None) -> "pyarrow.Table":
    """Return the table of a part, or those of the columns that it has."""
    from pyarrow import parquet

    if columns is None:
        return parquet.read_table(path)
    held = set(parquet.read_schema(path).names)
    return parquet.read_table(path, columns=[column for column in columns if column in held])


def noted(path: Path, key: str) -> Any:
    """Return what a part notes of itself under a key, None where it says nothing."""
    from pyarrow import parquet

    found = (parquet.read_schema(path).metadata or {}).get(key.encode())
    return None if found is None else json.loads(found)
