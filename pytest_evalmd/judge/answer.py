"""A case's query put to a model, and the answer in its reply; pure."""

from __future__ import annotations

import re

from pytest_evalmd.case.model import AnswerSettings, Source
from pytest_evalmd.case.values import Value
from pytest_evalmd.judge.model import JudgeError, Message, Reply, Request
from pytest_evalmd.judge.question import Question, digest
from pytest_evalmd.judge.reply import THOUGHT_END, THOUGHT_START, check_ending

ANSWER: Source = "answer"
"""What answers are remembered under; no measure can have this id."""
ANSWER_PROTOCOL = 1
"""The version of how a query is put; whatever changes the messages raises it."""

_NEXT_STEPS = {
    "refused": "ask another model, or write the refusal into the answer block by hand",
    "cut-off": "raise the server's limit of tokens, or ask for a shorter answer",
    "filtered": "reword the query, or ask another model",
    "unusable": "ask a model that has no tools",
}
_UNFIT = re.compile(r"[\r\0\ud800-\udfff]")


def answer_request(query: str, model: str, settings: AnswerSettings) -> Request:
    """Put a query to a model, word for word.

    Args:
        query: the text of the case's query.
        model: the name of the model.
        settings: what the case's frontmatter says.
    """
    messages = [Message(role="user", content=query)]
    if settings.system is not None:
        messages.insert(0, Message(role="system", content=settings.system))
    return Request(
        model=model,
        messages=tuple(messages),
        plain=True,
        parameters=_parameters(settings),
    )


def answer_question(query: str, model: str, settings: AnswerSettings) -> Question:
    """Say what a model is asked, from what ``answer_request`` takes."""
    texts = {"query": query, "system": settings.system}
    return Question(
        model=model,
        protocol=ANSWER_PROTOCOL,
        prompt="",
        context={name: digest(text) for name, text in texts.items() if text},
        schema={},
        parameters=_parameters(settings),
    )


def read_answer(reply: Reply) -> str:
    r"""Take the answer out of a reply: word for word, lines ended by ``\n``.

    What a model thought before it answered is no part of it.

    Raises:
        JudgeError: there is none, or it can't stand in a case file: ``refused``,
            ``cut-off``, ``filtered``, ``unusable``, ``empty`` or ``ambiguous``.
    """
    try:
        check_ending(reply, "the model")
    except JudgeError as error:
        message = f"{error}; {_NEXT_STEPS[error.kind]}"
        raise JudgeError(error.kind, message) from None
    answer = _without_thoughts(reply.text.replace("\r\n", "\n"))
    if not answer.strip():
        message = "the reply is empty; run it again, or ask another model"
        raise JudgeError("empty", message)
    if unfit := _UNFIT.search(answer):
        code = f"U+{ord(unfit[0]):04X}"
        message = f"the answer holds {code}, which can't stand in a case file"
        raise JudgeError("unusable", f"{message}; run it again, or ask another model")
    return answer


def _without_thoughts(text: str) -> str:
    """Cut off the thoughts that a reply starts with.

    Tags further down belong to an answer that speaks of them. Some servers leave out
    the first tag: then a closing one stands alone, at the end of its line.
    """
    answer = text
    while THOUGHT_START.match(answer.lstrip()):
        end = THOUGHT_END.search(answer)
        if end is None:
            message = f"the reply ends within thoughts; {_NEXT_STEPS['cut-off']}"
            raise JudgeError("cut-off", message)
        answer = _behind(answer, end)
    end = THOUGHT_END.search(answer)
    start = THOUGHT_START.search(answer)
    if end is None or (start and start.start() < end.start()):
        return answer
    line_ends = answer[end.end() :].split("\n", 1)[0].strip() == ""
    if not line_ends or answer is not text or THOUGHT_END.search(answer, end.end()):
        message = f"thoughts and answer can't be told apart: {end[0]} stands alone in"
        raise JudgeError("ambiguous", f"{message} the reply; ask another model")
    return _behind(answer, end)


def _behind(text: str, end: re.Match[str]) -> str:
    return text[end.end() :].lstrip()


def _parameters(settings: AnswerSettings) -> dict[str, Value]:
    temperature = settings.temperature
    return {} if temperature is None else {"temperature": temperature}
