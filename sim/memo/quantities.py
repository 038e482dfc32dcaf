"""What is read from the arms of a setting: numbers run by run, most of them paired differences.

A quantity names the arms that it reads; it is computed in every setting that has them. Differences are treatment less
comparison. All months are those of the memo's story: V3 in December 2024, R1 in January 2025, the record's end in
December 2025, and a window from October 2023 (the second chip rule) to the end of the runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from sim.arrays import Array, Flags, Whole
from sim.memo.prices import PARTS
from sim.memo.reader import PLACEBO_LABS, SELLERS, series
from sim.memo.worlds import (
    CONTROLS,
    END,
    FILTERED,
    FRICTIONLESS,
    ISOLATED,
    NO_CHINA,
    NO_COMMUNITY,
    NONE,
    OCTOBER,
    UNFILTERED,
    UNTAUGHT,
    WITHHELD,
)
from sim.monthly import Monthly

Arms = Mapping[str, Monthly]

WINDOW = ("2023-10", END)
AT, V3, R1 = "2025-12", "2024-12", "2025-01"
PRICE = "price_at_level"
NEAR = 3.5
"""ECI points within which a model counts as near the frontier: what R1 was behind o1, with a margin."""
CUT = -float(np.log(0.8))
"""Fall of ln price over unit cost that counts as a price cut: a fifth."""
MONTHS_TO_ANSWER = 12
FIVE = {
    "effort": ("efficiency_researchers.CN", "ln", "researchers on compute-light efficiency"),
    "progress": ("progress_mean.CN", "ln units a year", "own algorithmic progress, mean over Chinese labs"),
    "frontier": ("frontier_capability.CN", "ECI", "best released Chinese model"),
    "tokens_abroad": ("token_share_abroad.CN", "share", "China's share of tokens abroad"),
    "revenue_abroad": ("revenue_share_abroad.CN", "share", "China's share of spending abroad"),
}
"""The five outcomes that are always shown side by side: column, unit of the difference, words."""
FIVE_MONTHS = (AT, END)
EARLY = ("efficiency_researchers.CN", "progress_mean.CN", "own_mean.CN", "frontier_capability.CN",
         "token_share_abroad.CN", "revenue_share_abroad.CN", "compute_owned.CN", "scarcity_premium.CN")  # fmt: skip
"""Columns in which nothing may differ before a rule could be felt."""
FIRST_RULE, SECOND_NEWS = "2022-09", "2023-07"
"""Last months before the rule of October 2022 binds, and before anything of the later rules is known or in force."""


@dataclass(frozen=True)
class Quantity:
    """A number for each run: `unit`, `phrase`, the `arms` that it reads, and how it is computed from them."""

    name: str
    unit: str
    phrase: str
    arms: tuple[str, ...]
    compute: Callable[[Arms], Array]


def at(arms: Arms, arm: str, column: str, month: str) -> Array:
    """Return a column of an arm in a month, (runs,)."""
    record = arms[arm]
    return record.series(column)[:, record.place(month)]


def mean(arms: Arms, arm: str, column: str, span: tuple[str, str]) -> Array:
    """Return the mean of a column of an arm over months, (runs,)."""
    average: Array = arms[arm].part(column, *span).mean(axis=1)
    return average


def change(
    column: str, month: str, arm: str = CONTROLS, against: str = NONE, log: bool = False
) -> Callable[[Arms], Array]:
    """Return the formula of a paired difference in a month, in logs where `log`."""

    def compute(arms: Arms) -> Array:
        values, others = at(arms, arm, column, month), at(arms, against, column, month)
        return ln(values) - ln(others) if log else values - others

    return compute


def mean_change(column: str, log: bool = False) -> Callable[[Arms], Array]:
    """Return the formula of a paired difference of means over the window, controls less none."""

    def compute(arms: Arms) -> Array:
        values, others = (arms[arm].part(column, *WINDOW) for arm in (CONTROLS, NONE))
        gap = ln(values) - ln(others) if log else values - others
        average: Array = gap.mean(axis=1)
        return average

    return compute


def ln(values: Array) -> Array:
    """Return the logarithm, NaN where a value is not above 0."""
    return np.where(values > 0.0, np.log(np.where(values > 0.0, values, 1.0)), np.nan)


def _cost_of_v3(arms: Arms, arm: str, who: str) -> Array:
    """Ln M$ at which `who` reaches, in the world of `arm`, what DeepSeek has at the date of V3 under the controls."""
    return at(arms, CONTROLS, "effective.DeepSeek", V3) + at(arms, arm, f"practice.{who}", V3)


def _final_run(arms: Arms) -> Array:
    return ln(at(arms, CONTROLS, "final_run.DeepSeek", V3))


def _programme(arms: Arms) -> Array:
    year = arms[CONTROLS].part("research_bill.DeepSeek", "2024-01", V3).sum(axis=1)
    ratio: Array = year / at(arms, CONTROLS, "final_run.DeepSeek", V3)
    return ratio


def _part(name: str, arm: str = CONTROLS) -> Callable[[Arms], Array]:
    return lambda arms: at(arms, arm, f"price_part.{name}", R1)


def _distance(who: str, arm: str) -> Callable[[Arms], Array]:
    """Least distance of a lab's best model from the US frontier in the first quarter of 2025, ECI."""

    def compute(arms: Arms) -> Array:
        span = (R1, "2025-03")
        ahead = arms[arm].part("frontier_capability.US", *span) - arms[arm].part(f"capability.{who}", *span)
        least: Array = ahead.min(axis=1)
        return least

    return compute


def _near(who: str, arm: str) -> Callable[[Arms], Array]:
    """1 where a lab has a model within `NEAR` of the US frontier at some time from 2024-12 to 2025-06, else 0."""

    def compute(arms: Arms) -> Array:
        span = (V3, "2025-06")
        ahead = arms[arm].part("frontier_capability.US", *span) - arms[arm].part(f"capability.{who}", *span)
        near: Flags = np.asarray((ahead <= NEAR).any(axis=1))
        return near.astype(np.float64)

    return compute


def _largest_early(arm: str, against: str, last: str) -> Callable[[Arms], Array]:
    """Largest absolute difference in any of `EARLY` in any month up to `last`."""

    def compute(arms: Arms) -> Array:
        ends = [series(arms[name], EARLY)[:, : arms[name].place(last) + 1] for name in (arm, against)]
        same = (ends[0] == ends[1]) | (np.isnan(ends[0]) & np.isnan(ends[1]))
        apart = np.where(same, 0.0, np.abs(np.where(same, 0.0, ends[0]) - np.where(same, 0.0, ends[1])))
        largest: Array = apart.max(axis=(1, 2))
        return largest

    return compute


def first_near(arms: Arms) -> Whole:
    """Return the month in which an open Chinese model first comes within half an order of magnitude of the frontier.

    Half of the points of a tenfold rise in effective compute; months of the record, or -1 where it never does, (runs,).
    """
    record = arms[CONTROLS]
    half: Array = 0.5 * np.log(10.0) / record.series("ln_per_eci")[:, :1]
    near = record.series("open_distance.CN") <= half
    return np.where(near.any(axis=1), near.argmax(axis=1), -1)


def responses(arms: Arms, arm: str) -> tuple[Array, Array]:
    """Return how many US labs answer within a year of `first_near`, and the lab-months until they do; both (runs,).

    An answer: a more open stance, or a price over unit cost that is a fifth lower, than in the month before.
    """
    record, start = arms[arm], first_near(arms)
    runs, months, before = np.arange(record.runs), len(record.months), np.maximum(start - 1, 0)
    answers, exposed = np.zeros(record.runs), np.zeros(record.runs)
    for lab in SELLERS:
        margin, stance = record.series(f"margin.{lab}"), record.series(f"release_open.{lab}")
        sells = (start >= 0) & np.isfinite(margin[runs, before]) & (start + MONTHS_TO_ANSWER < months)
        waiting = sells.copy()
        for step in range(MONTHS_TO_ANSWER):
            now = np.minimum(start + step, months - 1)
            cheaper = margin[runs, now] <= margin[runs, before] - CUT
            answer = waiting & (cheaper | (stance[runs, now] > stance[runs, before]))
            exposed += waiting
            answers += answer
            waiting &= ~answer
    return answers, exposed


def _hazard_gap(arms: Arms) -> Array:
    """Answers a lab-month, controls less withheld; NaN where no open Chinese model comes near in time."""
    rates = []
    for arm in (CONTROLS, WITHHELD):
        answers, exposed = responses(arms, arm)
        rates.append(np.where(exposed > 0.0, answers / np.maximum(exposed, 1.0), np.nan))
    return rates[0] - rates[1]


def _lost_surplus(arms: Arms) -> Array:
    gain = at(arms, FRICTIONLESS, "surplus.abroad", AT) - at(arms, CONTROLS, "surplus.abroad", AT)
    share: Array = gain / at(arms, CONTROLS, "spend.abroad", AT)
    return share


def _filter_loss(arms: Arms) -> Array:
    return ln(at(arms, FILTERED, "token_share_abroad.CN", AT)) - ln(at(arms, UNFILTERED, "token_share_abroad.CN", AT))


_PAIR = (CONTROLS, NONE)


def _rows() -> list[Quantity]:
    made = Quantity
    return [
        made("effort", "ln", "Chinese researchers on compute-light efficiency, mean of the window", _PAIR,
             mean_change("efficiency_researchers.CN", log=True)),
        made("direction", "share of staff", "share of Chinese staff on compute-light efficiency, mean of the window",
             _PAIR, mean_change("research_effort_share.CN")),
        made("own_stock", "ln", "own algorithmic stock a1 + a2, mean over Chinese labs", _PAIR,
             change("own_mean.CN", AT)),
        made("own_stock_later", "ln", "the same a year later", _PAIR, change("own_mean.CN", END)),
        made("own_progress", "ln a year", "own progress, mean over Chinese labs and the window", _PAIR,
             mean_change("progress_mean.CN")),
        made("effective", "ln", "effective training compute of China's best lab", _PAIR,
             change("effective_compute.CN", AT)),
        made("effective_later", "ln", "the same a year later", _PAIR, change("effective_compute.CN", END)),
        made("gap", "months", "China's lag behind the US frontier", _PAIR, change("gap_months.CN", AT)),
        made("compute", "ln", "compute owned in China", _PAIR, change("compute_owned.CN", AT, log=True)),
        made("premium", "ln", "scarcity premium in China", _PAIR, change("scarcity_premium.CN", AT)),
        *_cost_rows(), *_price_rows(), *_channel_rows(), *_market_rows(), *_level_rows(), *_placebo_rows(),
        *_five_rows(),
    ]  # fmt: skip


def _cost_rows() -> list[Quantity]:
    return [
        Quantity("v3_cost", "ln", "DeepSeek's final run less the best practice of the world without controls", _PAIR,
                 lambda arms: _final_run(arms) - _cost_of_v3(arms, NONE, "world")),
        Quantity("v3_practice", "ln", "cost of V3's capability by the best practice of the world", _PAIR,
                 lambda arms: _cost_of_v3(arms, CONTROLS, "world") - _cost_of_v3(arms, NONE, "world")),
        Quantity("v3_own", "ln", "cost of V3's capability for DeepSeek itself", _PAIR,
                 lambda arms: _cost_of_v3(arms, CONTROLS, "DeepSeek") - _cost_of_v3(arms, NONE, "DeepSeek")),
        Quantity("v3_against_us", "ln", "DeepSeek's final run less the best US practice for the same capability",
                 (CONTROLS,), lambda arms: _final_run(arms) - _cost_of_v3(arms, CONTROLS, "US")),
        Quantity("v3_dollars", "M$", "DeepSeek's final run at list rent", (CONTROLS,),
                 lambda arms: np.exp(_final_run(arms))),
        Quantity("largest_us_run", "ratio", "largest US final run over DeepSeek's", (CONTROLS,),
                 lambda arms: at(arms, CONTROLS, "training_cost.US", V3) / np.exp(_final_run(arms))),
        Quantity("programme", "ratio", "DeepSeek's research bill of 2024 over its final run", (CONTROLS,), _programme),
    ]  # fmt: skip


def _price_rows() -> list[Quantity]:
    rows = [Quantity(f"price.{name}", "ln", f"price of open Chinese over closed US models: {name}", (CONTROLS,),
                     _part(name)) for name in (*PARTS, "ratio", "quality")]  # fmt: skip
    return [
        *rows,
        Quantity("price.adjusted", "ln", "the ratio at equal capability", (CONTROLS,),
                 lambda arms: _part("ratio")(arms) + _part("quality")(arms)),
        Quantity("price.effect", "ln", "effect of controls on the ratio", _PAIR,
                 lambda arms: _part("ratio")(arms) - _part("ratio", NONE)(arms)),
        Quantity("price.tenth", "ln", "distance of the ratio at equal capability below three tenths", (CONTROLS,),
                 lambda arms: np.log(0.3) - _part("ratio")(arms) - _part("quality")(arms)),
    ]  # fmt: skip


def _channel_rows() -> list[Quantity]:
    rows = []
    for name, arm in (("distillation", UNTAUGHT), ("community", NO_COMMUNITY), ("rivalry", NO_CHINA)):
        pair = (CONTROLS, arm)
        rows += [
            Quantity(f"{name}.world", "ECI", "world frontier", pair,
                     change("frontier_capability.world", AT, against=arm)),
            Quantity(f"{name}.open", "ECI", "best open model", pair,
                     change("frontier_capability.open", AT, against=arm)),
            Quantity(f"{name}.price", "ln", "lowest price at 140 ECI", pair,
                     change(PRICE, AT, against=arm, log=True)),
            Quantity(f"{name}.open_tokens", "share", "share of tokens on open models", pair,
                     change("token_share.open", AT, against=arm)),
        ]  # fmt: skip
    pair = (CONTROLS, UNTAUGHT)
    return [
        *rows,
        Quantity("distillation.effective", "ln", "effective training compute of China's best lab", pair,
                 change("effective_compute.CN", AT, against=UNTAUGHT)),
        Quantity("distillation.gap", "months", "China's lag", pair, change("gap_months.CN", AT, against=UNTAUGHT)),
        Quantity("distillation.tokens", "share", "China's share of tokens abroad", pair,
                 change("token_share_abroad.CN", AT, against=UNTAUGHT)),
        Quantity("borrowing.effective", "ln", "the same without spillovers either", (CONTROLS, ISOLATED),
                 change("effective_compute.CN", AT, against=ISOLATED)),
        Quantity("rise.world", "ECI", "rise of the world frontier since 2022-12", (CONTROLS,),
                 lambda arms: at(arms, CONTROLS, "frontier_capability.world", AT)
                 - at(arms, CONTROLS, "frontier_capability.world", "2022-12")),
        Quantity("rivalry.us", "ECI", "US frontier", (CONTROLS, NO_CHINA),
                 change("frontier_capability.US", AT, against=NO_CHINA)),
        Quantity("rivalry.world_later", "ECI", "world frontier a year later", (CONTROLS, NO_CHINA),
                 change("frontier_capability.world", END, against=NO_CHINA)),
    ]  # fmt: skip


def _market_rows() -> list[Quantity]:
    withheld, filters = (CONTROLS, WITHHELD), (FILTERED, UNFILTERED)
    return [
        Quantity("weights.tokens", "share", "China's share of tokens abroad", withheld,
                 change("token_share_abroad.CN", AT, against=WITHHELD)),
        Quantity("weights.revenue", "share", "China's share of spending abroad", withheld,
                 change("revenue_share_abroad.CN", AT, against=WITHHELD)),
        Quantity("weights.hub", "share", "China's share of self-hosted open models", withheld,
                 change("hub_share.CN", AT, against=WITHHELD)),
        Quantity("filter.kept", "ln", "share abroad kept under a full filter, over one half", filters,
                 lambda arms: _filter_loss(arms) + np.log(2.0)),
        Quantity("filter.tokens", "share", "China's share of tokens abroad", filters,
                 change("token_share_abroad.CN", AT, FILTERED, UNFILTERED)),
        Quantity("filter.revenue", "share", "China's share of spending abroad", filters,
                 change("revenue_share_abroad.CN", AT, FILTERED, UNFILTERED)),
        Quantity("answers.gap", "a lab-month", "answers of US labs", withheld, _hazard_gap),
        *(Quantity(f"answers.{place}.{arm}", "count", f"{word} with {arm}", withheld,
                   lambda arms, arm=arm, number=number: responses(arms, arm)[number])  # type: ignore[misc]
          for arm in withheld for number, (place, word) in
          enumerate((("events", "answers of US labs"), ("exposure", "lab-months at risk")))),
        *(Quantity(f"friction.{place}", "share of spending", words, (CONTROLS,),
                   lambda arms, place=place: at(arms, CONTROLS, f"friction.{place}", AT))  # type: ignore[misc]
          for place, words in (("world", "surplus lost to masks, bans and filters"), ("abroad", "outside China"),
                               ("filter", "outside China, to China's content rules"),
                               ("new", "outside China, to masks since R1"))),
        Quantity("friction.all_abroad", "share of spending", "surplus outside China, with all that follows",
                 (CONTROLS, FRICTIONLESS), _lost_surplus),
        Quantity("friction.blocked", "share of spending", "spending closed to a foreign origin", (CONTROLS,),
                 lambda arms: at(arms, CONTROLS, "blocked_market_share", AT)),
    ]  # fmt: skip


def _level_rows() -> list[Quantity]:
    rows = [
        Quantity("level.legal_share", "share", "share of China's chips that came by the legal way", (CONTROLS,),
                 lambda arms: at(arms, CONTROLS, "legal_stock_share.CN", V3)),
        *(Quantity(f"level.gap.{month}", "months", f"China's lag in {month}", (CONTROLS,),
                   lambda arms, month=month: at(arms, CONTROLS, "gap_months.CN", month))  # type: ignore[misc]
          for month in ("2023-12", V3, "2025-03", AT)),
        *(Quantity(f"level.{name}", "share", words, (CONTROLS,),
                   lambda arms, name=name: at(arms, CONTROLS, f"{name}.CN", AT))  # type: ignore[misc]
          for name, words in (("token_share_abroad", "China's share of tokens abroad"),
                              ("revenue_share_abroad", "China's share of spending abroad"))),
    ]  # fmt: skip
    for arm in _PAIR:
        for who in PLACEBO_LABS:
            rows += [
                Quantity(f"distance.{who}.{arm}", "ECI", f"distance of {who} from the US frontier, early 2025",
                         (arm,), _distance(who, arm)),
                Quantity(f"near.{who}.{arm}", "0 or 1", f"{who} comes near the US frontier by mid-2025", (arm,),
                         _near(who, arm)),
            ]  # fmt: skip
    return rows


def _placebo_rows() -> list[Quantity]:
    rows = []
    for who in PLACEBO_LABS:
        rows += [
            Quantity(f"placebo.effort.{who}", "ln", f"efficiency researchers of {who}", _PAIR,
                     mean_change(f"effort.{who}", log=True)),
            Quantity(f"placebo.progress.{who}", "ln a year", f"own progress of {who}", _PAIR,
                     mean_change(f"progress.{who}")),
            Quantity(f"placebo.know_how.{who}", "ln", f"know-how of {who}", _PAIR, change(f"know_how.{who}", AT)),
            *(Quantity(f"placebo.growth.{who}.{arm}", "ln", f"growth of efficiency researchers of {who}", (arm,),
                       lambda arms, arm=arm, who=who: ln(at(arms, arm, f"effort.{who}", AT))  # type: ignore[misc]
                       - ln(at(arms, arm, f"effort.{who}", WINDOW[0]))) for arm in _PAIR),
        ]  # fmt: skip
    return [
        *rows,
        Quantity("placebo.before_first_rule", "largest difference", "anything before October 2022", _PAIR,
                 _largest_early(CONTROLS, NONE, FIRST_RULE)),
        Quantity("placebo.before_second_rule", "largest difference", "anything before the news of the second rule",
                 (CONTROLS, OCTOBER), _largest_early(CONTROLS, OCTOBER, SECOND_NEWS)),
        Quantity("placebo.there_before", "share", "DeepSeek's know-how at V3 that it had before October 2023",
                 (CONTROLS,), lambda arms: at(arms, CONTROLS, "know_how.DeepSeek", "2023-09")
                 / at(arms, CONTROLS, "know_how.DeepSeek", V3)),
    ]  # fmt: skip


def _five_rows() -> list[Quantity]:
    return [
        Quantity(f"five.{name}.{month}", unit, words, _PAIR, change(column, month, log=unit == "ln"))
        for name, (column, unit, words) in FIVE.items()
        for month in FIVE_MONTHS
    ]


QUANTITIES: dict[str, Quantity] = {row.name: row for row in _rows()}


def read(arms: Arms) -> dict[str, Array]:
    """Return every quantity whose arms are there, (runs,) by name."""
    found = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for name, quantity in QUANTITIES.items():
            if all(arm in arms for arm in quantity.arms):
                found[name] = quantity.compute(arms)
    return found
