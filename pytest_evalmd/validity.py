"""Whether a judge's response is valid for its measure, a user's schema included."""

from __future__ import annotations

from pytest_evalmd.case.model import Measure
from pytest_evalmd.case.values import Value
from pytest_evalmd.judge.reply import ProblemOf, reply_problem
from pytest_evalmd.logic.sandbox import Sandbox


def problem_of(measure: Measure, sandbox: Sandbox) -> ProblemOf:
    """Make the check of a value; a schema is checked within the sandbox's limits."""

    def find(value: Value) -> str | None:
        problem = reply_problem(measure)(value)
        if problem or measure.schema is None:
            return problem
        return sandbox.schema_error(measure.schema, value)

    return find
