"""Checks the block `policies`: dials, and each government's dated steps."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

from sim.calendar import last_day, parse_date
from sim.policies import Lever, Policy, Step
from sim.scenario_names import Catalogues
from sim.scenario_report import Report, shown
from sim.scenario_schema import HorizonBlock, StepBlock
from sim.scenario_world import mapping_at
from sim.yamlfile import BROKEN

Path = tuple[str | int, ...]


@dataclass
class Policies:
    """The checked block: the dials, the policies by (government, lever), and the block in normal form."""

    dials: dict[str, float] = field(default_factory=dict)
    levers: dict[tuple[str, str], Policy] = field(default_factory=dict)
    written: dict[str, Any] = field(default_factory=dict)


def check_policies(report: Report, catalogues: Catalogues) -> Policies:
    """Return the policies of the report's tree, with everything wrong in them reported."""
    policies = Policies({dial: catalogues.levers[dial].default for dial in catalogues.dials})
    governments = catalogues.governments
    for government in mapping_at(report, ("policies",)):
        path = ("policies", government)
        if government == "dials":
            _check_dials(report, policies, catalogues)
        elif government not in governments:
            report.add(path, "unknown government", f"Use one of {', '.join(governments)}", government, governments)
        else:
            for lever, value in mapping_at(report, path).items():
                _check_lever(report, policies, (government, lever), value, catalogues)
    policies.written = {"dials": dict(policies.dials), **policies.written}
    return policies


def _check_dials(report: Report, policies: Policies, catalogues: Catalogues) -> None:
    for dial, value in mapping_at(report, ("policies", "dials")).items():
        path = ("policies", "dials", dial)
        if dial not in catalogues.dials:
            report.unknown_key(path, catalogues.dials)
        elif value is not None:
            number = _number(report, path, catalogues.levers[dial], value)
            policies.dials[dial] = policies.dials[dial] if number is None else number


def _check_lever(report: Report, policies: Policies, key: tuple[str, str], value: Any, catalogues: Catalogues) -> None:
    government, name = key
    path: Path = ("policies", *key)
    lever = catalogues.levers.get(name)
    if lever is None or government not in lever.holders:
        _unknown_lever(report, path, lever, catalogues)
        return
    if value is None or value is BROKEN:
        return
    found = (_steps if isinstance(value, list) else _horizon)(report, path, lever, value, catalogues.blocs)
    if found is not None:
        policies.levers[key], written = found
        policies.written.setdefault(government, {})[name] = written


def _unknown_lever(report: Report, path: Path, lever: Lever | None, catalogues: Catalogues) -> None:
    government, name = str(path[1]), str(path[2])
    own = catalogues.levers_of(government)
    inside = [known for known in own if known.startswith(name + ".")]
    if lever is not None and lever.is_dial:
        report.add(path, "this is a dial", "Write it under `policies.dials`")
    elif lever is not None:
        report.add(path, f"{government} does not hold this lever", f"Only {', '.join(lever.holders)} can set it")
    elif inside:
        report.add(path, "this is the beginning of several levers", f"Write them in full, as in `{inside[0]}: ...`")
    else:
        report.add(path, "unknown lever", "`darkhorse schema` lists the levers", name, own)


def _horizon(report: Report, path: Path, lever: Lever, value: Any, known: Sequence[str]) -> tuple[Policy, Any] | None:
    """Return a policy that holds over the whole horizon: a bare value, or {level: ...} or {value: ...}."""
    if not isinstance(value, dict):
        number = _number(report, path, lever, value)
        block: HorizonBlock | None = HorizonBlock(value=number)
    elif "keep_until" in value:
        remedy = "Write the steps as a list"
        report.add((*path, "keep_until"), "no parent sets this lever, so nothing can be kept", remedy)
        return None
    elif {"from", "steps"} & value.keys():
        report.add(path, "dated steps stand in a list", "Write `- {from: ..., value: ...}` for each step")
        return None
    else:
        block = report.validate(HorizonBlock, value, path)
        number = None if block is None else _chosen(report, path, lever, block)
    against = None if block is None else _against(report, path, lever, [(path, block.against)], known)
    if number is None or against is None or block is None:
        return None
    return Policy((Step(None, None, None, number, 0),), against), _written(lever, block, number)


def _steps(
    report: Report, path: Path, lever: Lever, values: Sequence[Any], known: Sequence[str]
) -> tuple[Policy, Any] | None:
    blocks = [report.validate(StepBlock, value, (*path, index)) for index, value in enumerate(values)]
    numbers = [
        None if block is None else _chosen(report, (*path, index), lever, block) for index, block in enumerate(blocks)
    ]
    steps = [
        (index, block, Step(block.start, block.until, block.announced, number, block.ramp))
        for index, (block, number) in enumerate(zip(blocks, numbers, strict=True))
        if block is not None and number is not None
    ]
    for index, _, step in steps:
        _check_dates(report, (*path, index), step)
    for (_, _, before), (index, _, step) in pairwise(steps):
        _check_order(report, (*path, index), before, step)
    _check_ramps(report, path, lever, [(index, step) for index, _, step in steps])
    against = _against(report, path, lever, [((*path, index), block.against) for index, block, _ in steps], known)
    if against is None or len(steps) < len(values):
        return None
    written = [_written(lever, block, step.value) for _, block, step in steps]
    return Policy(tuple(step for _, _, step in steps), against), written


def _chosen(report: Report, path: Path, lever: Lever, block: StepBlock | HorizonBlock) -> float | None:
    """Return the number of a step, from its value or its named level."""
    if (block.value is None) == (block.level is None):
        report.add(path, "it needs either a value or a level", "Give one of the two")
        return None
    if block.level is None:
        return _number(report, (*path, "value"), lever, block.value)
    if block.level not in lever.levels:
        report.add((*path, "level"), f"this lever has no level {block.level}", "Give a value")
    return lever.levels.get(block.level)


def _number(report: Report, path: Path, lever: Lever, value: Any) -> float | None:
    try:
        return lever.number(value)
    except ValueError as error:
        hint = "Write true or false" if lever.kind == "switch" else f"Write {lever.expects}"
        report.add(path, str(error), f"{hint} ({lever.unit})" if lever.unit else hint)
        return None


def _check_dates(report: Report, path: Path, step: Step) -> None:
    start = parse_date(step.start or "")
    if step.until is not None and last_day(step.until) < start:
        message = f"it ends ({step.until}) before it starts ({step.start})"
        report.add((*path, "until"), message, "Put `until` after `from`")
    if step.announced is not None and parse_date(step.announced) > start:
        message = f"it is announced ({step.announced}) after it starts ({step.start})"
        report.add((*path, "announced"), message, "Put `announced` before `from`")


def _check_order(report: Report, path: Path, before: Step, step: Step) -> None:
    start, earlier = parse_date(step.start or ""), parse_date(before.start or "")
    if start <= earlier:
        message = f"it starts ({step.start}) no later than the step before it ({before.start})"
        report.add((*path, "from"), message, "Put steps in the order of their dates, one a day")
    elif before.until is not None and _end(before) >= start:
        message = f"it starts ({step.start}) while the step before it still holds (until {before.until})"
        report.add((*path, "from"), message, "End the earlier step before this one, or leave its `until` out")


def _end(step: Step) -> date:
    return date.max if step.until is None else last_day(step.until)


def _check_ramps(report: Report, path: Path, lever: Lever, steps: Iterable[tuple[int, Step]]) -> None:
    in_force = lever.default
    for index, step in steps:
        if step.ramp and not lever.is_ramped:
            message = f"a {lever.kind} cannot be ramped"
            report.add((*path, index, "ramp"), message, "Leave `ramp` out, or write several steps")
        elif step.ramp and not (math.isfinite(in_force) and math.isfinite(step.value)):
            report.add((*path, index, "ramp"), "there is no ramp from or to no limit", "Leave `ramp` out")
        in_force = step.value if step.until is None else lever.default


def _against(
    report: Report, path: Path, lever: Lever, blocks: Sequence[tuple[Path, Sequence[str] | None]], known: Sequence[str]
) -> tuple[str, ...] | None:
    """Return the blocs that a policy is directed against; None where they are wrong or missing."""
    named = [(where, tuple(blocs)) for where, blocs in blocks if blocs is not None]
    for where, blocs in named:
        for bloc in blocs:
            if bloc not in known:
                remedy = f"Use one of {', '.join(known)}"
                report.add((*where, "against"), f"unknown bloc {shown(bloc)}", remedy, bloc, known)
                return None
        if not lever.needs_against:
            report.add((*where, "against"), "this lever is not directed against a bloc", "Leave `against` out")
            return None
        if blocs != named[0][1]:
            message = "the steps of one lever are directed against different blocs"
            report.add((*where, "against"), message, "Name the same blocs in every step")
            return None
    if lever.needs_against and not named and blocks:
        report.add(path, "it is not said against which bloc", f"Add `against:` with one of {', '.join(known)}")
        return None
    return named[0][1] if named else ()


def _written(lever: Lever, block: StepBlock | HorizonBlock, number: float) -> dict[str, Any]:
    """Return a step in normal form: aliases as in the file, values as numbers, no limit as `none`."""
    written = block.model_dump(by_alias=True, exclude_none=True)
    if block.level is None:
        written["value"] = "none" if math.isinf(number) else bool(number) if lever.kind == "switch" else number
    if written.get("ramp") == 0:
        del written["ramp"]
    return written
