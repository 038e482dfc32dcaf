"""The sections of a report on a run or a comparison: messages, options, trajectories, outcomes, causal chain."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.calendar import month_label
from sim.charts.data import COUNTERFACTUAL, MAIN, RunRecord
from sim.charts.text import counterfactual_title
from sim.report.cards import against_of, card_month, cards
from sim.report.document import CardView, Lines, Part, Section
from sim.report.figures import STATIC, answering, chain_figure, compute_figure, stills, trajectories
from sim.report.messages import key_messages, lead
from sim.report.outcomes import chain_table, dates_of, options_table, outcome_table

NO_EXTRA = (
    "The charts are still pictures, as what draws interactive ones is not installed: pip install 'darkhorse[report]'."
)
MOST_OPTIONS = 4
"""Options of a comparison that get trajectories of their own; the table has all."""


@dataclass(frozen=True)
class Pair:
    """An option and, if there is one, the baseline it is held against: their arms, and the record of both."""

    arms: Sequence[str]
    record: RunRecord

    @property
    def option(self) -> str:
        """What the option is called."""
        return _title(self.record, MAIN, self.arms[0])

    @property
    def baseline(self) -> str:
        """What the baseline is called; '' without one."""
        return _title(self.record, COUNTERFACTUAL, self.arms[1]) if len(self.arms) > 1 else ""

    @property
    def subtitle(self) -> str:
        """What is compared with what, as a sentence."""
        first, last = (month_label(int(self.record.months[place])) for place in (0, -1))
        held = f", held run by run against: {self.baseline}" if self.baseline else ", held against no other world"
        return f"{first} to {last}{held}."


def _title(record: RunRecord, role: str, arm: str) -> str:
    if role == COUNTERFACTUAL and arm == "counterfactual":
        return counterfactual_title(record)
    return str(record.arm(role).get("title") or arm).rstrip(". ")


def shown_month(options: Sequence[Pair]) -> int:
    """Return the month of cards, messages and tables of options: the latest that one of them needs (`card_month`).

    Where two options are still the same then, it is the last month.
    """
    month = max(card_month(pair.record) for pair in options)
    levels = [tuple(card.level.median for card in cards(pair.record, month)) for pair in options]
    return month if len(set(levels)) == len(levels) else int(options[0].record.months[-1])


def card_views(pair: Pair, month: int) -> tuple[list[CardView], str]:
    """Return the headline cards of an option, and the line below them."""
    record = pair.record
    found = cards(record, month)
    views = [
        CardView(card.key, card.title, *_split(card.value), card.interval, card.change, card.change_interval)
        for card in found
    ]
    held = f"; changes are paired differences from {against_of(record)}" if record.has_counterfactual else ""
    return views, f"Medians in {month_label(month)}{held}."


def _split(value: str) -> tuple[str, str]:
    """A number and its unit; words stay together."""
    number, _, unit = value.partition(" ")
    return (number, unit) if number[-1:].isdigit() or number[:1].isdigit() else (value, "")


def run_sections(folder: Path, options: Sequence[Pair]) -> list[Section]:
    """Return the sections that speak of the numbers of a run or comparison, in order."""
    main, month = options[0], shown_month(options)
    sections = [Section("messages", "Key messages", _messages(options, month))]
    if main.record.has_counterfactual:
        sections.append(Section("options", "Options compared", _compared(options, month)))
    sections.append(Section("trajectories", "Market shares over time", _trajectories(folder, options)))
    tables = [outcome_table(pair.record, f"outcomes-{place + 1}", pair.option, pair.baseline)
              for place, pair in enumerate(options)]  # fmt: skip
    sections.append(Section("outcomes", _dates(main.record), tables))
    sections.append(Section("chain", "The causal chain", _chain(folder, main, month)))
    return sections


def _dates(record: RunRecord) -> str:
    count = len(dates_of(record))
    return "Outcomes at " + ("one date" if count == 1 else "two dates" if count == 2 else "three dates")


def _messages(options: Sequence[Pair], month: int) -> list[Part]:
    found: list[Part] = []
    for place, pair in enumerate(options):
        if len(options) > 1:
            found.append(f"{pair.option}. {lead(pair.record, month)}")
        elif pair.record.has_counterfactual:
            found.append(lead(pair.record, month))
        told = key_messages(pair.record, month)
        found.append(Lines(told if place == len(options) - 1 else told[:-1]))
    return found


def _compared(options: Sequence[Pair], month: int) -> list[Part]:
    first = options[0]
    arms = [(f"{first.baseline} (baseline)", first.record, COUNTERFACTUAL)]
    arms += [(pair.option, pair.record, MAIN) for pair in options]
    storyline = str(first.record.scenario.get("storyline") or "").strip().replace("`", "")
    return [*([storyline] if storyline else []), options_table(arms, month)]


def _trajectories(folder: Path, options: Sequence[Pair]) -> list[Part]:
    parts: list[Part] = []
    if not answering():
        parts.append(NO_EXTRA)
    for place, pair in enumerate(options[:MOST_OPTIONS]):
        if len(options) > 1:
            parts.append(f"{pair.option}, against {pair.baseline}:")
        if answering():
            views = trajectories(pair.record, f"shares-{place + 1}")
            parts += [views] if views else []
        else:
            parts += stills(folder, STATIC["shares"], f"shares-{place + 1}", pair.arms)
    if len(options) > MOST_OPTIONS:
        parts.append(f"{len(options) - MOST_OPTIONS} more options are in the tables.")
    return parts


def _chain(folder: Path, pair: Pair, month: int) -> list[Part]:
    parts: list[Part] = []
    if answering():
        drawn = (chain_figure(pair.record, "chain-chart"), compute_figure(pair.record, "compute-chart"))
        parts += [figure for figure in drawn if figure is not None]
    else:
        parts += stills(folder, (*STATIC["chain"], *STATIC["compute"]), "chain-chart", pair.arms)
    return [*parts, chain_table(pair.record, "chain-table", month)]
