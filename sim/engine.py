"""The month: all runs of a block advance together.

    1 luck         look up this month's numbers
    2 rules        levers in force, dated or decided last month
    3 want         desired chip inflow
    4 flows        the chip market clears
    5 stock        install and retire chips; hand on capacity, quality, serving ratio, premium, desired stock
    6 budget       fund labs
    7 plan         what labs would use at the reference price
    8 portfolio    what they do with the compute they get
    9 researchers  hire; the wage moves
   10 knowledge    own progress, borrowed knowledge, contributions, the reasoning method
   11 capability   train; measure on the ECI scale
   12 release      review stances; put models on offer
   13 price        reprice all models
   14 choice       communities choose
   15 settle       revenue, serving capacity, ecosystem, funding
   16 govern       governments see and decide
   17 record       measures; check

Within a step all agents read the state as the step before left it (docs/model.md). The order in which
state is written stands here and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from agents import chip_market, community, knowledge, lab, pricing, release, settlement
from agents.chip_market import Handoff
from agents.controls import ChipRules
from agents.government import Luck, Signals, govern
from agents.knowledge import BASE_RUN, Adoption, KnowledgeRules
from agents.lab import Terms
from agents.places import BLOCS, SENDER, STANCE_CLOSED, TARGET
from agents.release import Market, Setting
from agents.shelf import empty_shelf
from sim import setup
from sim.arrays import Array, Flags, Whole
from sim.data import Tables, load_tables
from sim.lags import gap_months
from sim.lots import Lot
from sim.networks import lab_nearness
from sim.scenario import Scenario


@dataclass
class Record:
    """Monthly measures of a block: `values` (runs, months, columns), NaN only where a measure is not defined."""

    rows: np.ndarray
    months: np.ndarray
    columns: list[str]
    values: Array


@dataclass(frozen=True)
class MonthLuck:
    """This month's look-ups; labs (runs, labs), governments (runs, governments)."""

    adopt: Array
    stance: Array
    quality: Array
    release: Array
    governments: Luck


class Engine:
    """A block of runs that advance together. A run has the same bits alone and in any block."""

    def __init__(
        self, what: Scenario | Lot, rows: Sequence[int] | Whole | None = None, tables: Tables | None = None
    ) -> None:
        """`what`: a scenario whose runs `rows` (the first by default) are played, or a lot of runs that may advance
        together. `tables` default to the packaged data."""
        self.lot = what if isinstance(what, Lot) else Lot.of(what, [0] if rows is None else rows)
        self._numbers, self._place = np.unique(self.lot.chance, return_inverse=True)
        with np.errstate(all="raise", under="ignore"):
            self.block = setup.build(self.lot, tables or load_tables())
            self._begin()

    @property
    def scenario(self) -> Scenario:
        """The scenario of the first run; its horizon is that of all."""
        return self.lot.first

    def _begin(self) -> None:
        block = self.block
        runs, labs = len(self.lot), len(block.labs.names)
        self.month = -1
        self.chips, self.labs = setup.first_chip_state(block), setup.first_lab_state(block)
        self.communities, self.accounts = setup.first_community_state(block), setup.first_account_state(block)
        self.governments, self.shelf = setup.first_government_state(block), empty_shelf(runs, labs)
        self.nearness = lab_nearness(block.tape, labs)
        self.positions = np.zeros((block.months, runs, labs))
        self.frontiers = np.full((block.months, runs, 6), -np.inf)
        self.gaps = np.zeros((block.months, runs, 5))
        self.lost = np.zeros((block.months, runs))
        self.market: Market | None = None
        self.progress: tuple[Array, Array] = (np.zeros((runs, labs)), np.zeros((runs, labs)))
        self.developers = np.flatnonzero(np.isin(block.communities.segment, community.DEVELOPERS))

    def advance(self) -> None:
        """Play one month."""
        with np.errstate(all="raise", under="ignore"):
            self._month()

    def _month(self) -> None:
        self.month += 1
        block, par, month = self.block, self.block.par, self.month
        self.entered = (block.labs.entry <= month).astype(np.float64)
        self.entering = self.entered * ((block.labs.entry == month) | ((month == 0) & (block.labs.entry <= 0)))
        luck = self._luck()
        subsidy = self._subsidy()
        denial = self.governments.denial if par["structure.endogenous"].any() else block.rulebook.dial_denial()
        self.rules = block.rulebook.chips(month, denial, subsidy)
        self.place_rules = block.rulebook.places(month, par["gov.ban_share"] * self.governments.banned)
        self.handoff = self._chips(self.rules)
        self._labs(subsidy)
        self._knowledge(luck)
        self._models(luck)
        self._lags()
        self._choice()
        self._govern(luck)

    def _subsidy(self) -> Array:
        """The target's subsidy in force, (runs, 1): what it decided, else as dated."""
        dated = self.block.rulebook.dated_subsidy(self.month)
        decided = self.governments.subsidy
        return np.where(np.isnan(decided), dated, decided)

    def _luck(self) -> MonthLuck:
        labs, count = len(self.block.labs.names), len(self.block.governments.names)
        return MonthLuck(
            adopt=self._look("adopt", labs),
            stance=ndtri(self._look("stance", labs)),
            quality=ndtri(self._look("quality", labs)),
            release=self._look("release", labs),
            governments=Luck(
                politics=ndtri(self._look("politics", count)),
                perception=ndtri(self._look("perception", count)),
                decision=self._look("decision", count),
            ),
        )

    def _look(self, name: str, slots: int) -> Array:
        """This month's uniform numbers of a name, (runs, slots); runs with the same chance read the same."""
        return np.take(self.block.tape.uniform(name, self.month, self._numbers, slots), self._place, axis=0)

    def _chips(self, rules: ChipRules) -> Handoff:
        """Steps 3 to 5."""
        state, par, world, month = self.chips, self.block.par, self.block.chips, self.month
        want = chip_market.desired_inflow(state, par, world, month, rules)
        self.flows = flows = chip_market.clear_chip_market(state, par, world, month, rules, want)
        handoff = chip_market.install_and_retire(state, par, world, month, rules, want, flows)
        self.lost[month] = chip_market.supplier_revenue_lost(state)[:, 0]
        return handoff

    def _labs(self, subsidy: Array) -> None:
        """Steps 6 to 9."""
        state, par, world, month = self.labs, self.block.par, self.block.labs, self.month
        rules = self.block.rulebook.labs(month, subsidy)
        self._enter()
        before = self.entered * (1.0 - self.entering)
        largest = np.where(before > 0.0, state.training_run / BASE_RUN, 1.0).max(axis=1, keepdims=True)
        tech = lab.technology(par, state.algorithm, np.maximum(1.0, largest))
        self.terms: Terms = lab.lab_terms(par, world, month, tech)
        lab.fund_labs(state, par, world, month, self.handoff, self.terms, rules.subsidy)
        lab.allocate(state, par, world, self.entered, self.handoff, rules.allocation)
        wage = state.wage[:, world.bloc]
        best = lab.solve_portfolio(state, par, month, self.terms, wage, bool(self.entering.any()))
        lab.adjust(state, par, best, self.entering)
        base_wage = self.block.tables.blocs.number("wage_research")
        lab.clear_talent(state, par, world, month, self.terms, self.entered, rules.talent_openness, base_wage)

    def _enter(self) -> None:
        """Give labs that enter this month their algorithmic position: that of the leader, less their lag."""
        if not self.entering.any():
            return
        state, world = self.labs, self.block.labs
        present = (self.entered * (1.0 - self.entering)) > 0.0
        total = state.position
        best = np.where(present, total, -np.inf).max(axis=1, keepdims=True) if present.any() else np.zeros((1, 1))
        start = 0.5 * (best + world.algorithmic_position)
        state.algorithm = np.where((self.entering > 0.0)[:, np.newaxis], start[:, :, np.newaxis], state.algorithm)

    def _knowledge(self, luck: MonthLuck) -> None:
        """Steps 10 and 11."""
        state, par, world, month = self.labs, self.block.par, self.block.labs, self.month
        rules = self.block.rulebook.knowledge(month)
        entering = self.entering > 0.0
        used = knowledge.final_run_compute(state, self.terms)
        state.training_run = np.where(entering, knowledge.first_run(par, used), state.training_run)
        after = month - world.record_end
        state.ln_training = np.where(
            entering, knowledge.data_limited(par, np.maximum(state.training_run, 1e-9), after), state.ln_training
        )
        gains = knowledge.own_progress(state, par, self.terms.technology)
        borrowed = self._borrow(rules)
        given = par["channel.community_contribution"] * par["knowledge.community_gain"] * self.accounts.open_use
        told = Adoption(luck.adopt, knowledge.published_in(self.shelf))
        adopted = knowledge.adopt_reasoning(state, par, world, month, self.block.reasoning, self.entered, told)
        present = self.entered[np.newaxis, :]
        state.algorithm = state.algorithm + present[..., np.newaxis] * np.stack([gains[0] + given, gains[1]], axis=2)
        state.borrowed = np.where(present > 0.0, borrowed, state.borrowed)
        state.adopted = adopted
        self.progress = gains
        self.positions[month] = state.position
        knowledge.train(state, par, world, month, rules, used)
        gain = knowledge.reasoning_gain(par, state.adopted, month, self.block.reasoning)
        knowledge.measure_capability(state, par, world, gain)
        state.capability = state.capability * self.entered

    def _borrow(self, rules: KnowledgeRules) -> Array:
        """Borrowed knowledge after this month."""
        state, par, world, month = self.labs, self.block.par, self.block.labs, self.month
        self.links = knowledge.link_weights(par, self.nearness, world.bloc, rules)
        delay = np.maximum(np.rint(par["knowledge.undisclosed_delay"][:, 0]), 1.0).astype(np.int64)
        place = month - delay
        runs = np.arange(len(self.lot))
        earlier = self.positions[np.maximum(place, 0), runs]
        known = (place[:, np.newaxis] >= np.maximum(world.entry, 0)[np.newaxis, :]).astype(np.float64)
        last = self.positions[month - 1] if month > 0 else np.zeros_like(earlier)
        present = np.where(world.entry < month, last, -1e9)
        gap = knowledge.available_gap(state, self.links, earlier, present, known)
        spill = par["channel.spillovers"] * par["knowledge.spillover"] * gap
        reached = state.ln_training + state.position + spill
        teachers = knowledge.teacher_gap(par, self.shelf, world, reached, rules)
        return knowledge.borrow(state, par, gap, teachers)

    def _models(self, luck: MonthLuck) -> None:
        """Steps 12 and 13."""
        state, par, world, month = self.labs, self.block.par, self.block.labs, self.month
        rules = self.block.rulebook.publication(month)
        markup = self._markup()
        serving = settlement.serving_capacity(state, world, self.handoff)
        if self.market is not None:
            setting = Setting(release.see_rivals(self.shelf), self.market, rules, serving, markup)
            for place in range(len(world.names)):
                present = self.entered[place] * (1.0 - self.entering[place])
                due = release.review_month(par, month, place) & (par["channel.openness_choice"] > 0.0)
                if present == 0.0 or not due.any():
                    continue
                values = release.stance_values(state, par, world, setting, place)
                now = state.stance[:, place : place + 1]
                taken = release.decide(par, now, values, luck.stance[:, place : place + 1])
                state.stance[:, place : place + 1] = np.where(due, taken, now)
        state.stance = np.where(rules.penalty >= 1.0, float(STANCE_CLOSED), state.stance)
        self._release(luck)
        fresh = ~self.shelf.exists | np.isnan(self.shelf.price)
        rent = lab.list_rent(par, month)
        pricing.reprice(self.shelf, par, rent, state.premium, markup, fresh)

    def _release(self, luck: MonthLuck) -> None:
        """Release where the countdown has run out."""
        state, par, world, month = self.labs, self.block.par, self.block.labs, self.month
        delay = self.place_rules.content_filter * (world.bloc == TARGET)
        interval = release.next_interval(par, luck.release, delay)
        entering = self.entering > 0.0
        first = 0.0 if month == 0 else interval
        state.countdown = np.where(entering, first, state.countdown - 1.0)
        due: Flags = (self.entered > 0.0) & (state.countdown <= 0.0)
        state.countdown = np.where(due, interval, state.countdown)
        release.release(state, par, self.shelf, month, due, luck.quality)

    def _markup(self) -> Array:
        """Bertrand markups of labs (runs, labs); ones where the structure is not in use."""
        par = self.block.par
        if not par["structure.bertrand"].any():
            return np.ones_like(self.labs.premium)
        weight = community.per_segment(par, "demand.log_price")[:, self.block.communities.segment]
        spend = self.communities.spend
        mean = (weight * spend).sum(axis=1, keepdims=True) / spend.sum(axis=1, keepdims=True)
        return pricing.bertrand_markup(par, self.accounts.spend_share, mean)

    def _choice(self) -> None:
        """Steps 14 and 15."""
        state, par, world, month = self.communities, self.block.par, self.block.communities, self.month
        labs = self.block.labs
        community.arrive(state, par, world, month)
        entering = np.broadcast_to(self.entering > 0.0, state.awareness.shape)
        level = self.shelf.best()
        community.notice(state, par, level, self.gaps[month], labs.bloc, month, entering, labs.awareness)
        state.reference = level.max(axis=1, keepdims=True)
        place = community.place_terms(state, par, world, month, self.place_rules)
        accounts = self.accounts
        terms = community.lab_terms(
            state, par, world, month, labs.brand, labs.coding_fit, accounts.available, accounts.ecosystem
        )
        weights = community.weigh(par, self.shelf, state.reference, terms, place)
        pull = community.peer_pull(state, par, world) if month > 0 else None
        self.sales = community.choose(state, par, world, weights, labs.bloc, pull, month == 0)
        self.totals = community.add_up(self.sales)
        self.weights = weights
        self.market = Market(state, world, weights, self.sales, state.spend, terms, month)
        rate = settlement.latest_rate(self.shelf, par)
        serving = settlement.serving_capacity(self.labs, labs, self.handoff)
        settlement.settle(accounts, par, self.sales, self.totals, self.developers, rate, serving)
        settlement.finance(self.labs, accounts, par, labs, month, self.entered, self.entering)

    def _lags(self) -> None:
        """Frontiers by bloc, of open models and of all (running maxima), and lags behind the sender's."""
        month, world = self.month, self.block.labs
        level = self.shelf.best()
        frontier = np.full((len(self.lot), 6), -np.inf)
        for bloc in range(BLOCS):
            members = world.bloc == bloc
            if members.any():
                frontier[:, bloc] = level[:, members].max(axis=1)
        frontier[:, 4] = self.shelf.best_open().max(axis=1)
        frontier[:, 5] = level.max(axis=1)
        before = self.frontiers[month - 1] if month > 0 else frontier
        self.frontiers[month] = np.maximum(before, frontier)
        history, growth = self.frontiers[: month + 1], self.block.par["capability.anchor_growth"][:, 0]
        for place in range(1, 5):
            self.gaps[month, :, place] = gap_months(history[:, :, SENDER], history[:, :, place], growth)

    def _govern(self, luck: MonthLuck) -> None:
        """Step 16."""
        month = self.month
        year = self.lost[max(0, month - 11) : month + 1].T.copy()  # (runs, months), as sums need (see `pick`)
        lag = np.rint(self.block.par["gov.perception_lag"][:, 0]).astype(np.int64)
        signals = Signals(
            gap=self.gaps[np.maximum(month - lag, 0), np.arange(len(lag)), TARGET][:, np.newaxis],
            premium=self.chips.premium,
            revenue_lost=year.sum(axis=1, keepdims=True),
        )
        govern(self.governments, self.block.par, signals, luck.governments)

    def run(self, measures: list[str] | None = None, kept: Sequence[str] | None = None) -> Record:
        """Play the scenario to its end and return the monthly measures from its start.

        `measures`: names of what is measured, None for all. `kept`: columns to return, None for all that are measured.
        """
        from sim.measures import columns, record

        names = columns(measures)
        wanted = list(names if kept is None else kept)
        places = None if kept is None else [names.index(name) for name in wanted]
        first, last = self.scenario.start, self.scenario.end
        values = np.full((len(self.lot), last - first + 1, len(wanted)), np.nan)
        while self.month < last:
            self.advance()
            if self.month >= first:
                with np.errstate(all="raise", under="ignore"):
                    found = record(self, measures)
                    values[:, self.month - first] = found if places is None else np.take(found, places, axis=1)
        return Record(self.lot.chance, np.arange(first, last + 1), wanted, values)


__all__ = ["Engine", "Record"]
