"""A state of the desk as a scenario file, as the scenarios computed, and as the command that gives the same."""

import math
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.app.state import WHOLE, DeskState, Setting, levers_by_name, preset
from sim.calendar import last_day, month_index, month_label
from sim.policies import Lever

if TYPE_CHECKING:
    from sim.plan import Plan
    from sim.scenario import Scenario

NAME = "desk"
FILE = f"{NAME}.yaml"
AGAINST = "CN"


@dataclass(frozen=True)
class Worlds:
    """The scenarios of a state: what is asked about, what it is held against, and the preset without the levers.

    `since`: the month from which the levers hold, 0 for the whole time.
    """

    alternative: "Scenario"
    baseline: "Scenario"
    untouched: "Scenario"
    since: int = 0

    def plan(self) -> "Plan":
        """Return the comparison that `darkhorse compare` would carry out."""
        from sim.plan import plan_comparison

        return plan_comparison(self.baseline, [self.alternative])


def worlds_of(state: DeskState) -> Worlds:
    """Return the checked scenarios of a state. Raises InputError."""
    since = 0 if state.since == WHOLE else month_index(state.since)
    baseline, untouched = (_loaded(name, both(state)) for name in (state.baseline, state.start))
    return Worlds(_loaded_text(yaml_of(state)), baseline, untouched, since)


def both(state: DeskState) -> tuple[str, ...]:
    """Return what holds in both worlds as `--set` texts: horizon, runs, parameters and mechanisms."""
    return (
        f"end={state.end}",
        f"runs={state.runs}",
        f"seed={preset(state.baseline).seed}",
        *(f"world.{name}={_plain(value)}" for name, value in state.world.items()),
        *(f"model.channels.{name}={str(on).lower()}" for name, on in state.channels.items()),
    )


def command_of(state: DeskState) -> str:
    """Return the command that gives the numbers of the desk, with the scenario file beside it."""
    sets = [text for text in both(state) if not text.startswith(("runs=", "seed="))]
    words = ["darkhorse", "compare", state.baseline, FILE, *(word for text in sets for word in ("--set", text))]
    words += ["--runs", str(state.runs), "--seed", str(preset(state.baseline).seed)]
    return shlex.join(words)


def yaml_of(state: DeskState) -> str:
    """Return the alternative as a scenario file; it loads as the scenario that the desk computes."""
    import yaml

    tree: dict[str, Any] = {"schema": 1, "name": NAME, "title": title_of(state), "extends": state.start}
    tree |= {"end": state.end, "runs": state.runs, "seed": preset(state.baseline).seed}
    if state.world:
        tree["world"] = {name: _plain(value) for name, value in state.world.items()}
    if state.changes:
        tree["policies"] = _policies(state)
    if state.channels:
        tree["model"] = {"channels": dict(state.channels)}
    text: str = yaml.safe_dump(tree, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True)
    return text


def title_of(state: DeskState) -> str:
    """Return the title of the alternative in a few words."""
    title = preset(state.start).title
    count = len(state.levers) + len(state.dials)
    if count == 0:
        return title
    more = f"with {count} lever{'s' if count > 1 else ''} set on the desk"
    return f"{title[: 198 - len(more)]}, {more}"


def _policies(state: DeskState) -> dict[str, Any]:
    blocks: dict[str, dict[str, Any]] = {}
    if state.dials:
        blocks["dials"] = {name: _plain(value) for name, value in state.dials.items()}
    for name, setting in state.levers.items():
        for who in setting.holders:
            blocks.setdefault(who, {})[name] = _lever(state, levers_by_name()[name], setting, who)
    return blocks


def _lever(state: DeskState, lever: Lever, setting: Setting, who: str) -> Any:
    """Return what a government sets: over the whole time, or from a month on with the earlier steps of the preset."""
    policy = preset(state.start).policies.get((who, lever.name))
    step = _value(lever, setting)
    if lever.needs_against:
        step["against"] = list(policy.against) if policy is not None and policy.against else [AGAINST]
    if state.since == WHOLE:
        return step
    steps = [{"from": f"{state.since}-01", **step}]
    if policy is None:
        return steps
    before = month_label(month_index(state.since) - 1)
    return {"keep_until": last_day(before).isoformat(), "steps": steps}


def _value(lever: Lever, setting: Setting) -> dict[str, Any]:
    if isinstance(setting.value, str):
        return {"level": setting.value}
    return {"value": bool(setting.value) if lever.kind == "switch" else _plain(setting.value)}


def _plain(value: float) -> Any:
    if math.isinf(value):
        return "none"
    return int(value) if value == int(value) and abs(value) < 1e15 else float(value)


@lru_cache(maxsize=64)
def _loaded(name: str, sets: tuple[str, ...]) -> "Scenario":
    from sim.scenario import load_scenario

    return load_scenario(name, sets)


@lru_cache(maxsize=128)
def _loaded_text(text: str) -> "Scenario":
    from sim.scenario import load_scenario

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        file.write_text(text, encoding="utf-8")
        return load_scenario(file)


def lever_before(state: DeskState, lever: Lever) -> Mapping[str, float]:
    """Return the value of a lever in the month from which the desk sets it, by holder, as the preset has it."""
    values = _values_in(state.start, month_index(state.since if state.since != WHOLE else state.month))
    return {who: values[who, lever.name] for who in lever.holders}


@lru_cache(maxsize=64)
def _values_in(start: str, month: int) -> Mapping[tuple[str, str], float]:
    """The value of every lever in a month of a preset, by holder and lever."""
    from sim.app.tables import tables
    from sim.policies import lever_paths

    paths = lever_paths(preset(start), tables().levers.rows, month + 1)
    return {key: float(path[month]) for key, path in paths.value.items()}
