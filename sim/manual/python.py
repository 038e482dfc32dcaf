"""The page of the Python interface: what `sim.api` offers to notebooks, from its own documentation."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from sim import api
from sim.manual.markdown import page

INTRODUCTION = (
    "What `sim.api` offers to notebooks and scripts. Numbers are those of the command line, bit for bit. Worked "
    "examples: [a first plot](../tutorials/notebooks/first_plot.md), [one lever](../tutorials/notebooks/one_lever.md), "
    "[many scenarios](../tutorials/notebooks/many_scenarios.md). Other modules may change between versions."
)


def python_page() -> str:
    """Return the page: the functions first, then the classes with their public members."""
    offered = [getattr(api, name) for name in api.__all__]
    functions = [thing for thing in offered if inspect.isfunction(thing)]
    classes = [thing for thing in offered if inspect.isclass(thing) and thing.__module__.startswith(api.__name__)]
    body: list[str] = []
    for function in functions:
        body += _entry("## ", function.__name__, function)
    for kind in classes:
        body += [f"## {kind.__name__}", "", _words(kind), ""]
        for name, member in members(kind):
            body += _entry("### ", f"{kind.__name__}.{name}", member)
    return page("Python interface", INTRODUCTION, body)


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties of a class by name, in the order of its code."""
    for name, member in vars(kind).items():
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
            yield name, member


def _entry(heading: str, name: str, member: Any) -> list[str]:
    called: Any = member.fget if isinstance(member, property) else member
    signature = re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", str(inspect.signature(called)))
    signature = re.sub(r"(?<!')'([A-Za-z][^',=]*)'", r"\1", signature)
    shown = signature.replace("(self, ", "(").replace("(self)", "()")
    if isinstance(member, property):
        shown = shown.removeprefix("()")
    return [f"{heading}{name}", "", "```text", f"{name}{shown}", "```", "", _words(member), ""]


def _words(thing: Any) -> str:
    return inspect.getdoc(thing) or ""
