"""``--answer-model``: new answers measured, and what changed told."""

from __future__ import annotations

import json

import pytest
from measures import ai, logic

CLIENT = '''
import json
import pytest
from pytest_evalmd import Reply

ANSWERS = {answers}
VERDICTS = {verdicts}

class Client:
    """Answers by model; judges by a word of the prompt and one of the answer.

    Verdicts are given by sample, the last for ever; ``boom`` is an error.
    """

    async def complete(self, request):
        prompt = " ".join(message.content for message in request.messages)
        with open("asked.txt", "a", encoding="utf-8") as log:
            if request.model in ANSWERS:
                log.write("answer " + request.model + chr(10))
                return Reply(text=ANSWERS[request.model])
            for measure, answer, *values in VERDICTS:
                if measure in prompt and answer in prompt:
                    value = values[min(request.sample, len(values) - 1)]
                    if value == "boom":
                        raise RuntimeError("out of order")
                    log.write("judge " + measure + " " + answer + chr(10))
                    text = json.dumps({"reason": "so", "response": value})
                    return Reply(text=text)
        raise AssertionError("no reply for " + prompt)

@pytest.fixture(scope="session")
def llm_client():
    return Client()
'''
OLD, NEW = "Zuvira", "Belora"
ANSWER = "Take Zuvira first, then Lomanta."
NEW_ANSWER = f"Take {NEW} alone."


@pytest.fixture
def client(pytester):
    """Answer and judge; gives what was asked."""

    def install(*verdicts, **answers):
        answers = answers or {"gpt-new": NEW_ANSWER}
        text = CLIENT.replace("{answers}", repr(answers))
        pytester.makeconftest(text.replace("{verdicts}", repr(verdicts)))
        asked = pytester.path / "asked.txt"
        asked.unlink(missing_ok=True)
        return lambda: asked.read_text().split("\n")[:-1] if asked.exists() else []

    return install


def rating(id_="rating"):
    return ai(id_, output="integer")


def test_a_new_answer_that_is_as_good(run, pytester, client, write_case):
    asked = client(("RATING", NEW, 9))
    path = write_case(rating(), {"rating": "9"})
    before = path.read_bytes()

    result = run("--answer-model=gpt-new", "-v")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*case.md::rating[[]gpt-new]*"])
    result.stdout.fnmatch_lines(["gpt-new: 1 as recorded"])
    assert asked() == ["answer gpt-new", f"judge RATING {NEW}"]
    assert path.read_bytes() == before

    # Answers are remembered like verdicts.
    result = run("--answer-model=gpt-new", "--evalmd-mode=replay")
    result.assert_outcomes(passed=1)
    assert len(asked()) == 2


def test_the_answer_changed(run, client, write_case):
    client(("RATING", OLD, 9), ("RATING", NEW, 4))
    path = write_case(rating(), {"rating": "9"})
    line = path.read_text().split("\n").index("> 9") + 1

    result = run("--answer-model=gpt-new")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "recorded 9 · recorded answer judged today 9 · new answer 4 "
            "-> the answer changed",
            "votes: 4 · 4 · 4; 0 of 3 agree with the recorded result (best of 5)",
            f"case.md:{line}: 4 differs from the recorded 9: the answer changed",
            "to accept it: pytest case.md --update-results --answer-model=gpt-new",
            "gpt-new: 1 moved because the answer changed",
        ]
    )


def test_the_judge_drifted(run, client, write_case):
    client(("RATING", OLD, 5), ("RATING", NEW, 5))
    write_case(rating(), {"rating": "9"})

    result = run("--answer-model=gpt-new")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "recorded 9 · recorded answer judged today 5 · new answer 5 "
            "-> the judge drifted",
            "gpt-new: 1 because the judge drifted",
        ]
    )


def test_both_are_told_apart_per_measure(run, client, write_case):
    client(
        *[("HELD", word, 9) for word in (OLD, NEW)],
        *[("DRIFTED", word, 5) for word in (OLD, NEW)],
        *[("WORSE", OLD, 9), ("WORSE", NEW, 4)],
        *[("MIXED", OLD, 5), ("MIXED", NEW, 2)],
    )
    ids = ("held", "drifted", "worse", "mixed")
    write_case("".join(map(rating, ids)), dict.fromkeys(ids, "9"))

    result = run("--answer-model=gpt-new")

    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "*today 5 · new answer 5 -> the judge drifted",
            "*today 9 · new answer 4 -> the answer changed",
            "*today 5 · new answer 2 -> the answer changed and the judge drifted",
            "gpt-new: 1 as recorded, 1 moved because the answer changed, 1 because the "
            "judge drifted, 1 because both did",
        ]
    )


def test_the_control_costs_nothing_while_the_judge_is_the_same(
    run_here, client, write_case
):
    asked = client(("RATING", OLD, 9), ("RATING", NEW, 4))
    write_case(rating(), {"rating": "9"})
    run_here().assert_outcomes(passed=1)
    before = len(asked())

    run_here("--answer-model=gpt-new").assert_outcomes(failed=1)

    assert asked()[before:] == ["answer gpt-new", *[f"judge RATING {NEW}"] * 3]


def test_logic_follows_its_answer(run_here, client, write_case):
    client()
    write_case(logic("size", "return input.length"), {"size": str(len(ANSWER))})

    result = run_here("--answer-model=gpt-new")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            f"recorded {len(ANSWER)} · recorded answer measured today {len(ANSWER)} · "
            f"new answer {len(NEW_ANSWER)} -> the answer changed"
        ]
    )


def test_logic_that_changed_is_no_judge_that_drifted(run_here, client, write_case):
    client()
    write_case(logic("size", "return 7"), {"size": str(len(ANSWER))})

    result = run_here("--answer-model=gpt-new")

    result.stdout.fnmatch_lines(["*measured today 7 · * -> the measure changed"])


def test_several_models(run, client, write_case):
    asked = client(("RATING", NEW, 9), one=NEW_ANSWER, two=f"{NEW} twice")
    write_case(rating() + logic("size", "return 1"), {"rating": "9", "size": "1"})

    result = run("--answer-model=one", "--answer-model=two", "-v")

    result.assert_outcomes(passed=4)
    assert sorted(asked())[:2] == ["answer one", "answer two"]
    result.stdout.fnmatch_lines_random(
        [
            "*case.md::rating[[]one]*",
            "*case.md::rating[[]two]*",
            "one: 2 as recorded",
            "two: 2 as recorded",
        ]
    )


def test_a_case_that_nobody_answered_yet(run_here, client, write_case):
    client(("RATING", NEW, 9))
    write_case(rating(), answer="")

    result = run_here("--answer-model=gpt-new")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no result is recorded; computed 9*"])
    result.stdout.fnmatch_lines(["gpt-new: 1 not recorded"])


def test_update_rewrites_answer_and_results(run, pytester, client, write_case):
    asked = client(("RATING", NEW, 4))
    path = write_case(
        rating() + logic("size", "return input.length"),
        {"rating": "9", "size": str(len(ANSWER))},
        front="model: gpt-old",
    )
    text = path.read_text()

    result = run("--answer-model=gpt-new", "--update-results")

    result.assert_outcomes(passed=2)
    replaced = (
        text.replace("Take Zuvira first, then Lomanta.", NEW_ANSWER)
        .replace("gpt-old", "gpt-new")
        .replace("\n> 9\n", "\n> 4\n")
        .replace(f"\n> {len(ANSWER)}\n", f"\n> {len(NEW_ANSWER)}\n")
    )
    assert path.read_text() == replaced
    result.stdout.fnmatch_lines(
        [
            "case.md:* answer: Take Zuvira first, then Lomanta. -> Take Belora alone.",
            "case.md:* rating: 9 -> 4",
            f"case.md:* size: {len(ANSWER)} -> 18",
        ]
    )

    # What was recorded is now what a plain run checks, without asking anybody.
    before = len(asked())
    run("--evalmd-mode=replay").assert_outcomes(passed=2)
    assert len(asked()) == before


def test_update_fills_a_blank_case(run_here, pytester, client, write_case):
    client(("RATING", NEW, 9))
    path = write_case(rating(), {"rating": None}, answer="")

    run_here("--answer-model=gpt-new", "--update-results").assert_outcomes(passed=1)

    assert NEW_ANSWER in path.read_text()
    assert "\n> 9\n" in path.read_text()
    assert path.read_text().startswith("---\nmodel: gpt-new\n---\n")


def test_a_part_of_a_case_does_not_rewrite_its_answer(run_here, client, write_case):
    client(("RATING", NEW, 4))
    path = write_case(
        rating() + logic("size", "return input.length"),
        {"rating": "9", "size": str(len(ANSWER))},
    )
    before = path.read_bytes()

    result = run_here(
        "--answer-model=gpt-new", "--update-results", "case.md::size[gpt-new]"
    )

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert path.read_bytes() == before
    result.stdout.fnmatch_lines(
        ["case.md: the answer of gpt-new stays out: rating could not be, or was not,*"]
    )


def test_a_measure_that_fails_keeps_the_answer_out(run_here, client, write_case):
    client(("RATING", NEW, "high"))
    path = write_case(
        rating() + logic("size", "return 1"), {"rating": "9", "size": "1"}
    )
    before = path.read_bytes()

    result = run_here("--answer-model=gpt-new", "--update-results")

    result.assert_outcomes(errors=1, passed=1)
    assert path.read_bytes() == before
    result.stdout.fnmatch_lines(["case.md: the answer of gpt-new stays out: rating*"])


def test_no_answer_is_an_error(run, client, write_case):
    client(("RATING", NEW, 9), **{"gpt-new": "  "})
    write_case(rating() + logic("size", "return 1"), {"rating": "9", "size": "1"})

    result = run("--answer-model=gpt-new")

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*no answer of gpt-new: *"])


def test_nothing_remembered_in_replay(run_here, client, write_case):
    asked = client()
    write_case(rating(), {"rating": "9"})

    result = run_here("--answer-model=gpt-new", "--evalmd-mode=replay")

    result.assert_outcomes(errors=1)
    assert asked() == []
    result.stdout.fnmatch_lines(["*no answer of gpt-new: *"])


def test_a_client_of_its_own_answers(run, pytester, client, write_case):
    asked = client(("RATING", NEW, 9))
    conftest = pytester.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + """

class Answering:
    async def complete(self, request):
        assert [m.role for m in request.messages] == ["user"]
        assert request.messages[0].content == "Which one?"
        return Reply(text="Belora, says another.")

@pytest.fixture
def answer_client():
    return Answering()
"""
    )
    for n in range(3):
        write_case(rating(), {"rating": "9"}, name=f"case{n}.md")

    result = run("--answer-model=gpt-new")

    result.assert_outcomes(passed=3)
    assert "answer gpt-new" not in asked()


def test_an_answer_client_that_fails(run_here, pytester, client, write_case):
    client()
    conftest = pytester.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + """

@pytest.fixture
def answer_client():
    raise RuntimeError("no key for answers")
"""
    )
    write_case(rating(), {"rating": "9"})

    result = run_here("--answer-model=gpt-new")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*RuntimeError: no key for answers"])


def test_answers_count_in_the_plan_and_the_caps(run_here, client, write_case):
    asked = client(("RATING", NEW, 9), ("RATING", OLD, 9))
    write_case(rating(), {"rating": "9"})

    result = run_here("--answer-model=gpt-new", "--collect-only")
    result.stdout.fnmatch_lines(["judge: would ask 2, 0 remembered;*"])

    result = run_here("--answer-model=gpt-new", "--evalmd-max-requests=1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert asked() == []

    run_here("--answer-model=gpt-new").assert_outcomes(passed=1)
    result = run_here("--answer-model=gpt-new", "--collect-only")
    result.stdout.fnmatch_lines(["judge: would ask 0, 2 remembered"])


def test_the_run_file_tells_answers_and_attribution(run, pytester, client, write_case):
    client(("RATING", OLD, 9), ("RATING", NEW, 4))
    write_case(rating(), {"rating": "9"})

    run("--answer-model=gpt-new", "--evalmd-run=run.json").assert_outcomes(failed=1)

    document = json.loads((pytester.path / "run.json").read_text())
    assert document["options"]["answer_models"] == ["gpt-new"]
    (result,) = document["results"]
    assert result["variant"] == result["answer_model"] == "gpt-new"
    assert result["attribution"] == "answer"
    assert result["today_text"] == "9"
    (case,) = document["cases"]
    assert case["answers"] == {"gpt-new": NEW_ANSWER}


@pytest.mark.parametrize(
    ("fail_on", "outcomes"),
    [
        ("any", {"failed": 3}),
        ("answer", {"failed": 2, "xfailed": 1}),
        ("judge", {"failed": 2, "xfailed": 1}),
    ],
)
def test_fail_on(run, client, write_case, fail_on, outcomes):
    client(
        *[("DRIFTED", word, 5) for word in (OLD, NEW)],
        *[("WORSE", OLD, 9), ("WORSE", NEW, 4)],
        *[("MIXED", OLD, 5), ("MIXED", NEW, 2)],
    )
    ids = ("drifted", "worse", "mixed")
    write_case("".join(map(rating, ids)), dict.fromkeys(ids, "9"))

    result = run("--answer-model=gpt-new", f"--evalmd-fail-on={fail_on}", "-rx")

    result.assert_outcomes(**outcomes)
    tolerated = {"answer": "drifted", "judge": "worse"}.get(fail_on)
    if tolerated:
        result.stdout.fnmatch_lines(
            [f"XFAIL case.md::{tolerated}[[]gpt-new] - *case.md:*"]
        )


def test_what_can_not_be_told_fails(run_here, client, write_case):
    client(("RATING", NEW, 4), ("RATING", OLD, "high"))
    write_case(rating(), {"rating": "9"})

    result = run_here("--answer-model=gpt-new", "--evalmd-fail-on=judge")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "whether the answer or the judge changed can't be told: *",
            "gpt-new: 1 for a reason that can't be told",
        ]
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [([5, "boom"], [5]), ([5], [5, "boom"])],
    ids=["of the recorded answer", "of the new answer"],
)
def test_a_vote_that_stays_open_tells_nothing(run_here, client, write_case, old, new):
    client(("RATING", OLD, *old), ("RATING", NEW, *new))
    write_case(rating(), {"rating": "9"})

    result = run_here("--answer-model=gpt-new", "--evalmd-fail-on=answer")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*: out of order*", "gpt-new: 1 for a reason that can't be told"]
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--answer-model="], "*--answer-model: got ''; expected the name of a model"),
        (
            ["--answer-model=a", "--answer-model=b", "--update-results"],
            "*--answer-model: got 2 models; --update-results can record one*",
        ),
        (["--answer-model=a", "--evalmd-mode=off"], "*expected another mode than*"),
        (["--evalmd-fail-on=judge"], "*--evalmd-fail-on: expected --answer-model=*"),
    ],
)
def test_options_that_make_no_sense(run_here, args, message):
    result = run_here(*args)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_a_client_with_parameters(run_here, pytester, client, write_case):
    client(("RATING", NEW, 9))
    conftest = pytester.path / "conftest.py"
    conftest.write_text(
        conftest.read_text().replace(
            '@pytest.fixture(scope="session")\ndef llm_client():',
            '@pytest.fixture(params=["x", "y"])\ndef llm_client(request):',
        )
    )
    write_case(rating() + logic("size", "return 1"), {"rating": "9", "size": "1"})

    result = run_here("--answer-model=gpt-new", "-v")

    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["*case.md::rating[[]gpt-new-x]*"])


def test_clients_that_disagree_keep_the_answer_out(
    run_here, pytester, client, write_case
):
    client(("RATING", NEW, 4), ("OTHER", NEW, 3))
    conftest = pytester.path / "conftest.py"
    conftest.write_text(
        conftest.read_text().replace(
            '@pytest.fixture(scope="session")\ndef llm_client():\n    return Client()',
            """class Milder(Client):
    async def complete(self, request):
        reply = await super().complete(request)
        return Reply(text=reply.text.replace(": 4", ": 5"))

@pytest.fixture(params=[Client, Milder])
def llm_client(request):
    return request.param()""",
        )
    )
    path = write_case(rating() + rating("other"), {"rating": "9", "other": "9"})
    before = path.read_bytes()

    result = run_here("--answer-model=gpt-new", "--update-results")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert path.read_bytes() == before
    result.stdout.fnmatch_lines(
        ["*clients disagree*", "*the answer of gpt-new stays out: rating could not be*"]
    )


def test_an_answer_that_stays_out_costs_no_reply(run_here, client, write_case):
    client(*[("RATING", OLD, 9), ("RATING", NEW, 4), ("OTHER", OLD, 9)])
    write_case(rating() + rating("other"), {"rating": "9", "other": "9"})
    run_here().assert_outcomes(passed=2)

    result = run_here("--answer-model=gpt-new", "--update-results")

    result.assert_outcomes(passed=1, errors=1)
    run_here("--evalmd-mode=replay").assert_outcomes(passed=2)


def test_answers_are_asked_for_at_once(run_here, pytester, client, write_case):
    client(("RATING", NEW, 9))
    conftest = pytester.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        .replace("import json", "import asyncio, json", 1)
        .replace(
            "        prompt = ",
            """        Client.now = getattr(Client, "now", 0) + 1
        Client.most = max(getattr(Client, "most", 0), Client.now)
        await asyncio.sleep(0.05)
        Client.now -= 1
        prompt = """,
        )
        + """

def pytest_sessionfinish():
    print("MOST", Client.most)
"""
    )
    for n in range(8):
        path = write_case(rating(), {"rating": "9"}, name=f"case{n}.md")
        path.write_text(path.read_text().replace("Which one?", f"Which of {n}?"))

    result = run_here("--answer-model=gpt-new", "-s", "--evalmd-concurrency=4")

    result.assert_outcomes(passed=8)
    result.stdout.fnmatch_lines(["*MOST 4*"])
