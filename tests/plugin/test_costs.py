"""What a run costs: told after it, told before it, and capped."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from measures import ai, logic

CLIENT = """
import json
import pytest
from pytest_evalmd import Reply, Usage

class Judge:
    async def complete(self, request):
        with open("asked.txt", "a") as log:
            log.write("asked ")
        task = request.messages[1].content.split("The task:")[1].split()[0]
        text = json.dumps({"reason": "so", "response": task})
        return Reply(text=text, usage=Usage(asked=1000, answered=100, cached=400))

@pytest.fixture(scope="session")
def llm_client():
    return Judge()
"""
MEASURES = ai("one") + ai("two") + logic("plain", "return 1;")
RESULTS = {"one": "ONE", "two": "TWO", "plain": "1"}
TWO_ASKED = (
    "judge: 2 asked, 0 remembered; tokens: 2,000 asked (800 cached), 200 answered"
)


@pytest.fixture
def asked(pytester):
    pytester.makeconftest(CLIENT)
    log = pytester.path / "asked.txt"

    def count():
        number = len(log.read_text().split()) if log.exists() else 0
        log.unlink(missing_ok=True)
        return number

    return count


def judge_lines(result):
    return [line for line in result.outlines if line.startswith("judge: ")]


def test_the_last_lines_of_a_run(run, asked, write_case):
    write_case(MEASURES, RESULTS)

    assert judge_lines(run()) == [TWO_ASKED]
    assert judge_lines(run()) == ["judge: 0 asked, 2 remembered"]
    assert judge_lines(run("-q", "--evalmd-mode=live")) == [TWO_ASKED]


def test_a_run_without_a_judge_says_nothing(run_here, asked, write_case):
    write_case(MEASURES, RESULTS)

    assert judge_lines(run_here("-k", "plain")) == []


def test_what_was_skipped(run, asked, write_case):
    write_case(MEASURES, RESULTS)

    result = run("--evalmd-mode=off")

    result.assert_outcomes(passed=1, skipped=2)
    assert judge_lines(result) == ["judge: 0 asked, 0 remembered, 2 skipped"]
    assert asked() == 0


def test_properties_of_junit(run, pytester, asked, write_case):
    write_case(MEASURES, RESULTS)
    names = ("evalmd_requests", "evalmd_tokens_asked", "evalmd_tokens_answered")

    def properties():
        run("--junitxml=out.xml")
        root = ElementTree.parse(pytester.path / "out.xml")
        return {
            case.get("name"): {
                p.get("name"): p.get("value") for p in case.iter("property")
            }
            for case in root.iter("testcase")
        }

    first = properties()
    assert [first["one"][name] for name in names] == ["1", "1000", "100"]
    assert first["one"]["evalmd_tokens_cached"] == "400"
    assert first["plain"] == {}
    assert properties()["one"] == {"evalmd_remembered": "1"}


def test_collect_only_tells_what_would_be_asked(run_here, asked, write_case):
    write_case(MEASURES, RESULTS, name="a.md")
    (line,) = judge_lines(run_here("--collect-only"))
    assert line.startswith("judge: would ask 2, 0 remembered; about 1,0")
    assert line.endswith(" tokens, guessed for 2 requests never asked before")
    assert asked() == 0
    run_here()
    asked()

    assert judge_lines(run_here("--collect-only", "-q")) == [
        "judge: would ask 0, 2 remembered"
    ]
    assert judge_lines(run_here("--collect-only", "--judge-model=new")) == [
        "judge: would ask 2, 0 remembered; about 2,200 tokens"
    ]
    assert judge_lines(
        run_here("--collect-only", "--evalmd-mode=live", "-k", "one")
    ) == ["judge: would ask 1, 0 remembered; about 1,100 tokens"]
    assert judge_lines(run_here("--collect-only", "--evalmd-mode=replay")) == []
    assert asked() == 0


def test_one_request_that_was_never_asked(run_here, asked, write_case):
    write_case(ai("one"), {"one": "ONE"})

    (line,) = judge_lines(run_here("--collect-only"))

    assert line.endswith("guessed for 1 request never asked before")


def test_a_cap_on_requests(run_here, asked, write_case):
    write_case(MEASURES, RESULTS)

    result = run_here("--evalmd-max-requests=1")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: judge: would ask 2, 0 remembered; *: more than "
            "--evalmd-max-requests=1 allows; nothing was asked"
        ]
    )
    assert asked() == 0
    run_here("--evalmd-max-requests=2").assert_outcomes(passed=3)
    run_here("--evalmd-max-requests=0").assert_outcomes(passed=3)
    assert asked() == 2


def test_a_cap_on_tokens(run_here, asked, write_case):
    write_case(MEASURES, RESULTS)
    guessed = run_here("--evalmd-max-tokens=999")
    assert (guessed.ret, asked()) == (pytest.ExitCode.USAGE_ERROR, 0)
    run_here("--evalmd-max-tokens=2000").assert_outcomes(passed=3)
    assert asked() == 2

    result = run_here("--evalmd-max-tokens=2199", "--evalmd-mode=live")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert asked() == 0
    given = ("--evalmd-max-tokens=2200", "--evalmd-mode=live")
    run_here(*given).assert_outcomes(passed=3)


def test_a_cap_with_workers(pytester, asked, write_case):
    for n in range(3):
        write_case(MEASURES, RESULTS, name=f"{n}.md")

    result = pytester.runpytest_subprocess("-n2", "--evalmd-max-requests=5")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=3, errors=6)
    result.stdout.fnmatch_lines(["*--evalmd-max-requests=5 allows; nothing was asked*"])
    assert asked() == 0


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_cap_and_a_broken_recordings_file(pytester, asked, write_case, workers):
    write_case(MEASURES, RESULTS)
    path = pytester.path / "__evalmd__/case.json"
    path.parent.mkdir()
    path.write_text("{")

    result = pytester.runpytest_subprocess("--evalmd-max-requests=9", *workers)

    said = result.stdout.str() + result.stderr.str()
    assert result.ret != 0
    assert "case.json: not JSON" in said
    assert "INTERNALERROR" not in said
    assert asked() == 0


def test_measures_below_one_that_has_to_be_asked_count(run_here, asked, write_case):
    chain = ai("first") + logic("size", "return input.length;", input="first")
    chain += ai("last", input="size")
    recorded = {"first": "FIRST", "size": "5", "last": "LAST"}
    write_case(chain, recorded)
    run_here().assert_outcomes(passed=3)
    write_case(chain.replace("prompt: FIRST", "prompt: FIRST again"), recorded)

    (line,) = judge_lines(run_here("--collect-only", "case.md::last"))

    assert line == "judge: would ask 2, 0 remembered; about 2,200 tokens"


def test_samples_count_each(run_here, asked, write_case):
    write_case(ai("one", samples="3"), {"one": "ONE"})

    (line,) = judge_lines(run_here("--collect-only"))

    assert line.startswith("judge: would ask 3, 0 remembered")
