"""How the code is built: layers, chance, one definition for each name, no data in the rules."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.community import SEGMENTS
from sim.data import load_tables
from sim.measures import CATALOGUE, columns
from sim.policies import lever_catalogue
from sim.scenario_schema import Channels
from tests.source_code import AGENTS, ROOT, SIM, code_strings, functions, identifiers, imports, module_name, tree_of

LOW = ("errors", "calendar", "arrays", "places", "yamlfile", "distributions", "data", "tape", "parameters", "lags",
       "networks", "policies", "posterior")  # fmt: skip
WORLD = ("lots", "setup", "engine", "measures", "measuring", "checks", "graphs", "world")
RESULTS = ("plan", "results", "compare", "ensemble", "history", "golden", "facts", "fact_formulas", "monthly",
           "operators", "explain", "parameter_facts", "disk", "executors", "cluster", "studies", "held")  # fmt: skip
PACKAGES = {"experiments": 3, "analysis": 4, "calibration": 4, "backcast": 4, "memo": 4, "charts": 5, "interactive": 5,
            "export": 5, "report": 5, "app": 6, "commands": 6, "manual": 6}  # fmt: skip
"""Layers of the folders of `sim`."""
SINGLE = {"parameter_pages": 4, "api": 5, "api_result": 5}
"""Modules that stand as high as a folder."""
HEAVY = ("pandas", "scipy", "mesa", "matplotlib", "networkx", "pyarrow")
MAPPED = {"agents.windows"}
"""Mesa views on a run; they stand beside the rules and are no rules."""
STATISTICS = "sim.calibration."
"""Works on all runs of a wave at once, whatever the blocks that they were computed in: matrix products do no harm."""
ONE_GRAPH = "networks"
"""NetworkX draws the community network, once for a scenario, from a generator that carries the scenario's seed."""


def layer(module: str) -> int:
    """Place of a module in the order of layers; 0 is lowest."""
    package, _, name = module.partition(".")
    if package == "agents":
        return 2 if module in MAPPED else 1
    inner, _, rest = name.partition(".")
    if rest:
        return PACKAGES[inner]
    for place, prefix in ((0, "scenario"), (6, "cli"), (6, "__main__")):
        if name.startswith(prefix):
            return place
    for place, names in ((0, LOW), (2, WORLD), (3, RESULTS)):
        if name in names:
            return place
    if name in SINGLE:
        return SINGLE[name]
    raise AssertionError(f"{module} has no layer; name it in tests/test_structure.py")


def own_modules() -> Iterator[tuple[str, Path]]:
    return ((module_name(path), path) for path in [*AGENTS, *SIM] if path.stem != "__init__")


def test_imports_go_down_the_layers() -> None:
    """Low modules, rules, the engine and its readers, results, analysis, charts, the command line; late imports too."""
    known = dict(own_modules())
    upward = [
        f"{module} imports {other}"
        for module, path in known.items() for other in imports(path) & known.keys()
        if layer(other) > layer(module)
    ]  # fmt: skip
    assert not upward
    assert len({layer(module) for module in known}) == 7


def test_rules_import_nothing_but_arrays_and_one_another() -> None:
    for module, path in own_modules():
        if module.startswith("agents.") and module not in MAPPED:
            foreign = {name for name in imports(path) if name.startswith("sim.")}
            assert {name for name in foreign if not name.startswith("sim.arrays")} == set(), module
            outside = {name.split(".")[0] for name in imports(path)} - {"agents", "sim", "numpy", "scipy"}
            assert outside <= set(sys.stdlib_module_names), f"{module}: {outside}"


def test_reading_a_scenario_loads_no_heavy_package() -> None:
    code = f"""
import sys
from sim import calendar, data, errors, policies, scenario, scenario_json, yamlfile
loaded = [name for name in {HEAVY} if name in sys.modules]
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)


@pytest.mark.parametrize("path", [*AGENTS, *SIM], ids=module_name)
def test_no_matrix_product_and_no_other_chance_than_the_tape(path: Path) -> None:
    """`@` and its kin give other bits for other block sizes; numpy.random and random are drawn in turn."""
    statistics = module_name(path).startswith(STATISTICS)
    for node in ast.walk(tree_of(path)):
        assert statistics or not isinstance(node, ast.MatMult), f"{path.name} uses @"
        if isinstance(node, ast.Attribute):
            chain = ast.unparse(node)
            assert chain not in ("np.dot", "np.matmul", "np.inner", "np.tensordot", "np.vdot"), chain
            if path.stem != ONE_GRAPH:
                assert not chain.startswith(("np.random", "numpy.random")), f"{path.name}: {chain}"
    used = {name for name in imports(path) if name.split(".")[0] == "random" or name.startswith("numpy.random")}
    assert not used or path.stem == "tape"


def test_every_name_is_defined_once() -> None:
    """One row for each parameter, lever and measure, one column for each number of a record, no name for two things."""
    tables = load_tables()
    names = [*tables.parameters.text("name"), *tables.levers.text("name"), *CATALOGUE]
    assert not [name for name, count in Counter(names).items() if count > 1]
    assert not [name for name, count in Counter(columns()).items() if count > 1]
    written = [node for node in ast.walk(tree_of(ROOT / "sim" / "measures.py"))
               if isinstance(node, ast.Call) and ast.unparse(node.func) == "Measure"]  # fmt: skip
    assert len(written) == len(CATALOGUE)


def _read_names() -> set[str]:
    """Text by which rules and the engine look a number up: subscripts, and the stems of `per_segment`."""
    found: set[str] = set()
    for path in [*AGENTS, *(ROOT / "sim" / f"{name}.py" for name in ("engine", "setup", "measuring"))]:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                found.add(str(node.slice.value))
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("per_segment"):
                found |= {str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)}
    return found


def test_every_parameter_is_read() -> None:
    read, segments = _read_names(), set(load_tables().communities.text("segment"))
    for name in load_tables().parameters.text("name"):
        stem, _, end = name.rpartition(".")
        assert name in read or (end in segments and stem in read), f"nothing reads {name}"


def test_every_lever_and_dial_is_read_by_governments_alone() -> None:
    levers = lever_catalogue(load_tables().levers.rows)
    read = set(code_strings(tree_of(ROOT / "agents" / "government.py")))
    assert "model_ban." in read
    read |= {f"model_ban.{segment}" for segment in SEGMENTS}
    at_setup = set(code_strings(tree_of(ROOT / "sim" / "setup.py")))
    for name, lever in levers.items():
        tail = name.rpartition(".")[2]
        assert name in (at_setup if lever.is_dial else read) or tail in read, f"nothing reads {name}"
    for path in AGENTS:
        if path.stem != "government" and module_name(path) not in MAPPED:
            assert not set(code_strings(tree_of(path))) & levers.keys(), path.name


def test_every_channel_is_read() -> None:
    read = _read_names()
    assert not [name for name in Channels.model_fields if f"channel.{name}" not in read]


def test_the_specification_names_parameters_that_exist() -> None:
    tables = load_tables()
    names = {*tables.parameters.text("name"), *tables.levers.text("name")}
    groups = {name.split(".")[0] for name in tables.parameters.text("name")} - {"labs"}
    text = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
    mentioned = {word.removesuffix(".SEG") for code in re.findall(r"`([^`]+)`", text)
                 for word in re.findall(r"[a-z_]+(?:\.[A-Za-z_]+)+", code) if word.split(".")[0] in groups}  # fmt: skip
    stems = {name.rpartition(".")[0] for name in names} - {name.split(".")[0] for name in names}
    assert mentioned - names - stems == set()
    assert len(mentioned) > 60


@pytest.mark.parametrize("path", [*AGENTS, *SIM], ids=module_name)
def test_functions_can_be_read_on_one_screen(path: Path) -> None:
    long = {node.name: node.end_lineno - node.lineno + 1 for node in functions(path) if node.end_lineno}
    assert not {name: lines for name, lines in long.items() if lines > 60}


@pytest.mark.parametrize("path", AGENTS, ids=lambda path: path.stem)
def test_no_name_of_the_data_stands_in_the_rules(path: Path) -> None:
    """Text has no lab, chip, vendor, government, bloc or region by name, identifiers no lab, chip or vendor."""
    tables, tree = load_tables(), tree_of(path)
    makers = {*tables.labs.text("lab"), *tables.chips.text("chip"), *tables.chips.text("vendor")}
    places = {*tables.governments.text("government"), *tables.blocs.text("bloc"), *tables.communities.text("region")}
    names = makers | places
    for text in code_strings(tree):
        assert not set(re.findall(r"[A-Za-z0-9]+", text)) & names, text
    lower = {name.lower() for name in makers}
    for name in identifiers(tree):
        assert name.lower() not in lower, name
        assert not set(name.lower().split("_")) & lower, name


def _is_time(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node).split(".")[-1] in (
        "month", "months", "date", "year", "t", "now_month",
    )  # fmt: skip


@pytest.mark.parametrize("path", AGENTS, ids=lambda path: path.stem)
def test_no_date_stands_in_the_rules(path: Path) -> None:
    """No date as text, no year as a number, no comparison of the month with a number but the first month."""
    tree = tree_of(path)
    assert not [text for text in code_strings(tree) if re.search(r"\b(19|20)\d\d\b", text)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
            assert not 1990 <= node.value <= 2100, f"{path.name}:{node.lineno} looks like a year"
        if isinstance(node, ast.Compare):
            sides: list[ast.expr] = [node.left, *node.comparators]
            if any(_is_time(side) for side in sides):
                numbers = [side.value for side in sides if isinstance(side, ast.Constant)]
                assert all(number == 0 for number in numbers), f"{path.name}:{node.lineno}: {ast.unparse(node)}"


def test_the_readers_of_source_see_what_they_are_for() -> None:
    """A rule with a name, a date and a matrix product in it would be found; documentation is not code."""
    code = 'def f(month, a):\n    """The lab OpenAI in 2024."""\n    return month == 25 or "DeepSeek" or a @ a'
    tree = ast.parse(code)
    assert set(code_strings(tree)) == {"DeepSeek"}
    (compare,) = (node for node in ast.walk(tree) if isinstance(node, ast.Compare))
    assert _is_time(compare.left)
    assert any(isinstance(node, ast.MatMult) for node in ast.walk(tree))
