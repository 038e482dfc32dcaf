"""Executors: independent pieces of work, computed here, in processes of this machine, or on a Dask cluster.

They differ in speed and in what they survive, never in the numbers. A piece is a number and a task; pieces come back as
they are finished, in any order. `work` and tasks are pickled, so `work` is a function of a module. Tasks are drawn as
workers become free, two for each, so memory does not grow with their number.
"""

import asyncio
import contextlib
import functools
import importlib.util
import logging
import os
import pickle
import platform
import signal
import tempfile
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np

from sim.errors import InputError, Problem, nearest_name
from sim.plan import code_digest

if TYPE_CHECKING:
    from distributed import Future

NAMES = ("here", "processes", "dask")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
MEMORY_VARIABLE = "GLIBC_TUNABLES"
MEMORY = ":".join(f"glibc.malloc.{name}={value}" for name, value in (
    ("hugetlb", 1), ("mmap_threshold", 2**28), ("trim_threshold", 2**29), ("top_pad", 2**26)))  # fmt: skip
"""How workers take memory on systems with the GNU C library (others ignore it): in huge pages, and not giving it back
after every array. Arrays of a block live for microseconds, and otherwise their pages are cleared again each time."""
ENDED = "its worker process was ended from outside (twice), perhaps for want of memory; try fewer --jobs"
ENDED_ON_CLUSTER = "its Dask workers were ended from outside, one after another, perhaps for want of memory"
TRIES_ALONE = 2
"""Workers that a piece may cost while nothing else is computed beside it."""
FAILED_STARTS = 3
"""Processes in a row that may end before they are ready."""
SECONDS_TO_REACH = 5
"""Time that a Dask scheduler has to answer."""
SECONDS_TO_FETCH = 30
"""Time that a value has to come from a Dask worker."""

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
        with _dask(jobs, scheduler) as dask:
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
        return _failed(index, error)


def _failed(index: int, error: BaseException) -> Done[Any]:
    return Done(index, None, error_line(error), "".join(traceback.format_exception(error)))


def _answer(index: int, payload: bytes) -> bytes:
    """Compute a pickled piece in a worker and return its Done, or the InputError that it raised, pickled."""
    try:
        work, task = pickle.loads(payload)
        return pickle.dumps(_computed(work, index, task))
    except InputError as error:
        return pickle.dumps(error)
    except Exception as error:  # what is not known here, or a value that cannot be pickled
        return pickle.dumps(_failed(index, error))


def _told(answer: bytes) -> Done[Any]:
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
class _Piece:
    """A piece, pickled; `suspect` once its worker ended, `alone` how often that happened with nothing beside it."""

    index: int
    payload: bytes
    suspect: bool = False
    alone: int = 0


class _Line:
    """The pieces that no worker has: those not drawn, those waiting, and those that lost their worker."""

    def __init__(self, work: Callable[[T], R], tasks: Iterable[tuple[int, T]]) -> None:
        self._left = (_Piece(index, pickle.dumps((work, task))) for index, task in tasks)
        self.all_drawn = False
        self.waiting: deque[_Piece] = deque()
        self.suspects: deque[_Piece] = deque()

    def __len__(self) -> int:
        return len(self.waiting) + len(self.suspects)

    def draw(self) -> None:
        piece = next(self._left, None)
        if piece is None:
            self.all_drawn = True
        else:
            self.waiting.append(piece)

    def pop(self, under_way: list[_Piece]) -> _Piece | None:
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
        self.piece: _Piece | None = None

    def give(self, piece: _Piece) -> None:
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
            yield from self._run(_Line(work, tasks))
        except BaseException:  # also when the generator is closed: what is under way is of no use to anybody
            self.close()
            raise
        finally:
            self._busy = False

    def close(self) -> None:
        while self._staff:
            self._staff.pop().end()

    def _run(self, line: _Line) -> Generator[Done[Any], None, None]:
        while True:
            self._draw(line)
            if line.all_drawn and not line and not self._under_way():
                return
            for worker in self._heard():
                done = self._listen(worker, line)
                self._hand_out(line)
                if done is not None:
                    yield done

    def _under_way(self) -> list[_Piece]:
        return [worker.piece for worker in self._staff if worker.piece is not None]

    def _heard(self, timeout: float | None = None) -> list[_Worker]:
        """Return the workers that have an answer, are ready or have ended."""
        told = wait([worker.connection for worker in self._staff], timeout)
        return [worker for worker in self._staff if worker.connection in told]

    def _draw(self, line: _Line) -> None:
        """Draw pieces until there are two for each worker, or a worker is heard."""
        self._hand_out(line)
        while not line.all_drawn and len(line) + len(self._under_way()) < 2 * self.workers:
            line.draw()
            self._hand_out(line)
            if self._heard(0):
                return

    def _hand_out(self, line: _Line) -> None:
        """Give pieces to the workers that are free, and start workers while there are pieces for them."""
        for worker in self._staff:
            if worker.ready and worker.piece is None:
                piece = line.pop(self._under_way())
                if piece is None:
                    break
                worker.give(piece)
        while len(self._staff) < min(self.workers, len(line) + len(self._under_way())):
            self._staff.append(_Worker())

    def _listen(self, worker: _Worker, line: _Line) -> Done[Any] | None:
        try:
            answer = worker.connection.recv_bytes()
        except (EOFError, OSError):
            return self._lost(worker, line)
        if not worker.ready:
            worker.ready, self._failed_starts = True, 0
            return None
        worker.piece = None
        return _told(answer)

    def _lost(self, worker: _Worker, line: _Line) -> Done[Any] | None:
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
            connection.send_bytes(_answer(*connection.recv()))


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
    """Let processes started meanwhile use one BLAS thread, and memory as `MEMORY` says: they read both when starting."""
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


class _Dask:
    name = "dask"

    def __init__(self, client: Any, answer: Callable[[int, bytes], bytes], keep: Callable[[], None]) -> None:
        self.workers: int = sum(client.nthreads().values())
        self._client = client  # a distributed.Client, which has types in part only
        self._answer = answer
        self._keep = keep

    def run(self, work: Callable[[T], R], tasks: Iterable[tuple[int, T]]) -> Generator[Done[R], None, None]:
        line = _Line(work, tasks)
        under_way: dict[Future[bytes], _Piece] = {}
        finished: SimpleQueue[Future[bytes]] = SimpleQueue()
        try:
            while True:
                self._submit(line, under_way, finished)
                if not under_way:
                    return
                future = self._next(finished)
                done = self._gathered(future, under_way.pop(future), line)
                self._submit(line, under_way, finished)
                if done is not None:
                    yield done
        finally:
            if self._client.status == "running":
                self._client.cancel(list(under_way))

    def _submit(
        self, line: _Line, under_way: "dict[Future[bytes], _Piece]", finished: "SimpleQueue[Future[bytes]]"
    ) -> None:
        """Draw and submit pieces until there are two for each worker."""
        while not line.all_drawn and len(line) + len(under_way) < 2 * self.workers:
            line.draw()
        while piece := line.pop(list(under_way.values())):
            future = self._client.submit(self._answer, piece.index, piece.payload, pure=False)
            under_way[future] = piece
            future.add_done_callback(finished.put)

    def _next(self, finished: "SimpleQueue[Future[bytes]]") -> "Future[bytes]":
        while True:
            try:
                return finished.get(timeout=SECONDS_TO_REACH)
            except Empty:
                self._keep()

    def _result(self, future: "Future[bytes]") -> bytes:
        while True:
            try:
                return future.result(timeout=SECONDS_TO_FETCH)
            except TimeoutError:  # the worker that had it is lost, and no other computes it
                self._keep()

    def _gathered(self, future: "Future[bytes]", piece: _Piece, line: _Line) -> Done[Any] | None:
        """Return the piece of a future that came to its end, or put it back in line if it lost its workers."""
        from distributed import KilledWorker

        try:
            return _told(self._result(future))
        except InputError:
            raise
        except KilledWorker:  # others may have brought the worker down: once more, with nothing beside it
            if piece.suspect:
                return Done(piece.index, None, ENDED_ON_CLUSTER)
            piece.suspect = True
            line.suspects.append(piece)
            return None
        except CancelledError:
            raise WorkersError("the Dask scheduler was lost, and the pieces that it had") from None
        except Exception as error:  # the worker could not read the piece
            return _failed(piece.index, error)


def _answer_of_the_same(expected: tuple[str, ...], index: int, payload: bytes) -> bytes:
    """Answer a piece unless this worker, which may have joined lately, would give other numbers than asked for."""
    if _identity() != expected:
        return pickle.dumps(_other_numbers({"one that joined lately": _identity()}, expected))
    return _answer(index, payload)


@functools.cache
def _identity() -> tuple[str, ...]:
    """Return what decides the numbers of this process; kept, because a process goes on with the code that it read."""
    python = ".".join(platform.python_version_tuple()[:2])
    return (f"darkhorse code {code_digest('experiments')[:10]}", f"Python {python}", f"NumPy {np.__version__}")


@contextlib.contextmanager
def _dask(jobs: int, scheduler: str | None) -> Iterator[_Dask]:
    if importlib.util.find_spec("distributed") is None:
        remedy = "Install it: pip install 'darkhorse[cluster]'"
        raise InputError(Problem("the executor dask needs the package distributed, which is not here", remedy=remedy))
    with _silence():
        if scheduler is None:
            with _local_cluster(jobs) as client:
                # Dask forgets workers that end as they start; this starts them again, and does nothing else.
                yield _Dask(client, _answer, functools.partial(client.cluster.scale, jobs))
        else:
            with _reached_cluster(scheduler) as client:
                yield _Dask(client, functools.partial(_answer_of_the_same, _identity()), lambda: None)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep what distributed logs off the terminal: lost workers and connections are told in the results."""
    import distributed  # noqa: F401  (it sets its handlers when it is imported)

    handlers = [(handler, handler.level) for handler in logging.getLogger("distributed").handlers]
    for handler, _ in handlers:
        handler.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for handler, level in handlers:
            handler.setLevel(level)


@contextlib.contextmanager
def _local_cluster(jobs: int) -> Iterator[Any]:
    """Start a Dask cluster of processes on this machine, and end it."""
    import dask
    from distributed import Client, LocalCluster

    settings = {
        "distributed.nanny.pre-spawn-environ": {},  # it would stay in this process
        "distributed.scheduler.allowed-failures": TRIES_ALONE - 1,
        "distributed.comm.timeouts.connect": SECONDS_TO_REACH,  # to a worker that is lost with a value
    }
    with (
        _environment_kept(),
        one_thread_each(),  # until the end: workers that are lost are started anew
        dask.config.set(settings),
        tempfile.TemporaryDirectory(prefix="darkhorse-", ignore_cleanup_errors=True) as folder,
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=jobs,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # any free port: None would take a certain one
            scheduler_kwargs={"dashboard": False},
            memory_limit=None,
            local_directory=folder,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,  # type: ignore[no-untyped-call]
    ):
        try:
            yield client
        finally:
            _end_at_once(cluster.workers.values())


@contextlib.contextmanager
def _environment_kept() -> Iterator[None]:
    """Take away what distributed puts into the environment of this process when it starts others."""
    before = set(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before:
            del os.environ[name]


def _end_at_once(nannies: Iterable[Any]) -> None:
    """Kill the workers of a local cluster: asked politely, they finish their pieces or take seconds to give up."""
    for nanny in nannies:
        nanny.close_gracefully()  # which means not to start the worker again
        if nanny.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(nanny.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)


@contextlib.contextmanager
def _reached_cluster(scheduler: str) -> Iterator[Any]:
    """Connect to a Dask cluster that is there; its workers must give the numbers that this process gives."""
    from distributed import Client

    try:
        with ThreadPoolExecutor(1) as aside:  # asyncio may be busy here, as it is in a notebook
            aside.submit(asyncio.run, _call(scheduler)).result()
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())
        remedy = "Start one with `dask scheduler` and `dask worker`, and give its address, such as tcp://host:8786"
        raise InputError(Problem(f"no Dask scheduler answers at {scheduler} ({why})", remedy=remedy)) from None
    with Client(scheduler, timeout=SECONDS_TO_REACH, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        found = client.run(_identity, on_error="return")
        if not found:
            remedy = f"Start some: `dask worker {scheduler}`"
            raise InputError(Problem(f"the Dask scheduler at {scheduler} has no workers", remedy=remedy))
        others = {address: what for address, what in found.items() if what != _identity()}
        if others:
            raise _other_numbers(others, _identity())
        yield client


async def _call(scheduler: str) -> None:
    """Connect once and hang up: a Client that fails to connect stays, and is ended at a moment that can block all."""
    from distributed.comm.core import connect

    comm = await connect(scheduler, timeout=SECONDS_TO_REACH)  # type: ignore[no-untyped-call]
    await comm.close()


def _other_numbers(others: Mapping[str, object], expected: tuple[str, ...]) -> InputError:
    address, what = next(iter(others.items()))
    has = ", ".join(what) if isinstance(what, tuple) else f"not this darkhorse ({type(what).__name__}: {what})"
    message = f"Dask workers would give other numbers ({len(others)}; {address}: {has}; here: {', '.join(expected)})"
    return InputError(Problem(message, remedy="Give them the versions of here, and start them again"))
