"""The page of the desk from top to bottom; what it shows is made elsewhere."""

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
REFINE = 0.6
"""Seconds between looks at the runs that come later."""


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
    _more_runs(question, answer, status)
    panels.headline_cards(answer)
    panels.warnings(state, answer)
    panels.main_chart(state, answer)
    takeaway.bar(state, answer)
    panels.chain_chart(answer)
    panels.channel_chart(answer)
    panels.lab_chart(answer)
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
    first = st.columns([3, 3, 1.3, 1.1, 1.2, 0.9])
    rows = (
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

        def act(value: str, name: str = name) -> None:
            moves = {"month": value} if name == "end" and state.month == state.end else {}
            session.change(**{name: value, **moves})

        place.selectbox(label, options, key=key, format_func=shown, on_change=session.on(key, act))


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


def _more_runs(question: Question, answer: Answer, status: "st.delta_generator.DeltaGenerator") -> None:
    """Say how many runs are shown; while there are more to come, look after them and show them when they double."""
    text = f"{answer.runs} of {answer.asked} paired runs, seed {answer.plan.base.seed}"
    if answer.runs == answer.asked:
        status.html(f'<div class="desk-line" data-runs="{answer.runs}">{text}.</div>')
        return

    @st.fragment(run_every=REFINE)
    def look_again() -> None:
        try:
            left = question.go_on()
        except OutputError as error:
            st.warning(f"More runs could not be computed: {error}.")
            return
        done = min(question.blocks * BLOCK, answer.asked)
        if not left or done >= 2 * answer.runs:
            st.rerun()
        st.html(f'<div class="desk-line" data-runs="{answer.runs}">{text}; {done} computed so far.</div>')

    with status.container():
        look_again()

