"""Key messages: sentences made from the numbers, with calibrated words for shares of runs."""

from dataclasses import dataclass

import numpy as np

from sim.calendar import month_label
from sim.charts.data import COUNTERFACTUAL, MAIN, Floats, RunRecord
from sim.compare import Difference, paired_difference
from sim.report.cards import against_of, card_month, level_at, no_change, values_at
from sim.report.document import Sentence
from sim.report.likelihood import likelihood
from sim.report.numbers import scale_of

OPEN = "about as likely as not"
FAR = 24
"""Months between the two dates of a world that is held against nothing, where there are as many."""
CLOSING = "These are shares of this model\N{RIGHT SINGLE QUOTATION MARK}s runs, conditional on the scenario. They are not a forecast."


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


def key_messages(record: RunRecord) -> list[Sentence]:
    """Return four to six sentences on a record; the last says what the shares are."""
    month = card_month(record)
    claims = [claim for claim in CLAIMS if record.has(claim.column)]
    if record.has_counterfactual:
        found = [
            effect_sentence(claim, values_at(record, claim.column, month, MAIN),
                            values_at(record, claim.column, month, COUNTERFACTUAL), against_of(record), month)
            for claim in claims
        ]  # fmt: skip
    else:
        start = _earlier(record, month)
        found = [_change_in_time(record, claim, start) for claim in claims if claim.column != CLAIMS[2].column]
        found = [sentence for sentence in found if sentence.text]
    return [*found[:5], Sentence(CLOSING)]


def effect_sentence(claim: Claim, arm: Floats, against: Floats, world: str, month: int) -> Sentence:
    """Return what a claim's column does against another world, from its values in both, (runs,) each."""
    change = paired_difference(arm, against)
    when = month_label(month)
    if change.runs == 0:
        return Sentence(f"In {when} no run says whether {claim.higher} than in {world}: none has a value in both.")
    if no_change(change) and change.share_positive == 0.0:
        return Sentence(f"Against {world}, no run differs in {when} on whether {claim.higher}.")
    return _sentence(f"Against {world}, ", claim, arm - against, change, f" in {when}")


def _change_in_time(record: RunRecord, claim: Claim, start: int) -> Sentence:
    """How a world that is held against nothing changes, run by run, from one month to its last."""
    end = int(record.months[-1])
    first, last = (values_at(record, claim.column, month) for month in (start, end))
    change = paired_difference(last, first)
    if change.runs == 0 or start == end:
        return Sentence("")
    levels = [scale_of(claim.column.partition(".")[0]).text(level_at(record, claim.column, m).median)
              for m in (start, end)]  # fmt: skip
    if no_change(change):
        return Sentence(f"In {month_label(end)} it is as in {month_label(start)} whether {claim.higher}: {levels[1]}.")
    text = _sentence("", claim, last - first, change, f" in {month_label(end)} than in {month_label(start)}")
    return Sentence(text.before, text.word, f"{text.after.rstrip('.')}; from {levels[0]} to {levels[1]} in the median.")


def _sentence(lead: str, claim: Claim, differences: Floats, change: Difference, when: str) -> Sentence:
    known = differences[~np.isnan(differences)]
    above, below = int((known > 0.0).sum()), int((known < 0.0).sum())
    said, held = (claim.higher, above) if above >= below else (claim.lower, below)
    word = likelihood(held / change.runs, change.runs)
    scale = scale_of(claim.column.partition(".")[0])
    it = f"{lead}it is " if lead else "It is "
    after = f" that {said}{when}: so in {held} of {change.runs} run{'s' if change.runs > 1 else ''}"
    if 0 < change.runs == 1:
        return Sentence(f"{lead}{said}{when} in the one run: {scale.change(change.median)}.".capitalize() if not lead
                        else f"{lead}{said}{when} in the one run: {scale.change(change.median)}.")  # fmt: skip
    size = f", by {scale.change(change.median)} in the median ({scale.change_range(change.p05, change.p95)} in 90%)"
    note = ". The interval includes zero" if change.p05 <= 0.0 <= change.p95 else ""
    return Sentence(it, word, f"{after}{size}{note}.")


def _earlier(record: RunRecord, month: int) -> int:
    """The month from which a world without a counterfactual is followed to its end."""
    months = record.months.tolist()
    end = months[-1]
    return month if end - month >= JUST_AFTER else max(months[0], end - FAR) if end - FAR in months else months[0]


JUST_AFTER = 6
"""Fewest months between a stated month and the end for a change in time to be worth a sentence."""
