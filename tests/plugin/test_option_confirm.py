"""``--evalmd-confirm``: a result that differs is asked again before it fails."""

from __future__ import annotations

import json

import pytest
from measures import ai, logic

FICKLE = '''
import json
import pytest
from pytest_evalmd import Reply

class Fickle:
    """Gives its replies to a word of the prompt one after another, the last for ever."""
    def __init__(self, replies):
        self.replies = replies

    async def complete(self, request):
        prompt = request.messages[-1].content
        word = next(word for word in self.replies if word in prompt)
        with open("asked.txt", "a", encoding="utf-8") as log:
            log.write(word + chr(10))
        left = self.replies[word]
        value = left[request.sample] if request.sample < len(left) else left[-1]
        if value == "boom":
            raise RuntimeError("out of order")
        return Reply(text=json.dumps({"reason": "so", "response": value}))

@pytest.fixture(scope="session")
def llm_client():
    return Fickle({replies})
'''


@pytest.fixture
def fickle(pytester):
    """Have a judge reply by sample; gives what it was asked."""

    def install(**replies):
        pytester.makeconftest(FICKLE.replace("{replies}", repr(replies)))
        asked = pytester.path / "asked.txt"
        asked.unlink(missing_ok=True)
        return lambda: asked.read_text().split() if asked.exists() else []

    return install


def replies_of(pytester):
    text = (pytester.path / "__evalmd__/case.json").read_text()
    return [
        reply["response"]
        for groups in json.loads(text)["measures"].values()
        for group in groups
        for reply in group["replies"]
    ]


def test_one_outlier_does_not_fail_a_result(run, pytester, fickle, write_case):
    asked = fickle(RATING=[7, 9, 9, 9])
    write_case(ai("rating", output="integer"), {"rating": "9"})

    result = run()

    result.assert_outcomes(passed=1)
    assert len(asked()) == 4
    result.stdout.fnmatch_lines(
        [
            "*results that differed at first and stood by a vote*",
            "case.md::rating: 7 · 9 · 9 · 9",
        ]
    )

    # The same votes count when nothing may be asked, and cost nothing.
    result = run("--evalmd-mode=replay")
    result.assert_outcomes(passed=1)
    assert len(asked()) == 4


@pytest.mark.parametrize(
    ("replies", "votes"),
    [
        ([7, 7, 7], "7 · 7 · 7; 0 of 3 agree"),
        ([7, 9, 7, 7], "7 · 9 · 7 · 7; 1 of 4 agree"),
        ([7, 9, 8, 9, 8], "7 · 9 · 8 · 9 · 8; 2 of 5 agree"),
    ],
)
def test_what_fails_shows_the_votes(run_here, fickle, write_case, replies, votes):
    asked = fickle(RATING=replies)
    write_case(ai("rating", output="integer"), {"rating": "9"})

    result = run_here()

    result.assert_outcomes(failed=1)
    assert len(asked()) == len(replies)
    result.stdout.fnmatch_lines(
        [f"votes: {votes} with the recorded result (best of 5)"]
    )


def test_the_value_that_won_is_shown(run_here, fickle, write_case):
    fickle(RATING=[7, 8, 8])
    write_case(ai("rating", output="integer"), {"rating": "9"})

    result = run_here()

    result.stdout.fnmatch_lines(["FAILED case.md::rating - 8 differs from *9"])


def test_what_agrees_is_asked_once(run_here, fickle, write_case):
    asked = fickle(RATING=[9])
    write_case(ai("rating", output="integer"), {"rating": "9"})

    run_here().assert_outcomes(passed=1)

    assert len(asked()) == 1


def test_once_is_enough_if_the_user_says_so(run_here, fickle, write_case):
    asked = fickle(RATING=[7, 9, 9, 9])
    write_case(ai("rating", output="integer"), {"rating": "9"})

    result = run_here("--evalmd-confirm=1")

    result.assert_outcomes(failed=1)
    assert len(asked()) == 1
    result.stdout.no_fnmatch_line("*votes:*")


@pytest.mark.parametrize("number", ["0", "100"])
def test_no_number_of_votes(run_here, number):
    result = run_here(f"--evalmd-confirm={number}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--evalmd-confirm: got {number}; expected 1 to 99"])


def test_what_hangs_on_a_judge_is_asked_again_as_a_whole(
    run, pytester, fickle, write_case
):
    asked = fickle(RATING=[7, 9, 9, 9])
    write_case(
        ai("rating", output="integer")
        + logic("twice", "return input * 2", input="rating"),
        {"rating": "9", "twice": "18"},
    )

    result = run("-p", "no:randomly")

    result.assert_outcomes(passed=2)
    assert len(asked()) == 4
    result.stdout.fnmatch_lines(["case.md::twice: 14 · 18 · 18 · 18"])


def test_an_update_keeps_the_votes_of_what_hangs_on_a_measure(
    run, pytester, fickle, write_case
):
    fickle(RATING=[8, 9, 9, 9])
    write_case(
        ai("rating", output="integer", compare="within", tolerance="1")
        + logic("twice", "return input * 2", input="rating"),
        {"rating": "9", "twice": "18"},
    )
    run("--update-results").assert_outcomes(passed=2)

    run("--evalmd-mode=replay").assert_outcomes(passed=2)


def test_a_rerun_computes_anew_what_hangs_on_it(run_here, pytester, fickle, write_case):
    asked = fickle(RATING=[7], SECOND=[1])
    conftest = pytester.path / "conftest.py"
    conftest.write_text(
        conftest.read_text().replace(
            "        left = self.replies[word]\n",
            "        left = self.replies[word]\n"
            "        if word == 'RATING': self.replies = self.replies | {word: [9]}\n",
        )
    )
    write_case(
        ai("rating", output="integer")
        + ai("second", output="integer", input="rating", context="query"),
        {"rating": "9", "second": "1"},
    )

    result = run_here("--reruns=1", "--evalmd-confirm=1")

    result.assert_outcomes(passed=2)
    # The second one was judged on an input of 7 before.
    assert asked() == ["RATING", "SECOND", "RATING", "SECOND"]
    run_here("--evalmd-mode=replay").assert_outcomes(passed=2)


def test_no_judge_no_votes(run_here, fickle, write_case):
    asked = fickle()
    write_case(logic("size", "return input.length"), {"size": "1"})

    result = run_here()

    result.assert_outcomes(failed=1)
    assert asked() == []
    result.stdout.no_fnmatch_line("*votes:*")


def test_each_vote_is_all_samples(run_here, pytester, fickle, write_case):
    asked = fickle(RATING=[7, 7, 9, 9, 9, 7, 9, 9, 9, 9, 9, 9])
    write_case(
        ai("rating", output="integer", samples="3", aggregate="median"),
        {"rating": "9"},
    )

    run_here().assert_outcomes(passed=1)

    assert len(asked()) == 12
    assert sorted(replies_of(pytester)) == [7] * 3 + [9] * 9


def test_a_vote_that_does_not_come_leaves_the_failure(run_here, fickle, write_case):
    fickle(RATING=[7, "boom"])
    write_case(ai("rating", output="integer"), {"rating": "9"})

    result = run_here()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "+ computed: 7",
            "not asked again: llm_client raised RuntimeError: out of order",
            "FAILED case.md::rating - 7 differs from the recorded 9",
        ]
    )


def test_nobody_to_vote(run_here, pytester, fickle, write_case):
    fickle(RATING=[7, 9])
    write_case(ai("rating", output="integer"), {"rating": "9"})
    run_here("--evalmd-confirm=1").assert_outcomes(failed=1)
    pytester.makeconftest("""
import pytest

@pytest.fixture
def llm_client():
    raise RuntimeError("no key")
""")

    result = run_here()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["not asked again: nobody to ask: no key"])


def test_replay_votes_with_what_is_remembered(run_here, fickle, write_case):
    asked = fickle(RATING=[7, 9, 9, 9])
    write_case(ai("rating", output="integer"), {"rating": "9"})
    run_here("--evalmd-confirm=1")

    result = run_here("--evalmd-mode=replay")

    result.assert_outcomes(failed=1)
    assert len(asked()) == 1
    result.stdout.fnmatch_lines(["not asked again: no further reply is remembered*"])


def test_votes_keep_within_the_cap(run_here, fickle, write_case):
    asked = fickle(RATING=[7, 7, 7])
    write_case(ai("rating", output="integer"), {"rating": "9"})

    result = run_here("--evalmd-max-requests=2")

    result.assert_outcomes(failed=1)
    assert len(asked()) == 2
    result.stdout.fnmatch_lines(
        ["not asked again: --evalmd-max-requests allows no more than was planned"]
    )


def test_votes_keep_within_the_tokens(run_here, pytester, fickle, write_case):
    asked = fickle(RATING=[7, 7, 7])
    conftest = pytester.path / "conftest.py"
    usage = "return Reply(usage=Usage(asked=10_000, answered=0), "
    text = conftest.read_text().replace("return Reply(", usage)
    conftest.write_text(text.replace("import Reply", "import Reply, Usage"))
    write_case(ai("rating", output="integer"), {"rating": "9"})

    result = run_here("--evalmd-max-tokens=10000", "--evalmd-concurrency=1")

    result.assert_outcomes(failed=1)
    assert len(asked()) == 2
    result.stdout.fnmatch_lines(
        ["not asked again: --evalmd-max-tokens allows no more than was planned"]
    )


def test_older_votes_decide_no_newer_one(run_here, pytester, fickle, write_case):
    write_case(ai("rating", output="integer"), {"rating": "9"})
    fickle(RATING=[1, 9, 9, 9])
    run_here().assert_outcomes(passed=1)
    assert replies_of(pytester) == [1, 9, 9, 9]

    fickle(RATING=[4])
    live = ("--evalmd-mode=live", "--evalmd-max-requests=1")
    run_here(*live).assert_outcomes(failed=1)

    run_here("--evalmd-mode=replay").assert_outcomes(failed=1)
    run_here().assert_outcomes(failed=1)
    assert replies_of(pytester) == [4, 4, 4]


def test_an_update_writes_what_won_and_warns(run, pytester, fickle, write_case):
    fickle(RATING=[7, 8, 8])
    path = write_case(ai("rating", output="integer"), {"rating": "9"})

    result = run("--update-results")

    result.assert_outcomes(passed=1)
    line = path.read_text().split("\n").index("> 8") + 1
    result.stdout.fnmatch_lines(
        [
            f"case.md:{line} rating: 9 -> 8; WARNING: it disagrees with itself: "
            "8 (3 of 4), 7 (1 of 4); 'tolerance: 1' covers that"
        ]
    )
    assert sorted(replies_of(pytester)) == [7, 8, 8, 8]
    # What was written is what any later run finds.
    run("--evalmd-mode=replay").assert_outcomes(passed=1)


def test_an_update_without_a_winner_writes_what_replay_finds(
    run_here, fickle, write_case
):
    asked = fickle(RATING=[7, 6, 5, 4, 3])
    path = write_case(ai("rating", output="integer"), {"rating": "9"})

    result = run_here("--update-results")

    assert len(asked()) == 4  # no other can have more than half of five any more
    assert "\n> 7\n" in path.read_text()
    result.stdout.fnmatch_lines(
        ["*9 -> 7; WARNING: it disagrees*6 (1 of 4), 5 (1 of 4), …; 'tolerance: 3'*"]
    )
    run_here("--evalmd-mode=replay").assert_outcomes(passed=1)


def test_an_update_that_could_not_vote_warns(run_here, fickle, write_case):
    fickle(RATING=[7, "boom"])
    write_case(ai("rating", output="integer"), {"rating": "9"})

    result = run_here("--update-results")

    result.stdout.fnmatch_lines(
        ["case.md:* rating: 9 -> 7; WARNING: no vote won it: *out of order*"]
    )


def test_an_update_does_not_write_an_outlier(run_here, fickle, write_case):
    fickle(RATING=[7, 9, 9, 9])
    path = write_case(ai("rating", output="integer"), {"rating": "9"})
    before = path.read_bytes()

    run_here("--update-results").assert_outcomes(passed=1)

    assert path.read_bytes() == before


def test_a_new_result_is_asked_once_unless_told(run_here, fickle, write_case):
    asked = fickle(RATING=[7, 9, 9, 9])
    path = write_case(ai("rating", output="integer"), {"rating": None})

    run_here("--update-results").assert_outcomes(passed=1)

    assert len(asked()) == 1
    assert "\n> 7\n" in path.read_text()


def test_a_new_result_can_be_confirmed(run_here, fickle, write_case):
    asked = fickle(RATING=[7, 9, 9, 9])
    path = write_case(ai("rating", output="integer"), {"rating": None})

    result = run_here("--update-results", "--evalmd-confirm=5")

    result.assert_outcomes(passed=1)
    assert len(asked()) == 4
    assert "\n> 9\n" in path.read_text()
    result.stdout.fnmatch_lines(["*-> 9; WARNING: it disagrees with itself: 9 (3 of*"])


def test_samples_that_disagree_are_told_too(run_here, fickle, write_case):
    fickle(RATING=[7, 9, 8])
    write_case(ai("rating", output="integer", samples="3"), {"rating": None})

    result = run_here("--update-results")

    result.stdout.fnmatch_lines(["*-> 8; WARNING: it disagrees*'tolerance: 1'*"])


def test_an_empty_list_that_is_recorded_holds(run_here, fickle, write_case):
    asked = fickle(NAMES=[[], ["a"]])
    write_case(ai("names", output="list"), {"names": None})

    run_here("--update-results", "--evalmd-confirm=5").assert_outcomes(passed=1)

    assert len(asked()) == 1


def test_a_pattern_is_voted_on(run_here, fickle, write_case):
    asked = fickle(TONE=["angry", "calm", "calmer", "calmest"])
    write_case(ai("tone", compare="pattern"), {"tone": "calm.*"})

    run_here().assert_outcomes(passed=1)

    assert len(asked()) == 4


def test_the_run_file_holds_the_votes(run, pytester, fickle, write_case):
    fickle(RATING=[7, 9, 9, 9])
    write_case(ai("rating", output="integer"), {"rating": "9"})

    run("--evalmd-run=run.json").assert_outcomes(passed=1)

    document = json.loads((pytester.path / "run.json").read_text())
    assert document["options"]["confirm"] == 5
    (result,) = document["results"]
    assert result["votes"] == ["7", "9", "9", "9"]
    assert result["output"] == 9
    assert len(result["keys"]) == 4
