"""The rule that turns effects into verdicts. It knows nothing of the model: shares in, a word and its reasons out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.arrays import Array
from sim.experiments.effects import effect

SUPPORTED, CONDITIONAL, REFUTED = "supported", "conditional", "refuted"
SURE, IN_VARIANTS, NEVER = 0.9, 0.75, 0.1
FEWEST = 8
"""Runs with a value below which nothing is called supported or refuted."""
RULE = (
    f"Supported if P(claimed sign and size) is at least {SURE:g} and at least {IN_VARIANTS:g} in every structural "
    f"variant; refuted if it is at most {NEVER:g} and in no structural variant {IN_VARIANTS:g} or more, or if the "
    "claim's own rule says so; conditional otherwise. Effort "
    "(H1a) may be supported only if its sign survives price rationing: the median has the claimed sign in every cell "
    "in which chips go to those who pay."
)


@dataclass(frozen=True)
class Verdict:
    """The word, and the reasons for it in the order in which they decided."""

    word: str
    reasons: tuple[str, ...]


def share_claimed(values: Array, sign: int, least: float) -> float:
    """Return the share of the runs that have a value in which sign x value is above `least`; NaN without any."""
    known = values[np.isfinite(values)]
    return float((sign * known > least).mean()) if len(known) else math.nan


def decide(
    main: float,
    runs: int,
    variants: Mapping[str, float],
    own: str | None,
    price_cells: Mapping[str, float] | None = None,
    sign: int = 1,
) -> Verdict:
    """Return the verdict from shares of runs in which a claim holds.

    `main`: of the scenario, of `runs` runs with a value; `variants`: of every structural variant; `own`: why the
    claim's own rule refutes it, else None; `price_cells`: median effects in cells with price rationing, where the claim
    has to keep its `sign` there.
    """
    if runs < FEWEST or math.isnan(main):
        return Verdict(CONDITIONAL, (f"only {runs} runs have a value: nothing can be said",))
    if own is not None:
        return Verdict(REFUTED, (own,))
    holding = [f"{key} {share:.2f}" for key, share in variants.items() if share >= IN_VARIANTS]
    if main <= NEVER and not holding:
        return Verdict(REFUTED, (f"it holds in {main:.0%} of the runs, at most {NEVER:.0%}",))
    if main <= NEVER:
        return Verdict(CONDITIONAL, (f"it holds in {main:.0%} of the runs, and yet in {', '.join(holding)}",))
    weak = [f"{key} {share:.2f}" for key, share in variants.items() if not share >= IN_VARIANTS]
    flipped = [key for key, middle in (price_cells or {}).items() if not sign * middle > 0.0]
    reasons = []
    if main < SURE:
        reasons.append(f"it holds in {main:.0%} of the runs, between {NEVER:.0%} and {SURE:.0%}")
    if weak:
        reasons.append(f"below {IN_VARIANTS:g} in {', '.join(weak)}")
    if flipped:
        reasons.append(f"the sign does not survive price rationing: {', '.join(flipped)}")
    if reasons:
        return Verdict(CONDITIONAL, tuple(reasons))
    return Verdict(SUPPORTED, (f"it holds in {main:.0%} of the runs and in every structural variant",))


def near_a_line(main: float, error: float, variants: Mapping[str, float]) -> bool:
    """Whether a share lies within two Monte Carlo errors of a line that decides: other draws could tip the verdict."""
    lines = [abs(main - line) for line in (NEVER, SURE)]
    lines += [abs(share - IN_VARIANTS) for share in variants.values()] if main >= SURE - 2.0 * error else []
    return any(distance <= 2.0 * error for distance in lines)


def summary(values: Array, sign: int = 1, least: float = 0.0) -> dict[str, Any]:
    """Return what is reported of a quantity, (draws, seeds): centre, 90% interval, errors, and shares of runs.

    `mc_error` is that of the mean over draws, `p_error` that of the share in which the claim holds.
    """
    found = effect(values, np.zeros_like(values))
    claimed = share_claimed(values, sign, least)
    draws = int(np.isfinite(values).any(axis=1).sum())
    error = math.sqrt(claimed * (1.0 - claimed) / draws) if draws else math.nan
    numbers = {
        "median": found.median, "p05": found.p05, "p95": found.p95, "mean": found.mean, "mc_error": found.mc_error,
        "p_positive": found.share_positive, "p_claim": claimed, "p_error": error,
    }  # fmt: skip
    return {"runs": found.runs, "draws": draws, **{name: plain(number) for name, number in numbers.items()}}


def plain(number: float) -> float | None:
    """Return a number with ten significant digits, None where it is not defined: JSON knows no NaN."""
    return float(f"{number:.10g}") + 0.0 if math.isfinite(number) else None
