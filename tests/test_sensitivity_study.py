"""A sensitivity study from its designs to its folder, on a known function in place of the model, and on the model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.analysis.sensitivity import from_second, morris_design, sobol_design
from sim.analysis.sensitivity_answers import answers
from sim.analysis.sensitivity_lots import (
    AS_WRITTEN,
    CHANCE,
    GROUPS,
    OTHERS,
    OUTCOMES,
    grouped,
    morris_lot,
    question_of,
    sobol_lot,
    split_lot,
    structures,
)
from sim.analysis.sensitivity_stages import HEADERS, QUICK, Sizes, most_important, runs_needed
from sim.analysis.sensitivity_study import Order, carry_out, cautions, check_sizes, folder_name
from sim.ensemble import RunError
from sim.errors import InputError
from sim.experiments.batch import How, compute
from sim.experiments.outcomes import Ask
from sim.lots import Lot
from sim.results import OutputError, check_tables, read_manifest
from sim.scenario import load_scenario
from sim.tape import Tape
from tests.sensitivity_toy import (
    EFFECTIVE,
    FLAT,
    GONE,
    IDLE,
    LEVEL_ONLY,
    SHARED,
    SMALL,
    STRONG,
    THIRD,
    WEAK,
    WORLD,
    Floats,
    Toy,
    none,
    question,
    rows_of,
    scenario,
    study,
    toy,
)

# Questions and lots


def test_a_question_has_sensible_defaults() -> None:
    asked = question_of(load_scenario("deepseek_shock"))
    assert asked.outcomes == OUTCOMES
    assert [target.column for target in asked.targets][:2] == [f"{OUTCOMES[0]}@2025-12", f"{OUTCOMES[0]}@2027-12"]
    assert asked.of == ("effect", "level")
    assert len(asked.targets) == 4 * len(OUTCOMES)


def test_every_name_that_is_drawn_is_asked_about_and_no_other() -> None:
    assert set(question().names()) == {STRONG, WEAK, SHARED, IDLE, THIRD}
    whole = question_of(load_scenario("deepseek_shock")).names()
    assert "labs.DeepSeek.lab_effect" in whole
    assert "events.reasoning_method.gain_eci" in whole
    assert "labs.effect_sd" not in whole


def test_what_the_counterfactual_alone_draws_is_asked_about(tmp_path: Path) -> None:
    name = "chip_market.depreciation"
    file = tmp_path / "mine.yaml"
    file.write_text(
        "schema: 1\nname: mine\nextends: deepseek_shock\nworld: central\n"
        f"counterfactual: {{title: Other chips, set: {{world.{name}: {{min: 0.01, max: 0.02}}}}}}\n"
    )
    base = load_scenario(file)
    assert name in question_of(base).names()
    assert name not in question_of(base, of="level").names()


@pytest.mark.parametrize(
    ("outcomes", "at", "of", "message"),
    [
        (["frontier_capabilty.CN"], [], "both", "frontier_capability.CN"),
        ([], [], "both", "no outcome"),
        ([EFFECTIVE], ["2040-01"], "both", "outside the run"),
        ([EFFECTIVE], ["soon"], "both", "not a date"),
        ([EFFECTIVE], [], "all", "cannot be all"),
    ],
)
def test_bad_questions_are_told(outcomes: list[str], at: list[str], of: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        question_of(scenario(), outcomes, at, of)


def test_without_a_counterfactual_there_is_no_effect() -> None:
    alone = load_scenario("history_hold", WORLD)
    with pytest.raises(InputError, match="no counterfactual"):
        question(base=alone, of="effect")
    asked = question(base=alone)
    assert asked.of == ("level",)
    assert "no counterfactual" in " ".join(cautions(asked, SMALL))


def test_both_arms_have_the_same_places_draws_and_chances() -> None:
    asked = question()
    names = asked.names()
    lots = [
        morris_lot(asked, names, morris_design(names, 3, 1)),
        sobol_lot(asked, names[:2], sobol_design(6, 8, 1)),
        split_lot(asked, list(structures(asked.scenario).values()), 4, 3),
    ]
    for lot in lots:
        half = len(lot) // 2
        assert np.array_equal(lot.draw[:half], lot.draw[half:])
        assert np.array_equal(lot.chance[:half], lot.chance[half:])
        if lot.names:
            assert np.array_equal(lot.places[:half], lot.places[half:])
        strict = [case.dials["export_controls.strictness"] for case in lot.cases]
        assert {strict[case] for case in lot.case[:half]} == {0.5}
        assert {strict[case] for case in lot.case[half:]} == {0.0}


def test_nothing_but_one_place_moves_within_a_step_of_a_trajectory() -> None:
    asked = question(of="level")
    names = asked.names()
    lot = morris_lot(asked, names, morris_design(names, 4, 1))
    draw, chance = (numbers.reshape(4, len(names) + 1) for numbers in (lot.draw, lot.chance))
    assert (draw == np.arange(4)[:, np.newaxis]).all()
    assert np.array_equal(draw, chance)


def test_a_sobol_row_takes_each_factor_from_one_side() -> None:
    """A chosen name from the design, the others together with their group, chance by itself."""
    asked = question(of="level")
    chosen = (STRONG,)
    groups = grouped(asked.names(), chosen)
    factors = 1 + len(groups) + 1
    rows = sobol_design(factors, 8, 1)
    lot = sobol_lot(asked, chosen, rows)
    places = {name: lot.places[:, lot.names.index(name)].reshape(8, factors + 2) for name in lot.names}
    assert set(lot.names) == set(asked.names())
    assert np.array_equal(places[STRONG], rows[..., 0])
    second = from_second(factors)
    for number, members in enumerate(groups.values(), start=1):
        for name in members:
            levels = Tape(asked.scenario.seed).uniform(f"world/{name}", 0, np.arange(16)).reshape(8, 2)
            assert np.array_equal(places[name], np.where(second[:, number], levels[:, 1:], levels[:, :1]))
    chance = lot.chance.reshape(8, factors + 2)
    assert np.array_equal(chance - 2 * np.arange(8)[:, np.newaxis], np.tile(second[:, -1], (8, 1)))


def test_every_name_of_the_model_has_a_group() -> None:
    names = question_of(load_scenario("deepseek_shock")).names()
    found = grouped(names, names[:3])
    assert OTHERS not in found
    assert set(found) <= set(GROUPS)
    assert sorted([*names[:3], *(name for members in found.values() for name in members)]) == sorted(names)
    assert list(grouped(["new.name"], [])) == [OTHERS]


def test_structures_move_each_switch_once() -> None:
    base = load_scenario("deepseek_shock")
    found = structures(base)
    assert next(iter(found)) == AS_WRITTEN
    assert {"rationing quota", "pricing bertrand", "governments endogenous", "slack on", "spillovers off"} <= set(found)
    assert len(found) == 1 + 3 + len(base.model.channels.model_dump())
    assert len({variant.digest() for variant in found.values()}) == len(found)
    for variant in found.values():
        other = variant.counterfactual_scenario()
        assert other is not None
        assert other.model == variant.model


def test_the_number_of_runs_is_told_beforehand(tmp_path: Path) -> None:
    asked = question()
    manifest = read_manifest(study(tmp_path, asked))
    told, done = runs_needed(asked, SMALL), manifest["runs_by_stage"]
    assert (done["morris"], done["split"]) == (told["morris"], told["split"])
    assert told["sobol"] / 2 < done["sobol"] <= told["sobol"]
    assert manifest["runs"] == sum(done.values())


# What a study finds


def test_a_study_finds_what_was_planted(tmp_path: Path) -> None:
    folder = study(tmp_path, question(EFFECTIVE, LEVEL_ONLY), replace(SMALL, samples=512, top=3))
    mine = {row["parameter"]: row for row in rows_of(folder, "morris.csv", of="effect", outcome=EFFECTIVE)}
    assert [float(mine[name]["mu"]) for name in (STRONG, WEAK, THIRD)] == pytest.approx([1.5, -0.5, 0.25])
    assert mine[STRONG]["rank"] == "1"
    assert float(mine[WEAK]["monotone"]) == -1.0
    assert float(mine[SHARED]["mu_star"]) == pytest.approx(0.0, abs=1e-12)
    total = 9.0 + 1.0 + 0.25 + 1.0  # the uniform parts of the effect, in twelfths
    share = {row["factor"]: float(row["total"]) for row in rows_of(folder, "sobol.csv", of="effect", outcome=EFFECTIVE)}
    assert share[STRONG] == pytest.approx(9.0 / total, abs=0.05)
    assert share[CHANCE] == pytest.approx(1.0 / total, abs=0.03)
    assert share[WEAK] == pytest.approx(1.0 / total, abs=0.03)
    assert share.get(SHARED, 0.0) == pytest.approx(0.0, abs=1e-12)
    assert share["other release and prices"] == pytest.approx(0.25 / total, abs=0.02)
    known = {
        row["parameter"]: row["above_noise"] for row in rows_of(folder, "pawn.csv", of="effect", outcome=EFFECTIVE)
    }
    assert known[STRONG] == "yes"


def test_the_split_finds_structure_and_tells_it_by_variant(tmp_path: Path) -> None:
    folder = study(tmp_path, question(), replace(SMALL, draws=60, chances=16))
    parts = {row["part"]: float(row["variance"]) for row in rows_of(folder, "variance.csv", of="effect")}
    variants = len(structures(scenario())) - 1  # governments that react are no part of the split of an effect
    assert parts["structure"] == pytest.approx(4.0 * (variants - 1) / variants**2)
    assert parts["parameters"] == pytest.approx(10.25 / 12.0, rel=0.25)
    assert parts["chance"] == pytest.approx(1.0 / 12.0, rel=0.4)
    assert parts["structure x parameters"] == pytest.approx(0.0, abs=1e-9)
    means = {row["variant"]: row for row in rows_of(folder, "variants.csv", of="effect")}
    assert float(means["rationing quota"]["change"]) == pytest.approx(2.0)
    assert "governments endogenous" in means
    (row, *_) = rows_of(folder, "variance.csv", of="level")
    assert row["variants"] == str(variants + 1)


def test_what_moves_nothing_is_listed_with_the_reason(tmp_path: Path) -> None:
    folder = study(tmp_path, question(EFFECTIVE))
    (row,) = rows_of(folder, "inert.csv")
    assert (row["parameter"], row["moves"]) == (IDLE, "nothing")
    assert "channel slack" in row["why"]


def test_the_most_important_names_are_those_that_drive_some_target() -> None:
    asked = question(EFFECTIVE, LEVEL_ONLY, of="level")
    large, small = asked.targets
    effects = {large: np.array([[9000.0, 1.0, 0.0, 0.0]]), small: np.array([[0.0, 0.1, 0.0, 0.05]])}
    assert most_important("abcd", effects, 3) == ("a", "b", "d")
    assert most_important("abcd", effects, 1) == ("a",)
    assert most_important("abcd", {}, 3) == ()
    even = {target: np.array([[1.0, 1.0, 1.1, 0.0]]) for target in question(EFFECTIVE, of="level").targets}
    alone = {large: np.array([[0.0, 0.0, 0.0, 0.1]])}
    assert most_important("abcd", {**even, **alone}, 1) == ("d",), "what drives one target alone is kept"


# Failures, and numbers that are not there


def test_a_failed_run_takes_its_trajectory_group_or_draw_with_it(tmp_path: Path) -> None:
    def broken(lot: Lot) -> NDArray[np.bool_]:
        bad = none(lot)
        bad[len(lot) // 2 + 3] = True  # in the counterfactual alone
        return bad

    folder = study(tmp_path, question(), replace(SMALL, trajectories=20), broken)
    manifest = read_manifest(folder)
    assert manifest["dropped"] == {
        "morris": {"dropped": 1, "of": 20}, "sobol": {"dropped": 1, "of": 64}, "split": {"dropped": 1, "of": 12},
    }  # fmt: skip
    assert {row["trajectories"] for row in rows_of(folder, "morris.csv")} == {"19"}
    assert {row["groups"] for row in rows_of(folder, "sobol.csv")} == {"63"}
    assert {row["draws"] for row in rows_of(folder, "variance.csv")} == {"11"}
    assert "1 of 20" in " ".join(manifest["warnings"])
    numbers = [row["mu"] for row in rows_of(folder, "morris.csv")]
    assert numbers
    assert "" not in numbers


def test_a_study_gives_up_when_too_much_fails(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"morris: \d+ of 10 trajectories"):
        study(tmp_path, question(), broken=lambda lot: lot.chance % 4 == 1)
    assert not list(tmp_path.glob("*/manifest.json"))


def test_what_is_not_defined_or_constant_is_left_out_and_counted(tmp_path: Path) -> None:
    folder = study(tmp_path, question(EFFECTIVE, GONE, FLAT, of="level"))
    left = read_manifest(folder)["left_out"]
    assert {(entry["stage"], entry["outcome"], entry["reason"]) for entry in left} == {
        (stage, outcome, reason)
        for stage in ("morris", "sobol", "split")
        for outcome, reason in ((GONE, "not defined"), (FLAT, "the same"))
    }
    undefined = next(entry for entry in left if entry["stage"] == "morris" and entry["outcome"] == GONE)
    assert 0 < undefined["runs"] < undefined["out_of"] == 60
    for table in HEADERS:
        assert {row.get("outcome", EFFECTIVE) for row in rows_of(folder, table)} == {EFFECTIVE}
        assert "nan" not in (folder / table).read_text()


def test_an_effect_that_is_but_rounding_is_none() -> None:
    asked = question(LEVEL_ONLY, of="effect")

    class Rounded(Toy):
        def read(self, columns: Sequence[str]) -> Mapping[str, Floats]:
            base = np.linspace(1.0, 2.0, len(self.lot) // 2)
            return {column: np.concatenate([base, np.nextafter(base, 3.0)]) for column in columns}

    lot = Lot(asked.arms(), np.repeat([0, 1], 6), np.tile(np.arange(6), 2), np.tile(np.arange(6), 2))
    (values,) = answers(asked, Rounded(lot, none), (6,)).values.values()
    assert (values == 0.0).all()


@pytest.mark.parametrize(("outcome", "reason"), [(FLAT, "the same"), (GONE, "not defined")])
def test_a_study_stops_after_the_screening_where_no_outcome_varies(tmp_path: Path, outcome: str, reason: str) -> None:
    """Each target is named with the reason; the later stages are not run, and no manifest says that it is done."""
    stages: list[str] = []

    def counting(folder: Path, lot: Lot) -> Toy:
        stages.append(folder.name)
        return Toy(lot, none)

    with pytest.raises(InputError, match=f"{outcome}.* is left out, {reason} in .*nothing to explain.*--at") as raised:
        carry_out(question(outcome), SMALL, Order(tmp_path, counting))
    assert len(raised.value.problems) == 2
    assert stages == ["morris"]
    assert not list(tmp_path.glob("*/manifest.json"))


# The folder


def test_a_study_that_is_done_is_found(tmp_path: Path) -> None:
    first = carry_out(question(), SMALL, Order(tmp_path, toy))

    def never(folder: Path, lot: Lot) -> Toy:
        raise AssertionError("it was computed again")

    second = carry_out(question(), SMALL, Order(tmp_path, never))
    assert (first.found, second.found) == (False, True)
    assert first.folder == second.folder
    assert second.manifest["kind"] == "sensitivity"
    check_tables(second.folder, second.manifest)
    with pytest.raises(AssertionError, match="computed again"):
        carry_out(question(), SMALL, Order(tmp_path, never, force=True))


def test_the_same_question_gives_the_same_bytes_and_another_another_folder(tmp_path: Path) -> None:
    one, two = (carry_out(question(), SMALL, Order(tmp_path / place, toy)).folder for place in "ab")
    assert one.name == two.name
    for table in HEADERS:
        assert (one / table).read_bytes() == (two / table).read_bytes()
    others = [
        folder_name(question(LEVEL_ONLY), SMALL), folder_name(question(of="level"), SMALL),
        folder_name(question(), replace(SMALL, samples=128)), folder_name(question(base=scenario("seed=1")), SMALL),
    ]  # fmt: skip
    assert len({one.name, *others}) == 5


def test_a_study_that_was_stopped_goes_on(tmp_path: Path) -> None:
    seen: list[str] = []

    def stopped(folder: Path, lot: Lot) -> Toy:
        seen.append(folder.name)
        if folder.name == "sobol":
            raise KeyboardInterrupt
        return Toy(lot, none)

    with pytest.raises(KeyboardInterrupt):
        carry_out(question(), SMALL, Order(tmp_path, stopped))
    assert not list(tmp_path.glob("*/manifest.json"))
    outcome = carry_out(question(), SMALL, Order(tmp_path, toy))
    assert not outcome.found
    assert seen == ["morris", "sobol"]
    assert outcome.folder == next(tmp_path.iterdir())


def test_a_changed_table_is_noticed(tmp_path: Path) -> None:
    folder = study(tmp_path, question())
    (folder / "sobol.csv").write_text("other\n")
    with pytest.raises(OutputError, match=r"sobol\.csv"):
        study(tmp_path, question())


def test_charts_that_cannot_be_drawn_leave_the_tables(tmp_path: Path) -> None:
    def fails(folder: Path) -> Sequence[Path]:
        raise ValueError("no ink")

    outcome = carry_out(question(), SMALL, Order(tmp_path, toy, draw=fails))
    assert "no ink" in outcome.chart_error
    assert (outcome.folder / "morris.csv").exists()


def test_correlations_are_warned_of() -> None:
    base = scenario(f"world.correlations=[{{between: [{STRONG}, {WEAK}], rank: 0.5}}]")
    text = " ".join(cautions(question(base=base), Sizes()))
    assert STRONG in text
    assert "independence" in text
    assert cautions(question(), Sizes()) == []
    assert "rough" in " ".join(cautions(question(), QUICK))


@pytest.mark.parametrize(
    "wrong", [{"samples": 100}, {"samples": 8}, {"trajectories": 1}, {"top": 0}, {"draws": 2}, {"chances": 2}]
)
def test_sizes_that_cannot_be_used_are_refused(wrong: dict[str, int]) -> None:
    (name,) = wrong
    with pytest.raises(InputError, match=f"--{name}"):
        check_sizes(replace(Sizes(), **wrong))


# The model


def test_a_study_of_the_model(tmp_path: Path) -> None:
    """Two parameters, one that acts and one that cannot, over half a year; runs stay where they were computed."""
    sets = ["world.base=central", "end=2022-06", "outputs.at=[]", "world.research.slack={min: 0.1, max: 0.2}",
            "world.events.reasoning_method={date: 2024-09, lab: OpenAI, gain_eci: 5}",
            "world.capability.base_index={min: 100, max: 110}"]  # fmt: skip
    asked = question_of(load_scenario("history_hold", sets), ["frontier_capability.US"], ["2022-06"])
    ask, how = Ask(asked.outcomes, asked.at), How(executor="here")
    folder = carry_out(
        asked, Sizes(3, 16, 2, 3, 3), Order(tmp_path, lambda place, lot: compute(place, lot, ask, how))
    ).folder
    rows = {row["parameter"]: float(row["mu"]) for row in rows_of(folder, "morris.csv")}
    assert rows == {"capability.base_index": pytest.approx(5.0), "research.slack": 0.0}
    assert [row["parameter"] for row in rows_of(folder, "inert.csv")] == ["research.slack"]
    assert all((folder / stage / "parts").is_dir() for stage in ("morris", "sobol", "split"))
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["selected"] == ["capability.base_index"]
    assert manifest["dropped"]["morris"] == {"dropped": 0, "of": 3}
