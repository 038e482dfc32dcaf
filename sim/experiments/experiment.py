"""An experiment: the points that a scenario is computed at, over the same draws and seeds, and what they are held to.

Run number = (point x draws + draw) x seeds + seed; its chance number is draw x seeds + seed, whatever the point. So any
two points share all draws and all luck, and with one seed run k of a point is run k of `darkhorse run`.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sim.calendar import month_index
from sim.errors import InputError, Problem, nearest_name
from sim.experiments.axes import Axis, make_axis
from sim.experiments.outcomes import DEFAULT_OUTCOMES, Ask, column_names
from sim.experiments.sampling import grid, is_power_of_two, unit_points
from sim.lots import Lot
from sim.plan import code_digest, stated_months
from sim.scenario import Scenario, Template
from sim.scenario_report import Report, shown
from sim.scenario_schema import ExperimentBlock
from sim.setup import names_drawn
from sim.yamlfile import Node, node_of

AS_WRITTEN, COUNTERFACTUAL = "as_written", "counterfactual"
POINT, BASELINE = "point", "baseline"
MOST_POINTS, MOST_RUNS = 20_000, 20_000_000
VARIES = ("world", "policies", "model")
"""Blocks of a scenario in which points may differ; seed and horizon hold for all, or runs would be no pairs."""
OPTIONS = {"vary": "--vary", "policies": "--policy", "baseline": "--baseline"}

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Point:
    """One setting: `values` by full path of the axis (absent where an axis is left as written), under a policy.

    `role` is baseline for a setting that is there only to be compared with. `baseline` is the number of the point that
    this one is compared with; a baseline has itself.
    """

    number: int
    role: str
    policy: str
    values: Values
    baseline: int
    scenario: Scenario


@dataclass(frozen=True)
class Experiment:
    """What a sweep computes. `against`: what points are compared with, in words; `block`: as asked, in normal form."""

    base: Scenario
    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    against: str
    block: ExperimentBlock
    ask: Ask

    @property
    def runs(self) -> int:
        """Number of runs in all."""
        return len(self.points) * self.block.draws * self.block.seeds

    @property
    def policies(self) -> list[str]:
        """Names of the policies."""
        return list(dict.fromkeys(point.policy for point in self.points if point.role == POINT))

    def lot(self) -> Lot:
        """Return all runs, point by point."""
        draws, seeds = self.block.draws, self.block.seeds
        chance = np.tile(np.arange(draws * seeds), len(self.points))
        case = np.repeat(np.arange(len(self.points)), draws * seeds)
        draw = chance // seeds
        cases = tuple(point.scenario for point in self.points)
        if self.block.draw_method == "random":
            return Lot(cases, case, draw, chance)
        names = tuple(dict.fromkeys(name for scenario in cases for name in names_drawn(scenario)))
        levels = unit_points(self.block.draw_method, draws, len(names), self.base.seed, "draws")
        return Lot(cases, case, draw, chance, names, levels[draw])

    @property
    def folder_name(self) -> str:
        """`sweep-<name>-<hash>`; the hash is of points, draws, seeds, outcomes, code of the model, data and NumPy."""
        known = {
            "points": [(point.role, point.policy, point.scenario.digest(), point.baseline) for point in self.points],
            "axes": [axis.path for axis in self.axes],
            "draws": [self.block.draws, self.block.draw_method, self.block.seeds, self.base.seed],
            "ask": [self.ask.outcomes, self.ask.at, self.ask.series],
            "code": code_digest("experiments"),
            "numpy": np.__version__,
        }
        return f"sweep-{self.base.name}-{hashlib.sha256(json.dumps(known).encode()).hexdigest()[:10]}"

    @property
    def warnings(self) -> list[str]:
        """What a reader of the results should know about the design."""
        found = []
        if self.block.draw_method == "sobol" and not is_power_of_two(self.block.draws):
            found.append(f"{self.block.draws} draws of a Sobol' sequence are not balanced; take a power of two")
        if self.block.method == "sobol" and not is_power_of_two(self.block.points or 0):
            found.append(f"{self.block.points} points of a Sobol' sequence are not balanced; take a power of two")
        return found


def plan_experiment(
    name_or_path: str | Path, sets: Sequence[str], changes: Values, known_measures: Iterable[str] | None = None
) -> Experiment:
    """Return the experiment of a scenario's block `experiment`, with `changes` (keys of that block) laid over it.

    Raises InputError with everything that is wrong.
    """
    template = Template(name_or_path, sets, known_measures=None if known_measures is None else set(known_measures))
    base = template.scenario
    block, origin = _block(base, changes), Origin(template, changes)
    axes = _axes(template, block, origin)
    outcomes = column_names(block.outcomes, "--outcomes") or DEFAULT_OUTCOMES
    at = tuple(sorted({month_index(month) for month in block.at})) or stated_months(base, base.end)
    _check_months(base, at)
    ask = Ask(outcomes, at, column_names(block.series, "--series"))
    _check_size(block, axes)
    points, against = _Points(template, block, axes, origin).make()
    return Experiment(replace(base, experiment=None), axes, points, against, block, ask)


def _block(base: Scenario, changes: Values) -> ExperimentBlock:
    """Lay changes over the file's block; axes and policies add up, and one of the same name replaces the file's."""
    written = base.experiment.model_dump(by_alias=True, exclude_none=True) if base.experiment else {}
    merged = {**written, **changes}
    for key in ("vary", "policies"):
        merged[key] = {**written.get(key, {}), **changes.get(key, {})}
    report = Report(node_of(merged, "experiment"))
    block = report.validate(ExperimentBlock, merged, ())
    if block is None:
        raise InputError(report.problems)
    if not block.vary and not block.policies:
        raise _refuse("nothing varies", "Give --vary path=from:to:count, --policy, or an `experiment:` block")
    if block.method != "grid" and block.points is None:
        raise _refuse(f"a {block.method} design needs a number of points", "Give --points N", "--points")
    if block.method != "grid" and not block.vary:
        raise _refuse("a sampled design needs an axis", "Give --vary path=from:to", "--method")
    return block


@dataclass(frozen=True)
class Origin:
    """Where a part of an experiment was written: in an option, or at a line of the file."""

    template: Template
    changes: Values

    def of(self, key: str, name: str = "") -> tuple[str, int | None, str]:
        """Return file, line and path of a key of the block, or of a name under it."""
        given = self.changes.get(key)
        if given is not None and (not name or (isinstance(given, dict) and name in given)):
            return OPTIONS[key], None, name
        keys = ("experiment", key, name) if name else ("experiment", key)
        node = self.template.locate(keys)
        return node.file, node.line, ".".join(keys)

    def place(self, problem: Problem, key: str, name: str = "") -> Problem:
        """Return a problem that was found in a value, at the place where it was written."""
        file, line, path = self.of(key, name)
        return replace(problem, file=file, line=line, path=".".join(part for part in (path, problem.path) if part))


def _axes(template: Template, block: ExperimentBlock, origin: Origin) -> tuple[Axis, ...]:
    axes: list[Axis] = []
    problems: list[Problem] = []
    for label, written in block.vary.items():
        keys = template.full_path(label)
        if not isinstance(keys, Problem) and keys[0] not in VARIES:
            keys = Problem(f"{keys[0]} holds for all points", remedy="Vary what stands under world, policies or model")
        if isinstance(keys, Problem):
            problems.append(origin.place(keys, "vary", label))
            continue
        try:
            axes.append(make_axis(label, keys, written, block.method == "grid"))
        except InputError as error:
            problems += [origin.place(problem, "vary", label) for problem in error.problems]
        except ValueError as error:
            remedy = "Write path=from:to:count, or path=a,b,c; in a file {from, to, count}, or a list"
            problems.append(origin.place(Problem(str(error), remedy=remedy), "vary", label))
    paths = [axis.path for axis in axes]
    for path in dict.fromkeys(path for path in paths if paths.count(path) > 1):
        problems.append(Problem("this axis is there twice", "experiment", path=path, remedy="Give each path once"))
    if problems:
        raise InputError(problems)
    return tuple(axes)


class _Points:
    """Makes the points of an experiment and their baselines; a baseline that equals a point is that point."""

    def __init__(self, template: Template, block: ExperimentBlock, axes: Sequence[Axis], origin: Origin) -> None:
        self.template, self.block, self.axes, self.origin = template, block, axes, origin
        self.written = {axis.path: origin.of("vary", axis.label) for axis in axes}
        self.known: dict[str, int] = {}
        self.points: list[Point] = []
        self.problems: list[Problem] = []
        self.overlays = {AS_WRITTEN: {}} if not block.policies else {
            name: self._overlay(name, written) for name, written in block.policies.items()
        }  # fmt: skip

    def make(self) -> tuple[tuple[Point, ...], str]:
        """Return the points, those asked for first, and what they are compared with."""
        over, against = self._against()
        combinations = self._combinations()
        asked = [(policy, values) for policy in self.overlays for values in combinations]
        numbers = [self._add(POINT, policy, values, {}, values) for policy, values in asked]
        if self.problems:
            raise InputError(list(dict.fromkeys(self.problems)))
        for (policy, values), number in zip(asked, numbers, strict=True):
            held = self._held(over, policy, values)
            self.points[number] = replace(self.points[number], baseline=held)
        if self.problems:
            raise InputError(list(dict.fromkeys(self.problems)))
        return tuple(self.points), against

    def _held(self, over: "Mapping[str, Node] | str | None", policy: str, values: Values) -> int:
        """Return the number of the point that a setting is compared with."""
        if over is None:
            return self._add(BASELINE, AS_WRITTEN, {}, {}, {})
        if isinstance(over, str):
            return self._add(BASELINE, over, values, {}, values)
        fixed = {path: node.plain() for path, node in over.items()}
        stated = {**values, **{axis.path: fixed[axis.path] for axis in self.axes if axis.path in fixed}}
        return self._add(BASELINE, policy, values, over, stated)

    def _add(self, role: str, policy: str, values: Values, over: Mapping[str, Node], stated: Values) -> int:
        """Return the number of a setting, which is made unless an equal one is there; -1 where it is no scenario."""
        named = {path: node_of(value, *self.written[path][:2]) for path, value in values.items()}
        try:
            scenario = self.template.variant([*self.overlays.get(policy, {}).items(), *named.items(), *over.items()])
        except InputError as error:
            self.problems += error.problems
            return -1
        base = self.template.scenario
        if (scenario.seed, scenario.start, scenario.end) != (base.seed, base.start, base.end):
            self.problems.append(_problem("seed and horizon hold for all points", "Change them by --set", policy))
            return -1
        digest = scenario.digest()
        if role == BASELINE and digest in self.known:
            return self.known[digest]
        number = len(self.points)
        self.points.append(Point(number, role, policy, stated, number, scenario))
        self.known.setdefault(digest, number)
        return number

    def _overlay(self, name: str, written: Any) -> Mapping[str, Node]:
        """Return what a policy sets, by full path."""
        if name in (AS_WRITTEN, COUNTERFACTUAL) and written != name:
            raise _refuse(f"{name} has a meaning of its own", "Give the policy another name", f"policies.{name}")
        if written in (AS_WRITTEN, None):
            return {}
        if written == COUNTERFACTUAL:
            return self._full(self._counterfactual(f"policies.{name}"))
        if isinstance(written, dict):
            file, line, _ = self.origin.of("policies", name)
            return self._full({path: node_of(value, file, line) for path, value in written.items()}, f"policies.{name}")
        message = f"a policy sets values, or is as_written or counterfactual, not {shown(written)}"
        raise _refuse(message, "Write name={path: value, ...}", f"policies.{name}")

    def _full(self, values: Mapping[str, Node], where: str = "counterfactual") -> dict[str, Node]:
        found = {}
        for path, node in values.items():
            keys = self.template.full_path(path)
            if not isinstance(keys, Problem) and keys[0] not in VARIES:
                keys = Problem(
                    f"{keys[0]} holds for all points", remedy="Set what stands under world, policies or model"
                )
            if isinstance(keys, Problem):
                raise InputError(replace(keys, file=node.file, line=node.line, path=f"{where}.{path}"))
            found[".".join(keys)] = node
        return found

    def _counterfactual(self, where: str) -> Mapping[str, Node]:
        if not self.template.counterfactual:
            raise _refuse("the scenario has no counterfactual", "Write as_written, or values", where)
        return self.template.counterfactual

    def _against(self) -> tuple["Mapping[str, Node] | str | None", str]:
        """Return what is laid over a point to give its baseline, or a policy, or None for the scenario as written."""
        written = self.block.baseline
        if written is None:
            written = COUNTERFACTUAL if self.template.counterfactual else AS_WRITTEN
        if isinstance(written, dict):
            file, line, _ = self.origin.of("baseline")
            values = self._full({path: node_of(value, file, line) for path, value in written.items()}, "baseline")
            return values, ", ".join(f"{path} = {shown(value)}" for path, value in written.items())
        if not isinstance(written, str):
            raise _refuse(f"it must be a word or values, not {shown(written)}", "Write path: value", "baseline")
        if written in self.overlays and written != AS_WRITTEN:
            return str(written), f"policy {written}"
        if written == COUNTERFACTUAL:
            other = self.template.scenario.counterfactual_scenario()
            return self._full(self._counterfactual("baseline")), other.title if other else ""
        if written == AS_WRITTEN:
            return None, "the scenario as written"
        valid = [AS_WRITTEN, COUNTERFACTUAL, *self.overlays]
        remedy = f"Write one of {', '.join(dict.fromkeys(valid))}, or values"
        near = nearest_name(str(written), valid)
        problem = Problem(f"there is no policy {shown(written)}", nearest=near, remedy=remedy)
        raise InputError(self.origin.place(problem, "baseline"))

    def _combinations(self) -> list[dict[str, Any]]:
        paths = [axis.path for axis in self.axes]
        if self.block.method == "grid":
            return [dict(zip(paths, values, strict=True)) for values in grid([axis.values for axis in self.axes])]
        count = self.block.points or 1
        levels = unit_points(self.block.method, count, len(paths), self.template.scenario.seed, "levers")
        return [
            {axis.path: axis.at(float(level)) for axis, level in zip(self.axes, row, strict=True)} for row in levels
        ]


def _check_months(base: Scenario, at: Iterable[int]) -> None:
    if any(not base.start <= month <= base.end for month in at):
        raise _refuse("a month of the outcomes lies outside the run", "Take it out, or move `end`", "at")


def _check_size(block: ExperimentBlock, axes: Sequence[Axis]) -> None:
    """Refuse what is too large before any of it is made."""
    combinations = math.prod(len(axis.values) for axis in axes) if block.method == "grid" else block.points or 1
    points = combinations * max(1, len(block.policies))
    if points > MOST_POINTS:
        raise _refuse(f"there are {points:,} points, more than {MOST_POINTS:,}", "Take fewer values or policies")
    if points * block.draws * block.seeds > MOST_RUNS:
        message = f"{points * block.draws * block.seeds:,} runs are more than {MOST_RUNS:,}"
        raise _refuse(message, "Take fewer points, draws or seeds")


def _refuse(message: str, remedy: str, path: str | None = None) -> InputError:
    return InputError(_problem(message, remedy, path))


def _problem(message: str, remedy: str, path: str | None) -> Problem:
    return Problem(message, "experiment", path=path, remedy=remedy)
