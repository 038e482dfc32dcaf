"""Checks the block `world`: what is unknown, as numbers, distributions, correlations and dated events."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sim.calendar import month_index
from sim.distributions import Distribution, check_correlations
from sim.errors import InputError
from sim.posterior import Posterior, fitted_months, load_posterior
from sim.scenario_names import EVENTS, MAX_GAIN, Catalogues, is_entry
from sim.scenario_report import Report, shown
from sim.scenario_schema import Correlation, EventBlock
from sim.scenario_specs import NAMED_SPECS, spec_model
from sim.yamlfile import BROKEN, Node

Base = Literal["central", "prior", "posterior"]
BASES: tuple[Base, ...] = ("central", "prior", "posterior")
FORMS = "Write a number, {p05, p50, p95}, {min, max} or {dist: ...}"


@dataclass(frozen=True)
class Event:
    """The arrival of a method: in which month (2022-01 is 0), at which lab, and its gain in ECI points."""

    month: int
    lab: str
    gain: Distribution


@dataclass
class World:
    """The checked block.

    `distributions` has every parameter of the catalogue and what the scenario adds of labs, chips and events; `written`
    is the block in normal form.
    """

    base: Base = "prior"
    posterior: Posterior | None = None
    distributions: dict[str, Distribution] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    correlations: dict[tuple[str, str], float] = field(default_factory=dict)
    written: dict[str, Any] = field(default_factory=dict)


def check_world(report: Report, catalogues: Catalogues) -> World:
    """Return the world of the report's tree, with everything wrong in it reported."""
    world = World()
    entries = mapping_at(report, ("world",))
    world.base = _base(report, entries.get("base"))
    world.written["base"] = world.base
    world.posterior = _posterior(report, world, entries.get("fitted_to"))
    for name in catalogues.parameters:
        world.distributions[name] = catalogues.base_distribution(
            name, "central" if world.base == "central" else "prior"
        )
    if world.posterior is not None:
        _check_fit(report, world.posterior, catalogues)
        fitted = [name for name in world.posterior.values if name in catalogues.world_names]
        world.distributions |= {name: world.posterior.distribution(name) for name in fitted}
    for name, value in entries.items():
        if name in ("base", "fitted_to", "events", "correlations"):
            continue
        if name not in catalogues.world_names:
            _unknown_name(report, name, value, catalogues)
        elif value is not None:
            _parameter(report, world, name, value, catalogues)
    _events(report, world, catalogues)
    _correlations(report, world, entries.get("correlations"), catalogues)
    return world


def mapping_at(report: Report, path: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the plain mapping at `path`, empty when it is absent or no mapping (which is reported)."""
    node: Node | None = report.root
    for key in path:
        node = None if node is None else node.entries.get(key)
    value = None if node is None else node.plain()
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    report.add(path, f"it must be a mapping of keys to values, not {shown(value)}", "Write one `key: value` a line")
    return {}


def _base(report: Report, value: Any) -> Base:
    if value is None:
        return "prior"
    for base in BASES:
        if value == base:
            return base
    remedy = "Write central, prior or posterior"
    report.add(("world", "base"), f"it cannot be {shown(value)}", remedy, str(value), BASES)
    return "prior"


def _posterior(report: Report, world: World, fitted_to: Any) -> Posterior | None:
    """Return the fit that the base asks for; None for another base, or where it is reported."""
    path = ("world", "fitted_to")
    if world.base != "posterior":
        if fitted_to is not None:
            report.add(path, "only the posterior has been fitted to anything", "Write base: posterior, or leave it out")
        return None
    if fitted_to is not None and not isinstance(fitted_to, str):
        report.add(path, f"it must be a month or a CSV file, not {shown(fitted_to)}", "Write it as in 2024-12")
        return None
    try:
        fit = load_posterior(fitted_to)
    except InputError as error:
        for problem in error.problems:
            where, remedy = path if fitted_to else ("world", "base"), problem.remedy or "Write prior"
            report.add(where, problem.message, remedy, fitted_to or "", fitted_months())
        return None
    world.written["fitted_to"] = fit.fitted_to
    return fit


def _check_fit(report: Report, fit: Posterior, catalogues: Catalogues) -> None:
    """Report columns of a fit that are no names of the world, and values outside their hard bounds."""
    for name, values in fit.values.items():
        if name not in catalogues.world_names:
            if not name.startswith("events."):
                message = f"its column '{name}' is no number of the world"
                report.add(("world", "fitted_to"), message, "Correct the table", name, catalogues.world_names)
            continue
        low, high = catalogues.bounds(name)
        if min(values) < low or max(values) > high:
            message = f"its values of {name} leave [{low:g}, {high:g}]"
            report.add(("world", "fitted_to"), message, "Correct the table")


def _parameter(report: Report, world: World, name: str, value: Any, catalogues: Catalogues) -> None:
    path = ("world", name)
    if is_entry(name):
        month = _entry(report, path, value)
        if month is not None:
            world.distributions[name] = Distribution.fixed(month)
            world.written[name] = value
        return
    found = _distribution(report, path, value, catalogues.bounds(name))
    if found is not None:
        world.distributions[name], world.written[name] = found


def _entry(report: Report, path: tuple[str, ...], value: Any) -> float | None:
    """Return the month in which a lab enters, infinite for never."""
    if value == "never":
        return math.inf
    try:
        if isinstance(value, str):
            return float(month_index(value))
        message = f"it must be a month or never, not {shown(value)}"
    except ValueError as error:
        message = str(error)
    report.add(path, message, "Write YYYY-MM or never")
    return None


def _distribution(
    report: Report, path: tuple[str, ...], value: Any, bounds: tuple[float, float]
) -> tuple[Distribution, Any] | None:
    """Return a number or a written distribution, with its normal form; None where it is reported."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            if not math.isfinite(value):
                raise ValueError(f"it must be a finite number, not {value}")
            return Distribution.fixed(float(value), *bounds), float(value)
        if not isinstance(value, dict):
            raise ValueError(f"it must be a number or a distribution, not {shown(value)}")
        model = spec_model(value)
        if model is None:
            _unknown_distribution(report, path, value)
            return None
        spec = report.validate(model, value, path)
        return None if spec is None else (spec.distribution(bounds), spec.model_dump(exclude_none=True))
    except (ValueError, OverflowError) as error:
        message = "the numbers are too far apart" if isinstance(error, OverflowError) else str(error)
        report.add(path, message, "Correct the numbers" if isinstance(value, int | float | dict) else FORMS)
        return None


def _unknown_distribution(report: Report, path: tuple[str, ...], value: Mapping[str, Any]) -> None:
    if value.get("dist") is None:
        report.add(path, "these keys make no distribution", FORMS, next(iter(value), ""), ("min", "max", "p05", "dist"))
        return
    dist = value["dist"]
    message = f"there is no distribution {shown(dist)}"
    report.add((*path, "dist"), message, f"Use one of {', '.join(NAMED_SPECS)}", str(dist), NAMED_SPECS)


def _unknown_name(report: Report, name: str, value: Any, catalogues: Catalogues) -> None:
    """Say which part of a dotted name is wrong: the lab, the chip, its column or the whole."""
    path, parts = ("world", name), name.split(".")
    known = sorted(catalogues.world_names)
    for kind, singular, entries in (("labs", "lab", catalogues.labs), ("chips", "chip", catalogues.chips)):
        if parts[0] != kind or len(parts) < 3:
            continue
        entry, column = ".".join(parts[1:-1]), parts[-1]
        if entry not in entries:
            report.add(path, f"unknown {singular} {entry}", f"Use a {singular} of {kind}.csv", entry, entries)
        else:
            columns = [
                known_name.rsplit(".", 1)[1] for known_name in known if known_name.startswith(f"{kind}.{entry}.")
            ]
            report.add(
                path, f"a {singular} has no number {column}", f"Use one of {', '.join(columns)}", column, columns
            )
        return
    inside = [known_name for known_name in known if known_name.startswith(name + ".")]
    if inside and (isinstance(value, dict) or value is None):
        report.add(path, "this is the beginning of several names", f"Write them in full, as in `{inside[0]}: ...`")
    else:
        report.add(path, "unknown parameter", "`darkhorse schema` lists the parameters", name, known)


def _events(report: Report, world: World, catalogues: Catalogues) -> None:
    for name in mapping_at(report, ("world", "events")):
        path = ("world", "events", name)
        if name not in EVENTS:
            report.unknown_key(path, list(EVENTS))
            continue
        value = mapping_at(report, path)
        block = report.validate(EventBlock, value, path) if value else None
        if block is None:
            continue
        if block.lab not in catalogues.labs:
            report.add(
                (*path, "lab"), f"unknown lab {shown(block.lab)}", "Use a lab of labs.csv", block.lab, catalogues.labs
            )
        gain = _gain(report, (*path, "gain_eci"), block.gain_eci)
        if gain is not None:
            world.events[name] = Event(month_index(block.date), block.lab, gain[0])
            full = f"events.{name}.gain_eci"
            fit = world.posterior
            fitted = fit is not None and full in fit.values and fit.written.get(full) == gain[1]
            world.distributions[full] = fit.distribution(full) if fit is not None and fitted else gain[0]
            written = {"date": block.date, "lab": block.lab, "gain_eci": gain[1]}
            world.written.setdefault("events", {})[name] = written


def _gain(report: Report, path: tuple[str, ...], value: Any) -> tuple[Distribution, Any] | None:
    """Return a gain, not negative. ECI points are logarithmic as they are, so a two-piece stays in points."""
    found = _distribution(report, path, value, (-MAX_GAIN, MAX_GAIN))
    if found is None:
        return None
    try:
        return replace(found[0], lower=max(0.0, found[0].lower)), found[1]
    except ValueError as error:
        report.add(path, str(error), "Give a gain of at least 0")
        return None


def _correlations(report: Report, world: World, value: Any, catalogues: Catalogues) -> None:
    path = ("world", "correlations")
    if value is None or value is BROKEN:
        return
    if not isinstance(value, list):
        report.add(path, f"it must be a list, not {shown(value)}", "Write - {between: [a, b], rank: 0.5}")
        return
    names = sorted(name for name in catalogues.world_names if not is_entry(name))
    for index, item in enumerate(value):
        block = report.validate(Correlation, item, (*path, index))
        if block is not None and _known_pair(report, (*path, index, "between"), block, names):
            pair = min(block.between), max(block.between)
            if pair in world.correlations:
                report.add((*path, index), "this pair is here a second time", "Keep one of the two")
            world.correlations[pair] = block.rank
            world.written.setdefault("correlations", []).append({"between": list(block.between), "rank": block.rank})
    try:
        check_correlations(world.correlations)
    except ValueError as error:
        report.add(path, str(error), "Bring the ranks closer to 0")


def _known_pair(report: Report, path: tuple[str | int, ...], block: Correlation, names: list[str]) -> bool:
    unknown = [index for index, name in enumerate(block.between) if name not in names]
    for index in unknown:
        name = block.between[index]
        report.add((*path, index), f"unknown parameter {shown(name)}", "Name a parameter", name, names)
    if block.between[0] == block.between[1]:
        report.add(path, "a parameter cannot correlate with itself", "Name two parameters")
        return False
    return not unknown
