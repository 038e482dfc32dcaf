"""The state of one browser tab: read from its link, changed by its controls, written back to its link."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import streamlit as st

from sim.app.compute import Desk, Question
from sim.app.files import both, worlds_of, yaml_of
from sim.app.links import query_of, state_of
from sim.app.staff import Staff
from sim.app.state import DeskState, Setting, checked, default_holders, levers_by_name
from sim.errors import Problem
from sim.results import OutputError

STATE, PROBLEMS, QUESTION = "state", "problems", "question"


@cache
def staff() -> Staff:
    """Return the workers of this process; they start with the first call and end with the process."""
    return Staff()


@cache
def desk() -> Desk:
    """Return the desk of this process."""
    return Desk(staff())


def warm_up() -> None:
    """Compute what a new desk shows, so that the first page need not wait for it."""
    with contextlib.suppress(OutputError):  # a tab that asks the same is told; a desk that closes need not be
        question = desk().ask(worlds_of(DeskState()))
        while not question.wait(1.0):
            pass


def state() -> DeskState:
    """Return the state of this tab; a new tab takes it from its link."""
    if STATE not in st.session_state:
        query = {key: st.query_params[key] for key in st.query_params}
        st.session_state[STATE], st.session_state[PROBLEMS] = state_of(query)
    found: DeskState = st.session_state[STATE]
    return found


def problems() -> list[Problem]:
    """Return what was wrong with the link or the last change."""
    found: list[Problem] = st.session_state.get(PROBLEMS, [])
    return found


def change(**values: Any) -> None:
    """Set parts of the state; what does not fit together any more is put right and told."""
    now, found = checked(replace(state(), **values))
    st.session_state[STATE], st.session_state[PROBLEMS] = now, found


def reset() -> None:
    """Go back to a new desk."""
    st.session_state[STATE], st.session_state[PROBLEMS] = DeskState(), []


def set_lever(name: str, value: float | str | None, holders: tuple[str, ...] | None = None) -> None:
    """Set a lever or dial; None leaves it as the preset has it."""
    now, lever = state(), levers_by_name()[name]
    if lever.is_dial:
        dials = {key: number for key, number in now.dials.items() if key != name}
        if value is not None:
            number = lever.levels[value] if isinstance(value, str) else value
            dials |= {} if number == lever.default else {name: number}
        change(dials=dials)
        return
    levers = {key: setting for key, setting in now.levers.items() if key != name}
    if value is not None:
        before = now.levers[name].holders if name in now.levers else default_holders(lever)
        levers[name] = Setting(value, holders or before)
    change(levers=levers)


def put(values: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    """Return the mapping with a value set, or without the name where the value is None."""
    rest = {key: old for key, old in values.items() if key != name}
    return rest if value is None else {**rest, name: value}


def look(**values: str) -> None:
    """Change the view of the main chart."""
    change(look=replace(state().look, **values))


def controlled(key: str, value: Any) -> str:
    """Have the widget of a key show a value; return the key."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return key


def on(key: str, act: Callable[[Any], None]) -> Callable[[], None]:
    """Return a callback that acts on the new value of a widget."""

    def call() -> None:
        act(st.session_state[key])

    return call


def write_link() -> None:
    """Let the address of the page say what it shows."""
    query = query_of(state())
    if {key: st.query_params[key] for key in st.query_params} != query:
        st.query_params.from_dict(query)


def question() -> Question:
    """Return the question of the state; it is handed in when the worlds have changed. Raises InputError."""
    now = state()
    key = (yaml_of(now), now.baseline, both(now))
    held: tuple[tuple[object, ...], Question] | None = st.session_state.get(QUESTION)
    if held is not None and held[0] == key:
        return held[1]
    asked = desk().ask(worlds_of(now))
    if held is not None:
        held[1].close()
    st.session_state[QUESTION] = (key, asked)
    return asked
