"""The four headline cards: what a reader should know first, for the report and for the policy desk."""

import math
from dataclasses import dataclass

import numpy as np

from sim.calendar import month_index, month_label
from sim.charts.data import COUNTERFACTUAL, MAIN, Estimate, Floats, RunRecord
from sim.charts.text import counterfactual_title, otherwise
from sim.compare import Difference, paired_difference, quantiles
from sim.report.numbers import NOT_REACHED, Scale, scale_of

NO_PHRASE = "in the counterfactual"
"""What `sim.charts.text.otherwise` says of a world whose title is no phrase."""
ABSENT = 1.0
"""A frontier below this (ECI) belongs to a bloc without a released model."""
_FRONTIER = {"gap_months": "frontier_capability", "frontier_capability": "frontier_capability"}


@dataclass(frozen=True)
class Headline:
    """What a card is about: its key, its title, the column of the record, and how a sentence begins."""

    key: str
    title: str
    column: str
    subject: str


HEADLINES = (
    Headline("tokens", "China\N{RIGHT SINGLE QUOTATION MARK}s share of tokens abroad", "token_share_abroad.CN",
             "Chinese models take {value} of the tokens used outside China"),
    Headline("spending", "China\N{RIGHT SINGLE QUOTATION MARK}s share of spending abroad", "revenue_share_abroad.CN",
             "Chinese models take {value} of what is spent on models outside China"),
    Headline("gap", "China\N{RIGHT SINGLE QUOTATION MARK}s lag behind the US frontier", "gap_months.CN",
             "the best Chinese model is {value}"),
    Headline("compute", "AI compute owned in China", "compute_owned.CN", "China owns {value} of AI compute"),
)  # fmt: skip


@dataclass(frozen=True)
class Card:
    """One headline. The first texts are short, for a card; `words` says all of it in a sentence.

    `value`: median with its unit. `interval`: of 90% of the runs. `change`: the median paired difference from the world
    named by `against`, and `change_interval` that of 90% of the runs; all three are empty where there is none. `level`:
    median and 90% interval in the unit of the column, NaN where it is not reached. `difference`: the paired difference
    in that unit, None without one. `month`: YYYY-MM.
    """

    key: str
    title: str
    column: str
    month: str
    value: str
    interval: str
    change: str
    change_interval: str
    against: str
    words: str
    level: Estimate
    difference: Difference | None


def cards(record: RunRecord, month: int | None = None) -> list[Card]:
    """Return the headline cards of a record, in a month (2022-01 = 0) or the one of `card_month`.

    A headline whose column was not recorded is left out.
    """
    at = card_month(record) if month is None else month
    return [_card(record, headline, at) for headline in HEADLINES if record.has(headline.column)]


def card_month(record: RunRecord) -> int:
    """Return the month that the cards speak of: the one of titles, unless the worlds are still the same then.

    In that case (a policy that starts later) it is the first of the stated months in which they differ.
    """
    stated = [month_index(str(text)) for text in record.manifest.get("at") or []]
    later = [month for month in stated if record.headline < month <= record.months[-1]]
    columns = [headline.column for headline in HEADLINES if record.has(headline.column)]

    def differ(month: int) -> bool:
        found = (difference_at(record, column, month) for column in columns)
        return any(change is not None and not no_change(change) for change in found)

    if not record.has_counterfactual:
        return record.headline
    return next((month for month in (record.headline, *later) if differ(month)), record.headline)


def level_at(record: RunRecord, column: str, month: int, role: str = MAIN) -> Estimate:
    """Return median and 90% interval of a column in a month. NaN counts as larger than every number."""
    low, middle, high = quantiles(values_at(record, column, month, role), (0.05, 0.5, 0.95)).tolist()
    return Estimate(middle, low, high)


def difference_at(record: RunRecord, column: str, month: int) -> Difference | None:
    """Return the paired difference of a column in a month; None where the record is held against nothing."""
    if not record.has_counterfactual:
        return None
    return paired_difference(values_at(record, column, month, MAIN), values_at(record, column, month, COUNTERFACTUAL))


def values_at(record: RunRecord, column: str, month: int, role: str = MAIN) -> Floats:
    """Return the runs of a column in a month, shape (runs,): NaN where there is no model to speak of."""
    place = record.months.tolist().index(month)
    values: Floats = record.values(column, role)[:, place]
    measure, _, entity = column.partition(".")
    frontier = f"{_FRONTIER.get(measure, '')}.{entity}"
    if measure not in _FRONTIER or not record.has(frontier):
        return values
    return np.where(record.values(frontier, role)[:, place] > ABSENT, values, np.nan)


def against_of(record: RunRecord) -> str:
    """Return the other world inside a sentence: 'the same world without chip controls', or its title in quotes."""
    phrase = otherwise(record)
    title = counterfactual_title(record)
    if phrase != NO_PHRASE:
        return f"the same world {phrase}"
    return f"\N{LEFT DOUBLE QUOTATION MARK}{title}\N{RIGHT DOUBLE QUOTATION MARK}"


def change_size(scale: Scale, change: Difference) -> str:
    """Return the paired difference in few words: '-1.1 points', 'no change'."""
    if change.runs == 0:
        return "not known"
    return "no change" if no_change(change) else scale.change(change.median)


def change_interval(scale: Scale, change: Difference) -> str:
    """Return the interval of the paired difference, and whether it includes zero; '' where there is none to give."""
    if change.runs == 0:
        return "no run has a value in both worlds"
    if change.runs == 1:
        return "one run, no interval"
    if no_change(change):
        return "in 90% of runs" if change.share_positive else "in any run"
    note = ", which includes zero" if includes_zero(change) else ""
    return f"90% of runs: {scale.change_range(change.p05, change.p95)}{note}"


def includes_zero(change: Difference) -> bool:
    """Whether the 90% interval of a paired difference reaches zero from both sides."""
    return change.p05 <= 0.0 <= change.p95


def no_change(change: Difference) -> bool:
    """Whether the two worlds are the same in the median and in 90% of the runs."""
    return change.runs == 0 or change.median == change.p05 == change.p95 == 0.0


def _card(record: RunRecord, headline: Headline, month: int) -> Card:
    scale = scale_of(headline.column.partition(".")[0])
    level = level_at(record, headline.column, month)
    change = difference_at(record, headline.column, month)
    size = change_size(scale, change) if change else ""
    span = change_interval(scale, change) if change else ""
    interval = level_interval(scale, level, record.runs)
    words = f"In {month_label(month)}, {_sentence(headline, scale, level)}"
    words += f" ({interval})" if interval else ""
    words += f"; against {against_of(record)}: {size} ({span})." if change else "."
    return Card(
        key=headline.key,
        title=headline.title,
        column=headline.column,
        month=month_label(month),
        value=_value(headline, scale, level),
        interval=interval,
        change=size,
        change_interval=span,
        against=against_of(record) if change else "",
        words=words,
        level=level,
        difference=change,
    )


def _value(headline: Headline, scale: Scale, level: Estimate) -> str:
    if math.isnan(level.median):
        return "No model yet" if headline.key == "gap" else NOT_REACHED.capitalize()
    if headline.key == "gap" and level.median < 0:
        return f"{scale.text(-level.median)} ahead"
    return scale.text(level.median)


def _sentence(headline: Headline, scale: Scale, level: Estimate) -> str:
    """What the card says of the level, without interval."""
    if headline.key != "gap":
        return headline.subject.format(value=scale.text(level.median))
    if math.isnan(level.median):
        return "China has no released model in half of the runs or more, and so no lag"
    side = "behind" if level.median >= 0 else "ahead of"
    return headline.subject.format(value=f"{scale.text(abs(level.median))} {side} the US frontier")


def level_interval(scale: Scale, level: Estimate, runs: int) -> str:
    """Return the 90% interval of a level in words; '' where no run has a value."""
    if math.isnan(level.low):
        return ""
    if runs == 1:
        return "one run, no interval"
    return f"90% of runs: {scale.range(level.low, level.high)}"
