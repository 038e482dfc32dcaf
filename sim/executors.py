"""Executors: independent pieces of work, computed here, in processes of this machine, or on a Dask cluster.

They differ in speed and in what they survive, never in the numbers. A piece is a number and a task; pieces come back as
they are finished, in any order. `work` and tasks are pickled, so `work` is a function of a module. Tasks are drawn as
workers become free, two for each, so memory does not grow with their number.
"""

import contextlib
import os
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from sim.errors import InputError, Problem, nearest_name

if TYPE_CHECKING:
    pass

NAMES = ("here", "processes", "dask")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
MEMORY_VARIABLE = "GLIBC_TUNABLES"
MEMORY = ":".join(f"glibc.malloc.{name}={value}" for name, value in (
    ("hugetlb", 1), ("mmap_threshold", 2**28), ("trim_threshold", 2**29), ("top_pad", 2**26)))  # fmt: skip
"""How workers take memory on systems with the GNU C library (others ignore it): in huge pages, and not giving it back
after every array. Arrays of a block live for microseconds, and otherwise their pages are cleared again each time."""
ENDED = "its worker process was ended from outside (twice), perhaps for want of memory; try fewer --jobs"
TRIES_ALONE = 2
"""Workers that a piece may cost while nothing else is computed beside it."""
FAILED_STARTS = 3
"""Processes in a row that may end before they are ready."""

T = TypeVar("T")
R = TypeVar("R")


class WorkersError(RuntimeError):
    """Workers that cannot be had, or are lost for good; the work cannot go on."""


@dataclass(frozen=True)
class Done(Generic[R]):
    """A finished piece: its number and value, or None, the error in one line and the whole traceback."""

    index: int
    value: R | None
    error: str = ""
    trace: str = ""


class Executor(Protocol):
    """What computes pieces of work; `workers` of them at a time. One `run` at a time."""

    name: str
    workers: int

    def run(self, work: Callable[[T], R], tasks: Iterable[tuple[int, T]]) -> Generator[Done[R], None, None]:
        """Yield every piece when it is finished; one that fails is yielded with its error and the others go on.

        Closing the generator gives up what is not finished. Raises InputError where a piece does, and WorkersError
        when there are no workers to go on with.
        """
        ...


@contextlib.contextmanager
def executor(name: str = "processes", jobs: int = 1, scheduler: str | None = None) -> Iterator[Executor]:
    """Give an executor: `here`, `processes` or `dask`, with `jobs` processes where it starts them.

    `scheduler`: address of a Dask cluster that is there, such as tcp://host:8786; without it `dask` starts one on this
    machine. Raises InputError for another name, fewer than one job, a scheduler that cannot be reached or whose workers
    would give other numbers, and for `dask` where distributed is not installed.
    """
    if name not in NAMES:
        raise InputError(Problem(f"there is no executor '{name}'", nearest=nearest_name(name, NAMES)))
    if jobs < 1:
        raise InputError(Problem(f"{jobs} jobs cannot compute anything", remedy="Give 1 or more"))
    if scheduler is not None and name != "dask":
        raise InputError(Problem(f"a scheduler is of no use to '{name}'", remedy="Choose the executor dask with it"))
    if name == "here":
        yield _Here()
    elif name == "processes":
        with contextlib.closing(_Processes(jobs)) as processes:
            yield processes
    else:
        from sim.cluster import dask_cluster

        with dask_cluster(jobs, scheduler) as dask:
            yield dask


def error_line(error: BaseException) -> str:
    """Return one line on an error: its type, its text, and the file and line that raised it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {text} ({Path(last.filename).name}, line {last.lineno})"


def _computed(work: Callable[[T], R], index: int, task: T) -> Done[R]:
    try:
        return Done(index, work(task))
    except InputError:
        raise
    except Exception as error:  # the other pieces go on; the caller reports it
        return failed_piece(index, error)


def failed_piece(index: int, error: BaseException) -> Done[Any]:
    return Done(index, None, error_line(error), "".join(traceback.format_exception(error)))


def answer_piece(index: int, payload: bytes) -> bytes:
    """Compute a pickled piece in a worker and return its Done, or the InputError that it raised, pickled."""
    try:
        work, task = pickle.loads(payload)
        return pickle.dumps(_computed(work, index, task))
    except InputError as error:
        return pickle.dumps(error)
    except Exception as error:  # what is not known here, or a value that cannot be pickled
        return pickle.dumps(failed_piece(index, error))


def told_piece(answer: bytes) -> Done[Any]:
    """Read an answer; an InputError in it is raised."""
    told: Done[Any] | InputError = pickle.loads(answer)
    if isinstance(told, InputError):
        raise told
    return told


class _Here:
    name = "here"
    workers = 1

    def run(self, work: Callable[[T], R], tasks: Iterable[tuple[int, T]]) -> Generator[Done[R], None, None]:
        for index, task in tasks:
            yield _computed(work, index, task)


@dataclass
class Piece:
    """A piece, pickled; `suspect` once its worker ended, `alone` how often that happened with nothing beside it."""

    index: int
    payload: bytes
    suspect: bool = False
    alone: int = 0


class Line:
    """The pieces that no worker has: those not drawn, those waiting, and those that lost their worker."""

    def __init__(self, work: Callable[[T], R], tasks: Iterable[tuple[int, T]]) -> None:
        self._left = (Piece(index, pickle.dumps((work, task))) for index, task in tasks)
        self.all_drawn = False
        self.waiting: deque[Piece] = deque()
        self.suspects: deque[Piece] = deque()

    def __len__(self) -> int:
        return len(self.waiting) + len(self.suspects)

    def draw(self) -> None:
        piece = next(self._left, None)
        if piece is None:
            self.all_drawn = True
        else:
            self.waiting.append(piece)

    def pop(self, under_way: list[Piece]) -> Piece | None:
        """Take the next piece; a suspect goes when nothing else is under way, and nothing else goes beside it."""
        if self.suspects:
            return None if under_way else self.suspects.popleft()
        if not self.waiting or any(piece.suspect for piece in under_way):
            return None
        return self.waiting.popleft()


class _Worker:
    """A spawned process, the end of its pipe, and the piece that it computes."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other,), daemon=True)
        with one_thread_each(), _interrupts_held():
            self.process.start()
        other.close()
        self.ready = False
        self.piece: Piece | None = None

    def give(self, piece: Piece) -> None:
        self.piece = piece
        with contextlib.suppress(OSError):  # it ended meanwhile, which is told by its pipe
            self.connection.send((piece.index, piece.payload))

    def end(self, seconds: float = 0.0) -> int | None:
        """End the process, at once or when it has had so many seconds to do so itself; return its exit code."""
        self.connection.close()
        self.process.join(seconds)
        self.process.kill()
        self.process.join()
        code = self.process.exitcode
        self.process.close()
        return code


class _Processes:
    name = "processes"

    def __init__(self, jobs: int) -> None:
        self.workers = jobs
        self._staff: list[_Worker] = []
        self._failed_starts = 0
        self._busy = False

    def run(self, work: Callable[[T], R], tasks: Iterable[tuple[int, T]]) -> Generator[Done[R], None, None]:
        if self._busy:
            raise RuntimeError("an executor does one run at a time; close the one before")
        self._busy = True
        try:
            yield from self._run(Line(work, tasks))
        except BaseException:  # also when the generator is closed: what is under way is of no use to anybody
            self.close()
            raise
        finally:
            self._busy = False

    def close(self) -> None:
        while self._staff:
            self._staff.pop().end()

    def _run(self, line: Line) -> Generator[Done[Any], None, None]:
        while True:
            self._draw(line)
            if line.all_drawn and not line and not self._under_way():
                return
            for worker in self._heard():
                done = self._listen(worker, line)
                self._hand_out(line)
                if done is not None:
                    yield done

    def _under_way(self) -> list[Piece]:
        return [worker.piece for worker in self._staff if worker.piece is not None]

    def _heard(self, timeout: float | None = None) -> list[_Worker]:
        """Return the workers that have an answer, are ready or have ended."""
        told = wait([worker.connection for worker in self._staff], timeout)
        return [worker for worker in self._staff if worker.connection in told]

    def _draw(self, line: Line) -> None:
        """Draw pieces until there are two for each worker, or a worker is heard."""
        self._hand_out(line)
        while not line.all_drawn and len(line) + len(self._under_way()) < 2 * self.workers:
            line.draw()
            self._hand_out(line)
            if self._heard(0):
                return

    def _hand_out(self, line: Line) -> None:
        """Give pieces to the workers that are free, and start workers while there are pieces for them."""
        for worker in self._staff:
            if worker.ready and worker.piece is None:
                piece = line.pop(self._under_way())
                if piece is None:
                    break
                worker.give(piece)
        while len(self._staff) < min(self.workers, len(line) + len(self._under_way())):
            self._staff.append(_Worker())

    def _listen(self, worker: _Worker, line: Line) -> Done[Any] | None:
        try:
            answer = worker.connection.recv_bytes()
        except (EOFError, OSError):
            return self._lost(worker, line)
        if not worker.ready:
            worker.ready, self._failed_starts = True, 0
            return None
        worker.piece = None
        return told_piece(answer)

    def _lost(self, worker: _Worker, line: Line) -> Done[Any] | None:
        """Strike a worker that ended; its piece is computed again by itself, or given up."""
        self._staff.remove(worker)
        code, piece = worker.end(seconds=1.0), worker.piece
        self._failed_starts += not worker.ready
        if self._failed_starts == FAILED_STARTS:
            raise WorkersError(f"worker processes end as they start (exit code {code})")
        if piece is None:
            return None
        piece.alone += piece.suspect or self.workers == 1
        if piece.alone == TRIES_ALONE:
            return Done(piece.index, None, ENDED)
        piece.suspect = True
        line.suspects.append(piece)
        return None


def _serve(connection: Connection) -> None:
    """Live as a worker: say that it is ready, then answer pieces until the pipe is closed."""
    _start_worker()
    with contextlib.suppress(EOFError, BrokenPipeError):
        connection.send_bytes(b"ready")
        while True:
            connection.send_bytes(answer_piece(*connection.recv()))


@contextlib.contextmanager
def process_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Give a pool of spawned processes; what has not started when it is left is cancelled."""
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes started meanwhile use one BLAS thread, and memory as `MEMORY` says: they read both at start."""
    before = {name: os.environ.get(name) for name in (*THREAD_VARIABLES, MEMORY_VARIABLE)}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    os.environ.setdefault(MEMORY_VARIABLE, MEMORY)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Start processes to which Ctrl-C means nothing from their first moment; here it comes through a little later."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it lifts the hold when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.join,), daemon=True).start()


def _end_with(join: Callable[[], None]) -> None:
    join()
    os._exit(1)
