"""The state of the desk: links, files, levers and warnings. Nothing is computed and no page is drawn."""

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sim.app.cautions import cautions, months_of, starts_of
from sim.app.files import command_of, lever_before, worlds_of, yaml_of
from sim.app.levers import LEVEL_WORDS, SECTIONS, TELLING, controls, level_of, with_value
from sim.app.links import query_of, state_of
from sim.app.state import (
    BASELINE,
    HORIZONS,
    RUNS,
    START,
    WHOLE,
    DeskState,
    Look,
    Setting,
    channel_names,
    checked,
    default_holders,
    levers_by_name,
    preset,
    spread,
)
from sim.calendar import month_index
from sim.commands.text import load
from sim.data import load_tables
from sim.places import preset_names
from sim.policies import lever_paths

LEVERS = {name: lever for name, lever in levers_by_name().items() if not lever.is_dial}
DIALS = {name: lever for name, lever in levers_by_name().items() if lever.is_dial}
BUSY = DeskState(
    baseline="history_hold", start="tight", end="2030-12", since="2027-01", month="2029-12", runs=64,
    levers={"enforcement": Setting(0.35, ("US",)), "export_controls.tpp_ceiling": Setting(math.inf, ("US",)),
            "export_controls.hbm_control": Setting("weak", ("US", "KR")),
            "model_ban.startup_dev": Setting(0.5, ("US", "EU"))},
    dials={"compute.constraint": 0.3}, world={"chip_market.no_control_share": 0.2},
    channels={"distillation": False}, look=Look("lab", "revenue", "abroad", "difference"),
)  # fmt: skip


def a_setting(name: str) -> some.SearchStrategy[Setting]:
    lever = LEVERS[name]
    high = lever.high if math.isfinite(lever.high) else max(lever.levels.values()) * 2
    numbers = some.floats(max(lever.low, -1e6), high, allow_nan=False)
    value = some.one_of(some.sampled_from(sorted(lever.levels)), numbers)
    holders = some.lists(some.sampled_from(lever.holders), min_size=1, unique=True)
    return some.builds(lambda v, who: Setting(v, tuple(w for w in lever.holders if w in who)), value, holders)


@some.composite
def states(draw: some.DrawFn) -> DeskState:
    names = draw(some.lists(some.sampled_from(sorted(LEVERS)), max_size=5, unique=True))
    end = draw(some.sampled_from(HORIZONS[3:]))
    return DeskState(
        baseline=draw(some.sampled_from(preset_names())), start=draw(some.sampled_from(preset_names())), end=end,
        since=draw(some.sampled_from([WHOLE, "2023-04", "2026-07", "2029-01"])),
        month=draw(some.sampled_from(["2025-12", "2028-06", end])),
        levers={name: draw(a_setting(name)) for name in names},
        dials={n: draw(some.floats(0, 1)) for n in draw(some.lists(some.sampled_from(sorted(DIALS)), unique=True))},
        world=draw(some.sampled_from([{}, {"chip_market.no_control_share": 0.2 + 1e-9}])),
        channels=draw(some.sampled_from([{}, {"slack": True}, {"distillation": False, "peers": True}])),
        runs=draw(some.sampled_from(RUNS)),
        look=Look(*(draw(some.sampled_from(options)) for options in
                    (("lab", "bloc", "openness"), ("tokens", "revenue"), ("world", "home"), ("level", "difference")))),
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(states())
def test_every_state_comes_back_from_its_link(state: DeskState) -> None:
    known, problems = state_of(query_of(state))
    assert known == state
    assert not problems


def test_a_new_desk_has_an_empty_link() -> None:
    assert query_of(DeskState()) == {}
    assert state_of({}) == (DeskState(), [])
    assert checked(DeskState()) == (DeskState(), [])


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"a": "deepsek_shock"}, "Did you mean deepseek_shock?"),
        ({"b": "tigth"}, "Did you mean tight?"),
        ({"l.enforcment": "0.5"}, "Did you mean enforcement?"),
        ({"l.enforcement": "7"}, "[0, 1]"),
        ({"l.enforcement": "stronk"}, "Did you mean strong?"),
        ({"l.enforcement": "0.5@US XX"}, "XX"),
        ({"l.enforcement": "nan"}, "no value"),
        ({"l.enforcement": ""}, "no value"),
        ({"l.enforcement": "none"}, "[0, 1]"),
        ({"d.compute.constrain": "0.5"}, "Did you mean compute.constraint?"),
        ({"d.compute.constraint": "2"}, "[0, 1]"),
        ({"w.chip_market.no_control_shar": "0.2"}, "Did you mean chip_market.no_control_share?"),
        ({"w.chip_market.no_control_share": "9"}, "[0.1, 0.35]"),
        ({"k.distilation": "0"}, "Did you mean distillation?"),
        ({"k.distillation": "maybe"}, "0 or 1"),
        ({"e": "2019-12"}, "horizon"),
        ({"s": "2045-01"}, "start of the levers"),
        ({"s": "July"}, "start of the levers"),
        ({"m": "2099-12"}, "month"),
        ({"n": "1000000"}, "runs"),
        ({"n": "many"}, "number of runs"),
        ({"view": "blok.tokens.world.level"}, "Did you mean bloc?"),
        ({"view": "everything"}, "view"),
        ({"zz": "1"}, "unknown part"),
        ({"v": "99"}, "version"),
        ({"b": "x" * 5000}, "too long"),
    ],
)
def test_a_wrong_link_is_refused_kindly_and_the_rest_is_kept(query: dict[str, str], says: str) -> None:
    state, problems = state_of({**query, "l.cloud_kyc": "strong"})
    assert says.lower() in " ".join(str(problem) for problem in problems).lower()
    assert checked(state) == (state, [])
    if query.get("v") != "99":
        assert state.levers.get("cloud_kyc") == Setting("strong", ("US", "GULF"))
    worlds_of(state)


@settings(max_examples=150, deadline=None)
@given(some.dictionaries(some.text(max_size=12), some.text(max_size=30), max_size=8))
def test_no_query_makes_it_stumble(query: dict[str, str]) -> None:
    state, _ = state_of(query)
    assert checked(state) == (state, [])


@pytest.mark.parametrize("start", preset_names())
@pytest.mark.parametrize("since", ["2026-07", "2023-04", WHOLE])
def test_the_file_loads_as_what_the_desk_computes(start: str, since: str, tmp_path: Path) -> None:
    levers = {"enforcement": Setting(0.55, ("US", "TW", "GULF")), "purchase_veto": Setting("weak", ("CN",)),
              "export_controls.tpp_ceiling": Setting(1600.0, ("US",)),
              "model_ban.startup_dev": Setting(0.5, ("US", "EU"))}  # fmt: skip
    world = {"chip_market.no_control_share": 0.2}
    state, problems = checked(DeskState(start=start, since=since, levers=levers, world=world))
    assert not problems
    file = tmp_path / "desk.yaml"
    file.write_text(yaml_of(state), encoding="utf-8")
    loaded = load(file)
    assert loaded.digest() == worlds_of(state).alternative.digest()
    first = 0 if since == WHOLE else month_index(since)
    rows = load_tables().levers.rows
    paths, before = (lever_paths(scenario, rows, loaded.months) for scenario in (loaded, preset(start)))
    assert (paths.value["TW", "enforcement"][first:] == 0.55).all()
    assert (paths.value["CN", "purchase_veto"][first:] == LEVERS["purchase_veto"].levels["weak"]).all()
    for key, values in paths.value.items():
        assert (values[:first] == before.value[key][:first]).all(), key
    assert paths.against["EU", "model_ban.startup_dev"] == ("CN",)


def test_what_holds_in_both_worlds_stands_in_the_command() -> None:
    worlds = worlds_of(BUSY)
    assert worlds.baseline.model.channels.distillation is worlds.alternative.model.channels.distillation is False
    assert worlds.baseline.world["chip_market.no_control_share"].centre == 0.2
    assert (worlds.baseline.end, worlds.baseline.runs) == (worlds.alternative.end, worlds.alternative.runs)
    command = command_of(BUSY)
    for part in ("compare history_hold desk.yaml", "end=2030-12", "world.chip_market.no_control_share=0.2",
                 "model.channels.distillation=false", "--runs 64", "--seed 20250120"):  # fmt: skip
        assert part in command


def test_every_lever_has_one_control_in_a_section() -> None:
    assert set(controls()) == set(levers_by_name())
    assert {control.section for control in controls().values()} == set(SECTIONS)
    assert set(TELLING) <= set(controls())
    assert all(len([c for c in controls().values() if c.section == s and c.telling]) >= 2 for s in SECTIONS)


def test_sliders_reach_every_named_level_and_what_the_presets_have() -> None:
    for name, control in controls().items():
        lever = control.lever
        assert LEVEL_WORDS.keys() >= lever.levels.keys()
        for level, value in lever.levels.items():
            assert level_of(lever, value) is not None, (name, level)
            assert not control.scale or value in control.scale
            assert lever.low <= value <= lever.high
        if control.scale:
            assert list(control.scale) == sorted(set(control.scale))
            assert math.inf in control.scale
            assert all(lever.number("none" if math.isinf(value) else value) == value for value in control.scale)
            assert with_value(control.scale, control.scale[0]) == control.scale
        for part in (lever.phrase, lever.unit, "**Source**", "**Grade**"):
            assert part in control.help
    assert default_holders(LEVERS["model_ban.startup_dev"]) == ("US", "EU", "JP", "KR", "GULF", "IN", "ROW")


def test_warnings_say_what_they_are_about() -> None:
    def told(state: DeskState, runs: int = 256, nothing: bool = False) -> str:
        return " ".join(cautions(state, runs, nothing))

    lever = {"enforcement": Setting(1.0, ("US",))}
    assert "Not binding: Enforcement" in told(DeskState(levers=lever), nothing=True)
    assert "Not binding" not in told(DeskState(levers=lever))
    assert "same world" in told(DeskState(start=BASELINE))
    assert "Beyond anything on record" in told(DeskState(levers=lever))
    assert "Beyond" not in told(DeskState(levers={"enforcement": Setting(0.35, ("US",))}))
    assert "So far 64 runs" in told(DeskState(), runs=64)
    assert "So far" not in told(DeskState())
    assert "before the levers bind" in told(DeskState(levers=lever, month="2025-12"))
    assert "beyond all that the model was tested on" in told(DeskState(end="2035-12", month="2035-12"))
    assert "no forecast" in told(DeskState())
    assert "over the whole time" in told(DeskState(dials={"compute.constraint": 0.5}))
    low, high = spread("chip_market.no_control_share", START)
    assert "Outside the calibrated range" in told(DeskState(world={"chip_market.no_control_share": high + 0.02}))
    assert "Outside" not in told(DeskState(world={"chip_market.no_control_share": 0.5 * (low + high)}))


def test_months_on_offer_hold_the_ones_chosen() -> None:
    state = DeskState(month="2026-03", since="2024-02")
    assert "2026-03" in months_of(state)
    assert state.since in starts_of(state)
    assert starts_of(state)[0] == WHOLE
    assert max(months_of(state)) == state.end


def test_a_control_shows_what_the_preset_has_from_that_month() -> None:
    held = lever_before(DeskState(start="tight", since="2027-07"), LEVERS["enforcement"])
    assert held == {"US": 1.0, "TW": 1.0, "GULF": 1.0}
    assert lever_before(DeskState(), LEVERS["export_controls.tpp_ceiling"]) == {"US": 2400.0}


def test_every_mechanism_can_be_switched() -> None:
    for name in channel_names():
        for on in (True, False):
            assert worlds_of(DeskState(channels={name: on})).alternative.model.channels.model_dump()[name] is on
