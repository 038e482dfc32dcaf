"""What is known of an uncertain number, as a distribution that is drawn by its inverse.

A draw is `quantile(u)` of a looked-up uniform number u, so that adding a parameter never moves another's draw.
"""

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Kind = Literal["fixed", "two_piece", "uniform", "loguniform", "beta", "triangular", "sample"]

Z90 = 1.6448536269514722
"""Standard normal quantile of 0.95: half the width of a 90% interval in standard deviations."""
Z80 = 1.2815515655446004
"""Standard normal quantile of 0.90: half the width of an 80% interval in standard deviations."""

_TINY = 1e-12


@dataclass(frozen=True)
class Distribution:
    """One distribution; `numbers` mean, by `kind`:

    fixed (value) · two_piece (p05, p50, p95) · uniform (min, max) · loguniform (min, max) · beta (mean, sd, min, max) ·
    triangular (min, mode, max) · sample (values in rising order, with `weights` that sum to 1). `log` says that a
    two_piece is normal in the logarithm. A two_piece is cut at `lower` and `upper` on each side of its median by
    itself, so that the median stays where it is. Raises ValueError, with a sentence for the reader, where the numbers
    cannot be a distribution inside the bounds.
    """

    kind: Kind
    numbers: tuple[float, ...]
    log: bool = False
    lower: float = -math.inf
    upper: float = math.inf
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check order, sign and bounds."""
        _check(self)

    @classmethod
    def fixed(cls, value: float, lower: float = -math.inf, upper: float = math.inf) -> Self:
        """Return the distribution that always gives `value`."""
        return cls("fixed", (value,), False, lower, upper)

    @property
    def is_fixed(self) -> bool:
        """Whether every draw is the same number."""
        return self.kind == "fixed"

    @property
    def centre(self) -> float:
        """The central value: the median, except the mean of a beta and the mode of a triangular distribution."""
        numbers = self.numbers
        if self.kind == "uniform":
            return 0.5 * (numbers[0] + numbers[1])
        if self.kind == "loguniform":
            return math.sqrt(numbers[0] * numbers[1])
        if self.kind == "sample":
            return _sample_quantile(self, [0.5])[0]
        return numbers[1] if self.kind in ("two_piece", "triangular") else numbers[0]

    def quantile(self, u: "Floats") -> "Floats":
        """Return the value below which the share `u` (any shape, 0 to 1) of the distribution lies."""
        import numpy as np

        if self.kind == "fixed":
            return np.full(np.shape(u), self.numbers[0])
        share = np.clip(np.asarray(u, dtype=np.float64), _TINY, 1.0 - _TINY)
        if self.kind == "two_piece":
            return _two_piece(self, share)
        if self.kind == "beta":
            return _beta(self.numbers, share)
        if self.kind == "triangular":
            return _triangular(self.numbers, share)
        if self.kind == "sample":
            return np.array(_sample_quantile(self, share.ravel().tolist())).reshape(share.shape)
        low, high = self.numbers
        if self.kind == "loguniform":
            return np.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        return low + share * (high - low)


def sample(values: Sequence[float], weights: Sequence[float]) -> Distribution:
    """Return the distribution of weighted values. Raises ValueError where a value is not finite."""
    ordered = sorted(zip(values, weights, strict=True))
    total = sum(weights)
    return Distribution(
        "sample", tuple(value for value, _ in ordered), weights=tuple(weight / total for _, weight in ordered)
    )


def quantiles(p05: float, p50: float, p95: float, bounds: tuple[float, float], log: bool | None = None) -> Distribution:
    """Return the two-piece normal through three quantiles; in the logarithm if the parameter is positive.

    Positive means a hard minimum of at least 0 and a p05 above 0 (`log` overrides). See docs/scenario_files.md.
    """
    in_log = bounds[0] >= 0.0 and p05 > 0.0 if log is None else log
    dist = Distribution("two_piece", (p05, p50, p95), in_log, *bounds)
    _check_bounds(("p05", "p95"), (p05, p95), dist)
    return dist


def normal(mean: float, sd: float, bounds: tuple[float, float]) -> Distribution:
    """Return the normal distribution with this mean and standard deviation, cut at the bounds."""
    _require(sd >= 0.0, f"the standard deviation sd ({sd:g}) is negative")
    return Distribution("two_piece", (mean - Z90 * sd, mean, mean + Z90 * sd), False, *bounds)


def lognormal(mean: float, sd: float, bounds: tuple[float, float]) -> Distribution:
    """Return the lognormal whose own mean and standard deviation (not those of the logarithm) are given."""
    _require(mean > 0.0, f"the mean of a lognormal ({mean:g}) must be positive")
    _require(sd >= 0.0, f"the standard deviation sd ({sd:g}) is negative")
    variance = math.log1p((sd / mean) ** 2)
    median, width = mean * math.exp(-0.5 * variance), math.exp(Z90 * math.sqrt(variance))
    return Distribution("two_piece", (median / width, median, median * width), True, *bounds)


def from_interval(low: float, high: float, z: float, log: bool, bounds: tuple[float, float]) -> Distribution:
    """Return the (log)normal whose central interval, of half-width `z` standard deviations, is [low, high]."""
    _require(low <= high, f"the interval [{low:g}, {high:g}] ends before it starts")
    if not log:
        return normal(0.5 * (low + high), 0.5 * (high - low) / z, bounds)
    _require(low > 0.0, f"the interval of a lognormal must be positive, not [{low:g}, {high:g}]")
    median, width = math.sqrt(low * high), (high / low) ** (0.5 * Z90 / z)
    return Distribution("two_piece", (median / width, median, median * width), True, *bounds)


def from_catalogue_row(row: Mapping[str, str | float], base: Literal["central", "prior"] = "prior") -> Distribution:
    """Return the distribution of one row of parameters.csv: its prior, or its central value held fixed.

    A two_piece row has low and high as p05 and p95 around `central`; uniform and loguniform rows have them as ends.
    Raises ValueError naming the parameter when the row cannot be a distribution.
    """
    try:
        bounds = float(row["hard_min"]), float(row["hard_max"])
        kind = str(row["dist"])
        if base == "central" or kind == "fixed":
            return Distribution.fixed(float(row["central"]), *bounds)
        low, high = float(row["low"]), float(row["high"])
        if kind == "two_piece":
            return quantiles(low, float(row["central"]), high, bounds)
        if kind in ("uniform", "loguniform"):
            return Distribution(kind, (low, high), False, *bounds)  # type: ignore[arg-type]
    except (KeyError, ValueError) as error:
        raise ValueError(f"parameters.csv: {row.get('name')}: {error}") from None
    raise ValueError(f"parameters.csv: {row.get('name')}: unknown dist {kind!r}")


def check_correlations(ranks: Mapping[tuple[str, str], float]) -> None:
    """Raise ValueError, naming the parameters, where rank correlations between pairs contradict each other.

    A rank correlation rho is 2 sin(pi rho / 6) between the normals of a Gaussian copula; the matrix of every group of
    parameters that hang together must be positive semi-definite.
    """
    import numpy as np

    groups: list[set[str]] = []
    for pair in ranks:
        touching = [group for group in groups if group & set(pair)]
        groups = [group for group in groups if group not in touching] + [set(pair).union(*touching)]
    for names in (sorted(group) for group in groups):
        matrix = np.eye(len(names))
        for (first, second), rank in ranks.items():
            if first in names:
                i, j = names.index(first), names.index(second)
                matrix[i, j] = matrix[j, i] = 2.0 * math.sin(math.pi * rank / 6.0)
        if np.linalg.eigvalsh(matrix).min() < -1e-9:
            raise ValueError(f"the correlations of {', '.join(names)} contradict each other")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _check(dist: Distribution) -> None:
    numbers, kind = dist.numbers, dist.kind
    _require(not any(math.isnan(number) for number in numbers), "a distribution cannot have NaN")
    _require(kind == "fixed" or all(math.isfinite(number) for number in numbers), "its numbers must be finite")
    if kind == "two_piece":
        _check_order(("p05", "p50", "p95"), numbers)
        _require(not dist.log or numbers[0] > 0.0, f"p05 ({numbers[0]:g}) must be positive on a logarithmic scale")
        _check_bounds(("p50",), numbers[1:2], dist)
    elif kind == "beta":
        mean, sd, low, high = numbers
        _check_order(("min", "mean", "max"), (low, mean, high))
        _require(sd > 0.0 and low < mean < high, "a beta needs min < mean < max and sd above 0")
        limit = math.sqrt((mean - low) * (high - mean))
        _require(sd < limit, f"sd ({sd:g}) is too wide for a beta on [{low:g}, {high:g}]; it must be below {limit:.3g}")
        _check_bounds(("min", "max"), (low, high), dist)
    elif kind == "triangular":
        _check_order(("min", "mode", "max"), numbers)
        _check_bounds(("min", "max"), (numbers[0], numbers[2]), dist)
    elif kind == "sample":
        _require(len(dist.weights) == len(numbers) > 0, "a sample needs one weight for each value")
    elif kind in ("uniform", "loguniform"):
        _check_order(("min", "max"), numbers)
        _require(kind == "uniform" or numbers[0] > 0.0, f"the min of a loguniform ({numbers[0]:g}) must be positive")
        _check_bounds(("min", "max"), numbers, dist)
    else:
        _check_bounds(("the value",), numbers, dist)


def _check_order(names: Sequence[str], numbers: Sequence[float]) -> None:
    for (name, number), (next_name, next_number) in pairwise(zip(names, numbers, strict=True)):
        _require(number <= next_number, f"{name} ({number:g}) is above {next_name} ({next_number:g})")


def _check_bounds(names: Sequence[str], numbers: Sequence[float], dist: Distribution) -> None:
    _require(dist.lower <= dist.upper, f"no number lies between {dist.lower:g} and {dist.upper:g}")
    for name, number in zip(names, numbers, strict=True):
        inside = dist.lower <= number <= dist.upper
        _require(inside, f"{name} ({number:g}) is out of range; it must lie in [{dist.lower:g}, {dist.upper:g}]")


def _two_piece(dist: Distribution, share: "Floats") -> "Floats":
    """Normal quantiles with one spread below the median and another above, each side cut at its bound."""
    import numpy as np
    from scipy.special import ndtr, ndtri

    def scale(value: float) -> float:
        return (math.log(value) if value > 0.0 else -math.inf) if dist.log else value

    p05, p50, p95 = (scale(number) for number in dist.numbers)
    below, above = (p50 - p05) / Z90, (p95 - p50) / Z90
    cut_below = float(ndtr((scale(dist.lower) - p50) / below)) if below > 0.0 else 0.0
    cut_above = float(ndtr((scale(dist.upper) - p50) / above)) if above > 0.0 else 1.0
    kept = np.where(
        share < 0.5, cut_below + 2.0 * share * (0.5 - cut_below), 0.5 + (2.0 * share - 1.0) * (cut_above - 0.5)
    )
    z: Any = ndtri(np.clip(kept, _TINY, 1.0 - _TINY))
    value = p50 + np.where(z < 0.0, below, above) * z
    return np.asarray(np.clip(np.exp(value) if dist.log else value, dist.lower, dist.upper), dtype=np.float64)


def _beta(numbers: tuple[float, ...], share: "Floats") -> "Floats":
    """Beta quantiles on [min, max] with the mean and standard deviation as given (method of moments)."""
    import numpy as np
    from scipy.special import betaincinv

    mean, sd, low, high = numbers
    m, s = (mean - low) / (high - low), sd / (high - low)
    weight = m * (1.0 - m) / s**2 - 1.0
    unit: Any = betaincinv(m * weight, (1.0 - m) * weight, share)
    return np.asarray(low + (high - low) * unit, dtype=np.float64)


def _sample_quantile(dist: Distribution, shares: Sequence[float]) -> list[float]:
    """Smallest value at which the summed weights exceed each share."""
    ends = list(accumulate(dist.weights))
    last = len(ends) - 1
    return [dist.numbers[min(bisect.bisect_right(ends, share * ends[-1]), last)] for share in shares]


def _triangular(numbers: tuple[float, ...], share: "Floats") -> "Floats":
    import numpy as np

    low, mode, high = numbers
    width = high - low
    if width == 0.0:
        return np.full(share.shape, low)
    left = low + np.sqrt(share * width * (mode - low))
    right = high - np.sqrt((1.0 - share) * width * (high - mode))
    return np.where(share < (mode - low) / width, left, right)
