"""The policy dates that charts mark: the steps of a scenario that a reader should know, in few words."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sim.calendar import binding_month, month_label
from sim.charts.data import RunRecord

MOST_MARKS = 7
WORDS = {
    "export_controls.tpp_ceiling": "chip ceiling (TPP {value:g})",
    "export_controls.hbm_control": "memory (HBM) stopped",
    "export_controls.memory_bandwidth_ceiling": "bandwidth ceiling ({value:g} GB/s)",
    "export_controls.licence_share": "licences ({percent:.0f}%)",
    "purchase_veto": "Beijing's purchase veto ({percent:.0f}%)",
    "tier_quota": "country quotas",
    "export_controls.density_ceiling": "density test",
    "foundry_disruption": "foundry disruption ({percent:.0f}%)",
    "model_access.closed_models_abroad": "closed US models withheld abroad ({percent:.0f}%)",
    "model_access.anti_distillation": "distillation blocked ({percent:.0f}%)",
    "open_restriction": "open releases licensed",
    "open_promotion": "open releases promoted ({percent:.0f}%)",
    "chip_allocation": "chips allocated by the state",
    "cloud_kyc": "cloud checks ({percent:.0f}%)",
    "enforcement": "enforcement ({percent:.0f}%)",
}
"""Levers worth a mark, the more important first, and how a chart writes them."""
SMALL_STEP = 0.35
"""A share or effort that moves by less than this is not marked."""


@dataclass(frozen=True)
class Mark:
    """A policy date: the month it binds, its number on the chart, and the words of the key."""

    month: int
    number: int
    words: str


@dataclass(frozen=True)
class _Change:
    month: int
    rank: int
    words: str


def policy_marks(record: RunRecord) -> tuple[Mark, ...]:
    """Return at most `MOST_MARKS` marks within the months of the run, in date order.

    They come from the resolved scenario of the manifest; where that has none, from `controls.csv`.
    """
    policies = record.scenario.get("policies")
    steps = list(_scenario_steps(policies) if isinstance(policies, Mapping) else _table_steps(record))
    levers = record.tables.levers
    defaults = dict(zip(levers.text("name"), levers.number("default").tolist(), strict=True))
    changes = list(_changes(steps, defaults))
    first, last = int(record.months[0]), int(record.months[-1])
    inside = [change for change in changes if first < change.month <= last]
    kept = sorted(
        {change.month: change.rank for change in sorted(inside, key=lambda c: -c.rank)}.items(),
        key=lambda item: item[1],
    )[:MOST_MARKS]
    marks = []
    for number, month in enumerate(sorted(month for month, _ in kept), 1):
        here = sorted((change for change in inside if change.month == month), key=lambda change: change.rank)
        marks.append(Mark(month, number, " and ".join(dict.fromkeys(change.words for change in here[:2]))))
    return tuple(marks)


def key_line(marks: tuple[Mark, ...]) -> str:
    """Return the key to the numbers of the marks, one sentence; empty where there are none."""
    if not marks:
        return ""
    return "Policy dates: " + "; ".join(f"{m.number} {month_label(m.month)} {m.words}" for m in marks) + "."


@dataclass(frozen=True)
class _Step:
    government: str
    lever: str
    date: str
    value: float


def _changes(steps: list[_Step], defaults: Mapping[str, float]) -> Iterator[_Change]:
    ranks = {lever: rank for rank, lever in enumerate(WORDS)}
    before: dict[tuple[str, str], float] = {}
    for step in sorted(steps, key=lambda step: step.date):
        if step.lever not in ranks:
            continue
        last = before.get((step.government, step.lever), defaults.get(step.lever, 0.0))
        before[step.government, step.lever] = step.value
        # A threshold that changes is news whatever its size, a share only if it moves enough to see.
        is_share = 0 <= step.value <= 1 and 0 <= last <= 1
        small = abs(step.value - last) < SMALL_STEP if is_share else last == step.value
        if not small and math.isfinite(step.value):
            words = WORDS[step.lever].format(value=step.value, percent=100 * step.value)
            yield _Change(binding_month(step.date), ranks[step.lever], words)


def _table_steps(record: RunRecord) -> Iterator[_Step]:
    for row in record.tables.controls.rows:
        yield _Step(str(row["government"]), str(row["lever"]), str(row["date"]), float(row["value"]))


def _scenario_steps(policies: Mapping[str, Any]) -> Iterator[_Step]:
    dials = policies.get("dials")
    no_controls = isinstance(dials, Mapping) and dials.get("export_controls.strictness") == 0
    for government, levers in policies.items():
        if government == "dials" or not isinstance(levers, Mapping):
            continue
        for lever, steps in levers.items():
            if no_controls and lever.startswith("export_controls."):
                continue
            for step in steps if isinstance(steps, list) else []:
                if "from" in step and isinstance(step.get("value"), int | float):
                    yield _Step(government, lever, str(step["from"]), float(step["value"]))
