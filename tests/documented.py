"""The blocks of code in the documentation, run as a reader would run them, one page after the other in a folder.

Blocks of `bash` and `console` are commands, of `python` code in one namespace for the page, of `yaml` scenarios. A
comment in the line above a block says what is special about it:

    <!-- not run: REASON -->   nobody runs it here; `darkhorse` lines of it are still checked word by word
    <!-- file: NAME -->        it is saved under this name, as the text asks the reader to do; a word in brackets
                               after the name says that it is wrong on purpose
    <!-- fails: CODE -->       it ends with this exit code; its output is what it says on both streams
    <!-- output -->            it is what the block before printed: `...` stands for anything, hashes may differ

`python -m tests.documented PAGE...` runs pages and writes what the blocks print now into the blocks of output.
"""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^(?:<!-- ([^\n]*?) -->\n\n?)?```([a-z{}]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = ("bash", "console")
HASH = re.compile(r"\b[0-9a-f]{10}\b|\b[0-9a-f]{40,64}\b")
OUTPUT = "<!-- output -->"
IN_A_TREE = "<!-- runs in: a clone -->"
"""A page with this line starts in a clone of the project, others in an empty folder with the experiments."""
TREE = ("agents", "sim", "scenarios", "docs", "tests", "pyproject.toml", "README.md", "CHANGELOG.md", "CITATION.cff",
        "LICENSE", "Makefile", "CONTRIBUTING.md", ".gitignore")  # fmt: skip
DRIVER = """
import contextlib, io, json, os, subprocess, sys, traceback

space = {"__name__": "__main__"}

def run_python(name, text):
    shown, wrong = io.StringIO(), ""
    with contextlib.redirect_stdout(shown):
        try:
            exec(compile(text, name, "exec"), space)
        except BaseException:
            wrong = traceback.format_exc()
    return shown.getvalue(), wrong

def run_commands(text, code):
    whole = text if code else text + "\\npwd > " + sys.argv[2]
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", whole], capture_output=True, text=True)
    both = done.stdout + done.stderr
    if done.returncode != code:
        return both, "exit code " + str(done.returncode) + "\\n" + both
    if code:
        return both, ""
    os.chdir(open(sys.argv[2]).read().strip())
    return done.stdout, ""

for kind, name, text, code in json.load(open(sys.argv[1])):
    if kind == "file":
        open(name, "w").write(text)
        printed, wrong = "", ""
    else:
        printed, wrong = run_python(name, text) if kind == "python" else run_commands(text, code)
    print(json.dumps([name, printed, wrong]), flush=True)
    if wrong:
        break
"""


@dataclass(frozen=True)
class Block:
    """One block: its page, line, language, text, and what the comment above it says."""

    page: Path
    line: int
    language: str
    text: str
    comment: str

    @property
    def where(self) -> str:
        """Page and line."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def reason(self) -> str:
        """Why nobody runs it, or nothing."""
        return self.comment.partition("not run: ")[2]

    @property
    def file(self) -> str:
        """The name that it is saved under, or nothing."""
        return self.comment.partition("file: ")[2].split(" ")[0]

    @property
    def code(self) -> int:
        """The exit code that it ends with."""
        return int(self.comment.partition("fails: ")[2] or 0)

    @property
    def is_output(self) -> bool:
        """Whether it shows what the block before prints."""
        return self.comment == "output"

    @property
    def is_run(self) -> bool:
        """Whether it is a command or Python that is run."""
        return self.language in (*COMMANDS, "python") and not self.reason and not self.file


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in order; directives of Sphinx are none."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found[2], found[3], found[1] or "")
        for found in BLOCK.finditer(text) if not found[2].startswith("{")
    ]  # fmt: skip


def pages() -> list[Path]:
    """Return every page that is written by hand: those of docs, and CONTRIBUTING."""
    made = {DOCS / "parameters", DOCS / "_build"}
    written = [page for page in sorted(DOCS.rglob("*.md")) if not made & {*page.parents}]
    return [*written, ROOT / "CONTRIBUTING.md"]


def run_page(page: Path, folder: Path) -> list[tuple[Block, str, str]]:
    """Run the blocks of a page; return those that were run with what they printed and what went wrong."""
    asked = [block for block in blocks(page) if block.is_run or block.file]
    home = prepare(page, folder)
    orders = [(kind, block.file or block.where, block.text, block.code) for block in asked
              for kind in ["file" if block.file else block.language]]  # fmt: skip
    listed, place = folder / "orders.json", folder / "place.txt"
    listed.write_text(json.dumps(orders), encoding="utf-8")
    words = [sys.executable, "-c", DRIVER, str(listed), str(place)]
    done = subprocess.run(words, cwd=home, env=surroundings(folder), capture_output=True, text=True, check=False)
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert told or not asked, done.stderr
    return [(block, printed, wrong) for block, (_, printed, wrong) in zip(asked, told, strict=False)]


def surroundings(folder: Path) -> dict[str, str]:
    """Return the environment of a reader: darkhorse, python and pytest on the path, no colours, quiet git."""
    places = folder / "bin"
    places.mkdir(exist_ok=True)
    for name, module in (("darkhorse", "-m sim"), ("python", ""), ("pytest", "-m pytest -p no:cacheprovider")):
        script = places / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {module} "$@"\n')
        script.chmod(0o755)
    return {
        **os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{places}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1",
        "COLUMNS": "120", "MPLBACKEND": "Agg", "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_AUTHOR_NAME": "reader", "GIT_AUTHOR_EMAIL": "reader@example.org",
        "GIT_COMMITTER_NAME": "reader", "GIT_COMMITTER_EMAIL": "reader@example.org",
    }  # fmt: skip


def prepare(page: Path, folder: Path) -> Path:
    """Return the folder in which a page is read: `darkhorse`, a clone or an empty place with the experiments."""
    home = folder / "darkhorse"
    home.mkdir()
    if IN_A_TREE not in page.read_text(encoding="utf-8"):
        shutil.copytree(ROOT / "scenarios" / "experiments", home / "scenarios" / "experiments")
        return home
    for name in TREE:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, home / name, ignore=shutil.ignore_patterns("__pycache__", "_build"))
        elif path.is_file():
            shutil.copy(path, home / name)
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "as it is"]):
        subprocess.run(["git", *words], cwd=home, env=surroundings(folder), check=True, capture_output=True)
    return home


def outputs(page: Path) -> Iterator[tuple[Block, Block]]:
    """Yield pairs of a block that is run and the block of output after it."""
    found = blocks(page)
    for before, after in itertools.pairwise(found):
        if after.is_output:
            assert before.is_run, f"{after.where} is the output of nothing"
            yield before, after


def same(expected: str, printed: str) -> bool:
    """Whether a text is what was printed: `...` stands for anything, a hash for any hash."""
    parts = [re.escape(part) for part in HASH.sub("HASH", _tidy(expected)).split("...")]
    return re.fullmatch(".*?".join(parts), HASH.sub("HASH", _tidy(printed)), re.DOTALL) is not None


def _tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip().strip("\n").splitlines())


def rewrite(page: Path, printed: dict[int, str]) -> int:
    """Put what blocks printed, by their lines, into the blocks of output after them; return how many changed."""
    changed = 0
    text = page.read_text(encoding="utf-8")
    for before, after in outputs(page):
        if before.line in printed and (_tidy(after.text) == "..." or not same(after.text, printed[before.line])):
            now = f"{_tidy(printed[before.line])}\n"
            text = text.replace(f"{OUTPUT}\n```text\n{after.text}```", f"{OUTPUT}\n```text\n{now}```", 1)
            changed += 1
    page.write_text(text, encoding="utf-8")
    return changed


def main(names: Sequence[str]) -> int:
    """Run pages and bring their blocks of output up to date."""
    for name in names:
        page = Path(name).resolve()
        with tempfile.TemporaryDirectory() as folder:
            done = run_page(page, Path(folder))
        for block, _, wrong in done:
            if wrong:
                print(f"{block.where}\n{block.text}\n{wrong}", file=sys.stderr)
                return 1
        print(f"{name}: {len(done)} blocks, {rewrite(page, {block.line: text for block, text, _ in done})} outputs new")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
