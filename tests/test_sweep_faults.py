"""What a sweep survives: killed processes, lost workers, full and read-only disks, damaged parts, failing runs.

After each fault the same order goes on from the parts that were finished, and gives the digest of an undisturbed sweep.
"""

import contextlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import sim.disk
import sim.experiments.batch
from sim.cli import app
from sim.errors import InputError
from sim.experiments.batch import How
from sim.experiments.experiment import Experiment, plan_experiment
from sim.experiments.outcomes import Ask, Kept, keep
from sim.experiments.sweep import Order, Swept, carry_out_sweep
from sim.experiments.sweep_replay import replay
from sim.experiments.sweep_results import Sweep
from sim.experiments.table_digest import folder_digest
from sim.lots import Lot
from sim.results import OutputError
from tests.source_code import ROOT

SETS = ["end=2022-06", "outputs.at=[]"]
OUTCOME = "compute_owned.CN"
OPTIONS = {"vary": {"strictness": [0.0, 1.0]}, "draws": 130, "baseline": "as_written", "outcomes": [OUTCOME]}
WORDS = ["sweep", "deepseek_shock", "--vary", "strictness=0.0,1.0", "--draws", "130", "--baseline", "as_written",
         "--outcomes", OUTCOME, "--no-charts", *(word for text in SETS for word in ("--set", text))]  # fmt: skip
PARTS = 4
BAD_RUNS = (5, 131)
MARK = "DARKHORSE_TEST_MARK"
HERE = How(executor="here")
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
ROOT_ONLY = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs mount, which needs root")


def plan() -> Experiment:
    """Three points of 130 draws: four parts of up to 98 runs."""
    return plan_experiment("deepseek_shock", SETS, OPTIONS)


def swept(out: Path, how: How = HERE, force: bool = False) -> Swept:
    """The experiment, computed below a folder."""
    return carry_out_sweep(plan(), Order(out, how, force))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the sweep when nothing happens to it."""
    return str(swept(tmp_path_factory.mktemp("undisturbed")).manifest["digests"]["values"])


@contextlib.contextmanager
def mounted(place: Path, options: str) -> Iterator[None]:
    """A file system of its own at `place`; skips the test where this system lets nobody mount one."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no mount here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def slow_and_careful(lot: Lot, ask: Ask) -> Kept:
    """Take long enough for somebody to interfere, and note each call."""
    with Path(os.environ[MARK]).open("a") as stream:
        stream.write("computed\n")
    time.sleep(0.8)
    return keep(lot, ask)


def dies_once(lot: Lot, ask: Ask) -> Kept:
    """Kill the process that computes the second part, the first time."""
    mark = Path(os.environ[MARK])
    if 65 in lot.chance and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return keep(lot, ask)


def dies_always(lot: Lot, ask: Ask) -> Kept:
    """Kill every process that computes chance 100 of the first point."""
    if 100 in lot.chance and lot.first.dials["export_controls.strictness"] == 0.0:
        os.kill(os.getpid(), signal.SIGKILL)
    return keep(lot, ask)


def fails_on_some(lot: Lot, ask: Ask) -> Kept:
    """Fail where chance 5 takes part under strictness 0, or chance 1 under strictness 1."""
    for case, chance in zip(lot.case, lot.chance, strict=True):
        if (lot.cases[case].dials["export_controls.strictness"], int(chance)) in {(0.0, 5), (1.0, 1)}:
            raise FloatingPointError("overflow encountered\nin exp")
    return keep(lot, ask)


def fails_always(lot: Lot, ask: Ask) -> Kept:
    """Fail whatever is asked."""
    raise FloatingPointError("nothing works")


def parts_of(out: Path) -> dict[str, int]:
    """Finished parts below a folder, with the time of writing."""
    return {path.name: path.stat().st_mtime_ns for path in out.glob("*/parts/*.parquet")}


def started(out: Path, *words: str) -> subprocess.Popen[str]:
    """The command, started, with a slow engine."""
    code = (
        "import functools, sys\nimport sim.commands.sweeps as sweeps\nfrom sim.cli import app\n"
        "from sim.experiments.batch import How\nfrom tests.test_sweep_faults import slow_and_careful\n"
        "sweeps.How = functools.partial(How, keep=slow_and_careful)\n"
        "if __name__ == '__main__': app(sys.argv[1:])\n"
    )
    script = out.parent / "slow_sweep.py"
    script.write_text(code, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), MARK: str(out.parent / "calls")}
    order = [sys.executable, str(script), *WORDS, "--out", str(out), *words]
    return subprocess.Popen(order, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def await_parts(out: Path, count: int, process: "subprocess.Popen[str]") -> None:
    """Wait until so many parts are finished. Fails when the process ends first."""
    while len(parts_of(out)) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def children_of(process: int) -> list[int]:
    """Processes started by a process."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False)
    return [int(number) for number in found.stdout.split()]


def are_gone(processes: list[int]) -> bool:
    """Whether processes have ended; waits a while."""
    for _ in range(200):
        if not any(Path(f"/proc/{number}").exists() for number in processes):
            return True
        time.sleep(0.05)
    return False


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_or_interrupted_sweep_goes_on_where_it_stopped(how: int, tmp_path: Path, undisturbed: str) -> None:
    out = tmp_path / "out"
    process = started(out, "--jobs", "2")
    await_parts(out, 1, process)
    workers = children_of(process.pid)
    os.kill(process.pid, how)
    _, told = process.communicate(timeout=60)
    assert process.returncode != 0
    assert are_gone(workers)
    if how == signal.SIGINT:
        assert process.returncode == 1
        assert "the same command goes on from there" in told
    before = parts_of(out)
    assert 1 <= len(before) < PARTS
    (tmp_path / "calls").unlink()
    again = started(out, "--jobs", "1", "--json")
    answer, told = again.communicate(timeout=120)
    assert again.returncode == 0, told
    assert json.loads(answer)["digests"]["values"] == undisturbed
    assert len((tmp_path / "calls").read_text().splitlines()) == PARTS - len(before)
    assert not list(out.glob("*/.*.tmp"))


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize(
    "how", [How(jobs=2, keep=dies_once), How("dask", jobs=2, keep=dies_once)], ids=["processes", "dask"]
)
def test_a_lost_worker_costs_nothing(
    how: How, tmp_path: Path, undisturbed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MARK, str(tmp_path / "mark"))
    assert swept(tmp_path / "out", how).manifest["digests"]["values"] == undisturbed
    assert (tmp_path / "mark").exists()


@POSIX
@pytest.mark.slow
def test_a_part_whose_worker_always_dies_is_kept_as_failed(tmp_path: Path, undisturbed: str) -> None:
    found = swept(tmp_path, How(jobs=2, keep=dies_always))
    assert found.manifest["status"] == "incomplete"
    failed = np.flatnonzero(Sweep(found.folder).failed().reshape(-1))
    assert failed.tolist() == list(range(98, 196))  # the part that holds run 100, and no other
    assert {"ended from outside" in entry["error"] for entry in found.manifest["failed"]} == {True}
    assert swept(tmp_path).manifest["digests"]["values"] == undisturbed


def test_failing_runs_are_kept_as_data_and_the_others_stand(tmp_path: Path, undisturbed: str) -> None:
    found = swept(tmp_path, replace(HERE, keep=fails_on_some))
    sweep, failed = Sweep(found.folder), found.manifest["failed"]
    assert [entry["run"] for entry in failed] == list(BAD_RUNS)
    assert np.argwhere(sweep.failed().reshape(-1)).ravel().tolist() == list(BAD_RUNS)
    values = sweep.grid("compute_owned.CN@2022-06")
    assert np.isnan(values.reshape(-1)).nonzero()[0].tolist() == list(BAD_RUNS)
    entry = failed[0]
    assert entry["error"].startswith("FloatingPointError: overflow encountered in exp (test_sweep_faults.py, line ")
    assert "Traceback" in (found.folder / entry["trace"]).read_text()
    assert "strictness: 0.0" in (found.folder / entry["scenario"]).read_text()
    assert entry["replay"] == f"darkhorse replay {found.folder} --run 5"
    assert entry["scenario_seed"] == plan().base.seed
    effects = [row for row in sweep.effects() if row["at"] == "2022-06"]
    assert [int(row["runs"]) for row in effects] == [129, 129]
    assert replay(found.folder, 5).text == "failed when it was recorded, and does not now"
    assert replay(found.folder, 6).equal
    again = swept(tmp_path)
    assert not again.found
    assert again.manifest["digests"]["values"] == undisturbed


def test_an_interrupted_retry_of_failed_runs_can_be_tried_again(
    tmp_path: Path, undisturbed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept(tmp_path, replace(HERE, keep=fails_on_some))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sim.experiments.sweep.write_failures", interrupt)
        with pytest.raises(KeyboardInterrupt):
            swept(tmp_path)
    assert swept(tmp_path).manifest["digests"]["values"] == undisturbed


def test_a_shard_at_fault_leaves_the_others_alone(tmp_path: Path, undisturbed: str) -> None:
    swept(tmp_path, replace(HERE, shard=(1, 2)))
    before = parts_of(tmp_path)
    with pytest.raises(InputError, match="no executor"):
        swept(tmp_path, How("nobody", shard=(2, 2)))
    assert parts_of(tmp_path) == before
    words = [*WORDS, "--out", str(tmp_path), "--shard", "2/2", "--force"]
    assert CliRunner().invoke(app, words).exit_code == 2
    assert swept(tmp_path, replace(HERE, shard=(2, 2))).manifest["digests"]["values"] == undisturbed


def test_a_failed_sweep_ends_with_exit_code_1_and_says_how_to_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "sim.commands.sweeps.How", lambda **options: How(**{**options, "executor": "here"}, keep=fails_on_some)
    )
    result = CliRunner().invoke(app, [*WORDS, "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "2 runs failed and are kept as data" in result.stderr
    assert "darkhorse replay" in result.stderr
    answer = CliRunner().invoke(app, [*WORDS, "--out", str(tmp_path), "--json"])
    assert answer.exit_code == 1
    assert json.loads(answer.stdout)["status"] == "incomplete"


def test_a_sweep_in_which_every_run_fails_says_so(tmp_path: Path) -> None:
    found = swept(tmp_path, replace(HERE, keep=fails_always))
    assert len(found.manifest["failed"]) == 390
    assert all(row["runs"] == "0" and row["mean"] == "" for row in Sweep(found.folder).effects())


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "renamed"])
def test_a_damaged_part_is_noticed_and_computed_again(damage: str, tmp_path: Path, undisturbed: str) -> None:
    swept(tmp_path, replace(HERE, shard=(1, 2)))
    parts = sorted(tmp_path.glob("*/parts/*.parquet"))
    assert len(parts) > 1
    data = bytearray(parts[0].read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 0xFF
    shown = {"cut": bytes(data[: len(data) // 2]), "empty": b""}.get(damage, bytes(data))
    parts[0].write_bytes(shown)
    if damage == "renamed":
        parts[0].rename(parts[0].with_name(f"000001-{parts[0].name[7:]}"))
        parts[1].write_bytes(b"no part")
    assert swept(tmp_path).manifest["digests"]["values"] == undisturbed


def test_unfinished_files_of_the_dead_are_cleared(tmp_path: Path, undisturbed: str) -> None:
    swept(tmp_path, replace(HERE, shard=(1, 2)))
    place = next(tmp_path.glob("*/parts"))
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    for process in (dead.pid, os.getppid()):
        (place / f".000003-abc.parquet.{platform.node()}.{process}.tmp").write_bytes(b"half")
    swept(tmp_path, replace(HERE, shard=(1, 2)))
    assert [path.name.split(".")[-2] for path in place.glob(".*.tmp")] == [str(os.getppid())]
    assert swept(tmp_path).manifest["digests"]["values"] == undisturbed


def test_parts_of_another_version_are_refused_in_words(tmp_path: Path) -> None:
    swept(tmp_path, replace(HERE, shard=(1, 2)))
    plan_file = next(tmp_path.glob("*/plan.json"))
    known = json.loads(plan_file.read_text())
    plan_file.write_text(json.dumps({**known, "format": 0}))
    with pytest.raises(OutputError, match="begun by another version"):
        swept(tmp_path)
    plan_file.write_text(json.dumps({**known, "table": "0" * 64}))
    with pytest.raises(OutputError, match="parts of another table"):
        swept(tmp_path)
    plan_file.write_text("{")
    with pytest.raises(OutputError, match="cannot be read"):
        swept(tmp_path)
    assert len(parts_of(tmp_path)) > 1


@POSIX
@pytest.mark.slow
def test_two_processes_on_one_sweep_the_second_waits_and_finds_it_done(tmp_path: Path, undisturbed: str) -> None:
    out = tmp_path / "out"
    first = started(out, "--json")
    await_parts(out, 1, first)
    second = started(out, "--json")
    answers = [json.loads(process.communicate(timeout=120)[0]) for process in (first, second)]
    assert [answer["status"] for answer in answers] == ["done", "found"]
    assert {answer["digests"]["values"] for answer in answers} == {undisturbed}


def test_who_waits_is_told_for_whom(tmp_path: Path) -> None:
    told: list[str] = []
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom sim.disk import one_writer\n"
        "with one_writer(Path(sys.argv[1]), print):\n    print('held', flush=True)\n    time.sleep(1.0)\n"
    )
    lock = tmp_path / ".lock"
    words = [sys.executable, "-c", code, str(lock)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with sim.disk.one_writer(lock, told.append):
            assert len(told) == 1
    assert told[0].startswith(f"process {other.pid} on ")


@ROOT_ONLY
@pytest.mark.slow
def test_a_full_disk_loses_nothing(tmp_path: Path, undisturbed: str) -> None:
    with mounted(tmp_path, "size=360k"):
        with pytest.raises(OutputError, match=r"disk of .* is full.*What was finished is kept"):
            swept(tmp_path)
        before = parts_of(tmp_path)
        assert before
        assert not list(tmp_path.rglob("*.tmp"))
        subprocess.run(["mount", "-o", "remount,size=20m", str(tmp_path)], check=True)
        found = swept(tmp_path)
        assert found.manifest["digests"]["values"] == undisturbed


def test_a_disk_that_fills_up_while_a_part_is_written(
    tmp_path: Path, undisturbed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def full(path: Path, content: bytes) -> None:
        if path.suffix == ".parquet" and len(written) == 2:
            raise OSError(28, "No space left on device", str(path))
        written.extend([path] if path.suffix == ".parquet" else [])
        sim.disk.write_whole(path, content)

    with monkeypatch.context() as patch:
        patch.setattr("sim.experiments.parts.write_whole", full)
        with pytest.raises(OutputError, match=r"disk of .* is full"):
            swept(tmp_path)
    assert len(parts_of(tmp_path)) == 2
    assert swept(tmp_path).manifest["digests"]["values"] == undisturbed


@ROOT_ONLY
@pytest.mark.slow
def test_a_read_only_folder_is_refused_and_a_finished_one_is_read(tmp_path: Path, undisturbed: str) -> None:
    with mounted(tmp_path, "size=20m"):
        found = swept(tmp_path / "done")
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        again = swept(tmp_path / "done")
        assert again.found
        assert folder_digest(again.folder) == undisturbed
        assert replay(found.folder, 3).equal
        with pytest.raises(OutputError, match=r"cannot be written .*--out"):
            swept(tmp_path / "new")
        with pytest.raises(OutputError, match="cannot be written"):
            swept(tmp_path / "done", force=True)
        assert swept(tmp_path / "done").found


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    found = swept(tmp_path)
    (found.folder / "effects.csv").unlink()
    with pytest.raises(OutputError, match=r"effects\.csv is missing; run again with --force"):
        swept(tmp_path)
    assert swept(tmp_path, force=True).manifest["status"] == "done"


def test_a_folder_that_is_no_sweep_is_refused(tmp_path: Path) -> None:
    for words in (["merge", str(tmp_path)], ["digest", str(tmp_path)], ["digest", str(tmp_path / "nowhere")]):
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 1
        assert str(tmp_path) in result.stderr


def test_force_computes_again(tmp_path: Path, undisturbed: str) -> None:
    first = swept(tmp_path)
    shutil.copytree(first.folder, tmp_path / "copy")
    again = swept(tmp_path, force=True)
    assert not again.found
    assert again.manifest["digests"]["values"] == undisturbed
