"""Every uncertain number has a page, made from the data, with a source, a grade, a range and what would change it."""

import csv
import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import sim.data
import sim.parameter_facts
import sim.parameter_pages
import sim.posterior
from sim.cli import app
from sim.data import GRADES, load_tables
from sim.errors import InputError
from sim.operators import OPERATORS
from sim.parameter_facts import (
    LEVELS,
    Number,
    Spread,
    learning,
    load_evidence,
    numbers,
    posterior_spread,
    prior_spread,
    readers,
    scenario_settings,
    sections,
)
from sim.parameter_pages import (
    FOLDER,
    Page,
    all_pages,
    anchor,
    documents,
    learnt_words,
    main,
    page_of,
    terminal_page,
)
from sim.places import data_folder
from sim.posterior import Posterior
from tests.source_code import ROOT

NARROWED, UNMOVED, SHIFTED = "chip_market.diverted_share", "research.slack", "demand.data_residency"
LAB = "labs.DeepSeek.lab_effect"


def call(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def faults(number: Number, files: Mapping[str, str]) -> list[str]:
    """What a number lacks: a page, a source, a grade, a range around its value, what would change it."""
    text = files.get(f"{number.group}.md", "")
    low, _, high = prior_spread(number.prior, number.in_logs).levels
    ends = number.prior.numbers if number.prior.kind in ("uniform", "loguniform") else (low, high)
    wide = number.prior.is_fixed or number.name.startswith("labs.") or ends[0] <= number.value <= ends[-1]
    found = {
        "page": f"\n## {number.name}\n" in text,
        "source": len(number.source) > 4,
        "grade": number.grade in GRADES,
        "range": wide and number.bounds[0] <= number.value <= number.bounds[1],
        "changed_by": len(number.changed_by) > 40 and number.changed_by.endswith("."),
    }
    return [what for what, fine in found.items() if not fine]


@pytest.fixture(scope="module")
def catalogue() -> dict[str, Number]:
    return numbers()


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    """The files of docs/parameters as they lie there."""
    return {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the data that a test may change, read in place of the packaged one; without fits."""
    copy = Path(shutil.copytree(data_folder(), tmp_path / "data"))
    for file in (copy / "posterior").glob("*"):
        if file.name != "priors.csv":
            file.unlink()
    (copy / "posterior").mkdir(exist_ok=True)
    for module in (sim.data, sim.parameter_facts, sim.posterior):
        monkeypatch.setattr(module, "data_folder", lambda: copy)
    return copy


def edit(folder: Path, change: Callable[[list[dict[str, str]]], None]) -> None:
    """Change the rows of parameters.csv."""
    with (folder / "parameters.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    change(rows)
    with (folder / "parameters.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def invented(**cells: str) -> Callable[[list[dict[str, str]]], None]:
    return lambda rows: rows.append(rows[0] | {"name": "chip_market.invented"} | cells)


def fit(folder: Path) -> Posterior:
    """Write an invented fit with influence: one number narrowed, one untouched, one moved only, and a lab's effect."""
    draws = 400
    levels = (np.arange(draws) + 0.5) / draws
    prior = {name: numbers()[name].prior.quantile(levels) for name in (NARROWED, UNMOVED, SHIFTED, LAB)}
    narrow = 0.06 + 0.005 * (levels - 0.5)
    columns = {NARROWED: narrow, UNMOVED: prior[UNMOVED], SHIFTED: prior[SHIFTED] + 0.5, LAB: 0.3 * prior[LAB] + 0.8}
    lines = [",".join(["draw", "weight", *columns])]
    lines += [",".join(str(value) for value in (k, 1.0, *(c[k] for c in columns.values()))) for k in range(draws)]
    (folder / "posterior" / "2025-12.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = [f"{NARROWED},leakage_rate,0.61", f"{NARROWED},cn_compute_share,0.2", f"{UNMOVED},frontier_eci,0.001",
            f"{LAB},cn_us_lag_months,0.4"]  # fmt: skip
    (folder / "posterior" / "influence.csv").write_text(
        "\n".join(["name,output,share", *rows]) + "\n", encoding="utf-8"
    )
    found = load_evidence().posterior
    assert found is not None
    return found


# Every number has what it needs


def test_every_number_has_all_that_a_page_needs(catalogue: dict[str, Number], written: dict[str, str]) -> None:
    assert set(load_tables().parameters.text("name")) <= catalogue.keys()
    lacking = {name: found for name, number in catalogue.items() if (found := faults(number, written))}
    assert not lacking


def test_an_invented_row_without_its_parts_is_found(catalogue: dict[str, Number], written: dict[str, str]) -> None:
    """The check above can fail, one part at a time."""
    model = catalogue[NARROWED]
    assert faults(model, written) == []
    for change, lacking in (
        ({"name": "chip_market.invented"}, "page"), ({"source": ""}, "source"), ({"grade": "guess"}, "grade"),
        ({"value": 0.25}, "range"), ({"changed_by": "More data."}, "changed_by"),
    ):  # fmt: skip
        assert faults(Number(**(vars(model) | change)), written) == [lacking]


@pytest.mark.parametrize("cells", [{"changed_by": ""}, {"source": ""}, {"grade": "guess"}, {"central": "0.9"}])
def test_a_row_that_lacks_a_part_is_refused(folder: Path, cells: dict[str, str]) -> None:
    edit(folder, invented(**cells))
    with pytest.raises(InputError):
        numbers()
    assert main(["--check"]) == 2


def test_what_would_change_a_number_is_said_for_each_by_itself(catalogue: dict[str, Number]) -> None:
    """No sentence stands for two parameters, and none says no more than that data are wanted."""
    texts = [catalogue[name].changed_by for name in load_tables().parameters.text("name")]
    assert len(set(texts)) == len(texts)
    assert not [text for text in texts if len(text.split()) < 12 or "—" in text]


# The pages


def test_the_pages_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_a_new_row_or_another_value_leaves_the_pages_out_of_date(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sim.parameter_pages, "FOLDER", tmp_path / "pages")
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0
    edit(folder, invented())
    capsys.readouterr()
    assert main(["--check"]) == 1
    assert [line.split()[0] for line in capsys.readouterr().err.splitlines()] == [
        "docs/parameters/README.md", "docs/parameters/chip_market.md",
    ]  # fmt: skip
    assert main([]) == 0
    (tmp_path / "pages" / "old.md").write_text("left over", encoding="utf-8")
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert not (tmp_path / "pages" / "old.md").exists()


def test_every_link_of_the_pages_leads_somewhere(written: dict[str, str]) -> None:
    titles = {f"docs/parameters/{name}": text for name, text in written.items()}
    titles["docs/model.md"] = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
    known = {file: {anchor(title) for title in re.findall(r"^#+ (.+)$", text, re.M)} for file, text in titles.items()}
    links = {link for text in written.values() for link in re.findall(r"\]\(([^)]+\.md(?:#[^)]*)?)\)", text)}
    assert len(links) > 100
    for link in links:
        file, _, place = link.partition("#")
        target = "docs/model.md" if file.startswith("../") else f"docs/parameters/{file}"
        assert target in known, link
        assert not place or place in known[target], link


# What is known of a number


def test_priors_are_those_of_the_worlds(catalogue: dict[str, Number]) -> None:
    """Levels and spread without SciPy are those of the distribution that runs draw from."""
    grid = (np.arange(20_000) + 0.5) / 20_000
    for number in catalogue.values():
        found = prior_spread(number.prior, number.in_logs)
        assert found.levels == pytest.approx(number.prior.quantile(np.array(LEVELS)), rel=1e-9, abs=1e-12), number.name
        if number.prior.is_fixed:
            assert found.sd == 0.0
            continue
        values = number.prior.quantile(grid)
        assert found.sd == pytest.approx(np.std(np.log(values) if number.in_logs else values), rel=0.01, abs=1e-12)


def test_weights_count_as_draws_do() -> None:
    weighted = Posterior("2025-12", "", (0.1, 0.2, 0.7), {"a": (3.0, 1.0, 2.0)}, {})
    repeated = Posterior("2025-12", "", (0.1,) * 10, {"a": (3.0, 1.0, 1.0, *(2.0,) * 7)}, {})
    first, second = (posterior_spread(one, "a", False) for one in (weighted, repeated))
    assert first.sd == pytest.approx(second.sd)
    assert first.sd == pytest.approx(np.std([3.0, 1.0, 1.0, *[2.0] * 7]))
    assert first.levels[0] == 1.0
    assert 1.0 < first.levels[1] <= 2.0 < first.levels[2] <= 3.0


def test_contraction_and_move_are_told_on_the_scale_of_the_prior() -> None:
    before, after = Spread((1.0, 2.0, 3.0), 0.5), Spread((2.0, 2.5, 3.0), 0.2)
    assert learning(before, after, False) == pytest.approx((0.6, 1.0))
    assert learning(before, after, True)[1] == pytest.approx(np.log(2.5 / 2.0) / 0.5)


@pytest.mark.parametrize(
    ("contraction", "move", "words"),
    [(0.09, 0.4, "the data say nothing:"), (-0.2, 0.0, "the data say nothing:"), (0.5, 0.0, "the data narrow it:"),
     (0.0, -0.8, "the data move it and do not narrow it:")],
)  # fmt: skip
def test_words_for_what_was_learnt(contraction: float, move: float, words: str) -> None:
    assert learnt_words(contraction, move).startswith(words)


def test_a_fit_and_its_influence_come_on_the_pages(folder: Path) -> None:
    posterior = fit(folder)
    evidence = load_evidence()
    pages = {page.number.name: page for page in all_pages(evidence, numbers())}
    assert set(posterior.values) <= {
        name for name, page in pages.items() if "fitted to 2025-12" in page.entry["posterior"]
    }
    assert pages[NARROWED].entry["learnt"].startswith("the data narrow it")
    assert pages[UNMOVED].entry["learnt"].startswith("the data say nothing")
    assert pages[SHIFTED].entry["learnt"].startswith("the data move it and do not narrow it")
    assert "contraction 70%" in pages[LAB].entry["learnt"]
    assert pages[NARROWED].entry["moves most"].startswith("leakage_rate 61%, cn_compute_share 20%")
    assert pages[UNMOVED].entry["moves most"] == "no output by 1% or more"
    assert pages["gov.target_gap"].entry["posterior"] == "not in the fit to 2025-12: the prior stands"
    files = documents(evidence, list(pages.values()))
    rows = [line for line in files["README.md"].splitlines() if line.startswith("| [")]
    assert [row.split("]")[0] for row in rows[:2]] == [f"| [{NARROWED}", f"| [{LAB}"]
    assert "| 70% |" in rows[1]


def test_a_number_that_only_a_fit_knows_is_refused(folder: Path) -> None:
    (folder / "posterior" / "priors.csv").write_text(
        "name,low,central,high,source,grade\nlabs.DeepSeek.luck,-1,0,1,nobody,judgement\n", encoding="utf-8"
    )
    with pytest.raises(InputError, match=r"labs\.DeepSeek\.luck"):
        numbers()


def test_broken_influence_is_bad_input(folder: Path) -> None:
    (folder / "posterior" / "influence.csv").write_text("name,output\na,b\n", encoding="utf-8")
    assert main(["--check"]) == 2


def test_everything_that_the_shipped_fit_draws_has_its_posterior(
    catalogue: dict[str, Number], written: dict[str, str]
) -> None:
    posterior = load_evidence().posterior
    drawn = posterior.values if posterior else {}
    for name in drawn:
        text = written[f"{catalogue[name].group}.md"].partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert re.search(r"\| posterior \| .*, fitted to \d{4}-\d\d \|", text), name
    none = [name for name in catalogue if "no fit is shipped yet" in written[f"{catalogue[name].group}.md"]]
    assert bool(none) == (posterior is None)


# Where a number acts


def test_every_number_is_read_by_functions_that_are_there(catalogue: dict[str, Number]) -> None:
    for name in catalogue:
        found = readers(name)
        assert found, name
        for file, functions in found.items():
            text = (ROOT / file).read_text(encoding="utf-8")
            for function in functions:
                assert re.search(rf"(def |^){re.escape(function.rpartition('.')[2])}\b", text, re.M), (name, function)


@pytest.mark.parametrize(
    ("name", "file", "function", "section"),
    [(NARROWED, "agents/chip_market.py", "clear_chip_market", "4 "),
     ("demand.openness.startup_dev", "agents/community.py", "lab_terms", "14 "),
     (LAB, "sim/setup.py", "_lab_world", "11 ")],
)  # fmt: skip
def test_the_scan_finds_code_and_specification(name: str, file: str, function: str, section: str) -> None:
    assert function in readers(name)[file]
    assert any(title.startswith(section) for title in sections(name))


def test_a_name_that_nothing_reads_has_no_reader() -> None:
    assert readers("chip_market.never_heard_of") == {}
    assert sections("chip_market.never_heard_of") == []


def test_scenarios_that_set_a_number_are_named() -> None:
    found = scenario_settings([NARROWED, "chip_market.no_control_share", "research.slack"])
    assert found[NARROWED] == {"leaky": 0.12, "perfect_enforcement": 0}
    assert found["chip_market.no_control_share"] == {"no_control_share_low": 0.13}
    assert found["research.slack"] == {}


# Explain


def test_explain_prints_the_page(catalogue: dict[str, Number]) -> None:
    evidence = load_evidence()
    settings = scenario_settings([NARROWED])[NARROWED]
    expected: Page = page_of(catalogue[NARROWED], evidence, settings)
    assert call("explain", "diverted_share") == terminal_page(expected, "parameter") + "\n"
    page = json.loads(call("explain", NARROWED, "--json"))["page"]
    assert page == dict(expected.entries)
    assert {
        "value",
        "prior",
        "posterior",
        "source",
        "grade",
        "acts in",
        "moves most",
        "set by",
        "changed by",
    } <= page.keys()


@pytest.mark.parametrize("name", [LAB, "labs.Meta.brand_developer", "reasoning_method.gain_eci"])
def test_explain_knows_what_only_a_calibration_draws(name: str) -> None:
    text = call("explain", name)
    assert "(fitted number)" in text.splitlines()[0] + text.splitlines()[1]
    assert "changed by" in text


def test_explain_tells_what_an_operator_measures() -> None:
    text = " ".join(call("explain", "web_deepseek_share").split())
    operator = OPERATORS["web_deepseek_share"]
    for words in (operator.market, operator.coverage, operator.unit, operator.grade, "90% band"):
        assert words in text
    both = call("explain", "leakage_rate")
    assert both.startswith("leakage_rate (measure and operator)")
    assert "C6" in both


def test_explain_tells_every_part_of_a_fact() -> None:
    rows = [row for row in load_tables().targets.rows if row["fact"] == "M1"]
    text = " ".join(call("explain", "M1").split())
    assert text.startswith("M1 (target)")
    for row in rows:
        assert f"M1 {row['part']} [{row['date']}]" in text
        assert str(row["role"]) in text
