"""Runs as a report: several run files are joined into one; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_evalmd.case.results import ResultError, read_result
from pytest_evalmd.report.document import AnswerReport, MeasureReport, Report, State
from pytest_evalmd.report.gather import Entry, number_of, questions_of
from pytest_evalmd.verdict.runs import Run, RunCase, RunHead, RunResult


@dataclass(slots=True)
class _Answer:
    """An answer and what runs found of it."""

    path: str
    case: RunCase | None
    """``None`` if the run file says nothing of it but results."""
    model: str
    """Who gave a new answer; empty: it is the recorded one."""
    measured: dict[tuple[str, str], RunResult] = field(default_factory=dict)
    """By measure and variant; of several runs, what the last one found."""


def report_of_runs(
    runs: Iterable[Run],
    *,
    title: str,
    plugin: str,
    problems: Iterable[str] = (),
) -> Report:
    """Say what runs found.

    Where several runs measured the same answer in the same way, the last one counts.

    Args:
        runs: at least one.
        title: of the report.
        plugin: the version of pytest-evalmd that makes the report.
        problems: of the case files that could not be read.
    """
    heads: list[RunHead] = []
    answers: dict[tuple[str, ...], _Answer] = {}
    for run in runs:
        heads.append(run.head)
        _join(answers, run)
    return Report(
        title=title,
        date=max(head.date for head in heads),
        plugin=plugin,
        questions=questions_of(map(_entry, answers.values())),
        options=_options(heads),
        problems=tuple(problems),
    )


def _join(answers: dict[tuple[str, ...], _Answer], run: Run) -> None:
    """Put results to the answer that they are about: the same text of the same case."""
    cases = {case.case: case for case in run.cases}
    for case in sorted(run.cases, key=lambda one: one.case):
        if case.answer:  # it is shown beside new ones even if nothing measured it
            _answer(answers, case.case, case, "")
    for result in sorted(
        run.results, key=lambda one: (one.answer_model or "", one.place)
    ):
        model = result.answer_model or ""
        known = _answer(answers, result.case, cases.get(result.case), model)
        known.measured[result.measure, result.variant] = result


def _answer(
    answers: dict[tuple[str, ...], _Answer], path: str, case: RunCase | None, model: str
) -> _Answer:
    texts = (case.query, _text(case, model)) if case else ()
    return answers.setdefault((path, model, *texts), _Answer(path, case, model))


def _entry(answer: _Answer) -> Entry:
    case = answer.case
    model = answer.model or (case.model if case else "")
    text = _text(case, answer.model) if case else ""
    return Entry(
        # A text of its own for each: questions with the same one would become one.
        query=case.query if case else f"(the run file does not say: {answer.path})",
        tags=case.tags if case else _tags(answer.measured.values()),
        answer=AnswerReport(
            model=model,
            text=text,
            path=answer.path,
            new=bool(answer.model),
            measures=tuple(
                _measure(result, model, waits=case is not None and not text.strip())
                for result in _ordered(answer)
            ),
        ),
    )


def _text(case: RunCase, model: str) -> str:
    return case.answers.get(model, "") if model else case.answer


def _tags(results: Iterable[RunResult]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag for result in results for tag in result.tags))


def _ordered(answer: _Answer) -> list[RunResult]:
    """Sort results as the case's measures are, as far as the run file says."""
    ids = answer.case.measures if answer.case else ()
    places = {id_: place for place, id_ in enumerate(ids)}

    def place(one: RunResult) -> tuple[int, int, str, str]:
        known = places.get(one.measure, len(places))
        return known, one.line or 0, one.measure, one.variant

    return sorted(answer.measured.values(), key=place)


def _measure(result: RunResult, model: str, *, waits: bool) -> MeasureReport:
    state: State = result.outcome
    return MeasureReport(
        measure=result.measure,
        description=result.description,
        type=result.type,
        state="unanswered" if waits and state == "skipped" else state,
        variant=result.variant,
        model=model,
        judge_model=result.judge_model,
        recorded_text=result.recorded_text,
        computed_text=result.output_text,
        number=_number(result),
        human_text=result.human_text,
        reason=result.reason,
        provenance=result.provenance,
        problem=result.problem,
        attribution=result.attribution,
        today_text=result.today_text,
        votes=result.votes,
        usage=result.usage,
        duration_s=result.duration_s,
    )


def _number(result: RunResult) -> float | None:
    if result.output_text is not None:
        return number_of(result.output)
    try:
        return number_of(read_result(result.recorded_text, "number"))
    except ResultError:
        return None


def _options(heads: Sequence[RunHead]) -> Mapping[str, str]:
    """Say with which options they ran; all of them where runs differ."""
    found: dict[str, dict[str, None]] = {}
    for head in heads:
        for name, text in _said(head):
            found.setdefault(name, {})[text] = None
    return {name: ", ".join(texts) for name, texts in found.items()}


def _said(head: RunHead) -> Iterator[tuple[str, str]]:
    options = head.options
    yield "mode", options.mode
    if options.judge_model:
        yield "judge model", options.judge_model
    for model in options.answer_models:
        yield "answer model", model
    if options.confirm > 1:
        yield "asked", f"up to {options.confirm} times where a result differs"
    if options.update_results:
        yield "results", "updated"
