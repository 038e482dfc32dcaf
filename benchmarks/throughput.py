"""How fast a sweep goes and how much memory it takes: `python -m benchmarks.throughput [SECTION ...]`.

Each case is the command `darkhorse sweep` as a user gives it, in a process of its own: start of Python, set-up, runs of
132 months, tables and all. Memory is the sum over the command and its workers of what is resident, looked at ten times
a second; shared libraries count in each, so the true sum is smaller.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
LONG = "2032-12"
"""End of the long horizon: 132 months from 2022-01."""


@dataclass(frozen=True)
class Taken:
    """What a command took: seconds, peak memory in MB, and the digest of its numbers."""

    seconds: float
    megabytes: float
    digest: str


def taken(draws: int, jobs: int, end: str = LONG) -> Taken:
    """Run the main scenario's first `draws` runs to `end` through `darkhorse sweep`."""
    with tempfile.TemporaryDirectory() as out:
        words = ["sweep", "deepseek_shock", "--policy", "hold=as_written", "--baseline", "as_written",
                 "--draws", draws, "--set", f"end={end}", "--set", "outputs.at=[]", "--jobs", jobs, "--out", out,
                 "--no-charts", "--json"]  # fmt: skip
        started, peak = time.perf_counter(), 0
        command = [sys.executable, "-m", "sim", *map(str, words)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            while process.poll() is None:
                peak = max(peak, _resident(process.pid))
                time.sleep(0.1)
            seconds = time.perf_counter() - started
            answer = json.loads(process.communicate()[0])
    return Taken(seconds, peak / 1e6, answer["digests"]["values"])


def _resident(process: int) -> int:
    """Bytes resident in a process and those that it started."""
    total = 0
    try:
        parent = psutil.Process(process)
        for each in [parent, *parent.children(recursive=True)]:
            total += each.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def start() -> Iterator[str]:
    """Two runs of one month on two processes: what a sweep costs before and after its runs."""
    found = taken(2, 2, "2022-01")
    yield f"2 runs x 1 month: {found.seconds:.1f} s, nearly all of it start-up and tables (aim: under 3)"


def runs() -> Iterator[str]:
    """10,000 and 30,000 runs of 132 months on two processes."""
    for draws in (10_000, 30_000):
        found = taken(draws, 2)
        rate = draws / found.seconds
        aim = " (aim: 50 s, under 1,000 MB)" if draws == 10_000 else " (aim: the same memory)"
        took = f"{found.seconds:6.1f} s, {rate:5.0f} runs/s, {found.megabytes:5.0f} MB"
        yield f"{draws:,} runs x 132 months, 2 processes: {took}{aim}"


def workers() -> Iterator[str]:
    """3,072 runs (eight parts) on one process and on two; the digests are compared."""
    one, two = taken(3072, 1), taken(3072, 2)
    if one.digest != two.digest:
        raise RuntimeError("one worker and two gave other numbers")
    took = f"1 process {one.seconds:.1f} s, 2 processes {two.seconds:.1f} s"
    yield f"3,072 runs x 132 months: {took}, {one.seconds / two.seconds:.2f} times (aim: 1.8)"


SECTIONS: dict[str, Callable[[], Iterator[str]]] = {"start": start, "workers": workers, "runs": runs}


def main(words: Sequence[str] | None = None) -> None:
    """Measure the sections named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description="Throughput of sweeps.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"any of {', '.join(SECTIONS)}; all by default")
    asked = parser.parse_args(words)
    for name in asked.sections or SECTIONS:
        for line in SECTIONS[name]():
            print(line, flush=True)


if __name__ == "__main__":
    main()
