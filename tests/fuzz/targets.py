"""What every reader of foreign text promises, whatever the text.

A target takes a text and asserts the promise: a value or the reader's own error, told on
lines that a terminal can show, and what is written reads back.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import seeds

from pytest_evalmd.batch.lines import Harvest, LineError, read_line
from pytest_evalmd.batch.remote import read_page, read_remote
from pytest_evalmd.batch.state import BatchFileError, read_batch, write_batch
from pytest_evalmd.case.blocks import may_be_case, read_document, split_lines
from pytest_evalmd.case.edit import EditError, set_answer, set_results
from pytest_evalmd.case.model import Case, Measure, Output
from pytest_evalmd.case.parse import decode, parse_case
from pytest_evalmd.case.problems import CaseError
from pytest_evalmd.case.results import (
    ResultError,
    read_result,
    read_result_like,
    write_result,
    write_result_of_any_type,
)
from pytest_evalmd.case.values import canonical, same
from pytest_evalmd.generate.combining import generate
from pytest_evalmd.generate.config import is_config, read_config
from pytest_evalmd.generate.template import is_template, read_template
from pytest_evalmd.judge.answer import (
    answer_question,
    answer_request,
    read_answer,
)
from pytest_evalmd.judge.completion import parse_body, read_completion
from pytest_evalmd.judge.fault import fault_error, fault_within, read_fault
from pytest_evalmd.judge.model import JudgeError, Reply
from pytest_evalmd.judge.recordings import (
    RecordingError,
    read_question,
    read_recordings,
    read_reply_of,
    write_recordings,
)
from pytest_evalmd.judge.reply import read_reply, reply_problem
from pytest_evalmd.report.document import Report
from pytest_evalmd.report.gather import report_of_cases
from pytest_evalmd.report.github import Annotation, write_annotations
from pytest_evalmd.report.html import write_html
from pytest_evalmd.report.joining import report_of_runs
from pytest_evalmd.report.json_report import write_json_report
from pytest_evalmd.report.markdown_report import write_markdown_report
from pytest_evalmd.verdict.compare import holds, write_output
from pytest_evalmd.verdict.jsonstream import RunFileError
from pytest_evalmd.verdict.merge import MergeError, merge_runs
from pytest_evalmd.verdict.runfile import read_run, read_whole_run
from pytest_evalmd.verdict.runs import Run, write_run
from pytest_evalmd.verdict.shard import Shard, ShardError, read_shard

OUTPUTS = get_args(Output)
REPORT = {"title": "Cases", "plugin": "0.1.0"}
PIECE = 7
"""Characters of a piece of a run file."""


@dataclass(frozen=True)
class Target:
    """A reader, and valid texts for it."""

    check: Callable[[str], object]
    seeds: Sequence[str]


def _to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _case(text: str) -> Case | None:
    """Parse a case; its errors have a line of the file and are fit for a terminal."""
    data = _to_bytes(text)
    lines = len(split_lines(text)) + 1
    may_be_case(data)
    try:
        found = parse_case(decode(data))
    except CaseError as error:
        _check_problems(error, lines)
        return None
    assert found is None or may_be_case(data)
    return found


def _check_problems(error: CaseError, lines: int) -> None:
    assert error.problems
    for problem in error.problems:
        assert 1 <= problem.line <= lines, problem
        assert problem.message.isprintable(), problem
        assert len(problem.message) < 1000, problem


def _check_message(error: Exception) -> None:
    assert str(error).isprintable()
    assert len(str(error)) < 1000


def check_case(text: str) -> None:
    case = _case(text)
    if case is None:
        return
    for measure in case.measures.values():
        assert set(measure.needs) <= case.measures.keys()
        check_recorded(measure, case.result_text(measure.id))
    for block in case.blocks:
        assert block.line < block.end_line <= len(split_lines(text))
    check_own_results(text, case)


def check_recorded(measure: Measure, text: str) -> None:
    """A recorded result is compared with anything, and never raises."""
    if measure.compare == "pattern":
        return
    for computed in ([], 1, 2.5, "a", None, True, {"a": ["b"]}):
        holds(measure, text, computed, lambda *_: False)


def check_own_results(text: str, case: Case) -> None:
    """Writing what is there changes nothing."""
    own = {i: r.result.text for i, r in case.recorded.items() if r.result}
    with contextlib.suppress(EditError):  # refused: nothing is written
        assert set_results(text, own) == text


def check_edit(text: str) -> None:
    """The text after a mark is written into each result of the case before it."""
    before, _, new = text.partition(MARK)
    try:
        case = parse_case(before)
    except CaseError:
        return
    if case is None:
        return
    results = dict.fromkeys(case.measures, new)
    try:
        written = set_results(before, results)
    except EditError:
        return
    after = parse_case(written)
    assert after is not None
    assert {id_: after.result_text(id_) for id_ in after.measures} == results
    others = [
        [b.text for b in c.blocks if not b.info.startswith("evaluation")]
        for c in (case, after)
    ]
    assert others[0] == others[1]
    assert set_results(written, results) == written
    old, changed = read_document(before).lines, read_document(written).lines
    first = case.blocks[0].line
    assert old[:first] == changed[:first]


def check_result(text: str) -> None:
    for output in OUTPUTS:
        try:
            value = read_result(text, output)
        except ResultError as error:
            _check_message(error)
            continue
        assert same(read_result(write_result(value, output), output), value)
        canonical(value)
    for computed in ("", [], 1, None, {}):
        value = read_result_like(text, computed)
        written = write_result_of_any_type(value)
        assert same(read_result_like(written, value), value)


def check_recordings(text: str) -> None:
    try:
        found = read_recordings(text)
    except RecordingError as error:
        _check_message(error)
        return
    written = write_recordings("case.md", found.values())
    assert read_recordings(written) == found
    assert write_recordings("case.md", reversed(found.values())) == written


def check_spooled(text: str) -> None:
    """A reply of a spool is one, or is left alone."""
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(entry, dict):
        with contextlib.suppress(RecordingError):
            read_reply_of("m", read_question(entry), entry)


def check_run(text: str) -> None:
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    whole, cut = _read_run([text]), _read_run(pieces)
    assert whole == cut, "it must not matter how a file is cut"
    if isinstance(whole, Run):
        written = write_run(whole)
        again = _read_run([written])
        assert isinstance(again, Run)
        assert write_run(again) == written


def _read_run(pieces: Iterable[str]) -> Run | str:
    try:
        head, results = read_run(pieces)
        return Run(head=head, results=list(results))
    except RunFileError as error:
        _check_message(error)
        return "refused"


def check_reply(text: str) -> None:
    for output in OUTPUTS:
        measure = Measure(id="m", description="M", type="ai", line=1, output=output)
        problem_of = reply_problem(measure)
        try:
            verdict = read_reply(Reply(text=text), measure, problem_of=problem_of)
        except JudgeError:
            continue
        assert problem_of(verdict.value) is None
        write_output(measure, verdict.value)
        ranged = replace(measure, output="integer", range=(1, 10))
        with contextlib.suppress(JudgeError):
            read_reply(Reply(text=text), ranged, problem_of=reply_problem(ranged))


def check_completion(text: str) -> None:
    try:
        body = parse_body(text)
    except JudgeError:
        return
    fault = fault_within(body)
    if fault is not None:
        fault_error(fault, "m")
    for status in (None, 400, 429, 500):
        fault_error(read_fault(status, body), "m")
    with contextlib.suppress(JudgeError):
        read_completion(body)


def check_template(text: str) -> None:
    is_template(text)
    try:
        template = read_template(text)
        config = read_config(seeds.SMALL_CONFIG, markdown=True)
        texts = generate(template, config, allow_undefined=True)
    except CaseError as error:
        _check_problems(error, len(split_lines(text)) + 2)
        return
    for one in texts:
        parse_unless_undefined(one)


def parse_unless_undefined(text: str) -> None:
    try:
        case = parse_case(text)
    except CaseError:
        assert "_UNDEFINED]" in text, text
    else:
        assert case is not None
        assert not case.answered


def check_config(text: str) -> None:
    for markdown in (True, False):
        is_config(text, markdown=markdown)
        try:
            config = read_config(text, markdown=markdown)
            texts = generate(read_template(seeds.SMALL_TEMPLATE), config)
        except CaseError as error:
            lines = max(text.count("\n"), seeds.TEMPLATE.count("\n"), text.count("\r"))
            _check_problems(error, lines + 2)
            continue
        for one in texts:
            parse_unless_undefined(one)


def check_batch_line(text: str) -> None:
    """Read a line of a batch's output, alone and as a whole file of them."""
    data = _to_bytes(text)
    with contextlib.suppress(LineError):
        read_line(data)
    harvest = Harvest(known={"evalmd-1"})
    harvest.take(data.split(b"\n"))
    assert all(why.isprintable() and len(why) < 1000 for why in harvest.ignored)
    for fault in harvest.faults.values():
        if not isinstance(fault, JudgeError):
            fault_error(fault, "m")


def check_batch_state(text: str) -> None:
    try:
        batch = read_batch(text)
    except BatchFileError as error:
        _check_message(error)
        return
    written = write_batch(batch)
    assert write_batch(read_batch(written)) == written
    assert not any(set(one.case.split("/")) & {"", "..", "."} for one in batch.asked)
    batch.places()


def check_remote(text: str) -> None:
    try:
        body = parse_body(text)
    except JudgeError:
        return
    for read in (read_remote, read_page):
        with contextlib.suppress(JudgeError):
            read(body)


def check_merge(text: str) -> None:
    """Merge a file with a good one, and alone: a run, or a reason that can be shown."""
    good = read_whole_run([seeds.SHARDS[0]])
    try:
        run = read_whole_run([text])
    except RunFileError:
        return
    for runs in ([run], [good, run], [run, good]):
        try:
            merged = merge_runs([(f"{n}.json", one) for n, one in enumerate(runs)])
        except MergeError as error:
            _check_message(error)
            continue
        assert merged.head.options.shard is None
        assert len(merged.results) == sum(len(one.results) for one in runs)


def check_shard(text: str) -> None:
    try:
        shard = read_shard(text)
    except ShardError as error:
        _check_message(error)
        return
    assert shard == Shard(number=shard.number, count=shard.count)
    assert read_shard(str(shard)) == shard


def check_answer(text: str) -> None:
    """The text after a mark is what a model replied; it and its name are written."""
    before, _, said = text.partition(MARK)
    try:
        case = parse_case(before)
        answer = read_answer(Reply(text=said))
    except (CaseError, JudgeError):
        return
    if case is None:
        return
    answer_request(case.query.text, "m", case.answer_settings)
    answer_question(case.query.text, "m", case.answer_settings)
    model = said.split("\n")[0]
    try:
        written = set_answer(before, answer, model)
    except EditError as error:
        _check_message(error)
        return
    after = parse_case(written)
    assert after is not None
    assert (after.answer.text, after.model) == (answer, model)
    assert set_answer(written, answer, model) == written


def check_case_report(text: str) -> None:
    case = _case(text)
    if case is not None:
        report = report_of_cases([("a/case.md", case)], **REPORT, date="2026-01-02")
        _check_report(report)


def check_run_report(text: str) -> None:
    with contextlib.suppress(RunFileError):
        _check_report(report_of_runs([read_whole_run([text])], **REPORT))


def check_hostile_report(text: str) -> None:
    """Text from anywhere, in every place of a report."""
    run = read_whole_run([seeds.RUN])
    case = seeds.hostile_case(text)
    results = [seeds.hostile_result(one, text) for one in run.results]
    _check_report(
        report_of_runs([replace(run, results=results, cases=[case])], **REPORT)
    )
    notes = [Annotation(path=text, line=1, title=text, message=text)]
    assert all("\n" not in one for one in write_annotations(notes))


EMPTY_PAGE = "".join(write_html(Report(**REPORT, date="2026-01-02")))


def _check_report(report: Report) -> None:
    """Each writer takes it, and what it writes can be put into a file."""
    page = "".join(write_html(report))
    assert page.count("<script") == EMPTY_PAGE.count("<script")
    written = write_json_report(report)
    json.loads(written)
    short = write_markdown_report(report, 2000)
    for one in (page, written, short, write_markdown_report(report)):
        one.encode()


MARK = "\n=== new result ===\n"
NEW_RESULTS = ("9", "a,b", "```\nx\n```", "", " ", "\n", "> a", "~~~", "é\u2028", "\ta")

COMPLETION = json.dumps(
    {
        "model": "m",
        "choices": [{"message": {"content": [{"text": "x"}]}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens_details": {"a": None}},
    }
)
ERROR = json.dumps(
    {
        "error": {"message": "no", "code": 400, "param": "n", "innererror": {}},
        "detail": [{"loc": ["body", 1], "msg": "odd"}],
    }
)
RESULTS = (
    *("9", "1e400", "[1, 2]", '{"a": 1}', "a, b ,c", '"\\"x\\""', "true", "9.0"),
    *("[a, b", "-0", "1E5", "null", "[]", '["\\ud800"]', "Poteligeo,Adcetris"),
)

TARGETS = {
    "answer": Target(
        check_answer, [f"{c}{MARK}{new}" for c in seeds.cases() for new in NEW_RESULTS]
    ),
    "batch line": Target(check_batch_line, seeds.BATCH_LINES),
    "batch state": Target(check_batch_state, [seeds.batch()]),
    "remote": Target(check_remote, seeds.REMOTES),
    "merge": Target(check_merge, seeds.SHARDS),
    "shard": Target(check_shard, ("1/1", "2/5", "9999/10000")),
    "case report": Target(check_case_report, seeds.cases()),
    "run report": Target(check_run_report, [seeds.RUN, *seeds.SHARDS]),
    "hostile report": Target(check_hostile_report, [*seeds.REPLIES, *NEW_RESULTS]),
    "case": Target(check_case, seeds.cases()),
    "edit": Target(
        check_edit, [f"{c}{MARK}{new}" for c in seeds.cases() for new in NEW_RESULTS]
    ),
    "result": Target(check_result, RESULTS),
    "recordings": Target(check_recordings, seeds.recordings()),
    "run": Target(check_run, [seeds.RUN]),
    "reply": Target(check_reply, seeds.REPLIES),
    "completion": Target(check_completion, [COMPLETION, ERROR, "<html>x</html>"]),
    "template": Target(check_template, [seeds.TEMPLATE]),
    "config": Target(check_config, [seeds.CONFIG]),
}
