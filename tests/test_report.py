"""The report as a file: whole, self-contained, escaped, the same each time, about what it was asked to be about."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

import sim.report.build
import sim.report.run_sections
from sim.cli import app
from sim.errors import InputError
from sim.experiments.sweep_results import Sweep
from sim.places import data_folder
from sim.plan import code_digest
from sim.report.build import report, write_report
from sim.report.closing import left_out
from sim.report.evidence import Evidence, is_current
from sim.report.evidence_sections import aside, effect, evidence_section
from sim.report.figures import inside_script, json_inside_script, light
from sim.report.numbers import MINUS
from sim.report.reference import reference, text_of
from sim.results import OutputError
from tests.report_folders import RUNS, comparison_folder, page_of, run_folder
from tests.sweep_folders import STRICT, Planted, Value, write_sweep

RUNNER = CliRunner()
EVIL = "<script>alert(1)</script>"
QUICK = ("run", "deepseek_shock", "--runs", "2", "--set", "end=2023-06", "--set", "outputs.at=[]", "--no-charts", "-q")
DOCS = Path(__file__).resolve().parents[1] / "docs"
LINKING = re.compile(r"""(?:src|href)=["'](https?:|//)""", re.IGNORECASE)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the charts out: they take seconds and have tests of their own."""
    for name in ("trajectories", "chain_figure", "compute_figure"):
        monkeypatch.setattr(sim.report.run_sections, name, lambda *_: None)
    monkeypatch.setattr(sim.report.build, "runtime", lambda: "")


pytestmark = pytest.mark.usefixtures("bare")


def test_a_run_has_every_part_in_order() -> None:
    page = page_of(report([run_folder()]))
    titles = ["messages", "options", "trajectories", "outcomes", "chain", "sensitivity", "discovery", "memo",
              "left-out", "backcast", "calibration", "parameters", "reproduce", "reading"]  # fmt: skip
    assert [name for name in page.ids if name in titles] == titles
    assert "Conditional on the scenario, not a forecast" in " ".join(page.text)
    manifest = json.loads((run_folder() / "manifest.json").read_text())
    facts = " ".join(page.text)
    assert all(text in facts for text in (manifest["title"], manifest["hash"], manifest["created"][:10], str(RUNS)))


FOLDERS: dict[str, Callable[[], Path]] = {
    "run": run_folder,
    "alone": partial(run_folder, "no_chinese_labs"),
    "one": partial(run_folder, "deepseek_shock", "runs=1"),
    "comparison": comparison_folder,
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_pages_are_well_formed(kind: str) -> None:
    folder = FOLDERS[kind]()
    html = report([folder])
    page = page_of(html)
    assert page.wrong == []
    assert page.stack == []
    assert len(page.ids) == len(set(page.ids))
    assert all(known.get("alt") for tag, known in page.tags if tag == "img")
    assert all(known.get("scope") for tag, known in page.tags if tag == "th")
    assert not LINKING.search(html)
    anchors = [known["href"][1:] for tag, known in page.tags if tag == "a" and known["href"].startswith("#")]
    assert set(anchors) <= set(page.ids)
    assert "nan" not in re.findall(r"\b\w+\b", " ".join(page.text).lower())


def test_the_same_folder_gives_the_same_bytes() -> None:
    assert report([run_folder()]) == report([run_folder()])


def test_user_text_is_escaped() -> None:
    folder = run_folder(
        "deepseek_shock", "runs=2", "title=<script>alert(1)</script>", "storyline=</section><b>bold</b>"
    )
    html = report([folder])
    assert EVIL not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "<b>bold</b>" not in html
    assert page_of(html).wrong == []


def test_code_in_a_page_cannot_end_its_element() -> None:
    assert inside_script("a</script>b</SCRIPT>c<!--d/</g") == "a<\\/script>b<\\/SCRIPT>c<\\!--d/</g"
    assert json.loads(json_inside_script('{"a": "</script><!--"}')) == {"a": "</script><!--"}
    assert "<" not in json_inside_script('"</script>"')


def test_a_still_keeps_what_is_seen() -> None:
    seen = '<path d="M1.26,2L3,4" stroke="#111" opacity="0.5"/>'
    unseen = '<path d="M0,0" opacity="0"/><path transform="translate(0,0)" d="M1,1Z" stroke-width="0.3"/>'
    assert light(f'<svg role="img">{seen}{unseen}</svg>') == f"<svg>{seen.replace('1.26', '1.2')}</svg>"


def test_any_arm_can_be_the_baseline() -> None:
    text = " ".join(page_of(report([comparison_folder()], "tight")).text)
    assert "2 options against Tight controls from July 2026" in text
    assert "Baseline: Tight controls from July 2026. Option: The DeepSeek shock" in text
    turned = " ".join(page_of(report([run_folder()], "main")).text)
    assert "Option: Same world without chip controls" in turned


def test_an_arm_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean tight"):
        report([comparison_folder()], "tigt")


def test_all_arms_stand_in_the_table_of_options() -> None:
    rows = page_of(report([comparison_folder()])).tables["options-table"]
    assert len(rows) == 4
    assert "(baseline)" in rows[1][0]


def sweep_of(place: Path) -> Path:
    """A sweep of one lever that lowers every outcome by the lever's value, in units of the outcome's spread."""

    def effect_of(outcome: str, values: Mapping[str, Value], policy: str) -> float:
        return -float(values[STRICT])

    return write_sweep(place / "sweep", Planted({STRICT: (0.0, 0.5, 1.0)}, effect_of, baseline={STRICT: 0.0}))


def test_a_report_on_a_sweep_has_its_effects(tmp_path: Path) -> None:
    folder = sweep_of(tmp_path)
    page = page_of(report([folder]))
    assert page.wrong == []
    assert len(page.ids) == len(set(page.ids))
    assert all(known["alt"] for tag, known in page.tags if tag == "img")
    rows = page.tables["sweep-effects"][1:]
    sweep = Sweep(folder)
    effects = {(row["point"], row["outcome"]): row for row in sweep.effects() if row["at"] == sweep.at[0]}
    mean = float(effects["2", "frontier_capability.CN"]["mean"])
    last = next(row for row in rows if "strictness 1" in row[0] and row[1].startswith("Frontier"))
    assert last[2] == f"{MINUS}{abs(mean):.1f} ECI"


def test_a_sweep_adds_a_section_to_a_run(tmp_path: Path) -> None:
    page = page_of(report([run_folder(), sweep_of(tmp_path)]))
    assert page.ids.index("sweep-1") > page.ids.index("sensitivity")
    assert len(page.ids) == len(set(page.ids))


def test_only_what_can_be_a_subject_comes_first(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="adds nothing to a report on another"):
        report([sweep_of(tmp_path), run_folder()])
    with pytest.raises(InputError, match="has no arms"):
        report([tmp_path / "sweep"], "main")


def test_shipped_studies_say_that_they_are_not_the_readers() -> None:
    text = " ".join(page_of(report([run_folder("tight")])).text)
    assert "It is about the shipped scenario deepseek_shock, not computed from your run." in text
    assert "darkhorse memo tight" in text


def test_another_state_of_the_code_is_said() -> None:
    study = Evidence(
        "memo", "deepseek_shock", "T", ("c",), "h", code_digest("experiments", "analysis", "memo"), "0", {}
    )
    assert is_current(study)
    assert aside("memo", [study], "mine") == ""
    assert "another state of the model" in aside("memo", [replace(study, code="other")], "mine")


def test_the_reference_is_whole() -> None:
    for kind in ("memo", "sensitivity", "discovery", "backcast", "calibration"):
        studies = reference(kind)
        assert studies, kind
        assert all(study.shipped and study.commands and study.version for study in studies)
        assert evidence_section(kind, studies, "mine").parts
    assert len(reference("memo")[0].data["rows"]) == 12


def test_the_reference_does_not_count_in_the_digest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import shutil

    import sim.plan

    before = code_digest()
    shutil.copytree(data_folder(), tmp_path / "data")
    monkeypatch.setattr(sim.plan, "data_folder", lambda: tmp_path / "data")
    assert code_digest() == before
    (tmp_path / "data" / "reference" / "evidence.json").write_text("{}")
    assert code_digest() == before


def test_of_two_studies_that_ask_the_same_the_later_is_kept() -> None:
    memo = reference("memo")[0]
    kept = json.loads(text_of([memo, replace(memo, hash="later")]))["studies"]
    assert [study["hash"] for study in kept] == ["later"]


def test_effects_of_claims_are_written_in_their_units() -> None:
    assert effect(-0.1324820615, "ln") == "\N{MINUS SIGN}12%"
    assert effect(0.0173, "share") == "+1.7 points"
    assert effect(0.085, "share of spending") == "8.5%"


def test_what_is_left_out_stands_word_by_word_in_the_docs() -> None:
    page = next(DOCS.rglob("left_out.md")).read_text(encoding="utf-8")
    bare_page = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r" ?\(\[[^\]]*\]\([^)]*\)\)", "", page))
    plain = bare_page.replace("`", "").replace("*", "")
    for row in left_out()["rows"]:
        assert f"| {row['left_out']} | {row['stands_in']} | {row['bias']} |" in plain


def test_failed_parts_are_said(tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "incomplete"
    shutil.copytree(run_folder(), folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["failed"] = [{"arm": "main", "runs": [0, 1], "error": "x"}]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert "The results are incomplete: 1 part of the runs failed" in report([folder])


def test_a_folder_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no readable manifest"):
        write_report([tmp_path])
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.html"
    found = RUNNER.invoke(app, ["report", str(run_folder()), "--out", str(path), "--json"])
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert (told["status"], told["bytes"]) == ("done", path.stat().st_size)
    refused = RUNNER.invoke(app, ["report", str(run_folder()), "--out", str(tmp_path)])
    assert refused.exit_code == 2


def test_bad_baseline_is_bad_input() -> None:
    found = RUNNER.invoke(app, ["report", str(comparison_folder()), "--baseline", "nowhere"])
    assert found.exit_code == 2
    assert "there is no arm nowhere" in found.stderr


def test_run_writes_a_report_unless_told_not_to(tmp_path: Path) -> None:
    command = [*QUICK, "--out", str(tmp_path)]
    left = RUNNER.invoke(app, [*command, "--no-report"])
    assert left.exit_code == 0, left.output
    assert list(tmp_path.glob("*/report.html")) == []
    again = RUNNER.invoke(app, command)
    assert again.exit_code == 0, again.output
    assert len(list(tmp_path.glob("*/report.html"))) == 1


def test_a_report_that_fails_leaves_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr(sim.report.build, "write_report", fail)
    command = [*QUICK, "--out", str(tmp_path)]
    found = RUNNER.invoke(app, command)
    assert found.exit_code == 1
    assert "report: RuntimeError: no ink" in found.stderr
    assert len(list(tmp_path.glob("*/summary.csv"))) == 1
