"""Statistics of changes and of agreement: the standard library only; pure.

Each agrees to 1e-9 with scipy, statsmodels or scikit-learn
(``tests/reference/make_statistics.py``).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from random import Random
from typing import NamedTuple

ALPHA = 0.05
"""How often noise alone may look like a change."""
Z = 1.959963984540054
"""Of the normal distribution, 95 % lies within this many deviations of its mean."""
DRAWS = 2000
SEED = 20261120
MAX_RESAMPLED = 500
"""With more clusters than this, intervals of a mean come from its standard error."""


class Interval(NamedTuple):
    """What 95 % of such intervals hold: the true value."""

    low: float
    high: float


class Kappa(NamedTuple):
    """Agreement beyond chance: 1 is perfect, 0 is what chance gives."""

    value: float
    interval: Interval


def mcnemar(worse: int, better: int) -> float:
    """Give the chance of at least so many changes for the worse, if none were real.

    McNemar's exact test, one-sided: of ``n = worse + better`` cases that changed, each
    is as likely to be worse as better, so ``p = sum(C(n, i) for i >= worse) / 2**n``.
    Cases that did not change say nothing. Source: McNemar 1947; ``scipy.stats.binomtest``
    with ``alternative='greater'``.

    Returns:
        the p-value; 1 if nothing changed.
    """
    if worse <= better:  # by symmetry, so that the sum below is of small terms
        return 1 - _upper_tail(better + 1, worse - 1)
    return _upper_tail(worse, better)


def _upper_tail(heads: int, tails: int) -> float:
    """Give P(X >= heads) of ``heads + tails`` tosses, where heads are the majority."""
    if tails < 0:
        return 0.0
    total = term = 1.0
    for left in range(tails, 0, -1):
        term *= left / (heads + tails - left + 1)
        total += term
        if term < total * 1e-17:
            break
    return math.comb(heads + tails, tails) / (1 << (heads + tails)) * total


def needed(better: int) -> int:
    """Give how many have to be worse, if so many are better, to be more than noise."""

    def enough(worse: int) -> bool:
        return mcnemar(worse, better) <= ALPHA

    return bisect_left(range(2 * better + 10), True, lo=better, key=enough)


def wilson(successes: int, n: int) -> Interval:
    """Give the 95 % interval of a rate.

    Wilson's: centre ``(p + z²/2n) / (1 + z²/n)``, half-width
    ``z·sqrt(p(1-p)/n + z²/4n²) / (1 + z²/n)``; unlike the textbook's it holds for few
    cases and for rates of 0 and 1. Source: Wilson 1927; ``statsmodels``'
    ``proportion_confint(method='wilson')``.

    Returns:
        within 0 to 1; all of it if ``n`` is 0.
    """
    if n == 0:
        return Interval(0.0, 1.0)
    rate, z2n = successes / n, Z * Z / n
    centre = (rate + z2n / 2) / (1 + z2n)
    half = Z * math.sqrt(rate * (1 - rate) / n + z2n / (4 * n)) / (1 + z2n)
    low = 0.0 if successes == 0 else centre - half
    return Interval(low, 1.0 if successes == n else centre + half)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values of several tests so that one false alarm stays rare.

    The i-th smallest of m becomes ``max over j <= i of (m - j + 1)·p_j``, at most 1.
    Source: Holm 1979; ``statsmodels``' ``multipletests(method='holm')``.

    Returns:
        the adjusted p-values, in the order given.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    ranked = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, place in enumerate(ranked):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def mean(clusters: Sequence[Sequence[float]]) -> float:
    """Give the mean of all values; there is one at least."""
    return math.fsum(map(math.fsum, clusters)) / sum(map(len, clusters))


def mean_interval(clusters: Sequence[Sequence[float]]) -> Interval | None:
    """Give the 95 % interval of a mean of values that come in clusters, such as cases.

    Up to ``MAX_RESAMPLED`` clusters by the percentile bootstrap: clusters are drawn with
    replacement ``DRAWS`` times, with a fixed seed, and the interval holds the middle
    95 % of the means. Beyond, where the two agree, by the clustered standard error:
    ``mean ± z·SE``, ``SE² = G/(G-1) · sum(sum(x - mean)²) / n²`` over G clusters of n
    values in all. Source: Efron 1979; Miller, arXiv 2411.00640; ``statsmodels``' OLS with
    ``cov_type='cluster'``.

    Args:
        clusters: the same ones give the same interval, in the same order.

    Returns:
        ``None`` of fewer than two clusters, which tell nothing of how clusters differ.
    """
    if len(clusters) < 2:
        return None
    if len(clusters) > MAX_RESAMPLED:
        return _by_standard_error(clusters)
    sums, sizes = [math.fsum(c) for c in clusters], [len(c) for c in clusters]
    means = sorted(sum(draw(sums)) / sum(draw(sizes)) for draw in _draws(len(clusters)))
    return Interval(_quantile(means, 0.025), _quantile(means, 0.975))


@lru_cache(maxsize=4)
def _draws(n: int) -> list[Callable[[Sequence[float]], tuple[float, ...]]]:
    """Give ``DRAWS`` functions that each draw n of n with replacement; n is 2 or more."""
    random = Random(SEED).random
    return [
        itemgetter(
            *[int(random() * n) for _ in range(n)]
        )  # as it is documented to stay
        for _ in range(DRAWS)
    ]


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Interpolate between the two nearest, as numpy does by default."""
    place, part = divmod(share * (len(ordered) - 1), 1)
    low, high = ordered[int(place)], ordered[math.ceil(share * (len(ordered) - 1))]
    return low + (high - low) * part


def _by_standard_error(clusters: Sequence[Sequence[float]]) -> Interval:
    centre, groups = mean(clusters), len(clusters)
    squares = math.fsum(math.fsum(x - centre for x in c) ** 2 for c in clusters)
    error = math.sqrt(groups / (groups - 1) * squares) / sum(map(len, clusters))
    return Interval(centre - Z * error, centre + Z * error)


def confusion(
    pairs: Iterable[tuple[Hashable, Hashable]], categories: Sequence[Hashable]
) -> list[list[int]]:
    """Count which category the first rater chose where the second chose which.

    Args:
        pairs: what the two chose, each one of the categories.
        categories: rows and columns, in this order; a cost grows with their square.

    Returns:
        a row for each category of the first rater. Source: ``sklearn.metrics``'
        ``confusion_matrix``.
    """
    place = {category: n for n, category in enumerate(categories)}
    table = [[0] * len(categories) for _ in categories]
    for first, second in pairs:
        table[place[first]][place[second]] += 1
    return table


def agreement(table: Sequence[Sequence[int]]) -> float | None:
    """Give the share of pairs that agree; ``None`` if there is no pair."""
    n = sum(map(sum, table))
    return sum(row[i] for i, row in enumerate(table)) / n if n else None


def kappa(
    table: Sequence[Sequence[int]], scores: Sequence[float] | None = None
) -> Kappa | None:
    """Give Cohen's kappa: how much two raters agree beyond chance.

    ``1 - D/E``, where D is the disagreement that was seen and E the one that chance would
    give with the same margins; a pair of categories counts 1, or with ``scores`` the
    square of how far they are apart. The interval is the large-sample one,
    ``kappa ± z·SE`` cut to -1 to 1, ``SE² = (sum(p·x²) - D²) / (n·E²)``, where x is
    ``(1 - kappa)·(row mean + column mean) - weight``: too narrow for few pairs, and of
    no width if all agree. Source: Cohen 1960, 1968; Fleiss, Cohen and Everitt 1969;
    ``statsmodels``' ``cohens_kappa``.

    Args:
        table: what ``confusion`` gives.
        scores: what each category is worth, for ratings; ``None`` for mere names.

    Returns:
        ``None`` where it is not defined: no pair, or only one category in use.
    """
    n, places = sum(map(sum, table)), range(len(table))
    if n == 0:
        return None
    apart = [[_apart(i, j, scores) for j in places] for i in places]
    rows = [sum(row) / n for row in table]
    columns = [sum(column) / n for column in zip(*table, strict=True)]
    by_row = [_dot(weights, columns) for weights in apart]
    by_column = [_dot(weights, rows) for weights in apart]
    expected = _dot(rows, by_row)
    if expected == 0:
        return None
    cells = [(table[i][j] / n, i, j) for i in places for j in places if table[i][j]]
    seen = math.fsum(p * apart[i][j] for p, i, j in cells)
    rest = seen / expected
    x2 = (
        p * (rest * (by_row[i] + by_column[j]) - apart[i][j]) ** 2 for p, i, j in cells
    )
    half = Z * math.sqrt(max(0.0, math.fsum(x2) - seen**2) / n) / expected
    low, high = max(-1.0, 1 - rest - half), min(1.0, 1 - rest + half)
    return Kappa(1 - rest, Interval(low, high))


def _apart(row: int, column: int, scores: Sequence[float] | None) -> float:
    if scores is None:
        return float(row != column)
    return float((scores[row] - scores[column]) ** 2)


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return math.fsum(x * y for x, y in zip(left, right, strict=True))
