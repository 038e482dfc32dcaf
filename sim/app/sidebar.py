"""The levers on the left: sections from the catalogue, each lever with named levels and a slider."""

import math
from functools import partial

import streamlit as st

from sim.app import session
from sim.app.files import lever_before
from sim.app.levers import LEVEL_WORDS, SECTIONS, Control, controls, country, level_of, with_value
from sim.app.state import DeskState, channel_names, spread
from sim.app.tables import tables
from sim.policies import LEVELS, Lever

WRITTEN = "As is"
MOST_PARAMETERS = 8
OPEN_AT_FIRST = 3
"""Sections that are unfolded in a new desk."""


def draw() -> None:
    """Draw all levers, the parameters and the mechanisms."""
    state = session.state()
    head, button = st.columns([3, 2], vertical_alignment="center")
    head.html('<div class="desk-heading">Levers</div>')
    button.button("Reset", key="reset", on_click=session.reset, width="stretch", help="Back to a new desk")
    st.html(f'<div class="desk-line">{_caption(state)}</div>')
    for place, section in enumerate(SECTIONS):
        _section(state, section, place < OPEN_AT_FIRST)
    st.html('<div class="desk-heading">Assumptions</div><div class="desk-line">They hold in both worlds.</div>')
    with st.expander("Advanced parameters", key="open.parameters"):
        _parameters(state)
    with st.expander("Mechanisms", key="open.mechanisms"):
        _mechanisms(state)


def _caption(state: DeskState) -> str:
    when = "over the whole time" if state.since == "start" else f"from {state.since} on"
    return f"They change the alternative, {when}; dials act over the whole time."


def _section(state: DeskState, section: str, expanded: bool) -> None:
    mine = [control for control in controls().values() if control.section == section]
    count = sum(c.lever.name in state.levers or c.lever.name in state.dials for c in mine)
    with st.expander(f"{section} · {count} set" if count else section, expanded=expanded, key=f"open.{section}"):
        rest = [control for control in mine if not control.telling]
        for control in mine:
            if control.telling:
                _lever(state, control)
        more = st.toggle(f"All {len(mine)} levers of this group", key=f"more.{section}") if rest else False
        for control in rest:
            if more or control.lever.name in state.levers:
                _lever(state, control)


def _lever(state: DeskState, control: Control) -> None:
    lever, name = control.lever, control.lever.name
    setting, dial = state.levers.get(name), state.dials.get(name)
    value = _before(state, lever) if setting is None else setting.number(lever)
    value = dial if dial is not None else value
    st.markdown(f"**{control.label}**", help=control.help)
    key = f"slide.{name}"
    session.controlled(key, value)
    act = session.on(key, lambda chosen: session.set_lever(name, float(chosen)))
    label = control.label
    if control.lever.kind == "switch":
        session.controlled(key, bool(value))
        st.toggle(label, key=key, on_change=act, label_visibility="collapsed")
    elif control.scale:
        scale = with_value(control.scale, value)
        st.select_slider(label, scale, key=key, format_func=control.shown, on_change=act, label_visibility="collapsed")
    else:
        form = "percent" if lever.kind == "share" and not lever.is_dial else "%.2f"
        st.slider(label, lever.low, lever.high, step=control.step, format=form, key=key, on_change=act,
                  label_visibility="collapsed")  # fmt: skip
    _levels(control, setting is not None or dial is not None, value)
    if setting is not None and len(lever.holders) > 1:
        _holders(control, setting.holders)


def _before(state: DeskState, lever: Lever) -> float:
    """What the preset has: of a dial its default or the preset's, of a lever the strictest of its holders."""
    if lever.is_dial:
        from sim.app.state import preset

        return float(preset(state.start).dials[lever.name])
    values = list(lever_before(state, lever).values())
    return max(values, key=lambda value: abs(value - lever.default) if math.isfinite(value - lever.default) else 0.0)


def _levels(control: Control, is_set: bool, value: float) -> None:
    lever, key = control.lever, f"level.{control.lever.name}"
    words = [WRITTEN, *(LEVEL_WORDS[level] for level in LEVELS if level in lever.levels)]
    level = level_of(lever, value)
    now = (LEVEL_WORDS[level] if level is not None else None) if is_set else WRITTEN
    names = {word: level for level, word in LEVEL_WORDS.items()}
    act = session.on(key, lambda word: session.set_lever(lever.name, names.get(word)))
    session.controlled(key, now)
    st.segmented_control(f"{control.label}, level", words, key=key, on_change=act, label_visibility="collapsed",
                         width="stretch")  # fmt: skip


def _holders(control: Control, chosen: tuple[str, ...]) -> None:
    lever, key = control.lever, f"who.{control.lever.name}"
    session.controlled(key, list(chosen))

    def act(picked: list[str]) -> None:
        value = session.state().levers[lever.name].value
        session.set_lever(lever.name, value, tuple(who for who in lever.holders if who in picked) or chosen)

    st.pills(f"{control.label}, set by", lever.holders, selection_mode="multi", key=key, format_func=country,
             on_change=session.on(key, act), label_visibility="collapsed")  # fmt: skip


def _parameters(state: DeskState) -> None:
    rows = {str(row["name"]): row for row in tables().parameters.rows}
    key = "parameters"
    session.controlled(key, list(state.world))

    def choose(names: list[str]) -> None:
        kept = {name: state.world.get(name, _middle(name, state.start)) for name in names}
        session.change(world=kept)

    st.multiselect("Parameters", list(rows), key=key, on_change=session.on(key, choose), placeholder="Type a name",
                   max_selections=MOST_PARAMETERS,
                   help="Each run draws its parameters. One chosen here has a single value in every run.")  # fmt: skip
    for name, value in state.world.items():
        low, high = spread(name, state.start)
        row = rows[name]
        note = f"{row['phrase']}.\n\n**Unit** {row['unit']}\n\n**Source** {row['source']}\n\n**Grade** {row['grade']}"
        slide = f"world.{name}"
        session.controlled(slide, value)
        act = session.on(slide, partial(_fix, name))
        low, high = min(low, value), max(high, value)
        st.slider(name, low, high, step=(high - low) / 100 or 0.01, format="%.4g", key=slide, on_change=act, help=note)
        st.caption(f"5 to 95% of the runs: {spread(name, state.start)[0]:.4g} to {spread(name, state.start)[1]:.4g}")


def _fix(name: str, value: float) -> None:
    session.change(world=session.put(session.state().world, name, float(value)))


def _switch(name: str, usual: bool, on: bool) -> None:
    session.change(channels=session.put(session.state().channels, name, None if on == usual else bool(on)))


def _middle(name: str, start: str) -> float:
    low, high = spread(name, start)
    return float(f"{0.5 * (low + high):.4g}")


def _mechanisms(state: DeskState) -> None:
    from sim.app.state import preset
    from sim.scenario_schema import Channels

    before = preset(state.start).model.channels
    for name in channel_names():
        key = f"channel.{name}"
        usual = bool(getattr(before, name))
        session.controlled(key, state.channels.get(name, usual))
        act = session.on(key, partial(_switch, name, usual))
        text = Channels.model_fields[name].description or name
        st.toggle(name.replace("_", " ").capitalize(), key=key, on_change=act, help=text[:1].upper() + text[1:] + ".")
