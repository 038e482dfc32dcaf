"""Labs, governments and communities as Mesa agents: live windows on the run on show.

An agent here holds nothing but its place in the arrays. Whatever is asked of it is read from the engine at that moment,
so it is always the state after the last month played; nothing can be set through it. Rules never use these classes.
"""

import math
from typing import TYPE_CHECKING, Any, Self, get_args, get_type_hints, overload

import mesa
import numpy as np

from agents.community import CommunityState
from agents.government import GovernmentState
from agents.lab import LabState
from agents.places import CLOSED, LATEST, OPEN, SENDER, TARGET
from agents.settlement import AccountState
from sim.data import BLOCS, STANCES

if TYPE_CHECKING:
    from sim.engine import Engine

HELD_BY = {
    LabState: "labs", AccountState: "accounts", GovernmentState: "governments", CommunityState: "communities",
}  # fmt: skip
"""Attribute of the engine that holds a state."""


class Window(mesa.Agent):
    """One agent of the run on show; `place` is its position on the axis of its kind."""

    def __init__(self, model: Any, place: int) -> None:
        """`model`: the `sim.world.World` that the agent belongs to."""
        super().__init__(model)
        self.place = place

    @property
    def engine(self) -> "Engine":
        """The engine behind the world."""
        engine: Engine = self.model.engine
        return engine

    @property
    def run(self) -> int:
        """Place of the run on show in the block."""
        return int(self.model.shown)

    @property
    def present(self) -> bool:
        """Whether the agent has a state to read: a month has been played, and it has entered."""
        return self.engine.month >= 0


class Reading:
    """A number of a window, read from a state of the engine when it is asked for; 0 where the agent is not present.

    On the class it is the reading itself, with the `unit` and `phrase` of the state's field.
    """

    def __init__(self, state: type, field: str = "") -> None:
        """`state`: the class of the state; `field`: its field, by default the name of the attribute."""
        self.state, self.field, self.name = state, field, field

    def __set_name__(self, owner: type, name: str) -> None:
        self.name, self.field = name, self.field or name
        _, unit, phrase = get_args(get_type_hints(self.state, include_extras=True)[self.field])
        self.unit, self.phrase = str(unit), str(phrase)

    @overload
    def __get__(self, window: None, owner: type) -> Self: ...

    @overload
    def __get__(self, window: Window, owner: type) -> float: ...

    def __get__(self, window: Window | None, owner: type) -> "Self | float":
        if window is None:
            return self
        if not window.present:
            return 0.0
        return float(getattr(getattr(window.engine, HELD_BY[self.state]), self.field)[window.run, window.place])

    def __set__(self, window: Window, value: Any) -> None:
        raise AttributeError(f"{self.name} is read from the engine and cannot be set; change the scenario instead")


class Lab(Window):
    """A lab. Before its entry its numbers are 0 and its stance is None."""

    internal_capability = Reading(LabState, "capability")
    compute = Reading(LabState)
    desired_compute = Reading(LabState)
    budget = Reading(LabState)
    researchers = Reading(LabState)
    shadow_price = Reading(LabState, "premium")
    training_run = Reading(LabState)
    effective_compute = Reading(LabState, "ln_effective")
    borrowed = Reading(LabState)
    revenue = Reading(AccountState)
    revenue_share = Reading(AccountState, "spend_share")
    available = Reading(AccountState)
    ecosystem = Reading(AccountState)

    @property
    def name(self) -> str:
        """Name in the table of labs."""
        return self.engine.block.labs.names[self.place]

    @property
    def bloc(self) -> str:
        """Bloc that the lab belongs to."""
        return BLOCS[self.engine.block.labs.bloc[self.place]]

    @property
    def entered(self) -> bool:
        """Whether the lab has entered."""
        return bool(0 <= self.engine.month >= self.engine.block.labs.entry[self.place])

    @property
    def present(self) -> bool:
        """Whether the lab has entered."""
        return self.entered

    @property
    def stance(self) -> str | None:
        """Return closed, open_small or open_flagship."""
        return STANCES[int(self.engine.labs.stance[self.run, self.place])] if self.present else None

    @property
    def capability(self) -> float:
        """Best model on offer, ECI; 0 without one."""
        shelf = self.engine.shelf
        on_offer = shelf.capability[self.run, self.place][shelf.exists[self.run, self.place]]
        return float(on_offer.max()) if on_offer.size else 0.0

    @property
    def own_progress(self) -> float:
        """Own algorithmic position, ln units."""
        return float(self.engine.labs.algorithm[self.run, self.place].sum()) if self.present else 0.0

    @property
    def token_share(self) -> float:
        """Share of all tokens used."""
        if not self.present:
            return 0.0
        tokens = [part[self.run] for part in self.engine.sales.tokens]
        return float(sum(part[:, self.place].sum() for part in tokens) / sum(part.sum() for part in tokens))

    @property
    def prices(self) -> dict[str, float]:
        """Prices of the latest models on offer by openness, USD per million tokens; empty without one."""
        shelf = self.engine.shelf
        place = (self.run, self.place)
        kinds = {"closed": CLOSED, "open": OPEN}
        return {
            kind: float(shelf.price[(*place, slot, LATEST)])
            for kind, slot in kinds.items()
            if shelf.exists[(*place, slot, LATEST)]
        }


class Government(Window):
    """A government: how it sees the world, and the levers it holds."""

    hawkishness = Reading(GovernmentState)
    perceived_gap = Reading(GovernmentState)

    @property
    def name(self) -> str:
        """Name in the table of governments."""
        return self.engine.block.governments.names[self.place]

    @property
    def bloc(self) -> str:
        """Bloc that the government belongs to."""
        return BLOCS[self.engine.block.governments.bloc[self.place]]

    @property
    def levers(self) -> dict[str, float]:
        """This month's value of every lever that the government holds, as dated; composite dials act on top."""
        book, month = self.engine.block.rulebook.levers, self.engine.month
        if month < 0:
            return {}
        held = {lever: np.flatnonzero(holders == self.place) for lever, holders in book.holders.items()}
        return {lever: float(book.value[lever][month, 0, at[0]]) for lever, at in held.items() if len(at)}

    @property
    def in_force(self) -> dict[str, float]:
        """The levers that differ from their default, which is no policy."""
        table = self.engine.block.tables.levers
        default = dict(zip(table.text("name"), table.number("default").tolist(), strict=True))
        return {lever: value for lever, value in self.levers.items() if value != default[lever]}

    @property
    def decided(self) -> dict[str, float]:
        """What the government has decided by itself; empty unless the scenario's governments are endogenous.

        `denial` (share, the sender's), `subsidy` (share, the target's, once decided), `bars_models` (0 or 1, others').
        """
        engine, run = self.engine, self.run
        if not self.present or not engine.block.par["structure.endogenous"][run, 0]:
            return {}
        if self.place == SENDER:
            return {"denial": float(engine.governments.denial[run, 0])}
        if self.place == TARGET:
            subsidy = float(engine.governments.subsidy[run, 0])
            return {} if math.isnan(subsidy) else {"subsidy": subsidy}
        return {"bars_models": float(engine.governments.banned[run, self.place])}


class DeveloperCommunity(Window):
    """Users of one region and segment."""

    users = Reading(CommunityState)
    spend = Reading(CommunityState)
    growth = Reading(CommunityState)

    @property
    def region(self) -> str:
        """Region of the community."""
        return str(self.engine.block.tables.communities.rows[self.place]["region"])

    @property
    def segment(self) -> str:
        """Segment of the community."""
        return str(self.engine.block.tables.communities.rows[self.place]["segment"])

    @property
    def name(self) -> str:
        """Region and segment."""
        return f"{self.region} {self.segment}"

    @property
    def home(self) -> str:
        """Bloc of the region."""
        return BLOCS[self.engine.block.communities.home[self.place]]

    @property
    def shares(self) -> dict[str, float]:
        """Share of every lab in the community's tokens; empty before the first month."""
        if not self.present:
            return {}
        share = self.engine.communities.share[self.run, self.place]
        return dict(zip(self.engine.block.labs.names, share.tolist(), strict=True))

    @property
    def leader(self) -> str | None:
        """Lab with the largest share."""
        shares = self.shares
        return max(shares, key=lambda lab: shares[lab]) if shares else None

    @property
    def open_share(self) -> float:
        """Share of open models in the community's tokens."""
        return float(self.engine.sales.split[OPEN][self.run, self.place].sum()) if self.present else 0.0

    @property
    def consideration(self) -> dict[str, float]:
        """Share of the community that considers models of an origin."""
        if not self.present:
            return {}
        return dict(zip(BLOCS, self.engine.communities.consideration[self.run, self.place].tolist(), strict=True))

    @property
    def peers(self) -> "list[DeveloperCommunity]":
        """The communities that it looks to."""
        links = self.engine.block.communities.peers
        row = links.indices[links.indptr[self.place] : links.indptr[self.place + 1]]
        everyone = {community.place: community for community in self.model.agents_by_type[DeveloperCommunity]}
        return [everyone[place] for place in sorted(row.tolist())]


__all__ = ["DeveloperCommunity", "Government", "Lab", "Reading", "Window"]
