"""Sections 16 and 17: the perceived gap and what governments decide."""

import math
from collections.abc import Mapping, Sequence

from tests.twin.inputs import clip, positive


def first_reached(frontier: Sequence[float], level: float, growth: float) -> float:
    """Month, with a fraction, in which a rising frontier (by month from 0) first reached `level`.

    Before the first month it rose by `growth` ECI a year.
    """
    if level <= frontier[0]:
        return (level - frontier[0]) / (growth / 12.0)
    for month in range(1, len(frontier)):
        if frontier[month] >= level:
            if not math.isfinite(frontier[month - 1]):
                return month
            return month - 1 + (level - frontier[month - 1]) / (frontier[month] - frontier[month - 1])
    raise ValueError("the frontier has not reached this level")


def gap_months(leader: Sequence[float], follower: Sequence[float], growth: float) -> float:
    """Months since the leader (running maximum by month) stood where the follower is; negative when it is ahead."""
    now = len(leader) - 1
    if not math.isfinite(follower[-1]) or not math.isfinite(leader[-1]):
        return math.nan
    if follower[-1] <= leader[-1]:
        return now - first_reached(leader, follower[-1], growth)
    return -(now - first_reached(follower, leader[-1], growth))


def hawkishness(before: float, luck: float, p: Mapping[str, float]) -> float:
    """Political state after a month."""
    return p["gov.politics_persistence"] * before + p["gov.politics_sd"] * luck


def next_denial(denial: float, gap: float, politics: float, lost: float, p: Mapping[str, float]) -> float:
    """US denial share after a decision; `lost` in M$ a year."""
    wanted = p["gov.neutral_denial"] + p["gov.tighten_gain"] * (p["gov.target_gap"] - gap)
    wanted += p["gov.politics_gain"] * politics - p["gov.lobby_gain"] * lost / 1e4
    return denial + clip(clip(wanted, 0.0, 1.0) - denial, -p["gov.largest_step"], p["gov.largest_step"])


def next_subsidy(premium: float, gap: float, p: Mapping[str, float]) -> float:
    """Chinese subsidy after a decision."""
    behind = positive(gap - p["gov.tolerated_gap"])
    return clip(p["gov.subsidy_gain"] * premium + p["gov.subsidy_gap_gain"] * behind, 0.0, 1.0)


def next_ban(banned: bool, politics: float, p: Mapping[str, float]) -> bool:
    """Whether another government bans Chinese models in regulated firms."""
    return politics > p["gov.ban_on"] or (banned and politics >= p["gov.ban_off"])
