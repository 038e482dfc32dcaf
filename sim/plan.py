"""What is to be computed: the worlds, their pairs, the months of the results; and the hash of all that decides them."""

import contextlib
import hashlib
import json
import platform
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.calendar import month_index
from sim.places import data_folder

if TYPE_CHECKING:
    from sim.scenario import Scenario

LAST_OBSERVED = "2025-12"
"""The month up to which the inputs on record and the observed series reach; results are always stated there."""
SHOWS_ONLY = (
    "__main__", "cli", "explain", "fact", "monthly", "operators", "parameter_", "graphs", "world", "golden",
    "executors", "cluster", "disk", "held", "api",
)  # fmt: skip
"""Starts of the names of modules in `sim` that only show or read numbers; others count in the digest of the code."""
PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "networkx", "mesa", "matplotlib", "pydantic")


@dataclass(frozen=True)
class Plan:
    """What is to be computed and written.

    `arms`: the worlds by name, the first is the base. `pairs`: (arm, against) for the paired differences. `at`: the
    month numbers of the differences. `kind` is run or compare.
    """

    kind: str
    name: str
    arms: Mapping[str, "Scenario"]
    pairs: tuple[tuple[str, str], ...]
    at: tuple[int, ...]

    @property
    def base(self) -> "Scenario":
        """The first arm; its seed, number of runs and measures hold for all."""
        return next(iter(self.arms.values()))


def plan_run(scenario: "Scenario") -> Plan:
    """Return the plan of a scenario with its counterfactual, if it has one."""
    other = scenario.counterfactual_scenario()
    at = stated_months(scenario, scenario.end)
    if other is None:
        return Plan("run", scenario.name, {"main": scenario}, (), at)
    arms = {"main": scenario, "counterfactual": other}
    return Plan("run", scenario.name, arms, (("main", "counterfactual"),), at)


def plan_comparison(base: "Scenario", alternatives: Sequence["Scenario"]) -> Plan:
    """Return the plan of some scenarios set against a base, run by run, up to the end of the shortest.

    Raises ValueError where names repeat, or where seed or number of runs differ: such runs are no pairs.
    """
    arms = {scenario.name: scenario for scenario in (base, *alternatives)}
    if len(arms) <= len(alternatives):
        raise ValueError("two of the scenarios have the same name")
    if len({(scenario.seed, scenario.runs) for scenario in arms.values()}) > 1:
        raise ValueError("the scenarios need the same seed and number of runs")
    at = stated_months(base, min(scenario.end for scenario in arms.values()))
    pairs = tuple((alternative.name, base.name) for alternative in alternatives)
    return Plan("compare", f"compare-{base.name}", arms, pairs, at)


def folder_name(plan: Plan) -> str:
    """Return `<name>-<hash>`; the hash is of the scenarios, seed, runs, code of the model, data and NumPy's version."""
    known = {
        "kind": plan.kind,
        "arms": {arm: scenario.digest() for arm, scenario in plan.arms.items()},
        "pairs": list(plan.pairs),
        "at": plan.at,
        "code": code_digest(),
        "numpy": np.__version__,
    }
    return f"{plan.name}-{hashlib.sha256(json.dumps(known).encode()).hexdigest()[:10]}"


def code_digest(*packages: str) -> str:
    """Return a hash of `agents/`, of the modules of `sim/` that move numbers, and of the data tables.

    `packages`: folders of `sim/` whose code has a part in the numbers as well, such as experiments.
    """
    package = Path(__file__).resolve().parent
    modules = [path for path in package.glob("*.py") if not path.name.startswith(SHOWS_ONLY)]
    others = [path for name in packages for path in (package / name).glob("*.py")]
    files = [*modules, *others, *(package.parent / "agents").glob("*.py"), *data_folder().glob("*.csv")]
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda file: (file.parent.name, file.name)):
        text = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.parent.name}/{path.name} {len(text)}\n".encode() + text)
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of Python, of darkhorse and of the packages that numbers and files depend on."""
    found = {"python": platform.python_version(), "darkhorse": own_version()}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def own_version() -> str:
    """Return the version of darkhorse: of the installed package, else of the source checkout."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version("darkhorse")
    project = tomllib.loads((Path(__file__).resolve().parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def machine() -> dict[str, Any]:
    """Return the machine class: other vector instructions can give other last bits."""
    features = np.show_config(mode="dicts")
    found = features.get("SIMD Extensions", {}).get("found", [])
    return {"system": platform.platform(), "machine": platform.machine(), "vector_instructions": found}


def commit() -> str | None:
    """Return the commit of a source checkout, with `-dirty` when files differ from it; None elsewhere."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip() or None
    return None


def stated_months(scenario: "Scenario", end: int) -> tuple[int, ...]:
    """Return the months that results are stated at: those asked for, the last observed one and the last."""
    asked = {*scenario.at, month_index(LAST_OBSERVED), end}
    return tuple(sorted(month for month in asked if scenario.start <= month <= end))
