"""Scenarios and catalogue rows in words: what is assumed, who does what and when, and what a file changes."""

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.calendar import month_label
from sim.distributions import Distribution
from sim.errors import InputError, Problem, nearest_name
from sim.places import SUFFIXES, preset_names
from sim.policies import Lever, Policy, Step

if TYPE_CHECKING:
    from sim.data import Row
    from sim.scenario import Scenario

WIDTH = 100
COLUMN = 32


def explain_scenario(scenario: "Scenario") -> str:
    """Return a scenario in prose, ending with a table of its differences from its parent, if it has one."""
    parts = [heading(scenario.title), _wrapped(scenario.storyline), _wrapped(_frame(scenario))]
    parts.append(_section("What is uncertain", _world(scenario)))
    parts.append(_section("Who does what", _policies(scenario)))
    parts.append(_section("Mechanisms", _mechanisms(scenario)))
    parts.append(_section("Sources", scenario.sources))
    if scenario.parents:
        name = scenario.parents[0].stem
        parts.append(f"{heading(f'Differences from {name}')}\n{_table(parent_differences(scenario), name)}")
    return "\n\n".join(part for part in parts if part)


def parent_differences(scenario: "Scenario") -> list[tuple[str, Any, Any]]:
    """Return (dotted path, value of the parent, value here) for all that a scenario sets otherwise than its parent."""
    from sim.scenario import differences, load_scenario

    return differences(load_scenario(scenario.parents[0]), scenario) if scenario.parents else []


def catalogue_row(name: str) -> dict[str, Any]:
    """Return the row of a parameter, number of a fit, lever, measure, operator or target; `catalogue` says which it is.

    The end of a name (`diverted_share`) is enough where it is unique. Raises InputError, with the nearest name, where
    no catalogue has it.
    """
    rows = _catalogues()
    ends = [full for full in rows if full.endswith(f".{name}")]
    if name in rows or len(ends) == 1:
        return rows[name if name in rows else ends[0]]
    known = [*preset_names(), *rows]
    tails = {full.rpartition(".")[2]: full for full in known}
    near = nearest_name(name, known) or tails.get(nearest_name(name, tails) or "")
    message = f"'{name}' could be {', '.join(ends)}" if ends else f"nothing is called '{name}'"
    remedy = "Give a scenario, or the name of a parameter, lever, measure, operator or target"
    raise InputError(Problem(message, nearest=None if ends else near, remedy=remedy))


def explain_row(row: Mapping[str, Any]) -> str:
    """Return a catalogue row as its phrase and one line for each column."""
    lines = [heading(f"{row['name']} ({row['catalogue']})"), _wrapped(f"{row['phrase']}."), ""]
    for column, value in row.items():
        if column not in ("name", "catalogue", "phrase") and value not in ("", None, ()):
            texts = [_point(point) for point in value] if column == "observed" and isinstance(value, list) else [value]
            for place, one in enumerate(texts):
                text = ", ".join(one) if isinstance(one, tuple) else _plain(one)
                first = f"{'' if place else column:<12} "
                lines.append(textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=" " * 13,
                                           break_on_hyphens=False, break_long_words=False))  # fmt: skip
    return "\n".join(lines)


def is_scenario(name: str) -> bool:
    """Whether a name is meant as a scenario: a preset, a path, or a file that exists."""
    path = Path(name)
    return name in preset_names() or path.suffix in SUFFIXES or len(path.parts) > 1 or path.is_file()


def _catalogues() -> dict[str, dict[str, Any]]:
    from sim.data import load_tables
    from sim.measures import CATALOGUE
    from sim.parameter_facts import numbers

    tables = load_tables()
    rows: dict[str, dict[str, Any]] = {}
    for name, number in numbers(tables).items():
        told = {column: value for column, value in vars(number).items() if column not in ("prior", "bounds")}
        rows[name] = {"catalogue": "fitted number", **told}
    for catalogue, table in (("parameter", tables.parameters), ("lever", tables.levers)):
        rows |= {str(row["name"]): {"catalogue": catalogue, **row} for row in table.rows}
    rows |= {name: {"catalogue": "measure", **vars(measure)} for name, measure in CATALOGUE.items()}
    for name, row in _operators(tables.targets.rows).items():
        both = {"catalogue": "measure and operator"} if name in rows else {}
        rows[name] = {**rows.get(name, {}), **row, **both}
    return rows | _targets(tables.targets.rows)


def _operators(targets: Sequence["Row"]) -> dict[str, dict[str, Any]]:
    """What each observation operator measures, with the observed points of its series."""
    from sim.operators import OPERATORS

    rows = {}
    for name, operator in OPERATORS.items():
        told = {column: value for column, value in vars(operator).items() if column != "formula"}
        told["phrase"] = operator.phrase[:1].upper() + operator.phrase[1:]
        observed = [dict(row) for row in targets if row["operator"] == name]
        rows[name] = {"catalogue": "operator", **told, "observed": observed or "no point of the series is on record"}
    return rows


def _targets(targets: Sequence["Row"]) -> dict[str, dict[str, Any]]:
    """Each stylised fact with all its parts."""
    rows: dict[str, dict[str, Any]] = {}
    for row in targets:
        fact = rows.setdefault(str(row["fact"]), {"catalogue": "target", "name": row["fact"], "observed": []})
        fact["observed"].append(dict(row))
    for fact in rows.values():
        parts = fact["observed"]
        fact["phrase"] = "; ".join(dict.fromkeys(str(part["phrase"]) for part in parts))
        fact["minimum set"] = "yes" if any(part["minimum"] for part in parts) else "no"
    return rows


def _point(row: Mapping[str, Any]) -> str:
    """One observed value with its 90% band, its date, and whether the calibration sees it."""
    band = f"{row['observed']:.4g} {row['unit']} (90% band {row['low']:.4g} to {row['high']:.4g})"
    return f"{row['fact']} {row['part']} [{row['date']}]: {band}, {row['role']}, {row['grade']}; {row['source']}"


def _frame(scenario: "Scenario") -> str:
    first, last = month_label(scenario.start), month_label(scenario.end)
    text = f"It plays {first} to {last} month by month, {scenario.runs} times, with seed {scenario.seed}."
    other = scenario.resolved().get("counterfactual")
    if not other:
        return f"{text} It has no counterfactual."
    changes = "; ".join(f"{path} = {shown(value)}" for path, value in other["set"].items())
    return f"{text} Beside it stands a counterfactual with the same draws and chance, '{other['title']}': {changes}."


def _world(scenario: "Scenario") -> Iterator[str]:
    drawn = sum(not spec.is_fixed for spec in scenario.world.values())
    fitted_to = scenario.resolved()["world"].get("fitted_to")
    words = {"prior": "their priors", "central": "their central values", "posterior": f"the fit to {fitted_to}"}
    base = words[scenario.base]
    yield (
        f"Parameters start from {base}; {drawn} of {len(scenario.world)} are drawn anew for every run, "
        "the others have one value."
    )
    for name in scenario.resolved()["world"]:
        if name in scenario.world:
            yield f"{name} is {distribution_words(scenario.world[name])}."
    for name, event in scenario.events.items():
        where = f"arrives in {month_label(event.month)} at {event.lab}"
        yield f"{name.replace('_', ' ')} {where} and gains {distribution_words(event.gain)} ECI points."
    for pair in scenario.correlations:
        yield f"{pair.first} and {pair.second} are drawn with a rank correlation of {pair.rank:g}."


def distribution_words(spec: Distribution) -> str:
    """Return a distribution in words."""
    if spec.kind == "sample":
        import numpy as np

        low, middle, high = (f"{level:.4g}" for level in spec.quantile(np.array([0.05, 0.5, 0.95])))
        return f"about {middle} (90% interval {low} to {high})"
    numbers = [f"{number:g}" for number in spec.numbers]
    if spec.kind == "fixed":
        return f"{numbers[0]} in every run"
    if spec.kind == "two_piece":
        return f"about {numbers[1]} (90% interval {numbers[0]} to {numbers[2]})"
    if spec.kind == "beta":
        return f"{numbers[0]} on average (standard deviation {numbers[1]}, from {numbers[2]} to {numbers[3]})"
    if spec.kind == "triangular":
        return f"most likely {numbers[1]}, from {numbers[0]} to {numbers[2]}"
    return f"anywhere from {numbers[0]} to {numbers[1]}" + (", even in logs" if spec.kind == "loguniform" else "")


def _policies(scenario: "Scenario") -> Iterator[str]:
    from sim.scenario_names import default_catalogues

    levers = default_catalogues().levers
    for dial, value in scenario.dials.items():
        if value != levers[dial].default:
            yield f"The dial {dial} stands at {value:g} (default {levers[dial].default:g}). {levers[dial].phrase}."
    for (government, name), policy in scenario.policies.items():
        lever = levers[name]
        yield f"{government} sets {name}{_against(policy)}: {_steps(lever, policy.steps)}. {lever.phrase}."


def _against(policy: Policy) -> str:
    return f" against {', '.join(policy.against)}" if policy.against else ""


def _steps(lever: Lever, steps: Sequence[Step]) -> str:
    return "; ".join(_step(lever, step) for step in steps) or f"{_amount(lever, lever.default)}, its default"


def _step(lever: Lever, step: Step) -> str:
    text = _amount(lever, step.value)
    text += f" from {step.start}" if step.start else " all along"
    text += f" until {step.until}" if step.until else ""
    text += f", in a line over {step.ramp} months" if step.ramp else ""
    known = step.announced is not None and step.announced != step.start
    return text + (f" (announced {step.announced})" if known else "")


def _amount(lever: Lever, value: float) -> str:
    if math.isinf(value):
        return "no limit"
    if lever.kind == "switch":
        return "on" if value else "off"
    return f"{value:g}" + ("" if lever.kind == "share" else f" {lever.unit}")


def _mechanisms(scenario: "Scenario") -> Iterator[str]:
    model = scenario.model
    for word, wanted in (("On", True), ("Off", False)):
        names = [name.replace("_", " ") for name, is_on in model.channels if is_on is wanted]
        yield f"{word}: {', '.join(names) or 'none'}."
    graph = model.community_graph
    yield (
        f"Governments are {model.governments}; pricing by {model.pricing.replace('_', ' ')}; scarce chips go by "
        f"{model.rationing}; communities are linked by a {graph.family.replace('_', '-')} graph."
    )


def _table(rows: Sequence[tuple[str, Any, Any]], parent: str) -> str:
    """Three columns: path, value in the parent, value here; long values are wrapped."""
    if not rows:
        return "None."
    cells = [("path", parent, "here"), *((path, shown(old), shown(new)) for path, old, new in rows)]
    lines = []
    for index, row in enumerate(cells):
        columns = [textwrap.wrap(text, COLUMN, break_on_hyphens=False) or [""] for text in row]
        for line in range(max(map(len, columns))):
            texts = [column[line] if line < len(column) else "" for column in columns]
            lines.append("  ".join(text.ljust(COLUMN) for text in texts).rstrip())
        if index == 0:
            lines.append("  ".join(["-" * COLUMN] * 3))
    return "\n".join(lines)


def shown(value: Any) -> str:
    """Return a value of a scenario on one line, dated steps as `date: value`."""
    if value is None:
        return "(absent)"
    if isinstance(value, list) and value and all(isinstance(item, dict) and "from" in item for item in value):
        return "; ".join(f"{item['from']}: {shown(item.get('value', item.get('level')))}" for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {shown(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value)
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _section(title: str, sentences: Iterator[str] | Sequence[str]) -> str:
    lines = [textwrap.fill(text, WIDTH, initial_indent="- ", subsequent_indent="  ") for text in sentences]
    return f"{heading(title)}\n" + "\n".join(lines) if lines else ""


def heading(text: str) -> str:
    """Return a title with a line under it."""
    return f"{text}\n{'=' * len(text)}"


def _wrapped(text: str) -> str:
    return "\n\n".join(textwrap.fill(part, WIDTH) for part in text.split("\n\n"))
