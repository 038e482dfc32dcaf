"""The command that opens the live policy desk in the browser."""

import importlib
import importlib.util
import socket
import threading
from pathlib import Path

import typer

from sim.errors import InputError, Problem
from sim.results import OutputError

HOST = "127.0.0.1"
NEEDED = ("streamlit", "altair", "vl_convert")
WHOLE = ("pandas", "pyarrow", "altair")
"""Imported before any tab is served: Altair looks these up by name, and must not find one that another tab has half
imported."""


def open_desk(port: int | None, browser: bool) -> None:
    """Serve the desk on this machine until it is stopped. Raises InputError and OutputError."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        what = "the desk needs packages that are not installed: " + ", ".join(missing)
        raise OutputError(f"{what}; install them with pip install 'darkhorse[app]'")
    chosen = free_port() if port is None else port
    if not is_free(chosen):
        problem = f"port {chosen} of this machine is taken"
        raise InputError(Problem(problem, path="--port", remedy="Give another one, or leave --port out"))
    _serve(chosen, browser)


def is_free(port: int) -> bool:
    """Whether nothing listens on a port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port(first: int = 8501, count: int = 20) -> int:
    """Return the first free port of some. Raises OutputError where there is none."""
    found = next((port for port in range(first, first + count) if is_free(port)), None)
    if found is None:
        raise OutputError(f"ports {first} to {first + count - 1} are all taken; give one with --port")
    return found


def _serve(port: int, browser: bool) -> None:
    from streamlit.web import bootstrap

    from sim.app import session
    from sim.app.look import THEME

    page = Path(__file__).resolve().parents[1] / "app" / "page.py"
    options = {
        **THEME,
        "server.address": HOST,
        "server.port": port,
        "server.headless": not browser,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.showEmailPrompt": False,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": "false",
        "runner.magicEnabled": False,
        "global.developmentMode": False,
        "logger.level": "error",
    }
    workers = session.staff()
    for package in WHOLE:
        importlib.import_module(package)
    threading.Thread(target=session.warm_up, daemon=True).start()
    typer.echo(f"The policy desk is at http://localhost:{port} (Ctrl-C ends it).")
    try:
        bootstrap.load_config_options(options)
        bootstrap.run(str(page), False, [], options)
    finally:
        workers.close()
        typer.echo("\nThe desk is closed.")
