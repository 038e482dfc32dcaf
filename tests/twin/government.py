"""Sections 16 and 17: the perceived gap and what governments decide."""

import math
from collections.abc import Sequence

from tests.twin.inputs import clip, positive

TREND = 8.3 / 12.0
"""ECI a month by which the frontier before the first month is extrapolated."""
DECISION_CHANCE = 0.15


def first_reached(frontier: Sequence[float], level: float) -> float:
    """Month, with a fraction, in which a rising frontier (by month from 0) first reached `level`."""
    if level <= frontier[0]:
        return (level - frontier[0]) / TREND
    for month in range(1, len(frontier)):
        if frontier[month] >= level:
            if not math.isfinite(frontier[month - 1]):
                return month
            return month - 1 + (level - frontier[month - 1]) / (frontier[month] - frontier[month - 1])
    raise ValueError("the frontier has not reached this level")


def gap_months(leader: Sequence[float], follower: Sequence[float]) -> float:
    """Months since the leader (running maximum by month) stood where the follower is; negative when it is ahead."""
    now = len(leader) - 1
    if not math.isfinite(follower[-1]) or not math.isfinite(leader[-1]):
        return math.nan
    if follower[-1] <= leader[-1]:
        return now - first_reached(leader, follower[-1])
    return -(now - first_reached(follower, leader[-1]))


def hawkishness(before: float, luck: float) -> float:
    """Political state after a month."""
    return 0.97 * before + 0.15 * luck


def next_denial(
    denial: float, gap: float, politics: float, lost: float, gains: tuple[float, float, float, float]
) -> float:
    """US denial share after a decision; `lost` in M$ a year, `gains` (gap, target, politics, lobby)."""
    per_month, target, by_politics, by_lobby = gains
    wanted = 0.5 + per_month * (target - gap) + by_politics * politics - by_lobby * lost / 1e4
    return denial + clip(clip(wanted, 0.0, 1.0) - denial, -0.25, 0.25)


def next_subsidy(premium: float, gap: float, gain: float) -> float:
    """Chinese subsidy after a decision."""
    return clip(gain * premium + 0.02 * positive(gap - 6.0), 0.0, 1.0)


def next_ban(banned: bool, politics: float) -> bool:
    """Whether another government bans Chinese models in regulated firms."""
    return politics > 0.5 or (banned and politics >= 0.0)
