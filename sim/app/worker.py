"""A worker process of the desk: `python -m sim.app.worker`. It does tasks that come on its standard input, one by one.

It is a program of its own, not a fork or a spawned copy, because Streamlit puts its page in the place of the main
module. It ends when its input does, so it does not outlive the desk.
"""

import contextlib
import os
import pickle
import queue
import signal
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sim.app.branches import Branches
    from sim.memo.play import Answer, Part
    from sim.scenario import Scenario

READY = b"ready"


class Task(Protocol):
    """Something to do in a worker."""

    def do(self, branches: "Branches", stop: Callable[[], bool]) -> Any:
        """Return the answer. Raises Stopped soon after `stop` says that it is no longer wanted."""
        ...


@dataclass(frozen=True)
class PlayTask:
    """Play some runs of a scenario; `keep` it for worlds that part from it later, most likely in month `since`."""

    scenario: "Scenario"
    rows: tuple[int, ...]
    measures: tuple[str, ...]
    keep: bool
    since: int

    def do(self, branches: "Branches", stop: Callable[[], bool]) -> Any:
        """Return what was `Played`."""
        return branches.play(self.scenario, self.rows, self.measures, self.keep, stop, self.since)


@dataclass(frozen=True)
class MemoTask:
    """Compute the memo's quantities of some runs."""

    part: "Part"

    def do(self, branches: "Branches", stop: Callable[[], bool]) -> "Answer":
        """Return the quantities by setting and name."""
        from sim.memo.play import compute_part

        return compute_part(self.part)


def send(stream: IO[bytes], value: Any) -> None:
    """Write a value with its length before it."""
    payload = pickle.dumps(value)
    stream.write(struct.pack("<Q", len(payload)) + payload)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read a value that `send` wrote. Raises EOFError where the stream ends."""
    size = stream.read(8)
    if len(size) < 8:
        raise EOFError
    (length,) = struct.unpack("<Q", size)
    payload = stream.read(length)
    if len(payload) < length:
        raise EOFError
    return pickle.loads(payload)


def main() -> None:
    """Say that it is ready, then answer (number, task) with (number, answer, error); a bare number gives a task up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints shall not fall among the answers
    from sim.app.branches import Branches
    from sim.app.tables import tables

    tables()
    branches, tasks, given_up = Branches(), queue.SimpleQueue[tuple[int, Task]](), set[int]()
    threading.Thread(target=_listen, args=(tasks, given_up), daemon=True).start()
    send(answers, READY)
    while True:
        number, task = tasks.get()
        send(answers, (number, *_done(task, branches, partial(given_up.__contains__, number))))
        given_up.discard(number)


def _done(task: Task, branches: "Branches", stop: Callable[[], bool]) -> tuple[Any, str]:
    from sim.app.branches import Stopped
    from sim.executors import error_line

    try:
        return (None, "") if stop() else (task.do(branches, stop), "")
    except Stopped:
        return None, ""
    except Exception as error:  # told to whoever asked; the worker goes on
        return None, error_line(error)


def _listen(tasks: "queue.SimpleQueue[tuple[int, Task]]", given_up: set[int]) -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            message = receive(sys.stdin.buffer)
            if isinstance(message, int):
                given_up.add(message)
            else:
                tasks.put(message)
    os._exit(0)


if __name__ == "__main__":
    main()
