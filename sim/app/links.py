"""The state of the desk as the query of a link, and back. A link that is partly wrong gives what can be used of it."""

import math
from collections.abc import Mapping

from sim.app.state import DeskState, Look, Setting, channel_names, checked, default_holders, levers_by_name
from sim.errors import Problem, nearest_name

VERSION = "1"
TEXTS = {"b": "baseline", "a": "start", "e": "end", "s": "since", "m": "month"}
OTHERS = ("v", "n", "view")
SETS = {"l": "lever", "d": "dial", "w": "parameter", "k": "mechanism"}
"""First letter of a key such as `l.enforcement`."""
LONGEST, MOST_KEYS = 200, 120
"""Characters of a value, and keys of a link, beyond which it was not made by the desk."""


def query_of(state: DeskState) -> dict[str, str]:
    """Return the query of a state; what is as in a new desk is left out."""
    new = DeskState(end=state.end, month=state.end)
    query = {key: str(getattr(state, name)) for key, name in TEXTS.items() if key != "m"}
    query = {key: text for key, text in query.items() if text != getattr(DeskState(), TEXTS[key])}
    if state.month != new.month:
        query["m"] = state.month
    if state.runs != new.runs:
        query["n"] = str(state.runs)
    if state.look != Look():
        query["view"] = ".".join((state.look.by, state.look.unit, state.look.market, state.look.shown))
    for name, setting in state.levers.items():
        query[f"l.{name}"] = _written(name, setting)
    query |= {f"d.{name}": _text(value) for name, value in state.dials.items()}
    query |= {f"w.{name}": _text(value) for name, value in state.world.items()}
    query |= {f"k.{name}": str(int(on)) for name, on in state.channels.items()}
    return {"v": VERSION, **query} if query else {}


def state_of(query: Mapping[str, str]) -> tuple[DeskState, list[Problem]]:
    """Return the state of a query, and what is wrong in it. What is wrong is left out; an empty query is a new desk."""
    if query.get("v", VERSION) != VERSION:
        remedy = "Set it up again; the desk starts anew"
        return DeskState(), [Problem(f"the link is of version '{query['v'][:20]}', not {VERSION}", remedy=remedy)]
    problems: list[Problem] = []
    kept = _sized(query, problems)
    texts = {name: kept[key] for key, name in TEXTS.items() if key in kept}
    texts.setdefault("month", texts.get("end", DeskState().end))
    sets = {letter: {k[2:]: v for k, v in kept.items() if k.startswith(f"{letter}.")} for letter in SETS}
    state = DeskState(
        **texts,
        levers={name: found for name, text in sets["l"].items() if (found := _setting(name, text, problems))},
        dials=_numbers(sets["d"], problems),
        world=_numbers(sets["w"], problems),
        channels={name: on for name, text in sets["k"].items() if (on := _switch(name, text, problems)) is not None},
        runs=_whole(kept.get("n", str(DeskState().runs)), problems),
        look=_look(kept.get("view"), problems),
    )
    known, more = checked(state)
    return known, [*problems, *more]


def _sized(query: Mapping[str, str], problems: list[Problem]) -> dict[str, str]:
    """Return the keys that may stand in a link, with values of a sane length."""
    kept = {}
    for key, value in list(query.items())[:MOST_KEYS]:
        if not (key in TEXTS or key in OTHERS or (key[1:2] == "." and key[0] in SETS)):
            near = nearest_name(key, [*TEXTS, *OTHERS, *(f"l.{name}" for name in levers_by_name())])
            problems.append(Problem(f"the link has an unknown part '{key[:60]}'", nearest=near, remedy="It is ignored"))
        elif len(value) > LONGEST:
            problems.append(Problem(f"the value of '{key[:60]}' is too long", remedy="It is ignored"))
        else:
            kept[key] = value
    if len(query) > MOST_KEYS:
        problems.append(Problem(f"the link has {len(query)} parts", remedy=f"Only {MOST_KEYS} are read"))
    return kept


def _written(name: str, setting: Setting) -> str:
    value = setting.value if isinstance(setting.value, str) else _text(setting.value)
    usual = default_holders(levers_by_name()[name])
    return value if setting.holders == usual else f"{value}@{' '.join(setting.holders)}"


def _setting(name: str, text: str, problems: list[Problem]) -> Setting | None:
    value, at, who = text.partition("@")
    lever = levers_by_name().get(name)
    usual = () if lever is None else default_holders(lever)
    chosen = tuple(dict.fromkeys(who.split())) if at else usual
    if lever is not None:
        ordered = [holder for holder in lever.holders if holder in chosen]
        chosen = (*ordered, *(holder for holder in chosen if holder not in ordered))
    if value and value.isalpha() and value.lower() not in ("none", "inf", "nan"):
        return Setting(value.lower(), chosen)
    number = _number(name, value, problems)
    return None if number is None else Setting(number, chosen)


def _text(value: float) -> str:
    """Write a number so that it is read back to the last bit; no limit is `none`."""
    if math.isinf(value):
        return "none"
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _number(name: str, text: str, problems: list[Problem]) -> float | None:
    if text.lower() == "none":
        return math.inf
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    problems.append(Problem(f"'{text[:60]}' is no value for {name[:60]}", remedy="Give a number, a level or none"))
    return None


def _numbers(texts: Mapping[str, str], problems: list[Problem]) -> dict[str, float]:
    found = {name: _number(name, text, problems) for name, text in texts.items()}
    return {name: number for name, number in found.items() if number is not None}


def _switch(name: str, text: str, problems: list[Problem]) -> bool | None:
    if text in ("0", "1"):
        return text == "1"
    if name in channel_names():
        problems.append(Problem(f"'{text[:60]}' is no value for the mechanism {name}", remedy="Give 0 or 1"))
        return None
    return True  # the unknown name is what is reported


def _whole(text: str, problems: list[Problem]) -> int:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    problems.append(Problem(f"'{text[:60]}' is no number of runs", remedy=f"{DeskState().runs} are computed"))
    return DeskState().runs


def _look(text: str | None, problems: list[Problem]) -> Look:
    if text is None:
        return Look()
    parts = text.split(".")
    if len(parts) == 4:
        return Look(*parts)
    problems.append(Problem(f"'{text[:60]}' is no view", remedy="Write it as bloc.tokens.world.level"))
    return Look()
