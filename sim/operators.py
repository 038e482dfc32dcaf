# ruff: noqa: E501 - a table reads better with a row a line
"""Observation operators: from what a run records to what a source publishes.

There is one latent world and many measures of it. A source sees part of the market, in its own unit, with its own
selection; an operator says how. What an operator assumes beyond the model is a parameter `observation.*` in
parameters.csv, shared by the operators of one source. Specification: docs/targets.md.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sim.arrays import Array
from sim.measures import CATALOGUE, LEVELS

if TYPE_CHECKING:
    from sim.monthly import Monthly

Scale = Literal["logit", "log", "linear"]
EDGE = 1e-4
"""Shares this near to 0 or 1 count as this near on the logit scale: no source resolves less."""
FLOOR = 1e-9
FEW = 0.01
"""Stock of derivatives that a lab always has, index: a hundredth of that of a lab that serves all open use for a month."""
WINDOW = 24
"""Months over which yearly growth of training runs is taken; sources fit trends over years."""
RIPE, OLD = 12, 30
"""Ages in months of the capability levels whose price fall counts."""


@dataclass(frozen=True)
class Operator:
    """How one published series comes out of a run.

    `scale`: where errors are about normal. `market`: the source's population. `coverage`: what it sees of the model's
    world, and what it does not. `columns`: the record's columns it reads. `formula` (record) -> (runs, months).
    """

    name: str
    phrase: str
    unit: str
    scale: Scale
    market: str
    coverage: str
    grade: str
    columns: tuple[str, ...]
    formula: "Callable[[Monthly], Array]"


def observe(record: "Monthly", name: str) -> Array:
    """Return the series of an operator, (runs, months); NaN in months in which a run does not have it.

    Raises KeyError for a name that is no operator, NotMeasured where its columns are not on record.
    """
    return OPERATORS[name].formula(record)


def measures_for(names: Iterable[str] | None = None) -> list[str]:
    """Return the measures of the catalogue that operators read (all of them by default), in catalogue order."""
    wanted = OPERATORS if names is None else names
    found = {column.partition(".")[0] for name in wanted for column in OPERATORS[name].columns}
    return [name for name in CATALOGUE if name in found]


def transform(values: Array, scale: Scale) -> Array:
    """Return values on the scale on which errors are about normal: log odds, logs, or as they are."""
    if scale == "logit":
        inside = np.clip(values, EDGE, 1.0 - EDGE)
        odds: Array = np.log(inside) - np.log1p(-inside)
        return odds
    return np.log(np.maximum(values, FLOOR)) if scale == "log" else np.asarray(values, dtype=np.float64)


def untransform(values: Array, scale: Scale) -> Array:
    """Return the inverse of `transform`."""
    if scale == "logit":
        share: Array = 1.0 / (1.0 + np.exp(-np.clip(values, -700.0, 700.0)))
        return share
    return np.exp(np.clip(values, -700.0, 700.0)) if scale == "log" else np.asarray(values, dtype=np.float64)


def _plain(column: str, factor: float = 1.0) -> "Callable[[Monthly], Array]":
    """The series of a column, times a factor of units."""

    def formula(record: "Monthly") -> Array:
        return factor * record.series(column)

    return formula


def _ratio_of_stocks(above: str, below: str) -> "Callable[[Monthly], Array]":
    """The ratio of two stocks, each with a little on top: a lab without derivatives does not make it endless."""

    def formula(record: "Monthly") -> Array:
        return (record.series(above) + FEW) / (record.series(below) + FEW)

    return formula


def _ratio_of(above: str, below: str) -> "Callable[[Monthly], Array]":
    def formula(record: "Monthly") -> Array:
        return record.series(f"{above}/{below}")

    return formula


def _at_release(frontier: str, lag: str) -> "Callable[[Monthly], Array]":
    """The lag at the follower's latest release that set a record: sources state lags at releases, not between them."""

    def formula(record: "Monthly") -> Array:
        level, lags = record.series(frontier), record.series(lag)
        newest = np.diff(level, axis=1, prepend=-np.inf) > 0.0
        months = np.where(newest, np.arange(level.shape[1]), 0)
        latest = np.maximum.accumulate(months, axis=1)
        return np.take_along_axis(lags, latest, axis=1)

    return formula


def _yearly_growth(column: str) -> "Callable[[Monthly], Array]":
    """The factor a year over the last two years, or since the start of the record where that is nearer."""

    def formula(record: "Monthly") -> Array:
        level = np.log(np.maximum(record.series(column), FLOOR))
        places = np.arange(level.shape[1])
        back = np.maximum(places - WINDOW, 0)
        years = np.maximum(places - back, 1) / 12.0
        growth: Array = np.exp((level - level[:, back]) / years)
        return growth

    return formula


def _price_decline(record: "Monthly") -> Array:
    """The factor a year by which the lowest price at a capability level has fallen since it was first reached.

    The median over levels reached `RIPE` to `OLD` months ago; where there are none, the level reached last among those
    that are older, else the oldest of all that have been reached.
    """
    price = np.stack([record.series(column) for column in _PRICES], axis=2)
    runs, months, levels = price.shape
    reached = np.isfinite(price) & (price > 0.0)
    first = np.where(reached.any(axis=1), reached.argmax(axis=1), months)
    start = np.take_along_axis(price, np.minimum(first, months - 1)[:, np.newaxis, :], axis=1)[:, 0]
    ln_start = np.log(np.where(np.isfinite(start) & (start > 0.0), start, 1.0))
    decline = np.full((runs, months), np.nan)
    for month in range(months):
        age = month - first
        known = age >= 1
        years = np.maximum(age, 1) / 12.0
        fall = (ln_start - np.log(np.where(known, price[:, month], 1.0))) / years
        ripe = known & (age >= RIPE) & (age <= OLD)
        other = np.where(known & (age > OLD), age, levels * months)
        fallback = known & (other == other.min(axis=1, keepdims=True)) & (age > OLD)
        oldest = known & (age == np.where(known, age, -1).max(axis=1, keepdims=True))
        some = np.where(ripe.any(axis=1, keepdims=True), ripe, fallback)
        used = np.where(some.any(axis=1, keepdims=True), some, oldest)
        decline[:, month] = np.exp(_masked_median(fall, used))
    return decline


def _masked_median(values: Array, used: Array) -> Array:
    """Median over the second axis of the entries that are `used`, NaN where none is."""
    ordered = np.sort(np.where(used, values, np.inf), axis=1)
    count = used.sum(axis=1)
    rows = np.arange(len(values))
    low, high = ordered[rows, np.maximum(count - 1, 0) // 2], ordered[rows, np.maximum(count, 1) // 2]
    middle: Array = np.where(count > 0, 0.5 * (np.where(count > 0, low, 0.0) + np.where(count > 0, high, 0.0)), np.nan)
    return middle


_PRICES = tuple(f"price_fixed_capability.{level}" for level in LEVELS)
_HELD = ("compute_inflow.legal", "compute_inflow.domestic")
_OR = "OpenRouter, tokens and spending of an API aggregator outside China"
_OR_SEES = (
    "startups outside China, mixed with hobby and research users; small, price-sensitive and early; no first-party APIs"
)
_WEB, _WEB_SEES = (
    "Similarweb visits to assistants",
    "consumers by users; the web alone, no apps; China with a small weight",
)
_MENLO, _MENLO_SEES = "Menlo Ventures survey of US enterprises", "enterprise communities of the US, by spending"
_ECI, _EPOCH = "Epoch Capabilities Index", "Epoch AI chip counts"
_STOCK_SEES = "all chips shipped since 2022, nothing retired; smuggled chips left out"
_RUNS, _RUNS_SEES = "Epoch AI notable models", "the largest run of the bloc; trend over two years"
_REVENUE_SEES = "revenue from models at the month's rate, times twelve; no other business of the firm"

_ROWS = (
    Operator("openrouter_cn_token_share", "Chinese share of an aggregator's tokens", "share", "logit", _OR, _OR_SEES, "proxy", ("aggregator_token_share.CN",), _plain("aggregator_token_share.CN")),
    Operator("openrouter_open_token_share", "open models' share of an aggregator's tokens", "share", "logit", _OR, _OR_SEES, "proxy", ("aggregator_token_share.open",), _plain("aggregator_token_share.open")),
    Operator("openrouter_cn_dollar_share", "Chinese share of an aggregator's spending", "share", "logit", _OR, _OR_SEES, "proxy", ("aggregator_revenue_share.CN",), _plain("aggregator_revenue_share.CN")),
    Operator("openrouter_open_dollar_share", "open models' share of an aggregator's spending", "share", "logit", _OR, _OR_SEES, "proxy", ("aggregator_revenue_share.open",), _plain("aggregator_revenue_share.open")),
    Operator("hub_cn_download_share", "Chinese share of a model hub's downloads", "share", "logit", "Hugging Face Hub downloads", "hobby and research users outside China, open models; two thirds of downloads belong to others and are a fixed share", "proxy", ("hub_download_share.CN",), _plain("hub_download_share.CN")),
    Operator("derivatives_qwen_over_llama", "models derived from Qwen over those from Llama", "ratio", "log", "Hugging Face derivatives", "stock of use of a lab's open models by developers, to the power of attachment; automated copies count in the source", "proxy", ("derivatives.AlibabaQwen", "derivatives.Meta"), _ratio_of_stocks("derivatives.AlibabaQwen", "derivatives.Meta")),
    Operator("enterprise_openai_share", "OpenAI's share of US enterprise spending on models", "share", "logit", _MENLO, _MENLO_SEES, "measured", ("enterprise_share.OpenAI",), _plain("enterprise_share.OpenAI")),
    Operator("enterprise_anthropic_share", "Anthropic's share of US enterprise spending on models", "share", "logit", _MENLO, _MENLO_SEES, "measured", ("enterprise_share.Anthropic",), _plain("enterprise_share.Anthropic")),
    Operator("web_chatgpt_share", "ChatGPT's share of visits to assistants", "share", "logit", _WEB, _WEB_SEES, "proxy", ("web_share.OpenAI",), _plain("web_share.OpenAI")),
    Operator("web_gemini_share", "Gemini's share of visits to assistants", "share", "logit", _WEB, _WEB_SEES, "proxy", ("web_share.GoogleDeepMind",), _plain("web_share.GoogleDeepMind")),
    Operator("web_deepseek_share", "DeepSeek's share of visits to assistants", "share", "logit", _WEB, _WEB_SEES, "proxy", ("web_share.DeepSeek",), _plain("web_share.DeepSeek")),
    Operator("cn_us_lag_months", "lag of the Chinese frontier behind the US one", "months", "linear", _ECI, "lag at the latest Chinese release that set a record, no ties", "measured", ("frontier_capability.CN", "gap_months.CN"), _at_release("frontier_capability.CN", "gap_months.CN")),
    Operator("open_closed_lag_months", "lag of open models behind the US frontier", "months", "linear", _ECI, "lag at the latest open release that set a record, no ties", "measured", ("frontier_capability.open", "gap_months.open"), _at_release("frontier_capability.open", "gap_months.open")),
    Operator("frontier_eci", "capability of the world's frontier", "ECI", "linear", _ECI, "best released model so far", "measured", ("frontier_capability.world",), _plain("frontier_capability.world")),
    Operator("world_compute_h100e", "the world's stock of AI compute", "H100e", "log", _EPOCH, "all chips shipped since 2022, nothing retired", "measured", ("compute_inflow.world",), _plain("stock:compute_inflow.world")),
    Operator("cn_compute_share", "China's share of the world's stock of AI compute", "share", "logit", _EPOCH, _STOCK_SEES, "measured", (*_HELD, "compute_inflow.world"), _ratio_of("stock:" + "+".join(_HELD), "stock:compute_inflow.world")),
    Operator("cn_nvidia_stock_share", "China's legal slice of the NVIDIA stock", "share", "logit", "Epoch AI chip sales", "legal sales since 2022 over NVIDIA's output since 2022", "measured", ("legal_share_stock",), _plain("legal_share_stock")),
    Operator("cn_inflow_legal_h100e", "legal chip inflow to China", "H100e per month", "log", "Epoch AI chip sales", "NVIDIA and AMD chips sold under the rules; the source has fiscal quarters", "measured", ("compute_inflow.legal",), _plain("compute_inflow.legal")),
    Operator("cn_inflow_smuggled_h100e", "smuggled chip inflow to China", "H100e per month", "log", "Epoch AI smuggling estimate", "barred chips that reach China; contested by a factor of three", "proxy", ("compute_inflow.smuggled",), _plain("compute_inflow.smuggled")),
    Operator("cn_inflow_domestic_h100e", "domestic chip inflow in China", "H100e per month", "log", _EPOCH, "Ascend and Cambricon", "proxy", ("compute_inflow.domestic",), _plain("compute_inflow.domestic")),
    Operator("nvidia_output_h100e", "NVIDIA's output of AI compute", "H100e per month", "log", "Epoch AI chip counts", "all data-centre chips", "measured", ("main_vendor_output",), _plain("main_vendor_output")),
    Operator("cn_chip_price_premium", "grey-market price of barred chips in China over the US list price", "ratio", "log", "press and dealer quotes", "the marginal barred chip; the average over all channels is the clearing premium itself", "proxy", ("grey_price_ratio",), _plain("grey_price_ratio")),
    Operator("leakage_rate", "smuggled share of NVIDIA's output", "share", "logit", "Epoch AI smuggling estimate", "smuggled over NVIDIA's output of the month", "proxy", ("leakage_rate",), _plain("leakage_rate")),
    Operator("price_fixed_capability_decline", "yearly fall of the lowest price at a fixed capability", "factor a year", "log", "Epoch AI inference prices", "median over capability levels reached one to two and a half years ago, list prices, small siblings included", "proxy", _PRICES, _price_decline),
    Operator("frontier_training_compute_growth", "yearly growth of the largest US training run", "factor a year", "log", _RUNS, _RUNS_SEES, "measured", ("training_compute.US",), _yearly_growth("training_compute.US")),
    Operator("cn_training_compute_growth", "yearly growth of the largest Chinese training run", "factor a year", "log", _RUNS, _RUNS_SEES, "measured", ("training_compute.CN",), _yearly_growth("training_compute.CN")),
    Operator("final_run_share_of_rnd", "final runs' share of compute for research and development", "share", "logit", "Epoch AI and listing prospectuses", "US labs of the model; the sources are OpenAI, MiniMax and Zhipu", "proxy", ("final_run_share.US",), _plain("final_run_share.US")),
    Operator("training_cost_growth", "yearly growth of the cost of the largest US training run", "factor a year", "log", "Cottier and others 2024", "rental price of the run; trend over two years", "measured", ("training_cost.US",), _yearly_growth("training_cost.US")),
    Operator("revenue_run_rate_openai", "OpenAI's revenue run rate", "M$ per year", "log", "press and company statements", _REVENUE_SEES, "proxy", ("lab_revenue.OpenAI",), _plain("lab_revenue.OpenAI", 12.0)),
    Operator("revenue_run_rate_anthropic", "Anthropic's revenue run rate", "M$ per year", "log", "press and company statements", _REVENUE_SEES, "proxy", ("lab_revenue.Anthropic",), _plain("lab_revenue.Anthropic", 12.0)),
    Operator("revenue_run_rate_zhipu", "Zhipu's revenue run rate", "M$ per year", "log", "listing prospectus", "the source counts on-premise projects as well, which the model does not have", "proxy", ("lab_revenue.Zhipu",), _plain("lab_revenue.Zhipu", 12.0)),
)  # fmt: skip

OPERATORS: Mapping[str, Operator] = {row.name: row for row in _ROWS}
"""Every operator by name."""
