"""What the desk shows of an answer: cards, charts, warnings."""

import html
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from sim.app import session
from sim.app.cautions import cautions
from sim.app.compute import Answer
from sim.app.state import DeskState
from sim.calendar import month_index, month_label
from sim.charts.data import CannotDraw
from sim.interactive.views import BY, MARKETS, SHOWN, UNITS, WORDS, View, why_not

if TYPE_CHECKING:
    from sim.interactive.picture import Picture
    from sim.report.cards import Card

PICTURES = "pictures"
MOST_PICTURES = 24
"""Charts that a tab remembers, so that only those that change are drawn again."""
CHAIN_WIDTH = 1000
"""Of the panels of the causal chain side by side, pixels."""
SAID_ONCE = ("Policy dates", "desk |")
"""Notes that stand below the main chart only."""
CONDITIONAL = "Conditional on the scenario and its assumptions, not a forecast."


def headline_cards(answer: Answer) -> None:
    """Show the four cards in the month chosen."""
    from sim.report.cards import cards

    found = cards(answer.record, answer.record.headline)
    st.html(f'<div class="desk-cards">{"".join(_card(card) for card in found)}</div>')


def _card(card: "Card") -> str:
    against = f"{card.change} against the world {card.against}" if card.change else ""
    parts = (("title", f"{card.title}, {card.month}"), ("value", card.value), ("interval", card.interval),
             ("change", against), ("range", card.change_interval))  # fmt: skip
    inside = "".join(f'<div class="{name}">{html.escape(text)}</div>' for name, text in parts if text)
    inside = inside.replace(card.month, f'<span class="month">{card.month}</span>')
    return f'<div class="desk-card" data-key="{card.key}">{inside}</div>'


def warnings(state: DeskState, answer: Answer) -> None:
    """Show what has to be said beside the numbers."""
    found = cautions(state, answer.runs, answer.nothing_moved)
    if found:
        listed = "".join(f"<li>{html.escape(text)}</li>" for text in found)
        st.html(f'<div class="desk-cautions" role="note"><ul>{listed}</ul></div>')


def main_chart(state: DeskState, answer: Answer) -> None:
    """Show the controls of the view and the market shares."""
    st.markdown("## Market shares")
    look = state.look
    choices: tuple[tuple[str, ...], ...] = (BY, UNITS, MARKETS, SHOWN)
    for place, name, options in zip(
        st.container(key="view").columns([1.5, 1, 1.3, 1.3]), ("by", "unit", "market", "shown"), choices, strict=True
    ):
        key = f"look.{name}"
        session.controlled(key, getattr(look, name))
        place.segmented_control(
            name.capitalize(), options, key=key, required=True, default=None, label_visibility="collapsed",
            format_func=lambda choice: WORDS[choice], width="stretch", on_change=session.on(key, partial(_see, name)),
        )  # fmt: skip
    view = View(look.by, look.unit, look.market, look.shown)
    if problem := why_not(view, answer.record):
        st.info(problem)
        return
    show(answer, f"shares.{view}", "main", lambda: main_picture(state, answer))


def _see(name: str, value: str) -> None:
    session.look(**{name: value})


def main_picture(state: DeskState, answer: Answer) -> "Picture":
    """Return the main chart. Raises CannotDraw."""
    from sim.interactive.shares import shares

    look = state.look
    return shares(answer.record, View(look.by, look.unit, look.market, look.shown))


def chain_chart(answer: Answer) -> None:
    """Show the causal chain from compute to market."""
    from sim.interactive.chain import chain

    st.markdown("## Causal chain")
    show(answer, "chain", "chain", lambda: chain(answer.record, width=CHAIN_WIDTH, columns=4))


def channel_chart(answer: Answer) -> None:
    """Show by which ways compute reaches China."""
    from sim.interactive.compute import channels

    st.markdown("## Compute by channel")
    show(answer, "channels", "channels", lambda: channels(answer.record))


def lab_chart(answer: Answer) -> None:
    """Show the network of labs in a month of its own slider."""
    from sim.app.labs import network_of
    from sim.interactive.network import lab_map

    st.markdown("## Who can learn from whom")
    months = [month_label(int(month)) for month in answer.record.months]
    if st.session_state.get("lab_month") not in months:
        st.session_state["lab_month"] = month_label(answer.record.headline)
    month = month_index(st.select_slider("Month of the map", months, key="lab_month"))
    show(answer, f"labs.{month}", "labs", lambda: lab_map(network_of(answer, month)))


def show(answer: Answer, name: str, key: str, draw: Callable[[], "Picture"]) -> None:
    """Show a picture with its words, or why it cannot be drawn. What was drawn before is not drawn again."""
    try:
        picture, spec = _drawn(answer, name, draw)
    except CannotDraw as error:
        st.info(f"{str(error)[:1].upper()}{str(error)[1:]}.")
        return
    notes = [note for note in picture.notes if key == "main" or not note.startswith(SAID_ONCE)]
    with st.container(key=f"panel_{key}"):
        st.html(f'<div class="desk-title">{html.escape(picture.title)}.</div>'
                f'<div class="desk-reading">{html.escape(picture.reading)}</div>')  # fmt: skip
        st.vega_lite_chart(spec=spec, width="stretch" if picture.fills else "content", theme=None, alt=picture.alt)
        st.html(f'<div class="desk-notes">{"<br>".join(html.escape(note) for note in notes)}</div>')


def _drawn(answer: Answer, name: str, draw: Callable[[], "Picture"]) -> tuple["Picture", dict[str, Any]]:
    from altair.utils.schemapi import debug_mode

    held: dict[Any, Any] = st.session_state.setdefault(PICTURES, {})
    key = (answer.name, answer.runs, answer.record.headline, name)
    if key not in held:
        with debug_mode(False):  # the checks of the schema take as long as the drawing; the tests draw with them
            picture = draw()
            spec = dict(picture.spec)
        spec["padding"] = {"left": 6, "right": 6, "top": 6, "bottom": 6}  # else Streamlit adds an empty strip below
        if picture.fills:
            spec["autosize"] = {"type": "fit-x", "contains": "padding"}
        held[key] = (picture, spec)
        for old in list(held)[: max(0, len(held) - MOST_PICTURES)]:
            del held[old]
    found: tuple[Picture, dict[str, Any]] = held[key]
    return found
