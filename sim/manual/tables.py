"""The data dictionary: every column of every table of `scenarios/data`, from the schemas that check them."""

import math

from sim.data import SCHEMAS, Column
from sim.manual.markdown import code, page, table

INTRODUCTION = (
    "Every column of every table in `scenarios/data`. The tables are checked against these schemas whenever they are "
    "read; a file with anything wrong is refused with a list of all problems. Months are `YYYY-MM` (2022-01 is month "
    "0), days `YYYY-MM-DD`, shares 0 to 1, money nominal USD, compute H100e (one NVIDIA H100 at dense 8-bit work). "
    "What was chosen where sources disagree is in `scenarios/data/README.md`."
)
ROWS = {
    "labs": "A lab.",
    "governments": "A government.",
    "blocs": "A bloc of governments and labs.",
    "communities": "A community of users: a region and a segment.",
    "access": "A block or a ban on models of an origin in a region, with its dates.",
    "chips": "A chip.",
    "controls": "A dated change of a lever by a government.",
    "world_supply": "A month of world chip output and its price.",
    "paths": "A point of a series over time; a series is linear between its points and flat outside them.",
    "observed": "An observed value, which charts lay over the runs.",
    "targets": "A stylised fact that a run is held against.",
    "parameters": "An uncertain number, or one that could be argued about.",
    "levers": "A policy lever or a dial.",
}
"""What one row is."""
SHARED = {
    "source": "where the number comes from",
    "grade": "measured: published, at most rounded or converted; proxy: derived from something near; judgement: ours",
    "note": "what a reader should know of the row",
    "unit": "unit of the number",
    "phrase": "what it is, in words",
}
"""Columns that mean the same wherever they stand."""
MEANINGS: dict[str, dict[str, str]] = {
    "labs": {
        "lab": "name, as in `token_share.DeepSeek`",
        "bloc": "bloc whose chips it uses",
        "government": "government whose rules it is under",
        "entry": "first month in which it acts",
        "compute_start": "compute in use at entry",
        "compute_2023": "compute in use at the end of 2023",
        "compute_2024": "compute in use at the end of 2024",
        "compute_2025": "compute in use at the end of 2025; a scenario may call it `compute_owned`",
        "researchers_start": "research staff at entry, for comparison only",
        "researchers_2025": "research staff at the end of 2025, for comparison only",
        "algorithmic_position": "own know-how at entry, against the best lab",
        "lab_effect": "what compute and know-how do not explain, for good",
        "stance_start": "what it publishes at entry",
        "complement_value": "what use of its models is worth to the rest of the firm",
        "open_culture": "taste for publishing that other motives do not give",
        "final_run_share": "part of final runs in compute for research and training",
        "coding_fit": "fit of its models to coding",
        "brand_enterprise": "brand among firms",
        "brand_developer": "brand among startups and hobby users",
        "brand_consumer": "brand among consumers",
        "consumer_consideration": "consumers who know its assistant at entry",
    },
    "governments": {
        "government": "name, as under `policies:`",
        "bloc": "bloc to which its levers apply",
        "role": "what it holds in the chip chain",
        "hawkishness_start": "first state of its politics; read when governments react",
    },
    "blocs": {
        "bloc": "name",
        "pre_2022_stock": "chips owned before 2022",
        "rest_supply_share": "part of the world's chips that do not go to China",
        "energy_gw_2025": "power for AI at the end of 2025",
        "energy_gw_per_year": "planned addition of power a year",
        "wage_research": "wage of a researcher in 2022-01",
    },
    "communities": {
        "region": "where the users are",
        "segment": "what kind of users they are",
        "spend_share_2025": "part of the world's spending at the end of 2025",
        "users_2025": "people or seats at the end of 2025",
        "users_2022": "people or seats at the start",
        "launch": "month after which users arrive",
        "bass_innovation": "rate of arrival by oneself",
        "bass_imitation": "rate of arrival through others",
        "taste_US": "taste for US models",
        "taste_CN": "taste for Chinese models",
        "taste_EU": "taste for European models",
        "taste_OTHER": "taste for models from elsewhere",
        "consideration_US": "users who consider US models at the start",
        "consideration_CN": "users who consider Chinese models at the start",
        "consideration_EU": "users who consider European models at the start",
        "consideration_OTHER": "users who consider models from elsewhere at the start",
    },
    "access": {
        "from": "first month",
        "until": "last month; empty: it stays",
        "region": "where it applies",
        "segment": "to whom it applies",
        "origin": "bloc of the models concerned",
        "scope": "closed models, open models or all",
        "utility": "what it adds to the weight of the models in choice",
    },
    "chips": {
        "chip": "name",
        "vendor": "who sells it",
        "vendor_bloc": "bloc of the vendor",
        "release": "first month on sale",
        "role": "part it plays in the market",
        "tpp": "total processing performance, as the rules count it",
        "performance_density": "the same per area of the die",
        "interconnect_gbs": "speed of the link to other chips",
        "memory_bandwidth_gbs": "bandwidth of its memory",
        "h100e": "work it does",
        "price_usd": "price",
    },
    "controls": {
        "date": "when it takes effect",
        "announced": "when it was known",
        "until": "last day; empty: to the next change",
        "government": "who sets it",
        "lever": "a name of levers.csv",
        "value": "setting of the lever",
        "description": "what was done",
    },
    "world_supply": {
        "month": "month",
        "nvidia_h100e": "output of NVIDIA",
        "other_h100e": "output of other vendors",
        "price_usd_per_h100e": "list price",
    },
    "paths": {"series": "name of the series", "month": "month of the point", "value": "value at the point"},
    "observed": {
        "month": "month of the observation",
        "measure": "a measure of the catalogue",
        "entity": "lab, bloc or other entity; empty where the measure has none",
        "value": "what was observed",
        "low": "lower end of the source's interval",
        "high": "upper end of the source's interval",
        "market": "what exactly was measured, and by whom",
    },
    "targets": {
        "fact": "code of the fact",
        "part": "which number of the fact",
        "formula": "how a run states it",
        "operator": "observation operator behind it, where there is one",
        "date": "last month that the formula reads",
        "observed": "what was observed",
        "low": "lower end of the band",
        "high": "upper end of the band",
        "scale": "scale on which errors add up",
        "error": "standard error of the observation, on the scale",
        "discrepancy": "what the model is expected to miss by, on the scale",
        "role": "put in, fitted, held out of the fit, or not stated by a run",
        "minimum": "1: among the facts that the model must meet",
    },
    "parameters": {
        "name": "name, as under `world:`",
        "central": "value in a central world",
        "dist": "shape of what is not known",
        "low": "5th percentile, or lower end",
        "high": "95th percentile, or upper end",
        "hard_min": "least value that is allowed",
        "hard_max": "largest value that is allowed",
        "changed_by": "evidence that would change it",
    },
    "levers": {
        "name": "name, as under `policies:`",
        "group": "group of levers",
        "holders": "governments that may set it",
        "default": "setting where nobody sets it",
        "low": "least setting",
        "high": "largest setting",
        "weak": "setting of the effort level `weak`",
        "moderate": "setting of `moderate`",
        "strong": "setting of `strong`",
        "maximal": "setting of `maximal`",
        "kind": "threshold, share, switch or amount",
    },
}
"""What a column means, by table."""


def dictionary_page() -> str:
    """Return the page of all tables. Raises KeyError for a column without a meaning."""
    body: list[str] = []
    for name, schema in SCHEMAS.items():
        key = ", ".join(code(column) for column in schema.key)
        rows = [(code(column), _kind(spec), spec.unit, _bounds(spec), meaning(name, column))
                for column, spec in schema.columns.items()]  # fmt: skip
        body += [f"## {name}.csv", "", f"{ROWS[name]} A row is named by {key}.", ""]
        body += [*table(("column", "kind", "unit", "bounds", "meaning"), rows), ""]
    return page("Data dictionary", INTRODUCTION, body)


def meaning(name: str, column: str) -> str:
    """Return what a column of a table means. Raises KeyError."""
    return MEANINGS[name].get(column) or SHARED[column]


def _kind(spec: Column) -> str:
    kind = ", ".join(code(choice) for choice in spec.choices) if spec.choices else spec.kind
    return kind + (", may be empty" if spec.optional else "")


def _bounds(spec: Column) -> str:
    if spec.latest:
        return f"to {spec.latest}"
    if spec.infinite:
        return "may be `inf`" if math.isinf(spec.low) else f"from {spec.low:g}; may be `inf`"
    if math.isinf(spec.low) and math.isinf(spec.high):
        return ""
    return f"{spec.low:g} to {spec.high:g}" if math.isfinite(spec.high) else f"from {spec.low:g}"
