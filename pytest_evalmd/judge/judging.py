"""One ai measure, from its texts to a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pytest_evalmd.case.model import Measure
from pytest_evalmd.case.values import Value
from pytest_evalmd.judge.aggregate import aggregate
from pytest_evalmd.judge.model import JudgeError, LLMClient, Request, Verdict
from pytest_evalmd.judge.reply import RETRYABLE, read_reply
from pytest_evalmd.judge.request import ask_again, build_request


async def judge(
    measure: Measure,
    texts: Mapping[str, str],
    *,
    client: LLMClient,
    model: str,
    parameters: Mapping[str, Value],
    problem_of: Callable[[Value], str | None],
) -> Verdict:
    """Ask a judge about a measure, as often as it wants samples.

    Args:
        measure: an ai measure.
        texts: what the judge sees, by name: ``query``, ``answer``, ``input``.
        client: who is asked.
        model: the judge's name.
        parameters: what the user wants sent along.
        problem_of: says why a value is not valid for the measure, or ``None``.

    Raises:
        JudgeError: no verdict came, after one retry where a retry can mend it.
    """
    verdicts = []
    for sample in range(measure.samples):
        request = build_request(
            measure, model=model, texts=texts, parameters=parameters, sample=sample
        )
        verdicts.append(await _ask(request, measure, client, problem_of))
    value = aggregate([v.value for v in verdicts], measure.aggregate, measure.output)
    return Verdict(value=value, reason=verdicts[0].reason)


async def _ask(
    request: Request,
    measure: Measure,
    client: LLMClient,
    problem_of: Callable[[Value], str | None],
) -> Verdict:
    reply = await client.complete(request)
    try:
        return read_reply(reply, measure, problem_of=problem_of)
    except JudgeError as error:
        if error.kind not in RETRYABLE:
            raise
        request = ask_again(request, reply, str(error))
    return read_reply(await client.complete(request), measure, problem_of=problem_of)
