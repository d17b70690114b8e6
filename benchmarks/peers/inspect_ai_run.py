"""inspect-ai: a sample a request, whose answer is there, graded by model_graded_qa."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import model_graded_qa
from inspect_ai.solver import Generate, TaskState, solver

path, concurrency = sys.argv[1:]
with Path(path).open(encoding="utf-8") as file:
    prompts = [body["messages"][-1]["content"] for body in json.load(file)]


@solver
def answered():  # noqa: ANN201
    """Give the recorded answer."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state.output.completion = state.input_text
        return state

    return solve


samples = [Sample(input=prompt, target="It is so.") for prompt in prompts]
with tempfile.TemporaryDirectory() as folder:
    (log,) = eval(
        Task(MemoryDataset(samples), answered(), scorer=model_graded_qa()),
        model="openai/mock",
        model_args={"responses_api": False},
        max_connections=int(concurrency),
        max_samples=int(concurrency),
        display="none",
        log_dir=folder,
    )
    assert log.status == "success", log.error
    assert log.results is not None
    assert log.results.scores[0].metrics["accuracy"].value == 1
