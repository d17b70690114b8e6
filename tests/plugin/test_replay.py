"""``--evalmd-mode=replay``: strict, and says which part of a request changed."""

from __future__ import annotations

import pytest
from measures import ai, logic

MEASURES = ai("poteligeo_strength", prompt='"Rate it. Say why."')
RESULTS = {"poteligeo_strength": "calm"}
START = "no reply is remembered for poteligeo_strength: "
SAME = "are the same); run with --evalmd-mode=auto to ask gpt-4.1 again"


@pytest.fixture
def recorded(run_here, judge, write_case):
    """Record a case with one judge; gives how often a judge was asked since."""

    def record(measures=MEASURES, results=None, *args, **more):
        judge(Rate='"calm"', LAST='"calm"')
        write_case(measures, results or RESULTS, **more)
        result = run_here("--judge-model=gpt-4.1", *args)
        assert result.ret == 0, result.stdout.str()
        return judge(Rate='"angry"')

    return record


@pytest.fixture
def replayed(run_here):
    def replay(*args):
        result = run_here("--evalmd-mode=replay", "--judge-model=gpt-4.1", *args)
        return [line.partition(": ")[2] for line in result.outlines if START in line]

    return replay


def test_nothing_changed(run, recorded):
    asked = recorded()

    run("--evalmd-mode=replay", "--judge-model=gpt-4.1").assert_outcomes(passed=1)

    assert asked() == 0


def today():
    import datetime

    return f"since {datetime.date.today().isoformat()} "


CHANGES = {
    "prompt": (
        {"measures": MEASURES.replace("Rate it.", "Rate all.")},
        "the prompt changed {}(model, answer and schema " + SAME,
    ),
    "answer": (
        {"answer": "Another."},
        "the answer changed {}(model, prompt and schema " + SAME,
    ),
    "schema": (
        {"measures": MEASURES.replace("output: text", "output: number")},
        "the schema changed {}(model, prompt and answer " + SAME,
    ),
    "samples": (
        {"measures": MEASURES + "  * samples: 3\n"},
        "3 samples are wanted, fewer are remembered; run with --evalmd-mode=auto to "
        "ask gpt-4.1",
    ),
}


@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES)
def test_what_changed_in_the_case(recorded, replayed, write_case, change, said):
    asked = recorded()
    write_case(**{"measures": MEASURES, "results": RESULTS} | change)

    (line,) = replayed()

    assert line == START + said.format(today())
    assert asked() == 0


def test_the_query(recorded, replayed, write_case):
    measures = MEASURES + "  * context: [query, answer]\n"
    recorded(measures)
    path = write_case(measures, RESULTS)
    path.write_text(path.read_text().replace("Which one?", "Which two?"))

    (line,) = replayed()

    assert line.startswith(START + "the query changed since")


def test_the_model_and_the_parameters(recorded, replayed, pytester):
    recorded()
    (model,) = replayed("--judge-model=gpt-5")
    (parameters,) = replayed("-o", "evalmd_judge_parameters=temperature: 0")

    assert model.startswith(START + "the model changed since")
    assert model.endswith("--evalmd-mode=auto to ask gpt-5 again")
    assert parameters.startswith(START + "the parameters changed since")


def test_the_protocol(recorded, replayed, monkeypatch):
    recorded()
    monkeypatch.setattr("pytest_evalmd.judge.question.PROTOCOL", 99)

    (line,) = replayed()

    assert line.startswith(START + "the judge protocol changed since")


def test_an_input(recorded, replayed, write_case):
    def chain(code):
        return logic("size", code) + MEASURES + "  * input: size\n"

    recorded(chain("return 1;"), RESULTS | {"size": "1"})
    write_case(chain("return 2;"), RESULTS)

    (line,) = replayed("-k", "poteligeo")

    assert line.startswith(START + "the input changed since")


def test_the_diff_of_a_prompt_is_shown(run_here, recorded, write_case):
    recorded()
    write_case(MEASURES.replace("Rate it.", "Rate all."), RESULTS)

    result = run_here("--evalmd-mode=replay", "--judge-model=gpt-4.1")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["-Rate it.", "+Rate all."])
    assert "-Say why." not in result.outlines


def test_nothing_is_remembered_at_all(run, judge, write_case):
    asked = judge(Rate='"calm"')
    chain = MEASURES + logic("after", "return 1;", input="poteligeo_strength")
    write_case(chain, RESULTS)

    result = run("--evalmd-mode=replay")

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines_random(
        [
            "case.md:*: no reply is remembered for poteligeo_strength; run with "
            "--evalmd-mode=auto to ask the judge",
            "case.md:*: blocked by poteligeo_strength: no reply is remembered*",
        ]
    )
    assert asked() == 0


def test_it_writes_nothing_and_needs_no_sdk(run, recorded, pytester):
    recorded()
    before = {p: p.read_bytes() for p in pytester.path.rglob("__evalmd__/*.json")}
    pytester.makeconftest("""
import sys
sys.modules["openai"] = None

""")

    run("--evalmd-mode=replay", "--judge-model=gpt-4.1").assert_outcomes(passed=1)

    assert before == {
        p: p.read_bytes() for p in pytester.path.rglob("__evalmd__/*.json")
    }


INTERLEAVED = """
    from pytest_evalmd.options import MEASURING

    def pytest_collection_modifyitems(items):
        items.sort(key=lambda item: item.name)

    def pytest_unconfigure(config):
        measuring = config.stash[MEASURING]
        held = [measuring.computing.found, measuring._settled]
        print("still held:", *held, measuring.judging._replies)
"""


def test_what_a_case_came_to_is_let_go_of_and_had_again(
    pytester, run_here, judge, write_case
):
    chain = MEASURES + logic("z", "return input;", input="poteligeo_strength")
    judge(Rate='"calm"')
    for name in ("one.md", "two.md"):
        write_case(chain, {**RESULTS, "z": "calm"}, name=name)
    assert run_here("--judge-model=gpt-4.1").ret == 0
    pytester.makeconftest(INTERLEAVED)

    result = run_here("--evalmd-mode=replay", "--judge-model=gpt-4.1", "-sv")

    result.assert_outcomes(passed=4)
    order = [line.split()[0] for line in result.outlines if " PASSED" in line]
    assert [name.partition("::")[0] for name in order] == 2 * ["one.md", "two.md"]
    result.stdout.fnmatch_lines(
        ["judge: 0 asked, 2 remembered", "still held: {} {} {}"]
    )
