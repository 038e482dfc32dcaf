"""What chip controls can reach: everything they do, they do through what the chip market hands on.

That no lab and no date stands in the rules is in `test_structure.py`.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents import chip_market
from agents.chip_market import Handoff
from agents.places import SENDER, TARGET
from sim.checks import leaves
from sim.data import Row, Table, Tables, load_tables
from sim.engine import Engine
from sim.measures import columns, record
from sim.policies import lever_catalogue
from sim.scenario import Scenario, load_scenario
from tests.source_code import AGENTS, ROOT, SIM, functions, imports, tree_of

ALL_CHANNELS = [f"model.channels.{name}=true" for name in (
    "peers", "slack", "state_reaction", "escape_competition", "import_substitution",
)]  # fmt: skip
CHIP_MEASURES = (
    "compute_owned", "compute_share", "compute_inflow", "legal_share_stock", "leakage_rate", "self_reliance",
    "supplier_revenue_lost", "scarcity_premium", "grey_price_ratio", "main_vendor_output",
)  # fmt: skip
"""Measures of the chip market itself; every other measure must follow from its handoff."""
CONTROLS_THEMSELVES = ("governments.denial",)


class Recorded(Engine):
    """An engine that keeps what its chip market handed on, month by month."""

    def __init__(self, scenario: Scenario, rows: np.ndarray, tables: Tables | None = None) -> None:
        super().__init__(scenario, rows, tables)
        self.given: list[Handoff] = []

    def _chips(self, *rules: Any, **more: Any) -> Handoff:
        self.given.append(super()._chips(*rules, **more))
        return self.given[-1]


class Frozen(Engine):
    """An engine whose chip market runs as its rules say, while everybody else sees the handoff of another run."""

    given: Sequence[Handoff] = ()

    def _chips(self, *rules: Any, **more: Any) -> Handoff:
        super()._chips(*rules, **more)
        return self.given[self.month]


def outside_the_chip_market(engine: Engine) -> dict[str, np.ndarray]:
    """Every number of the month that is not the chip market's own."""
    month = engine.month
    found: dict[str, np.ndarray] = {}
    for name in ("labs", "shelf", "communities", "accounts", "governments", "sales", "weights", "terms", "place_rules"):
        found.update(leaves(name, getattr(engine, name)))
    found.update(positions=engine.positions[month], frontiers=engine.frontiers[month], gaps=engine.gaps[month])
    kept = [name for name in columns() if name.split(".")[0] not in CHIP_MEASURES]
    values = dict(zip(columns(), record(engine).T, strict=True))
    found.update({f"measure.{name}": values[name] for name in kept})
    return {name: array for name, array in found.items() if name not in CONTROLS_THEMSELVES}


def assert_same(left: Engine, right: Engine) -> None:
    """Both engines agree bit by bit outside the chip market."""
    mine, theirs = outside_the_chip_market(left), outside_the_chip_market(right)
    assert mine.keys() == theirs.keys()
    differ = [name for name in mine if not np.array_equal(mine[name], theirs[name], equal_nan=mine[name].dtype != bool)]
    assert not differ, f"month {left.month}: {differ[:8]}"


def _maximal(group: str) -> list[str]:
    """Values that set every lever of a group at its maximal level, for every holder."""
    levers = lever_catalogue(load_tables().levers.rows).values()
    return [
        f"policies.{holder}.{lever.name}={{level: maximal}}"
        for lever in levers if lever.group == group and not lever.is_dial and lever.name != "chip_allocation"
        for holder in lever.holders
    ]  # fmt: skip


def _removed(group: str, scenario: Scenario) -> list[str]:
    return [f"policies.{holder}.{name}=null" for holder, name in scenario.policies if name.startswith(group + ".")]


ROWS = np.arange(2)
CHANGES = {
    "nothing is denied": ["policies.dials.export_controls.strictness=0"],
    "everything is denied": ["policies.dials.export_controls.strictness=1"],
    "no lever of the group": _removed("export_controls", load_scenario("history_hold")),
    "every lever of the group at its most": _maximal("export_controls"),
    "every other rule of the chip market, and power": [
        *_maximal("chip_market"), *_maximal("foundry"), *_maximal("energy"), "policies.dials.compute.constraint=0.5",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def reference() -> Recorded:
    """The recorded timeline with every channel on, played to its end."""
    engine = Recorded(load_scenario("history_hold", ALL_CHANNELS), ROWS)
    engine.run(["adoption"])
    return engine


@pytest.mark.parametrize("change", CHANGES)
def test_with_the_handoff_frozen_controls_change_nothing_else(reference: Recorded, change: str) -> None:
    """Capacity, quality, serving, premium and desired stock as recorded: every other number is the same, bit by bit."""
    scenario = load_scenario("history_hold", [*ALL_CHANNELS, *CHANGES[change]])
    other = Frozen(scenario, ROWS)
    other.given = reference.given
    other.run(["adoption"])
    assert_same(reference, other)
    assert np.array_equal(other.gaps, reference.gaps)
    assert np.array_equal(other.positions, reference.positions)
    moved = np.abs(other.chips.stock[:, TARGET] / reference.chips.stock[:, TARGET].sum(axis=1, keepdims=True) - 1.0)
    assert (moved > 1e-6).any(), "the change must move the chip market, or the test shows nothing"


def test_without_the_freeze_controls_do_move_labs_and_markets(reference: Recorded) -> None:
    free = Engine(load_scenario("history_hold", [*ALL_CHANNELS, *CHANGES["nothing is denied"]]), ROWS)
    free.run(["adoption"])
    assert np.abs(free.labs.ln_effective - reference.labs.ln_effective).max() > 0.1
    assert np.abs(free.communities.share - reference.communities.share).max() > 0.01


def _written(folder: Path, policies: str, end: str = "2024-12") -> Scenario:
    file = folder / "world.yaml"
    file.write_text(f"schema: 1\nname: world\nend: {end}\nworld: prior\npolicies:\n{policies}", encoding="utf-8")
    return load_scenario(file)


def test_a_sellers_control_and_a_buyers_veto_of_one_size_do_the_same(tmp_path: Path) -> None:
    """Denying six tenths of the wanted chips, or the buyer's state forbidding six tenths: every number is the same."""
    seller = _written(
        tmp_path,
        """
  dials: {export_controls.strictness: 0.3}
  US:
    export_controls.tpp_ceiling: [{from: 2022-10-01, value: 0}]
    export_controls.interconnect_floor: [{from: 2022-10-01, value: 0}]
""",
    )
    buyer = _written(tmp_path, "  CN: {purchase_veto: [{from: 2022-10-01, value: 0.6}]}\n")
    denied, refused = Engine(seller, ROWS), Engine(buyer, ROWS)
    untouched = Engine(_written(tmp_path, "  CN: {}\n"), ROWS)
    for engine in (denied, refused, untouched):
        engine.run(["adoption"])
    assert_same(denied, refused)
    assert np.array_equal(denied.chips.stock, refused.chips.stock)
    assert not np.array_equal(denied.labs.ln_effective, untouched.labs.ln_effective)


def test_a_control_and_an_exogenous_fall_of_supply_do_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Legal supply as under the controls, for no reason at all, in a world without controls: labs cannot tell."""
    inside = [f"policies.{holder}.export_controls.{name}=null" for holder, name in (
        ("US", "hbm_control"), ("US", "tool_control"), ("JP", "tool_control"), ("NL", "tool_control"),
        ("US", "foundry_control"),
    )]  # fmt: skip
    kept: list[Any] = []
    rule = chip_market.legal_supply

    def noted(*given: Any, **more: Any) -> Any:
        kept.append(rule(*given, **more))
        return kept[-1]

    with monkeypatch.context() as patch:
        patch.setattr(chip_market, "legal_supply", noted)
        controlled = Engine(load_scenario("history_hold", inside), ROWS)
        controlled.run(["adoption"])
    supplies = iter(kept)
    monkeypatch.setattr(chip_market, "legal_supply", lambda *given, **more: next(supplies))
    shocked = Engine(load_scenario("history_hold", [*inside, "policies.dials.export_controls.strictness=0"]), ROWS)
    shocked.run(["adoption"])
    assert_same(controlled, shocked)
    assert np.array_equal(controlled.chips.stock, shocked.chips.stock)


SWAP = {"US": "CN", "CN": "US"}


def _swapped(tables: Tables) -> Tables:
    """The same world with the labels US and CN exchanged wherever they say who lives where."""

    def labels(row: Row, *names: str) -> Row:
        return {**row, **{name: SWAP.get(str(row[name]), row[name]) for name in names}}

    def sides(row: Row) -> Row:
        exchanged = {}
        for column, value in row.items():
            stem, _, end = column.rpartition("_")
            exchanged[f"{stem}_{SWAP[end]}" if stem and end in SWAP else column] = value
        return exchanged

    by_bloc = {str(row["bloc"]): row for row in tables.blocs.rows}
    blocs = [{**by_bloc[SWAP.get(name, name)], "bloc": name} for name in by_bloc]
    return replace(
        tables,
        labs=Table("labs", [labels(row, "bloc", "government") for row in tables.labs.rows]),
        communities=Table("communities", [sides(labels(row, "region")) for row in tables.communities.rows]),
        access=Table("access", [labels(row, "region", "origin") for row in tables.access.rows]),
        blocs=Table("blocs", blocs),
    )


def _mirrored(handoff: Handoff) -> Handoff:
    order = np.array([TARGET, SENDER, 2, 3])
    return Handoff(**{entry.name: getattr(handoff, entry.name)[:, order] for entry in fields(Handoff)})


def test_labs_knowledge_and_markets_know_no_country(reference: Recorded) -> None:
    """The same labs and communities under exchanged labels US and CN do exactly the same, given exchanged handoffs.

    The chip market and governments are left out: who sets controls and whom they aim at are roles, SENDER and TARGET.
    Trust and consideration are off: that a rival's closed service is distrusted, and that every community knows the
    sender's models, are differences between places that the data state.
    """
    sets = ["world.base=central", "model.channels.trust=false", "model.channels.consideration=false"]
    scenario = load_scenario("history_hold", [*sets, "end=2025-06", "outputs.at=[]", *_all_policies_removed()])
    tables = load_tables()
    given = [_one_run(handoff) for handoff in reference.given]
    engines = []
    for data, hands in ((tables, given), (_swapped(tables), [_mirrored(hand) for hand in given])):
        engine = Frozen(scenario, np.arange(1), data)
        engine.given = hands
        held = np.array([hand.desired[0, TARGET] for hand in hands])
        engine.block.labs = replace(engine.block.labs, reference_stock_target=held)
        engine.run(["adoption"])
        engines.append(engine)
    plain, mirror = engines
    assert plain.block.labs.bloc.tolist() != mirror.block.labs.bloc.tolist()
    skipped = {"labs.wage", "communities.consideration", "communities.noticed", "communities.awareness"}
    for state in ("labs", "shelf", "accounts", "communities", "sales"):
        for (name, mine), (_, theirs) in zip(
            leaves(state, getattr(plain, state)), leaves(state, getattr(mirror, state)), strict=True
        ):
            if name not in skipped:
                assert np.array_equal(mine, theirs, equal_nan=mine.dtype != bool), name
    assert np.array_equal(plain.labs.wage[:, [TARGET, SENDER]], mirror.labs.wage[:, [SENDER, TARGET]])


def _all_policies_removed() -> list[str]:
    return [f"policies.{holder}.{name}=null" for holder, name in load_scenario("history_hold").policies]


def _one_run(handoff: Handoff) -> Handoff:
    return Handoff(**{entry.name: getattr(handoff, entry.name)[:1] for entry in fields(Handoff)})


def test_only_the_chip_market_and_governments_see_the_rules_on_chips() -> None:
    allowed = {"agents/chip_market.py", "agents/chip_designs.py", "agents/government.py",
               "sim/engine.py", "sim/setup.py", "sim/measuring.py"}  # fmt: skip
    users = {f"{path.parent.name}/{path.name}" for path in [*AGENTS, *SIM] if "agents.controls" in imports(path)}
    assert users <= allowed
    assert {"agents/chip_market.py", "agents/government.py"} <= users, "the test looks at the wrong module"


def _annotations(function: ast.FunctionDef) -> set[str]:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return {name for argument in arguments if argument.annotation
            for name in re.findall(r"\w+", ast.unparse(argument.annotation))}  # fmt: skip


def test_no_rule_outside_the_chip_market_takes_rules_on_chips() -> None:
    for path in AGENTS:
        if path.stem in ("chip_market", "chip_designs", "government", "controls"):
            continue
        for function in functions(path):
            taken = _annotations(function) & {"ChipRules", "Thresholds", "Rulebook", "Levers", "Flows", "ChipState"}
            assert not taken, f"{path.name}: {function.name} takes {taken}"


def test_the_month_hands_the_rules_on_chips_to_the_chip_market_alone() -> None:
    """In the engine, `self.rules` is read once, as the argument of `_chips`, and `rulebook.chips` is called once."""
    tree = tree_of(ROOT / "sim" / "engine.py")
    reads = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "rules"
             and isinstance(node.ctx, ast.Load) and ast.unparse(node.value) == "self"]  # fmt: skip
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "self._chips"]
    assert [ast.unparse(argument) for call in calls for argument in call.args] == ["self.rules"]
    assert len(reads) == 1
    asked = [node for node in ast.walk(tree) if isinstance(node, ast.Call)
             and ast.unparse(node.func).endswith("rulebook.chips")]  # fmt: skip
    assert len(asked) == 1
