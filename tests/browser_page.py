"""Chromium of the system, through playwright, for tests of pages: no sandbox, no GPU, no talk with the network."""

import contextlib
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome")
LOCAL = ("http://localhost", "http://127.0.0.1", "ws://localhost", "ws://127.0.0.1", "data:", "blob:", "about:")


@dataclass
class Watch:
    """What a page did: errors of its console, and requests that left this machine."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def console(self, message: "ConsoleMessage") -> None:
        """Keep errors."""
        if message.type == "error":
            self.errors.append(message.text)

    def request(self, request: "Request") -> None:
        """Keep requests to elsewhere."""
        if not request.url.startswith(LOCAL):
            self.outside.append(request.url)


def listens(port: int) -> bool:
    """Whether a server listens on a port of this machine; to try to bind it would take it from one that starts."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def chromium() -> str:
    """Return the path of the system's Chromium; a test fails where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail(f"the browser tests need one of {', '.join(NAMES)} on this machine")
    return found


@contextlib.contextmanager
def browser() -> Iterator["Browser"]:
    """Give a browser without window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        try:
            yield opened
        finally:
            opened.close()


@contextlib.contextmanager
def page_of(opened: "Browser", width: int = 1440, height: int = 900) -> Iterator[tuple["Page", Watch]]:
    """Give a fresh page of its own, as another person would have it, and what is seen of it."""
    context = opened.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
    page, watch = context.new_page(), Watch()
    page.on("console", watch.console)
    page.on("pageerror", lambda error: watch.errors.append(str(error)))
    page.on("request", watch.request)
    try:
        yield page, watch
    finally:
        context.close()
