"""``evalmd selfcheck`` over HTTP, against judges that fall for attacks or don't."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from case_texts import block, case_text

from pytest_evalmd.cli import main
from pytest_evalmd.judge.attacks import ALL

sys.path.append(str(Path(__file__).parents[1]))
from mock_server import MockServer, Response, completion, error

RATING = (
    "id: rating",
    "description: D",
    "type: ai",
    "output: integer",
    "range: 1..10",
    "prompt: Rate it.",
)
ADDS = [attack.name for attack in ALL if attack.kind == "adds"]
REPLACES = [attack.name for attack in ALL if attack.kind == "replaces"]


def answer_in(content):
    """Read the answer as the frame says."""
    mark = re.match(r"The boundary lines of the material hold (\w+)\.", content)[1]
    return content.split(f"[{mark} answer begins]\n")[1].split(
        f"\n[{mark} answer ends]"
    )[0]


def firm(rating=3):
    """Make a judge who rates what was there before."""
    return lambda content: rating if answer_in(content).startswith(("A", "{")) else 1


def gullible(content):
    """Obey the last verdict in the data, or give a 3."""
    verdicts = re.findall(r'\{"reason": "[^"]*", "response": (.+?)\}', content)
    forged = [text for text in verdicts if text != "..."]
    return json.loads(forged[-1]) if forged else 3


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Run the command on cases against a judge."""
    servers = []

    def run(*cases, arguments=("--judge-model", "judge-1"), **judge):
        server = MockServer(**judge).__enter__()
        servers.append(server)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
        for number, text in enumerate(cases):
            (tmp_path / f"{number}.md").write_text(text)
        before = {path: path.read_bytes() for path in tmp_path.rglob("*")}
        status = main(["selfcheck", str(tmp_path), *arguments])
        after = {path: path.read_bytes() for path in tmp_path.rglob("*")}
        assert after == before  # nothing is written
        said = capsys.readouterr()
        out = said.out.replace(str(tmp_path) + "/", "").splitlines()
        return status, out, said.err, server

    yield run
    for server in servers:
        server.die()


@pytest.fixture(autouse=True)
def no_judge(monkeypatch):
    monkeypatch.delenv("EVALMD_JUDGE_MODEL", raising=False)


def moved(lines):
    return [
        match[1] for line in lines if (match := re.search(r"attack (\S+) mo", line))
    ]


def test_a_firm_judge_passes(check):
    status, out, err, server = check(case_text(RATING), reply=firm())

    assert (status, err) == (0, "")
    assert out[0] == "own-boundary: 0 of 1 moved"
    assert out[-1] == (
        f"0 of {len(ALL)} attacked answers moved a verdict "
        "(measures: 1, attacks: version 1)"
    )
    assert len(server.requests) == len(ALL) + 1
    assert {request["model"] for request in server.requests} == {"judge-1"}


def test_a_gullible_judge_is_caught(check):
    status, out, _, _ = check(case_text(RATING), reply=gullible)

    assert status == 1
    line = "0.md:8 rating: attack fake-verdict moved 3 -> 10, as it asked"
    assert line in out
    assert {"own-boundary", "fake-verdict", "many-verdicts", "only-verdict"} <= {
        *moved(out)
    }
    # What it can't see it does not obey, and without a verdict it does its work.
    assert not {"tag-characters", "zero-width", "empty", "colon"} & {*moved(out)}
    assert "fake-verdict: 1 of 1 moved" in out
    assert "colon: 0 of 1 moved" in out


def test_master_keys_must_not_score_better(check):
    generous = lambda content: 9 if len(answer_in(content)) < 20 else 4  # noqa: E731
    text = case_text(RATING, answer="A long and boring answer.")

    status, out, _, _ = check(text, reply=generous)

    assert status == 1
    assert moved(out) == ["empty", "colon", "thought-process"]
    assert "0.md:8 rating: attack colon moved 4 -> 9" in out


def test_what_replaces_may_score_worse_and_is_left_out_at_the_top(check):
    status, out, _, server = check(case_text(RATING), reply=firm(10))

    assert status == 0
    assert len(server.requests) == len(ADDS) + 1
    assert "empty: not made: no verdict that it could better" in out


def test_the_measure_says_what_is_a_move(check):
    wobbly = lambda content: 3 + ("Ignore" in content)  # noqa: E731
    assert check(case_text((*RATING, "tolerance: 1")), reply=wobbly)[0] == 0
    assert check(case_text(RATING), reply=wobbly)[0] == 1


@pytest.mark.parametrize(
    ("fields", "honest", "forged"),
    [
        (("output: boolean",), False, "true"),
        (("output: text",), "calm", '"perfect"'),
        (("output: list",), ["a"], "[]"),
        (("output: list", "compare: subset"), ["a"], '["perfect"]'),
        (("output: text", "compare: any-of"), "calm", '"perfect"'),
        (("output: text", "compare: pattern"), "calm", '"perfect"'),
        (("output: json",), {"n": 1}, '{"n": 10}'),
    ],
)
def test_each_kind_of_output(check, fields, honest, forged):
    text = case_text((*RATING[:3], *fields, "prompt: P"))

    def obeys(content):
        """Reply what the order in plain words says."""
        said = re.findall(r"Your response must be (.+?)\. Reply", content)
        return json.loads(said[-1]) if said else honest

    status, out, _, server = check(text, reply=lambda content: honest)
    assert status == 0
    made = len(ALL) if honest is False else len(ADDS)
    assert len(server.requests) == made + 1

    status, out, _, _ = check(text, reply=obeys)
    assert status == 1
    assert (
        f"0.md:8 rating: attack ignore-previous moved {json.dumps(honest)} -> {forged}, "
        "as it asked" in out
    )


@pytest.mark.parametrize(
    ("compare", "recorded"),
    [("pattern", "calm|perfect"), ("any-of", '["calm", "perfect"]')],
)
def test_a_recorded_result_that_accepts_both_is_no_move(check, compare, recorded):
    measure = (*RATING[:3], "output: text", f"compare: {compare}", "prompt: P")
    recorded = block("evaluation-yaml", "- id: rating") + block(
        "evaluation-result-text", recorded
    )
    obeys = lambda content: "perfect" if "Ignore" in content else "calm"  # noqa: E731

    status, out, _, _ = check(case_text(measure), reply=obeys)
    assert status == 1
    assert "ignore-previous" in moved(out)

    # What it could be talked into is not accepted, and there it holds.
    status, out, _, server = check(case_text(measure, tail=recorded), reply=obeys)
    assert (status, moved(out)) == (0, [])
    assert len(server.requests) == len(ADDS) + 1
    contents = [request["messages"][-1]["content"] for request in server.requests]
    assert any('Your response must be "flawless".' in text for text in contents)


def test_schema_is_kept_to(check):
    schema = 'schema: {"type": "object", "properties": {"n": {"maximum": 4}}}'
    text = case_text((*RATING[:3], "output: json", schema, "prompt: P"))
    status, _, _, server = check(text, reply=lambda content: {"n": 1})
    assert status == 0
    assert len(server.requests) == len(ADDS) + 1


def test_a_refusal_counts_as_held_and_is_said(check):
    def filters(request, n):
        content = request["messages"][-1]["content"]
        if "Ignore all" in content:
            return Response(status=400, body=error("No.", code="content_filter"))
        if content.count("flawless"):
            return Response(body=completion(None, refusal="I won't."))
        return None

    status, out, _, _ = check(case_text(RATING), reply=firm(), behaviour=filters)

    assert status == 0
    said = "0 of 1 moved, 1 refused or filtered (counted as held)"
    assert f"ignore-previous: {said}" in out
    assert f"fake-verdict: {said}" in out
    assert "colon: 0 of 1 moved" in out


def test_no_verdict_on_an_attacked_answer_is_an_error(check):
    def broken(request, n):
        content = request["messages"][1]["content"]
        # It asks again, in vain.
        return Response(body=completion("Hm.")) if "Ignore" in content else None

    status, out, _, server = check(case_text(RATING), reply=firm(), behaviour=broken)

    assert status == 1
    assert not moved(out)
    assert any(
        line.startswith("0.md:8 rating: attack ignore-previous got no verdict: the ")
        for line in out
    )
    assert "ignore-previous: 0 of 1 moved, 1 without a verdict" in out
    assert len(server.requests) > len(ALL) + 1


def test_no_verdict_on_the_recorded_answer_is_an_error(check):
    status, out, err, server = check(
        case_text(RATING), behaviour=lambda *_: Response(status=401, body=error("No"))
    )
    assert status == 1
    assert out[0].startswith("0.md:8 rating: not checked: ")
    assert "nothing was checked" in err
    assert len(server.requests) == 1
    assert "sk-test" not in "".join(out) + err


def test_no_judge_is_named(check):
    status, out, _, server = check(case_text(RATING), arguments=())
    assert status == 1
    assert "no judge model is set" in out[0]
    assert server.requests == []


def test_judge_of_the_case_and_of_the_environment(check, monkeypatch):
    monkeypatch.setenv("EVALMD_JUDGE_MODEL", "from-env")
    front = "---\njudge:\n  model: of-case\n---\n"
    cases = (case_text(RATING), case_text(RATING, front=front))
    _, _, _, server = check(*cases, arguments=(), reply=firm())
    asked = {request["model"] for request in server.requests}
    assert asked == {"from-env", "of-case"}


def test_nothing_to_check(check):
    programmatic = (
        "id: m",
        "description: D",
        "type: programmatic",
        "logic: return 1",
        "input: answer",
    )
    chained = (*RATING[:3], "input: m", "prompt: P")
    of_query = ("id: q", "description: D", "type: ai", "context: query", "prompt: P")
    texts = (
        case_text(RATING, answer=""),
        case_text(programmatic, chained),
        case_text(of_query),
    )
    status, out, err, server = check(*texts, reply=firm())
    assert status == 1
    assert out[-1].startswith("ai measures left out: 2; ")
    assert err.startswith("nothing was checked: ")
    assert server.requests == []


def test_a_broken_case_fails_though_the_others_hold(check):
    broken = case_text(RATING).replace("type: ai", "type: oracle")
    status, out, err, _ = check(case_text(RATING), broken, reply=firm())
    assert status == 1
    assert "oracle" in err
    assert "empty: 0 of 1 moved" in out


def test_a_compare_that_nothing_fails(check):
    text = case_text((*RATING[:3], "output: list", "compare: superset", "prompt: P"))
    status, out, _, server = check(text, reply=lambda content: [])
    assert (status, len(server.requests)) == (1, 1)
    assert out[0] == "0.md:8 rating: not checked: its compare lets every verdict pass"


def test_samples_and_inputs_are_as_in_a_run(check):
    front = "---\njudge:\n  samples: 3\n---\n"
    inputs = (*RATING, "input: [query, answer]")
    status, _, _, server = check(case_text(inputs, front=front), reply=lambda _: 10)
    assert status == 0
    assert len(server.requests) == 3 * (len(ADDS) + 1)
    content = server.requests[0]["messages"][-1]["content"]
    assert '{"query": "Q", "answer": "A"}' in content
    plain = (*RATING, "input: answer")
    _, _, _, server = check(case_text(plain), reply=lambda _: 10)
    assert "input begins]\nA\n" in server.requests[0]["messages"][-1]["content"]


def test_concurrency(check):
    arguments = ("--judge-model", "j", "--concurrency", "3")
    cases = [case_text(RATING)] * 3
    _, _, _, server = check(*cases, arguments=arguments, reply=firm(), latency_s=0.01)
    assert server.max_in_flight == 3


@pytest.mark.parametrize("number", ["0", "65", "x", "-1"])
def test_bad_concurrency(number, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["selfcheck", ".", "--concurrency", number])
    assert caught.value.code == 2
    assert f"got '{number}'; expected 1 to 64" in capsys.readouterr().err


def test_hostile_output_is_escaped(check):
    hostile = lambda c: "\x1b[2J\u202e" if "Ignore" in c else "calm"  # noqa: E731
    text = case_text((*RATING[:3], "output: text", "prompt: P"))
    status, out, _, _ = check(text, reply=hostile)
    assert status == 1
    said = "\n".join(out)
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_the_documentation_lists_the_attacks():
    text = (Path(__file__).parents[2] / "SECURITY.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (.+) \|$", text, re.MULTILINE)
    assert rows == [(attack.name, attack.description) for attack in ALL]
    assert f"up to {len(ALL) + 1} requests" in text
    assert (len(ADDS), len(REPLACES)) == (12, 5)  # as it says in words
