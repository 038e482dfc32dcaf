"""The scenarios that come with darkhorse: complete, true to the record, and each doing what it is about."""

import csv
import functools
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sim.calendar import month_index
from sim.engine import Engine, Record
from sim.places import data_folder, preset_folder, preset_names
from sim.scenario import Scenario, differences, load_scenario

RUNS = 32
NAMES = preset_names()
REQUIRED = {
    "history_hold", "no_controls", "tight", "loose", "whiplash", "perfect_enforcement", "leaky",
    "open_releases_restricted", "open_releases_promoted", "chinese_weights_withheld", "distillation_blocked",
    "chips_pooled", "no_chinese_labs", "energy_crunch", "foundry_disruption", "closed_models_cut_abroad",
    "endogenous_governments", "deepseek_shock", "rationing_by_quota", "no_control_share_low",
}  # fmt: skip
CHINESE = ("DeepSeek", "AlibabaQwen", "ByteDance", "Moonshot", "Zhipu", "Tencent", "FringeCN")
AMERICAN = ("OpenAI", "GoogleDeepMind", "Anthropic", "Meta", "xAI", "Microsoft", "FringeUS")

# preset, column, month, and whether the mean over runs is higher (+1) or lower (-1) than in the scenario it extends
EFFECTS = [
    ("no_controls", "compute_owned.CN", "2025-12", 1),
    ("no_controls", "supplier_revenue_lost", "2025-12", -1),
    ("no_controls", "frontier_capability.CN", "2027-12", 1),
    ("tight", "compute_owned.CN", "2027-12", -1),
    ("tight", "compute_inflow.smuggled", "2027-12", -1),
    ("tight", "scarcity_premium.CN", "2027-12", 1),
    ("loose", "compute_inflow.legal", "2027-12", 1),
    ("loose", "scarcity_premium.CN", "2027-12", -1),
    ("whiplash", "compute_inflow.legal", "2026-12", -1),
    ("whiplash", "compute_inflow.legal", "2027-12", 1),
    ("perfect_enforcement", "scarcity_premium.CN", "2025-12", 1),
    ("perfect_enforcement", "compute_inflow.cloud", "2025-12", 1),
    ("perfect_enforcement", "frontier_capability.CN", "2027-12", -1),
    ("leaky", "leakage_rate", "2025-12", 1),
    ("leaky", "scarcity_premium.CN", "2025-12", -1),
    ("open_releases_restricted", "token_share.open", "2027-12", -1),
    ("open_releases_restricted", "frontier_capability.open", "2027-12", -1),
    ("chinese_weights_withheld", "token_share_abroad.CN", "2027-12", -1),
    ("chinese_weights_withheld", "hub_share.CN", "2025-12", -1),
    ("distillation_blocked", "frontier_capability.CN", "2025-12", -1),
    ("no_chinese_labs", "revenue_share_abroad.US", "2025-12", 1),
    ("energy_crunch", "frontier_capability.US", "2027-12", -1),
    ("foundry_disruption", "compute_owned.US", "2027-06", -1),
    ("foundry_disruption", "compute_owned.CN", "2027-06", -1),
    ("closed_models_cut_abroad", "revenue_share_abroad.US", "2027-12", -1),
    ("closed_models_cut_abroad", "token_share.open", "2027-12", 1),
    ("endogenous_governments", "legal_share_stock", "2025-12", 1),
    ("rationing_by_quota", "efficiency_researchers.CN", "2025-12", 1),
    ("no_control_share_low", "scarcity_premium.CN", "2025-12", -1),
]


@functools.cache
def scenario(name: str) -> Scenario:
    """A preset, loaded."""
    return load_scenario(name)


@functools.cache
def record(name: str) -> Record:
    """Some runs of a preset."""
    return Engine(scenario(name), np.arange(RUNS)).run()


@functools.cache
def counterfactual(name: str) -> Record:
    """The same runs of its counterfactual."""
    other = scenario(name).counterfactual_scenario()
    assert other is not None
    return Engine(other, np.arange(RUNS)).run()


def series(of: Record, column: str) -> np.ndarray:
    """One measure, (runs, months)."""
    values: np.ndarray = of.values[:, :, of.columns.index(column)]
    return values


def at(of: Record, column: str, month: str) -> np.ndarray:
    """One measure in one month, (runs,)."""
    values: np.ndarray = series(of, column)[:, month_index(month)]
    return values


def compute(of: Record, labs: tuple[str, ...], month: str) -> np.ndarray:
    """Compute in use by labs in one month, (runs, labs)."""
    return np.stack([at(of, f"compute_labs.{lab}", month) for lab in labs], axis=1)


def table(name: str) -> list[dict[str, str]]:
    """The rows of a data table."""
    with (data_folder() / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def guide(name: str) -> list[str]:
    """The lines of a page of the documentation."""
    return (Path(__file__).resolve().parents[1] / "docs" / name).read_text("utf-8").splitlines()


def parent_of(name: str) -> str:
    """The preset that a preset extends."""
    return scenario(name).parents[0].stem


def test_the_promised_presets_are_there() -> None:
    assert set(NAMES) >= REQUIRED


def test_names_are_those_of_the_files_and_unique() -> None:
    files = [path.name for path in preset_folder().iterdir() if path.is_file()]
    assert [scenario(name).name for name in NAMES] == NAMES
    assert max(Counter(Path(file).stem.lower() for file in files).values()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_each_says_what_it_is_and_where_it_comes_from(name: str) -> None:
    one = scenario(name)
    assert one.title not in ("", name)
    assert len(one.storyline.split()) >= 40
    assert one.sources
    assert all(len(source) > 10 for source in one.sources)


def test_titles_and_storylines_differ() -> None:
    assert len({scenario(name).title for name in NAMES}) == len(NAMES)
    assert len({scenario(name).storyline for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "history_hold"])
def test_each_departs_from_the_record_in_few_places(name: str) -> None:
    one = scenario(name)
    assert one.parents[-1].stem == "history_hold"
    assert (one.seed, one.runs) == (scenario("history_hold").seed, scenario("history_hold").runs)
    assert 1 <= len(differences(scenario(parent_of(name)), one)) <= 16


def test_history_is_the_table_of_controls_row_by_row() -> None:
    rows = table("controls.csv")
    history, written = scenario("history_hold"), scenario("history_hold").resolved()["policies"]
    told = Counter(
        (government, lever, step.start, step.announced or step.start, step.until or "", step.value, text["source"])
        for (government, lever), policy in history.policies.items()
        for step, text in zip(policy.steps, written[government][lever], strict=True)
    )
    recorded = Counter(
        (row["government"], row["lever"], row["date"], row["announced"], row["until"], float(row["value"]),
         row["source"].replace('"', "'"))
        for row in rows
    )  # fmt: skip
    assert len(rows) >= 50
    assert told == recorded
    assert all(step.ramp == 0 for policy in history.policies.values() for step in policy.steps)


def test_history_runs_from_the_first_month_of_the_data_on_uncertain_parameters() -> None:
    history = scenario("history_hold")
    event = history.events["reasoning_method"]
    assert (history.start, history.months, history.base) == (0, 72, "posterior")
    assert (event.month, event.lab) == (month_index("2024-09"), "OpenAI")
    assert history.counterfactual_scenario() is None
    assert set(history.dials.values()) == {0.0, 0.5}


def test_the_main_scenario_is_history_against_no_controls() -> None:
    main, other = scenario("deepseek_shock"), scenario("deepseek_shock").counterfactual_scenario()
    assert other is not None
    assert main.policies == scenario("history_hold").policies
    changed = {path for path, _, _ in differences(main, other)} - {"counterfactual"}
    assert changed == {"policies.dials.export_controls.strictness", "policies.CN.purchase_veto"}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_runs_to_its_end_in_finite_numbers(name: str) -> None:
    found = record(name)
    assert found.values.shape[:2] == (RUNS, scenario(name).months)
    assert found.values.shape[1] >= 72
    assert not np.isinf(found.values).any()
    undefined = {column for i, column in enumerate(found.columns) if np.isnan(found.values[:, :, i]).any()}
    assert {column.split(".")[0] for column in undefined} <= {"price_fixed_capability"}
    shares = sum(series(found, f"token_share.{bloc}") for bloc in ("US", "CN", "EU", "OTHER"))
    assert np.allclose(shares, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "column", "month", "sign"), EFFECTS)
def test_each_moves_the_outcome_that_it_is_about(name: str, column: str, month: str, sign: int) -> None:
    change = at(record(name), column, month).mean() - at(record(parent_of(name)), column, month).mean()
    assert sign * change > 1e-3 * abs(at(record(parent_of(name)), column, month).mean())


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("history_hold", "deepseek_shock")])
def test_each_differs_from_what_it_extends(name: str) -> None:
    before, after = record(parent_of(name)).values, record(name).values[:, :72]
    assert not np.array_equal(before, after, equal_nan=True)


@pytest.mark.slow
def test_the_main_scenario_is_history_to_the_last_bit() -> None:
    assert np.array_equal(record("deepseek_shock").values, record("history_hold").values, equal_nan=True)


@pytest.mark.slow
def test_its_counterfactual_is_no_controls_to_the_last_bit() -> None:
    assert np.array_equal(counterfactual("deepseek_shock").values, record("no_controls").values, equal_nan=True)


@pytest.mark.slow
def test_nothing_is_scarce_or_smuggled_without_controls() -> None:
    free = record("no_controls")
    for column in ("scarcity_premium.CN", "leakage_rate", "supplier_revenue_lost"):
        assert series(free, column).max() < 1e-9
    assert series(free, "compute_inflow.smuggled").max() + series(free, "compute_inflow.cloud").max() < 1e-3


@pytest.mark.slow
def test_rules_dated_later_leave_the_record_alone() -> None:
    before = month_index("2026-01")
    history = record("history_hold").values[:, :before]
    for name in ("loose", "whiplash", "energy_crunch", "foundry_disruption", "closed_models_cut_abroad", "tight"):
        assert np.array_equal(record(name).values[:, :before], history, equal_nan=True), name


@pytest.mark.slow
def test_perfect_enforcement_leaves_no_leak() -> None:
    assert series(record("perfect_enforcement"), "compute_inflow.smuggled").max() == 0.0
    assert (at(record("history_hold"), "compute_inflow.smuggled", "2025-12") > 0.0).all()


@pytest.mark.slow
def test_tight_controls_close_the_clouds() -> None:
    assert at(record("tight"), "compute_inflow.cloud", "2027-12").max() == 0.0


@pytest.mark.slow
def test_whiplash_turns() -> None:
    legal = series(record("whiplash"), "compute_inflow.legal")
    months = [month_index(month) for month in ("2027-06", "2028-12", "2030-06", "2030-12")]
    tight, loose, tight_again, loose_again = (np.median(legal[:, month]) for month in months)
    assert loose > 3.0 * max(tight, tight_again)
    assert loose_again > 3.0 * tight_again


@pytest.mark.slow
def test_without_chinese_labs_there_are_no_chinese_models() -> None:
    found = record("no_chinese_labs")
    for column in ("token_share.CN", "revenue_share.CN", "token_share_abroad.CN", "hub_share.CN"):
        assert series(found, column).max() == 0.0
    assert compute(found, CHINESE, "2027-12").max() == 0.0


@pytest.mark.slow
def test_pooling_gives_one_lab_most_of_the_compute() -> None:
    pooled, spread = (compute(record(name), CHINESE, "2027-12") for name in ("chips_pooled", "history_hold"))
    largest = [(labs / labs.sum(axis=1, keepdims=True)).max(axis=1) for labs in (pooled, spread)]
    # a lab with a small budget leaves part of the pool idle, so that another may still use more
    assert (largest[0] > largest[1]).mean() > 0.9
    assert largest[0].mean() > 0.6


@pytest.mark.slow
def test_an_energy_crunch_idles_american_but_not_chinese_compute() -> None:
    crunch, history = record("energy_crunch"), record("history_hold")
    before, after = (compute(of, AMERICAN, "2027-12").sum(axis=1) for of in (history, crunch))
    assert (after < 0.9 * before).all()
    assert np.array_equal(series(crunch, "compute_owned.US"), series(history, "compute_owned.US"))


@pytest.mark.slow
def test_a_foundry_disruption_takes_output_for_a_year_and_gives_it_back() -> None:
    lost, history = (series(record(name), "compute_inflow.world") for name in ("foundry_disruption", "history_hold"))
    ratio = lost / history
    first, last = month_index("2026-07"), month_index("2027-06")
    assert (np.abs(ratio[:, first : last + 1] - 0.4) < 0.15).all()
    assert (np.abs(ratio[:, last + 1 :] - 1.0) < 0.1).all()


@pytest.mark.slow
def test_promotion_opens_labs_and_restriction_closes_them() -> None:
    def openness(name: str) -> float:
        return float(np.mean([at(record(name), f"release_open.{lab}", "2027-12") for lab in (*AMERICAN, *CHINESE)]))

    assert openness("open_releases_promoted") > openness("history_hold") > openness("open_releases_restricted")


@pytest.mark.slow
def test_quotas_change_what_labs_pay_and_not_the_chips_that_come() -> None:
    quota, price = record("rationing_by_quota"), record("deepseek_shock")
    for channel in ("legal", "smuggled", "cloud", "domestic"):
        column = f"compute_inflow.{channel}"
        assert np.allclose(series(quota, column), series(price, column))


@pytest.mark.slow
def test_wanting_fewer_chips_shrinks_what_controls_take() -> None:
    low, drawn = "no_control_share_low", "deepseek_shock"
    month = "2025-12"
    taken = [
        at(counterfactual(name), "compute_owned.CN", month) - at(record(name), "compute_owned.CN", month)
        for name in (low, drawn)
    ]
    assert (taken[0] > 0.0).all()
    assert taken[0].mean() < taken[1].mean()


def test_bounds_said_to_be_of_the_estimates_are_those_of_the_catalogue() -> None:
    parameters = {row["name"]: row for row in table("parameters.csv")}
    leaky, low = scenario("leaky").world, scenario("no_control_share_low").world
    for name in ("chip_market.diverted_share", "chip_market.cloud_access"):
        assert leaky[name].centre == float(parameters[name]["high"])
    name = "chip_market.no_control_share"
    assert low[name].centre <= float(parameters[name]["low"])
    usual = next(float(row["default"]) for row in table("levers.csv") if row["name"] == "enforcement")
    left = math.exp(-float(parameters["chip_market.enforcement_effect"]["central"]) * (1.0 - usual))
    assert 0.3 < left < 0.4  # "about a third", in storylines and docs


def test_the_guide_to_levers_has_the_table_of_levers() -> None:
    def shown(text: str) -> str:
        number = float(text)
        if math.isinf(number):
            return "none"
        return f"{number:g}" if abs(number) < 1e6 else f"{number:.0e}".replace("e+", "e")

    told = [line for line in guide("levers.md") if line.startswith("| `") and line.count("|") == 10]
    expected = [
        f"| `{row['name']}` | {row['holders']} | {row['phrase']} | {row['unit']} | "
        + " | ".join(shown(row[column]) for column in ("default", "weak", "moderate", "strong", "maximal"))
        + " |"
        for row in table("levers.csv")
        if row["group"] != "dial"
    ]
    assert sorted(told) == sorted(expected)
    dials = {line.split("`")[1] for line in guide("levers.md") if line.startswith("| `") and line.count("|") == 6}
    assert dials == {row["name"] for row in table("levers.csv") if row["group"] == "dial"}


def test_the_guide_to_scenarios_lists_every_preset() -> None:
    told = [line.split(" | ")[:3] for line in guide("scenarios.md") if line.startswith("| `")]
    expected = [
        [f"| `{name}`", scenario(name).title, f"`{parent_of(name)}`" if scenario(name).parents else "none"]
        for name in NAMES
    ]
    assert sorted(told) == sorted(expected)
