"""The page of the desk as Streamlit runs it, without a browser: every control moves what it should."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from sim.app import session
from sim.app.levers import SECTIONS, TELLING, controls
from sim.app.links import state_of
from sim.app.state import DeskState, Look, Setting
from tests.source_code import ROOT

PAGE = ROOT / "sim" / "app" / "page.py"


@pytest.fixture(scope="module", autouse=True)
def workers() -> Iterator[None]:
    yield
    session.staff().close()
    session.staff.cache_clear()
    session.desk.cache_clear()


def opened(**query: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=120)
    for key, value in query.items():
        page.query_params[key.replace("__", ".")] = value
    return run(page)


def run(page: AppTest) -> AppTest:
    page.run()
    assert not page.exception, page.exception
    assert not page.error, page.error
    return page


def shown(page: AppTest) -> DeskState:
    """The state that the page's link says."""
    query = {key: value[0] if isinstance(value, list) else value for key, value in page.query_params.items()}
    state, problems = state_of(query)
    assert not problems
    return state


def pieces(page: AppTest) -> str:
    """All HTML of the page."""
    return " ".join(str(element.proto.body) for element in page.get("html"))


def cards(page: AppTest) -> str:
    return next(str(element.proto.body) for element in page.get("html") if "desk-cards" in str(element.proto.body))


def charts(page: AppTest) -> list[str]:
    return [str(element.proto.spec) for element in page.get("vega_lite_chart")]


def choose(page: AppTest, key: str, value: str | list[str]) -> None:
    """Click one of some buttons side by side, or those of several that can hold at once."""
    group: Any = next(group for group in page.get("button_group") if group.key == key)
    group.set_value(value)


def test_a_new_desk_shows_cards_charts_and_levers() -> None:
    page = opened()
    assert "China" in cards(page)
    assert len(charts(page)) == 4
    headings = " ".join(element.value for element in page.markdown)
    for text in (
        "Policy desk",
        "Market shares",
        "Causal chain",
        "Compute by channel",
        "Who can learn from whom",
        "memo",
    ):
        assert text in headings
    assert [e.label for e in page.expander][: len(SECTIONS)] == list(SECTIONS)
    keys = {slider.key for slider in [*page.slider, *page.select_slider]}
    assert {f"slide.{name}" for name in TELLING} <= keys
    assert "not a forecast" in pieces(page)
    assert not page.query_params


@pytest.mark.slow
def test_every_lever_in_sight_moves_state_and_numbers() -> None:
    """The same step for each of them: a link, cards that are not those before, or the word that nothing moved."""
    page = opened(s="start", e="2027-12", n="64")
    before = cards(page)
    for name in TELLING:
        page = opened(s="start", n="64")
        lever = controls()[name].lever
        widget = next(w for w in [*page.slider, *page.select_slider] if w.key == f"slide.{name}")
        target = next(value for value in reversed(list(lever.levels.values())) if value != widget.value)
        widget.set_value(target)
        run(page)
        state = shown(page)
        set_to = state.dials.get(name, state.levers[name].number(lever) if name in state.levers else None)
        assert set_to == target, name
        assert cards(page) != before or "Not binding" in pieces(page), name


def test_named_levels_and_slider_follow_one_another() -> None:
    page = opened(n="64")
    choose(page, "level.enforcement", "Strong")
    run(page)
    assert shown(page).levers["enforcement"] == Setting("strong", ("US", "TW", "GULF"))
    assert page.slider(key="slide.enforcement").value == 0.7
    page.slider(key="slide.enforcement").set_value(0.55)
    run(page)
    assert shown(page).levers["enforcement"] == Setting(0.55, ("US", "TW", "GULF"))


def test_reset_gives_a_new_desk() -> None:
    page = opened(l__enforcement="0.8", d__compute__constraint="0.5", view="lab.revenue.home.difference", n="64")
    assert shown(page) != DeskState()
    page.button(key="reset").click()
    run(page)
    assert shown(page) == DeskState()
    assert not page.query_params
    assert page.slider(key="slide.compute.constraint").value == 0.0


def test_the_question_bar() -> None:
    page = opened(n="64")
    before = cards(page)
    for key, value in (("baseline", "tight"), ("start", "loose"), ("since", "2027-01"), ("end", "2029-12")):
        page.selectbox(key=f"ask.{key}").set_value(value)
        run(page)
        assert getattr(shown(page), key) == value
    assert shown(page).month == "2029-12"
    assert cards(page) != before
    after = cards(page)
    page.selectbox(key="ask.month").set_value("2026-12")
    run(page)
    assert "2026-12" in cards(page) != after


def test_views_move_the_main_chart_alone() -> None:
    page = opened(n="64")
    first = charts(page)
    for name, value in (("by", "lab"), ("unit", "revenue"), ("market", "abroad"), ("shown", "difference")):
        choose(page, f"look.{name}", value)
        run(page)
        now = charts(page)
        assert now[0] != first[0]
        assert now[1:] == first[1:]
        first = now
    assert shown(page).look == Look("lab", "revenue", "abroad", "difference")


def test_a_view_that_cannot_be_drawn_is_explained() -> None:
    page = opened(view="openness.tokens.home.level", n="64")
    assert "not at home" in page.info[0].value
    assert len(charts(page)) == 3


def test_a_bad_link_is_told_and_the_rest_is_shown() -> None:
    page = opened(l__enforcment="0.5", l__cloud_kyc="strong", b="tigth", n="64")
    told = " ".join(warning.value for warning in page.warning)
    assert "Did you mean enforcement?" in told
    assert "Did you mean tight?" in told
    assert shown(page).levers == {"cloud_kyc": Setting("strong", ("US", "GULF"))}
    assert "desk-cards" in pieces(page)


def test_parameters_and_mechanisms_hold_in_both_worlds() -> None:
    page = opened(n="64")
    before = cards(page)
    page.multiselect(key="parameters").set_value(["chip_market.no_control_share"])
    run(page)
    value = shown(page).world["chip_market.no_control_share"]
    slider = page.slider(key="world.chip_market.no_control_share")
    assert slider.value == value
    assert cards(page) != before
    slider.set_value(slider.min)
    run(page)
    assert shown(page).world["chip_market.no_control_share"] == slider.min
    page.toggle(key="channel.distillation").set_value(False)
    run(page)
    assert shown(page).channels == {"distillation": False}
    page.toggle(key="channel.distillation").set_value(True)
    run(page)
    assert shown(page).channels == {}


def test_folded_levers_unfold_and_holders_can_be_chosen() -> None:
    page = opened(n="64")
    assert not [s for s in page.slider if s.key == "slide.export_controls.levy"]
    page.toggle(key="more.Export controls").set_value(True)
    run(page)
    page.slider(key="slide.export_controls.levy").set_value(0.5)
    run(page)
    assert shown(page).levers["export_controls.levy"] == Setting(0.5, ("US",))
    page.slider(key="slide.enforcement").set_value(0.9)
    run(page)
    choose(page, "who.enforcement", ["US"])
    run(page)
    assert shown(page).levers["enforcement"] == Setting(0.9, ("US",))


def test_more_runs_come_by_and_by() -> None:
    page = opened(n="256")
    for _ in range(60):
        if "256 of 256 paired runs" in pieces(page):
            break
        time.sleep(0.5)
        question = page.session_state["question"][1]
        question.go_on()
        run(page)
    assert "256 of 256 paired runs" in pieces(page)


def test_the_months_of_the_map_move_the_map_alone() -> None:
    page = opened(n="64")
    first = charts(page)
    page.select_slider(key="lab_month").set_value("2024-01")
    run(page)
    now = charts(page)
    assert now[:3] == first[:3]
    assert now[3] != first[3]
