"""Writing that is whole or not at all, one writer for a folder, and errors of the file system in words."""

import contextlib
import csv
import errno
import io
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from sim.results import OutputError

NOTHING_LEFT = "Nothing half-written was left"
SECONDS_BETWEEN_LOOKS = 0.25

if sys.platform != "win32":
    import fcntl


@contextlib.contextmanager
def disk_errors(out: Path, closing: str = NOTHING_LEFT) -> Iterator[None]:
    """Turn errors of the file system into one readable OutputError, which ends with the sentence `closing`."""
    try:
        yield
    except OSError as error:
        name = error.filename or out
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = f"the disk of {out} is full; make room or name another place with --out"
        elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            reason = f"{name} cannot be written ({error.strerror}); name another place with --out"
        else:
            reason = f"{name}: {error.strerror or error}"
        raise OutputError(f"{reason}. {closing}") from None


def temporary_beside(path: Path) -> Path:
    """Return a name beside `path` that no other process uses and that is no result."""
    return path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.tmp")


def clear_unfinished(folder: Path) -> None:
    """Remove temporary files that killed processes of this machine left in a folder."""
    for path in folder.glob(".*.tmp"):
        name, _, number = path.name.removesuffix(".tmp").rpartition(".")
        if name.endswith(f".{platform.node()}") and number.isdecimal() and not runs_elsewhere(int(number)):
            path.unlink(missing_ok=True)


def runs_elsewhere(process: int) -> bool:
    """Whether another process has this number. Asked of the system; where it cannot be asked safely, yes."""
    if process == os.getpid():
        return False
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, push it to the disk, and rename it. Raises OSError; then nothing is left."""
    temporary = temporary_beside(path)
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def write_csv(path: Path, header: Sequence[object], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as a whole file (see `csv_text`). Raises OSError."""
    write_whole(path, csv_text(header, rows).encode())


def csv_text(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a CSV file: numbers with ten significant digits, an empty cell for NaN and None."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return stream.getvalue()


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


@contextlib.contextmanager
def one_writer(path: Path, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock file `path`; wait as long as another process holds it, after telling `waiting` who that is.

    The system frees the lock of a process that ends, even of one that is killed. Raises OSError.
    """
    with path.open("a+b") as stream:
        told = False
        while not _taken(stream):
            if not told:
                stream.seek(0)
                waiting(stream.read().decode(errors="replace").strip() or "another process")
                told = True
            time.sleep(SECONDS_BETWEEN_LOOKS)
        stream.seek(0)
        stream.truncate()
        stream.write(f"process {os.getpid()} on {platform.node()}".encode())
        stream.flush()
        yield


def _taken(stream: IO[bytes]) -> bool:
    """Whether the lock is ours now. Where there are no such locks it is: double work is the worst that follows."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
    return True
