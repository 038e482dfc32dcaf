"""Scenario files case by case: merging, setting, the counterfactual, the resolved form and its digest."""

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sim.errors import InputError
from sim.places import find_scenario, preset_folder, preset_names
from sim.policies import Policy, Step
from sim.scenario import Scenario, differences, load_scenario, scenario_from_resolved
from sim.scenario_json import scenario_json_schema
from tests.scenario_cases import HEAD, PARENT, catalogues, load, problems_of, write

WORKED_FILE = Path(__file__).parent / "files" / "late_open_push.yaml"
CHILD = HEAD + "extends: ./history_hold.yaml\n"


@pytest.fixture
def family(tmp_path: Path) -> Path:
    write(tmp_path, PARENT, "history_hold.yaml")
    return tmp_path


def worked(folder: Path) -> Scenario:
    text = WORKED_FILE.read_text(encoding="utf-8").replace("extends: history_hold ", "extends: ./history_hold.yaml ")
    return load_scenario(write(folder, text), catalogues=catalogues())


# The worked file ------------------------------------------------------------------------------------------------------


def test_the_worked_file_loads_with_the_packaged_tables_and_presets() -> None:
    scenario = load_scenario(WORKED_FILE)
    assert scenario.months == 72
    assert scenario.policies["CN", "purchase_veto"].steps[-1].value == 0.95
    assert [path.stem for path in scenario.parents][:1] == ["history_hold"]


def test_the_examples_of_the_docs_load(tmp_path: Path) -> None:
    text = (Path(__file__).parent.parent / "docs" / "scenario_files.md").read_text(encoding="utf-8")
    blocks = [part.split("```")[0] for part in text.split("```yaml\n")[1:]]
    assert len(blocks) == 3
    for block in blocks:
        load_scenario(write(tmp_path, block if block.startswith("schema:") else HEAD + block))


def test_the_worked_file_means_what_it_says(family: Path) -> None:
    scenario = worked(family)
    assert (scenario.name, scenario.start, scenario.end, scenario.runs, scenario.seed) == (
        "late_open_push", 0, 71, 256, 20250120,
    )  # fmt: skip
    assert scenario.base == "prior"
    assert scenario.world["chip_market.diverted_share"].numbers == (0.019, 0.048, 0.125)
    assert scenario.world["chip_market.diverted_share"].log
    assert scenario.world["talent.supply_elasticity"].numbers == (1.0,)
    assert scenario.world["talent.supply_elasticity"].is_fixed
    assert scenario.world["research.experiment_share"].kind == "beta"
    assert scenario.world["labs.DeepSeek.compute_2025"].centre == 28000
    event = scenario.events["reasoning_method"]
    assert (event.month, event.lab, event.gain.centre) == (32, "OpenAI", 6.6)
    assert not event.gain.log, "ECI points are a logarithm already"
    assert [(c.first, c.second, c.rank) for c in scenario.correlations] == [
        ("research.elasticity_compute_labour", "talent.supply_elasticity", -0.4)
    ]
    assert scenario.model.channels.import_substitution
    assert not scenario.model.channels.slack
    assert scenario.at == (47, 71)
    assert ("CN", "subsidy") not in scenario.policies, "null drops the parent's policy"
    assert scenario.policies["US", "enforcement"] == Policy((Step(None, None, None, 0.7, 0),))
    ban = scenario.policies["US", "model_ban.enterprise_regulated"]
    assert (ban.steps[0].value, ban.against) == (1.0, ("CN",))
    assert [step.value for step in scenario.policies["US", "export_controls.tpp_ceiling"].steps] == [4800, 2400, 2400]


def test_the_worked_counterfactual_is_this_file_plus_set(family: Path) -> None:
    scenario = worked(family)
    other = scenario.counterfactual_scenario()
    assert other is not None
    assert (scenario.dials["export_controls.strictness"], other.dials["export_controls.strictness"]) == (0.5, 0.0)
    assert (other.title, other.seed, other.runs) == ("Same world without chip controls", scenario.seed, scenario.runs)
    assert dict(other.world) == dict(scenario.world)
    assert dict(other.policies) == dict(scenario.policies)
    assert other.counterfactual_scenario() is None
    assert other.digest() != scenario.digest()


# Merging --------------------------------------------------------------------------------------------------------------


def test_mappings_merge_deep_and_lists_replace(family: Path) -> None:
    body = "outputs: {bands: [0.8]}\npolicies: {CN: {purchase_veto: 0.4}}\n"
    scenario = load(family, body, head=CHILD)
    assert scenario.outputs.bands == [0.8]
    assert scenario.at == (59,), "kept from the parent"
    assert ("CN", "subsidy") in scenario.policies, "kept from the parent"
    assert len(scenario.policies["US", "export_controls.tpp_ceiling"].steps) == 2
    replaced = load(family, "outputs: {at: [2025-12]}\n", head=CHILD)
    assert replaced.at == (47,), "a list replaces, it does not append"


def test_null_takes_away_what_the_parent_said(family: Path) -> None:
    scenario = load(family, "world: null\npolicies: {US: null, CN: {subsidy: null}}\noutputs: {at: null}\n", head=CHILD)
    assert scenario.base == "prior"
    assert scenario.policies == {}
    assert scenario.at == (71,)


def test_null_is_checked_like_any_key(family: Path) -> None:
    (problem,) = problems_of(family, "policies: {CN: {subsidi: null}}\n", head=CHILD)
    assert (problem.path, problem.nearest) == ("policies.CN.subsidi", "subsidy")


def test_what_a_file_is_called_is_not_inherited(family: Path) -> None:
    assert load(family, "", head=CHILD).title == "case"


def test_a_distribution_and_a_policy_replace_the_parents_whole(tmp_path: Path) -> None:
    body = "world: {talent.supply_elasticity: {p05: 1, p50: 2, p95: 3}}\npolicies: {CN: {subsidy: {level: strong}}}\n"
    write(tmp_path, HEAD + body, "parent.yaml")
    child = "extends: ./parent.yaml\nworld: {talent.supply_elasticity: {min: 1, max: 2}}\n"
    scenario = load(tmp_path, child + "policies: {CN: {subsidy: {value: 0.1}}}\n")
    assert scenario.world["talent.supply_elasticity"].kind == "uniform"
    assert scenario.policies["CN", "subsidy"].steps[0].value == 0.1


def test_a_counterfactual_replaces_the_parents_whole(tmp_path: Path) -> None:
    parent = "counterfactual: {title: A, set: {dials.export_controls.strictness: 0}}\n"
    write(tmp_path, HEAD + parent, "parent.yaml")
    inherited = load(tmp_path, "extends: ./parent.yaml\n").counterfactual_scenario()
    assert inherited is not None
    assert inherited.title == "A"
    own = load(tmp_path, "extends: ./parent.yaml\ncounterfactual: {set: {purchase_veto: 1}}\n")
    other = own.counterfactual_scenario()
    assert other is not None
    assert other.dials["export_controls.strictness"] == 0.5
    assert load(tmp_path, "extends: ./parent.yaml\ncounterfactual: null\n").counterfactual_scenario() is None


def test_world_shorthand_keeps_the_parents_lines(tmp_path: Path) -> None:
    write(tmp_path, HEAD + "world: {talent.supply_elasticity: 2}\n", "parent.yaml")
    scenario = load(tmp_path, "extends: ./parent.yaml\nworld: central\n")
    assert scenario.base == "central"
    assert scenario.world["talent.supply_elasticity"].numbers == (2.0,)


def spliced(folder: Path, parent: str, child: str) -> list[tuple[str | None, str | None, float]]:
    write(folder, HEAD + f"policies: {{CN: {{subsidy: {parent}}}}}\n", "parent.yaml")
    scenario = load(folder, f"extends: ./parent.yaml\npolicies: {{CN: {{subsidy: {child}}}}}\n")
    return [(step.start, step.until, step.value) for step in scenario.policies["CN", "subsidy"].steps]


def test_keep_until_keeps_the_steps_that_started_by_then(tmp_path: Path) -> None:
    parent = "[{from: 2023-01, value: 0.1}, {from: 2024-01, value: 0.2}, {from: 2026-01, value: 0.3}]"
    child = "{keep_until: 2025-12-31, steps: [{from: 2026-07-01, value: 0.9}]}"
    assert spliced(tmp_path, parent, child) == [
        ("2023-01", None, 0.1), ("2024-01", None, 0.2), ("2026-07-01", None, 0.9),
    ]  # fmt: skip


def test_keep_until_ends_a_kept_step_before_the_childs_first(tmp_path: Path) -> None:
    child = "{keep_until: 2024-12, steps: [{from: 2026-07-01, value: 0.9}]}"
    long = spliced(tmp_path, "[{from: 2023-01, until: 2027-12, value: 0.1}]", child)
    assert long == [("2023-01", "2026-06-30", 0.1), ("2026-07-01", None, 0.9)]
    short = spliced(tmp_path, "[{from: 2023-01, until: 2023-12, value: 0.1}]", child)
    assert short == [("2023-01", "2023-12", 0.1), ("2026-07-01", None, 0.9)]


def test_keep_until_turns_a_whole_horizon_value_into_a_step(tmp_path: Path) -> None:
    child = "{keep_until: 2024-12, steps: [{from: 2025-01, value: 0.9}]}"
    assert spliced(tmp_path, "{level: weak}", child) == [("2022-01", None, 0.2), ("2025-01", None, 0.9)]
    assert spliced(tmp_path, "0.6", child) == [("2022-01", None, 0.6), ("2025-01", None, 0.9)]


def test_grandparents_count(tmp_path: Path) -> None:
    write(tmp_path, HEAD + "seed: 1\nruns: 10\nend: 2026-12\n", "a.yaml")
    write(tmp_path, HEAD + "extends: ./a.yaml\nruns: 20\n", "b.yaml")
    scenario = load(tmp_path, "extends: ./b.yaml\nend: 2025-12\n")
    assert (scenario.seed, scenario.runs, scenario.end) == (1, 20, 47)
    assert [path.name for path in scenario.parents] == ["b.yaml", "a.yaml"]


def test_a_parent_may_lie_deeper_in_the_tree(tmp_path: Path) -> None:
    write(tmp_path, HEAD + "seed: 5\n", "base.yaml")
    write(tmp_path, HEAD + "extends: ../base.yaml\nruns: 7\n", "sub/mid.yaml")
    scenario = load(tmp_path, "extends: ./sub/mid.yaml\n")
    assert (scenario.seed, scenario.runs) == (5, 7)


# The world ------------------------------------------------------------------------------------------------------------


def test_the_prior_is_the_default_and_central_fixes_it(tmp_path: Path) -> None:
    prior, central = load(tmp_path, ""), load(tmp_path, "world: {base: central}\n")
    assert prior.base == "prior"
    assert prior.world["talent.supply_elasticity"].numbers == (1.5, 3.0, 5.5)
    assert prior.world["chip_market.premium_floor"].is_fixed
    assert central.world["talent.supply_elasticity"].numbers == (3.0,)
    assert set(prior.world) == set(central.world) == set(catalogues().parameters)


def test_labs_chips_and_entries_can_be_set(tmp_path: Path) -> None:
    body = "world: {labs.DeepSeek.lab_effect: {min: 0, max: 1}, chips.H20.price_usd: 9000, labs.Mistral.entry: 2024-03,"
    scenario = load(tmp_path, body + " labs.DeepSeek.entry: never}\n")
    assert scenario.world["labs.DeepSeek.lab_effect"].kind == "uniform"
    assert scenario.world["chips.H20.price_usd"].numbers == (9000.0,)
    assert scenario.world["labs.Mistral.entry"].numbers == (26.0,)
    assert scenario.world["labs.DeepSeek.entry"].numbers == (math.inf,)


# Setting from the command line ----------------------------------------------------------------------------------------


def test_set_takes_full_paths_tails_and_flow_values(tmp_path: Path) -> None:
    sets = [
        "runs=8", "world.talent.supply_elasticity=2", "diverted_share={min: 0.01, max: 0.02}", "peers=true",
        "purchase_veto=[{from: 2025-08, value: 0.4}]", "policies.TW.enforcement={level: weak}", "diffusion=1",
        "outputs.at=[2025-06]", "DeepSeek.compute_owned=30000", "world=central",
    ]  # fmt: skip
    scenario = load(tmp_path, "", sets)
    assert scenario.runs == 8
    assert scenario.world["talent.supply_elasticity"].numbers == (2.0,)
    assert scenario.world["chip_market.diverted_share"].kind == "uniform"
    assert scenario.model.channels.peers
    assert scenario.policies["CN", "purchase_veto"].steps[0].start == "2025-08"
    assert scenario.policies["TW", "enforcement"].steps[0].value == 0.2
    assert scenario.dials["open_source.diffusion"] == 1.0
    assert scenario.at == (41,)
    assert scenario.world["labs.DeepSeek.compute_2025"].numbers == (30000.0,)
    assert scenario.base == "central"


def test_set_wins_over_the_file_and_the_last_set_wins(tmp_path: Path) -> None:
    assert load(tmp_path, "runs: 3\n", ["runs=8", "runs=9"]).runs == 9
    assert load(tmp_path, "policies: {CN: {subsidy: 0.4}}\n", ["subsidy=null"]).policies == {}


@pytest.mark.parametrize(
    ("text", "path", "part", "nearest"),
    [
        ("enforcement=1", "enforcement", "policies.US.enforcement, policies.TW.enforcement", None),
        ("world.talent.suply=1", "world.talent.suply", "no scenario has this path", "world.talent.supply_elasticity"),
        ("diverted_shar=1", "diverted_shar", "no scenario has this path", "world.chip_market.diverted_share"),
        ("runs", "runs", "no value", None),
        ("runs=", "runs", "no value", None),
        ("runs=[1", "runs", "not YAML", None),
        ("runs=many", "runs", "a whole number", None),
        ("extends=other", "extends", "no scenario has this path", None),
    ],
)
def test_bad_sets(tmp_path: Path, text: str, path: str, part: str, nearest: str | None) -> None:
    (problem,) = problems_of(tmp_path, "", [text])
    assert (problem.file, problem.path) == ("--set", path)
    assert part in str(problem)
    if nearest:
        assert problem.nearest == nearest


# The counterfactual ---------------------------------------------------------------------------------------------------


def test_the_counterfactual_may_take_policies_away(tmp_path: Path) -> None:
    body = "policies: {CN: {subsidy: 0.4, purchase_veto: 0.2}}\ncounterfactual: {set: {policies.CN.subsidy: null}}\n"
    scenario = load(tmp_path, body)
    other = scenario.counterfactual_scenario()
    assert other is not None
    assert set(other.policies) == {("CN", "purchase_veto")}
    assert set(scenario.policies) == {("CN", "subsidy"), ("CN", "purchase_veto")}


def test_values_set_outside_reach_the_counterfactual_too(tmp_path: Path) -> None:
    other = load(tmp_path, "counterfactual: {set: {subsidy: 0.9}}\n", ["runs=5"]).counterfactual_scenario()
    assert other is not None
    assert other.runs == 5


# Resolved form and digest ---------------------------------------------------------------------------------------------

RICH = """title: Rich
storyline: Some words.
sources: [a, b]
counterfactual: {title: Other, set: {strictness: 0, tier_quota: .inf, policies.CN.subsidy: null}}
world:
  base: central
  talent.supply_elasticity: {dist: lognormal, mean: 3, sd: 1, max: 8}
  labs.DeepSeek.compute_owned: {p05: 15000, p50: 28000, p95: 60000}
  labs.Mistral.entry: never
  events: {reasoning_method: {date: 2024-09, lab: OpenAI, gain_eci: 6}}
  correlations: [{between: [talent.supply_elasticity, chip_market.diverted_share], rank: 0.3}]
policies:
  dials: {export_controls.strictness: 1}
  US:
    tier_quota:
      - {from: 2025-05-16, announced: 2025-01-15, until: 2025-05-20, value: 100000, source: x}
      - {from: 2026-01, value: none}
    model_ban.enterprise_regulated: {level: strong, against: [CN, EU]}
  CN: {subsidy: 1, champions_only: true}
model: {pricing: bertrand, channels: {peers: true}}
outputs: {measures: [token_share], charts: []}
"""


def test_the_resolved_scenario_reproduces_itself(tmp_path: Path) -> None:
    scenario = load(tmp_path, RICH)
    resolved = scenario.resolved()
    text = json.dumps(resolved, allow_nan=False, indent=1)
    again = load_scenario(write(tmp_path, text, "again.yaml"), catalogues=catalogues())
    direct = scenario_from_resolved(json.loads(text), catalogues())
    for other in (again, direct):
        assert other.resolved() == resolved
        assert other.digest() == scenario.digest()
        assert dict(other.world) == dict(scenario.world)
        assert dict(other.policies) == dict(scenario.policies)
        twin, other_twin = scenario.counterfactual_scenario(), other.counterfactual_scenario()
        assert twin is not None
        assert other_twin is not None
        assert other_twin.resolved() == twin.resolved()
        assert twin.policies["US", "tier_quota"].steps[0].value == math.inf


def test_the_resolved_worked_file_reproduces_itself(family: Path) -> None:
    scenario = worked(family)
    again = scenario_from_resolved(scenario.resolved(), catalogues())
    assert again.resolved() == scenario.resolved()
    assert again.digest() == scenario.digest()


def test_the_digest_sees_what_moves_numbers_and_nothing_else(tmp_path: Path) -> None:
    base = load(tmp_path, RICH).digest()
    for old, new in (
        ("title: Rich", "title: Poor"), ("Some words.", "Others."), ("[a, b]", "[c]"), ("title: Other", "title: T"),
        ("charts: []", "charts: all"), ("source: x", "source: y"), ("subsidy: 1,", "subsidy: 1.0,"),
    ):  # fmt: skip
        assert old in RICH
        assert load(tmp_path, RICH.replace(old, new)).digest() == base, new
    for old, new in (
        ("mean: 3", "mean: 2.9"), ("value: 100000", "value: 100001"), ("rank: 0.3", "rank: 0.2"),
        ("[CN, EU]", "CN"), ("peers: true", "trust: false"), ("gain_eci: 6", "gain_eci: 7"),
        ("set: {", "set: {seed: 1, "),
        ("base: central", "base: prior"), ("champions_only: true", "champions_only: false"), ("title: Rich", "seed: 3"),
    ):  # fmt: skip
        assert old in RICH
        assert load(tmp_path, RICH.replace(old, new)).digest() != base, new


def test_resolved_hands_out_a_copy(tmp_path: Path) -> None:
    scenario = load(tmp_path, RICH)
    scenario.resolved()["world"].clear()
    assert scenario.resolved()["world"]


def test_differences_lists_what_changed(tmp_path: Path) -> None:
    before = load(tmp_path, "policies: {CN: {subsidy: 0.4}}\nruns: 10\n")
    after = load(tmp_path, "policies: {CN: {purchase_veto: 0.2}}\nruns: 10\nworld: {talent.supply_elasticity: 2}\n")
    assert differences(before, after) == [
        ("world.talent.supply_elasticity", None, 2.0),
        ("policies.CN.purchase_veto", None, {"value": 0.2}),
        ("policies.CN.subsidy", {"value": 0.4}, None),
    ]
    assert differences(before, before) == []


# Names of measures, places, imports -----------------------------------------------------------------------------------


def test_measures_are_checked_against_a_catalogue_where_given(tmp_path: Path) -> None:
    file = write(tmp_path, HEAD + "outputs: {measures: [token_share, hhii], charts: [pies]}\n")
    load_scenario(file, catalogues=catalogues())
    with pytest.raises(InputError) as caught:
        load_scenario(file, catalogues=catalogues(), known_measures=["token_share", "hhi"], known_charts=["shares"])
    measure, chart = caught.value.problems
    assert (measure.path, measure.nearest) == ("outputs.measures[1]", "hhi")
    assert chart.path == "outputs.charts[0]"


def test_presets_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, HEAD, "mine.yaml")
    assert find_scenario("mine.yaml") == Path("mine.yaml")
    assert find_scenario(tmp_path / "mine.yaml") == tmp_path / "mine.yaml"
    for name in preset_names():
        assert find_scenario(name) == preset_folder() / f"{name}.yaml"
        assert find_scenario(f"scenarios/{name}.yaml") == preset_folder() / f"{name}.yaml"


def test_a_file_here_wins_over_a_preset_of_the_same_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, HEAD, "scenarios/history_hold.yaml")
    assert find_scenario("scenarios/history_hold.yaml") == Path("scenarios/history_hold.yaml")


def test_an_installed_package_keeps_its_scenarios_inside(tmp_path: Path) -> None:
    package = tmp_path / "sim"
    shutil.copytree(Path(__file__).parent.parent / "sim", package, ignore=shutil.ignore_patterns("__pycache__"))
    write(package, HEAD, "scenarios/only_here.yaml")
    write(package, "x", "scenarios/data/labs.csv")
    code = "from sim.places import *; print(find_scenario('only_here'), data_folder(), preset_names())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1)[0] == str(package / "scenarios" / "only_here.yaml")
    assert "['only_here']" in done.stdout


def test_checking_a_scenario_loads_nothing_heavy(tmp_path: Path) -> None:
    file = write(tmp_path, HEAD + "world: {talent.supply_elasticity: {p05: 1, p50: 2, p95: 3}}\n")
    code = (
        "import sys; from sim.scenario import load_scenario; load_scenario(sys.argv[1]); "
        "heavy = {'numpy', 'scipy', 'pandas', 'mesa', 'networkx', 'matplotlib', 'pyarrow'}; "
        "print(heavy & set(sys.modules))"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code, str(file)], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_json_schema_has_every_name_once() -> None:
    schema = scenario_json_schema(catalogues())
    text = json.dumps(schema)
    world = schema["properties"]["world"]["anyOf"][1]["properties"]
    policies = schema["properties"]["policies"]["anyOf"][0]["properties"]
    assert set(catalogues().parameters) < set(world)
    assert "labs.DeepSeek.compute_start" in world
    assert set(policies) == {"dials", "US", "CN", "TW"}
    levers = policies["TW"]["anyOf"][0]["properties"]
    assert list(levers) == ["enforcement"]
    assert "default 0.3" in levers["enforcement"]["description"]
    assert schema["required"] == ["schema", "name"]
    for reference in {part.split('"')[0] for part in text.split("#/$defs/")[1:]}:
        assert reference in schema["$defs"]
