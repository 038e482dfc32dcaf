"""Executors with real processes: what is lost with a worker, what is left behind, what another cluster may compute."""

import functools
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from sim import cluster as dask_side
from sim import executors
from sim.cluster import ENDED_ON_CLUSTER
from sim.errors import InputError, Problem
from sim.executors import ENDED, THREAD_VARIABLES, Done, Executor, WorkersError, executor

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
PROCESSES = ("processes", "dask")
New = Callable[[], set[str]]
DEADLINE = 60.0
"""Seconds after which a test that waits for something gives up."""


def half(number: int) -> float:
    """Refuse 3, and take no odd number else."""
    if number == 3:
        raise InputError(Problem("three is no input"))
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number / 2


def settings(number: int) -> tuple[int, list[str | None]]:
    """Tell the process, and how many threads BLAS may use in it."""
    return os.getpid(), [os.environ.get(name) for name in THREAD_VARIABLES]


def dies_once(marker: Path, number: int) -> int:
    """End the process as the system does when memory runs out, the first time that 3 is computed."""
    if number == 3 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def dies_with_three(notes: Path, number: int) -> int:
    """End the process whenever 3 is computed, and note every piece that was begun."""
    with notes.open("a") as file:
        file.write(f"{number}\n")
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def waits(number: float) -> float:
    """Take so many seconds."""
    time.sleep(number)
    return number


def goes_when_told(folder: Path, number: int) -> int:
    """Note the process that computes 0 and wait there until told to go on."""
    if number == 0:
        (folder / f"{os.getpid()}.pid").touch()
        while not (folder / "go").exists():
            time.sleep(0.01)
    return number


def ends(_: object) -> None:
    """Be a worker that never gets ready."""
    sys.exit(7)


def fails_to_draw() -> Iterator[tuple[int, int]]:
    """Give two tasks, then fail."""
    yield from enumerate([2, 4])
    raise OSError("no more tasks")


def children() -> set[str]:
    """Processes of this one, but the one that Python keeps to the end."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        try:
            line = " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            continue
        if process.status() != psutil.STATUS_ZOMBIE and "resource_tracker" not in line:
            found.add(f"{process.pid}: {line}")
    return found


def eventually(holds: Callable[[], Any]) -> Any:
    """Wait until something holds, and return it."""
    deadline = time.monotonic() + DEADLINE
    while not (found := holds()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


@pytest.fixture
def new() -> New:
    """Tell the processes that were started since the test began and are still there."""
    before = children()
    return lambda: children() - before


@pytest.fixture(scope="module", params=PROCESSES)
def two(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """An executor with two workers, for tests that leave it whole."""
    before = children()
    with executor(request.param, 2) as found:
        yield found
    assert children() - before == set()


def values(done: list[Done[Any]]) -> list[Any]:
    """Values in the order of the pieces; each piece came once."""
    done = sorted(done, key=lambda piece: piece.index)
    assert [piece.index for piece in done] == list(range(len(done)))
    return [piece.value for piece in done]


def test_same_values_and_errors_as_here(two: Executor) -> None:
    tasks = [(index, index) for index in range(20) if index != 3]
    with executor("here") as here:
        expected = list(here.run(half, tasks))
    found = sorted(two.run(half, tasks), key=lambda piece: piece.index)
    assert [(piece.index, piece.value, piece.error) for piece in found] == [
        (piece.index, piece.value, piece.error) for piece in expected
    ]
    assert "is odd" in found[1].trace
    assert two.workers == 2


def test_no_tasks_are_no_trouble(two: Executor) -> None:
    assert list(two.run(half, [])) == []


def test_tasks_are_drawn_as_workers_become_free(two: Executor) -> None:
    drawn: list[int] = []

    def tasks() -> Iterator[tuple[int, float]]:
        for number in range(40):
            drawn.append(number)
            yield number, 0.0

    most = 0
    for received, _ in enumerate(two.run(waits, tasks())):
        most = max(most, len(drawn) - received)
    assert len(drawn) == 40
    assert 2 <= most <= 2 * two.workers + 1


def test_bad_input_is_raised_and_the_next_run_is_whole(two: Executor) -> None:
    with pytest.raises(InputError, match="three is no input"):
        list(two.run(half, enumerate([2, 3, 4, 6, 8])))
    assert values(list(two.run(half, enumerate([2, 4])))) == [1.0, 2.0]


def test_tasks_that_cannot_be_drawn_or_sent_raise_here(two: Executor) -> None:
    with pytest.raises(OSError, match="no more tasks"):
        list(two.run(half, fails_to_draw()))
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        list(two.run(lambda number: number, enumerate([2, 4])))
    assert values(list(two.run(half, enumerate([2, 4])))) == [1.0, 2.0]


@pytest.mark.parametrize("name", PROCESSES)
def test_each_worker_uses_one_thread_and_the_setting_is_put_back(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREAD_VARIABLES[0], "7")
    monkeypatch.delenv(THREAD_VARIABLES[1], raising=False)
    before = dict(os.environ)
    with executor(name, 2) as two:
        found = values(list(two.run(settings, enumerate(range(8)))))
    assert [threads for _, threads in found] == [["1"] * len(THREAD_VARIABLES)] * 8
    assert os.getpid() not in {pid for pid, _ in found}
    assert dict(os.environ) == before


@pytest.mark.parametrize("name", PROCESSES)
def test_a_killed_worker_costs_nothing(name: str, tmp_path: Path, new: New) -> None:
    with executor(name, 2) as two:
        done = list(two.run(functools.partial(dies_once, tmp_path / "marker"), enumerate(range(12))))
    assert (tmp_path / "marker").exists()
    assert values(done) == list(range(12))
    assert new() == set()


@pytest.mark.parametrize(("name", "jobs"), [("processes", 1), ("processes", 3), ("dask", 1), ("dask", 2)])
def test_a_piece_that_kills_its_workers_is_given_up_and_no_other(name: str, jobs: int, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with executor(name, jobs) as some:
        done = list(some.run(functools.partial(dies_with_three, notes), enumerate(range(12))))
    assert values(done) == [None if number == 3 else number for number in range(12)]
    (lost,) = (piece for piece in done if piece.value is None)
    assert lost.error == (ENDED if name == "processes" else ENDED_ON_CLUSTER)
    begun = notes.read_text().split()
    if name == "dask":
        assert begun.count("3") >= 2
    else:
        assert begun.count("3") == (2 if jobs == 1 else 3)
        assert len(begun) - begun.count("3") == 11


@pytest.mark.parametrize("name", PROCESSES)
def test_a_worker_that_another_kills_is_replaced(name: str, tmp_path: Path) -> None:
    with executor(name, 2) as two:
        run = two.run(functools.partial(goes_when_told, tmp_path), enumerate(range(12)))
        first = next(run)
        assert first.index != 0
        (pid,) = eventually(lambda: list(tmp_path.glob("*.pid")))
        os.kill(int(pid.stem), signal.SIGKILL)
        (tmp_path / "go").touch()
        assert values([first, *run]) == list(range(12))
    assert len(list(tmp_path.glob("*.pid"))) == 2


def test_processes_do_one_run_at_a_time() -> None:
    with executor("processes", 1) as one:
        first, second = (one.run(half, enumerate([2, 4, 6])) for _ in range(2))
        next(first)
        with pytest.raises(RuntimeError, match="one run at a time"):
            next(second)
        assert len(list(first)) == 2


def test_a_worker_killed_between_runs_is_replaced() -> None:
    with executor("processes", 2) as two:
        for pid, _ in values(list(two.run(settings, enumerate(range(4))))):
            if psutil.pid_exists(pid):
                psutil.Process(pid).kill()
        assert values(list(two.run(half, enumerate([2, 4, 6])))) == [1.0, 2.0, 3.0]


def test_processes_that_end_as_they_start_are_not_started_for_ever(monkeypatch: pytest.MonkeyPatch, new: New) -> None:
    monkeypatch.setattr(executors, "_serve", ends)
    with executor("processes", 2) as two, pytest.raises(WorkersError, match=r"end as they start \(exit code 7\)"):
        list(two.run(half, enumerate([2, 4, 6])))
    assert new() == set()


@pytest.mark.parametrize("name", PROCESSES)
def test_closing_early_leaves_nothing_behind(name: str, new: New) -> None:
    tasks = [(0, 0.0), *((index, 3 * DEADLINE) for index in range(1, 9))]
    with executor(name, 2) as two:
        run = two.run(waits, tasks)
        assert next(run).value == 0.0
        assert len(new()) >= 2
        run.close()
        if name == "processes":
            assert new() == set()
    assert new() == set()


@pytest.mark.parametrize("name", PROCESSES)
def test_leaving_without_closing_leaves_nothing_behind(name: str, new: New) -> None:
    with executor(name, 2) as two:
        run = two.run(waits, enumerate([0.0, *[3 * DEADLINE] * 4]))
        assert next(run).value == 0.0
    assert new() == set()


SCRIPT = """
import sys
from sim.executors import executor
from test_executors_slow import waits

if __name__ == "__main__":
    with executor(sys.argv[1], 2) as two:
        for done in two.run(waits, enumerate([0.0, 0.0, 600.0, 600.0, 600.0])):
            print("one more", flush=True)
"""


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Callable[[str], "subprocess.Popen[str]"]]:
    """Start the script above in a process group of its own, and wait until two pieces are finished."""
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    started: list[subprocess.Popen[str]] = []

    def start(name: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, str(tmp_path / "script.py"), name],
            env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert [process.stdout.readline(), process.stdout.readline()] == ["one more\n"] * 2
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", PROCESSES)
def test_ctrl_c_ends_all_processes_with_one_traceback(
    name: str, script: Callable[[str], "subprocess.Popen[str]"]
) -> None:
    process = script(name)
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 2
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1, errors
    eventually(lambda: not any(child.is_running() for child in family))


@pytest.mark.parametrize("name", PROCESSES)
def test_processes_end_with_a_parent_that_is_killed(
    name: str, script: Callable[[str], "subprocess.Popen[str]"]
) -> None:
    process = script(name)
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 2
    process.kill()
    process.wait()
    eventually(lambda: not any(child.is_running() for child in family))


class Cluster:
    """A Dask cluster that somebody else has started: a scheduler, and workers where they are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.started: list[subprocess.Popen[bytes]] = []
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", "0")
        self.address = str(json.loads(eventually(self.told))["address"])

    def told(self) -> str:
        """What the scheduler says of itself, once it does."""
        text = self.file.read_text("utf-8") if self.file.exists() else ""
        return text if text.rstrip().endswith("}") else ""

    def start(self, what: str, *options: str) -> "subprocess.Popen[bytes]":
        """Run `dask scheduler` or `dask worker`."""
        command = [sys.executable, "-m", "dask", what, "--scheduler-file", str(self.file), "--no-dashboard"]
        environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        with (self.folder / "log").open("ab") as log:
            self.started.append(subprocess.Popen([*command, *options], env=environment, stdout=log, stderr=log))
        return self.started[-1]

    def add_workers(self, count: int) -> None:
        """Start workers and wait until the scheduler knows them."""
        from distributed import Client

        self.start("worker", "--nworkers", str(count), "--nthreads", "1", "--local-directory", str(self.folder))
        with Client(self.address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(count, timeout=DEADLINE)

    def end(self) -> None:
        """End all of it at once."""
        for process in reversed(self.started):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait(DEADLINE)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler without workers."""
    dask_side._identity.cache_clear()  # the code may have been edited since the session began
    found = Cluster(tmp_path)
    yield found
    found.end()


def test_an_existing_cluster_computes_the_same_and_is_left_standing(cluster: Cluster) -> None:
    cluster.add_workers(2)
    for _ in range(2):
        with executor("dask", 1, cluster.address) as remote:
            assert remote.workers == 2
            assert values(list(remote.run(half, enumerate([2, 4, 6])))) == [1.0, 2.0, 3.0]


def test_a_cluster_of_other_code_or_without_workers_is_refused(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"has no workers\. Start some: `dask worker tcp://"):
        reach(cluster.address)
    cluster.add_workers(2)
    monkeypatch.setattr(dask_side, "code_digest", lambda *_: "other code than theirs")
    dask_side._identity.cache_clear()
    try:
        with pytest.raises(InputError, match=r"would give other numbers \(2; tcp.*; here: darkhorse code other code"):
            reach(cluster.address)
    finally:
        dask_side._identity.cache_clear()


def test_a_scheduler_that_goes_away_ends_the_work_with_one_sentence(cluster: Cluster) -> None:
    cluster.add_workers(1)
    with executor("dask", 1, cluster.address) as remote:
        run = remote.run(waits, enumerate([0.0, *[3 * DEADLINE] * 4]))
        assert next(run).value == 0.0
        cluster.scheduler.kill()
        with pytest.raises(WorkersError, match="scheduler was lost"):
            next(run)


def reach(address: str) -> None:
    """Connect to a cluster, and leave it."""
    with executor("dask", 1, address):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere", "tcp://127.0.0.1:port"])
def test_a_scheduler_that_cannot_be_reached_is_told_with_a_remedy(address: str) -> None:
    with pytest.raises(InputError) as caught:
        reach(address)
    assert str(caught.value).startswith(f"no Dask scheduler answers at {address} (")
    assert "`dask scheduler`" in str(caught.value)
