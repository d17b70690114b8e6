"""Dropping replies that no request uses: ``evalmd prune`` and ``--update-results``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from measures import ai, logic

from pytest_evalmd.case.model import AnswerSettings
from pytest_evalmd.case.parse import parse_case
from pytest_evalmd.cli import main
from pytest_evalmd.judge.judging import AnswerAsk, Judging
from pytest_evalmd.judge.model import Reply
from pytest_evalmd.judge.recordings import read_recordings
from pytest_evalmd.judge.scheduler import Slots

MEASURES = ai("one") + ai("two")
RESULTS = {"one": "calm", "two": "calm"}


@pytest.fixture
def prompts(pytester):
    """Give what is remembered of a case: the prompts, sorted."""

    def read(name="case"):
        path = pytester.path / f"__evalmd__/{name}.json"
        if not path.exists():
            return []
        found = read_recordings(path.read_text()).values()
        return sorted(reply.question.prompt for reply in found)

    return read


@pytest.fixture
def run_with(run_here, judge, write_case):
    """Write a case and run it."""

    def run(measures=MEASURES, *args, **more):
        judge(ONE='"calm"', TWO='"calm"')
        results = {id_: "calm" for id_ in RESULTS if f"id: {id_}" in measures}
        write_case(measures, results, **more)
        return run_here(*args)

    return run


def changed(measures=MEASURES):
    return measures.replace("prompt: ONE", "prompt: ONE now")


def test_a_prompt_that_changed(run_with, prompts, capsys):
    run_with()
    run_with(changed())
    assert prompts() == ["ONE", "ONE now", "TWO"]

    assert main(["prune", "."]) == 0

    assert prompts() == ["ONE now", "TWO"]
    assert "__evalmd__/case.json: 1 reply dropped" in capsys.readouterr().out
    assert main(["prune", "case.md"]) == 0
    assert capsys.readouterr().out == ""


def test_every_judge_is_kept(run_with, prompts):
    run_with(MEASURES, "--judge-model=a")
    run_with(MEASURES, "--judge-model=b")
    run_with(MEASURES, "-o", "evalmd_judge_parameters=temperature: 0")

    assert main(["prune", "."]) == 0

    assert prompts() == ["ONE"] * 3 + ["TWO"] * 3


class Says:
    async def complete(self, request):
        return Reply(text="So.")


@pytest.fixture
def answered(pytester):
    """Remember what models answered, and give whose answers are remembered."""

    def remember(*models, query="Q"):
        path = pytester.path / "case.md"
        judging = Judging(
            mode="auto", run="r", parameters={}, timeout_s=5.0, slots=Slots(8)
        )
        for model in models:
            ask = AnswerAsk(
                path=path, query=query, settings=AnswerSettings(), model=model
            )
            asyncio.run(judging.answer(ask, Says()))

    def read():
        found = read_recordings((pytester.path / "__evalmd__/case.json").read_text())
        answers = [r for r in found.values() if r.measure_id == "answer"]
        return sorted(reply.question.model for reply in answers)

    return SimpleNamespace(remember=remember, read=read)


def test_answers_of_every_model_are_kept(run_with, answered, capsys):
    run_with()
    query = parse_case(Path("case.md").read_text(encoding="utf-8")).query.text
    answered.remember("a", "b", query=query)
    run_with(changed(), "--update-results")
    assert answered.read() == ["a", "b"]
    answered.remember("c", query=f"{query}?")

    assert main(["prune", "."]) == 0

    assert answered.read() == ["a", "b"]
    assert "1 reply dropped" in capsys.readouterr().out


def test_an_answer_that_changed(run_with, prompts, capsys):
    run_with()
    run_with(answer="Another.")

    assert main(["prune", "."]) == 0

    assert prompts() == ["ONE", "TWO"]
    assert "2 replies dropped" in capsys.readouterr().out


def test_a_measure_that_is_gone(run_with, prompts):
    run_with()
    run_with(ai("one"))

    main(["prune", "."])

    assert prompts() == ["ONE"]


def test_a_measure_that_was_renamed_keeps_its_replies(run_with, prompts):
    run_with()
    renamed = MEASURES.replace("id: one", "id: uno")

    result = run_with(renamed, "--evalmd-mode=replay", "-k", "uno")
    main(["prune", "."])

    assert "judge: 0 asked, 1 remembered" in result.outlines
    assert prompts() == ["ONE", "TWO"]


def test_measures_that_ask_the_same_share_their_replies(run_with, prompts):
    run_with(ai("one") + ai("uno", prompt="ONE"))
    result = run_with(ai("uno", prompt="ONE"), "--evalmd-mode=replay")

    main(["prune", "."])

    assert "judge: 0 asked, 1 remembered" in result.outlines
    assert prompts() == ["ONE"]


def test_votes_are_kept(run_with, prompts, judge, run_here):
    run_with(ai("one"))
    judge(ONE='"wild"')
    run_here("--evalmd-mode=live").assert_outcomes(failed=1)

    main(["prune", "."])

    assert prompts() == ["ONE", "ONE", "ONE"]


def test_replies_about_new_answers_are_kept(run_with, run_here, judge, pytester):
    run_with()
    judge(ONE='"calm"', TWO='"calm"', Which="Belora")
    run_here("--answer-model=a").assert_outcomes(passed=2)

    main(["prune", "."])

    replayed = run_here("--answer-model=a", "--evalmd-mode=replay")
    replayed.assert_outcomes(passed=2)


def test_replies_about_other_inputs_are_kept(run_with, prompts):
    def chain(code):
        return logic("size", code) + ai("one", input="size")

    run_with(chain("return 1;"))
    run_with(chain("return 2;"))

    main(["prune", "."])

    assert prompts() == ["ONE", "ONE"]


def test_a_file_without_any_reply_in_use_goes(run_with, prompts, pytester):
    run_with()
    run_with(logic("plain", "return 1;"))

    main(["prune", "."])

    assert not (pytester.path / "__evalmd__/case.json").exists()


def test_broken_cases_and_files_are_left_alone(run_with, pytester, prompts, capsys):
    run_with()
    run_with(changed(), name="other.md")
    path = pytester.path / "__evalmd__/other.json"
    path.write_text("{")
    case = pytester.path / "case.md"
    case.write_text(case.read_text().replace("type: ai", "type: oracle"))

    assert main(["prune", "."]) == 1

    said = capsys.readouterr().err
    assert "case.md:" in said
    assert "other.json: not pruned: not JSON" in said
    assert prompts() == ["ONE", "TWO"]
    assert path.read_text() == "{"


@pytest.mark.parametrize("path", ["empty", "no-such.md"])
def test_nothing_to_prune_is_said(pytester, monkeypatch, capsys, path):
    monkeypatch.chdir(pytester.path)
    (pytester.path / "empty").mkdir()

    assert main(["prune", path]) == 1
    assert capsys.readouterr().err


def test_update_results_drops_what_the_run_did_not_use(run_with, prompts):
    run_with()
    run_with(changed())
    run_with(changed(), "--update-results", "-k", "two")  # that one only
    assert prompts() == ["ONE", "ONE now", "TWO"]

    run_with(changed(), "--update-results")

    assert prompts() == ["ONE now", "TWO"]


def test_update_results_drops_nothing_of_what_failed(run_with, prompts, judge):
    run_with()
    result = run_with(MEASURES.replace("prompt: ONE", "prompt: X"), "--update-results")

    result.assert_outcomes(passed=1, errors=1)
    assert prompts() == ["ONE", "TWO"]


def test_update_results_of_one_client_keeps_the_replies_of_the_others(
    run_here, pytester, write_case, prompts
):
    pytester.makeconftest("""
import pytest
from pytest_evalmd import Reply

class Judge:
    async def complete(self, request):
        return Reply(text='{"reason": "so", "response": "calm"}')

@pytest.fixture(scope="session", params=["x", "y"])
def llm_client(request):
    return Judge()
""")
    write_case(MEASURES, RESULTS)
    run_here().assert_outcomes(passed=4)
    assert prompts() == ["ONE", "ONE", "TWO", "TWO"]

    run_here("case.md::one[x]", "--update-results").assert_outcomes(passed=1)
    assert prompts() == ["ONE", "ONE", "TWO", "TWO"]

    write_case(changed(), RESULTS)
    run_here("case.md::one[x]", "--update-results").assert_outcomes(passed=1)
    assert prompts() == ["ONE", "ONE now", "TWO", "TWO"]


@pytest.mark.parametrize("folder", ["../outside", "a::b/c"])
def test_only_replies_of_the_case_itself_are_dropped(
    pytester, run_here, judge, write_case, prompts, folder
):
    judge(ONE='"calm"')
    write_case(ai("one"), {"one": "calm"})
    run_here("case.md")
    write_case(ai("one", prompt="ONE there"), {"one": "calm"}, name=f"{folder}/case.md")
    stub = (pytester.path / "conftest.py").read_text()
    (pytester.path / folder / "conftest.py").write_text(stub)
    args = ("--rootdir=.", folder if ".." in folder else ".", "--update-results")

    run_here(*args)
    write_case(ai("one", prompt="ONE now"), {"one": "calm"}, name=f"{folder}/case.md")
    run_here(*args)

    assert prompts() == ["ONE"]
    assert prompts(f"../{folder}/__evalmd__/case") == ["ONE now"]


def test_two_files_of_one_node_id(pytester, run_here, write_case):
    """Outside of the root folder node ids start at the arguments."""
    paths = [
        write_case(logic("one", "return 1;"), {"one": "0"}, name=f"../{name}/case.md")
        for name in ("left", "right")
    ]
    args = ("--rootdir=.", "../left", "../right")

    result = run_here(*args, "--update-results")

    result.assert_outcomes(passed=2)
    assert all("> 1\n" in path.read_text() for path in paths)
