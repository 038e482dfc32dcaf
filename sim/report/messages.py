"""Key messages: sentences made from the numbers, with calibrated words for shares of runs."""

from dataclasses import dataclass

import numpy as np

from sim.calendar import month_label
from sim.charts.data import COUNTERFACTUAL, MAIN, Floats, RunRecord
from sim.compare import Difference, paired_difference
from sim.report.cards import against_of, level_at, values_at
from sim.report.document import Sentence
from sim.report.likelihood import likelihood
from sim.report.numbers import scale_of

EFFORT = "efficiency_researchers.CN"
"""It is a means, and told only where it is the effect of something."""
JUST_AFTER = 6
"""Fewest months between a stated month and the end for a change in time to be worth a sentence."""
FAR = 24
"""Months between the two dates of a world that is held against nothing, where there are as many."""
CLOSING = (
    "These are shares of this model\N{RIGHT SINGLE QUOTATION MARK}s runs, conditional on the scenario. "
    "They are not a forecast."
)


@dataclass(frozen=True)
class Claim:
    """What a sentence says of a column where it is higher, and where it is lower."""

    column: str
    higher: str
    lower: str


CLAIMS = (
    Claim("compute_owned.CN", "China owns more AI compute", "China owns less AI compute"),
    Claim("frontier_capability.CN", "the best Chinese model is more capable", "the best Chinese model is less capable"),
    Claim("efficiency_researchers.CN", "Chinese labs have more researchers on efficiency",
          "Chinese labs have fewer researchers on efficiency"),
    Claim("token_share_abroad.CN", "Chinese models have a larger share of the tokens used abroad",
          "Chinese models have a smaller share of the tokens used abroad"),
    Claim("revenue_share_abroad.CN", "Chinese models have a larger share of the spending abroad",
          "Chinese models have a smaller share of the spending abroad"),
)  # fmt: skip


def lead(record: RunRecord, month: int) -> str:
    """Return the words before the messages: the month, and the world that is compared with."""
    if not record.has_counterfactual:
        return ""
    return f"In {month_label(month)}, against {against_of(record)}:"


def key_messages(record: RunRecord, month: int) -> list[Sentence]:
    """Return up to six sentences on a record in a month (2022-01 = 0); `lead` comes before them.

    The last says what the shares are.
    """
    claims = [claim for claim in CLAIMS if record.has(claim.column)]
    if record.has_counterfactual:
        found = [
            effect_sentence(claim, *(values_at(record, claim.column, month, role) for role in (MAIN, COUNTERFACTUAL)))
            for claim in claims
        ]
        return [*found, Sentence(CLOSING)]
    start = _earlier(record, month)
    told = [_change_in_time(record, claim, start) for claim in claims if claim.column != EFFORT]
    return [*(sentence for sentence in told if sentence.text), Sentence(CLOSING)]


def effect_sentence(claim: Claim, arm: Floats, against: Floats) -> Sentence:
    """Return what a claim's column does against another world, from its values in both, (runs,) each."""
    change = paired_difference(arm, against)
    if change.runs == 0:
        return Sentence(f"No run says whether {claim.higher}: none has a value in both worlds.")
    if not np.any(np.nan_to_num(arm - against)):
        return Sentence(f"Whether {claim.higher}: no run differs." if change.runs > 1
                        else f"Whether {claim.higher}: the one run does not differ.")  # fmt: skip
    return _sentence(claim, arm - against, change)


def _change_in_time(record: RunRecord, claim: Claim, start: int) -> Sentence:
    """How a world that is held against nothing changes, run by run, from one month to its last."""
    end = int(record.months[-1])
    if start == end:
        return Sentence("")
    first, last = (values_at(record, claim.column, month) for month in (start, end))
    change = paired_difference(last, first)
    if change.runs == 0 or not np.any(np.nan_to_num(last - first)):
        return Sentence("")
    scale = scale_of(claim.column.partition(".")[0])
    before, after = (scale.text(level_at(record, claim.column, month).median) for month in (start, end))
    told = _sentence(claim, last - first, change, f" in {month_label(end)} than in {month_label(start)}")
    return Sentence(told.before, told.word, f"{told.after} From {before} to {after}.")


def _sentence(claim: Claim, differences: Floats, change: Difference, when: str = "") -> Sentence:
    known = differences[~np.isnan(differences)]
    above, below = int((known > 0.0).sum()), int((known < 0.0).sum())
    said, held = (claim.higher, above) if above >= below else (claim.lower, below)
    scale = scale_of(claim.column.partition(".")[0])
    if change.runs == 1:
        return Sentence(f"In the one run {said}{when}: {scale.change(change.median)}.")
    size = f"{scale.change(change.median)} in the median, {scale.change_range(change.p05, change.p95)} in 90% of runs"
    note = "; the interval includes zero" if change.p05 <= 0.0 <= change.p95 else ""
    word = likelihood(held / change.runs, change.runs)
    return Sentence("It is ", word, f" that {said}{when} ({held} of {change.runs} runs): {size}{note}.")


def _earlier(record: RunRecord, stated: int) -> int:
    """The month from which a world without a counterfactual is followed to its end: the stated one, if early enough."""
    months = record.months.tolist()
    end = months[-1]
    if end - stated >= JUST_AFTER:
        return stated
    return end - FAR if end - FAR in months else int(months[0])
