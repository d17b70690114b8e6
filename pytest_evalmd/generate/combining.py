"""A template and values -> cases: combinations, unions, ids that are taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod

from pytest_evalmd.case.problems import CaseError, Problem, Problems, nearest, shorten
from pytest_evalmd.generate.config import Config
from pytest_evalmd.generate.layout import lay_out
from pytest_evalmd.generate.placeholders import fill
from pytest_evalmd.generate.rendering import rename, render, text_of
from pytest_evalmd.generate.template import RawMeasure, Template

MAX_COMBINATIONS = 100_000
"""Of one template and config; more is a slip."""


@dataclass(slots=True, kw_only=True)
class Union:
    """What all combinations with the same query want to know."""

    query: str
    measures: list[RawMeasure] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    by_description: dict[str, str] = field(default_factory=dict)
    """The ids of its measures."""

    def add(self, rendered: Iterable[RawMeasure]) -> None:
        """Add the measures of a combination that are new."""
        ids: dict[str, str] = {}
        """By those that the template gives; inputs name these."""
        new: list[tuple[RawMeasure, str]] = []
        for measure in rendered:
            given = text_of(measure, "id") or ""
            description = text_of(measure, "description")
            if description in self.by_description:
                ids.setdefault(given, self.by_description[description])
                continue
            own = self._free(given)
            ids.setdefault(given, own)
            new.append((measure, own))
            if description is not None:
                self.by_description[description] = own
        self.measures += [rename(measure, own, ids) for measure, own in new]

    def _free(self, given: str) -> str:
        name, number = given, 1
        while name and name in self.ids:
            number += 1
            name = f"{given}_{number}"
        self.ids.add(name)
        return name


def generate(
    template: Template, config: Config, *, allow_undefined: bool = False
) -> list[str]:
    """Give the texts of a template's cases with a config's values, in order.

    Raises:
        CaseError: it can't be done; the lines are the template's.
    """
    values, undefined = _values(template, config)
    problems = Problems()
    if not allow_undefined:
        for name in undefined:
            problems.add(template.placeholders[name], _undefined(name, config))
    count = prod(map(len, values.values()))
    if count > MAX_COMBINATIONS:
        message = f"{count} combinations; expected at most {MAX_COMBINATIONS}"
        problems.add(template.query_line, message)
    if problems.found:
        raise CaseError(problems.found)
    unions = unite(template, values, problems)
    if problems.found:
        raise CaseError(_once(problems.found, config))
    texts = []
    for number, union in enumerate(unions, 1):
        laid_out = lay_out(union.query, union.measures, template.query_line)
        for problem in laid_out.problems(complete=not undefined):
            problems.add(problem.line, f"{problem.message} (query-{number})")
        texts.append(laid_out.text)
    if problems.found:
        raise CaseError(_once(problems.found, config))
    return texts


def unite(
    template: Template, values: Mapping[str, Sequence[str]], problems: Problems
) -> list[Union]:
    """Give a union for each different query, in the order in which they come up."""
    unions: dict[str, Union] = {}
    for combination in combinations(values):
        query = fill(template.query, combination)
        union = unions.setdefault(query, Union(query=query))
        union.add(render(one, combination, problems) for one in template.measures)
    return list(unions.values())


def combinations(values: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Give every combination of values, the last name's changing fastest."""
    for combination in product(*values.values()):
        yield dict(zip(values, combination, strict=True))


def _values(
    template: Template, config: Config
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Give the values of the placeholders used, and which are not defined."""
    undefined = [name for name in template.placeholders if name not in config.values]
    missing = {name: (f"[{name.upper()}_UNDEFINED]",) for name in undefined}
    every = {**config.values, **missing}
    return {name: every[name] for name in template.placeholders}, undefined


def _undefined(name: str, config: Config) -> str:
    return (
        f"undefined placeholder, got {shorten(name)!r}{nearest(name, config.values)}; expected "
        f"one that the config {config.name!r} defines (or --allow-undefined)"
    )


def _once(problems: Iterable[Problem], config: Config) -> list[Problem]:
    """Tell what is wrong with many combinations of a config for the first only."""
    first: dict[tuple[int, str], Problem] = {}
    for one in problems:
        first.setdefault((one.line, one.message.rpartition(" (query-")[0]), one)
    return [
        Problem(line=one.line, message=f"{one.message} with config {config.name!r}")
        for one in first.values()
    ]
