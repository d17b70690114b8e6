"""What a run remembers and what the next one asks: requests, prefetch, clients."""

from __future__ import annotations

import json

import pytest
from measures import ai, logic

CLIENT = '''
import asyncio, json
from pathlib import Path
import pytest
from pytest_evalmd import Reply

def log(line):
    with open("log.txt", "a") as file:
        file.write(line + chr(10))

class Judge:
    """Replies with the last word of the task; tells how many it was asked at once."""
    in_flight = 0

    def __init__(self, wait_s=0.05):
        self.wait_s, self.closed = wait_s, False

    async def complete(self, request):
        task = request.messages[1].content.split("The task:")[1].split()[0]
        self.in_flight += 1
        log(f"ask {task} {self.in_flight}")
        await asyncio.sleep(self.wait_s)
        self.in_flight -= 1
        assert not self.closed, "asked after its teardown"
        return Reply(text=json.dumps({"reason": "so", "response": task}))

    def close(self):
        assert not self.in_flight, "torn down with replies on their way"
        self.closed = True
        log("close")

@pytest.fixture(scope=SCOPE)
def llm_client():
    judge = Judge(WAIT_S)
    yield judge
    judge.close()
'''


@pytest.fixture
def client(pytester):
    """Install a judge; gives the lines of its log, and then forgets them."""
    log = pytester.path / "log.txt"

    def install(scope="session", wait_s=0.05, more=""):
        text = CLIENT.replace("SCOPE", repr(scope)).replace("WAIT_S", repr(wait_s))
        pytester.makeconftest(text + more)

        def lines():
            found = log.read_text().splitlines() if log.exists() else []
            log.unlink(missing_ok=True)
            return found

        return lines

    return install


def asked(lines):
    return [line.split()[1] for line in lines if line.startswith("ask")]


def most_at_once(lines):
    return max(int(line.split()[2]) for line in lines if line.startswith("ask"))


def results(*names, **more):
    return {name: name.upper() for name in names} | more


def test_nothing_is_asked_twice_over_runs(run, client, write_case):
    log = client()
    for n in range(3):
        recorded = results("one", "two")
        write_case(ai("one") + ai("two"), recorded, name=f"{n}.md", answer=f"A{n}")

    run().assert_outcomes(passed=6)
    assert sorted(asked(log())) == ["ONE"] * 3 + ["TWO"] * 3
    run().assert_outcomes(passed=6)
    assert log() == []


def test_what_is_written_and_where(run_here, pytester, client, write_case):
    client()
    write_case(ai("one"), results("one"), name="a/x.md")
    write_case(ai("one"), results("one"), name="b/x.md")

    run_here().assert_outcomes(passed=2)

    found = sorted(p for p in pytester.path.rglob("*") if "__evalmd__" in p.parts)
    names = [str(p.relative_to(pytester.path)) for p in found if p.is_file()]
    assert names == [
        *("a/__evalmd__/.spool/.gitignore", "a/__evalmd__/x.json"),
        *("b/__evalmd__/.spool/.gitignore", "b/__evalmd__/x.json"),
    ]
    document = json.loads((pytester.path / "a/__evalmd__/x.json").read_text())
    assert list(document) == ["format", "case", "measures"]


def test_one_changed_prompt_is_one_request(run_here, client, write_case):
    log = client()
    measures, recorded = "", {}
    for n in range(20):
        measures += ai(f"m{n}")
        recorded |= results(f"m{n}")
    write_case(measures, recorded)
    run_here().assert_outcomes(passed=20)
    log()
    write_case(measures.replace("prompt: M7", "prompt: M7 now"), recorded)

    run_here().assert_outcomes(passed=20)

    assert asked(log()) == ["M7"]


def test_cases_that_ask_the_same_share_a_reply(run_here, client, write_case):
    log = client()
    for n in range(3):
        write_case(ai("one"), results("one"), name=f"{n}.md")

    run_here().assert_outcomes(passed=3)
    assert asked(log()) == ["ONE"]
    run_here("1.md").assert_outcomes(passed=1)  # each remembers it
    assert log() == []


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("--judge-model=other",), 2),
        (("--evalmd-concurrency=1",), 0),
        (("-o", "evalmd_timeout=7"), 0),
        (("-o", "evalmd_judge_parameters=temperature: 0"), 2),
    ],
)
def test_what_is_asked_again(run_here, monkeypatch, client, write_case, args, expected):
    log = client()
    write_case(ai("one") + ai("two"), results("one", "two"))
    run_here("--judge-model=first").assert_outcomes(passed=2)
    log()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another-one")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")

    given = ("--judge-model=first", *args)
    run_here(*given).assert_outcomes(passed=2)

    assert len(asked(log())) == expected


@pytest.mark.parametrize("scope", ["module", "package", "session"])
def test_what_a_client_will_be_asked_is_asked_at_once(
    run_here, client, write_case, scope
):
    log = client(scope)
    names = [f"m{n}" for n in range(12)]
    write_case("".join(map(ai, names)), results(*names))

    run_here("--evalmd-concurrency=5").assert_outcomes(passed=12)

    lines = log()
    assert most_at_once(lines) == 5
    assert asked(lines)[0] == "M0"
    assert sorted(asked(lines)) == sorted(name.upper() for name in names)
    assert lines[-1] == "close"


def test_a_client_of_each_function_is_asked_by_its_own_item(
    run_here, client, write_case
):
    log = client("function", 0.0)
    write_case(ai("one") + ai("two"), results("one", "two"))

    run_here().assert_outcomes(passed=2)

    assert log() == ["ask ONE 1", "close", "ask TWO 1", "close"]


CHAIN = (
    ai("first")
    + logic("second", "return input + '!';", input="first")
    + ai("third", input="second")
    + logic("fourth", "return input.length;", input="third")
)
CHAIN_RESULTS = {"first": "FIRST", "second": "FIRST!", "third": "THIRD", "fourth": "5"}


def test_a_chain_of_judges_and_code(run, client, write_case):
    log = client()
    for n in range(3):
        write_case(CHAIN, CHAIN_RESULTS, name=f"{n}.md", answer=f"A{n}")

    run().assert_outcomes(passed=12)
    assert sorted(asked(log())) == ["FIRST"] * 3 + ["THIRD"] * 3
    run("--evalmd-mode=replay").assert_outcomes(passed=12)
    assert log() == []


def test_inputs_that_are_not_selected(run_here, client, write_case):
    log = client()
    write_case(CHAIN, CHAIN_RESULTS)

    run_here("case.md::fourth").assert_outcomes(passed=1)
    assert asked(log()) == ["FIRST", "THIRD"]
    run_here("-k", "third or fourth").assert_outcomes(passed=2)
    assert log() == []


def test_a_failed_input_blocks_what_needs_it_and_is_not_remembered(
    run_here, pytester, client, write_case
):
    log = client(
        more="""
async def complete(self, request):
    log("ask NO 1")
    raise ValueError("out of order")

if Path("broken").exists():
    Judge.complete = complete
"""
    )
    write_case(CHAIN, CHAIN_RESULTS)
    (pytester.path / "broken").touch()

    result = run_here("--evalmd-concurrency=2")

    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(["*blocked by first: llm_client raised ValueError*"])
    assert asked(log()) == ["NO"]
    (pytester.path / "broken").unlink()
    run_here().assert_outcomes(passed=4)


def test_a_client_that_is_torn_down_in_the_middle(run_here, client, write_case):
    """Its items don't stand together: what could not be asked is asked later."""
    log = client(
        "module",
        more="""
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.name)
""",
    )
    names = [f"m{n}" for n in range(3)]
    for case in "abc":
        write_case(
            "".join(map(ai, names)), results(*names), name=f"{case}.md", answer=case
        )

    result = run_here("--evalmd-concurrency=1")

    result.assert_outcomes(passed=9)
    assert sorted(asked(log())) == sorted(n.upper() for n in names * 3)


def test_x_stops_new_requests_and_keeps_replies_on_their_way(
    run_here, pytester, client, write_case
):
    log = client(wait_s=0.1)
    names = [f"m{n}" for n in range(20)]
    write_case("".join(map(ai, names)), results(*names, m0="another"))

    result = run_here("-x", "--evalmd-concurrency=3", "--evalmd-confirm=1")

    result.assert_outcomes(failed=1)
    lines = log()
    assert 3 <= len(asked(lines)) <= 6
    assert lines[-1] == "close"
    text = (pytester.path / "__evalmd__/case.json").read_text()
    assert text.count('"response"') == len(asked(lines))


@pytest.mark.parametrize(
    "mark",
    ["skip(reason='no')", "skipif(True, reason='no')", "xfail(run=False)"],
)
def test_what_will_not_run_is_not_asked_before(run_here, client, write_case, mark):
    log = client(
        more=f"""
def pytest_collection_modifyitems(items):
    items[1].add_marker(pytest.mark.{mark})
"""
    )
    write_case(ai("one") + ai("two") + ai("three"), results("one", "two", "three"))

    run_here("--evalmd-max-requests=2")

    assert asked(log()) == ["ONE", "THREE"]


def test_a_thousand_measures_in_a_chain(run_here, client, write_case):
    client()
    measures, recorded = ai("m0"), {"m0": "M0"}
    for n in range(1, 1000):
        measures += logic(f"m{n}", "return input;", input=f"m{n - 1}")
    measures += ai("end", input="m999")
    write_case(measures, recorded | {"end": "END", "m999": "M0"})

    result = run_here("case.md::end", "case.md::m999")

    result.assert_outcomes(passed=2)


def test_a_broken_file_is_an_error_of_its_case_alone(run, pytester, client, write_case):
    client()
    write_case(ai("one"), results("one"), name="a.md")
    write_case(ai("one"), results("one"), name="b.md")
    path = pytester.path / "__evalmd__/a.json"
    path.parent.mkdir()
    path.write_bytes(b"\xff{")

    result = run()

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["a.md:*/__evalmd__/a.json: *; mend or delete it", "ERROR a.md::one - *"]
    )
    assert path.read_bytes() == b"\xff{"
    run("--update-results").assert_outcomes(passed=1, errors=1)
    assert path.read_bytes() == b"\xff{"


def test_a_folder_that_can_not_be_written_is_said(
    run_here, pytester, client, write_case
):
    log = client()
    write_case(ai("one"), results("one"))
    (pytester.path / "__evalmd__").write_text("a file in its place")

    result = run_here()

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*replies NOT remembered*", "*__evalmd__*"])
    assert asked(log()) == ["ONE"]


def test_a_key_in_a_reply_is_never_on_disk(
    run, pytester, monkeypatch, client, write_case
):
    monkeypatch.setenv("MY_API_KEY", "SK-TOP-SECRET-1")
    client()
    write_case(ai("one", prompt="SK-TOP-SECRET-1"), {"one": "SK-TOP-SECRET-1"})

    result = run()

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*NOT remembered*", "*holds the value of an API key"])
    for path in pytester.path.rglob("__evalmd__/**/*"):
        assert not path.is_file() or b"TOP-SECRET" not in path.read_bytes()


def test_what_a_crashed_run_left_is_used_and_folded(
    pytester, client, write_case, run_here
):
    log = client(
        more="""
import os
def pytest_runtest_teardown(item):
    if Path("crash").exists():
        os._exit(9)
"""
    )
    write_case(ai("one") + ai("two"), results("one", "two"))
    (pytester.path / "crash").touch()
    pytester.runpytest_subprocess("case.md::one")
    (pytester.path / "crash").unlink()
    assert asked(log()) == ["ONE"]
    assert not (pytester.path / "__evalmd__/case.json").exists()

    run_here("--evalmd-mode=replay", "case.md::one").assert_outcomes(passed=1)
    run_here().assert_outcomes(passed=2)

    assert asked(log()) == ["TWO"]
    text = (pytester.path / "__evalmd__/case.json").read_text()
    assert text.count('"response"') == 2
