"""What a reader has to be told beside the numbers: out of range, not binding, too few runs, past the record."""

from functools import cache

import numpy as np

from sim.app.levers import controls
from sim.app.state import WHOLE, DeskState, preset, spread
from sim.app.tables import tables
from sim.calendar import month_index, month_label
from sim.plan import LAST_OBSERVED
from sim.policies import lever_paths

HISTORY = "history_hold"
POLICY_RECORD = "2026-05"
"""Last month of the timeline of policies on record."""
TESTED = "2027-12"
"""Last month that the backcast and the fit say anything about."""
ENOUGH = 128
"""Runs below which six or fewer lie beyond an end of the 90% interval."""


def cautions(state: DeskState, runs: int, nothing_moved: bool) -> list[str]:
    """Return the warnings of a state as sentences, the gravest first. `nothing_moved`: as in `Answer`."""
    found = [*_binding(state, nothing_moved), *_months(state), *_beyond(state), *_dials(state)]
    if runs < ENOUGH:
        found.append(f"So far {runs} runs: each end of a 90% interval rests on {max(1, round(0.05 * runs))} of them.")
    return found


def _binding(state: DeskState, nothing_moved: bool) -> list[str]:
    if state.changes and nothing_moved:
        which = _listed([*state.levers, *state.dials])
        reason = " Another rule already stops what it would stop, or nothing falls under it."
        return [f"Not binding: {which} change{'s' if len(state.levers) + len(state.dials) == 1 else ''} no number in "
                f"any run, against '{preset(state.start).title}' as it is.{reason}"]  # fmt: skip
    if not state.changes and state.start == state.baseline:
        return ["Alternative and baseline are the same world. Move a lever, or choose another preset."]
    return []


def _months(state: DeskState) -> list[str]:
    found = []
    if state.levers and state.since != WHOLE and state.month < state.since:
        found.append(f"The headlines are read in {state.month}, before the levers bind ({state.since}).")
    if state.end > TESTED:
        found.append(f"Months after {TESTED} lie beyond all that the model was tested on.")
    elif state.month > LAST_OBSERVED:
        found.append(
            f"The record ends in {LAST_OBSERVED} (policies: {POLICY_RECORD}); later months are what-if, no forecast."
        )
    return found


def _beyond(state: DeskState) -> list[str]:
    levers = []
    for name, setting in state.levers.items():
        control = controls()[name]
        low, high = _recorded(name)
        value = setting.number(control.lever)
        if not low <= value <= high:
            seen = control.shown(low) if low == high else f"{control.shown(low)} to {control.shown(high)}"
            levers.append(f"{control.label} {control.shown(value)} (on record {seen})")
    found = [f"Beyond anything on record, so resting on the model alone: {'; '.join(levers)}."] if levers else []
    outside = [name for name, value in state.world.items() if not _inside(name, value, state.start)]
    if outside:
        found.append(f"Outside the calibrated range (5 to 95%): {', '.join(outside)}.")
    return found


def _inside(name: str, value: float, start: str) -> bool:
    low, high = spread(name, start)
    reach = 1e-9 * max(abs(low), abs(high))
    return low - reach <= value <= high + reach


def _dials(state: DeskState) -> list[str]:
    if not state.dials:
        return []
    names = _listed(list(state.dials))
    return [f"{names} act{'s' if len(state.dials) == 1 else ''} over the whole time and on top of dated rules, "
            "so the past differs from the record too."]  # fmt: skip


def _listed(names: list[str]) -> str:
    labels = [controls()[name].label for name in names]
    return ", ".join(labels[:-1]) + f" and {labels[-1]}" if len(labels) > 1 else labels[0]


@cache
def _recorded(name: str) -> tuple[float, float]:
    """Least and largest value of a lever in the recorded timeline, over months and holders."""
    scenario = preset(HISTORY)
    paths = lever_paths(scenario, tables().levers.rows, month_index(POLICY_RECORD) + 2)
    values = np.concatenate([path for (_, lever), path in paths.value.items() if lever == name])
    return float(values.min()), float(values.max())


def when_it_binds(state: DeskState) -> str:
    """Return the month from which the levers hold, in words."""
    return "over the whole time" if state.since == WHOLE else f"from {state.since} on"


def months_of(state: DeskState) -> list[str]:
    """Return the months that headlines can be read in: every half year, and the one chosen."""
    last = month_index(state.end)
    return sorted({*(month_label(month) for month in range(11, last + 1, 6)), state.month})


def starts_of(state: DeskState) -> list[str]:
    """Return the months from which levers may hold: every quarter, the one chosen, and the whole time."""
    last = month_index(state.end)
    months = {month_label(month) for month in range(3, last, 3)}
    return [WHOLE, *sorted(months | ({state.since} - {WHOLE}))]
