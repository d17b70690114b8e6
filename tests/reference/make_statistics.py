"""Makes statistics.json, which tests/core/test_stats.py holds our statistics against.

Run it by hand; scipy, statsmodels and scikit-learn are not among what the tests need:

    python -m venv /tmp/reference
    /tmp/reference/bin/pip install scipy statsmodels scikit-learn
    /tmp/reference/bin/python tests/reference/make_statistics.py
"""

from __future__ import annotations

import json
import math
import random
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import statsmodels.api as sm
from scipy.stats import binomtest, bootstrap
from sklearn.metrics import accuracy_score, cohen_kappa_score, confusion_matrix
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

DRAWS, SEED = 2000, 20261120
"""As in pytest_evalmd/verdict/stats.py."""

CHANGES = [(0, 0), (0, 5), (1, 0), (4, 0), (5, 0), (6, 1), (7, 1), (3, 3), (2, 3)]
CHANGES += [(30, 15), (100, 80), (80, 100), (999, 1000), (1100, 1000), (5200, 5000)]
RATES = [(0, 0), (0, 1), (1, 1), (0, 30), (30, 30), (1, 30), (29, 30), (95, 100)]
RATES += [(50, 100), (99_999, 100_000)]
P_VALUES = [[], [0.04], [0.01, 0.04, 0.03], [0.5, 0.5], [0.9, 0.6, 0.8], [1.0, 0.0]]
P_VALUES += [[0.01, 0.02, 0.02, 0.001, 0.3, 1.0]]
SMALL = [
    [[1.0], [1.0]],
    [[0.0], [0.0], [0.0]],
    [[-1.0], [2.0], [0.5], [0.0], [-3.0], [1.0]],
    [[-1.0, -2.0], [0.5], [0.0, 0.0, 1.0], [-3.0], [1.0, -1.0]],
    [[(i * 37 % 11 - 6) / 4] for i in range(100)],
]
LARGE = [
    [[float(i * 37 % 11 - 6)] for i in range(501)],
    [[float(i * j * 37 % 11 - 6) for j in range(1 + i % 3)] for i in range(600)],
    [[2.0]] * 501,
]
TABLES = {
    "agreement of 90 %, as many of each": [[45, 5], [5, 45]],
    "agreement of 90 %, most are one": [[85, 5], [5, 5]],
    "perfect": [[10, 0], [0, 20]],
    "never": [[0, 7], [9, 0]],
    "independent": [[4, 6], [8, 12]],
    "one category": [[12]],
    "one of two categories in use": [[12, 0], [0, 0]],
    "one rater always says the same": [[3, 0], [4, 0]],
    "empty": [[0, 0], [0, 0]],
    "ratings": [[11, 3, 0, 0], [2, 14, 4, 1], [0, 3, 9, 2], [0, 0, 1, 7]],
    "an unused rating": [[5, 0, 1], [0, 0, 0], [2, 0, 6]],
}
SCORES = [1.0, 2.0, 5.0, 9.0]


def number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def resampled(clusters: list[list[float]]) -> list[float]:
    draw = random.Random(SEED).random
    n = len(clusters)
    means = []
    for _ in range(DRAWS):
        drawn = [clusters[int(draw() * n)] for _ in range(n)]
        means.append(np.mean(np.concatenate(drawn)))
    return np.quantile(means, [0.025, 0.975]).tolist()


def by_scipy(clusters: list[list[float]]) -> list[float] | None:
    if any(len(c) > 1 for c in clusters) or len({c[0] for c in clusters}) == 1:
        return None
    data = (np.array([c[0] for c in clusters]),)
    found = bootstrap(
        data,
        np.mean,
        n_resamples=50_000,
        method="percentile",
        rng=np.random.default_rng(1),
    )
    return [*map(float, found.confidence_interval)]


def by_least_squares(clusters: list[list[float]]) -> list[float]:
    values = np.concatenate(clusters)
    groups = np.concatenate([[i] * len(c) for i, c in enumerate(clusters)])
    model = sm.OLS(values, np.ones(len(values)))
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=False)
    return fit.conf_int()[0].tolist()


def kappas(table: list[list[int]]) -> dict[str, object]:
    found: dict[str, object] = {}
    scores = {
        "names": None,
        "ranks": [*range(len(table))],
        "scores": SCORES[: len(table)],
    }
    for name, weights in scores.items():
        wt = None if weights is None else "quadratic"
        given = None if weights is None else np.array(weights, float)
        try:
            result = cohens_kappa(np.array(table, float), weights=given, wt=wt)
            three = [result.kappa, result.kappa_low, result.kappa_upp]
        except (ValueError, IndexError, AssertionError):
            three = [math.nan] * 3
        found[name] = [number(x) for x in three]
    return found


def by_sklearn(table: list[list[int]]) -> dict[str, object]:
    labels = [*range(len(table))]
    pairs = [(i, j) for i in labels for j in labels for _ in range(table[i][j])]
    if not pairs:
        return {"pairs": pairs, "agreement": None, "names": None, "ranks": None}
    first, second = zip(*pairs, strict=True)
    assert confusion_matrix(first, second, labels=labels).tolist() == table
    quadratic = cohen_kappa_score(first, second, labels=labels, weights="quadratic")
    return {
        "pairs": pairs,
        "agreement": accuracy_score(first, second),
        "names": number(cohen_kappa_score(first, second, labels=labels)),
        "ranks": number(quadratic),
    }


def main() -> None:
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    table = {
        "made_by": {n: version(n) for n in ("scipy", "statsmodels", "scikit-learn")},
        "mcnemar": [
            {
                "worse": b,
                "better": c,
                "p": binomtest(b, b + c, 0.5, alternative="greater").pvalue
                if b + c
                else None,
            }
            for b, c in CHANGES
        ],
        "wilson": [
            {
                "successes": k,
                "n": n,
                "interval": [*map(float, proportion_confint(k, n, method="wilson"))]
                if n
                else None,
            }
            for k, n in RATES
        ],
        "holm": [
            {
                "p": p,
                "adjusted": multipletests(p, method="holm")[1].tolist() if p else [],
            }
            for p in P_VALUES
        ],
        "bootstrap": [
            {"clusters": c, "interval": resampled(c), "scipy": by_scipy(c)}
            for c in SMALL
        ],
        "standard_error": [
            {"clusters": c, "interval": by_least_squares(c)} for c in LARGE
        ],
        "kappa": {
            name: {
                "table": rows,
                "scores": SCORES[: len(rows)],
                "statsmodels": kappas(rows),
                "sklearn": by_sklearn(rows),
            }
            for name, rows in TABLES.items()
        },
    }
    text = json.dumps(table, allow_nan=False, indent=None, separators=(", ", ": "))
    for name in (key for key in table if key != "made_by"):
        text = text.replace(f'"{name}": ', f'\n"{name}": ', 1)
    path = Path(__file__).with_name("statistics.json")
    path.write_text(text.replace("}, {", "},\n {") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
