"""The JSON Schema of scenario files, for editors: the pydantic models with the catalogues' names filled in."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from sim.policies import Lever
from sim.scenario_names import EVENTS, Catalogues, is_entry
from sim.scenario_schema import (
    Correlation,
    Counterfactual,
    EventBlock,
    ExperimentBlock,
    Header,
    HorizonBlock,
    StepBlock,
)
from sim.scenario_specs import NAMED_SPECS
from sim.scenario_world import BASES

Json = dict[str, Any]


def scenario_json_schema(catalogues: Catalogues) -> Json:
    """Return the JSON Schema (draft 2020-12) of a scenario file, with phrase and unit of every name."""
    models: list[type[BaseModel]] = [
        Header,
        Counterfactual,
        ExperimentBlock,
        StepBlock,
        HorizonBlock,
        Correlation,
        EventBlock,
    ]
    models += list(dict.fromkeys(NAMED_SPECS.values()))
    _, schema = models_json_schema([(model, "validation") for model in models], by_alias=True)
    definitions = schema["$defs"]
    header: Json = definitions.pop("Header")
    header["properties"] |= {
        "extends": {"type": "string", "description": "a preset, or ./file.yaml inside this folder tree"},
        "counterfactual": _or_null(_ref(Counterfactual)),
        "experiment": _or_null(_ref(ExperimentBlock)),
        "world": _world(catalogues),
        "policies": _policies(catalogues),
    }
    definitions["Distribution"] = {"anyOf": [_ref(model) for model in dict.fromkeys(NAMED_SPECS.values())]}
    definitions["EventBlock"]["properties"]["gain_eci"] = _number_or_distribution("capability gain in ECI points")
    header |= {"title": "darkhorse scenario", "$defs": definitions}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **header}


def _world(catalogues: Catalogues) -> Json:
    properties: Json = {
        "base": {"enum": [*BASES], "description": "what holds for parameters that are not listed"},
        "fitted_to": {
            "type": ["string", "null"],
            "description": "which fit: the last month of data that a shipped one has seen, or a CSV of draws",
        },
        "events": _closed(dict.fromkeys(EVENTS, _or_null(_ref(EventBlock)))),
        "correlations": {"type": "array", "items": _ref(Correlation)},
    }
    for name in sorted(catalogues.world_names):
        row = catalogues.parameters.get(name, {})
        if is_entry(name):
            properties[name] = {"type": ["string", "null"], "description": "month of entry (YYYY-MM), or never"}
        else:
            text = f"{row['phrase']} ({row['unit']}); centre {row['central']}" if row else "column of the data table"
            properties[name] = _number_or_distribution(text)
    return {"anyOf": [{"enum": [*BASES]}, _closed(properties), {"type": "null"}]}


def _policies(catalogues: Catalogues) -> Json:
    dials = {
        name: {"type": ["number", "null"], "minimum": 0, "maximum": 1, "description": catalogues.levers[name].phrase}
        for name in catalogues.dials
    }
    governments = {
        government: _or_null(
            _closed({name: _lever(catalogues.levers[name]) for name in catalogues.levers_of(government)})
        )
        for government in catalogues.governments
    }
    return _or_null(_closed({"dials": _or_null(_closed(dials)), **governments}))


def _lever(lever: Lever) -> Json:
    steps = {"type": "array", "items": _ref(StepBlock)}
    spliced = _closed({"keep_until": {"type": "string"}, "steps": steps}) | {"required": ["keep_until", "steps"]}
    default = "none" if lever.default == float("inf") else f"{lever.default:g}"
    levels = ", ".join(f"{level} {value:g}" for level, value in lever.levels.items())
    return {
        "description": f"{lever.phrase} ({lever.unit}; default {default}; {levels})",
        "anyOf": [steps, spliced, _ref(HorizonBlock), {"type": ["number", "boolean", "string", "null"]}],
    }


def _number_or_distribution(description: str) -> Json:
    return {"description": description, "anyOf": [{"type": ["number", "null"]}, {"$ref": "#/$defs/Distribution"}]}


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": f"#/$defs/{model.__name__}"}


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _closed(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "additionalProperties": False}
