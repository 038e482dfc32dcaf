"""Lags between frontiers, in months (docs/model.md, section 17)."""

import numpy as np

from sim.arrays import Array

NO_GAP = 0.0
"""What a lag is when one side has not released anything yet."""


def gap_months(leader: Array, follower: Array, growth: Array) -> Array:
    """Return by how many months the follower trails the leader at the last month, (runs,); negative if it leads.

    Both are running maxima, (months, runs). The lag is the time since the leader first reached the follower's level,
    linear between months (not before its first release); where the follower leads, minus the time since it first
    reached the leader's level. Before the first month frontiers rose by `growth`, (runs,) ECI a year.
    """
    ahead = follower[-1] > leader[-1]
    known = np.isfinite(follower[-1]) & np.isfinite(leader[-1])
    chaser = np.where(known, np.where(ahead, leader[-1], follower[-1]), 0.0)
    front = np.where(ahead, follower, leader)
    passed = (front < chaser).sum(axis=0)
    months = front.shape[0]
    runs = np.arange(front.shape[1])
    high = _released(front[np.minimum(passed, months - 1), runs])
    earlier = front[np.maximum(passed - 1, 0), runs]
    low = _released(earlier)
    rise = high - low
    joined = np.isfinite(earlier) & (rise > 0.0)
    part = np.where(joined, (chaser - low) / np.where(joined, rise, 1.0), 1.0)
    inside = np.minimum(passed, months - 1) - 1.0 + part
    before = (chaser - _released(front[0])) * 12.0 / growth
    reached = np.where(passed == 0, np.minimum(before, 0.0), inside)
    lag = (months - 1.0) - reached
    return np.where(known, np.where(ahead, -lag, lag), NO_GAP)


def _released(level: Array) -> Array:
    """Return a harmless low level where nothing has been released."""
    return np.where(np.isfinite(level), level, -1e6)
