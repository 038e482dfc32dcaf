"""Collects what is wrong with a scenario, each problem with the file and line of the node it is about."""

import re
import typing
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sim.errors import Problem, nearest_name
from sim.yamlfile import BROKEN, MAX_PROBLEMS, Node, dotted

M = TypeVar("M", bound=BaseModel)
Path = tuple[str | int, ...]

_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
}
_LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


class Report:
    """The problems of one scenario; `root` is the tree that paths refer to."""

    def __init__(self, root: Node, problems: Iterable[Problem] = ()) -> None:
        """Start with the problems that reading and merging found."""
        self.root = root
        self._problems = list(problems)

    @property
    def problems(self) -> list[Problem]:
        """Everything found, without repeats, by line within a file; long lists end in a count."""
        found = list(dict.fromkeys(self._problems))
        files = list(dict.fromkeys(problem.file for problem in found))
        found.sort(key=lambda problem: (files.index(problem.file), problem.line or 0))
        if len(found) > MAX_PROBLEMS:
            rest = Problem(f"and {len(found) - MAX_PROBLEMS} more problems", found[-1].file)
            return [*found[:MAX_PROBLEMS], rest]
        return found

    def add(self, path: Path, message: str, remedy: str, name: str = "", valid: Iterable[str] = ()) -> None:
        """Report a problem at `path`; `name` and `valid` give the nearest valid name. Silent where already reported."""
        node = self.root.locate(path)
        if node.value is BROKEN:
            return
        near = nearest_name(name, valid) if name and len(self._problems) < MAX_PROBLEMS else None
        self._problems.append(Problem(message, node.file, node.line, dotted(path) or None, near, remedy))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Take in problems found elsewhere."""
        self._problems.extend(problems)

    def validate(self, model: type[M], data: Any, path: Path) -> M | None:
        """Return `data`, found at `path`, as a model; None, with the problems reported, where it does not fit."""
        try:
            return model.model_validate(data)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self._add_detail(model, detail, path)
            return None

    def _add_detail(self, model: type[BaseModel], detail: ErrorDetails, path: Path) -> None:
        where = (*path, *detail["loc"])
        if detail["type"] == "extra_forbidden":
            self.unknown_key(where, field_names(_model_at(model, detail["loc"][:-1])))
        elif detail["type"] == "missing":
            key = str(where[-1])
            self.add(where[:-1], f"the key {key} is missing", f"Add `{key}:`")
        else:
            message, remedy, valid = _explained(detail)
            self.add(where, message, remedy, str(detail["input"]) if valid else "", valid)

    def unknown_key(self, path: Path, valid: Sequence[str], remedy: str | None = None) -> None:
        """Report a key that does not belong where it stands; `valid` are the keys that do."""
        key = str(path[-1])
        listed = f"Use one of {', '.join(valid)}" if len(valid) <= 20 else "`darkhorse schema` lists the names"
        self.add(path, "unknown key", remedy or listed, key, valid)


def field_names(model: type[BaseModel]) -> list[str]:
    """Return the keys of a model as they are written in a file."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(model: type[BaseModel], loc: Sequence[str | int]) -> type[BaseModel]:
    """Return the model of the block that `loc` leads to."""
    for step in loc:
        fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        inner = _inner_model(fields.get(str(step)))
        model = inner or model
    return model


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, BaseModel) else None
    found = (_inner_model(argument) for argument in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)


def _explained(detail: ErrorDetails) -> tuple[str, str, list[str]]:
    """Return message, remedy and, for a choice, the valid values of one pydantic error."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _WANTED:
        return f"it must be {_WANTED[kind]}, not {shown(detail['input'])}", f"Write {_WANTED[kind]}", []
    if kind == "literal_error":
        valid = re.findall(r"'([^']+)'", str(context["expected"])) or [str(context["expected"])]
        return f"it cannot be {shown(detail['input'])}", f"Write {' or '.join(valid)}", valid
    limits = [f"{_LIMITS[key]} {value:g}" for key, value in context.items() if key in _LIMITS]
    if limits:
        return f"{shown(detail['input'])} is out of range", f"Give a number {limits[0]}", []
    if kind == "string_pattern_mismatch":
        return f"{shown(detail['input'])} has characters that are not allowed", "Use letters, digits, _ and -", []
    if kind == "value_error":
        return str(context["error"]), "Correct it", []
    return detail["msg"], "Correct it", []


def shown(value: Any) -> str:
    """Return a value for a message: short, in YAML terms."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = {None: "null", True: "true", False: "false"}.get(value) if value is None or isinstance(value, bool) else None
    text = text or (f"'{value}'" if isinstance(value, str) else f"{value}")
    return text if len(text) <= 60 else text[:57] + "..."
