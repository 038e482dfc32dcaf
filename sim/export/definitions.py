"""Definitions of every variable and region, as nomenclature reads them, and the table from columns to variables."""

from collections.abc import Iterator, Mapping
from typing import Any

from sim.export.variables import (
    DIFFERENCE,
    LEVELS,
    QUANTILES,
    REGION_WORDS,
    WORLD,
    Variable,
    variable_of,
)
from sim.measures import columns

MAPPING_HEADER = ("column", "variable", "region", "unit", "factor", "description")
TAG = "Quantile"
_SHARE_WORDS = {"p05": "5%", "p25": "25%", "p75": "75%", "p95": "95%"}


def all_variables() -> list[Variable]:
    """Return the variable of every column that a record can have, in the order of the catalogue."""
    return [variable_of(column) for column in columns()]


def mapping_rows() -> list[list[object]]:
    """Return a header and a row for each column: its variable without the quantile, region, unit, factor and words."""
    rows: list[list[object]] = [list(MAPPING_HEADER)]
    rows += [[one.column, one.name, one.region, one.unit, one.factor, one.words] for one in all_variables()]
    return rows


def definition_files() -> dict[str, str]:
    """Return the YAML files by name: code lists of variables, with a tag for the quantile, and of regions."""
    regions = [name for name in REGION_WORDS if name != WORLD]
    return {
        "nomenclature.yaml": _yaml({"time-domain": {"year": True, "datetime": True}}),
        "definitions/variable/variables.yaml": _yaml(list(_variables())),
        f"definitions/variable/tag_{TAG.lower()}.yaml": _yaml([{TAG: [{QUANTILES[x]: _level(x)} for x in LEVELS]}]),
        "definitions/region/regions.yaml": _yaml([
            {"common": [{WORLD: {"description": _legal(REGION_WORDS[WORLD])}}]},
            {"darkhorse": [{name: {"description": _legal(REGION_WORDS[name])}} for name in regions]},
        ]),
    }  # fmt: skip


def _variables() -> Iterator[Mapping[str, Any]]:
    """Entries of the code list; a variable that several regions have stands once."""
    once = {one.name: one for one in all_variables()}
    for name, one in once.items():
        yield {f"{name}|{{{TAG}}}": {"description": _legal(one.words), "unit": one.unit}}
    for name, one in once.items():
        words = f"Paired difference, run by run, from the scenario named in the meta data. {one.words}"
        yield {f"{DIFFERENCE}|{name}|{{{TAG}}}": {"description": _legal(words), "unit": one.difference_unit}}


def _legal(words: str) -> str:
    """The words without the characters that nomenclature refuses."""
    return words.translate({ord(":"): ",", ord(";"): ",", ord('"'): "'"})


def _level(level: str) -> dict[str, str]:
    words = f"the value that {_SHARE_WORDS[level]} of the runs lie below" if level in _SHARE_WORDS else "the median"
    return {"description": f"Over the runs of the scenario, {words}"}


def _yaml(value: Any) -> str:
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, width=118, allow_unicode=True))
