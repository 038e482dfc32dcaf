"""Rules of labs, talent and knowledge: the arrays against the twin, one rule at a time, over random draws."""

import math
from typing import Any

import numpy as np
import pytest

from agents import knowledge, lab, portfolio
from agents.shelf import Shelf
from sim.data import BLOCS, load_tables
from tests.twin import knowledge as one_knowledge
from tests.twin import lab as one_lab
from tests.twin.draws import Array, agree, box, of_run, parameters

RUNS, LABS = 40, 3
TABLES = load_tables()
HOMES = np.array([0, 1, 1])


@pytest.fixture(params=[41, 42])
def chance(request: pytest.FixtureRequest) -> np.random.Generator:
    """A source of draws."""
    return np.random.default_rng(request.param)


def technology_of(par: Any, chance: np.random.Generator) -> tuple[Array, Array, Any]:
    """Random positions, experiment scales and the arrays' technology; sigma is 1 in some runs."""
    sigma = par["research.elasticity_compute_labour"]
    sigma[:] = np.exp(chance.uniform(math.log(0.2), math.log(2.6), sigma.shape))
    sigma[:: RUNS // 5] = 1.0
    position = chance.uniform(-2.0, 14.0, (RUNS, LABS, 2))
    frontier = chance.uniform(1.0, 500.0, (RUNS, 1))
    return position, frontier, lab.technology(par, position, frontier)


def own_technology(
    p: dict[str, float], position: Array, frontier: float
) -> tuple[one_lab.Technology, one_lab.Position]:
    """The same for the twin."""
    scale = frontier ** p["research.frontier_experiment_exponent"]
    return one_lab.technology(p), one_lab.Position((float(position[0]), float(position[1])), scale)


@pytest.mark.parametrize("zeta", [0.0, 0.6, 1.0])
def test_plan_and_rationed_portfolio(chance: np.random.Generator, zeta: float) -> None:
    par = parameters(TABLES, chance, RUNS)
    position, frontier, tech = technology_of(par, chance)
    final, serve = chance.uniform(0.05, 0.4, (RUNS, LABS)), np.array([0.3])
    terms = lab.lab_terms(par, box(final_run_share=final, inference_share=serve), 0, tech)
    problem = portfolio.Problem(tech, terms.weights)
    budget = np.exp(chance.uniform(0.0, 7.0, (RUNS, LABS)))
    wage, price = chance.uniform(0.02, 0.2, (RUNS, LABS)), chance.uniform(0.0005, 0.006, (RUNS, LABS))
    means = portfolio.Means(budget, wage, price)
    zeros, pairs = np.zeros((RUNS, LABS)), np.zeros((2, RUNS, LABS))
    free = tight = portfolio.Prices(zeros - 7.0, zeros - 2.0, pairs, pairs)
    for _ in range(3):
        free = portfolio.plan(problem, means, free, portfolio.COLD_STEPS[0])
    wanted = problem.demands(free).compute / np.exp(free.compute)
    cap = wanted * chance.choice([0.02, 0.2, 0.6, 0.95], (RUNS, LABS))
    for _ in range(3):
        tight = portfolio.rationed(problem, means, cap, np.full((RUNS, 1), zeta), tight, portfolio.COLD_STEPS[1])
    shares = portfolio.split(problem, means, tight)
    for run in range(RUNS):
        p = of_run(par, run)
        for i in range(LABS):
            own, at = own_technology(p, position[run, i], float(frontier[run, 0]))
            seen = float(final[run, i]), p["research.experiment_share"], 0.3, p["research.product_staff_share"]
            w = one_lab.weights(own, one_lab.Observed(*seen))
            agree(terms.compute_share[run, i], one_lab.base_compute_share(own, w))
            money = float(budget[run, i]), float(wage[run, i])
            plan = one_lab.unconstrained_plan(own, w, at, *money, float(price[run, i]))
            agree([wanted[run, i], free.compute[run, i], free.labour[run, i]], [plan.compute, plan.ln_m, plan.v])
            best = one_lab.rationed_plan(own, w, at, *money, float(cap[run, i]), float(price[run, i]), zeta)
            agree([tight.compute[run, i], tight.labour[run, i]], [best.ln_m, best.v])
            agree(tight.research[:, run, i], best.ln_R, scale=1.0)
            there = one_lab.best_portfolio(best, w, *money)
            agree(shares.compute[run, i], there.compute)
            agree(shares.labour[run, i], there.staff)
            agree(shares.labour_share[run, i], there.labour)


@pytest.mark.parametrize("cut", [0.5, 0.2])
def test_one_month_from_the_last_solution_is_enough(chance: np.random.Generator, cut: float) -> None:
    """Capacity that falls to a half or a fifth in one month is solved by the steps that a month without entry takes."""
    par = parameters(TABLES, chance, RUNS)
    _, _, tech = technology_of(par, chance)
    shares = box(final_run_share=np.full((RUNS, LABS), 0.15), inference_share=np.array([0.3]))
    terms = lab.lab_terms(par, shares, 0, tech)
    problem = portfolio.Problem(tech, terms.weights)
    zeros, pairs = np.zeros((RUNS, LABS)), np.zeros((2, RUNS, LABS))
    means = portfolio.Means(zeros + 40.0, zeros + 0.05, zeros + 0.003)
    free = tight = portfolio.Prices(zeros - 7.0, zeros - 2.0, pairs, pairs)
    for _ in range(3):
        free = portfolio.plan(problem, means, free, portfolio.COLD_STEPS[0])
    cap, zeta = 0.9 * problem.demands(free).compute / np.exp(free.compute), np.zeros((RUNS, 1))
    for _ in range(3):
        tight = portfolio.rationed(problem, means, cap, zeta, tight, portfolio.COLD_STEPS[1])
    cold = warm = portfolio.rationed(problem, means, cut * cap, zeta, tight, portfolio.WARM_STEPS[1])
    for _ in range(3):
        cold = portfolio.rationed(problem, means, cut * cap, zeta, cold, portfolio.COLD_STEPS[1])
    agree(warm.compute, cold.compute)
    agree(warm.labour, cold.labour)


def test_rate_of_progress_tied_to_the_capability_scale() -> None:
    scale, growth = np.array([[4.0], [7.5], [9.9], [10.0]]), np.array([[8.3], [7.0], [9.6], [3.0]])
    par = {"research.progress_rate": np.full((4, 1), 0.087), "capability.eci_per_oom": scale,
           "capability.anchor_growth": growth}  # fmt: skip
    rate = lab.direction_rate(par)
    for run in range(4):
        agree(rate[run, 0], 0.5 * one_lab.progress_rate(0.087, float(scale[run, 0]), float(growth[run, 0])))


def test_shares_move_toward_the_best(chance: np.random.Generator) -> None:
    par = parameters(TABLES, chance, RUNS)
    old, best = (portfolio.Split(chance.dirichlet(np.ones(4), (RUNS, LABS)), chance.dirichlet(np.ones(3), (RUNS, LABS)),
                                 chance.uniform(0.1, 0.5, (RUNS, LABS))) for _ in range(2))  # fmt: skip
    state = box(compute_share=old.compute, staff_share=old.labour, labour_share=old.labour_share)
    lab.adjust(state, par, best, np.array([0.0, 0.0, 1.0]))
    for run in range(RUNS):
        p = of_run(par, run)
        speed = p["research.portfolio_adjustment"] * p["channel.portfolio_response"]
        for i in range(LABS):
            one, two = (
                one_lab.Portfolio(tuple(x.compute[run, i]), tuple(x.labour[run, i]), float(x.labour_share[run, i]))
                for x in (old, best)
            )
            moved = two if i == 2 else one_lab.adjust(one, two, speed)
            agree(state.compute_share[run, i], moved.compute)
            agree(state.staff_share[run, i], moved.staff)
            agree(state.labour_share[run, i], moved.labour)


def test_research_and_progress(chance: np.random.Generator) -> None:
    par = parameters(TABLES, chance, RUNS)
    position, frontier, tech = technology_of(par, chance)
    compute, staff = (np.exp(chance.uniform(0.0, 12.0, (RUNS, LABS))) for _ in range(2))
    used = box(
        compute=compute, distillation_compute=np.zeros_like(compute), compute_share=np.full((RUNS, LABS, 4), 0.25),
        staff_share=np.full((RUNS, LABS, 3), 0.4), researchers=staff, algorithm=position,
        shortfall=chance.uniform(0.0, 1.0, (RUNS, LABS)),
    )  # fmt: skip
    gains = knowledge.own_progress(used, par, tech)
    found = portfolio.research_input(tech, np.stack([compute, compute]), np.stack([staff, staff]))
    for run in range(RUNS):
        p = of_run(par, run)
        for i in range(LABS):
            own, at = own_technology(p, position[run, i], float(frontier[run, 0]))
            put_in = float(compute[run, i]), float(staff[run, i])
            slack = p["research.slack"] * p["channel.slack"] * float(used.shortfall[run, i])
            for j in (0, 1):
                agree(found[j, run, i], one_lab.ln_research(own, j, *put_in, at.scale), scale=1.0)
                made = one_lab.ln_research(own, j, 0.25 * put_in[0], 0.4 * put_in[1], at.scale)
                agree(gains[j][run, i], one_knowledge.own_progress(own, at.a[j], made, slack))


def test_allocation_of_a_blocs_compute(chance: np.random.Generator) -> None:
    weight, capability = (chance.uniform(low, high, (RUNS, LABS)) for low, high in ((0.01, 1.0), (100.0, 140.0)))
    lever = chance.choice([0.0, 0.4, 1.0, 1.3, 2.0], (RUNS, 1))
    funding = chance.uniform(-0.3, 0.3, (RUNS, LABS))
    par = parameters(TABLES, chance, RUNS)
    state = box(capacity_share=weight, deviation=funding, capability=capability, capacity=None)
    chips = box(capacity=np.full((RUNS, 4), 5e5), quality=np.full((RUNS, 4), 0.9))
    everywhere = np.broadcast_to(lever, (RUNS, len(BLOCS)))
    lab.allocate(state, par, box(bloc=np.array([1, 1, 1])), np.ones(LABS), chips, everywhere)
    for run in range(RUNS):
        claims = [float(x) * math.exp(float(y)) for x, y in zip(weight[run], funding[run], strict=True)]
        shares = one_lab.allocation(claims, [float(x) for x in capability[run]], float(lever[run, 0]),
                                    of_run(par, run)["budget.pooled_share"])  # fmt: skip
        agree(state.capacity[run], [5e5 * 0.9 * float(weight[run].sum()) * x for x in shares])


def test_wages(chance: np.random.Generator) -> None:
    par = parameters(TABLES, chance, RUNS)
    month, base = 7, np.array([0.06, 0.03, 0.045, 0.04])
    state = box(labour_share=chance.uniform(0.1, 0.4, (RUNS, LABS)), budget=chance.uniform(1.0, 90.0, (RUNS, LABS)),
                reference_budget=chance.uniform(1.0, 90.0, (RUNS, LABS)), wage=chance.uniform(0.02, 0.2, (RUNS, 4)),
                researchers=None)  # fmt: skip
    before, terms = state.wage.copy(), box(compute_share=chance.uniform(0.5, 0.9, (RUNS, LABS)))
    openness = chance.uniform(0.0, 1.0, (1, 4))
    lab.clear_talent(state, par, box(bloc=HOMES), month, terms, np.array([1.0, 1.0, 0.0]), openness, base)
    for run in range(RUNS):
        p = of_run(par, run)
        rules = one_lab.LabourMarket(p["talent.supply_elasticity"], p["talent.wage_speed"],
                                     math.log(1.0 + p["talent.wage_growth"]) / 12.0)  # fmt: skip
        for b in range(4):
            reference, wage = float(base[b]) * (1.0 + p["talent.wage_growth"]) ** (month / 12.0), float(before[run, b])
            employed = supply = 0.0
            if b in (0, 1):
                staff = float(state.labour_share[run, b] * state.budget[run, b]) / wage
                agree(state.researchers[run, b], staff)
                employed = staff
                supply = (1.0 - float(terms.compute_share[run, b])) * float(state.reference_budget[run, b]) / reference
                supply *= math.exp(p["talent.openness_effect"] * (float(openness[0, b]) - 0.5))
            agree(state.wage[run, b], one_lab.next_wage(rules, wage, reference, employed, supply))


def test_what_labs_learn_from_each_other(chance: np.random.Generator) -> None:
    """Links, spillovers, distillation, absorption."""
    par = parameters(TABLES, chance, RUNS)
    nearness, listed = chance.uniform(0.0, 1.0, (LABS, LABS)), chance.uniform(0.0, 1.0, (1, 1))
    checks, block = chance.uniform(0.0, 1.0, (1, 1)), chance.uniform(0.0, 1.0, (1, 1))
    rules = box(entity_list=listed, interface_checks=checks, anti_distillation=block)
    state = box(algorithm=chance.uniform(-1.0, 3.0, (RUNS, LABS, 2)), borrowed=chance.uniform(0.0, 1.0, (RUNS, LABS)),
                stance=chance.integers(0, 3, (RUNS, LABS)))  # fmt: skip
    state.position = state.algorithm.sum(axis=2)
    earlier, latest = (chance.uniform(-1.0, 6.0, (RUNS, LABS)) for _ in range(2))
    known = chance.integers(0, 2, (RUNS, LABS)).astype(np.float64)
    shape = (RUNS, LABS, 2, 2)
    there, level = chance.uniform(size=shape) < 0.6, chance.uniform(-1.0, 8.0, shape)
    filler = np.zeros(shape)
    shelf = Shelf(there, filler, level, filler, filler, filler, filler, filler)
    reached = chance.uniform(-2.0, 6.0, (RUNS, LABS))
    links = knowledge.link_weights(par, nearness, HOMES, rules)
    gap = knowledge.available_gap(state, links, earlier, latest, known)
    teachers = knowledge.teacher_gap(par, shelf, box(bloc=HOMES), reached, rules)
    borrowed = knowledge.borrow(state, par, gap, teachers)
    foreign = (1.0 - float(checks[0, 0])) * (1.0 - float(block[0, 0]))
    for run in range(RUNS):
        p = of_run(par, run)
        for i in range(LABS):
            own, lead, taught = float(state.algorithm[run, i].sum()), 0.0, 0.0
            for j in (k for k in range(LABS) if k != i):
                home = bool(HOMES[i] == HOMES[j])
                least = p["knowledge.least_similarity"]
                similarity = least + (1.0 - least) * float(nearness[i, j])
                weight = one_knowledge.link_weight(home, similarity, p["knowledge.cross_bloc_weight"],
                                                   float(listed[0, 0]), p["knowledge.collaboration_loss"])  # fmt: skip
                agree(links[run, i, j], weight)
                hidden = float(earlier[run, j]) if known[run, j] else -math.inf
                told = float(latest[run, j]) if state.stance[run, j] == 2 else -math.inf
                lead = max(lead, one_knowledge.available_gap(own, weight, hidden, told))
                for o, v in ((o, v) for o in (0, 1) for v in (0, 1) if there[run, j, o, v]):
                    access = foreign if o == 0 and not home else 1.0
                    taught = max(taught, one_knowledge.distilled_gap(access, float(level[run, j, o, v]),
                                                                     float(reached[run, i])))  # fmt: skip
            agree([gap[run, i], teachers[run, i]], [lead, taught], scale=1.0)
            target = p["channel.spillovers"] * p["knowledge.spillover"] * lead
            target += p["channel.distillation"] * p["knowledge.distillation"] * taught
            agree(borrowed[run, i], one_knowledge.absorb(float(state.borrowed[run, i]), target,
                                                         p["knowledge.absorption"]))  # fmt: skip


def test_adoption_and_gain_of_the_reasoning_method(chance: np.random.Generator) -> None:
    par = parameters(TABLES, chance, RUNS)
    adopted = np.where(chance.uniform(size=(RUNS, LABS)) < 0.3, 5.0, np.inf)
    state = box(adopted=adopted)
    released = np.where(chance.uniform(size=(RUNS, LABS)) < 0.5, chance.integers(2, 9, (RUNS, LABS)), -np.inf)
    event = box(month=9, lab=1, gain=chance.uniform(2.0, 9.0, (RUNS, 1)))
    luck = chance.uniform(size=(RUNS, LABS))
    for month in (8, 9, 10):
        told = knowledge.Adoption(luck, released)
        now = knowledge.adopt_reasoning(state, par, box(bloc=HOMES), month, event, np.array([1.0, 1.0, 1.0]), told)
        gain = knowledge.reasoning_gain(par, now, month, event)
        for run in range(RUNS):
            p = of_run(par, run)
            held = np.isfinite(adopted[run])
            published = any(held[k] and released[run, k] >= adopted[run, k] for k in range(LABS))
            for i in range(LABS):
                home = month == 9 and HOMES[i] == 1
                found = one_knowledge.adopts(home, bool(held.any()), published, float(luck[run, i]),
                                             p["reasoning.undisclosed_delay"])  # fmt: skip
                since = adopted[run, i] if held[i] else (month if found else math.inf)
                assert now[run, i] == since
                worth = 0.0 if math.isinf(since) else one_knowledge.reasoning_gain(
                    float(event.gain[run, 0]), p["reasoning.step_time"], p["reasoning.slope"], month - int(since)
                )  # fmt: skip
                agree(gain[run, i], p["channel.reasoning"] * worth)


def test_training_and_capability(chance: np.random.Generator) -> None:
    par = parameters(TABLES, chance, RUNS)
    first = knowledge.first_run(par, np.ones((RUNS, LABS)))
    for run in range(RUNS):
        p = of_run(par, run)
        alone = one_knowledge.first_training(1.0, p["training.growth_at_entry"], p["training.run_months"])
        agree(first[run], [alone] * LABS)
    state = box(training_run=np.exp(chance.uniform(5.0, 20.0, (RUNS, LABS))), ln_training=None, ln_effective=None,
                algorithm=chance.uniform(-1.0, 3.0, (RUNS, LABS, 2)), borrowed=chance.uniform(0.0, 1.0, (RUNS, LABS)),
                capability=None)  # fmt: skip
    state.position = state.algorithm.sum(axis=2)
    before, used = state.training_run.copy(), np.exp(chance.uniform(4.0, 18.0, (RUNS, LABS)))
    world = box(bloc=HOMES, record_end=40, effect=chance.uniform(-2.0, 1.0, (RUNS, LABS)))
    cap, gain = np.array([[math.inf, 1e27, math.inf, math.inf]]), chance.uniform(0.0, 9.0, (RUNS, LABS))
    for month in (30, 52):
        state.training_run = before.copy()
        knowledge.train(state, par, world, month, box(training_cap=cap), used)
        knowledge.measure_capability(state, par, world, gain)
        for run in range(RUNS):
            p = of_run(par, run)
            for i in range(LABS):
                stock = one_knowledge.next_training(float(before[run, i]), float(used[run, i]),
                                                    p["training.run_months"], float(cap[0, HOMES[i]]))  # fmt: skip
                size = one_knowledge.data_limited(
                    stock, p["training.data_limit_flop"], p["training.data_limited_exponent"],
                    p["training.synthetic_data_growth"], month - 40,
                )  # fmt: skip
                ln_e = size + float(state.algorithm[run, i].sum() + state.borrowed[run, i] + world.effect[run, i])
                level = one_knowledge.capability(p["capability.base_index"], p["capability.eci_per_oom"], ln_e,
                                                 float(gain[run, i]))  # fmt: skip
                agree([state.training_run[run, i], state.capability[run, i]], [stock, level])
                agree(state.ln_training[run, i], size, scale=1.0)
