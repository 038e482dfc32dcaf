"""The real browser for tests: the system's Chromium, driven by Playwright, with nothing that calls home."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
REQUIRED = "DARKHORSE_BROWSER"
"""Set to `required` where a missing browser is a failure: in CI."""


def chromium() -> str:
    """Path of the system's Chromium; the test is skipped where there is none, and fails where one is required."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        reason = "no Chromium on this machine; `make browser` installs one on Debian"
        if os.environ.get(REQUIRED) == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextlib.contextmanager
def browser() -> Iterator["Browser"]:
    """Yield a browser without a window."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield opened
        finally:
            opened.close()
