"""Levers by month: defaults, steps, ends, ramps, announcements, levels, blocs."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.calendar import month_label
from sim.data import load_tables
from sim.policies import LEVELS, Lever, LeverPaths, Policy, Step, lever_catalogue, lever_paths, periods_of
from tests.scenario_cases import HEAD, LEVERS, load, write

MONTHS = 72
ROWS = [dict(zip(LEVERS.split("\n", 1)[0].split(","), row.split(","), strict=True)) for row in LEVERS.split("\n")[1:-1]]


def paths(folder: Path, body: str) -> LeverPaths:
    return lever_paths(load(folder, body), ROWS, MONTHS)


def path_of(folder: Path, government: str, lever: str, policy: str) -> np.ndarray:
    return paths(folder, f"policies: {{{government}: {{{lever}: {policy}}}}}\n").value[government, lever]


def month(text: str) -> int:
    return (int(text[:4]) - 2022) * 12 + int(text[5:]) - 1


def test_every_holder_has_every_lever_at_its_default(tmp_path: Path) -> None:
    found = paths(tmp_path, "")
    levers = [row for row in ROWS if row["holders"] != "WORLD"]
    assert set(found.value) == {(holder, row["name"]) for row in levers for holder in row["holders"].split()}
    for (_, name), value in found.value.items():
        (default,) = {float(row["default"]) for row in levers if row["name"] == name}
        assert value.shape == (MONTHS,)
        assert value.dtype == np.float64
        assert np.all(value == default)
    assert found.dials == {"export_controls.strictness": 0.5, "open_source.diffusion": 0.5}
    assert all(announced == [] for announced in found.announced.values())


def test_a_step_binds_by_the_fifteenth_and_holds_to_the_next(tmp_path: Path) -> None:
    value = path_of(tmp_path, "US", "export_controls.tpp_ceiling",
                    "[{from: 2022-10-07, value: 4800}, {from: 2023-10-17, value: 2400}]")  # fmt: skip
    assert np.all(np.isinf(value[: month("2022-10")]))
    assert np.all(value[month("2022-10") : month("2023-11")] == 4800)
    assert np.all(value[month("2023-11") :] == 2400)


def test_after_its_end_the_default_holds_again(tmp_path: Path) -> None:
    value = path_of(tmp_path, "US", "enforcement", "[{from: 2024-01, until: 2024-06-30, value: 0.9}]")
    assert np.all(value[month("2024-01") : month("2024-07")] == 0.9)
    assert np.all(value[: month("2024-01")] == 0.3)
    assert np.all(value[month("2024-07") :] == 0.3)


def test_the_default_fills_the_gap_between_an_end_and_the_next_step(tmp_path: Path) -> None:
    value = path_of(tmp_path, "US", "enforcement",
                    "[{from: 2024-01, until: 2024-03-10, value: 0.9}, {from: 2024-05, value: 0.6}]")  # fmt: skip
    assert value[month("2024-01") : month("2024-07")].tolist() == [0.9, 0.9, 0.3, 0.3, 0.6, 0.6]


def test_a_ramp_is_a_straight_line_reached_after_n_months(tmp_path: Path) -> None:
    value = path_of(tmp_path, "CN", "purchase_veto",
                    "[{from: 2025-08-01, value: 0.4}, {from: 2025-09-17, value: 0.8, ramp: 4}]")  # fmt: skip
    start = month("2025-10")
    assert value[start - 3 : start + 7] == pytest.approx([0, 0.4, 0.4, 0.4, 0.5, 0.6, 0.7, 0.8, 0.8, 0.8])


def test_a_ramp_starts_from_the_default_and_may_fall(tmp_path: Path) -> None:
    value = path_of(tmp_path, "US", "enforcement", "[{from: 2024-01, value: 0.1, ramp: 2}]")
    assert value[23:28] == pytest.approx([0.3, 0.3, 0.2, 0.1, 0.1])


def test_a_ramp_under_way_is_where_the_next_one_starts(tmp_path: Path) -> None:
    value = path_of(tmp_path, "CN", "subsidy",
                    "[{from: 2024-01, value: 1, ramp: 10}, {from: 2024-06, value: 0, ramp: 2}]")  # fmt: skip
    assert value[24:32] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.2, 0])


def test_steps_before_the_first_month_are_in_force(tmp_path: Path) -> None:
    value = path_of(tmp_path, "CN", "subsidy", "[{from: 2021-07, value: 0.6, ramp: 12}]")
    assert value[:8] == pytest.approx([0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.6])
    assert len(value) == MONTHS
    assert np.all(path_of(tmp_path, "CN", "subsidy", "[{from: 2020-01, until: 2021-12, value: 1}]") == 0)


def test_steps_after_the_horizon_only_show_in_the_announcements(tmp_path: Path) -> None:
    found = paths(tmp_path, "policies: {CN: {subsidy: [{from: 2031-01, announced: 2027-02-20, value: 1}]}}\n")
    assert np.all(found.value["CN", "subsidy"] == 0)
    assert found.announced["CN", "subsidy"] == [(month("2027-02"), month("2031-01"))]


def test_the_later_of_two_steps_of_one_month_wins(tmp_path: Path) -> None:
    value = path_of(tmp_path, "CN", "subsidy", "[{from: 2025-08-02, value: 0.2}, {from: 2025-08-11, value: 0.7}]")
    assert value[month("2025-08") - 1 : month("2025-08") + 2].tolist() == [0.0, 0.7, 0.7]


def test_announcements_default_to_the_binding_month(tmp_path: Path) -> None:
    steps = "[{from: 2023-11-17, announced: 2023-08-01, value: 2400}, {from: 2024-03-20, value: 1600}]"
    found = paths(tmp_path, f"policies: {{US: {{export_controls.tpp_ceiling: {steps}}}}}\n")
    key = ("US", "export_controls.tpp_ceiling")
    assert found.announced[key] == [(19, 23), (27, 27)]
    assert [(period.first, period.stop > 1000, period.value) for period in found.periods[key]] == [
        (23, False, 2400.0), (27, True, 1600.0),
    ]  # fmt: skip


def test_a_rule_withdrawn_before_it_binds_is_announced_but_never_in_force(tmp_path: Path) -> None:
    step = "[{from: 2025-05-16, announced: 2025-01-15, until: 2025-05-20, value: 100000}]"
    found = paths(tmp_path, f"policies: {{US: {{tier_quota: {step}}}}}\n")
    assert np.all(np.isinf(found.value["US", "tier_quota"]))
    assert found.announced["US", "tier_quota"] == [(36, 41)]


def test_levels_values_and_switches_over_the_whole_horizon(tmp_path: Path) -> None:
    chinese = "CN: {champions_only: true, subsidy: {value: 0.2}}"
    found = paths(tmp_path, f"policies: {{US: {{enforcement: {{level: strong}}, tier_quota: 5}}, {chinese}}}\n")
    for key, value in (
        (("US", "enforcement"), 0.7), (("TW", "enforcement"), 0.3), (("US", "tier_quota"), 5.0),
        (("CN", "champions_only"), 1.0), (("CN", "subsidy"), 0.2),
    ):  # fmt: skip
        assert np.all(found.value[key] == value)
        assert found.announced[key] == []


def test_a_level_may_be_dated(tmp_path: Path) -> None:
    value = path_of(tmp_path, "CN", "subsidy", "[{from: 2025-01, level: maximal}]")
    assert (value[35], value[36]) == (0.0, 1.0)


def test_blocs_that_a_ban_is_directed_against(tmp_path: Path) -> None:
    body = "policies: {US: {model_ban.enterprise_regulated: [{from: 2025-02-01, value: true, against: [CN, EU]}]}}\n"
    found = paths(tmp_path, body)
    assert found.against["US", "model_ban.enterprise_regulated"] == ("CN", "EU")
    assert found.against["CN", "subsidy"] == ()
    assert found.value["US", "model_ban.enterprise_regulated"][36:39].tolist() == [0.0, 1.0, 1.0]


@given(
    st.lists(st.integers(0, 90), min_size=1, max_size=6, unique=True),
    st.lists(st.floats(0, 1), min_size=6, max_size=6),
    st.lists(st.integers(0, 30), min_size=6, max_size=6),
    st.integers(1, 80),
)
def test_any_timeline_stays_between_its_values_and_keeps_its_past(
    firsts: list[int], values: list[float], ramps: list[int], months: int
) -> None:
    steps = [
        Step(month_label(first), None, None, value, ramp)
        for first, value, ramp in zip(sorted(firsts), values, ramps, strict=False)
    ]
    row = next(row for row in ROWS if row["name"] == "subsidy")
    whole, cut, short = (
        lever_paths(_Only(Policy(tuple(used))), [row], length).value["CN", "subsidy"]  # type: ignore[arg-type]
        for used, length in ((steps, months + 30), (steps[:-1], months + 30), (steps, months))
    )
    assert whole.min() >= min(0.0, *values[: len(steps)]) - 1e-12
    assert whole.max() <= max(0.0, *values[: len(steps)]) + 1e-12
    assert np.array_equal(whole[:months], short), "a longer horizon does not change the past"
    last = min(max(firsts), months + 30)
    assert np.array_equal(whole[:last], cut[:last]), "a later step does not change what came before"


class _Only:
    """A scenario with one policy."""

    def __init__(self, policy: Policy) -> None:
        self.policies = {("CN", "subsidy"): policy}
        self.dials: dict[str, float] = {}


def test_periods_never_overlap() -> None:
    steps = (Step("2024-01", "2025-06", None, 1, 0), Step("2025-06-16", None, None, 2, 0))
    first, second = periods_of(Policy(steps))
    assert first.stop == second.first == 42


# The packaged levers --------------------------------------------------------------------------------------------------


def packaged() -> list[Lever]:
    return list(lever_catalogue(load_tables().levers.rows).values())


def test_packaged_levers_have_four_levels_a_phrase_and_a_holder() -> None:
    for lever in packaged():
        assert tuple(lever.levels) == LEVELS, lever.name
        assert lever.phrase, lever.name
        assert lever.holders, lever.name
        assert all(lever.low <= value <= lever.high for value in lever.levels.values()), lever.name
        assert lever.low <= lever.default <= lever.high, lever.name


def test_packaged_levers_can_be_set_at_every_level(tmp_path: Path) -> None:
    from sim.scenario import load_scenario

    for level in LEVELS:
        lines = []
        for lever in packaged():
            against = ", against: CN" if lever.needs_against else ""
            for holder in lever.holders if not lever.is_dial else ():
                lines.append((holder, f"    {lever.name}: {{level: {level}{against}}}\n"))
        blocks = "".join(
            f"  {holder}:\n" + "".join(line for other, line in lines if other == holder)
            for holder in dict.fromkeys(holder for holder, _ in lines)
        )
        scenario = load_scenario(write(tmp_path, HEAD + "policies:\n" + blocks, "levels.yaml"))
        assert len(scenario.policies) == len(lines)
