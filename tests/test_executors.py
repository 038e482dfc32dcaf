"""Executors without processes: what they refuse, what a piece comes back as, which piece goes next."""

import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sim import cluster, executors
from sim.errors import InputError, Problem
from sim.executors import NAMES, Done, WorkersError, executor
from sim.plan import SHOWS_ONLY


def half(number: int) -> float:
    """Refuse 3, and take no odd number else."""
    if number == 3:
        raise InputError(Problem("three is no input"))
    if number % 2:
        raise ValueError(f"{number} is odd\nand cannot be halved")
    return number / 2


def unpicklable(number: int) -> Callable[[], int]:
    """Return what no process can send."""
    return lambda: number


def test_a_piece_that_raises_is_told_and_the_others_go_on() -> None:
    with executor("here") as here:
        done = list(here.run(half, [(7, 4), (8, 5), (9, 6)]))
    assert [(piece.index, piece.value) for piece in done] == [(7, 2.0), (8, None), (9, 3.0)]
    assert done[1].error.startswith("ValueError: 5 is odd and cannot be halved (test_executors.py, line ")
    assert done[1].trace.startswith("Traceback (most recent call last)")
    assert "and cannot be halved" in done[1].trace.splitlines()[-1]
    assert [piece.error + piece.trace for piece in (done[0], done[2])] == ["", ""]


def test_bad_input_is_raised_as_such() -> None:
    with executor("here") as here, pytest.raises(InputError, match="three is no input"):
        list(here.run(half, enumerate([2, 3, 4])))


def test_tasks_are_drawn_one_by_one_here() -> None:
    drawn: list[int] = []

    def tasks() -> Iterator[tuple[int, int]]:
        for number in range(6):
            drawn.append(number)
            yield number, 2 * number

    with executor("here") as here:
        for received, _ in enumerate(here.run(half, tasks()), 1):
            assert len(drawn) == received


@pytest.mark.parametrize(
    ("name", "jobs", "scheduler", "message"),
    [
        ("process", 2, None, "no executor 'process'. Did you mean processes?"),
        ("processes", 0, None, "0 jobs cannot compute anything. Give 1 or more."),
        ("processes", 2, "tcp://127.0.0.1:1", "of no use to 'processes'. Choose the executor dask"),
    ],
)
def test_what_cannot_be_is_refused(name: str, jobs: int, scheduler: str | None, message: str) -> None:
    with pytest.raises(InputError) as caught, executor(name, jobs, scheduler):
        pass
    assert message in str(caught.value)
    assert "here" in NAMES


def test_dask_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'darkhorse\[cluster\]'"), executor("dask", 2):
        pass


def test_the_packages_of_a_cluster_are_loaded_only_when_used() -> None:
    text = Path(executors.__file__).read_text("utf-8")
    assert not [line for line in text.splitlines() if line.startswith(("import dask", "from distributed", "from dask"))]


def test_an_answer_carries_value_error_or_bad_input() -> None:
    assert executors.told_piece(executors.answer_piece(4, pickle.dumps((half, 8)))) == Done(4, 4.0)
    odd = executors.told_piece(executors.answer_piece(4, pickle.dumps((half, 5))))
    assert odd.error.startswith("ValueError: 5 is odd")
    with pytest.raises(InputError, match="three is no input"):
        executors.told_piece(executors.answer_piece(4, pickle.dumps((half, 3))))


def test_what_cannot_be_sent_either_way_is_an_error_of_its_piece() -> None:
    value = executors.told_piece(executors.answer_piece(4, pickle.dumps((unpicklable, 8))))
    assert (value.index, value.value) == (4, None)
    assert "lambda" in value.error
    unknown = pickle.dumps((half, 8)).replace(b"half", b"hale")
    assert executors.told_piece(executors.answer_piece(5, unknown)).error.startswith("AttributeError")


def test_a_piece_that_lost_its_worker_goes_alone() -> None:
    line = executors.Line(half, enumerate(range(4)))
    for _ in range(5):
        line.draw()
    assert line.all_drawn
    assert len(line) == 4
    first = line.pop([])
    assert first is not None
    second = line.pop([first])
    assert second is not None
    first.suspect = True
    line.suspects.append(first)
    assert line.pop([second]) is None
    assert line.pop([]) is first
    assert line.pop([first]) is None
    third = line.pop([])
    assert third is not None
    assert third.index == 2


def test_a_worker_of_other_code_computes_nothing() -> None:
    mine, piece = cluster._identity(), pickle.dumps((half, 8))
    assert executors.told_piece(cluster._answer_of_the_same(mine, 4, piece)) == Done(4, 4.0)
    with pytest.raises(InputError, match=r"would give other numbers .*; here: darkhorse code 0, Python 3\.11, NumPy 1"):
        executors.told_piece(cluster._answer_of_the_same(("darkhorse code 0", "Python 3.11", "NumPy 1"), 4, piece))


def test_executors_move_no_number_and_their_failure_is_no_bad_input() -> None:
    assert "executors".startswith(SHOWS_ONLY)
    assert not issubclass(WorkersError, InputError)
