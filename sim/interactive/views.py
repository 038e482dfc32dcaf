"""Which shares the main chart shows: by whom, of what, on which market, as levels or as the difference made."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.charts.data import COUNTERFACTUAL, MAIN, Floats
from sim.measures import BLOCS, LABS, OPENNESS

if TYPE_CHECKING:
    from sim.charts.data import RunRecord

BY = ("bloc", "lab", "openness")
UNITS = ("tokens", "revenue")
MARKETS = ("world", "abroad", "home")
SHOWN = ("level", "difference")
WORDS = {
    "bloc": "By bloc",
    "lab": "By lab",
    "openness": "Open and closed",
    "tokens": "Tokens",
    "revenue": "Revenue",
    "world": "World",
    "abroad": "Abroad",
    "home": "At home",
    "level": "Share",
    "difference": "Difference made",
}
"""What a control calls each choice."""
MEASURES = {"tokens": "token_share", "revenue": "revenue_share"}
DEVELOPERS = {"tokens": "developer_token_share", "revenue": "developer_revenue_share"}
"""Measures of openness outside China: what API developers there use and spend."""
COMPLEMENT = {"closed": "open"}
"""Entities that have what another one leaves, where only that one is measured."""


@dataclass(frozen=True)
class View:
    """A choice of shares: one of each of `BY`, `UNITS`, `MARKETS` and `SHOWN`."""

    by: str = "bloc"
    unit: str = "tokens"
    market: str = "world"
    shown: str = "level"


def why_not(view: View, record: "RunRecord | None" = None) -> str:
    """Return why a view cannot be drawn, as a sentence; '' where it can. With a record, whether that has what it needs.

    A value that is no choice at all is named with the choices there are.
    """
    choices = {"by": BY, "unit": UNITS, "market": MARKETS, "shown": SHOWN}
    for name, allowed in choices.items():
        value = getattr(view, name)
        if value not in allowed:
            return f"There is no view with {name} {value!r}; choose {', '.join(allowed[:-1])} or {allowed[-1]}."
    if view.by == "openness" and view.market == "home":
        return "Open and closed models are measured in the world and abroad, not at home."
    if record is None:
        return ""
    if view.shown == "difference" and not record.has_counterfactual:
        return "The run has no counterfactual, so there is no difference to show."
    missing = [column for column in measured(view) if not record.has(column)]
    return (
        f"The run did not record {', '.join(missing[:3])}{' and more' if len(missing) > 3 else ''}." if missing else ""
    )


def columns_of(view: View) -> dict[str, str]:
    """Return the column of each entity of a view. Closed models abroad have what `.open` leaves (see `values_of`).

    Raises ValueError where the view cannot be drawn.
    """
    if problem := why_not(view):
        raise ValueError(problem)
    if view.by == "openness" and view.market == "abroad":
        return dict.fromkeys(OPENNESS, f"{DEVELOPERS[view.unit]}.open")
    suffix = "" if view.market == "world" else f"_{view.market}"
    entities = {"bloc": BLOCS, "lab": LABS, "openness": OPENNESS}[view.by]
    return {entity: f"{MEASURES[view.unit]}{suffix}.{entity}" for entity in entities}


def measured(view: View) -> list[str]:
    """Return the columns that a run must record for a view, each once."""
    return list(dict.fromkeys(columns_of(view).values()))


def values_of(record: "RunRecord", view: View, entity: str, role: str = MAIN) -> Floats:
    """Return the shares (0 to 1) of an entity, shape (runs, months). Raises CannotDraw where they are not on record."""
    column = columns_of(view)[entity]
    values = record.values(column, role)
    whose = column.rpartition(".")[2]
    return 1.0 - values if COMPLEMENT.get(entity) == whose else values


def drawn_values(record: "RunRecord", view: View, entities: list[str], role: str = MAIN) -> Floats:
    """Return the sum of the shares of some entities run by run, shape (runs, months).

    Where the view shows differences: main minus counterfactual, run by run, and `role` has no part.
    """
    if view.shown == "difference":
        return _sum(record, view, entities, MAIN) - _sum(record, view, entities, COUNTERFACTUAL)
    return _sum(record, view, entities, role)


def _sum(record: "RunRecord", view: View, entities: list[str], role: str) -> Floats:
    total: Floats = np.add.reduce([values_of(record, view, entity, role) for entity in entities])
    return total


def market_words(view: View) -> str:
    """Return of what the shares are: "the world's tokens", 'spending outside China by API developers'."""
    what = {"tokens": "tokens", "revenue": "spending"}[view.unit]
    if view.market == "world":
        return f"the world's {what}" + (" on models" if view.unit == "revenue" else "")
    if view.by == "openness":
        return f"{what} of API developers outside China"
    place = "outside" if view.market == "abroad" else "inside"
    verb = " used" if view.unit == "tokens" else ""
    return f"{what}{verb} {place} the bloc"


def label(view: View) -> str:
    """Return a view in words: "share of the world's tokens, by bloc"."""
    whose = {"bloc": "by bloc", "lab": "by lab", "openness": "open and closed models"}[view.by]
    made = "difference made to the share of" if view.shown == "difference" else "share of"
    return f"{made} {market_words(view)}, {whose}"
