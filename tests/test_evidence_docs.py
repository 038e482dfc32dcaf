"""The pages on evidence (ODD, TRACE, what is left out, attacks): what they point to exists, and nothing is missing."""

import ast
import dataclasses
import importlib
import re
import shlex
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from sim.cli import app
from sim.commands.sweeps import SweepWish
from sim.data import SCHEMAS, load_tables
from sim.experiments.experiment import plan_experiment
from sim.measures import CATALOGUE
from sim.scenario import load_scenario
from sim.scenario_schema import Channels, ModelBlock
from tests.source_code import AGENTS, ROOT, module_name, tree_of

DOCS = ROOT / "docs"
NAMES = ("ODD.md", "TRACE.md", "left_out.md", "attacks.md")
PAGES = {name: (DOCS / name).read_text(encoding="utf-8") for name in NAMES}
ODD, ATTACKS = PAGES["ODD.md"], PAGES["attacks.md"]
SPECIFICATION = (DOCS / "model.md").read_text(encoding="utf-8")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
COMMANDS = [line for block in BLOCK.findall(ATTACKS) for line in block.splitlines()]
QUESTIONS = {
    "I.i": "ab", "I.ii": "abcde", "I.iii": "a", "II.i": "abcde", "II.ii": "abcdefgh", "II.iii": "ab", "II.iv": "abcde",
    "II.v": "abc", "II.vi": "abcd", "II.vii": "ab", "II.viii": "ab", "II.ix": "a", "II.x": "ab", "III.i": "ab",
    "III.ii": "abc", "III.iii": "a", "III.iv": "abc",
}  # fmt: skip
"""Sections and questions of ODD+D (Mueller et al. 2013, table 1)."""
CALLS = 17


def slug(heading: str) -> str:
    """The anchor of a heading as GitHub and MyST make it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """Every anchor of a page; lines inside blocks of code are no headings."""
    return {slug(heading) for heading in HEADING.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL))}


def spans(text: str) -> list[str]:
    """Text in backticks outside blocks of code."""
    return CODE.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def defined(path: Path) -> set[str]:
    """Names that a file defines at its top level, and methods."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
    for node in tree_of(path).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def state_fields() -> list[tuple[str, str, str]]:
    """Class, field and unit of every annotated state variable of the rules."""
    found = []
    for path in AGENTS:
        module = importlib.import_module(module_name(path))
        for name, kind in vars(module).items():
            if not (isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__):
                continue
            hints = get_type_hints(kind, include_extras=True)
            annotated = {field: hint for field, hint in hints.items() if get_origin(hint) is Annotated}
            found += [(name, field, str(get_args(hint)[1])) for field, hint in annotated.items()]
    return found


def page_names(text: str, groups: set[str]) -> set[str]:
    """Dotted names in backticks whose first word is a group of parameters."""
    dotted = {span for span in spans(text) if re.fullmatch(r"[a-z_]+(\.[A-Za-z_]+)+", span)}
    return {span for span in dotted if span.split(".")[0] in groups and not span.endswith(".csv")}


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    broken = []
    for target in LINK.findall(PAGES[name]):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        path = DOCS / (file or name)
        if not path.is_file() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("name", NAMES)
def test_files_tests_and_functions_that_are_named_exist(name: str) -> None:
    missing = []
    for span in spans(PAGES[name]):
        file, _, symbol = span.partition("::")
        if not re.fullmatch(r"(tests|agents|sim|scenarios|docs|benchmarks)/[\w./-]*", file):
            continue
        path = ROOT / file
        if not path.exists() or (symbol and symbol not in defined(path)):
            missing.append(span)
    assert not missing


@pytest.mark.parametrize("name", NAMES)
def test_parameters_that_are_named_exist(name: str) -> None:
    """A name without its segment stands for the rows of all segments."""
    rows = load_tables().parameters.text("name")
    known = {*rows, *(row.rpartition(".")[0] for row in rows)}
    unknown = page_names(PAGES[name], {row.split(".")[0] for row in rows}) - known
    assert not unknown


def test_every_parameter_of_the_specification_is_in_the_odd() -> None:
    rows = load_tables().parameters.text("name")
    groups = {row.split(".")[0] for row in rows} - {"observation"}
    known = {*rows, *(row.rpartition(".")[0] for row in rows)}
    told = {span.split("(")[0] for span in spans(SPECIFICATION)}
    words = {word for span in told for word in re.findall(r"[a-z_]+(?:\.[A-Za-z_]+)+", span)}
    wanted = {word for word in words if word.split(".")[0] in groups and word in known}
    assert len(wanted) > 80
    missing = wanted - page_names(ODD, groups)
    assert not missing


def test_every_state_variable_is_in_the_odd_table_with_its_unit() -> None:
    fields = state_fields()
    assert len(fields) > 50
    assert not [(kind, field) for kind, field, unit in fields if f"| `{field}` | {unit} |" not in ODD]
    assert not {kind for kind, _, _ in fields if f"::{kind}`" not in ODD}


@pytest.mark.parametrize("table", ["labs", "communities", "governments", "blocs", "chips"])
def test_every_fixed_attribute_is_in_the_odd_table_with_its_unit(table: str) -> None:
    rows = [line for line in ODD.splitlines() if line.startswith(f"| `{table}.csv` |")]
    for name, column in SCHEMAS[table].columns.items():
        if column.kind in ("number", "month"):
            unit = column.unit or column.kind
            assert any(f"`{name}`" in row.split("|")[2] and unit in row.split("|")[3] for row in rows), name


def test_every_section_of_the_specification_is_covered() -> None:
    """Each numbered section has a submodel of the same number, which links to it; each call of the month a row."""
    sections = re.findall(r"^## (\d+) (.+)$", SPECIFICATION, re.MULTILINE)
    assert len(sections) >= CALLS
    for number, title in sections:
        assert f"(model.md#{slug(f'{number} {title}')})" in ODD, title
        assert re.search(rf"^### 7\.{number} ", ODD, re.MULTILINE), title
    rows = re.findall(r"^\| (\d+) \w+ \|", ODD, re.MULTILINE)
    assert rows == [str(number) for number in range(1, CALLS + 1)]


def test_every_question_of_the_protocol_has_its_place() -> None:
    codes = [f"{section}.{letter}" for section, letters in QUESTIONS.items() for letter in letters]
    assert not [code for code in codes if not re.search(rf"\b{re.escape(code)}\b", ODD)]
    numbers = re.findall(r"^## (\d) ", ODD, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, 8)]


def test_every_switch_is_named() -> None:
    channels = [f"`channels.{name}`" for name in Channels.model_fields]
    forms = [f"| `{name}` |" for name in ModelBlock.model_fields if name != "channels"]
    assert not [name for name in [*channels, *forms] if name not in ODD]
    assert not [name for name in Channels.model_fields if not re.search(rf"\b{name}\b", ATTACKS)]


def test_every_attack_has_its_four_parts() -> None:
    sections = re.split(r"^### ", ATTACKS, flags=re.MULTILINE)[1:]
    titles = [section.split()[0] for section in sections]
    assert titles[:21] == [*(f"R{n}" for n in range(1, 6)), *(f"A{n}" for n in range(1, 17))]
    for section in sections:
        for part in ("attack", "model", "look", "remains"):
            assert re.search(rf"\*\*[^*]*{part}", section, re.IGNORECASE), (section.splitlines()[0], part)


def test_all_elements_of_trace_are_there() -> None:
    for number in range(1, 9):
        section = re.split(rf"^## {number} ", PAGES["TRACE.md"], flags=re.MULTILINE)[1].split("\n## ")[0]
        for part in ("What was done.", "Where to look.", "What is weak."):
            assert f"**{part}**" in section, (number, part)


@pytest.mark.parametrize("name", NAMES)
def test_the_text_is_plain(name: str) -> None:
    assert "\u2014" not in PAGES[name]
    assert PAGES[name].count("```") % 2 == 0
    assert PAGES[name].count("$$") % 2 == 0


@pytest.mark.parametrize("name", NAMES)
def test_commands_in_the_text_are_commands(name: str) -> None:
    known = set(_group().commands)
    said = [span.split() for span in spans(PAGES[name]) if span.startswith("darkhorse ")]
    unknown = {words[1] for words in said} - known
    assert not unknown


def _group() -> TyperGroup:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    return group


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_are_accepted(line: str) -> None:
    """Options, scenarios, paths, values and outcomes of every command line on attacks are good; nothing is computed."""
    program, name, *words = shlex.split(line)
    assert program == "darkhorse"
    command = _group().commands[name]
    asked: dict[str, Any] = command.make_context(name, words).params
    sets = tuple(asked.get("sets") or ())
    if name == "sweep":
        vary, policies, baseline = (tuple(asked[option] or ()) for option in ("vary", "policy", "baseline"))
        block = {key: asked[key] for key in ("method", "points", "draws", "draw_method", "seeds")}
        wish = SweepWish(
            sets, asked["seed"], vary, policies, baseline, block, asked["outcomes"], asked["series"], asked["at"]
        )
        experiment = plan_experiment(asked["file"], wish.all_sets, wish.changes(), CATALOGUE)
        assert experiment.runs > 0
    else:
        files = [asked["file"]] if "file" in asked else [asked["base"], *asked["alternatives"]]
        for file in files:
            load_scenario(file, sets)
