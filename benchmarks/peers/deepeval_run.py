"""deepeval: a test case a request, judged by GEval with its steps given."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ |= {"DEEPEVAL_TELEMETRY_OPT_OUT": "YES", "CI": "1"}


from deepeval import evaluate
from deepeval.evaluate import AsyncConfig, DisplayConfig
from deepeval.metrics import GEval
from deepeval.models import GPTModel
from deepeval.test_case import LLMTestCase, LLMTestCaseParams

path, concurrency = sys.argv[1:]
with Path(path).open(encoding="utf-8") as file:
    prompts = [body["messages"][-1]["content"] for body in json.load(file)]
judge = GPTModel(model="gpt-4o", base_url=os.environ["OPENAI_BASE_URL"])
metric = GEval(
    name="judge",
    evaluation_steps=["Is it so?"],
    evaluation_params=[LLMTestCaseParams.INPUT, LLMTestCaseParams.ACTUAL_OUTPUT],
    model=judge,
    threshold=0.0,
)
result = evaluate(
    [LLMTestCase(input="Which one?", actual_output=prompt) for prompt in prompts],
    [metric],
    async_config=AsyncConfig(max_concurrent=int(concurrency)),
    display_config=DisplayConfig(show_indicator=False, print_results=False),
)
assert len(result.test_results) == len(prompts)
assert all(one.success for one in result.test_results)
