"""Options: what they do, who has the last word, and what makes no sense."""

from __future__ import annotations

import pytest
from measures import ai, logic

TELLING = """
import json
import pytest
from pytest_evalmd import Reply

class Judge:
    async def complete(self, request):
        print("MODEL", request.model, json.dumps(dict(request.parameters)))
        return Reply(text='{"reason": "so", "response": "calm"}')

@pytest.fixture(scope="session")
def llm_client():
    return Judge()
"""


@pytest.fixture
def models(pytester, write_case):
    """Have a judge that says as whom it was asked; give what it said, by run."""
    pytester.makeconftest(TELLING)

    def ask(*args, front=""):
        write_case(ai("tone"), {"tone": "calm"}, front=front)
        live = "--evalmd-mode=live"
        result = pytester.runpytest_inprocess("-s", "-W", "error", live, *args)
        result.assert_outcomes(passed=1)
        return [line.split("MODEL ")[1] for line in result.outlines if "MODEL" in line]

    return ask


def test_who_names_the_judge(models, pytester, monkeypatch):
    in_case = "judge:\n  model: from-case"

    assert models() == [" {}"]
    pytester.makeini("[pytest]\nevalmd_judge_model = from-ini\n")
    assert models() == ["from-ini {}"]
    monkeypatch.setenv("EVALMD_JUDGE_MODEL", "from-environment")
    assert models() == ["from-environment {}"]
    assert models(front=in_case) == ["from-case {}"]
    assert models("--judge-model=from-option", front=in_case) == ["from-option {}"]


def test_parameters_reach_the_request(models, pytester):
    pytester.makeini(
        """
        [pytest]
        evalmd_judge_parameters =
            temperature: 0
            reasoning_effort: "low"
            stop: ["a", "b"]
            flag: true
        """
    )

    assert models("--judge-model=m") == [
        'm {"temperature": 0, "reasoning_effort": "low", "stop": ["a", "b"], '
        '"flag": true}'
    ]


@pytest.mark.parametrize(
    ("ini", "said"),
    [
        ("evalmd_judge_parameters = hot", "evalmd_judge_parameters: got 'hot'; *"),
        ("evalmd_judge_parameters = a b: 1", "evalmd_judge_parameters: got 'a b: 1';*"),
        ("evalmd_judge_parameters = a: [1", "evalmd_judge_parameters: *"),
        ("evalmd_logic_timeout = soon", "evalmd_logic_timeout: got 'soon'; expected *"),
        ("evalmd_logic_timeout = 0", "evalmd_logic_timeout: got '0'; expected a *"),
        ("evalmd_logic_timeout = nan", "evalmd_logic_timeout: got 'nan'; expected *"),
        ("evalmd_logic_memory = 99999", "evalmd_logic_memory: got '99999'; expected *"),
        ("evalmd_logic_stack = 1", "evalmd_logic_stack: got '1'; expected a number *"),
    ],
)
def test_what_makes_no_sense(run_here, pytester, ini, said):
    pytester.makeini(f"[pytest]\n{ini}\n")

    result = run_here()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    errors = [line for line in result.errlines if line.strip()]
    assert len(errors) == 1
    result.stderr.fnmatch_lines([f"ERROR: {said}"])


def test_limits_of_logic_end_that_measure_only(run, write_case):
    deep = "function f(n) { return n ? 1 + f(n - 1) : 0; }\nreturn f(1e6);"
    big = "const a = [];\nwhile (true) a.push(new Array(1e5).fill(1));"
    measures = (
        logic("endless", "while (true) {}")
        + logic("deep", deep)
        + logic("big", big)
        + logic("fine", "return 1;")
    )
    write_case(measures, {"fine": "1"})

    result = run("-o", "evalmd_logic_timeout=0.5", "-o", "evalmd_logic_memory=8")

    result.assert_outcomes(passed=1, errors=3)
    result.stdout.fnmatch_lines_random(
        [
            "ERROR case.md::endless - logic used more than 0.5 s of CPU time*",
            "ERROR case.md::deep - *",
            "ERROR case.md::big - *",
        ]
    )
    assert "Traceback" not in result.stdout.str()


def test_the_help_names_every_option(run_here):
    result = run_here("--help")

    result.stdout.fnmatch_lines_random(
        [
            "*--update-results*",
            "*--evalmd-mode=*",
            "*--judge-model=NAME*",
            "*evalmd_judge_parameters (linelist):*",
            "*evalmd_logic_timeout (string):*",
        ]
    )
