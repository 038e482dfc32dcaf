"""A scenario: what is unknown, what actors choose, which mechanisms are on and what is measured, from one YAML file."""

import hashlib
import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.calendar import month_index
from sim.distributions import Distribution
from sim.errors import InputError, Problem
from sim.places import find_scenario
from sim.policies import Policy
from sim.scenario_merge import Merged, apply_sets, apply_values, known_paths, merge_files, resolve_path
from sim.scenario_names import Catalogues, default_catalogues
from sim.scenario_policies import Policies, check_policies
from sim.scenario_report import Report, shown
from sim.scenario_schema import Counterfactual, ExperimentBlock, Header, ModelBlock, OutputsBlock
from sim.scenario_world import Event, World, check_world
from sim.yamlfile import Node, node_of

if TYPE_CHECKING:
    from sim.parameters import Correlation
    from sim.posterior import Posterior

FIRST_MONTH = "2022-01"
LAST_MONTH = "2050-12"


@dataclass(frozen=True)
class Scenario:
    """One scenario, checked and complete.

    `months` months are run from `start` (month 0 is 2022-01). `world` gives every uncertain parameter its distribution
    (`labs.<Lab>.<column>`, `chips.<Chip>.<column>` and `events.<event>.gain_eci` only where the scenario sets them;
    `labs.<Lab>.entry` is a month number, infinite for never), `events` the dated arrivals. `policies` has what is set,
    by (government, lever); a lever that is not there keeps its default. `dials` has every composite dial. `posterior`
    is the fit that the base asks for, if it does.
    """

    name: str
    title: str
    storyline: str
    sources: tuple[str, ...]
    start: int
    end: int
    runs: int
    seed: int
    base: str
    posterior: "Posterior | None"
    world: Mapping[str, Distribution]
    events: Mapping[str, Event]
    correlation_ranks: Mapping[tuple[str, str], float]
    dials: Mapping[str, float]
    policies: Mapping[tuple[str, str], Policy]
    model: ModelBlock
    outputs: OutputsBlock
    experiment: ExperimentBlock | None
    path: Path | None
    parents: tuple[Path, ...]
    _resolved: Mapping[str, Any]
    _counterfactual: "Scenario | None"

    @property
    def months(self) -> int:
        """Number of months, first and last included."""
        return self.end - self.start + 1

    @property
    def correlations(self) -> "tuple[Correlation, ...]":
        """The rank correlations between uncertain parameters, as `sim.parameters.draw` takes them."""
        from sim.parameters import Correlation  # late: it needs NumPy

        return tuple(Correlation(first, second, rank) for (first, second), rank in self.correlation_ranks.items())

    @property
    def at(self) -> tuple[int, ...]:
        """The month numbers of the summary tables; the last month when none is asked for."""
        return tuple(month_index(month) for month in self.outputs.at) or (self.end,)

    def resolved(self) -> dict[str, Any]:
        """Return the whole scenario as plain data without parents or nulls; written to a file, it loads as itself."""
        copy: dict[str, Any] = json.loads(json.dumps(self._resolved))
        return copy

    def digest(self) -> str:
        """Return a hash (64 hex digits) of everything that can move a number.

        Left out: title, storyline, sources, charts, the counterfactual's title, the sources of steps, the experiment.
        """
        data = self.resolved()
        if self.posterior is not None:
            data["posterior"] = self.posterior.checksum
        for key in ("title", "storyline", "sources"):
            del data[key]
        del data["outputs"]["charts"]
        data.get("counterfactual", {}).pop("title", None)
        for government, levers in data["policies"].items():
            for policy in levers.values() if government != "dials" else ():
                for step in policy if isinstance(policy, list) else [policy]:
                    step.pop("source", None)
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def counterfactual_scenario(self) -> "Scenario | None":
        """Return this scenario with the counterfactual's values set, same seed and draws; None where there is none."""
        return self._counterfactual


def load_scenario(
    name_or_path: str | Path,
    sets: Sequence[str] = (),
    *,
    known_measures: Collection[str] | None = None,
    known_charts: Collection[str] | None = None,
    catalogues: Catalogues | None = None,
) -> Scenario:
    """Return the scenario of a preset's name or a file, with `--set path=value` texts laid over it.

    Measures and charts are checked where their catalogues are given. Raises InputError with every problem of the file,
    its parents and the values set.
    """
    path = find_scenario(name_or_path)
    catalogues = catalogues or default_catalogues()
    merged = merge_files(path)
    merged.root = apply_sets(merged.root, sets, known_paths(catalogues), merged.problems)
    return _checked(merged, path, _Names(catalogues, known_measures, known_charts))


class Template:
    """A scenario from which others are made by laying values over it; its files are read once."""

    def __init__(
        self,
        name_or_path: str | Path,
        sets: Sequence[str] = (),
        *,
        known_measures: Collection[str] | None = None,
        known_charts: Collection[str] | None = None,
    ) -> None:
        """Read and check a preset's name or a file. Raises InputError."""
        self._names = _Names(default_catalogues(), known_measures, known_charts)
        self._paths = known_paths(self._names.catalogues)
        path = find_scenario(name_or_path)
        merged = merge_files(path)
        merged.root = apply_sets(merged.root, sets, self._paths, merged.problems)
        self.scenario = _checked(merged, path, self._names)
        counterfactual = merged.root.entries.get("counterfactual")
        values = None if counterfactual is None else counterfactual.entries.get("set")
        self.counterfactual: Mapping[str, Node] = {} if values is None else values.entries
        entries = {
            key: node for key, node in merged.root.entries.items() if key not in ("counterfactual", "experiment")
        }
        self._root, self._merged = Node(entries, merged.root.file, merged.root.line), merged

    def locate(self, path: Sequence[str]) -> Node:
        """Return the node at a path of the file, or the last one on the way that exists."""
        return self._merged.root.locate(path)

    def full_path(self, path: str) -> tuple[str, ...] | Problem:
        """Return the keys of a dotted path of which a tail is given; a Problem without a place where there is none."""
        return resolve_path(path, self._paths)

    def variant(self, values: Iterable[tuple[str, Node]]) -> Scenario:
        """Return the scenario, without counterfactual and experiment, with values laid over it. Raises InputError."""
        problems: list[Problem] = []
        root = apply_values(self._root, values, self._paths, problems)
        return _checked(Merged(root, self._merged.parents, problems), self.scenario.path, self._names)


def scenario_from_resolved(data: Mapping[str, Any], catalogues: Catalogues | None = None) -> Scenario:
    """Return the scenario of `Scenario.resolved()`, as a manifest records it. Raises InputError."""
    merged = Merged(node_of(data, "resolved scenario"))
    return _checked(merged, None, _Names(catalogues or default_catalogues(), None, None))


def differences(before: Scenario, after: Scenario) -> list[tuple[str, Any, Any]]:
    """Return what `after` sets otherwise than `before`: dotted path, value before and after (None where absent).

    Distributions and a lever's policy count as one value. Name, title, storyline and sources are left out.
    """
    old, new = _flat(before.resolved()), _flat(after.resolved())
    paths = [*new, *(path for path in old if path not in new)]
    return [(path, old.get(path), new.get(path)) for path in paths if old.get(path) != new.get(path)]


def _flat(resolved: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for block in ("start", "end", "runs", "seed", "world", "policies", "model", "outputs", "counterfactual"):
        value = resolved.get(block)
        depth = {"world": 1, "policies": 2, "model": 2, "outputs": 1, "counterfactual": 0}.get(block, 0)
        flat.update(_leaves(block, value, depth))
    return flat


def _leaves(path: str, value: Any, depth: int) -> dict[str, Any]:
    if depth == 0 or not isinstance(value, dict):
        return {} if value is None else {path: value}
    found: dict[str, Any] = {}
    for name, inner in value.items():
        found.update(_leaves(f"{path}.{name}", inner, depth - 1))
    return found


@dataclass(frozen=True)
class _Names:
    """What the names in a scenario are checked against."""

    catalogues: Catalogues
    measures: Collection[str] | None
    charts: Collection[str] | None


@dataclass(frozen=True)
class _Parts:
    """The checked blocks of one tree."""

    header: Header
    world: World
    policies: Policies


def _checked(merged: Merged, path: Path | None, names: _Names) -> Scenario:
    """Check a merged tree, and once more with the counterfactual's values; raise everything that is wrong."""
    report = Report(merged.root, merged.problems)
    parts = _check(report, names)
    written = report.root.entries.get("counterfactual")
    block, twin_parts = None, None
    if written is not None and written.value is not None:
        block = report.validate(Counterfactual, written.plain(), ("counterfactual",))
        twin = _with_values(merged.root, written.entries.get("set"), names.catalogues)
        twin_report = Report(twin.root, twin.problems)
        twin_parts = _check(twin_report, names)
        report.extend(twin_report.problems)
    experiment = _experiment(report, names.catalogues)
    if report.problems or parts is None:
        raise InputError(report.problems)
    twin_scenario = None
    if block is not None and twin_parts is not None:
        header = twin_parts.header.model_copy(update={"title": block.title})
        twin_scenario = _assemble(_Parts(header, twin_parts.world, twin_parts.policies), merged, path, names.catalogues)
    scenario = _assemble(parts, merged, path, names.catalogues, block, twin_scenario)
    return replace(scenario, experiment=experiment)


def _experiment(report: Report, catalogues: Catalogues) -> ExperimentBlock | None:
    """Return the block `experiment`, checked as far as it goes without making its points."""
    written = report.root.entries.get("experiment")
    if written is None or written.value is None:
        return None
    block = report.validate(ExperimentBlock, written.plain(), ("experiment",))
    paths = known_paths(catalogues)
    vary = written.entries.get("vary")
    for key in vary.entries if vary else ():
        keys = resolve_path(key, paths)
        if isinstance(keys, Problem):
            node = report.root.locate(("experiment", "vary", key))
            report.extend([replace(keys, file=node.file, line=node.line, path=f"experiment.vary.{key}")])
    return block


def _with_values(root: Node, values: Node | None, catalogues: Catalogues) -> Merged:
    """Return the tree without its counterfactual, with the counterfactual's values laid over it."""
    problems: list[Problem] = []
    entries = {key: node for key, node in root.entries.items() if key != "counterfactual"}
    items = [] if values is None else list(values.entries.items())
    tree = apply_values(Node(entries, root.file, root.line), items, known_paths(catalogues), problems)
    return Merged(tree, problems=problems)


def _check(report: Report, names: _Names) -> _Parts | None:
    header = report.validate(Header, report.root.plain(), ())
    world = check_world(report, names.catalogues)
    policies = check_policies(report, names.catalogues)
    if header is None:
        return None
    _check_months(report, header)
    for key, wanted, known in (
        ("measures", header.outputs.measures, names.measures),
        ("charts", header.outputs.charts, names.charts),
    ):
        for index, name in enumerate(wanted if known is not None and wanted != "all" else []):
            if name not in (known or ()):
                message, remedy = f"unknown name {shown(name)}", f"Write all, or names of the catalogue of {key}"
                report.add(("outputs", key, index), message, remedy, name, known or ())
    return _Parts(header, world, policies)


def _check_months(report: Report, header: Header) -> None:
    if header.start != FIRST_MONTH:
        message = f"a run starts in {FIRST_MONTH}, the month of the start values in the data tables"
        report.add(("start",), message, f"Write start: {FIRST_MONTH}, or leave it out")
    if header.end < header.start:
        report.add(("end",), f"the end ({header.end}) lies before the start ({header.start})", "Give a later end")
    elif header.end > LAST_MONTH:
        report.add(("end",), f"the end ({header.end}) is out of range", f"End in {LAST_MONTH} at the latest")
    for index, month in enumerate(header.outputs.at):
        if not header.start <= month <= header.end:
            message = f"{month} lies outside the run ({header.start} to {header.end})"
            report.add(("outputs", "at", index), message, "Take it out, or move `end`")


def _assemble(
    parts: _Parts,
    merged: Merged,
    path: Path | None,
    catalogues: Catalogues,
    block: Counterfactual | None = None,
    twin: Scenario | None = None,
) -> Scenario:
    header, world, policies = parts.header, parts.world, parts.policies
    return Scenario(
        name=header.name,
        title=header.title or header.name,
        storyline=header.storyline,
        sources=tuple(header.sources),
        start=month_index(header.start),
        end=month_index(header.end),
        runs=header.runs,
        seed=header.seed,
        base=world.base,
        posterior=world.posterior,
        world=world.distributions,
        events=world.events,
        correlation_ranks=world.correlations,
        dials=policies.dials,
        policies=policies.levers,
        model=header.model,
        outputs=header.outputs,
        experiment=None,
        path=path,
        parents=tuple(merged.parents),
        _resolved=_resolved(parts, block, catalogues),
        _counterfactual=twin,
    )


def _resolved(parts: _Parts, block: Counterfactual | None, catalogues: Catalogues) -> dict[str, Any]:
    header = parts.header.model_dump(
        by_alias=True, exclude={"extends", "counterfactual", "experiment", "world", "policies"}
    )
    header["title"] = header["title"] or header["name"]
    if block is not None:
        header["counterfactual"] = {"title": block.title, "set": _set_in_full(block, catalogues)}
    blocks = {"world": parts.world.written, "policies": parts.policies.written}
    model, outputs = header.pop("model"), header.pop("outputs")
    return {**header, **blocks, "model": model, "outputs": outputs}


def _set_in_full(block: Counterfactual, catalogues: Catalogues) -> dict[str, Any]:
    """Return the counterfactual's values under their full paths, no limit as `none`."""
    paths = known_paths(catalogues)
    keys = {path: resolve_path(path, paths) for path in block.set}
    return {".".join(found): _finite(block.set[path]) for path, found in keys.items() if isinstance(found, tuple)}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return "none" if value == math.inf else value
