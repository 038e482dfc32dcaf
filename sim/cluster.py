"""The executor on Dask: a cluster of processes on this machine, or one that is there already."""

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
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sim.errors import InputError, Problem
from sim.executors import (
    TRIES_ALONE,
    Done,
    Line,
    Piece,
    WorkersError,
    answer_piece,
    failed_piece,
    one_thread_each,
    told_piece,
)
from sim.plan import code_digest

if TYPE_CHECKING:
    from distributed import Future

ENDED_ON_CLUSTER = "its Dask workers were ended from outside, one after another, perhaps for want of memory"
SECONDS_TO_REACH = 5
"""Time that a Dask scheduler has to answer."""
SECONDS_TO_FETCH = 30
"""Time that a value has to come from a Dask worker."""

T = TypeVar("T")
R = TypeVar("R")


class _Dask:
    name = "dask"

    def __init__(self, client: Any, answer: Callable[[int, bytes], bytes], keep: Callable[[], None]) -> None:
        self.workers: int = sum(client.nthreads().values())
        self._client = client  # a distributed.Client, which has types in part only
        self._answer = answer
        self._keep = keep

    def run(self, work: Callable[[T], R], tasks: Iterable[tuple[int, T]]) -> Generator[Done[R], None, None]:
        line = Line(work, tasks)
        under_way: dict[Future[bytes], Piece] = {}
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
        self, line: Line, under_way: "dict[Future[bytes], Piece]", finished: "SimpleQueue[Future[bytes]]"
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

    def _gathered(self, future: "Future[bytes]", piece: Piece, line: Line) -> Done[Any] | None:
        """Return the piece of a future that came to its end, or put it back in line if it lost its workers."""
        from distributed import KilledWorker

        try:
            return told_piece(self._result(future))
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
            return failed_piece(piece.index, error)


def _answer_of_the_same(expected: tuple[str, ...], index: int, payload: bytes) -> bytes:
    """Answer a piece unless this worker, which may have joined lately, would give other numbers than asked for."""
    if _identity() != expected:
        return pickle.dumps(_other_numbers({"one that joined lately": _identity()}, expected))
    return answer_piece(index, payload)


@functools.cache
def _identity() -> tuple[str, ...]:
    """Return what decides the numbers of this process; kept, because a process goes on with the code that it read."""
    python = ".".join(platform.python_version_tuple()[:2])
    return (f"darkhorse code {code_digest('experiments')[:10]}", f"Python {python}", f"NumPy {np.__version__}")


@contextlib.contextmanager
def dask_cluster(jobs: int, scheduler: str | None) -> Iterator[_Dask]:
    """Give a Dask cluster as an executor: one on this machine with `jobs` processes, or that of a scheduler.

    Raises InputError; see `sim.executors.executor`.
    """
    if importlib.util.find_spec("distributed") is None:
        remedy = "Install it: pip install 'darkhorse[cluster]'"
        raise InputError(Problem("the executor dask needs the package distributed, which is not here", remedy=remedy))
    with _silence():
        if scheduler is None:
            with _local_cluster(jobs) as client:
                # Dask forgets workers that end as they start; this starts them again, and does nothing else.
                yield _Dask(client, answer_piece, functools.partial(client.cluster.scale, jobs))
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
