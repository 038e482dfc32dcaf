"""What the charts of a regret analysis read: its folder, and the names in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.analysis.derived import read_csv
from sim.analysis.regret_study import FRONT, REGRET
from sim.charts.sweep_text import capital
from sim.charts.text import CAVEAT
from sim.results import read_manifest


@dataclass(frozen=True)
class Record:
    """A folder of a regret analysis as it is drawn; tables as rows of text."""

    manifest: dict[str, Any]
    regret: list[dict[str, str]]
    front: list[dict[str, str]]

    @property
    def worlds(self) -> list[str]:
        """The worldviews."""
        return [world["name"] for world in self.manifest["worldviews"]]

    @property
    def policies(self) -> list[str]:
        """The policies, in the order of the sweep."""
        return list(self.manifest["policies"])


def record_of(folder: Path) -> Record:
    """Open a folder. Raises OutputError where it is not whole."""
    return Record(read_manifest(folder), read_csv(folder / REGRET), read_csv(folder / FRONT))


def source(record: Record, world: str) -> str:
    """Return what a reader needs to find the result again, and the caveat of every figure."""
    m = record.manifest
    about = next(entry for entry in m["worldviews"] if entry["name"] == world)
    draws = f"{about['draws']} draws of {about['seeds']} {'seed' if about['seeds'] == 1 else 'seeds'}"
    left = f", {about['left_out']} left out" if about["left_out"] else ""
    return f"{world} | side: {m['side']} | seed {m['seed']} | {draws}{left} | manifest {m['hash']} | {CAVEAT}"


def row_of(rows: Sequence[dict[str, str]], policy: str, column: str = "") -> dict[str, str]:
    """Return the row of a policy, and of an objective where one is named. Raises StopIteration where there is none."""
    return next(row for row in rows if row["policy"] == policy and column in ("", row["objective"]))


def plain(name: str) -> str:
    """Return the name of a policy as words."""
    return name.replace("_", " ")


def listed(policies: Sequence[str]) -> str:
    """Return names of policies as part of a sentence."""
    names = [plain(name) for name in policies]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def slug(name: str) -> str:
    """Return a worldview as part of a file name."""
    return "".join(letter if letter.isalnum() else "_" for letter in name.lower())


def named(wanted: dict[str, Any]) -> str:
    """Return the name of an objective as it heads a panel."""
    return capital(str(wanted["name"]))
