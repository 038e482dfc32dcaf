"""Static labs for the theory tests: the solver of `agents.portfolio` with the money and wages of the propositions.

The propositions are stated for a lab with one kind of research, a constant-elasticity technology without a floor, the
final run as the only other use of compute, and a share zeta of the money that chips no longer take left for staff.
The solver has two directions, a floor o, product staff, inference, and a training weight w_T. The two coincide when o
is negligible, w_T = 1, w_I = w_P = 0 and both directions are the same (they then act as one).

Money. A lab under quota rationing pays the list price, so with fungibility 1 its wage bill is B - p Kcap. The share of
freed money that is lost in the propositions is taken off its budget: B' = B - (1 - zeta) p (K* - Kcap). Under price
rationing (the model's default, fungibility 0) the lab pays its shadow price for what it gets; how much of the money
that frees is a result, `freed`, not a parameter. At a Cobb-Douglas optimum with a constant marginal value of research
it is exactly 0: price rationing is the propositions' zeta = 0.

Wages. The supply of researchers to a bloc, L = L0 (w / w0)^eps, lies outside the lab's problem: the wage that clears is
found around the solver. e = eps / (1 + eps).
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from agents import portfolio
from agents.portfolio import Means, Prices, Problem, Technology, Weights
from sim.arrays import Array
from sim.engine import Engine
from sim.scenario import load_scenario

STEPS = 30
"""Newton steps: more than enough from any start."""
NO_FLOOR = 1e-9
STEP = 1e-4
"""Step in ln capacity of a central difference."""


@dataclass(frozen=True)
class Static:
    """Labs, one for each draw: arrays (1, draws), directions (2, 1, draws); prices as the lab meets them."""

    tech: Technology
    weights: Weights
    budget: Array
    wage: Array
    price: Array

    @cached_property
    def problem(self) -> Problem:
        return Problem(self.tech, self.weights)

    @cached_property
    def free(self) -> "Portfolio":
        """The plan at the list price."""
        means = Means(self.budget, self.wage, self.price)
        none = np.zeros((2, *self.budget.shape))
        start = Prices(np.log(self.price / self.budget), np.log(self.wage / self.budget), none, none)
        return self._described(portfolio.plan(self.problem, means, start, STEPS))

    def rationed(
        self, capacity: Array, *, zeta: Array | float = 1.0, wage: Array | None = None, budget: Array | None = None
    ) -> "Portfolio":
        """The portfolio that uses exactly `capacity`; zeta = 1 pays the list price, 0 the shadow price."""
        means = Means(self.budget if budget is None else budget, self.wage if wage is None else wage, self.price)
        share = np.broadcast_to(zeta, self.budget.shape)
        return self._described(portfolio.rationed(self.problem, means, capacity, share, self.free.at, STEPS))

    def with_lost_money(self, capacity: Array, zeta: Array | float, supply: Array | float = np.inf) -> "Portfolio":
        """The portfolio of the propositions: the share zeta of freed chip money goes to staff, wages clear.

        `supply` is the elasticity of researcher supply.
        """
        left = self.budget - (1.0 - zeta) * self.price * (self.free.compute - capacity)
        bill, bill_before = left - self.price * capacity, self.wage * self.free.labour
        wage = self.wage * (bill / bill_before) ** (1.0 / (1.0 + supply))
        return self.rationed(capacity, wage=wage, budget=left)

    def with_priced_compute(self, capacity: Array, supply: Array, zeta: Array | float = 0.0) -> "Portfolio":
        """The model's own rationing with fungibility `zeta` (0: by price), wages clear."""
        low, high = np.full_like(self.budget, -4.0), np.full_like(self.budget, 4.0)
        for _ in range(45):
            middle = 0.5 * (low + high)
            hired = self.rationed(capacity, zeta=zeta, wage=self.wage * np.exp(middle)).labour
            short = np.log(hired / self.free.labour) > supply * middle
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        return self.rationed(capacity, zeta=zeta, wage=self.wage * np.exp(0.5 * (low + high)))

    def only(self, place: int) -> "Static":
        """The lab in one place, all arrays with a last axis of 1."""

        def cut(values: Array) -> Array:
            return np.asarray(values)[..., place : place + 1]

        tech = Technology(*(cut(getattr(self.tech, entry.name)) for entry in fields(Technology)))
        weights = Weights(*(cut(getattr(self.weights, entry.name)) for entry in fields(Weights)))
        return Static(tech, weights, cut(self.budget), cut(self.wage), cut(self.price))

    def _described(self, at: Prices) -> "Portfolio":
        return Portfolio(self, at)


@dataclass(frozen=True)
class Portfolio:
    """What a lab does at the prices `at`."""

    lab: Static
    at: Prices

    @cached_property
    def now(self) -> portfolio.Demands:
        return self.lab.problem.demands(self.at)

    @property
    def compute(self) -> Array:
        used: Array = self.now.compute / np.exp(self.at.compute)
        return used

    @property
    def labour(self) -> Array:
        staff: Array = self.now.labour / np.exp(self.at.labour)
        return staff

    @property
    def training(self) -> Array:
        return np.asarray(self.lab.weights.training / np.exp(self.at.compute))

    @property
    def experiments(self) -> Array:
        """Experiment compute by direction."""
        return np.asarray(self.now.value * self.now.share / np.exp(self.at.compute))

    @property
    def researchers(self) -> Array:
        """Researchers by direction."""
        return np.asarray(self.now.value * (1.0 - self.now.share) / np.exp(self.at.labour))

    @property
    def experiment_share(self) -> Array:
        """s: experiments over experiments and training."""
        done = self.experiments.sum(axis=0)
        return np.asarray(done / (done + self.training))

    @property
    def premium(self) -> Array:
        """ln of the shadow price of compute over its list price, at the lab's first wage."""
        return np.asarray(self.at.compute - self.at.labour - np.log(self.lab.price / self.lab.wage))

    @property
    def objective(self) -> Array:
        """The lab's objective, from quantities and not from prices."""
        own, tech = self.lab.weights, self.lab.tech
        served = own.inference / np.exp(self.at.compute)
        product = own.product / np.exp(self.at.labour)
        inputs = research(tech, np.log(self.experiments), np.log(self.researchers))
        total = own.training * np.log(self.training) + (own.direction * gain(tech, inputs)).sum(axis=0)
        for weight, amount in ((own.inference, served), (own.product, product)):
            total = total + np.where(weight > 0.0, weight * np.log(np.where(weight > 0.0, amount, 1.0)), 0.0)
        return np.asarray(total)


def research(tech: Technology, ln_compute: Array, ln_labour: Array) -> Array:
    """ln R from the definition, by logaddexp."""
    k, n = ln_compute - tech.ln_compute_unit, ln_labour - tech.ln_labour_unit
    inner = (tech.compute_share - tech.floor) / (1.0 - 2.0 * tech.floor)
    rho = 1.0 - 1.0 / tech.substitution
    flat = np.abs(rho) < 1e-9
    safe = np.where(flat, 1.0, rho)
    nest = np.logaddexp(np.log(inner) + safe * k, np.log1p(-inner) + safe * n) / safe
    nest = np.where(flat, inner * k + (1.0 - inner) * n, nest)
    return np.asarray((1.0 - 2.0 * tech.floor) * nest + tech.floor * (k + n))


def compute_share(tech: Technology, ln_compute: Array, ln_labour: Array) -> Array:
    """omega = d ln R / d ln k from the definition."""
    k, n = ln_compute - tech.ln_compute_unit, ln_labour - tech.ln_labour_unit
    inner = (tech.compute_share - tech.floor) / (1.0 - 2.0 * tech.floor)
    odds = (1.0 / inner - 1.0) * np.exp(-(1.0 - 1.0 / tech.substitution) * (k - n))
    return np.asarray(tech.floor + (1.0 - 2.0 * tech.floor) / (1.0 + odds))


def marginal_value(tech: Technology, weights: Weights, ln_input: Array) -> Array:
    """eta = Om dG / d ln R."""
    z = np.exp(tech.ln_push + tech.exponent * ln_input)
    return np.asarray(weights.direction * tech.exponent * z / (1.0 + tech.curvature * z))


def gain(tech: Technology, ln_input: Array) -> Array:
    """G: the exact gain over the horizon (Lemma 0)."""
    z = np.exp(tech.ln_push + tech.exponent * ln_input)
    return np.asarray(np.log1p(tech.curvature * z) / tech.curvature)


def slope(of: Callable[[Array], Array], capacity: Array) -> Array:
    """d of / d ln capacity."""
    rise = of(capacity * np.exp(STEP)) - of(capacity * np.exp(-STEP))
    return np.asarray(rise / (2.0 * STEP))


def draws(count: int, seed: int, *, alike: bool = True, rich: bool = False, **fixed: float) -> Static:
    """Random labs. `alike`: both directions are the same; `rich`: inference, product staff and a floor as in the model.

    `fixed` pins sigma, lam, drag (ln of beta z at R = 1), b or effort.
    """
    chance = np.random.default_rng(seed)

    def drawn(name: str, low: float, high: float) -> Array:
        values = chance.uniform(low, high, (1, count))
        return np.full_like(values, fixed[name]) if name in fixed else values

    sigma = drawn("sigma", 0.0, 0.0) if "sigma" in fixed else np.exp(drawn("ln_sigma", np.log(0.2), np.log(2.6)))
    lam, drag = drawn("lam", 0.3, 0.9), drawn("drag", -4.0, 4.0)
    light = drawn("b", 0.2, 0.8)
    other = light if alike else drawn("b_other", 0.2, 0.9)
    share = np.stack([light, other])
    curvature = drawn("curvature", 0.3, 2.0)
    push = drag - np.log(curvature)
    tech = Technology(
        share, sigma, np.full_like(sigma, fixed.get("floor", 0.03 if rich else NO_FLOOR)), lam, curvature,
        np.full_like(sigma, np.log(300.0)), np.full_like(sigma, np.log(10.0)), np.stack([push, push]),
    )  # fmt: skip
    z = np.exp(push)
    effort = np.exp(drawn("ln_effort", np.log(0.3), np.log(12.0)))
    wanted = np.stack([effort, effort if alike else effort * np.exp(drawn("tilt", -1.0, 1.0))])
    direction = 0.5 * wanted / (lam * z / (1.0 + curvature * z))
    none = np.zeros_like(sigma)
    weights = Weights(
        training=drawn("w_T", 1.0, 6.0) if rich else none + 1.0,
        inference=drawn("w_I", 0.2, 8.0) if rich else none,
        product=drawn("w_P", 0.1, 3.0) if rich else none,
        direction=direction,
    )
    return Static(tech, weights, none + 1.0, none + 0.01, none + 0.001)


@dataclass(frozen=True)
class Elasticities:
    """d ln K_E, d ln K_T, d ln R and d ln L per d ln Kcap (directions alike)."""

    experiments: Array
    training: Array
    research: Array
    labour: Array


def elasticities(of: Callable[[Array], Portfolio], cap: Array) -> Elasticities:
    """Differentiate what a lab does in its capacity."""

    def logs(k: Array) -> Array:
        done = of(k)
        return np.stack([np.log(done.experiments[0]), np.log(done.training), done.at.research[0], np.log(done.labour)])

    return Elasticities(*slope(logs, cap))


def freed(static: Static, found: Elasticities, e: Array) -> Array:
    """The zeta of the propositions that a rationing regime amounts to in the plan: -(d ln L / e) / (Phi d ln Kcap)."""
    ratio = static.price * static.free.compute / (static.wage * static.free.labour)
    return np.asarray(-found.labour / (e * ratio))


def history(month: int, *sets: str) -> Engine:
    """The central world at the end of `month` of the recorded timeline."""
    engine = Engine(load_scenario("history_hold", ["world.base=central", *sets]), np.arange(1))
    while engine.month < month:
        engine.advance()
    return engine
