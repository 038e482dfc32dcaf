"""The page of the desk from top to bottom; what it shows is made elsewhere."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from sim.app import look, memo_panel, panels, session, sidebar, takeaway
from sim.app.cautions import months_of, starts_of
from sim.app.compute import Answer, Question
from sim.app.state import BLOCK, HORIZONS, RUNS, WHOLE, DeskState, preset
from sim.calendar import month_index
from sim.errors import InputError
from sim.places import preset_names
from sim.results import OutputError

WIDTH = 370
"""Of the sidebar, in pixels."""
WAIT = 0.05
"""Seconds between looks whether the user has moved on, while the first runs are computed."""
LOOK = 0.6
"""Seconds between looks at the runs that come later."""
LOWER = "lower"
"""The answer that the lower charts show."""


def page() -> None:
    """Draw everything."""
    st.set_page_config("darkhorse: policy desk", page_icon=look.icon(), layout="wide", initial_sidebar_state=WIDTH)
    st.html(look.STYLE)
    state = session.state()
    question = _asked()
    st.markdown("# Policy desk")
    st.html(f'<div class="desk-line">AI competition under chip controls. {panels.CONDITIONAL}</div>')
    _question_bar(state)
    for problem in session.problems():
        st.warning(str(problem), icon=":material/link_off:")
    session.write_link()
    with st.sidebar:
        sidebar.draw()
    status = st.empty()
    if question is None or (answer := _answered(question, state, status)) is None:
        return
    lower = st.session_state.setdefault(LOWER, answer)
    _look_after(question, answer, status)
    panels.headline_cards(answer)
    panels.warnings(state, answer)
    panels.main_chart(state, answer)
    takeaway.bar(state, answer)
    panels.chain_chart(lower)
    panels.channel_chart(lower)
    panels.lab_chart(lower)
    memo_panel.draw(state)
    st.html(f'<div class="desk-line">{panels.CONDITIONAL}</div>')


def _asked() -> Question | None:
    """Hand the question in; where the state cannot be a scenario, say why."""
    try:
        return session.question()
    except InputError as error:
        for problem in error.problems:
            st.error(str(problem))
        return None


def _question_bar(state: DeskState) -> None:
    names = preset_names()
    first = st.container(key="question").columns([2.7, 2.7, 1.3, 1.2, 1.2, 1.1])
    rows: tuple[tuple[str, str, list[Any], Callable[[Any], str]], ...] = (
        ("start", "Alternative: start from", names, _title),
        ("baseline", "Held against", names, _title),
        ("since", "Levers apply from", starts_of(state), _since),
        ("end", "Horizon", list(HORIZONS), str),
        ("month", "Read in", months_of(state), str),
        ("runs", "Runs", list(RUNS), str),
    )
    for place, (name, label, options, shown) in zip(first, rows, strict=True):
        key = f"ask.{name}"
        session.controlled(key, getattr(state, name))

        place.selectbox(label, options, key=key, format_func=shown, on_change=session.on(key, partial(_ask, name)))


def _ask(name: str, value: Any) -> None:
    """Change a part of the question; headlines that are read at the horizon follow it."""
    state = session.state()
    session.change(**{name: value, **({"month": value} if name == "end" and state.month == state.end else {})})


def _title(name: str) -> str:
    return preset(name).title


def _since(month: str) -> str:
    return "the first month" if month == WHOLE else month


def _answered(question: Question, state: DeskState, status: "st.delta_generator.DeltaGenerator") -> Answer | None:
    """Wait for the first runs; writing to the page lets a newer change of the user end the wait."""
    try:
        while not question.wait(WAIT):
            status.html('<div class="desk-line" aria-live="polite">Computing the first runs ...</div>')
        return question.answer(month_index(state.month))
    except OutputError as error:
        status.error(f"The runs could not be computed: {error}. Reset, or change something and try again.")
        return None


def _look_after(question: Question, answer: Answer, status: "st.delta_generator.DeltaGenerator") -> None:
    """Say how many runs are shown. While more are to come, or lower charts to be drawn, look again and draw the page.

    The lower charts follow when the lever rests, so that cards and main chart need not wait for them.
    """
    text = f"{answer.runs} of {answer.asked} paired runs, seed {answer.plan.base.seed}"

    def settled() -> bool:
        lower: Answer = st.session_state[LOWER]
        return (lower.name, lower.runs, lower.record.headline) == (answer.name, answer.runs, answer.record.headline)

    def line(more: str = "") -> None:
        st.html(f'<div class="desk-line" data-runs="{answer.runs}" data-settled="{settled()}">{text}{more}.</div>')

    @st.fragment(run_every=LOOK)
    def look_again() -> None:
        looks["count"] += 1
        try:
            # not at once: while a lever moves, all of the machine is for the first runs and the main chart
            left = question.go_on() if looks["count"] > 1 else question.blocks * BLOCK < answer.asked
            done = min(question.blocks * BLOCK, answer.asked)
        except OutputError as error:
            st.warning(f"More runs could not be computed: {error}.")
            return
        if looks["count"] > 1 and (done >= 2 * answer.runs or not settled() or not left):
            st.session_state[LOWER] = answer
            st.rerun()
        line(f"; {done} computed so far" if left else "")

    looks = {"count": 0}
    with status.container():
        if answer.runs == answer.asked and settled():
            line()
        else:
            look_again()
