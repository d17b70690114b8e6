"""pydantic-evals: a case a request, judged by its LLMJudge."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_evals import Case, Dataset
from pydantic_evals.evaluators import LLMJudge

path, concurrency = sys.argv[1:]
with Path(path).open(encoding="utf-8") as file:
    prompts = [body["messages"][-1]["content"] for body in json.load(file)]
judge = OpenAIChatModel("mock")
dataset = Dataset(
    name="benchmark",
    cases=[
        Case(name=str(n), inputs=prompt, evaluators=(LLMJudge("Is it so?", judge),))
        for n, prompt in enumerate(prompts)
    ],
)


async def answered(text: str) -> str:
    """Give the recorded answer."""
    return text


report = dataset.evaluate_sync(
    answered, max_concurrency=int(concurrency), progress=False
)
assert len(report.cases) == len(prompts), report.failures
assert all(case.assertions["LLMJudge"].value for case in report.cases)
