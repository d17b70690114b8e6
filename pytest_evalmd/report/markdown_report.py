"""A report as Markdown that reads well on GitHub and in Obsidian; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from pytest_evalmd.report.document import (
    AnswerReport,
    QuestionReport,
    Report,
    State,
)
from pytest_evalmd.report.escaping import code, fenced, words
from pytest_evalmd.report.markdown_measure import (
    NOT_PASSED,
    STATES,
    name_of,
    result,
    row,
    table,
)
from pytest_evalmd.report.summary import Found, results_of

LISTED = 50
"""How many of anything are listed above the questions."""


def write_markdown_report(report: Report, limit: int | None = None) -> str:
    """Write a report: the sum first, then a section a product, question type and answer.

    Args:
        report: what to write.
        limit: how many bytes of UTF-8 it may take. From the first one on that does not
            fit, questions are left out, and the last line says how many.
    """
    written = [_text(_head(report))]
    if limit is not None:
        limit -= len((written[0] + _left_out(len(report.questions))).encode())
    for number, section in enumerate(_sections(report.questions)):
        if limit is not None:
            limit -= len(section.encode())
            if limit < 0:
                written.append(_left_out(len(report.questions) - number))
                break
        written.append(section)
    return "".join(written)


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _left_out(number: int) -> str:
    what = "1 question is" if number == 1 else f"{number} questions are"
    return f"\n_{what} left out here: there is no room for more._\n"


def _head(report: Report) -> Iterator[str]:
    said = [report.date, f"pytest-evalmd {report.plugin}"]
    said += [f"{name} {text}" for name, text in report.options.items()]
    yield from (f"# {words(report.title)}", "", " · ".join(map(words, said)))
    found = list(results_of(report))
    yield from _listed("Not read", [words(one) for one in report.problems])
    yield from _counts("folder", found, lambda one: _product(one.question))
    yield from _counts("model", found, lambda one: one.measure.model)
    bad = [_brief(one) for one in found if one.measure.state in NOT_PASSED]
    yield from _listed("Not passed", bad)


def _listed(title: str, items: Sequence[str]) -> Iterator[str]:
    if not items:
        return
    yield from ("", f"**{title}: {len(items)}**", "")
    yield from (f"- {item}" for item in items[:LISTED])
    if len(items) > LISTED:
        yield f"- … and {len(items) - LISTED} more"


def _counts(
    title: str, found: Iterable[Found], name_of: Callable[[Found], str]
) -> Iterator[str]:
    """Count states in a row a name, and of all; nothing where nobody has a name."""
    rows: dict[str, Counter[State]] = {}
    for one in found:
        rows.setdefault(name_of(one), Counter())[one.measure.state] += 1
    if not any(rows):
        return
    total = sum(rows.values(), Counter[State]())
    states = [state for state in STATES if total[state]]
    yield from ("", row([title, "measures", *(STATES[state] for state in states)]))
    yield "|---|" + "--:|" * (len(states) + 1)
    for name, counts in list(rows.items())[:LISTED]:
        yield _count_row(words(name) if name else "-", counts, states)
    if len(rows) > LISTED:
        yield row([f"… and {len(rows) - LISTED} more", *[""] * (len(states) + 1)])
    if len(rows) > 1:
        yield _count_row("**all**", total, states)


def _count_row(name: str, counts: Counter[State], states: Iterable[State]) -> str:
    return row([name, *map(str, [counts.total(), *(counts[one] for one in states)])])


def _brief(found: Found) -> str:
    question, answer, measure = found.question, found.answer, found.measure
    place = filter(None, (question.folder, question.name, answer.model))
    said = f"{words(' / '.join(place))}, {name_of(measure)}: {result(measure)}"
    return f"{STATES[measure.state]}: {said}"


def _product(question: QuestionReport) -> str:
    return question.folder.partition("/")[0]


def _sections(questions: Iterable[QuestionReport]) -> Iterator[str]:
    """Give a section a question; the first of a folder begins with its headings."""
    folders: dict[str, dict[str, list[QuestionReport]]] = {}
    for question in questions:
        product, _, type_ = question.folder.partition("/")
        folders.setdefault(product, {}).setdefault(type_, []).append(question)
    for product, types in folders.items():
        new = [product] if product else []
        for type_, asked in types.items():
            new += [type_] if type_ else []
            depth = 2 + bool(product) + bool(type_)
            for question in asked:
                headings = [*new, question.name]
                yield _text(_section(headings, depth - len(new), question))
                new = []


def _section(
    headings: Sequence[str], depth: int, question: QuestionReport
) -> Iterator[str]:
    """Write a question below headings, the first of them of a depth."""
    for level, name in enumerate(headings, depth):
        yield from ("", f"{'#' * level} {words(name)}")
    if question.tags:
        yield from ("", " ".join(map(code, question.tags)))
    one_line = "\n" not in question.query
    yield from (
        "",
        f"> {words(question.query)}" if one_line else fenced(question.query),
    )
    for answer in question.answers:
        yield from _answer(depth + len(headings), answer)


def _answer(depth: int, answer: AnswerReport) -> Iterator[str]:
    name = words(answer.model or "Answer")
    yield from ("", f"{'#' * depth} {name}{' (new answer)' if answer.new else ''}", "")
    yield from (code(answer.path), "")
    yield fenced(answer.text) if answer.text.strip() else _without_text(answer)
    yield from table(answer.measures)


def _without_text(answer: AnswerReport) -> str:
    states = {measure.state for measure in answer.measures}
    waits = states <= {"unanswered", "skipped"}
    return "_Not answered yet._" if waits else "_The run file does not hold its text._"
