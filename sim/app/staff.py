"""The workers of the desk: started once, one task each at a time, urgent ones first, replaced when they die.

A lane is a worker with its line of tasks. The same runs always go to the same lane: it may hold what they start from.
"""

import contextlib
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from sim.app.worker import READY, Task, receive, send
from sim.executors import MEMORY, MEMORY_VARIABLE, THREAD_VARIABLES

LANES = 2
TRIES = 2
"""Workers that a task may cost."""
DIED = "a worker of the desk was ended from outside, twice, perhaps for want of memory"


class Ticket:
    """A task that was handed in. `value` and `error` hold once `finished` is set; a task given up has neither."""

    def __init__(self, task: Task, urgent: bool) -> None:
        """Nothing is done yet."""
        self.task, self.urgent = task, urgent
        self.number = 0
        self.tries = 0
        self.given_up = False
        self.value: Any = None
        self.error = ""
        self.finished = threading.Event()


class Lane:
    """One worker and its line."""

    def __init__(self) -> None:
        """Start the worker and the thread that serves it."""
        self._line: list[Ticket] = []
        self._current: Ticket | None = None
        self._free = threading.Condition()
        self._numbers = itertools.count(1)
        self._closed = False
        self._process = _start()
        self._ready = False
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def pid(self) -> int:
        """Number of the worker's process."""
        return self._process.pid

    def hand_in(self, ticket: Ticket) -> None:
        """Put a ticket in the line; an urgent one makes an unhurried task stop and wait."""
        with self._free:
            self._line.append(ticket)
            if ticket.urgent and self._current is not None and not self._current.urgent:
                self._tell_to_stop(self._current)
            self._free.notify()

    def give_up(self, ticket: Ticket) -> None:
        """Take a ticket out of the line, or have its task stopped."""
        with self._free:
            ticket.given_up = True
            if ticket in self._line:
                self._line.remove(ticket)
                ticket.finished.set()
            elif ticket is self._current:
                self._tell_to_stop(ticket)

    def close(self) -> None:
        """End the worker at once."""
        with self._free:
            self._closed = True
            left, self._line = self._line, []
            self._free.notify()
        for ticket in left:
            ticket.error = "the desk was closed"
            ticket.finished.set()
        _end(self._process)

    def _tell_to_stop(self, ticket: Ticket) -> None:
        with contextlib.suppress(OSError):
            send(_pipe(self._process.stdin), ticket.number)

    def _serve(self) -> None:
        while (ticket := self._next()) is not None:
            try:
                _, value, error = self._answer(ticket)
            except (EOFError, OSError):
                self._lost(ticket)
                continue
            with self._free:
                self._current = None
                if value is None and not error and not ticket.given_up:
                    self._line.append(ticket)  # it made way for something urgent
                    continue
            ticket.value, ticket.error = value, error
            ticket.finished.set()

    def _next(self) -> Ticket | None:
        with self._free:
            while not self._line and not self._closed:
                self._free.wait()
            if self._closed:
                return None
            ticket = next((ticket for ticket in self._line if ticket.urgent), self._line[0])
            self._line.remove(ticket)
            ticket.number = next(self._numbers)
            self._current = ticket
            return ticket

    def _answer(self, ticket: Ticket) -> Any:
        if not self._ready:
            if receive(_pipe(self._process.stdout)) != READY:
                raise EOFError
            self._ready = True
        with self._free:
            send(_pipe(self._process.stdin), (ticket.number, ticket.task))
        return receive(_pipe(self._process.stdout))

    def _lost(self, ticket: Ticket) -> None:
        """Replace a worker that ended; its task is tried once more."""
        with self._free:
            self._current = None
            if self._closed:
                ticket.error = "the desk was closed"
                ticket.finished.set()
                return
            _end(self._process)
            self._process, self._ready = _start(), False
            ticket.tries += 1
            if ticket.tries < TRIES:
                self._line.insert(0, ticket)
                return
        ticket.error = DIED
        ticket.finished.set()


class Staff:
    """All lanes."""

    def __init__(self, lanes: int = LANES) -> None:
        """Start the workers; they are ready a second later."""
        self.lanes = [Lane() for _ in range(lanes)]

    def hand_in(self, place: int, task: Task, urgent: bool) -> Ticket:
        """Give a task to the lane of a place (any whole number)."""
        ticket = Ticket(task, urgent)
        self.lanes[place % len(self.lanes)].hand_in(ticket)
        return ticket

    def give_up(self, place: int, ticket: Ticket) -> None:
        """Stop a task that is no longer wanted."""
        self.lanes[place % len(self.lanes)].give_up(ticket)

    def close(self) -> None:
        """End all workers."""
        for lane in self.lanes:
            lane.close()


def _start() -> "subprocess.Popen[bytes]":
    root = str(Path(__file__).resolve().parents[2])
    others = os.environ.get("PYTHONPATH")
    environment: Mapping[str, str] = {
        **os.environ, **dict.fromkeys(THREAD_VARIABLES, "1"), MEMORY_VARIABLE: MEMORY,
        "PYTHONPATH": os.pathsep.join([root, others] if others else [root]),
    }  # fmt: skip
    command = [sys.executable, "-m", "sim.app.worker"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
                            start_new_session=True)  # fmt: skip


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            _pipe(stream).close()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    return cast("IO[bytes]", stream)
