"""Proposition 5: what scarcity does to the frontier, the channels by which it could backfire, and Proposition 8.

The referee's note E6: the list of channels in Proposition 5 is not complete. Two more are tested here, staff that leave
products for research (w8) and chips moved between labs (w9).
"""

from dataclasses import replace

import numpy as np
import pytest

from agents import knowledge, lab, release
from agents.places import SENDER, STANCE_CLOSED, STANCE_FLAGSHIP, TARGET
from sim.arrays import Array
from tests.static_lab import NO_FLOOR, Portfolio, draws, elasticities, history, slope


def test_proposition_5_elasticities_of_experiments_training_and_research() -> None:
    """k = [1 + (1-s)(1-omega) zeta e Phi (rho-h)] / [1 - (1-s) psi], d ln K_T = (1 - s k)/(1 - s), however tight."""
    static = draws(300, 23)
    chance = np.random.default_rng(24)
    supply = np.exp(chance.uniform(np.log(0.3), np.log(40.0), static.budget.shape))
    zeta = chance.uniform(0.2, 1.0, static.budget.shape)
    cap = static.free.compute * chance.uniform(0.4, 1.0, static.budget.shape)

    def of(k: Array) -> Portfolio:
        return static.with_lost_money(k, zeta, supply)

    done, found = of(cap), elasticities(of, cap)
    s, omega, h = done.experiment_share, done.now.share[0], done.now.curve[0]
    rho = 1.0 - 1.0 / static.tech.substitution
    bill = static.budget - (1.0 - zeta) * static.price * (static.free.compute - cap) - static.price * cap
    pull = zeta * supply / (1.0 + supply) * static.price * cap / bill
    psi = h * omega + rho * (1.0 - omega)
    k = (1.0 + (1.0 - s) * (1.0 - omega) * pull * (rho - h)) / (1.0 - (1.0 - s) * psi)
    for got, expected in (
        (found.experiments, k), (found.training, (1.0 - s * k) / (1.0 - s)),
        (found.research, omega * k - (1.0 - omega) * pull),
    ):  # fmt: skip
        assert np.abs(got - expected).max() < 1e-4 * max(1.0, float(np.abs(expected).max()))


def test_proposition_5_an_optimising_lab_never_gains_effective_compute_from_scarcity() -> None:
    """zeta = e = 1, no inference or product staff, private value of research: d ln E = mu Kcap >= 0, however tight."""
    static = draws(300, 25, alike=False)
    cap = static.free.compute * np.random.default_rng(26).uniform(0.2, 1.0, static.budget.shape)
    done = static.rationed(cap)
    worth = (np.exp(done.at.compute) - np.exp(done.at.labour) * static.price / static.wage) * cap
    training = slope(lambda k: np.asarray(np.log(static.rationed(k).training)), cap)
    inputs = slope(lambda k: static.rationed(k).at.research, cap)
    effective = training + (done.now.value * inputs).sum(axis=0)
    assert np.abs(effective - worth).max() < 1e-4 * float(np.abs(worth).max())
    assert (effective > -1e-6).all()


def test_proposition_5_backfiring_needs_a_wedge_of_at_least_w_star() -> None:
    """At first, rho = h = 0: scarcity raises ln E iff eta_soc/eta_priv > W* = 1/(x - (1-x) s/(1-s)), x = zeta e.

    No wedge is large enough where the threshold of Proposition 3 is not met.
    """
    static = draws(400, 27, sigma=1.0, drag=25.0)
    chance = np.random.default_rng(28)
    supply = np.exp(chance.uniform(np.log(0.5), np.log(80.0), static.budget.shape))
    zeta = chance.uniform(0.6, 1.0, static.budget.shape)
    cap, s = static.free.compute, static.free.experiment_share
    found = elasticities(lambda k: static.with_lost_money(k, zeta, supply), cap)
    x = zeta * supply / (1.0 + supply)
    room = x - (1.0 - x) * s / (1.0 - s)
    possible = room > 1e-2
    assert np.array_equal(found.research[np.abs(room) > 1e-3] < 0.0, room[np.abs(room) > 1e-3] > 0.0)
    needed = -found.training / (static.free.now.value.sum(axis=0) * np.where(possible, found.research, -1.0))
    assert np.abs(needed * room - 1.0)[possible].max() < 1e-3
    assert (needed[possible] >= 1.0 - 1e-6).all()
    assert 0.2 < possible.mean() < 0.9


def test_channel_w8_staff_leave_products_for_research_and_effective_compute_rises() -> None:
    """With inference in the objective (zeta = e = 1, no wedge), ln E rises at the first tightening iff w_I > w_P Phi.

    Exact for rho = h = 0; Phi is spending on compute over spending on staff. So Proposition 5's list of channels is not
    complete (referee's note E6): the objective falls, effective compute of training does not.
    """
    static = draws(400, 29, rich=True, sigma=1.0, drag=25.0, floor=NO_FLOOR)
    cap, own = static.free.compute, static.weights
    training = slope(lambda k: np.asarray(np.log(static.rationed(k).training)), cap)
    inputs = slope(lambda k: static.rationed(k).at.research, cap)
    effective = own.training * training + (static.free.now.value * inputs).sum(axis=0)
    ratio = static.price * cap / (static.wage * static.free.labour)
    margin = own.inference - own.product * ratio
    assert np.abs(effective + margin).max() < 1e-4 * float(np.abs(margin).max())
    assert 0.1 < (margin > 0.0).mean() < 0.9
    harder = slope(lambda k: static.rationed(k).objective, cap * 0.7)
    assert (harder > 0.0).all()


@pytest.mark.parametrize(("effort", "f", "low", "high"), [(4.0, 0.97, 0.020, 0.030), (1.0, 0.8, 0.040, 0.060)])
def test_channel_w8_the_referees_counter_examples(effort: float, f: float, low: float, high: float) -> None:
    """w_I = 1, w_P = 0, b = .4: ln E rises by .025 (s = .8, f = .97) and .05 (s = .5, f = .8); the objective falls."""
    static = draws(1, 30, sigma=1.0, drag=25.0, b=0.4, ln_effort=float(np.log(effort / 0.4)))
    static = replace(static, weights=replace(static.weights, inference=np.ones((1, 1))))
    free, tight = static.free, static.rationed(static.free.compute * f)
    assert free.experiment_share[0, 0] == pytest.approx(effort / (1.0 + effort), abs=1e-6)
    served = np.log(f)
    change = float((tight.objective - free.objective)[0, 0])
    assert low < change - served < high
    assert change < 0.0


def test_channel_w9_chips_given_to_the_leader_can_raise_the_frontier_labs_compute() -> None:
    """A bloc that loses a tenth of its compute and hands it to its champions gives its largest lab more than before."""
    engine = history(47)
    state, world, hand = engine.labs, engine.block.labs, engine.handoff
    target = np.flatnonzero(world.bloc == TARGET)
    scarce = replace(hand, capacity=hand.capacity * 0.9)
    given = []
    for chips, mode in ((hand, 0.0), (scarce, 0.0), (scarce, 1.0), (scarce, 2.0)):
        lab.allocate(state, engine.block.par, world, engine.entered, chips, np.full((1, 4), mode))
        given.append(state.capacity[:, target].copy())
    before, pro_rata, champions, pooled = given
    assert np.allclose(pro_rata, 0.9 * before, rtol=1e-12)
    assert champions.max() > before.max()
    assert pooled.max() > before.max()
    assert np.allclose(champions.sum(), 0.9 * before.sum(), rtol=1e-12)


def test_proposition_8_a_lab_short_of_serving_capacity_gains_by_opening() -> None:
    """Less serving capacity, all else fixed: an open flagship gains on a closed one, strictly once capacity binds."""
    engine = history(40)
    assert engine.market is not None
    state, par, world = engine.labs, engine.block.par, engine.block.labs
    rules, rivals = engine.block.rulebook.publication(engine.month), release.see_rivals(engine.shelf)
    bound = 0
    for place in np.flatnonzero((engine.entered > 0.0) & np.isin(world.bloc, (SENDER, TARGET))):
        values = []
        for serving in np.geomspace(1e9, 1e-3, 40):
            capacity = np.full_like(state.premium, serving)
            setting = release.Setting(rivals, engine.market, rules, capacity, np.ones_like(state.premium))
            values.append(release.stance_values(state, par, world, setting, int(place)))
        lead = np.stack([value[:, STANCE_FLAGSHIP] - value[:, STANCE_CLOSED] for value in values])
        rises = np.diff(lead, axis=0)
        assert (rises >= 0.0).all(), world.names[place]
        assert (rises[0] == 0.0).all(), "capacity that does not bind decides nothing"
        binding = np.flatnonzero(rises[:, 0] > 0.0)
        if len(binding):
            assert (rises[binding[0] :] > 0.0).all()
            bound += 1
    assert bound >= 8


def test_a_student_never_overtakes_its_teacher_by_borrowing() -> None:
    """Spillovers and distillation close gaps and never reverse them: nobody borrows more than there is."""
    engine = history(47)
    state, shelf, world = engine.labs, engine.shelf, engine.block.labs
    par = {**engine.block.par, "knowledge.spillover": np.ones((len(engine.lot), 1)),
           "knowledge.distillation": np.full((len(engine.lot), 1), 0.9),
           "knowledge.absorption": np.full((len(engine.lot), 1), 1.0)}  # fmt: skip
    rules = engine.block.rulebook.knowledge(engine.month)
    own, teacher = state.algorithm.sum(axis=2), np.where(shelf.exists, shelf.ln_effective, -np.inf).max(axis=(2, 3))
    best = own.max(axis=1, keepdims=True)
    gap = np.maximum(best - own, 0.0)
    reached = state.ln_training + own + gap
    state.borrowed = np.zeros_like(own)
    after = knowledge.borrow(state, par, gap, knowledge.teacher_gap(par, shelf, world, reached, rules))
    ceiling = np.maximum(np.maximum(best + state.ln_training, teacher.max(axis=1, keepdims=True)), reached)
    assert (state.ln_training + own + after <= ceiling + 1e-9).all()
    assert (after > 0.0).any()
