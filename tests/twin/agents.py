"""The agents of the twin, each with its state: labs, governments, communities of developers and users."""

import math
from typing import Any

import mesa

from sim.calendar import month_index
from tests.twin import knowledge, lab, market, release
from tests.twin.inputs import BLOCS, Row, TwinInputs
from tests.twin.rules import Rules

OPENNESS = (0, 1)
BRANDS = {
    "enterprise_regulated": "brand_enterprise", "enterprise_other": "brand_enterprise",
    "startup_dev": "brand_developer", "hobby_research": "brand_developer", "consumer_app": "brand_consumer",
}  # fmt: skip


class TwinLab(mesa.Agent):
    """A lab with its knowledge, portfolio, models on sale and money."""

    def __init__(self, model: Any, place: int, row: Row, inputs: TwinInputs) -> None:
        super().__init__(model)
        self.place, self.row, self.inputs = place, row, inputs
        self.name, self.bloc = str(row["lab"]), str(row["bloc"])
        entry = str(row["entry"])
        self.entry = int(entry) if entry.isdigit() else month_index(entry)
        self.entered = False
        self.a = (0.0, 0.0)
        self.history: dict[int, float] = {}
        self.borrowed = self.training = self.ln_training = self.ln_effective = self.capability = self.reasoning = 0.0
        self.adopted: int | None = None
        self.stance = str(row["stance_start"])
        self.models: dict[tuple[int, int], release.Model] = {}
        self.next_release = -1
        self.deviation = self.shortfall = self.aspiration = self.ecosystem = self.openuse = 0.0
        self.usual_share: float | None = None
        self.awareness = 0.0
        self.served = 1.0
        self.portfolio: lab.Portfolio | None = None
        self.allocated = self.reference_budget = self.budget = self.capacity = self.premium = 0.0
        self.compute = (0.0, 0.0, 0.0, 0.0)
        self.compute_used = 0.0
        self.staff = (0.0, 0.0, 0.0)
        self.ln_R = (-math.inf, -math.inf)
        self.revenue = self.revenue_share = self.spend_share = self.margin = 0.0
        self.plan_compute = 0.0

    @property
    def algorithms(self) -> float:
        """Own position a = a_1 + a_2."""
        return self.a[0] + self.a[1]

    @property
    def know_how(self) -> float:
        """kn: own and borrowed know-how, which makes training and serving cheap."""
        return self.algorithms + self.borrowed

    def number(self, column: str) -> float:
        """A number of the lab's row."""
        return float(self.row[column])

    def enter(self, month: int, leader: float, filter_strength: float) -> None:
        """Start values at entry; `leader` is the best position of those already there (0 at the start)."""
        half = 0.5 * (leader + self.number("algorithmic_position"))
        self.entered, self.a = True, (half, half)
        self.awareness = self.number("consumer_consideration")
        first_wait = 0 if month == 0 else self.wait(month, filter_strength)
        self.next_release = month + first_wait

    def wait(self, month: int, filter_strength: float) -> int:
        """Months from a release in `month` to the next."""
        luck = self.inputs.look("release", month, self.place)
        return release.wait_until_release(luck, filter_strength, self.inputs.params)

    def recorded(self, month: float) -> float:
        """Compute on record."""
        return knowledge.recorded_compute(self.row, self.entry, month)

    def tokens(self, model: release.Model) -> float:
        """Million tokens that a serving H100e gives in a month with this model."""
        return market.tokens_per_month(model.know_how, model.training, self.inputs.params, model.small)

    @property
    def published(self) -> float:
        """Month of the latest open flagship; -inf without one."""
        model = self.models.get((1, 0))
        return -math.inf if model is None or model.small else model.month

    def best_open(self) -> float:
        """Best open model on sale; -inf without one."""
        return max((m.capability for (o, _), m in self.models.items() if o == 1), default=-math.inf)

    def best_model(self) -> float:
        """Best model on sale; -inf without one."""
        return max((m.capability for m in self.models.values()), default=-math.inf)

    def withdraw_closed(self) -> None:
        """Take the closed line off offer."""
        self.models = {place: model for place, model in self.models.items() if place[0] == 1}

    def put_on_sale(self, openness: int, new: release.Model) -> None:
        """The latest model of a slot group becomes the previous one; the new one takes over its price."""
        old = self.models.get((openness, 0))
        if old is not None:
            new.price = old.price
            self.models[openness, 1] = old
        self.models[openness, 0] = new


class TwinGovernment(mesa.Agent):
    """A government: what it believes and, where governments react, what it has decided."""

    def __init__(self, model: Any, place: int, row: Row) -> None:
        super().__init__(model)
        self.place = place
        self.name, self.bloc = str(row["government"]), str(row["bloc"])
        self.hawkishness = float(row["hawkishness_start"])
        self.perceived_gap = 0.0
        self.denial: float | None = None
        self.subsidy: float | None = None
        self.bans = False


class TwinCommunity(mesa.Agent):
    """Users of one segment in one region: numbers, spending, what they know of, what they use."""

    def __init__(self, model: Any, row: Row, inputs: TwinInputs) -> None:
        super().__init__(model)
        self.row, self.inputs = row, inputs
        self.region, self.segment = str(row["region"]), str(row["segment"])
        self.bloc = self.region if self.region in ("US", "CN", "EU") else "OTHER"
        self.considers = {b: float(row[f"consideration_{b}"]) for b in BLOCS}
        self.users_start = self.users = float(row["users_2022"])
        self.launch = month_index(str(row["launch"]))
        p, q = float(row["bass_innovation"]), float(row["bass_imitation"])
        years = max(inputs.last_recorded - self.launch, 1) / 12.0
        self.market = market.bass_market(self.users_start, float(row["users_2025"]), p, q, years)
        self.spend = self.growth = 0.0
        self.shares: dict[str, float] = {}
        self.terms: dict[tuple[str, int], float] = {}
        self.weights: dict[tuple[str, int], float] = {}
        self.prices: dict[tuple[str, int], float] = {}
        self.pull: dict[str, float] = {}
        self.reference = 0.0
        self.tokens = self.mean_price = 0.0
        self.open_part: dict[str, float] = {}
        self.slot_spend: dict[tuple[str, int, int], float] = {}
        self.slot_tokens: dict[tuple[str, int, int], float] = {}

    def coefficient(self, name: str) -> float:
        """A demand parameter of this segment."""
        return self.inputs.params[f"demand.{name}.{self.segment}"]

    def grow(self, month: int) -> None:
        """Users and spending of the month."""
        if month > self.launch:
            p, q = float(self.row["bass_innovation"]), float(self.row["bass_imitation"])
            self.users = market.bass_step(self.users, self.users_start, self.market, p, q)
        at_record = self.inputs.params["demand.world_spend"] * float(self.row["spend_share_2025"])
        half_life, after = self.inputs.params["demand.spend_half_life"], month - self.inputs.last_recorded
        index = market.spend_index(self.coefficient("spend_growth"), half_life, after)
        before, self.spend = self.spend, self.users * at_record / float(self.row["users_2025"]) * index
        self.growth = max(0.0, self.spend / before - 1.0) if before > 0.0 else 0.0

    def slot_weight(self, capability: float, price: float, small: bool) -> float:
        """exp of the part of utility that differs between models of one lab and openness."""
        q, beta = self.coefficient("quality"), self.coefficient("log_price")
        lacks = self.inputs.params["demand.small_model_gap"] if small else 0.0
        return math.exp(q * (capability - self.reference) - beta * math.log(price) - lacks)

    def access(self, month: int, origin: str, openness: int, rules: Rules) -> float:
        """Masks and bans by table and, for closed US models, by the US rule."""
        total = 0.0
        for row in self.inputs.access:
            until = month_index(str(row["until"])) if row["until"] else math.inf
            if (row["region"] == self.region and row["segment"] in ("all", self.segment) and row["origin"] == origin
                    and row["scope"] in ("all", ("closed", "open")[openness])
                    and month_index(str(row["from"])) <= month <= until):  # fmt: skip
                total += float(row["utility"])
        if origin == "US" and openness == 0 and self.bloc != "US":
            total += market.ln_limited(rules.closed_models_abroad)
        return total

    def residency(self, origin: str) -> float:
        """Penalty of a rival bloc's closed service."""
        firms = self.segment in ("enterprise_regulated", "enterprise_other", "startup_dev")
        rival = (origin == "CN" and self.region != "CN") or (origin == "US" and self.region in ("CN", "RU_BY"))
        return self.inputs.params["demand.data_residency"] if firms and rival else 0.0

    def term(self, maker: TwinLab, openness: int, month: int, rules: Rules, banned: float) -> float:
        """Utility of a lab's closed or open models apart from capability, price and peers."""
        p, on = self.inputs.params, self.inputs.channels
        o, origin = float(openness), maker.bloc
        coding = self.coefficient("coding") * self.inputs.series("coding_share", month)
        total = o * self.coefficient("openness")
        total += o * p["demand.installed_base"] * math.log(1.0 + maker.ecosystem)
        total += maker.number(BRANDS[self.segment]) + coding * maker.number("coding_fit")
        taste = float(self.row[f"taste_{origin}"])
        if origin == "CN" and self.region != "CN":
            taste += self.coefficient("chinese_taste")
        total += market.trusted_taste(taste, self.residency(origin), o, on["trust"])
        if origin == "CN" and self.region != "CN":
            relief = 1.0 - p["demand.filter_relief"] * o
            total -= p["demand.filter_aversion"] * rules.filter_by["CN"] * relief
        total += self.access(month, origin, openness, rules) + market.ln_limited(banned)
        if openness == 0:
            total += math.log(maker.served)
        if on["consideration"] > 0.0:
            known = [self.considers[origin]] + ([maker.awareness] if self.segment == "consumer_app" else [])
            if min(known) <= 0.0:
                return -math.inf
            total += sum(math.log(x) for x in known)
        return total
