"""Distributions as they are written in a scenario, and the base of all schema models."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sim.distributions import Z80, Z90, Distribution, from_interval, lognormal, normal, quantiles

Bounds = tuple[float, float]
Interval = Annotated[list[float], Field(min_length=2, max_length=2)]


class Block(BaseModel):
    """A mapping with known keys only; a key set to null counts as absent."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _leave_out_nulls(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {key: value for key, value in data.items() if value is not None or key not in known}


class Spec(Block, ABC):
    """A distribution as written in a scenario."""

    @abstractmethod
    def distribution(self, bounds: Bounds) -> Distribution:
        """Return the distribution inside a parameter's hard bounds. Raises ValueError where it cannot be."""


class CutSpec(Spec, ABC):
    """A distribution with tails; `min` and `max` cut it inside the hard bounds of its parameter."""

    min: float | None = None
    max: float | None = None

    def within(self, bounds: Bounds) -> Bounds:
        """Return the bounds narrowed by min and max. Raises ValueError where these lie outside."""
        for name, number in (("min", self.min), ("max", self.max)):
            if number is not None and not bounds[0] <= number <= bounds[1]:
                raise ValueError(f"{name} ({number:g}) is out of range; it must lie in [{bounds[0]:g}, {bounds[1]:g}]")
        low = bounds[0] if self.min is None else self.min
        high = bounds[1] if self.max is None else self.max
        if low > high:
            raise ValueError(f"min ({low:g}) is above max ({high:g})")
        return low, high


class Quantiles(CutSpec):
    """Two-piece normal through three quantiles."""

    dist: Literal["two_piece"] = "two_piece"
    p05: float
    p50: float
    p95: float

    def distribution(self, bounds: Bounds) -> Distribution:
        """Return the two-piece normal, in the logarithm if the parameter is positive."""
        uncut = quantiles(self.p05, self.p50, self.p95, bounds)
        return replace(uncut, lower=self.within(bounds)[0], upper=self.within(bounds)[1])


class Uniform(Spec):
    """Even between min and max."""

    dist: Literal["uniform"] = "uniform"
    min: float
    max: float

    def distribution(self, bounds: Bounds) -> Distribution:
        """Return the uniform distribution."""
        return Distribution("uniform", (self.min, self.max), False, *bounds)


class LogUniform(Spec):
    """Even in the logarithm between min and max."""

    dist: Literal["loguniform"]
    min: float
    max: float

    def distribution(self, bounds: Bounds) -> Distribution:
        """Return the loguniform distribution."""
        return Distribution("loguniform", (self.min, self.max), False, *bounds)


class Triangular(Spec):
    """Triangle from min over mode to max."""

    dist: Literal["triangular"]
    min: float
    mode: float
    max: float

    def distribution(self, bounds: Bounds) -> Distribution:
        """Return the triangular distribution."""
        return Distribution("triangular", (self.min, self.mode, self.max), False, *bounds)


class Beta(Spec):
    """Beta on [min, max], by default [0, 1], with this mean and standard deviation."""

    dist: Literal["beta"]
    mean: float
    sd: float
    min: float = 0.0
    max: float = 1.0

    def distribution(self, bounds: Bounds) -> Distribution:
        """Return the beta distribution."""
        return Distribution("beta", (self.mean, self.sd, self.min, self.max), False, *bounds)


class Bell(CutSpec, ABC):
    """A normal or lognormal, by a central interval or by mean and standard deviation."""

    mean: float | None = None
    sd: float | None = None
    ci80: Interval | None = None
    ci90: Interval | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        pair = self.mean is not None, self.sd is not None
        forms = [any(pair), self.ci80 is not None, self.ci90 is not None]
        if sum(forms) != 1 or any(pair) != all(pair):
            raise ValueError("give one of: ci80, ci90, or mean with sd")
        return self

    def _bell(self, bounds: Bounds, log: bool) -> Distribution:
        inside = self.within(bounds)
        if self.mean is not None and self.sd is not None:
            return (lognormal if log else normal)(self.mean, self.sd, inside)
        low, high = self.ci80 or self.ci90 or (0.0, 0.0)
        return from_interval(low, high, Z80 if self.ci80 else Z90, log, inside)


class Normal(Bell):
    """Normal by a central interval, or by mean and standard deviation."""

    dist: Literal["normal"]

    def distribution(self, bounds: Bounds) -> Distribution:
        """Return the normal distribution, cut at the bounds."""
        return self._bell(bounds, log=False)


class LogNormal(Bell):
    """Lognormal by a central interval, or by its own mean and standard deviation."""

    dist: Literal["lognormal"]

    def distribution(self, bounds: Bounds) -> Distribution:
        """Return the lognormal distribution, cut at the bounds."""
        return self._bell(bounds, log=True)


NAMED_SPECS: dict[str, type[Spec]] = {
    "normal": Normal,
    "lognormal": LogNormal,
    "uniform": Uniform,
    "loguniform": LogUniform,
    "beta": Beta,
    "triangular": Triangular,
    "two_piece": Quantiles,
}


def spec_model(written: dict[str, Any]) -> type[Spec] | None:
    """Return the model that a written distribution should follow, None if its `dist` is unknown or nothing fits."""
    if written.get("dist") is not None:
        return NAMED_SPECS.get(written["dist"]) if isinstance(written["dist"], str) else None
    if {"p05", "p50", "p95"} & written.keys():
        return Quantiles
    return Uniform if {"min", "max"} & written.keys() else None
