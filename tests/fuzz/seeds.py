"""Valid documents of every kind that the fuzz tests start from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from pytest_evalmd.batch.state import Asked, Batch, write_batch
from pytest_evalmd.case.model import Measure
from pytest_evalmd.judge.question import question_of
from pytest_evalmd.verdict.runs import (
    Run,
    RunCase,
    RunHead,
    RunOptions,
    RunResult,
    write_run,
)
from pytest_evalmd.verdict.shard import Shard, selection_digest

EXAMPLES = Path(__file__).parents[2] / "example_cases"

CASE = """---
Status: Pending
model: some-model
tags: [one, two/three]
judge: {model: strict, samples: 3, context: [answer, query]}
---

***

> [!query]
> ```query-text
> Which one, "Poteligeo" or 'Adcetris'?
> ```

***

> [!answer]
> ````answer-text
> Take Zuvira first.
>
> ```python
> print("a fence in the answer")
> ```
> ````

***

> [!measures]-
> ```measures-md
> * ---
>   * params.word: "the "word""
>   * id: named
>   * description: "Is "Zuvira" named?"
>   * type: ai
>   * prompt: "Answer with a JSON array; look for {{word}}."
>   * compare: unordered
>   * ignore: [case, space]
> * ---
>   * id: rating
>   * description: How calm is it?
>   * type: ai
>   * prompt: |
>     Rate it from 1 to 10.
>       Indented, with ünicode and 日本語.
>   * range: 1..10
>   * tolerance: 1
>   * samples: 3
>   * aggregate: median
> * ---
>   * id: count
>   * description: How many?
>   * type: programmatic
>   * input: [named, answer]
>   * params: {least: 1, deep: [[1, 2], {a: null}]}
>   * logic: |
>     // counts
>     return input.named.length >= params.least;
> ```

***

> [!evaluation]
> ```evaluation-yaml
> - measure: "Is "Zuvira" named?"
>   type: ai
> ```

> [!evaluation-result]
> ```evaluation-result-text
> Zuvira,Lomanta
> ```

***

> [!evaluation]
> ```evaluation-yaml
> - id: rating
>   type: ai
> ```

> [!evaluation-result]
> ```evaluation-result-text
> 9
> ```

> [!human-result]
> ```human-result-text
> 8
> ```

***

> [!evaluation]
> ```evaluation-yaml
> - measure: "How many?"
> ```

> [!evaluation-result]
> ```evaluation-result-text
> {"a": [1, 2.5, null, true], "b": "x"}
> ```"""

YAML_CASE = """# Notes

1. A list
   ~~~query-text
   Why?
   ~~~
2. ```answer-text
   Because.
   ```

```measures-yaml
- id: a
  description: "One: of them"
  type: ai
  prompt: "Reply as JSON."
  schema:
    type: object
    properties: {x: {type: integer}, y: {$ref: "#/$defs/t"}}
    $defs: {t: {type: string, pattern: "^a+$"}}
  context: [answer, query]
- id: b
  description: two
  type: programmatic
  input: a
  logic: |
    return input.x;
```

```evaluation-yaml
- measure: two
```
```evaluation-result-text
7
```
<!-- a comment with
```query-text
not a block
```
-->
"""

TEMPLATE = """Words above.

# Query

Which {{product}} is for {{illness}} in {{year}}?
It costs ${{price}}.

# Measures

* ---
  * id: named
  * description: "Is {{product}} named?"
  * type: ai
  * prompt: "Does the answer name {{product}}? {{own}}"
  * params.own: "{{illness}}"
  * range: 1..10
* ---
  * id: year
  * description: Is it of {{year}}?
  * type: programmatic
  * input: [answer, named]
  * params: {year: {{year}}, list: ["{{product}}", b]}
  * logic: |
    // {{product}}
    return input.answer.includes(params.year);
"""

CONFIG = """---
product_name: Café (x)
placeholders:
  product: [Zuvira, "a 'quoted' one", "{{illness}}"]
  illness: [T-cell, "it's | piped", 'back\\slash']
  year: [2024, 2025.50, true]
  price: ["$1", 1e3, "\\u00e4 \\n line"]
unused: &a [1, {b: c}]
---

A note.
"""

SMALL_TEMPLATE = """# Query
{{product}} for {{price}}?
# Measures
* ---
  * id: a
  * description: "{{product}}?"
  * type: ai
  * prompt: {{product}} or {{price}}
"""

SMALL_CONFIG = """---
name: x
placeholders:
  product: [Zuvira, "a 'quoted' {{price}}"]
  illness: ["it's | piped"]
  year: [2025.50]
  price: ["$1", "\\u00e4 \\n"]
---
"""

RUN = json.dumps(
    {
        "format": "evalmd-run/1",
        "plugin": "0.1.0",
        "date": "2026-01-02",
        "options": {"mode": "auto", "judge_model": "m", "confirm": 5},
        "totals": {"results": 2},
        "results": [
            {
                "case": "a/b.md",
                "measure": "m1",
                "variant": "gpt",
                "type": "ai",
                "outcome": "failed",
                "judge_model": "m",
                "output": {"a": [1, 2.5, None]},
                "output_text": '{"a": [1, 2.5, null]}',
                "recorded_text": "x",
                "tags": ["t"],
                "keys": ["0123456789abcdef"],
                "usage": {"asked": 100, "answered": 10},
                "duration_s": 0.123,
            },
            {
                "case": "a/b.md",
                "measure": "m2",
                "type": "programmatic",
                "outcome": "error",
                "problem": "logic failed",
                "duration_s": 1,
            },
        ],
    },
    indent=1,
)

REPLIES = (
    '{"reason": "It says \\"so\\".", "response": ["Zuvira", "Lomanta"]}',
    'Sure! Here it is:\n```json\n{"response": 9, "comment": "good",}\n```\nDone.',
    "<think>Is it {a}? [1]</think>\n[1, 2, 3]",
    '{"response": {"response": true, "reason": "r"}}',
    "7",
    "Plain words with [brackets] and {braces}.",
)


REPLIED = {
    "custom_id": "evalmd-1",
    "response": {
        "status_code": 200,
        "body": {
            "model": "m",
            "choices": [{"message": {"content": "9"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1},
        },
    },
    "error": None,
}
BATCH_LINES = (
    json.dumps(REPLIED),
    json.dumps(
        {
            "custom_id": "evalmd-1",
            "error": {"code": "batch_expired", "message": "late"},
        }
    ),
    json.dumps(
        {
            "custom_id": "evalmd-1",
            "response": {
                "status_code": 429,
                "body": {"error": {"message": "no", "code": "rate"}},
            },
        }
    ),
)
"""What a provider sends back of a batch."""

_REMOTE = {
    "id": "batch_1",
    "status": "failed",
    "input_file_id": "file-1",
    "output_file_id": None,
    "error_file_id": "file-3",
    "request_counts": {"total": 3, "completed": 1, "failed": 2},
    "errors": {"data": [{"code": "bad", "message": "no", "line": 2}]},
}
REMOTES = (json.dumps(_REMOTE), json.dumps({"data": [_REMOTE], "has_more": False}))

ANSWERED_CASE = RunCase(
    case="a/b.md",
    query="Which one?",
    answer="Zuvira.",
    model="m",
    tags=("t",),
    measures=("m1", "m2"),
    answers={"gpt": "Lomanta."},
)


def _shards() -> tuple[str, str]:
    results = [
        RunResult(case=case, measure="m", type="programmatic", outcome="passed")
        for case in ("a.md", "b.md")
    ]
    digest = selection_digest(one.place for one in results)
    written = []
    for number, result in enumerate(results, 1):
        shard = Shard(number=number, count=2, selected=1, total=2, digest=digest)
        head = RunHead(
            plugin="0.1.0", date="2026-01-02", options=RunOptions(shard=shard)
        )
        case = replace(ANSWERED_CASE, case=result.case)
        written.append(write_run(Run(head=head, results=[result], cases=[case])))
    return written[0], written[1]


SHARDS = _shards()
"""The run files of both shards of a run."""


def hostile_case(text: str) -> RunCase:
    """Put a text into every place of a case of a run."""
    return replace(
        ANSWERED_CASE,
        query=text,
        answer=text,
        model=text,
        tags=(text,),
        answers={text: text},
    )


def hostile_result(result: RunResult, text: str) -> RunResult:
    """Put a text into every place of a result of that case."""
    return replace(
        result,
        measure=result.measure + text,
        variant=text,
        description=text,
        judge_model=text,
        answer_model=text if result.answer_model else None,
        output_text=text,
        today_text=text,
        votes=(text, text),
        recorded_text=text,
        human_text=text,
        reason=text,
        provenance=text,
        problem=text,
        tags=(text,),
    )


def batch() -> str:
    """Give the file of a batch that asks one question twice."""
    measure = Measure(
        id="rating",
        description="D",
        type="ai",
        line=1,
        prompt="Rate it.",
        output="number",
        range=(1, 10),
    )
    question = question_of(measure, model="m", texts={"answer": "A"}, parameters={})
    asked = Asked(case="a/b.md", measure=measure, question=question, samples=(0, 2))
    return write_batch(
        Batch(id="0123456789ab", model="m", submitted_s=1_795_000_000, asked=(asked,))
    )


def cases() -> list[str]:
    """Give the hand-made cases and those of the examples."""
    found = sorted(EXAMPLES.rglob("*.md"))
    texts = [path.read_text(encoding="utf-8") for path in found]
    return [CASE, YAML_CASE, *(text for text in texts if "query-text" in text)]


def recordings() -> list[str]:
    """Give the recordings of the examples."""
    found = sorted(EXAMPLES.rglob("__evalmd__/*.json"))
    return [path.read_text(encoding="utf-8") for path in found]
