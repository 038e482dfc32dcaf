"""How soon the policy desk answers in a browser: `python -m benchmarks.desk`. Needs Chromium and darkhorse[app,test].

A lever is moved with the keyboard, as a drag moves it; the clock of the page runs from the key to the frame in which
the main chart is drawn anew and the cards stand on the new policy. Each answer is of 64 paired runs that were not
computed before: every value is new. `--since start` lets the lever act from the first month on.
"""

import argparse
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sim.commands.app import free_port
from tests.browser_page import browser, listens, page_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

LEVER = "Enforcement"
WATCH = """
(label) => {
  const slider = document.querySelector(`input[type=range][aria-label="${label}"]`);
  const main = () => document.querySelector('.st-key-panel_main svg.marks');
  const cards = () => document.querySelector('.desk-cards').innerText;
  const state = {};
  window.desk = state;
  slider.addEventListener('keydown', () => {
    const before = main().innerHTML, told = cards(), start = performance.now();
    state.took = null; state.cards = null;
    const look = () => {
      if (state.cards === null && cards() !== told) state.cards = performance.now() - start;
      const chart = main();
      if (chart && chart.innerHTML !== before) { state.took = performance.now() - start; return; }
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, true);
}
"""


@contextlib.contextmanager
def served() -> Iterator[int]:
    """Serve the desk in a process of its own; give its port."""
    port = free_port()
    command = [sys.executable, "-m", "sim", "app", "--no-browser", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while process.poll() is None and not listens(port):
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def measure(page: "Page", count: int) -> list[tuple[float, float]]:
    """Return, for each of `count` moves of the lever, seconds to the changed cards and to the changed chart."""
    page.evaluate(WATCH, LEVER)
    slider = page.locator(f'input[type=range][aria-label="{LEVER}"]')
    found = []
    for _ in range(count):
        slider.press("ArrowRight")
        page.wait_for_function("window.desk.took !== null", timeout=30_000)
        cards, chart = page.evaluate("[window.desk.cards, window.desk.took]")
        found.append(((cards or np.nan) / 1000, chart / 1000))
        time.sleep(0.2)
    return found


def main() -> None:
    """Measure and print the distribution."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=30)
    parser.add_argument("--since", default="2026-07", help="month from which levers hold, or start")
    chosen = parser.parse_args()
    with served() as port, browser() as opened, page_of(opened) as (page, _):
        page.goto(f"http://localhost:{port}/?v=1&s={chosen.since}&l.enforcement=0.2&view=bloc.tokens.abroad.level")
        page.locator(".st-key-panel_main svg.marks").wait_for(timeout=60_000)
        page.locator("[data-runs='256']").wait_for(timeout=120_000)
        times = np.array(measure(page, chosen.moves + 2))[2:]
    for name, column in (("cards", times[:, 0]), ("chart", times[:, 1])):
        low, middle, high, top = np.quantile(column, (0.05, 0.5, 0.95, 1.0))
        print(f"{name}: median {middle:.2f} s, 5% {low:.2f}, 95% {high:.2f}, longest {top:.2f} ({len(column)} moves, "
              f"levers from {chosen.since}); under 1 s: {(column < 1.0).mean():.0%}")  # fmt: skip


if __name__ == "__main__":
    main()
