"""The memo's claims on the desk: on demand, as they take some seconds."""

import html
import math

import streamlit as st

from sim.app import session
from sim.app.memo import RUNS, Holding, MemoQuestion
from sim.app.state import DeskState
from sim.errors import InputError
from sim.memo.worlds import END
from sim.results import OutputError

ASKED, POLL = "memo", 0.5
FULL = "darkhorse memo"


def draw(state: DeskState) -> None:
    """Draw the heading, the button, and what was found for the present policy."""
    st.markdown("## The memo's claims under this policy")
    st.html(
        '<div class="desk-reading">The share of runs in which each claim of the memo of early 2025 holds if the '
        f"alternative is played to {END}, each against its own counterfactual. It is no verdict: that needs the other "
        f"46 settings of <code>{FULL}</code> (structural variants, cells of what nobody knows, ablations).</div>"
    )
    if state.since > END:
        st.info(f"The levers bind from {state.since}, after all that the claims are about: they find what the preset "
                "has.")  # fmt: skip
    asked: MemoQuestion | None = st.session_state.get(ASKED)
    if asked is not None and _world(asked.state) != _world(state):
        asked.close()
        asked = st.session_state[ASKED] = None
    if asked is None:
        st.button(f"Try the claims ({RUNS} runs of 12 arms, some ten seconds)", key="try", on_click=_start)
        if problem := st.session_state.pop("memo_problem", ""):
            st.warning(problem)
    elif asked.done < 1.0:
        _waiting(asked)
    else:
        _found(asked)


def _world(state: DeskState) -> tuple[object, ...]:
    return (state.start, state.since, state.levers, state.dials, state.world, state.channels)


def _start() -> None:
    try:
        st.session_state[ASKED] = MemoQuestion(session.staff(), session.state())
    except InputError as error:
        st.session_state["memo_problem"] = str(error)


@st.fragment(run_every=POLL)
def _waiting(asked: MemoQuestion) -> None:
    st.progress(asked.done, "Playing the arms of the memo")
    if asked.done >= 1.0:
        st.rerun()


def _found(asked: MemoQuestion) -> None:
    try:
        rows = asked.holdings()
    except OutputError as error:
        st.warning(f"The claims could not be tried: {error}.")
        return
    head = "<tr><th>Claim</th><th>Holds in</th><th></th><th>Effect: median (90% of runs)</th><th>Against</th></tr>"
    st.html(f'<table class="desk-memo">{head}{"".join(_row(row) for row in rows)}</table>')


def _row(row: Holding) -> str:
    from sim.report.likelihood import likelihood

    share = "no run" if math.isnan(row.share) else f"{row.share:.0%} of {row.runs} runs"
    width = 0.0 if math.isnan(row.share) else 100 * row.share
    bar = f'<div class="bar"><div style="width:{width:.0f}%"></div></div>'
    word = likelihood(row.share, row.runs)
    effect = f"{row.median:+.2g} ({row.low:+.2g} to {row.high:+.2g}) {row.unit}" if row.runs else "not reached"
    cells = (f"<b>{row.key}</b> {html.escape(row.title)}", f"{share}<br><i>{word}</i>", bar, html.escape(effect),
             html.escape(row.against))  # fmt: skip
    return f'<tr title="{html.escape(row.estimand, quote=True)}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
