"""Steps 2 to 11 of the twin's month: rules, chips, budgets, portfolios, knowledge, capability, lab after lab."""

import math
from collections.abc import Mapping

import mesa

from tests.twin import knowledge, lab
from tests.twin.agents import TwinCommunity, TwinGovernment, TwinLab
from tests.twin.inputs import BLOCS, TwinInputs, round_half_up
from tests.twin.rules import Rules, rules_in_force
from tests.twin.supply import ChipSupply, Handed


class Production(mesa.Model):
    """The agents of a run and the part of the month that makes capability."""

    def __init__(self, inputs: TwinInputs) -> None:
        super().__init__(rng=0)
        self.inputs, self.month = inputs, 0
        self.labs = [TwinLab(self, k, row, inputs) for k, row in enumerate(inputs.labs)]
        states = [TwinGovernment(self, k, row) for k, row in enumerate(inputs.governments)]
        self.governments = {g.name: g for g in states}
        self.communities = [TwinCommunity(self, row, inputs) for row in inputs.communities]
        self.supply = ChipSupply(inputs)
        self.handed: dict[str, Handed] = {}
        self.wages = {b: self.reference_wage(b, 0) for b in BLOCS}
        self.frontiers: dict[str, list[float]] = {b: [] for b in BLOCS}
        self.gaps: list[float] = []
        self.lost: list[float] = []
        self.noticed = {"US"}
        self.allocation_end: dict[str, float] = {}
        self.rules: Rules = rules_in_force(inputs, 0)

    @property
    def p(self) -> Mapping[str, float]:
        """The run's parameters."""
        return self.inputs.params

    def on(self, channel: str) -> float:
        """A channel's switch, 0 or 1."""
        return self.inputs.channels[channel]

    def here(self, bloc: str | None = None) -> list[TwinLab]:
        """Labs that have entered, of one bloc if named."""
        return [x for x in self.labs if x.entered and bloc in (None, x.bloc)]

    def produce(self) -> None:
        """Steps 2 to 11."""
        self.rules = self.rules_now()
        self.enter()
        self.handed = self.supply.advance(self.month, self.rules)
        self.fund()
        tau = max([1.0, *(x.training / knowledge.BASE_RUN for x in self.here() if x.history)])
        for x in self.here():
            self.plan(x, math.pow(tau, self.p["research.frontier_experiment_exponent"]))
        self.pay()
        self.learn()
        self.train()

    def rules_now(self) -> Rules:
        """Rules in force, with what reacting governments have decided."""
        us, cn = self.governments.get("US"), self.governments.get("CN")
        rules = rules_in_force(self.inputs, self.month, us.denial if us else None)
        if cn is not None and cn.subsidy is not None:
            rules.subsidy_by["CN"] = cn.subsidy
        return rules

    def enter(self) -> None:
        """Labs whose month has come take their start values."""
        leader = max((x.algorithms for x in self.here()), default=0.0)
        for x in self.labs:
            if x.entry <= self.month and not x.entered:
                x.enter(self.month, 0.0 if self.month == 0 else leader, self.rules.filter_by[x.bloc])

    # --- 6 budgets -------------------------------------------------------------------------------------------------
    def rental(self, month: int) -> float:
        """List rental price, M$ per H100e-month."""
        return self.p["compute.rental_price"] * math.pow(1.0 - self.p["compute.price_decline"], month / 12.0)

    def reference_wage(self, bloc: str, month: int) -> float:
        """Reference cost of a researcher, M$ a month."""
        rows = {str(row["bloc"]): float(row["wage_research"]) for row in self.inputs.blocs}
        return rows[bloc] * math.pow(1.0 + self.p["talent.wage_growth"], month / 12.0)

    def technology(self) -> lab.Technology:
        """The research technology of this run."""
        return lab.technology(self.p)

    def weights(self, x: TwinLab) -> lab.Weights:
        """The weights of a lab's objective this month."""
        iota = self.inputs.series("inference_share", self.month)
        shares = x.number("final_run_share"), self.p["research.experiment_share"], iota
        return lab.weights(self.technology(), lab.Observed(*shares, self.p["research.product_staff_share"]))

    def fund(self) -> None:
        """Budgets, and each lab's part of its bloc's compute."""
        t, p = self.month, self.p
        for x in self.here():
            until = min(t, self.inputs.last_recorded)
            if t <= self.inputs.last_recorded or x.entry == t:
                own = self.handed[x.bloc].desired_stock
                stock = self.inputs.series("reference_stock_cn", until) if x.bloc == "CN" else own
                x.allocated = x.recorded(until) / stock
            share = lab.base_compute_share(self.technology(), self.weights(x))
            x.reference_budget = self.rental(t) * x.allocated * self.handed[x.bloc].desired_stock / share
            subsidy = 1.0 + p["budget.subsidy_strength"] * self.rules.subsidy_by[x.bloc]
            x.budget = x.reference_budget * math.exp(x.deviation) * subsidy
        for b in BLOCS:
            labs = self.here(b)
            if not labs:
                continue
            shares = lab.allocation([x.allocated * math.exp(x.deviation) for x in labs],
                                    [x.capability for x in labs], self.rules.allocation_by[b],
                                    p["budget.pooled_share"])  # fmt: skip
            held = self.handed[b].capacity * self.handed[b].quality * sum(x.allocated for x in labs)
            for x, share in zip(labs, shares, strict=True):
                x.capacity = held * share

    # --- 7, 8 portfolio --------------------------------------------------------------------------------------------
    def plan(self, x: TwinLab, scale: float) -> None:
        """The plan, the rationed portfolio and what is used of it."""
        p, wage = self.p, self.wages[x.bloc]
        tech, w, at = self.technology(), self.weights(x), lab.Position(x.a, scale)
        kept = 1.0 - p["research.distillation_share"] * self.on("distillation")
        floor = 0.0 if self.inputs.quota else p["chip_market.premium_floor"]
        price = self.rental(self.month) / kept
        best = lab.unconstrained_plan(tech, w, at, x.budget, wage, price * math.exp(floor))
        x.plan_compute = best.compute
        if best.compute > kept * x.capacity:
            zeta = p["budget.fungibility"] if self.inputs.quota else 0.0
            best = lab.rationed_plan(tech, w, at, x.budget, wage, kept * x.capacity, price, zeta)
        x.premium = lab.shadow_premium(best, wage, price, p["chip_market.premium_floor"])
        optimum = lab.best_portfolio(best, w, x.budget, wage)
        speed = p["research.portfolio_adjustment"] * self.on("portfolio_response")
        x.portfolio = optimum if x.portfolio is None else lab.adjust(x.portfolio, optimum, speed)
        x.compute_used = min(x.capacity, x.plan_compute / kept)
        training, light, heavy, inference = (kept * x.compute_used * s for s in x.portfolio.compute)
        x.compute = training, light, heavy, inference
        staff = x.portfolio.labour * x.budget / wage
        first, second, product = (staff * s for s in x.portfolio.staff)
        x.staff = first, second, product
        x.ln_R = (lab.ln_research(tech, 0, light, first, scale), lab.ln_research(tech, 1, heavy, second, scale))

    def pay(self) -> None:
        """Next month's wages."""
        p, t = self.p, self.month
        moves = lab.LabourMarket(p["talent.supply_elasticity"], p["talent.wage_speed"],
                                 math.log(1.0 + p["talent.wage_growth"]) / 12.0)  # fmt: skip
        for b in BLOCS:
            reference, supply = self.reference_wage(b, t), 0.0
            for x in self.here(b):
                phi = lab.base_compute_share(self.technology(), self.weights(x))
                supply += (1.0 - phi) * x.reference_budget / reference
            supply *= math.exp(p["talent.openness_effect"] * (self.rules.talent_by[b] - 0.5))
            employed = sum(sum(x.staff) for x in self.here(b))
            self.wages[b] = lab.next_wage(moves, self.wages[b], reference, employed, supply)

    # --- 10, 11 knowledge and capability ---------------------------------------------------------------------------
    def learn(self) -> None:
        """Own progress, what others give, the reasoning method."""
        tech, p, t = self.technology(), self.p, self.month
        for x in self.here():
            if not x.history:
                x.training = knowledge.first_training(
                    x.compute[0] / self.weights(x).training, p["training.growth_at_entry"], p["training.run_months"]
                )
                x.ln_training = self.data_limited(x)
        slack = p["research.slack"] * self.on("slack")
        new = {}
        for x in self.here():
            light, heavy = (a + knowledge.own_progress(tech, a, r, slack * x.shortfall)
                            for a, r in zip(x.a, x.ln_R, strict=True))  # fmt: skip
            light += self.on("community_contribution") * p["knowledge.community_gain"] * x.openuse
            spilled = self.on("spillovers") * p["knowledge.spillover"] * self.known_lead(x)
            distilled = self.on("distillation") * p["knowledge.distillation"] * self.teacher_lead(x, spilled)
            new[x.name] = (light, heavy), knowledge.absorb(x.borrowed, spilled + distilled, p["knowledge.absorption"])
        holders = [x for x in self.here() if x.adopted is not None]
        published = any(x.published >= x.adopted for x in holders if x.adopted is not None)
        for x in self.here():
            x.a, x.borrowed = new[x.name]
            if x.adopted is None and self.adopts(x, bool(holders), published):
                x.adopted = t
        for x in self.here():
            x.history[t] = x.algorithms

    def known_lead(self, x: TwinLab) -> float:
        """Largest weighted lead of another lab in methods that can be known."""
        p, best = self.p, 0.0
        delay = max(1, round_half_up(p["knowledge.undisclosed_delay"]))
        for y in self.here():
            if y is x:
                continue
            weight = knowledge.link_weight(x.bloc == y.bloc, self.inputs.similarity[x.place][y.place],
                                           p["knowledge.cross_bloc_weight"], self.rules.entity_list_scope,
                                           p["knowledge.collaboration_loss"])  # fmt: skip
            worked_out = y.history.get(self.month - delay, -math.inf)
            told = y.history.get(self.month - 1, -math.inf) if y.stance == "open_flagship" else -math.inf
            best = max(best, knowledge.available_gap(x.algorithms, weight, worked_out, told))
        return best

    def teacher_lead(self, x: TwinLab, spilled: float) -> float:
        """Largest lead of another lab's released model, as far as the lab has access to it."""
        best, closed_abroad = 0.0, (1.0 - self.rules.api_kyc) * (1.0 - self.rules.anti_distillation)
        student = x.ln_training + x.algorithms + spilled
        for y in self.here():
            for (openness, _), model in y.models.items() if y is not x else ():
                access = closed_abroad if openness == 0 and y.bloc != x.bloc else 1.0
                best = max(best, knowledge.distilled_gap(access, model.ln_effective, student))
        return best

    def adopts(self, x: TwinLab, held: bool, published: bool) -> bool:
        """Whether a lab takes up the reasoning method this month."""
        inventor = next((y for y in self.labs if y.name == self.inputs.event_lab), None)
        home = inventor is not None and self.month == self.inputs.event_month and x.bloc == inventor.bloc
        luck = self.inputs.look("adopt", self.month, x.place)
        return knowledge.adopts(home, held, published, luck, self.p["reasoning.undisclosed_delay"])

    def data_limited(self, x: TwinLab) -> float:
        """lnT' of a lab's training stock."""
        p = self.p
        return knowledge.data_limited(
            x.training, p["training.data_limit_flop"], p["training.data_limited_exponent"],
            p["training.synthetic_data_growth"], self.month - self.inputs.last_recorded,
        )  # fmt: skip

    def train(self) -> None:
        """Training stock and internal capability."""
        p = self.p
        for x in self.here():
            final_run = x.compute[0] / self.weights(x).training
            x.training = knowledge.next_training(
                x.training, final_run, p["training.run_months"], self.rules.cap_by[x.bloc]
            )
            x.ln_training = self.data_limited(x)
            x.ln_effective = x.ln_training + x.know_how + x.number("lab_effect")
            gain = 0.0 if x.adopted is None else knowledge.reasoning_gain(
                self.inputs.event_gain, p["reasoning.step_time"], p["reasoning.slope"], self.month - x.adopted
            )  # fmt: skip
            x.reasoning = self.on("reasoning") * gain
            x.capability = knowledge.capability(
                p["capability.base_index"], p["capability.eci_per_oom"], x.ln_effective, x.reasoning
            )
