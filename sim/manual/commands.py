"""The page of the command line: every command with its arguments and options, from the command itself."""

import inspect
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from sim.cli import app
from sim.manual.markdown import code, page, table

INTRODUCTION = (
    "Every command of `darkhorse`, with its arguments and options. `darkhorse COMMAND --help` prints the same. "
    "Exit codes: 0 done, 1 failed or incomplete, 2 bad input. With `--json` a command prints one JSON object or list "
    "on standard output and nothing else."
)


def command_page() -> str:
    """Return the page of all commands, in the order of `darkhorse --help`."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    summary = [(f"[{name}](#darkhorse-{name})", command.short_help or "") for name, command in group.commands.items()]
    body = table(("command", "what it does"), summary)
    for name, command in group.commands.items():
        body += ["", *_section(name, command)]
    return page("Command line", INTRODUCTION, body)


def _section(name: str, command: Any) -> list[str]:
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [_metavar(parameter) for parameter in shown if parameter.param_type_name == "argument"]
    lines = [f"## darkhorse {name}", "", "```text", " ".join(["darkhorse", name, "[OPTIONS]", *arguments]), "```", ""]
    lines += [inspect.cleandoc(command.help or command.short_help or ""), ""]
    rows = [_row(parameter) for parameter in shown if "--help" not in parameter.opts]
    return lines + (table(("argument or option", "default", "meaning"), rows) if rows else ["No options."])


def _metavar(parameter: Any) -> str:
    """The word that stands for the values of an argument: in brackets where it may be left out, `...` where many."""
    word = str(parameter.metavar or parameter.name.upper()).strip("[]")
    word += "..." if parameter.nargs == -1 else ""
    return word if parameter.required else f"[{word}]"


def _row(parameter: Any) -> tuple[str, str, str]:
    if parameter.param_type_name == "argument":
        return code(_metavar(parameter)), _default(parameter), parameter.help or ""
    names = ", ".join(parameter.opts)
    takes = "" if parameter.is_flag else f" {parameter.metavar or 'N'}"
    many = " Can be given several times." if parameter.multiple else ""
    return code(names + takes), _default(parameter), (parameter.help or "") + many


def _default(parameter: Any) -> str:
    if parameter.required or parameter.default in (None, False, ()) or callable(parameter.default):
        return "required" if parameter.required else ""
    return code(parameter.default)
