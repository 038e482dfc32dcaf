"""Bad scenarios: every fault has one clear problem with file, line, dotted path, nearest valid name and remedy."""

import math
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.errors import InputError, Problem
from sim.scenario import load_scenario, scenario_from_resolved
from tests.scenario_cases import HEAD, PARENT, catalogues, load, problems_of, write

# line (of the whole file, whose first two lines are schema and name), dotted path, part of the message, nearest name
Case = tuple[str, int, str | None, str, str | None]

UNKNOWN_KEYS: list[Case] = [
    ("polices: {}\n", 3, "polices", "unknown key", "policies"),
    ("model: {chanels: {}}\n", 3, "model.chanels", "unknown key", "channels"),
    ("model:\n  channels:\n    distilation: true\n", 5, "model.channels.distilation", "unknown key", "distillation"),
    ("outputs: {measure: all}\n", 3, "outputs.measure", "unknown key", "measures"),
    ("world: {talent.supply_elasticty: 1}\n", 3, "world.talent.supply_elasticty", "unknown parameter",
     "talent.supply_elasticity"),
    ("world:\n  talent:\n    supply_elasticity: 1\n", 4, "world.talent", "several names", None),
    ("world:\n  labs.Deepseek.lab_effect: 1\n", 4, "world.labs.Deepseek.lab_effect", "unknown lab Deepseek",
     "DeepSeek"),
    ("world: {labs.DeepSeek.lab_efect: 1}\n", 3, "world.labs.DeepSeek.lab_efect", "no number lab_efect", "lab_effect"),
    ("world: {chips.H200.tpp: 1}\n", 3, "world.chips.H200.tpp", "unknown chip H200", "H20"),
    ("world: {chips.H20.vendor: 1}\n", 3, "world.chips.H20.vendor", "no number vendor", None),
    ("world: {events: {reasoning: {}}}\n", 3, "world.events.reasoning", "unknown key", "reasoning_method"),
    ("world:\n  events:\n    reasoning_method: {date: 2024-09, lab: OpenIA, gain_eci: 1}\n", 5,
     "world.events.reasoning_method.lab", "unknown lab 'OpenIA'", "OpenAI"),
    ("world: {correlations: [{between: [talent.supply, research.experiment_share], rank: 0}]}\n", 3,
     "world.correlations[0].between[0]", "unknown parameter", "talent.supply_elasticity"),
    ("policies: {USA: {}}\n", 3, "policies.USA", "unknown government", "US"),
    ("policies:\n  US:\n    export_controls.tp_ceiling: none\n", 5, "policies.US.export_controls.tp_ceiling",
     "unknown lever", "export_controls.tpp_ceiling"),
    ("policies: {US: {export_controls: {levy: 0.1}}}\n", 3, "policies.US.export_controls", "several levers", None),
    ("policies: {US: {purchase_veto: 0.5}}\n", 3, "policies.US.purchase_veto", "US does not hold", None),
    ("policies: {US: {export_controls.strictness: 0.5}}\n", 3, "policies.US.export_controls.strictness",
     "a dial", None),
    ("policies: {dials: {strictness: 0.5}}\n", 3, "policies.dials.strictness", "unknown key",
     "export_controls.strictness"),
    ("policies: {CN: {subsidy: [{from: 2025-01, valu: 1}]}}\n", 3, "policies.CN.subsidy[0].valu",
     "unknown key", "value"),
    ("policies: {US: {model_ban.enterprise_regulated: {value: 1, against: RU}}}\n", 3,
     "policies.US.model_ban.enterprise_regulated.against", "unknown bloc 'RU'", "US"),
    ("counterfactual: {set: {policies.CN.subsidi: 1}}\n", 3, "policies.CN.subsidi", "no scenario has this path",
     "policies.CN.subsidy"),
    ("counterfactual: {titel: x, set: {subsidy: 1}}\n", 3, "counterfactual.titel", "unknown key", "title"),
]  # fmt: skip

WRONG_TYPES: list[Case] = [
    ("runs: many\n", 3, "runs", "a whole number, not 'many'", None),
    ("runs: 1.5\n", 3, "runs", "a whole number, not 1.5", None),
    ("runs: true\n", 3, "runs", "a whole number, not true", None),
    ("title: [a]\n", 3, "title", "text, not a list", None),
    ("sources: a\n", 3, "sources", "a list, not 'a'", None),
    ("model: [a]\n", 3, "model", "a mapping of keys to values, not a list", None),
    ("world: 3\n", 3, "world", "a mapping of keys to values, not 3", None),
    ("policies: none\n", 3, "policies", "a mapping of keys to values, not 'none'", None),
    ("policies: {US: strict}\n", 3, "policies.US", "a mapping of keys to values", None),
    ("world: {talent.supply_elasticity: high}\n", 3, "world.talent.supply_elasticity",
     "a number or a distribution", None),
    ("world: {talent.supply_elasticity: [1, 2]}\n", 3, "world.talent.supply_elasticity", "not a list", None),
    ("world: {talent.supply_elasticity: true}\n", 3, "world.talent.supply_elasticity", "not true", None),
    ("world: {talent.supply_elasticity: {p05: a, p50: 2, p95: 3}}\n", 3, "world.talent.supply_elasticity.p05",
     "a number, not 'a'", None),
    ("world: {correlations: {a: b}}\n", 3, "world.correlations", "a list", None),
    ("world: {labs.DeepSeek.entry: 2024}\n", 3, "world.labs.DeepSeek.entry", "a month or never", None),
    ("model: {channels: {peers: on}}\n", 3, "model.channels.peers", "true or false, not 'on'", None),
    ("policies: {CN: {champions_only: yes}}\n", 3, "policies.CN.champions_only", "write true or false", None),
    ("policies: {CN: {champions_only: 1}}\n", 3, "policies.CN.champions_only", "true or false, not 1", None),
    ("policies: {US: {export_controls.tpp_ceiling: true}}\n", 3, "policies.US.export_controls.tpp_ceiling",
     "a number in TPP", None),
    ("policies: {CN: {subsidy: on}}\n", 3, "policies.CN.subsidy", "'on' is text; write true or false", None),
    ("policies: {CN: {subsidy: strong}}\n", 3, "policies.CN.subsidy", "not 'strong'", None),
    ("policies: {CN: {subsidy: [0.5]}}\n", 3, "policies.CN.subsidy[0]", "a mapping", None),
    ("policies: {CN: {subsidy: {from: 2025-01, value: 1}}}\n", 3, "policies.CN.subsidy", "stand in a list", None),
    ("policies: {CN: {subsidy: [{from: 2025-01}]}}\n", 3, "policies.CN.subsidy[0]", "a value or a level", None),
    ("policies: {CN: {subsidy: [{from: 2025-01, value: 1, level: weak}]}}\n", 3, "policies.CN.subsidy[0]",
     "a value or a level", None),
    ("policies: {CN: {subsidy: {level: strng}}}\n", 3, "policies.CN.subsidy.level", "'strng'", "strong"),
    ("policies: {CN: {subsidy: [{value: 1}]}}\n", 3, "policies.CN.subsidy[0]", "the key from is missing", None),
    ("model: {pricing: bertrant}\n", 3, "model.pricing", "'bertrant'", "bertrand"),
    ("world: {base: posterior, fitted_to: 2024-11}\n", 3, "world.fitted_to", "no fit to 2024-11 is shipped", "2024-12"),
    ("world: priors\n", 3, "world.base", "'priors'", "prior"),
    ("outputs: {measures: most}\n", 3, "outputs.measures", "all, or a list of names", None),
    ("counterfactual: {title: x}\n", 3, "counterfactual", "the key set is missing", None),
    ("counterfactual: {set: {subsidy: a lot}}\n", 3, "policies.CN.subsidy", "not 'a lot'", None),
]  # fmt: skip

OUT_OF_RANGE: list[Case] = [
    ("runs: 0\n", 3, "runs", "out of range", None),
    ("seed: -1\n", 3, "seed", "out of range", None),
    ("outputs: {bands: [0.5, 1.5]}\n", 3, "outputs.bands[1]", "out of range", None),
    ("world: {chip_market.diverted_share: 0.4}\n", 3, "world.chip_market.diverted_share", "[0, 0.3]", None),
    ("world: {chip_market.diverted_share: .inf}\n", 3, "world.chip_market.diverted_share", "finite", None),
    ("world: {chip_market.diverted_share: {p05: 0.1, p50: 0.2, p95: 0.4}}\n", 3, "world.chip_market.diverted_share",
     "p95 (0.4) is out of range", None),
    ("world: {chip_market.diverted_share: {min: -0.1, max: 0.1}}\n", 3, "world.chip_market.diverted_share",
     "min (-0.1) is out of range", None),
    ("world: {labs.DeepSeek.final_run_share: 2}\n", 3, "world.labs.DeepSeek.final_run_share", "out of range", None),
    ("world: {correlations: [{between: [talent.supply_elasticity, research.experiment_share], rank: 1.2}]}\n", 3,
     "world.correlations[0].rank", "out of range", None),
    ("policies: {CN: {subsidy: [{from: 2025-01, value: 1.5}]}}\n", 3, "policies.CN.subsidy[0].value",
     "1.5 is out of range", None),
    ("policies: {US: {export_controls.tpp_ceiling: -1}}\n", 3, "policies.US.export_controls.tpp_ceiling",
     "or none", None),
    ("policies: {CN: {subsidy: none}}\n", 3, "policies.CN.subsidy", "not 'none'", None),
    ("policies: {CN: {subsidy: .inf}}\n", 3, "policies.CN.subsidy", "out of range", None),
    ("policies: {dials: {export_controls.strictness: 2}}\n", 3, "policies.dials.export_controls.strictness",
     "2 is out of range", None),
    ("policies: {CN: {subsidy: [{from: 2025-01, value: 1, ramp: -3}]}}\n", 3, "policies.CN.subsidy[0].ramp",
     "out of range", None),
    ("end: 2099-12\n", 3, "end", "out of range", None),
    ("outputs: {at: [2031-01]}\n", 3, "outputs.at[0]", "outside the run", None),
    ("model: {community_graph: {rewiring: 2}}\n", 3, "model.community_graph.rewiring", "out of range", None),
    ("world: {events: {reasoning_method: {date: 2024-09, lab: OpenAI, gain_eci: -1}}}\n", 3,
     "world.events.reasoning_method.gain_eci", "out of range", None),
]  # fmt: skip

S = "policies:\n  CN:\n    subsidy:\n"
DATES: list[Case] = [
    ("end: 2021-06\n", 3, "end", "before the start", None),
    ("start: 2023-01\n", 3, "start", "2022-01", None),
    ("end: 2025-13\n", 3, "end", "2025-13 does not exist", None),
    ("end: 2025\n", 3, "end", "a date", None),
    ("end: soon\n", 3, "end", "not a date", None),
    ("policies:\n  CN:\n    subsidy:\n      - {from: 2025-02-30, value: 1}\n", 6, "policies.CN.subsidy[0].from",
     "2025-02-30 does not exist", None),
    ("policies:\n  CN:\n    subsidy:\n      - from: 2025-02-01\n        until: 2025-01-01\n        value: 1\n", 7,
     "policies.CN.subsidy[0].until", "before it starts", None),
    ("policies:\n  CN:\n    subsidy:\n      - {from: 2025-02-01, announced: 2025-03-01, value: 1}\n", 6,
     "policies.CN.subsidy[0].announced", "after it starts", None),
    (S + "    - {from: 2025-01, until: 2025-06-30, value: 1}\n    - {from: 2025-06-30, value: 0}\n", 7,
     "policies.CN.subsidy[1].from", "still holds", None),
    (S + "    - {from: 2025-01, until: 2025-06, value: 1}\n    - {from: 2025-06-30, value: 0}\n", 7,
     "policies.CN.subsidy[1].from", "still holds", None),
    ("policies:\n  CN:\n    subsidy:\n    - {from: 2025-01, value: 1}\n    - {from: 2024-01, value: 0}\n", 7,
     "policies.CN.subsidy[1].from", "no later than", None),
    ("policies:\n  CN:\n    subsidy:\n    - {from: 2025-01, value: 1}\n    - {from: 2025-01-01, value: 0}\n", 7,
     "policies.CN.subsidy[1].from", "no later than", None),
    ("world: {labs.DeepSeek.entry: 2024-00}\n", 3, "world.labs.DeepSeek.entry", "does not exist", None),
    ("world: {events: {reasoning_method: {date: 2024-31, lab: OpenAI, gain_eci: 1}}}\n", 3,
     "world.events.reasoning_method.date", "does not exist", None),
    ("outputs: {at: [2025-02, 2025-14]}\n", 3, "outputs.at[1]", "does not exist", None),
]  # fmt: skip

P = "world: {talent.supply_elasticity: "
PATH = "world.talent.supply_elasticity"
DISTRIBUTIONS: list[Case] = [
    (P + "{p05: 3, p50: 2, p95: 4}}\n", 3, PATH, "p05 (3) is above p50 (2)", None),
    (P + "{p05: 1, p50: 5, p95: 4}}\n", 3, PATH, "p50 (5) is above p95 (4)", None),
    (P + "{p05: 1, p95: 4}}\n", 3, PATH, "the key p50 is missing", None),
    (P + "{min: 4, max: 1}}\n", 3, PATH, "min (4) is above max (1)", None),
    (P + "{min: 4}}\n", 3, PATH, "the key max is missing", None),
    (P + "{dist: lognorm, ci80: [1, 2]}}\n", 3, PATH + ".dist", "no distribution 'lognorm'", "lognormal"),
    (P + "{dist: lognormal, ci80: [2, 1]}}\n", 3, PATH, "ends before it starts", None),
    (P + "{dist: lognormal, ci80: [-1, 1]}}\n", 3, PATH, "must be positive", None),
    (P + "{dist: lognormal, ci80: [1, 2], mean: 1, sd: 1}}\n", 3, PATH, "give one of", None),
    (P + "{dist: lognormal, mean: 1}}\n", 3, PATH, "give one of", None),
    (P + "{dist: lognormal, ci80: [1]}}\n", 3, PATH + ".ci80", "at least 2 items", None),
    (P + "{dist: normal, mean: 3, sd: -1}}\n", 3, PATH, "negative", None),
    (P + "{dist: normal, mean: 30, sd: 1}}\n", 3, PATH, "out of range", None),
    (P + "{dist: normal, mean: 3, sd: 1, min: 4}}\n", 3, PATH, "out of range", None),
    (P + "{dist: normal, mean: 3, sd: 1, min: 5, max: 4}}\n", 3, PATH, "min (5) is above max (4)", None),
    (P + "{dist: loguniform, min: 0, max: 4}}\n", 3, PATH, "must be positive", None),
    (P + "{dist: triangular, min: 1, mode: 5, max: 4}}\n", 3, PATH, "mode (5) is above max (4)", None),
    (P + "{dist: beta, mean: 0.5, sd: 0.9, min: 0.3}}\n", 3, PATH, "too wide", None),
    (P + "{dist: beta, mean: 2, sd: 0.1}}\n", 3, PATH, "mean (2) is above max (1)", None),
    (P + "{low: 1, high: 2}}\n", 3, PATH, "make no distribution", None),
    (P + "{}}\n", 3, PATH, "make no distribution", None),
    (P + "{dist: lognormal, mean: 1, sd: 1.0e+300}}\n", 3, PATH, "too far apart", None),
    ("world: {correlations: [{between: [talent.supply_elasticity, talent.supply_elasticity], rank: 1}]}\n", 3,
     "world.correlations[0].between", "with itself", None),
]  # fmt: skip

OTHERS: list[Case] = [
    ("runs: 1\nseed: 2\nruns: 3\n", 5, "runs", "second time", None),
    ("world: {talent.supply_elasticity: .nan}\n", 3, PATH, "NaN", None),
    ("world: {talent.supply_elasticity: {p05: 1, p50: .NaN, p95: 3}}\n", 3, PATH + ".p50", "NaN", None),
    ("policies: {CN: {subsidy: [{from: 2025-01, value: .nan}]}}\n", 3, "policies.CN.subsidy[0].value", "NaN", None),
    ("title: !!binary aGk=\n", 3, "title", "tag", None),
    ("title: &t x\nstoryline: *t\n", 4, "storyline", "alias", None),
    ("policies: {CN: {subsidy: {keep_until: 2025-12, steps: []}}}\n", 3, "policies.CN.subsidy.keep_until",
     "nothing can be kept", None),
    ("policies: {US: {model_ban.enterprise_regulated: true}}\n", 3, "policies.US.model_ban.enterprise_regulated",
     "against which bloc", None),
    ("policies: {CN: {subsidy: {value: 1, against: US}}}\n", 3, "policies.CN.subsidy.against", "not directed", None),
    ("policies:\n  US:\n    model_ban.enterprise_regulated:\n    - {from: 2025-01, value: 1, against: CN}\n"
     "    - {from: 2026-01, value: 1, against: EU}\n", 7,
     "policies.US.model_ban.enterprise_regulated[1].against", "different blocs", None),
    ("policies: {US: {export_controls.tpp_ceiling: [{from: 2025-01, value: 1, ramp: 3}]}}\n", 3,
     "policies.US.export_controls.tpp_ceiling[0].ramp", "threshold cannot be ramped", None),
    ("policies: {CN: {champions_only: [{from: 2025-01, value: true, ramp: 3}]}}\n", 3,
     "policies.CN.champions_only[0].ramp", "switch cannot be ramped", None),
    ("policies: {US: {tier_quota: [{from: 2025-01, value: 100, ramp: 3}]}}\n", 3, "policies.US.tier_quota[0].ramp",
     "no limit", None),
]  # fmt: skip


@pytest.mark.parametrize("case", [*UNKNOWN_KEYS, *WRONG_TYPES, *OUT_OF_RANGE, *DATES, *DISTRIBUTIONS, *OTHERS])
def test_one_fault_gives_one_clear_problem(tmp_path: Path, case: Case) -> None:
    body, line, path, message, nearest = case
    found = problems_of(tmp_path, body)
    assert [str(problem) for problem in found if problem.path == path], [str(problem) for problem in found]
    (problem,) = found
    assert problem.file == str(tmp_path / "case.yaml")
    assert (problem.line, problem.path) == (line, path)
    assert message in problem.message
    assert problem.nearest == nearest or nearest is None
    assert problem.remedy
    assert str(problem).startswith(f"{problem.file}:{line}: {path}: ")


def test_required_keys(tmp_path: Path) -> None:
    assert {p.message for p in problems_of(tmp_path, "runs: 1\n", head="")} == {
        "the key schema is missing",
        "the key name is missing",
    }
    (wrong,) = problems_of(tmp_path, "", head="schema: 2\nname: a\n")
    assert "it cannot be 2" in wrong.message
    (name,) = problems_of(tmp_path, "", head="schema: 1\nname: ../a b\n")
    assert "not allowed" in name.message


def test_all_faults_of_a_file_come_at_once_in_order(tmp_path: Path) -> None:
    body = (
        "runs: 0\nruns: 1\nfoo: 1\nworld: {talent.supply_elasticity: .nan, bar: 1}\npolicies:\n  US: {baz: 1}\n"
        "  CN: {subsidy: 2}\nmodel: {pricing: no}\noutputs: {at: [2025-99]}\ncounterfactual: {set: {qux: 1}}\n"
    )
    found = problems_of(tmp_path, body)
    assert [(problem.line, problem.path) for problem in found] == [
        (3, "runs"), (4, "runs"), (5, "foo"), (6, PATH), (6, "world.bar"), (8, "policies.US.baz"),
        (9, "policies.CN.subsidy"), (10, "model.pricing"), (11, "outputs.at[0]"), (12, "qux"),
    ]  # fmt: skip


def test_thousands_of_faults_are_cut_short_and_quick(tmp_path: Path) -> None:
    body = "world:\n" + "".join(f"  unknown.name_{index}: 1\n" for index in range(8000))
    found = problems_of(tmp_path, body)
    assert len(found) == 101
    assert "7900 more" in found[-1].message


def test_correlations_that_contradict_each_other(tmp_path: Path) -> None:
    a, b, c = "talent.supply_elasticity", "research.experiment_share", "chip_market.diverted_share"
    pairs = (
        f"[{{between: [{a}, {b}], rank: 0.9}}, {{between: [{b}, {c}], rank: 0.9}}, {{between: [{a}, {c}], rank: %s}}]"
    )
    (problem,) = problems_of(tmp_path, f"world: {{correlations: {pairs % -0.9}}}\n")
    assert "contradict" in problem.message
    assert problems_of(tmp_path, f"world: {{correlations: {pairs % 0.9}}}\n") == []
    (twice,) = problems_of(tmp_path, f"world: {{correlations: {pairs.replace(c, a) % 0.1}}}\n")[:1]
    assert "with itself" in twice.message or "second time" in twice.message


# extends --------------------------------------------------------------------------------------------------------------


def extends_problem(folder: Path, value: str) -> Problem:
    (problem,) = problems_of(folder, f"extends: {value}\n")
    assert (problem.line, problem.path) == (3, "extends")
    assert problem.remedy
    return problem


def test_a_missing_parent_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, HEAD, "parent.yaml")
    problem = extends_problem(tmp_path, "./parnt.yaml")
    assert "no file ./parnt.yaml" in problem.message
    assert problem.nearest == "./parent.yaml"
    assert "no such preset" in extends_problem(tmp_path, "parent").message


@pytest.mark.parametrize("value", ["[./a.yaml, ./b.yaml]", "3", "{a: b}", "''"])
def test_only_one_parent(tmp_path: Path, value: str) -> None:
    assert "one name" in extends_problem(tmp_path, value).message


def test_a_parent_outside_the_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, HEAD, "outside.yaml")
    inner = tmp_path / "inner"
    for value in ("../outside.yaml", str(tmp_path / "outside.yaml"), "./../inner/../outside.yaml"):
        (inner / "case.yaml").unlink(missing_ok=True)
        assert "outside the folder" in extends_problem(inner, value).message
    (inner / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    assert "outside the folder" in extends_problem(inner, "./link.yaml").message


def test_circles_are_refused(tmp_path: Path) -> None:
    assert "circle" in extends_problem(tmp_path, "./case.yaml").message
    write(tmp_path, HEAD + "extends: ./b.yaml\n", "a.yaml")
    write(tmp_path, HEAD + "extends: ./a.yaml\n", "b.yaml")
    (problem,) = problems_of(tmp_path, "extends: ./a.yaml\n")
    assert "case -> a -> b -> a" in problem.message
    assert problem.file == str(tmp_path / "b.yaml")


def test_eight_parents_are_allowed_and_nine_are_not(tmp_path: Path) -> None:
    for index in range(9):
        write(tmp_path, HEAD + (f"extends: ./p{index - 1}.yaml\n" if index else ""), f"p{index}.yaml")
    assert len(load(tmp_path, "extends: ./p7.yaml\n").parents) == 8
    (problem,) = problems_of(tmp_path, "extends: ./p8.yaml\n")
    assert "more than 8 parents" in problem.message


def test_faults_of_parent_and_child_come_together(tmp_path: Path) -> None:
    parent = write(tmp_path, "schema: 1\nname: p\nseed: -1\nruns: 5\nmodel: {pricing: x}\na: 1\na: 2\n", "p.yaml")
    found = problems_of(tmp_path, "extends: ./p.yaml\nmodel: {rationing: y}\nruns: 6\n")
    places = {(problem.file, problem.line, problem.path) for problem in found}
    child = str(tmp_path / "case.yaml")
    assert places == {
        (str(parent), 3, "seed"), (str(parent), 5, "model.pricing"), (str(parent), 6, "a"), (str(parent), 7, "a"),
        (child, 4, "model.rationing"),
    }  # fmt: skip


def test_a_bad_parent_file_is_reported_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_bytes(b"\xff\xfe")
    (bad, own) = problems_of(tmp_path, "extends: ./p.yaml\nruns: 0\n")
    assert (bad.file, "UTF-8" in bad.message) == (str(tmp_path / "p.yaml"), True)
    assert own.path == "runs"
    (tmp_path / "d.yaml").mkdir()
    (directory,) = problems_of(tmp_path, "extends: ./d.yaml\n")
    assert "directory" in directory.message
    write(tmp_path, "name: p\n", "p.yaml")
    (schema,) = problems_of(tmp_path, "extends: ./p.yaml\n")
    assert schema.path == "schema"


def test_keep_until_is_checked(tmp_path: Path) -> None:
    write(tmp_path, HEAD + "policies: {CN: {subsidy: [{from: 2024-01, value: 1}]}}\n", "p.yaml")

    def problem(policy: str) -> Problem:
        (found,) = problems_of(tmp_path, f"extends: ./p.yaml\npolicies: {{CN: {{subsidy: {policy}}}}}\n")
        assert found.line == 4
        return found

    step = "{from: 2025-01-01, value: 0}"
    assert "before keep_until" in problem(f"{{keep_until: 2025-06, steps: [{step}]}}").message
    assert "does not exist" in problem(f"{{keep_until: 2025-02-30, steps: [{step}]}}").message
    assert "needs a list of steps" in problem("{keep_until: 2025-02}").message
    assert "unknown key" in problem(f"{{keep_until: 2024-12, steps: [{step}], ramp: 3}}").message


WORKED = (Path(__file__).parent / "files" / "late_open_push.yaml").read_text(encoding="utf-8")
WORDS = st.sampled_from(
    ["null", "[]", "{}", "-1", ".inf", ".nan", "true", "x", "*a", "!t 1", "2025-02-30", "1e999", "", "'"]
)


@given(st.lists(st.tuples(st.integers(0, 200), WORDS, st.booleans()), min_size=1, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_a_mangled_file_loads_or_is_refused_in_words(tmp_path: Path, changes: list[tuple[int, str, bool]]) -> None:
    tokens = re.split(r"([ ,:{}\[\]\n]+)", WORKED.replace("extends: history_hold ", "extends: ./parent.yaml "))
    for position, word, between in changes:
        tokens[(2 * position + between) % len(tokens)] = word
    write(tmp_path, PARENT, "parent.yaml")
    file = write(tmp_path, "".join(tokens))
    problems: list[Problem] = []
    try:
        scenario = load_scenario(file, catalogues=catalogues())
        assert scenario_from_resolved(scenario.resolved(), catalogues()).digest() == scenario.digest()
    except InputError as error:
        problems = error.problems or [Problem("refused without a reason")]
    assert all(problem.file and problem.line and problem.message for problem in problems)


# Files ----------------------------------------------------------------------------------------------------------------


def test_files_that_are_no_scenarios(tmp_path: Path) -> None:
    big = tmp_path / "big.yaml"
    with big.open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)
    (tmp_path / "latin.yaml").write_bytes("schema: 1\nname: é\n".encode("latin-1"))
    write(tmp_path, "", "empty.yaml")
    for path, message in (
        (big, "bytes"), (tmp_path / "latin.yaml", "UTF-8"), (tmp_path / "empty.yaml", "empty"), (tmp_path, "directory"),
        (tmp_path / "absent.yaml", "no such scenario file"), (Path("no_such_preset"), "no preset"),
    ):  # fmt: skip
        with pytest.raises(InputError) as caught:
            load_scenario(path, catalogues=catalogues())
        (problem,) = caught.value.problems
        assert message in problem.message
        assert problem.file == str(path)
        assert problem.remedy


def test_a_misspelt_file_gets_the_nearest_name(tmp_path: Path) -> None:
    file = write(tmp_path, HEAD, "deepseek.yaml")
    with pytest.raises(InputError) as caught:
        load_scenario(tmp_path / "deepsek.yaml", catalogues=catalogues())
    assert caught.value.problems[0].nearest == str(file)


def test_no_limit_is_written_none_or_inf(tmp_path: Path) -> None:
    for text in ("none", ".inf", "inf", "None"):
        scenario = load(tmp_path, f"policies: {{US: {{export_controls.tpp_ceiling: {text}}}}}\n")
        assert scenario.policies["US", "export_controls.tpp_ceiling"].steps[0].value == math.inf


def test_problems_read_as_sentences() -> None:
    problem = Problem("unknown lab", "a.yaml", 3, "world.x", "OpenAI", "Use a lab")
    assert str(problem) == "a.yaml:3: world.x: unknown lab. Did you mean OpenAI? Use a lab."
    assert str(Problem("broken")) == "broken."
    assert str(InputError([problem, Problem("broken")])).count("\n") == 1
    assert InputError(problem).problems == [problem]
