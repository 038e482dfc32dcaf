"""The documentation as a whole: it builds without a warning or a network, is current, and its examples run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from sim.cli import app
from sim.data import SCHEMAS
from sim.errors import InputError
from sim.manual import pages as made
from sim.manual.tables import MEANINGS, ROWS, SHARED
from sim.results import TABLES
from sim.scenario import load_scenario
from tests.documented import BLOCK, COMMANDS, DOCS, Block, blocks, outputs, pages, rewrite, run_page, same
from tests.source_code import ROOT, tree_of

ELSEWHERE = {"attacks.md", "discovery.md", "experiments.md"}
"""Pages whose commands run in test_evidence_docs, test_discovery_docs and test_documented_commands."""
PAGES = pages()
HERE = [page for page in PAGES if page.name not in ELSEWHERE]
RUN = [page for page in HERE if any(block.is_run for block in blocks(page))]
LANGUAGES = {*COMMANDS, "python", "yaml", "text", "diff"}
NOT_RUN = {
    "CONTRIBUTING.md": 1, "docs/backcast.md": 1, "docs/calibration.md": 1, "docs/how_to/cluster.md": 2,
    "docs/how_to/use_the_desk.md": 1, "docs/memo.md": 1, "docs/scenarios.md": 1, "docs/sensitivity.md": 1,
    "docs/targets.md": 1, "docs/tutorials/first_run.md": 1,
}  # fmt: skip
"""Blocks of commands or Python that nobody runs, by page; each has its reason above it."""
TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|audio|video|embed)\b[^>]*\bsrc\s*=\s*["']?(?:https?:)?//"""
    r"""|<link\b[^>]*\bhref\s*=\s*["']?(?:https?:)?//|url\(\s*["']?(?:https?:)?//|@import\s+["'](?:https?:)?//""",
    re.IGNORECASE,
)
"""What a browser would fetch from another host: scripts, pictures, styles and fonts; links to click are no matter."""


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def every_block() -> list[Block]:
    return [block for page in PAGES for block in blocks(page)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation as HTML. Warnings are errors."""
    place = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-b", "html", str(DOCS), str(place)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return place


@pytest.mark.slow
def test_it_builds_without_a_warning_and_every_page_is_there(site: Path) -> None:
    for page in DOCS.rglob("*.md"):
        if "_build" not in page.parts:
            assert (site / page.relative_to(DOCS).with_suffix(".html")).is_file(), page


@pytest.mark.slow
def test_a_browser_fetches_nothing_from_another_host(site: Path) -> None:
    files = [path for path in site.rglob("*") if path.suffix in (".html", ".css", ".js")]
    assert len(files) > 50
    found = {path.name: FETCHED.findall(path.read_text(encoding="utf-8")) for path in files if path.suffix != ".js"}
    assert not {name: calls for name, calls in found.items() if calls}
    assert not [path.name for path in files if path.suffix == ".js" and "cdn." in path.read_text(encoding="utf-8")]


def test_the_search_for_what_is_fetched_finds_it() -> None:
    for text in ('<script src="https://a.org/x.js">', "<link rel=stylesheet href=//a.org/x.css>", "url('https://a/f')"):
        assert FETCHED.search(text)
    assert not FETCHED.search('<a href="https://a.org">a page</a><script src="_static/x.js">')


@pytest.mark.slow
def test_formulas_are_drawn_without_a_script(site: Path) -> None:
    text = (site / "ODD.html").read_text(encoding="utf-8")
    assert text.count("<math") > 50
    assert "MathJax" not in text


def test_pages_made_from_the_code_are_current() -> None:
    stale = made.out_of_date(made.FOLDER, made.documents())
    assert not stale, "run python -m sim.manual"


def test_a_stale_page_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(made, "FOLDER", tmp_path)
    assert made.main(["--check"]) == 1
    assert "measures.md is out of date" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert made.main([]) == 0
    assert made.main(["--check"]) == 0


def test_every_column_of_the_data_has_a_meaning_and_every_meaning_a_column() -> None:
    assert ROWS.keys() == MEANINGS.keys() == SCHEMAS.keys()
    for name, schema in SCHEMAS.items():
        assert MEANINGS[name].keys() <= schema.columns.keys(), name
        assert not schema.columns.keys() - MEANINGS[name].keys() - SHARED.keys(), name


def test_every_command_is_in_the_reference() -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    text = (made.FOLDER / "command_line.md").read_text(encoding="utf-8")
    for name, command in group.commands.items():
        assert f"\n## darkhorse {name}\n" in text
        section = text.split(f"\n## darkhorse {name}\n")[1].split("\n## ")[0]
        assert not [option for one in command.params for option in one.opts
                    if option.startswith("-") and option not in section and option != "--help"]  # fmt: skip


def test_every_block_has_a_language_that_somebody_checks() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        fences = re.findall(r"^```(.*)$", text, re.MULTILINE)
        assert len(fences) % 2 == 0, named(page)
        directives = sum(fence.startswith("{") for fence in fences)
        assert len(blocks(page)) == len(fences) // 2 - directives, f"{named(page)}: a fence that is not read"
    unknown = [
        f"{block.where}: {block.language or 'none'}" for block in every_block() if block.language not in LANGUAGES
    ]
    assert not unknown


def test_blocks_that_nobody_runs_are_counted_and_have_a_reason() -> None:
    left_out: dict[str, int] = {}
    for block in every_block():
        if "not run" in block.comment:
            assert len(block.reason.split()) >= 3, block.where
            left_out[named(block.page)] = left_out.get(named(block.page), 0) + 1
    assert left_out == NOT_RUN


def test_comments_above_blocks_are_understood() -> None:
    known = ("not run: ", "file: ", "fails: ", "output", "runs in: ", "written by ")
    for block in every_block():
        assert not block.comment or block.comment.startswith(known), block.where
    for page in HERE:
        assert all(before.is_run for before, _ in outputs(page))


def darkhorse_lines() -> list[tuple[str, str]]:
    """Every line that calls darkhorse in a block that nobody runs, with its place."""
    return [(block.where, line.split(" #")[0].strip()) for block in every_block() if block.reason
            for line in block.text.splitlines() if line.startswith("darkhorse ")]  # fmt: skip


@pytest.mark.parametrize(("where", "line"), darkhorse_lines())
def test_lines_that_nobody_runs_are_accepted(where: str, line: str) -> None:
    """The command exists and takes these options; FILE, DIR and ... stand for what a reader puts there."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    words = [word for word in shlex.split(line)[1:] if word != "..."]
    words = [word.replace("${SLURM_ARRAY_TASK_ID}", "1") for word in words]
    if "--vary" in words:
        words[words.index("--vary") : words.index("--vary") + 1] = ["--vary", "strictness=0,1"]
    group.commands[words[0]].make_context(words[0], words[1:])


@pytest.mark.parametrize("block", [block for block in every_block() if block.language == "yaml"], ids=lambda b: b.where)
def test_scenarios_in_the_text_are_scenarios(block: Block, tmp_path: Path) -> None:
    """A whole file is checked as it stands, a part of one as a part of a scenario."""
    if block.comment.endswith("(only in the clone)"):
        return
    for other in blocks(block.page):
        if other.language == "yaml" and other.file:
            (tmp_path / other.file).write_text(other.text, encoding="utf-8")
    whole = "schema:" in block.text
    head = "" if whole else "schema: 1\nname: part\nextends: history_hold\n"
    file = tmp_path / "scenario.yaml"
    file.write_text(head + block.text, encoding="utf-8")
    if block.comment.endswith("(wrong on purpose)"):
        with pytest.raises(InputError):
            load_scenario(file)
    else:
        load_scenario(file)


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=named)
def test_blocks_run_and_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    done = run_page(page, tmp_path)
    for block, _, wrong in done:
        assert not wrong, f"{block.where}\n{block.text}\n{wrong}"
    wanted = [block for block in blocks(page) if block.is_run or block.file]
    assert len(done) == len(wanted)
    printed = {block.line: text for block, text, _ in done}
    for before, after in outputs(page):
        shown = printed[before.line]
        assert same(after.text, shown), (
            f"{after.where} is out of date: python -m tests.documented {named(page)}\n{shown}"
        )


def test_what_is_printed_is_compared_with_what_is_shown() -> None:
    assert same("a\n...\nb outputs/x-0123456789\n", "a\nmore\nb outputs/x-abcdef0123\n")
    assert same("  1 row  \n", "  1 row\n\n")
    assert not same("1 row\n", "2 rows\n")
    assert not same("...\nthe end\n", "the end of it\n")


def test_new_output_takes_the_place_of_the_old(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```bash\necho 2\n```\n<!-- output -->\n```text\n1\n```\n", encoding="utf-8")
    (block,) = [found for found in blocks(page) if found.is_run]
    assert rewrite(page, {block.line: "2\n"}) == 1
    assert page.read_text(encoding="utf-8").endswith("```text\n2\n```\n")
    assert rewrite(page, {block.line: "2\n"}) == 0


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_says_what_it_teaches_and_what_its_result_does_not_say(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    opening = text.split("\n## ")[0]
    assert "**You will learn**" in opening
    assert "**It takes**" in opening
    closing = text.split("\n## ")[-1]
    assert closing.startswith("What it says, and what not\n")
    assert "**Next:**" in closing


def test_tests_and_files_that_pages_name_exist() -> None:
    tests = {node.name for path in (ROOT / "tests").rglob("test_*.py") for node in tree_of(path).body
             if hasattr(node, "name")}  # fmt: skip
    known = tests | {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    missing = []
    for page in PAGES:
        saved = {block.file for block in blocks(page)}
        for span in re.findall(r"`([^`\n]+)`", BLOCK.sub("", page.read_text(encoding="utf-8"))):
            file, _, name = span.partition("::")
            is_file = re.fullmatch(r"(tests|agents|sim|scenarios|docs|benchmarks)/[\w/-]+\.\w+", file)
            if is_file and not (ROOT / file).is_file() and file not in saved:
                missing.append(f"{named(page)}: {span}")
            if re.fullmatch(r"test_\w+", name or span) and (name or span) not in known:
                missing.append(f"{named(page)}: {span}")
    assert not missing


def test_the_page_on_folders_names_the_tables_of_a_run() -> None:
    text = (made.FOLDER / "result_folders.md").read_text(encoding="utf-8")
    assert not [name for name in TABLES if f"`{name}`" not in text]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_text_is_plain(page: Path) -> None:
    assert "\u2014" not in page.read_text(encoding="utf-8")
