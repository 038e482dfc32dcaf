"""Sections 10 and 11: own progress, what others give, the reasoning method, training and capability."""

import math

from tests.twin.inputs import Row, interpolate, positive
from tests.twin.lab import Technology, ceiling

FLOP_PER_MONTH = 1.04e21
"""FLOP of one H100e in a month."""
BASE_RUN = 2.6e24 / FLOP_PER_MONTH
"""Training stock of the reference run (H100e-months)."""
COMPUTE_YEARS = ((23, "compute_2023"), (35, "compute_2024"), (47, "compute_2025"))


def recorded_compute(row: Row, entry: int, month: float) -> float:
    """H100e of a lab on record: log-linear from its entry through the year ends, flat after."""
    points = [(entry, math.log(float(row["compute_start"])))]
    points += [(at, math.log(float(row[column]))) for at, column in COMPUTE_YEARS if at > entry]
    return math.exp(interpolate(points, month))


def own_progress(tech: Technology, a: float, ln_R: float, slack: float) -> float:
    """Gain of a direction in a month; `slack` is research.slack times its channel times the shortfall."""
    return tech.theta_each * math.exp(tech.toes * ln_R - tech.beta * positive(a)) * ceiling(a) * (1.0 + slack)


def link_weight(same_bloc: bool, similarity: float, cross: float, listed: float, loss: float) -> float:
    """How much of another lab's methods reaches a lab."""
    return similarity if same_bloc else similarity * cross * (1.0 - listed * loss)


def available_gap(own: float, weight: float, undisclosed: float, published: float) -> float:
    """Lead of another lab in what can be known of it; -inf stands for nothing known."""
    return weight * max(undisclosed - own, published - own, 0.0)


def distilled_gap(access: float, teacher: float, student: float) -> float:
    """Lead of a released model over what the student has, as far as it has access."""
    return access * positive(teacher - student)


def absorb(borrowed: float, target: float, speed: float) -> float:
    """Borrowed know-how after a month."""
    return borrowed + speed * (target - borrowed)


def reasoning_gain(step: float, time: float, slope: float, months: int) -> float:
    """ECI gained `months` after adoption (0 in the month itself)."""
    return step * (1.0 - math.exp(-(months + 1) / time)) + slope * (months + 1) / 12.0


def adopts(home: bool, held: bool, published: bool, luck: float, delay: float) -> bool:
    """Whether a lab takes up the method: with its inventor's bloc, once published, or by chance once a lab held it."""
    return home or published or (held and luck < min(1.0, 1.0 / delay))


def first_training(compute: float, growth: float, memory: float) -> float:
    """The training stock of a newcomer whose compute has grown `growth` times a year for ever."""
    return compute / (math.pow(growth, 1.0 / 12.0) - (1.0 - 1.0 / memory))


def next_training(stock: float, compute: float, memory: float, cap_flop: float) -> float:
    """The training stock after a month (H100e-months), within the lab's cap on FLOP."""
    return min(stock * (1.0 - 1.0 / memory) + compute, cap_flop / FLOP_PER_MONTH)


def data_limited(stock: float, limit_flop: float, exponent: float, synthetic: float, months_since: int) -> float:
    """lnT': ln training relative to the base run, with lower returns beyond the data limit."""
    x = math.log(stock / BASE_RUN)
    limit = math.log(limit_flop / FLOP_PER_MONTH / BASE_RUN) + synthetic * max(0, months_since) / 12.0
    return x if x <= limit else limit + exponent * (x - limit)


def capability(base: float, eci_per_oom: float, ln_effective: float, reasoning: float) -> float:
    """ECI of ln effective compute and the reasoning gain."""
    return base + eci_per_oom * ln_effective / math.log(10.0) + reasoning
