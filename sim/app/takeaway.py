"""What a user takes from the desk: a link, a scenario file, tables, a picture, and the command that gives the same."""

import io
from typing import TYPE_CHECKING, cast
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from sim.app.compute import Answer
from sim.app.files import FILE, NAME, command_of, yaml_of
from sim.app.links import query_of
from sim.app.state import DeskState
from sim.calendar import month_label
from sim.compare import DIFFERENCE_HEADER, difference_rows
from sim.disk import csv_text

if TYPE_CHECKING:
    from sim.results import Results


def differences_csv(answer: Answer) -> str:
    """Return the paired differences of all that the desk computed: rows of the command's differences.csv, as text."""
    plan = answer.plan
    results = cast("Results", answer.results)  # the same readers
    return csv_text(DIFFERENCE_HEADER, list(difference_rows(results, plan.pairs, plan.at)))


def link_of(state: DeskState, address: str) -> str:
    """Return the address of a page with the state as its query."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query_of(state)), ""))


def bar(state: DeskState, answer: Answer) -> None:
    """Draw the buttons that give all this away."""
    places = st.columns(5)
    with places[0].popover("Share", icon=":material/link:", width="stretch"):
        st.markdown("This link opens the desk as it is now, on a machine where it runs.")
        st.code(link_of(state, st.context.url or "http://localhost"), language=None, wrap_lines=True)
    places[1].download_button(
        "YAML", yaml_of(state), FILE, "application/yaml", key="save.yaml", on_click="ignore", width="stretch",
        icon=":material/description:", help="The alternative as a scenario file",
    )  # fmt: skip
    places[2].download_button(
        "CSV", lambda: io.BytesIO(differences_csv(answer).encode()), f"{NAME}-differences.csv", "text/csv",
        key="save.csv", on_click="ignore", width="stretch", icon=":material/table:",
        help=f"Paired differences of {answer.runs} runs in {', '.join(month_label(m) for m in answer.plan.at)}",
    )  # fmt: skip
    places[3].download_button(
        "PNG", lambda: io.BytesIO(_png(state, answer)), f"{NAME}.png", "image/png", key="save.png", on_click="ignore",
        width="stretch", icon=":material/image:", help="The main chart with its title",
    )  # fmt: skip
    with places[4].popover("Command line", icon=":material/terminal:", width="stretch"):
        reproduce(state)


def reproduce(state: DeskState) -> None:
    """Show the command that gives the same numbers, and the file that it needs."""
    st.markdown(f"Save this as `{FILE}` (the button YAML does it):")
    st.code(yaml_of(state), language="yaml")
    st.markdown("and run")
    st.code(command_of(state), language="bash", wrap_lines=True)
    st.caption("It writes differences.csv with the same numbers as the CSV of the desk, for all measures.")


def _png(state: DeskState, answer: Answer) -> bytes:
    from sim.app.panels import main_picture
    from sim.interactive.static import png_of

    return png_of(main_picture(state, answer))
