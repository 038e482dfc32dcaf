"""The axes of an experiment: which path of a scenario varies, over which values."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.errors import InputError, Problem
from sim.scenario_names import default_catalogues
from sim.scenario_report import Report, shown
from sim.scenario_schema import Range
from sim.yamlfile import node_of, parse_value


@dataclass(frozen=True)
class Axis:
    """A dotted path and its values; `low` and `high` where these come from a range. `label` is the path as given."""

    path: str
    label: str
    values: tuple[Any, ...]
    low: float | None
    high: float | None
    unit: str
    phrase: str

    @property
    def is_numeric(self) -> bool:
        """Whether all values are numbers."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)

    def word(self, value: Any) -> str:
        """Return a value as text for tables, in YAML terms."""
        if isinstance(value, bool):
            return "true" if value else "false"
        return json.dumps(value) if isinstance(value, list | dict) else str(value)

    def read(self, text: str) -> Any:
        """Return the value of a cell of a table: a number, a text, or None where the scenario is as written."""
        if text == "":
            return None
        return float(text) if self.is_numeric else text

    def at(self, level: float) -> Any:
        """Return the value at a level in (0, 1) of a sampled design."""
        if self.low is not None and self.high is not None:
            return self.low + (self.high - self.low) * level
        return self.values[int(level * len(self.values))]


def make_axis(label: str, keys: Sequence[str], written: Any, is_grid: bool) -> Axis:
    """Return an axis from a list of values, or a mapping {from, to, count}.

    Raises ValueError with a sentence, InputError for keys that do not belong.
    """
    unit, phrase = _about(keys)
    path = ".".join(keys)
    if isinstance(written, list):
        if len({repr(value) for value in written}) < len(written):
            raise ValueError("a value is there twice")
        if not written:
            raise ValueError("the list is empty")
        return Axis(path, label, tuple(written), None, None, unit, phrase)
    if not isinstance(written, dict):
        raise ValueError(f"only lists and ranges sweep, not the single value {shown(written)}")
    report = Report(node_of(written, "--vary"))
    span = report.validate(Range, written, ())
    if span is None:
        raise InputError(report.problems)
    if not span.start < span.to:
        raise ValueError(f"the range ends ({span.to:g}) where it starts ({span.start:g}), or before")
    if is_grid and span.count is None:
        raise ValueError("a full grid needs the number of values")
    values = tuple(float(f"{value:.12g}") for value in np.linspace(span.start, span.to, span.count or 2))
    return Axis(path, label, values, span.start, span.to, unit, phrase)


def parse_axis(text: str) -> tuple[str, Any]:
    """Return path and values of `path=from:to:count`, `=from:to`, `=a,b,c` or `=[...]`. Raises InputError."""
    path, equals, values = text.partition("=")
    path, values = path.strip(), values.strip()
    if not equals or not values:
        raise _refuse(text, "it has no values")
    if values.startswith("["):
        return path, parse_value(values, "--vary").plain()
    if ":" in values:
        return path, _range(path, values)
    if "," not in values:
        raise _refuse(path, f"only lists and ranges sweep, not the single value {values}")
    return path, [parse_value(value.strip(), "--vary").plain() for value in values.split(",")]


def _range(path: str, values: str) -> dict[str, Any]:
    parts = values.split(":")
    try:
        numbers = [float(part) for part in parts[:2]]
        count = int(parts[2]) if len(parts) == 3 else None
    except ValueError:
        raise _refuse(path, f"{values} is no range") from None
    if len(parts) not in (2, 3) or not all(np.isfinite(numbers)) or (count is not None and count < 2):
        raise _refuse(path, f"{values} is no range")
    return {"from": numbers[0], "to": numbers[1], "count": count}


def _refuse(path: str, message: str) -> InputError:
    remedy = "Write path=from:to:count (two values or more) or path=a,b,c; --set changes a single value"
    return InputError(Problem(message, "--vary", path=path, remedy=remedy))


def _about(keys: Sequence[str]) -> tuple[str, str]:
    """Unit and phrase of what stands at a path, from the catalogues; empty where they have none."""
    catalogues = default_catalogues()
    lever = catalogues.levers.get(keys[-1]) if keys[0] == "policies" else None
    if lever is not None:
        return lever.unit, lever.phrase
    row = catalogues.parameters.get(keys[-1], {}) if keys[0] == "world" else {}
    return str(row.get("unit", "")), str(row.get("phrase", ""))
