"""Sections 6 to 9: a lab's budget, its plan and its rationed portfolio, by bracketing; wages."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from scipy.optimize import brentq

from tests.twin.inputs import positive

Pair = tuple[float, float]
CEILING = 40.0


class Technology(NamedTuple):
    """How compute and people make research; pairs are (compute-light, scale-dependent)."""

    sigma: float
    compute_share: Pair
    floor: float
    toes: float
    beta: float
    theta_each: float
    horizon: float
    base_compute: float
    base_researchers: float


class Weights(NamedTuple):
    """Weights of a lab's objective: training (1 is the final run alone), research directions, inference, product."""

    training: float
    research: Pair
    inference: float
    product: float


class Position(NamedTuple):
    """Where the lab stands: ln efficiency of its two directions and how large experiments must be (tau^varpi)."""

    a: Pair
    scale: float


class Plan(NamedTuple):
    """A portfolio: ln m, v, the sums NK and NL, the marginal values eta and compute shares omega, ln R, compute."""

    ln_m: float
    v: float
    NK: float
    NL: float
    eta: Pair
    omega: Pair
    ln_R: Pair
    compute: float


def progress_rate(rate: float, eci_per_oom: float, anchor_growth: float) -> float:
    """theta, tied to the capability scale by observed growth of the frontier."""

    def kappa(k: float) -> float:
        return max(0.05, anchor_growth / k - 0.65)

    return rate * kappa(eci_per_oom) / kappa(7.5)


def technology(p: Mapping[str, float]) -> Technology:
    """The research technology that the parameters describe."""
    theta = progress_rate(p["research.progress_rate"], p["capability.eci_per_oom"], p["capability.anchor_growth"])
    toes = p["research.stepping_on_toes"]
    return Technology(
        p["research.elasticity_compute_labour"],
        (p["research.compute_share_light"], p["research.compute_share_scale"]),
        p["research.share_floor"], toes, 2.0 * toes / p["research.returns_to_research"], theta / 2.0,
        p["research.planning_horizon"], p["research.base_compute"], p["research.base_researchers"],
    )  # fmt: skip


def ceiling(a: float) -> float:
    """Slowing of progress as a direction nears its limit."""
    return max(1e-12, 1.0 - (positive(a) / CEILING) ** 4)


def base_elasticity(tech: Technology) -> float:
    """e0: marginal value of ln R in either direction at R = 1, a = 0."""
    z0 = tech.horizon * tech.theta_each
    return tech.toes * z0 / (1.0 + tech.beta * z0)


class Observed(NamedTuple):
    """Shares at the base point: final run, efficiency research in what is explored, inference, product staff."""

    final_run: float
    experiment: float
    inference: float
    product: float


def weights(tech: Technology, seen: Observed) -> Weights:
    """Weights under which observed shares are best at the base point."""
    e0 = base_elasticity(tech)
    explored = (1.0 - seen.final_run) / seen.final_run
    first, second = (seen.experiment * explored * 0.5 / (b * e0) for b in tech.compute_share)
    staff = sum(om * e0 * (1.0 - b) for om, b in zip((first, second), tech.compute_share, strict=True))
    inference = seen.inference / (1.0 - seen.inference) / seen.final_run
    training = 1.0 + (1.0 - seen.experiment) * explored
    return Weights(training, (first, second), inference, seen.product / (1.0 - seen.product) * staff)


def base_compute_share(tech: Technology, w: Weights) -> float:
    """phi: compute share of spending at the base point."""
    e0 = base_elasticity(tech)
    nk = w.training + w.inference + sum(om * e0 * b for om, b in zip(w.research, tech.compute_share, strict=True))
    nl = w.product + sum(om * e0 * (1.0 - b) for om, b in zip(w.research, tech.compute_share, strict=True))
    return nk / (nk + nl)


def ln_mean(share: float, power: float, ln_x: float, ln_y: float) -> float:
    """ln of the power mean of x and y with weights share and 1 - share; power 0 is the geometric mean."""
    if power == 0.0:
        return share * ln_x + (1.0 - share) * ln_y
    top = max(power * ln_x, power * ln_y)
    inside = share * math.expm1(power * ln_x - top) + (1.0 - share) * math.expm1(power * ln_y - top)
    return (top + math.log1p(inside)) / power


def ln_research(tech: Technology, j: int, compute: float, staff: float, scale: float) -> float:
    """ln R_j of what a lab puts in; -inf where a factor is missing."""
    if compute <= 0.0 or staff <= 0.0:
        return -math.inf
    o = tech.floor
    k, n = math.log(compute / (tech.base_compute * scale)), math.log(staff / tech.base_researchers)
    inner = (tech.compute_share[j] - o) / (1.0 - 2.0 * o)
    return (1.0 - 2.0 * o) * ln_mean(inner, 1.0 - 1.0 / tech.sigma, k, n) + o * k + o * n


def compute_part(tech: Technology, j: int, q: float) -> Pair:
    """(omega, 1 - omega) at the input ratio q = ln k - ln l: the shares of the two factors in what research costs."""
    o = tech.floor
    bc, rho = (tech.compute_share[j] - o) / (1.0 - 2.0 * o), 1.0 - 1.0 / tech.sigma
    mine = 1.0 / (1.0 + (1.0 - bc) / bc * math.exp(-rho * q))
    others = 1.0 / (1.0 + bc / (1.0 - bc) * math.exp(rho * q))
    return o + (1.0 - 2.0 * o) * mine, o + (1.0 - 2.0 * o) * others


def input_ratio(tech: Technology, j: int, ln_pk: float, ln_pl: float) -> float:
    """The ratio of inputs that is cheapest at these factor prices."""

    def gap(q: float) -> float:
        mine, others = compute_part(tech, j, q)
        return math.log(mine / others) - q - (ln_pk - ln_pl)

    return root(gap, 0.0, rising=False)


def unit_cost(tech: Technology, j: int, ln_pk: float, ln_pl: float) -> Pair:
    """(ln c_j, omega_j): cost of a unit of research at factor prices, and compute's share in it."""
    o, q = tech.floor, input_ratio(tech, j, ln_pk, ln_pl)
    bc = (tech.compute_share[j] - o) / (1.0 - 2.0 * o)
    spent = ln_pl + math.log1p(math.exp(ln_pk - ln_pl + q))
    return spent - (1.0 - 2.0 * o) * ln_mean(bc, 1.0 - 1.0 / tech.sigma, q, 0.0) - o * q, compute_part(tech, j, q)[0]


def root(f: Callable[[float], float], start: float, rising: bool) -> float:
    """The zero of a monotone function, bracketed outwards from `start`."""
    sign = 1.0 if rising else -1.0
    low = high = start
    width = 0.5
    while sign * f(low) > 0.0:
        high, low, width = low, low - width, 2.0 * width
    width = 0.5
    while sign * f(high) < 0.0:
        low, high, width = high, high + width, 2.0 * width
    return low if low == high else float(brentq(f, low, high, xtol=1e-14, rtol=8.9e-16, maxiter=400))


def marginal_value(tech: Technology, om: float, a: float, ln_R: float) -> float:
    """eta_j: marginal value of ln R_j."""
    z = tech.horizon * tech.theta_each * math.exp(tech.toes * ln_R - tech.beta * positive(a)) * ceiling(a)
    return om * tech.toes * z / (1.0 + tech.beta * z)


def best_research(tech: Technology, om: float, a: float, ln_c: float) -> float:
    """ln R at which its marginal value equals its cost."""

    def gap(ln_R: float) -> float:
        return ln_R + ln_c - math.log(marginal_value(tech, om, a, ln_R))

    return root(gap, 0.0, rising=True)


def demands(tech: Technology, w: Weights, at: Position, ln_m: float, v: float) -> Plan:
    """What the lab wants at utility prices m of compute and exp(v) of labour."""
    ln_pk, ln_pl = ln_m + math.log(tech.base_compute * at.scale), v + math.log(tech.base_researchers)
    eta, omega, ln_R = [], [], []
    for j in (0, 1):
        ln_c, share = unit_cost(tech, j, ln_pk, ln_pl)
        best = best_research(tech, w.research[j], at.a[j], ln_c)
        eta.append(marginal_value(tech, w.research[j], at.a[j], best))
        omega.append(share)
        ln_R.append(best)
    nk = w.training + w.inference + sum(e * x for e, x in zip(eta, omega, strict=True))
    nl = w.product + sum(e * (1.0 - x) for e, x in zip(eta, omega, strict=True))
    pair = (eta[0], eta[1]), (omega[0], omega[1]), (ln_R[0], ln_R[1])
    return Plan(ln_m, v, nk, nl, *pair, nk / math.exp(ln_m))


def unconstrained_plan(tech: Technology, w: Weights, at: Position, budget: float, wage: float, price: float) -> Plan:
    """The plan of a lab that may buy all the compute it wants at `price`."""

    def at_price(v: float) -> Plan:
        return demands(tech, w, at, v + math.log(price / wage), v)

    def excess(v: float) -> float:
        plan = at_price(v)
        return math.log(plan.NK + plan.NL) - v - math.log(budget / wage)

    return at_price(root(excess, math.log(wage * 10.0 / budget), rising=False))


def rationed_plan(
    tech: Technology, w: Weights, at: Position, budget: float, wage: float, cap: float, price: float, fungible: float
) -> Plan:
    """The plan of a lab that gets `cap` of compute; `fungible` (zeta) is 0 under rationing by price."""
    start = unconstrained_plan(tech, w, at, budget, wage, price)

    def with_cap(v: float) -> Plan:
        def excess(ln_m: float) -> float:
            return math.log(demands(tech, w, at, ln_m, v).NK) - ln_m - math.log(cap)

        return demands(tech, w, at, root(excess, start.ln_m, rising=False), v)

    def unspent(v: float) -> float:
        plan = with_cap(v)
        spent = fungible * math.exp(v) / wage * price * cap + (1.0 - fungible) * plan.NK + plan.NL
        return math.log(spent) - v - math.log(budget / wage)

    return with_cap(root(unspent, start.v, rising=False))


def shadow_premium(plan: Plan, wage: float, price: float, floor: float) -> float:
    """ln of the shadow price of compute over its list price, at least the floor."""
    return max(floor, plan.ln_m + math.log(wage) - plan.v - math.log(price))


class Portfolio(NamedTuple):
    """Shares of compute (training, two experiments, inference), of researchers (two directions, product), of labour."""

    compute: tuple[float, float, float, float]
    staff: tuple[float, float, float]
    labour: float


def best_portfolio(plan: Plan, w: Weights, budget: float, wage: float) -> Portfolio:
    """The shares that a plan implies."""
    e1, e2 = (e * x / plan.NK for e, x in zip(plan.eta, plan.omega, strict=True))
    s1, s2 = (e * (1.0 - x) / plan.NL for e, x in zip(plan.eta, plan.omega, strict=True))
    labour = plan.NL * wage / (math.exp(plan.v) * budget)
    return Portfolio((w.training / plan.NK, e1, e2, w.inference / plan.NK), (s1, s2, w.product / plan.NL), labour)


def adjust(old: Portfolio, best: Portfolio, speed: float) -> Portfolio:
    """Shares moved towards the best ones."""

    def move(x: float, y: float) -> float:
        return x + speed * (y - x)

    t, e1, e2, i = (move(x, y) for x, y in zip(old.compute, best.compute, strict=True))
    s1, s2, p = (move(x, y) for x, y in zip(old.staff, best.staff, strict=True))
    return Portfolio((t, e1, e2, i), (s1, s2, p), move(old.labour, best.labour))


def allocation(weight: Sequence[float], capability: Sequence[float], lever: float, favour: float) -> list[float]:
    """Shares of the labs' compute of a bloc: pro rata (0), to champions (1), pooled at the best lab (2)."""
    total, squares = sum(weight), sum(y * y for y in weight)
    best = max(range(len(weight)), key=lambda k: capability[k])
    shares = []
    for k, y in enumerate(weight):
        pro_rata, champion = y / total, y * y / squares
        pooled = (1.0 - favour) * pro_rata + (favour if k == best else 0.0)
        if lever <= 1.0:
            shares.append((1.0 - lever) * pro_rata + lever * champion)
        else:
            shares.append((2.0 - lever) * champion + (lever - 1.0) * pooled)
    return shares


class LabourMarket(NamedTuple):
    """How wages move: elasticity of supply, speed, and this month's log growth of the reference wage."""

    elasticity: float
    speed: float
    growth: float


def next_wage(market: LabourMarket, wage: float, reference: float, employed: float, supply: float) -> float:
    """Next month's wage; `supply` is the labour on offer at the reference wage."""
    tightness = math.log(employed / supply) if employed > 0.0 and supply > 0.0 else 0.0
    gap = tightness - market.elasticity * math.log(wage / reference)
    return wage * math.exp(market.growth + market.speed * gap / (1.0 + market.elasticity))
