# ruff: noqa: E501 - a table reads better with a row a line
"""The catalogue of measures: what a run reports, in which unit, by which formula.

One row per measure; columns of a record are `measure.entity`, or the measure alone where it has no entity. They
are computed in `sim/measuring.py`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import Array

if TYPE_CHECKING:
    from sim.engine import Engine

LABS = (
    "OpenAI", "GoogleDeepMind", "Anthropic", "Meta", "xAI", "Microsoft", "Mistral", "DeepSeek", "AlibabaQwen",
    "ByteDance", "Moonshot", "Zhipu", "Tencent", "FringeUS", "FringeCN", "FringeOther",
)  # fmt: skip
BLOCS = ("US", "CN", "EU", "OTHER")
OPENNESS = ("open", "closed")
LEVELS = ("104", "110", "116", "122", "128", "134", "140", "146", "152", "158")


@dataclass(frozen=True)
class Measure:
    """One measure: `unit` and `phrase` for charts and tables, `formula` in words, `entities` (empty: one number)."""

    name: str
    unit: str
    phrase: str
    formula: str
    entities: tuple[str, ...] = ()
    group: str = "market"

    @property
    def columns(self) -> list[str]:
        """Column names of a record."""
        return [f"{self.name}.{entity}" for entity in self.entities] or [self.name]


_ALL = (*LABS, *BLOCS, *OPENNESS)
_ROWS = (
    Measure("token_share", "share of tokens", "share of all tokens used", "tokens of the entity's models / all tokens", _ALL),
    Measure("revenue_share", "share of spending", "share of all spending on models", "spending on the entity's models / all spending", _ALL),
    Measure("token_share_abroad", "share of tokens abroad", "share of tokens used outside the bloc that go to its models", "tokens of the models of a bloc, or of a lab of it, used outside it / all tokens used outside it", (*LABS, *BLOCS)),
    Measure("token_share_home", "share of tokens at home", "share of tokens used inside the bloc that go to its models", "tokens of the models of a bloc, or of a lab of it, used inside it / all tokens used inside it", (*LABS, *BLOCS)),
    Measure("revenue_share_abroad", "share of spending abroad", "share of spending outside the bloc that goes to its models", "spending on the models of a bloc, or of a lab of it, outside it / all spending outside it", (*LABS, *BLOCS)),
    Measure("revenue_share_home", "share of spending at home", "share of spending inside the bloc that goes to its models", "spending on the models of a bloc, or of a lab of it, inside it / all spending inside it", (*LABS, *BLOCS)),
    Measure("developer_token_share", "share of tokens", "share of tokens of API developers outside China", "startup communities outside CN: tokens of the entity / all", ("CN", "open", "US")),
    Measure("developer_revenue_share", "share of spending", "share of spending of API developers outside China", "startup communities outside CN: spending on the entity / all", ("CN", "open", "US")),
    Measure("aggregator_token_share", "share of tokens", "share of tokens on an API aggregator", "startups and hobby users outside CN, mixed by observation.aggregator_hobby_share: tokens of the entity / all", ("CN", "open", "US")),
    Measure("aggregator_revenue_share", "share of spending", "share of spending on an API aggregator", "the same mix: spending on the entity / all", ("CN", "open", "US")),
    Measure("enterprise_share", "share of spending", "share of US enterprise spending on models", "enterprise communities of region US", ("OpenAI", "Anthropic", "GoogleDeepMind", "CN", "open")),
    Measure("consumer_share", "share of users", "share of consumers outside China", "users times token share, consumer communities outside CN", ("OpenAI", "GoogleDeepMind", "DeepSeek")),
    Measure("web_share", "share of visits", "share of visits to assistants that web statistics see", "users times token share, consumer communities, those of CN with weight observation.web_china_weight", ("OpenAI", "GoogleDeepMind", "DeepSeek")),
    Measure("country_share", "share of use", "DeepSeek's share of consumers' use in a region", "tokens of DeepSeek / all, consumer community of the region", ("RU_BY", "US")),
    Measure("hub_share", "share of tokens", "share of self-hosted open models of US or Chinese origin", "hobby communities outside CN: open tokens of the bloc / open tokens of US and CN", ("CN", "US")),
    Measure("hub_download_share", "share of downloads", "share of all downloads from a model hub", "hub_share times observation.hub_known_share", ("CN", "US")),
    Measure("derivatives", "index", "models derived by others from a lab's open models", "ecosystem stock to the power observation.derivative_attachment", ("AlibabaQwen", "Meta", "DeepSeek")),
    Measure("lab_revenue", "M$ per month", "revenue of a lab from models", "closed spending plus the host fee on open spending", LABS),
    Measure("adoption", "million users", "people or seats that use models", "sum of users", ("world", *BLOCS)),
    Measure("market_spend", "M$ per month", "spending on model use", "sum of spending"),
    Measure("hhi", "index 0 to 1", "concentration of token use", "sum of squared token shares", ("labs", "blocs")),
    Measure("consumer_surplus", "M$ per month", "gain of users from the choice they have", "spending / price weight x log-sum of the choice (relative to the frontier of the month)"),
    Measure("blocked_market_share", "share of spending", "spending closed by masks and bans to a foreign origin", "spending-weighted share of tokens barred, largest over origins"),
    Measure("token_price", "USD per million tokens", "average price paid", "spending / tokens", OPENNESS),
    Measure("price_fixed_capability", "USD per million tokens", "lowest price at a fixed capability", "minimum over models and their small siblings", LEVELS),
    Measure("frontier_capability", "ECI", "best released capability so far", "running maximum of released capability", ("US", "CN", "EU", "OTHER", "open", "world"), "capability"),
    Measure("gap_months", "months", "lag behind the US frontier", "months since the US frontier first reached this level, linear between months", ("CN", "open"), "capability"),
    Measure("capability", "ECI", "best model on offer", "maximum of released capability", LABS, "capability"),
    Measure("release_open", "0 closed, 0.5 small, 1 open", "openness of a lab's stance", "0 closed, 0.5 small open model, 1 open flagship; 0 before entry", LABS, "capability"),
    Measure("algorithmic_efficiency", "ln units", "algorithmic know-how of the bloc's labs", "a1 + a2 + borrowed, mean over labs weighted by compute in use", BLOCS, "efficiency"),
    Measure("algorithmic_progress", "ln units per year", "own algorithmic progress", "12 x monthly gain, mean over labs weighted by research compute", BLOCS, "efficiency"),
    Measure("effective_compute", "ln units", "effective training compute of the bloc's best lab", "ln E of the lab with the largest ln E", BLOCS, "efficiency"),
    Measure("effective_compute_training", "ln units", "part of it from training compute", "ln T after the data limit", BLOCS, "efficiency"),
    Measure("effective_compute_own", "ln units", "part of it from own algorithms", "a1 + a2", BLOCS, "efficiency"),
    Measure("effective_compute_borrowed", "ln units", "part of it borrowed", "borrowed knowledge", BLOCS, "efficiency"),
    Measure("effective_compute_effect", "ln units", "part of it permanent to the lab", "lab effect", BLOCS, "efficiency"),
    Measure("efficiency_researchers", "FTE", "researchers on compute-light efficiency", "staff of labs in direction 1", BLOCS, "efficiency"),
    Measure("research_effort_share", "share of staff", "share of staff on compute-light efficiency", "direction 1 / all staff", BLOCS, "efficiency"),
    Measure("compute_owned", "H100e", "compute owned in the bloc", "stock without rented clouds", (*BLOCS, "world"), "compute"),
    Measure("compute_share", "share of compute", "share of world compute owned", "compute owned / world", BLOCS, "compute"),
    Measure("compute_inflow", "H100e per month", "chips reaching China by channel, and in all", "flows of the month; US and world are all channels", ("legal", "smuggled", "cloud", "domestic", "US", "world"), "compute"),
    Measure("compute_labs", "H100e", "compute in use by a lab", "training-quality compute used", LABS, "compute"),
    Measure("main_vendor_output", "H100e per month", "output of the sender's main vendor", "output after losses", (), "compute"),
    Measure("grey_price_ratio", "ratio to list price", "grey-market price of barred chips in China over the list price", "exp(observation.grey_price_exponent x scarcity premium)", (), "compute"),
    Measure("final_run_share", "share", "final runs in the compute of research and development", "compute of final runs / compute of training and experiments, labs of the bloc", ("US", "CN"), "compute"),
    Measure("legal_share_stock", "share", "China's legal slice of the main vendor's output so far", "cumulative legal inflow / cumulative output", (), "compute"),
    Measure("leakage_rate", "share", "smuggled share of the main vendor's output", "smuggled / output of the month", (), "compute"),
    Measure("self_reliance", "share", "domestic share of China's chip inflow", "domestic / (domestic + legal + smuggled)", (), "compute"),
    Measure("supplier_revenue_lost", "M$ per month", "chip sales to China that the sender's vendors lose", "list price x (desired less domestic less legal)", (), "compute"),
    Measure("scarcity_premium", "ln", "premium on compute", "clearing premium of the chip market; 0 outside China", BLOCS, "compute"),
    Measure("shadow_price", "ln", "labs' shadow price of compute over its list price", "mean over labs weighted by compute", BLOCS, "compute"),
    Measure("training_compute", "FLOP", "largest training run", "1.04e21 x largest running total", ("US", "CN"), "compute"),
    Measure("training_cost", "M$", "cost of the largest training run at list rental price", "largest running total x list rent", ("US", "CN"), "compute"),
)  # fmt: skip

CATALOGUE: dict[str, Measure] = {row.name: row for row in _ROWS}


def chosen(measures: list[str] | None = None) -> list[str]:
    """Return the names of these measures (all by default) in the order of the catalogue."""
    return [name for name in CATALOGUE if not measures or name in measures]


def columns(measures: list[str] | None = None) -> list[str]:
    """Return the column names of a record of these measures (all by default), in the order of the catalogue."""
    return [column for name in chosen(measures) for column in CATALOGUE[name].columns]


def record(engine: "Engine", measures: list[str] | None = None) -> Array:
    """Return this month's measures of an engine, (runs, columns); only those asked for are computed."""
    from sim.measuring import measure

    return np.concatenate(list(measure(engine, chosen(measures)).values()), axis=1)
