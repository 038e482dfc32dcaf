"""The month of the twin: what production.py makes, then releases, prices, choice, money and governments."""

import math

from tests.twin import government, market, release, review
from tests.twin.agents import TwinCommunity, TwinLab
from tests.twin.inputs import BLOCS, clip, round_half_up
from tests.twin.production import Production
from tests.twin.review import normal
from tests.twin.rules import ban

DEVELOPERS = ("hobby_research", "startup_dev")


class TwinModel(Production):
    """One run. `step` plays a month; the agents and `supply` hold the state after it."""

    def step(self) -> None:
        """Play one month, in the order of docs/model.md."""
        self.produce()
        self.review_stances()
        self.release()
        self.price()
        self.measure()
        self.notice()
        self.choose()
        self.settle()
        self.fund_next()
        self.govern()
        self.month += 1

    def rival_open(self, x: TwinLab) -> float:
        """Best open model of another lab on sale; -inf without one."""
        return max((y.best_open() for y in self.labs if y is not x), default=-math.inf)

    def price_coefficient(self) -> float:
        """Mean weight of price, by last month's spending (equal weights in the first month)."""
        weights = [c.spend if self.month > 0 else 1.0 for c in self.communities]
        mean = sum(w * c.coefficient("log_price") for w, c in zip(weights, self.communities, strict=True))
        return mean / sum(weights)

    def setting(self, x: TwinLab) -> review.Setting:
        """What a lab takes as given when it reviews its stance."""
        chips, frontier = self.handed[x.bloc], max(y.best_model() for y in self.labs)
        serving = chips.serving / chips.quality
        return review.Setting(self.rental(self.month), self.rival_open(x), frontier, serving, self.rules)

    # --- 12 ----------------------------------------------------------------------------------------------------------
    def review_stances(self) -> None:
        """Labs whose turn it is choose how open to be; all at once."""
        chosen = {}
        for x in self.here():
            x.margin = math.inf
            due = release.is_review(self.month, x.place, self.p["release.review_interval"])
            if due and self.on("openness_choice") > 0.0 and x.entry < self.month:
                setting = self.setting(x)
                chosen[x.name] = review.review(x, self.communities, setting, self.price_coefficient(), self.month)
        for x in self.here():
            if x.name in chosen:
                x.stance, x.margin = chosen[x.name]
            if self.rules.penalty >= 1.0:
                x.stance = "closed"

    def release(self) -> None:
        """Labs whose wait is over put a flagship on sale, and a small open model if that is their stance."""
        p, t = self.p, self.month
        step = p["release.small_lead"] * math.log(10.0) / p["capability.eci_per_oom"]
        for x in self.here():
            if x.next_release != t:
                continue
            quality = x.capability + p["capability.release_noise"] * normal(self.inputs.look("quality", t, x.place))
            flagship = release.Model(quality, x.ln_effective, x.training, x.know_how, t)
            x.put_on_sale(1 if x.stance == "open_flagship" else 0, flagship)
            if x.stance == "open_flagship":
                x.withdraw_closed()
            if x.stance == "open_small":
                small = quality - p["release.small_lead"], x.ln_effective - step, x.training, x.know_how, t, True
                x.put_on_sale(1, release.Model(*small))
            x.next_release = t + x.wait(t, self.rules.filter_by[x.bloc])

    def notice(self) -> None:
        """Origins that first come near the frontier are heard of everywhere."""
        p, t = self.p, self.month
        for c in self.communities:
            if t > 0:
                c.considers = {b: market.logistic(s, p["demand.consideration_growth"]) for b, s in c.considers.items()}
        for x in self.here():
            if t > x.entry:
                x.awareness = market.logistic(x.awareness, p["demand.consideration_growth"])
        for b in BLOCS:
            makers = [x for x in self.here(b) if x.models]
            lag = government.gap_months(self.frontiers["US"], self.frontiers[b], p["capability.anchor_growth"])
            if b in self.noticed or not makers or (math.isfinite(lag) and lag > p["demand.consideration_reach"]):
                continue
            self.noticed.add(b)
            best = max(makers, key=lambda x: x.best_model())
            best.awareness = max(best.awareness, p["demand.consideration_jump"])
            for c in self.communities:
                c.considers[b] = max(c.considers[b], p["demand.consideration_jump"])

    # --- 13 ----------------------------------------------------------------------------------------------------------
    def price(self) -> None:
        """Closed models move to their targets; open ones cost what hosts ask."""
        p, rental, coefficient = self.p, self.rental(self.month), self.price_coefficient()
        for x in self.here():
            rival = self.rival_open(x)
            for (openness, _), m in x.models.items():
                cost = market.token_cost(rental, x.tokens(m))
                if openness == 1:
                    m.price = p["pricing.host_margin"] * p["pricing.host_cost_ratio"] * cost
                    continue
                lead = m.capability - rival
                if self.inputs.bertrand:
                    target = market.bertrand_price(cost, x.premium, coefficient, x.spend_share, p["pricing.markup_cap"])
                else:
                    markup = p["pricing.base_markup"], p["pricing.markup_cap"], p["pricing.lead_slope"]
                    target = market.target_price(cost, x.premium, lead, markup)
                speeds = p["pricing.pass_through_contested"], p["pricing.pass_through_uncontested"]
                m.price = (
                    target
                    if math.isnan(m.price)
                    else market.price_step(m.price, target, lead, speeds, p["pricing.contest_scale"])
                )

    # --- 14 ----------------------------------------------------------------------------------------------------------
    def choose(self) -> None:
        """Communities grow, weigh what is on sale and move part of their use."""
        before = [dict(c.shares) for c in self.communities]
        frontier = max(x.best_model() for x in self.labs)
        for k, c in enumerate(self.communities):
            c.grow(self.month)
            c.reference = frontier
            self.weigh(c, k, before)
            total = sum(w * c.pull[name] for (name, _), w in c.weights.items())
            rate = market.reoptimised(c.coefficient("switching"), c.growth)
            for x in self.here():
                best = (c.weights[x.name, 0] + c.weights[x.name, 1]) * c.pull[x.name] / total
                old = c.shares.get(x.name, 0.0)
                c.shares[x.name] = best if self.month == 0 else market.move_share(old, best, rate)
            self.spread(c)

    def weigh(self, c: TwinCommunity, place: int, before: list[dict[str, float]]) -> None:
        """Logit weights of every lab's closed and open models."""
        influence = self.on("peers") * self.p["demand.peer_influence"]
        c.terms, c.weights, c.prices, c.pull = {}, {}, {}, {}
        for x in self.here():
            peers = sum(w * s.get(x.name, 0.0) for w, s in zip(self.inputs.peers[place], before, strict=True))
            decided = self.decided_ban(c, x.bloc)
            banned = max(decided, ban(self.inputs, self.month, c.region, c.segment, x.bloc))
            for openness in (0, 1):
                term = c.term(x, openness, self.month, self.rules, banned)
                c.terms[x.name, openness] = term
                slots = [m for (o, _), m in x.models.items() if o == openness]
                parts = [c.slot_weight(m.capability, m.price, m.small) for m in slots]
                own = sum(parts)
                paid = sum(w * m.price for w, m in zip(parts, slots, strict=True))
                c.weights[x.name, openness] = math.exp(term) * own if own > 0.0 else 0.0
                c.prices[x.name, openness] = paid / own if own > 0.0 else 0.0
            c.pull[x.name] = math.exp(influence * peers)

    def decided_ban(self, c: TwinCommunity, origin: str) -> float:
        """The ban that reacting governments have put on Chinese models in regulated firms."""
        names = {"JPKR": ("JP", "KR"), "ROW_S": ("ROW",), "RU_BY": ()}.get(c.region, (c.region,))
        hit = any(g in self.governments and self.governments[g].bans for g in names)
        return self.p["gov.ban_share"] if hit and origin == "CN" and c.segment == "enterprise_regulated" else 0.0

    def spread(self, c: TwinCommunity) -> None:
        """Tokens and spending by model from shares and prices."""
        share: dict[tuple[str, int, int], float] = {}
        price: dict[tuple[str, int, int], float] = {}
        for x in self.here():
            own = c.weights[x.name, 0] + c.weights[x.name, 1]
            for (openness, vintage), m in x.models.items() if own > 0.0 else ():
                weight = math.exp(c.terms[x.name, openness]) * c.slot_weight(m.capability, m.price, m.small)
                share[x.name, openness, vintage] = c.shares[x.name] * weight / own
                price[x.name, openness, vintage] = m.price
        c.mean_price = sum(share[key] * price[key] for key in share)
        c.tokens = 1e6 * c.spend / c.mean_price
        c.slot_tokens = {key: c.tokens * s for key, s in share.items()}
        c.slot_spend = {key: c.spend * s * price[key] / c.mean_price for key, s in share.items()}

    # --- 15 ----------------------------------------------------------------------------------------------------------
    def settle(self) -> None:
        """Revenue, what can be served, the use of open models."""
        p, total = self.p, sum(c.spend for c in self.communities)
        developers = [c for c in self.communities if c.segment in DEVELOPERS]
        users = sum(c.tokens for c in developers)
        for x in self.here():
            spend, need = [0.0, 0.0], 0.0
            for c in self.communities:
                for (name, openness, vintage), value in c.slot_spend.items():
                    if name == x.name:
                        spend[openness] += value
                        hosted = p["release.own_hosting"] if openness == 1 else 1.0
                        tokens = c.slot_tokens[name, openness, vintage]
                        need += hosted * tokens / x.tokens(x.models[openness, 0])
            x.revenue = spend[0] + p["release.host_fee"] * spend[1]
            x.spend_share = (spend[0] + spend[1]) / total
            capacity = x.compute[3] * self.handed[x.bloc].serving / self.handed[x.bloc].quality
            now = market.served_share(capacity, need, p["serving.least_share"])
            x.served += p["serving.adjustment"] * (now - x.served)
            opened = sum(v for c in developers for (name, o, _), v in c.slot_tokens.items() if (name, o) == (x.name, 1))
            x.openuse = opened / users if users > 0.0 else 0.0
            x.ecosystem = p["demand.ecosystem_retention"] * x.ecosystem + x.openuse
        income = sum(x.revenue for x in self.here())
        for x in self.here():
            x.revenue_share = x.revenue / income if income > 0.0 else 0.0

    def fund_next(self) -> None:
        """Aspirations and the funding of next month."""
        p, labs = self.p, self.here()
        pulls = {}
        mean = sum(x.capability for x in labs) / len(labs)
        for x in labs:
            foreign = max((y.capability for y in labs if y.bloc != x.bloc), default=-math.inf)
            gap = max(0.0, foreign - x.capability)
            if x.entry == self.month:
                x.aspiration = gap
            x.shortfall = market.shortfall(gap, x.aspiration, p["budget.rival_scale"])
            x.aspiration += (gap - x.aspiration) / p["budget.aspiration_months"]
            usual = x.revenue_share if x.usual_share is None else x.usual_share
            if self.month > self.inputs.last_recorded:
                relative, largest = (x.capability - mean) / p["capability.eci_per_oom"], p["budget.largest_lead"]
                pulls[x] = p["budget.investor_extrapolation"] * clip(relative, -largest, largest)
                gained = market.revenue_pull(x.revenue_share, usual, p["budget.least_usual_share"])
                pulls[x] += p["budget.revenue_feedback"] * gained
            x.usual_share = usual + (x.revenue_share - usual) / p["budget.usual_share_months"]
            closeness = math.exp(-abs(x.capability - foreign) / p["budget.rival_scale"]) if foreign > -math.inf else 0.0
            x.deviation += self.on("escape_competition") * p["budget.escape_competition"] * closeness
            x.deviation += self.on("state_reaction") * p["budget.state_reaction"] * x.shortfall
        usual_pull = sum(x.reference_budget * pull for x, pull in pulls.items()) / sum(x.reference_budget for x in labs)
        for x, pull in pulls.items():
            x.deviation += pull - usual_pull

    # --- 16 ----------------------------------------------------------------------------------------------------------
    def measure(self) -> None:
        """Frontiers, the gap and what suppliers lost."""
        for b in BLOCS:
            now = max((x.best_model() for x in self.labs if x.bloc == b), default=-math.inf)
            self.frontiers[b].append(max([now, *self.frontiers[b][-1:]]))
        gap = government.gap_months(self.frontiers["US"], self.frontiers["CN"], self.p["capability.anchor_growth"])
        self.gaps.append(0.0 if math.isnan(gap) else gap)
        self.lost.append(self.supply.lost_revenue)

    def govern(self) -> None:
        """What governments perceive and, where they react, decide for next month."""
        p, t, look = self.p, self.month, self.inputs.look
        for g in self.governments.values():
            g.hawkishness = government.hawkishness(g.hawkishness, normal(look("politics", t, g.place)), p)
            noise = p["gov.perception_noise"] * normal(look("perception", t, g.place))
            g.perceived_gap = self.gaps[max(0, t - round_half_up(p["gov.perception_lag"]))] + noise
            if not self.inputs.endogenous:
                continue
            decides = look("decision", t, g.place) < p["gov.decision_rate"]
            if g.name == "US":
                if decides:
                    g.denial = government.next_denial(
                        self.rules.denial, g.perceived_gap, g.hawkishness, sum(self.lost[-12:]), p
                    )
            elif g.name == "CN":
                if decides:
                    premium = self.handed["CN"].premium
                    g.subsidy = government.next_subsidy(premium, g.perceived_gap, p)
            else:
                g.bans = government.next_ban(g.bans, g.hawkishness, p)
