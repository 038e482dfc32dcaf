"""Random inputs for comparing one rule at a time: parameters between their ends, as arrays and as plain numbers."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.data import Tables

Array = NDArray[np.float64]
CHANNELS = (
    "spillovers", "distillation", "portfolio_response", "openness_choice", "community_contribution", "peers", "trust",
    "slack", "state_reaction", "escape_competition", "import_substitution", "consideration", "reasoning",
    "anticipation",
)  # fmt: skip
RELATIVE = 1e-9


def parameters(tables: Tables, chance: np.random.Generator, runs: int) -> dict[str, Array]:
    """Every parameter drawn evenly between its ends (fixed ones as they are), (runs, 1); channels 0 or 1."""
    found = {}
    for row in tables.parameters.rows:
        low, high = row["low"], row["high"]
        ends = (row["central"], row["central"]) if row["dist"] == "fixed" or low == "" else (low, high)
        found[str(row["name"])] = chance.uniform(float(ends[0]), float(ends[1]), (runs, 1))
    for name in CHANNELS:
        found[f"channel.{name}"] = chance.integers(0, 2, (runs, 1)).astype(np.float64)
    for name in ("quota", "bertrand", "endogenous"):
        found[f"structure.{name}"] = chance.integers(0, 2, (runs, 1)).astype(np.float64)
    return found


def of_run(par: Mapping[str, Array], run: int) -> dict[str, float]:
    """The parameters of one run as plain numbers."""
    return {name: float(value[run, 0]) for name, value in par.items()}


def box(**fields: Any) -> Any:
    """Something with these fields, for rules that read a few fields of a larger state."""
    return SimpleNamespace(**fields)


def agree(array: Any, twin: Any, scale: float = 0.0) -> None:
    """Require equality to 1e-9 of the larger of both, or of `scale`."""
    np.testing.assert_allclose(array, twin, rtol=RELATIVE, atol=RELATIVE * scale)
