"""Headline numbers that may change only on purpose.

    python -m sim.golden                          compare with tests/golden.json
    python -m sim.golden --update --reason TEXT   print the differences, write them, note the reason in CHANGELOG.md

Three runs of the main scenario with its counterfactual, and one run with governments that react. Compared to a relative
1e-9: NumPy builds differ in the last bits. Works in a source checkout only.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from sim.calendar import month_index, month_label
from sim.engine import Engine
from sim.scenario import Scenario, load_scenario

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "tests" / "golden.json"
CHANGELOG = ROOT / "CHANGELOG.md"
TOLERANCE = 1e-9
MONTHS = ("2023-12", "2025-12", "2027-12")
COLUMNS = (
    "token_share_abroad.CN", "revenue_share_abroad.CN", "token_share.DeepSeek", "token_share.open", "token_price.open",
    "token_price.closed", "frontier_capability.US", "frontier_capability.CN", "gap_months.CN", "gap_months.open",
    "compute_owned.CN", "compute_owned.US", "compute_inflow.legal", "compute_inflow.smuggled",
    "compute_inflow.domestic", "scarcity_premium.CN", "shadow_price.CN", "efficiency_researchers.CN",
    "algorithmic_efficiency.CN", "algorithmic_progress.US", "effective_compute.CN", "training_cost.US", "market_spend",
    "supplier_revenue_lost",
    "consumer_surplus", "hhi.labs",
)  # fmt: skip
RUNS = 3


def headline_numbers() -> dict[str, list[float]]:
    """Return the mean over runs of each column at each month, by `arm column month`."""
    main = load_scenario("deepseek_shock")
    without = main.counterfactual_scenario()
    reacting = load_scenario("endogenous_governments")
    numbers = _of(main, "main", RUNS)
    if without is not None:
        numbers.update(_of(without, "counterfactual", RUNS))
    numbers.update(_of(reacting, "governments react", 1))
    return numbers


def _of(scenario: Scenario, arm: str, runs: int) -> dict[str, list[float]]:
    record = Engine(scenario, np.arange(runs)).run()
    places = [month_index(month) - int(record.months[0]) for month in MONTHS]
    means = record.values[:, places].mean(axis=0)
    return {f"{arm}: {column}": means[:, record.columns.index(column)].tolist() for column in COLUMNS}


def differences(now: dict[str, list[float]], before: dict[str, list[float]]) -> list[str]:
    """Return a line for every number that is new, gone or off by more than the tolerance."""
    lines = [f"{name}: gone" for name in before if name not in now]
    for name, values in now.items():
        if name not in before:
            lines.append(f"{name}: new")
            continue
        for month, value, old in zip(MONTHS, values, before[name], strict=True):
            if not np.isclose(value, old, rtol=TOLERANCE, atol=1e-12):
                change = f" ({value / old - 1.0:+.2%})" if old else ""
                lines.append(f"{name} {month}: {old:.10g} -> {value:.10g}{change}")
    return lines


def noted(changelog: str, note: str) -> str:
    """The changelog with `note` as the last entry of its newest section (sections start with '## ', newest first)."""
    head, newest, *older = changelog.split("\n## ")
    return "\n## ".join([head, newest.rstrip("\n") + f"\n{note}\n", *older])


def main() -> int:
    """Compare or update; return 0 if nothing moved or all was written, 1 if numbers moved, 2 for a missing reason."""
    parser = argparse.ArgumentParser(prog="python -m sim.golden", description="headline numbers on record")
    parser.add_argument("--update", action="store_true", help="write the numbers of now")
    parser.add_argument("--reason", default="", help="why they moved; goes into CHANGELOG.md")
    options = parser.parse_args()
    before = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    now = headline_numbers()
    moved = differences(now, before)
    print("\n".join(moved) or f"nothing moved ({month_label(0)} on, {len(now)} numbers at {len(MONTHS)} months)")
    if not options.update:
        return 1 if moved else 0
    if moved and not options.reason:
        print("say why with --reason TEXT", file=sys.stderr)
        return 2
    if moved:
        FILE.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
        note = f"- Headline numbers moved ({len(moved)}): {options.reason}"
        CHANGELOG.write_text(noted(CHANGELOG.read_text(encoding="utf-8"), note), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
