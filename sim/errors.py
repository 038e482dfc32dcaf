"""Bad input: one record per problem, and one exception that carries them all."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the input.

    `file` and `line` (from 1) say where, `path` is the dotted path inside the file, `nearest` the closest valid name
    and `remedy` what the reader should do. Whatever is not known stays None.
    """

    message: str
    file: str | None = None
    line: int | None = None
    path: str | None = None
    nearest: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        """Return `file:line: path: message. Did you mean X? Remedy.` with the unknown parts left out."""
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        text = ": ".join(part for part in (place, self.path, self.message) if part)
        hint = f"Did you mean {self.nearest}?" if self.nearest else None
        return " ".join(sentence for sentence in (_closed(text), hint, _closed(self.remedy)) if sentence)


class InputError(ValueError):
    """Input that cannot be used; `problems` lists everything that was found wrong, in file order where possible."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        """Take one problem or several."""
        self.problems: list[Problem] = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Return one line per problem."""
        return "\n".join(str(problem) for problem in self.problems)


def nearest_name(name: str, valid: Sequence[str] | Iterable[str]) -> str | None:
    """Return the valid name closest to `name` (letter case ignored), or None when nothing is close."""
    by_lower: dict[str, str] = {}
    for candidate in valid:
        by_lower.setdefault(candidate.lower(), candidate)
    close = difflib.get_close_matches(name.lower()[:200], list(by_lower), n=1, cutoff=0.5)
    return by_lower[close[0]] if close else None


def _closed(text: str | None) -> str | None:
    if not text:
        return None
    return text if text[-1] in ".?!" else text + "."
