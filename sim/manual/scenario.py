"""The page of the scenario schema: every key of every block, from the models that check scenario files."""

import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, WithJsonSchema
from pydantic_core import PydanticUndefined

from sim.manual.markdown import code, page, table
from sim.scenario_schema import (
    Channels,
    CommunityGraph,
    Correlation,
    Counterfactual,
    EventBlock,
    ExperimentBlock,
    Header,
    HorizonBlock,
    ModelBlock,
    OutputsBlock,
    Range,
    StepBlock,
)
from sim.scenario_specs import NAMED_SPECS
from sim.scenario_world import BASES

INTRODUCTION = (
    "Every key of a scenario file, with its type, default and meaning. The rules for merging, dates and distributions "
    "are in [scenario files](../scenario_files.md); names of levers are in [levers](../levers.md), names of parameters "
    "in [parameters](../parameters/README.md). `darkhorse schema` prints the JSON Schema for editors."
)
BLOCKS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("Top level", "", Header),
    ("model", "Under `model:`.", ModelBlock),
    ("model.channels", "Under `model: {channels: ...}`. Each is true or false.", Channels),
    ("model.community_graph", "Under `model: {community_graph: ...}`.", CommunityGraph),
    ("outputs", "Under `outputs:`.", OutputsBlock),
    ("counterfactual", "Under `counterfactual:`; darkhorse runs it beside the scenario.", Counterfactual),
    ("experiment", "Under `experiment:`; read by `darkhorse sweep` only.", ExperimentBlock),
    ("A range of an axis", "As a value under `experiment: {vary: ...}`, instead of a list.", Range),
    ("One value of a lever", "As the value of a lever under `policies: {GOVERNMENT: ...}`.", HorizonBlock),
    ("A dated step of a lever", "In a list of steps, as the value of a lever.", StepBlock),
    ("An event", "Under `world: {events: {reasoning_method: ...}}`.", EventBlock),
    ("A correlation", "In the list under `world: {correlations: ...}`.", Correlation),
)
WORDS = {
    "title": "one line for charts and lists",
    "storyline": "what happens and why, in prose",
    "sources": "where the assumptions come from",
    "extends": "a preset, or ./file.yaml inside this folder tree",
    "start": "first month; the data tables hold the state of 2022-01, so no other is allowed",
    "end": "last month, included",
    "seed": "names the luck: the same seed gives the same draws and chances",
    "model": "which mechanism or structural form is on",
    "outputs": "what is measured and drawn",
    "counterfactual": "the world that the scenario is compared with",
    "experiment": "what a sweep varies",
    "world": f"what is unknown: `base` ({', '.join(BASES)}), `fitted_to`, parameters, `events`, `correlations`",
    "policies": "what governments choose: a government, then its levers; or `dials`",
    "channels": "mechanisms that can be switched off one by one",
    "community_graph": "the seeded network between user communities",
    "family": "kind of random graph",
    "set": "dotted path: value",
    "level": "a named effort level instead of a value",
    "value": "a number in the unit of the lever, true or false, or none for no limit",
    "against": "bloc or blocs concerned",
    "source": "where the value comes from",
    "between": "two names of parameters",
    "rank": "rank correlation",
    "date": "when it happens",
    "lab": "where it happens",
    "from": "first value",
    "to": "last value",
    "draw_method": "how what is uncertain is sampled",
}
"""Meanings of keys whose models say nothing of them."""


def scenario_page() -> str:
    """Return the page of the schema."""
    body: list[str] = []
    for title, words, model in BLOCKS:
        body += [f"## {title}", "", *([words, ""] if words else []), *table(HEADER, _rows(model)), ""]
    return page("Scenario schema", INTRODUCTION, [*body, *_distributions()])


HEADER = ("key", "type", "default", "meaning")


def _rows(model: type[BaseModel]) -> Iterator[tuple[str, str, str, str]]:
    for name, field in model.model_fields.items():
        key = field.alias or name
        words = field.description or WORDS[key]
        limits = ", ".join(text for text in map(_limit, field.metadata) if text)
        kind = _dated(field.metadata) or type_words(field.annotation)
        kind += f" ({limits})" if limits else ""
        yield code(key), kind, _default(field), words


def type_words(annotation: Any) -> str:
    """Return a type as a reader of YAML would say it."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        return _dated(inner[1:]) or type_words(inner[0])
    if origin is Literal:
        return ", ".join(code(value) for value in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(type_words(part) for part in inner if part is not type(None))
    if origin is list:
        return f"list of {type_words(inner[0])}" if inner[0] is not Any else "list"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "block"
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "any"}
    return names.get(annotation, "mapping")


def _dated(rules: Sequence[Any]) -> str:
    """Text that must look like a date is a date."""
    schemas = [rule.json_schema for rule in rules if isinstance(rule, WithJsonSchema) and rule.json_schema]
    patterns = [schema["pattern"] for schema in schemas if "pattern" in schema]
    return ("month" if patterns[0].count("{2}") == 1 else "date") if patterns else ""


def _limit(rule: Any) -> str:
    """A bound of pydantic in signs."""
    for name, sign in (("ge", "from "), ("gt", "above "), ("le", "to "), ("lt", "below ")):
        if (value := getattr(rule, name, None)) is not None:
            return f"{sign}{value:g}" if isinstance(value, float) else f"{sign}{value}"
    return ""


def _default(field: Any) -> str:
    if field.default is PydanticUndefined:
        return "required"
    value = field.default
    if value is None or isinstance(value, BaseModel) or value == "":
        return ""
    if isinstance(value, bool):
        return code("true" if value else "false")
    return code(value) if value not in ([], {}) else "empty"


def _distributions() -> list[str]:
    """The distributions that a parameter may have, with their keys."""
    lines = ["## Distributions", "", "As the value of a parameter under `world:`.", ""]
    rows = []
    for name, model in NAMED_SPECS.items():
        keys = [key for key in model.model_fields if key != "dist"]
        rows.append((code(name), ", ".join(code(key) for key in keys)))
    return [*lines, *table(("dist", "keys"), rows)]
