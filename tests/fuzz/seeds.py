"""Valid documents of every kind that the fuzz tests start from."""

from __future__ import annotations

import json
from pathlib import Path

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


def cases() -> list[str]:
    """Give the hand-made cases and those of the examples."""
    found = sorted(EXAMPLES.rglob("*.md"))
    texts = [path.read_text(encoding="utf-8") for path in found]
    return [CASE, YAML_CASE, *(text for text in texts if "query-text" in text)]


def recordings() -> list[str]:
    """Give the recordings of the examples."""
    found = sorted(EXAMPLES.rglob("__evalmd__/*.json"))
    return [path.read_text(encoding="utf-8") for path in found]
