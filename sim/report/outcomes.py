"""The tables of a report on a run or a comparison: options, outcomes at three dates, and the chain in numbers."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.calendar import month_index, month_label
from sim.charts.data import COUNTERFACTUAL, MAIN, Estimate, Floats, RunRecord
from sim.compare import Difference
from sim.report.cards import (
    HEADLINES,
    change_interval,
    change_size,
    difference_at,
    level_at,
    no_change,
    values_at,
)
from sim.report.document import Cell, Group, Table
from sim.report.likelihood import likelihood
from sim.report.numbers import Scale, scale_of

DATES = 3
JANUARY = 12


@dataclass(frozen=True)
class Outcome:
    """A row of the tables: name, column, and which direction is better for whom ('' where nobody would say)."""

    name: str
    column: str
    better: str = ""


CHINA_MORE, CHINA_LESS = "higher, for China", "lower, for China"
OUTCOMES = (
    Outcome("China\N{RIGHT SINGLE QUOTATION MARK}s share of tokens abroad", "token_share_abroad.CN", CHINA_MORE),
    Outcome("China\N{RIGHT SINGLE QUOTATION MARK}s share of spending abroad", "revenue_share_abroad.CN", CHINA_MORE),
    Outcome("China\N{RIGHT SINGLE QUOTATION MARK}s lag behind the US frontier", "gap_months.CN", CHINA_LESS),
    Outcome("Best Chinese model", "frontier_capability.CN", CHINA_MORE),
    Outcome("AI compute owned in China", "compute_owned.CN", CHINA_MORE),
    Outcome("Researchers on efficiency in China", "efficiency_researchers.CN"),
    Outcome("Open models, share of the world\N{RIGHT SINGLE QUOTATION MARK}s tokens", "token_share.open"),
)
CHAIN = (
    Outcome("Compute owned in China", "compute_owned.CN"),
    Outcome("Scarcity premium on compute", "scarcity_premium.CN"),
    Outcome("Researchers on efficiency", "efficiency_researchers.CN"),
    Outcome("Own algorithmic progress", "algorithmic_progress.CN"),
    Outcome("Borrowed from others", "effective_compute_borrowed.CN"),
    Outcome("Effective training compute of the best lab", "effective_compute.CN"),
    Outcome("Best Chinese model", "frontier_capability.CN"),
    Outcome("Share of tokens abroad", "token_share_abroad.CN"),
    Outcome("Share of spending abroad", "revenue_share_abroad.CN"),
)
"""From compute to money, as the memo's argument runs."""


def dates_of(record: RunRecord) -> list[int]:
    """Return up to three months of the record: those that results are stated at, and Decembers between them.

    Of more than three stated months the first, the middle and the last are taken.
    """
    months = record.months.tolist()
    stated = sorted({*(month_index(str(text)) for text in record.manifest.get("at") or []), months[-1]} & set(months))
    if len(stated) > DATES:
        return [stated[0], stated[len(stated) // 2], stated[-1]]
    decembers = {month for month in months if month % JANUARY == JANUARY - 1}
    while len(stated) < DATES and (free := sorted(decembers - set(stated))):
        ends = [months[0], *stated]
        start, end = max(itertools.pairwise(ends), key=lambda pair: pair[1] - pair[0])
        middle = (start + end) / 2
        stated = sorted([*stated, min(free, key=lambda month: (abs(month - middle), month))])
    return stated


def share_better(record: RunRecord, outcome: Outcome, month: int) -> float:
    """Return the share of runs in which the option is better than the baseline; equal runs are not better.

    For an outcome without a better side: the share of runs in which it is higher. NaN without runs that have both.
    """
    change = _changes(record, outcome.column, month)
    known = change[~np.isnan(change)]
    if len(known) == 0:
        return float("nan")
    return float((known < 0.0).mean() if outcome.better == CHINA_LESS else (known > 0.0).mean())


def outcome_table(record: RunRecord, key: str, option: str, baseline: str) -> Table:
    """Return the outcomes at up to three dates: baseline, option, difference, and share of runs that are better."""
    dates = dates_of(record)
    rows = [outcome for outcome in OUTCOMES if record.has(outcome.column)]
    groups = [
        Group([_outcome_row(record, outcome, month) for outcome in rows], title=month_label(month)) for month in dates
    ]
    if not record.has_counterfactual:
        head = ["Outcome", "Median", "90% of runs"]
        return Table(key, option, head, groups, (1, 2))
    head = ["Outcome", "Baseline", "Option", "Difference", "90% of differences", "Better is", "Runs better"]
    note = (
        f"Baseline: {baseline}. Option: {option}. Medians over {record.runs} runs; differences are taken run by run, "
        "so their median is not the difference of the medians. Runs that are equal count as not better. Where no "
        "side is said to be better, the last column says in how many runs the option is higher."
    )
    return Table(key, f"{option}, against the baseline", head, groups, (1, 2, 3, 4, 6), note)


def _outcome_row(record: RunRecord, outcome: Outcome, month: int) -> list[str | Cell]:
    scale = scale_of(outcome.column.partition(".")[0])
    level = level_at(record, outcome.column, month)
    change = difference_at(record, outcome.column, month)
    if change is None:
        return [outcome.name, scale.text(level.median), _spread(record, scale, level)]
    before = level_at(record, outcome.column, month, COUNTERFACTUAL)
    return [
        outcome.name,
        scale.text(before.median),
        scale.text(level.median),
        change_size(scale, change),
        interval_cell(scale, change),
        outcome.better or "not judged",
        better_cell(share_better(record, outcome, month), change, bool(outcome.better)),
    ]


def interval_cell(scale: Scale, change: Difference) -> Cell:
    """Return the interval of a difference as a cell, with a word where it includes zero."""
    if change.runs <= 1:
        return Cell(change_interval(scale, change))
    if no_change(change):
        return Cell("0 to 0")
    return Cell(scale.change_range(change.p05, change.p95), "includes zero" if change.p05 <= 0.0 <= change.p95 else "")


def better_cell(share: float, change: Difference, judged: bool) -> Cell:
    """Return the share of runs that are better, with its calibrated word."""
    if change.runs == 0:
        return Cell("not known")
    if no_change(change) and share == 0.0:
        return Cell("0%", "no run differs")
    text = f"{100 * share:.0f}%" + ("" if judged else " higher")
    return Cell(text, likelihood(share, change.runs))


def options_table(arms: Sequence[tuple[str, RunRecord, str]], month: int) -> Table:
    """Return all worlds beside each other in a month, with the difference of each from the baseline.

    `arms`: what a world is called, a record, and the role in it that this world has. The baseline comes first.
    """
    heads = [headline for headline in HEADLINES if all(record.has(headline.column) for _, record, _ in arms)]
    rows = []
    for name, record, role in arms:
        row: list[str | Cell] = [name]
        for headline in heads:
            scale = scale_of(headline.column.partition(".")[0])
            level = level_at(record, headline.column, month, role)
            change = difference_at(record, headline.column, month) if role == MAIN else None
            size = change_size(scale, change) if change is not None else ""
            spread = _spread(record, scale, level)
            row.append(Cell(scale.text(level.median), spread, size))
        rows.append(row)
    note = (
        "Median over the runs, below it where 90% of the runs lie, and below that the median of the differences from "
        "the first row, run by run."
    )
    numbers = tuple(range(1, len(heads) + 1))
    caption = f"The worlds side by side, {month_label(month)}"
    return Table("options-table", caption, ["World", *(head.title for head in heads)], [Group(rows)], numbers, note)


def chain_table(record: RunRecord, key: str, month: int) -> Table:
    """Return the links from compute to spending with the difference that the option makes to each in a month."""
    rows: list[list[str | Cell]] = []
    for outcome in CHAIN:
        if not record.has(outcome.column):
            continue
        scale = scale_of(outcome.column.partition(".")[0])
        change = difference_at(record, outcome.column, month)
        level = level_at(record, outcome.column, month)
        if change is None:
            rows.append([outcome.name, scale.text(level.median), _spread(record, scale, level)])
        else:
            higher = better_cell(share_better(record, outcome, month), change, False)
            rows.append([outcome.name, scale.text(level.median), change_size(scale, change),
                         interval_cell(scale, change), higher])  # fmt: skip
    held = record.has_counterfactual
    head = ["Link", "Level", *(["Difference", "90% of differences", "Runs higher"] if held else ["90% of runs"])]
    caption = f"The chain in numbers, China, {month_label(month)}"
    return Table(key, caption, head, [Group(rows)], tuple(range(1, len(head))))


def _spread(record: RunRecord, scale: Scale, level: Estimate) -> str:
    return scale.range(level.low, level.high) if record.runs > 1 else "one run"


def _changes(record: RunRecord, column: str, month: int) -> Floats:
    return values_at(record, column, month, MAIN) - values_at(record, column, month, COUNTERFACTUAL)
